"""What type checkers and completion say of the public API: as applications see it, which have the package installed.

`right.py` and `wrong.py` are checked by mypy and pyright, both strict; the snippets of the README and the docs less
strictly, since those are written for people. An error that is expected and does not come is an error too.
"""

import inspect
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any, get_type_hints

import pytest

import rq_scheduler
from rq_scheduler import (
    AnyOf,
    Cron,
    Dates,
    Every,
    Holidays,
    Schedule,
    Scheduler,
    embedded,
    errors,
    model,
    runs,
    testing,
    utils,
)
from rq_scheduler.client import quarantine, schedules
from rq_scheduler.client.schedules import Schedules
from rq_scheduler.schedule_options import Options

HERE = Path(__file__).parent

# The command line, since click's decorators have no types that could be written; and what Django finds by itself, whose
# classes have none here.
NO_API = (
    "rq_scheduler.cli.",
    *(
        f"rq_scheduler.contrib.django.{name}."
        for name in ("admin", "apps", "console", "management", "migrations", "models")
    ),
)
ROOT = HERE.parents[1]
BIN = Path(sys.executable).parent

SHOP = {
    "__init__": "",
    "tasks": "def report(kind: str = '', to: str | None = None) -> None: ...\ndef clean_up() -> None: ...\n"
    "def bill() -> None: ...\ndef remind(user: int) -> None: ...\n",
    "app": "from redis import Redis\nfrom rq_scheduler import Scheduler\nscheduler = Scheduler(connection=Redis())\n",
    "nightly": "",
}
"""The application of the docs' snippets."""

WHOLE = "scheduler = "
"""What a snippet holds that needs none from elsewhere."""

LENIENT = "# pyright: standard\n# mypy: allow-untyped-defs, allow-untyped-calls\n"


def run(program: str, *args: str, cwd: Path, **env: str) -> subprocess.CompletedProcess[str]:
    path = f"{BIN}{os.pathsep}{os.environ['PATH']}"  # pyright looks for the packages of the python on PATH
    return subprocess.run(
        [BIN / program, *args], cwd=cwd, env=os.environ | {"PATH": path} | env, capture_output=True, text=True
    )


def _is_awaited(symbol: dict[str, Any]) -> bool:
    said = [diagnostic["message"] for diagnostic in symbol["diagnostics"]]
    # A class that has such methods has nothing said of itself.
    return "Async" in symbol["name"] and all(re.search(r"Inferred type is \"(awaited|listed)\[", each) for each in said)


def snippets() -> dict[str, str]:
    """The Python of the README and the docs, by name."""
    found: dict[str, str] = {}
    for page in (ROOT / "README.md", *(ROOT / "docs").glob("*.md")):
        blocks = re.findall(r"^```python\n(.*?)^```", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
        for number, text in enumerate(blocks):
            before = "" if WHOLE in text or "shop.app" in text else "from shop.app import scheduler\n"
            found[f"{page.stem.lower()}_{number}"] = LENIENT + before + text
    return found


@pytest.fixture(scope="module")
def checked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of examples and snippets, as an application's."""
    folder = tmp_path_factory.mktemp("typed")
    for name in ("right.py", "wrong.py"):
        shutil.copy(HERE / name, folder)
    settings = json.loads((HERE / "pyrightconfig.json").read_text())
    (folder / "pyrightconfig.json").write_text(
        json.dumps(settings | {"venvPath": str(BIN.parents[1]), "venv": BIN.parent.name})
    )
    (folder / "shop").mkdir()
    for name, text in SHOP.items():
        (folder / "shop" / f"{name}.py").write_text(text)
    for name, text in snippets().items():
        (folder / f"{name}.py").write_text(text)
    return folder


@pytest.mark.slow  # and `make lint` runs it
@pytest.mark.newest_only
@pytest.mark.timeout(300)
class TestCheckers:
    def test_pyright(self, checked: Path) -> None:
        done = run("pyright", cwd=checked)
        assert done.returncode == 0, done.stdout

    def test_mypy(self, checked: Path) -> None:
        done = run("mypy", "--strict", "--config-file=", f"--cache-dir={ROOT / '.mypy_cache'}", ".", cwd=checked)
        assert done.returncode == 0, done.stdout

    def test_each_mistake_is_expected_of_both(self) -> None:
        lines = (HERE / "wrong.py").read_text(encoding="utf-8").splitlines()
        marked = [line for line in lines if "# type: ignore[" in line]
        assert len(marked) > 70
        assert marked == [line for line in lines if "# pyright: ignore[" in line]

    def test_every_name_has_a_type(self, tmp_path: Path) -> None:
        done = run(
            "pyright", "--verifytypes", "rq_scheduler", "--ignoreexternal", "--outputjson",
            cwd=tmp_path, PYTHONPATH=str(Path(rq_scheduler.__file__).parents[1]),
        )  # fmt: skip
        symbols: list[dict[str, Any]] = json.loads(done.stdout)["typeCompleteness"]["symbols"]
        assert len(symbols) > 1000
        known = [
            symbol["name"]
            for symbol in symbols
            # An awaited method has its type of the synchronous one; right.py holds both checkers to the same.
            if (symbol["isTypeKnown"] and not symbol["isTypeAmbiguous"]) or _is_awaited(symbol)
        ]
        unknown = {symbol["name"] for symbol in symbols}.difference(known)
        assert [name for name in sorted(unknown) if not name.startswith(NO_API)] == []


class TestWhatPeopleAreShown:
    """By help(), and by completion in a shell, which look at what runs."""

    def test_constructors_show_what_callers_write(self) -> None:
        assert list(inspect.signature(Every).parameters)[:3] == ["every", "weeks", "days"]
        assert str(inspect.signature(AnyOf)) == "(*triggers: 'AnyTrigger')"
        assert list(inspect.signature(Dates).parameters) == ["days", "timezone"]
        assert list(inspect.signature(Holidays).parameters) == ["country", "subdivision", "timezone"]
        assert list(inspect.signature(Cron).parameters) == ["expression", "timezone", "day_match"]

    def test_a_schedule_shows_each_option_with_its_default(self) -> None:
        parameters = inspect.signature(Schedule).parameters
        assert list(parameters)[:3] == ["id", "trigger", "func"]
        assert set(parameters) - {"id", "trigger", "func"} == set(get_type_hints(Options))
        assert (parameters["overlap"].default, parameters["overlap"].annotation) == ("skip", "Overlap")
        assert inspect.signature(Schedule).bind("a", Every(5), print, note="x").arguments["note"] == "x"

    @pytest.mark.parametrize(
        "module", [rq_scheduler, embedded, errors, model, quarantine, runs, schedules, testing, utils]
    )
    def test_all_that_is_public_is_described(self, module: ModuleType) -> None:
        for kind in (getattr(module, name) for name in module.__all__):
            if not inspect.isclass(kind):
                assert not callable(kind) or kind.__doc__
                continue
            for base in (base for base in kind.__mro__ if base.__module__.startswith("rq_scheduler")):
                public = [each for name, each in vars(base).items() if not name.startswith("_")]
                calls = [each for each in public if inspect.isroutine(each) or isinstance(each, property)]
                assert [each for each in (base, *calls) if not each.__doc__] == []

    @pytest.mark.parametrize(
        "call", [Schedules.put, Schedules.update, Schedules.get, Scheduler, Scheduler.schedule, Scheduler.enqueue_many]
    )
    def test_annotations_can_be_looked_up(self, call: Any) -> None:
        assert get_type_hints(call.__init__ if inspect.isclass(call) else call)
