"""Dotted names: found by the rules of RQ's workers, or an error that says which part of the name is at fault."""

import pkgutil
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from redis import Redis
from rq.utils import import_attribute

from rq_scheduler import Scheduler
from rq_scheduler.cli.app import rqscheduler
from rq_scheduler.dotted import find
from rq_scheduler.errors import InvalidArgument, SchedulerWarning

pytestmark = pytest.mark.once


@pytest.fixture(autouse=True)
def application(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A package with good and bad modules, importable."""
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "dshop"
    folder.mkdir()
    for name, text in {
        "__init__": "",
        "exports": (
            "def export(): ...\nclass Box:\n    @staticmethod\n    def pack(): ...\n    class In:\n        f = len\n"
        ),
        "broken": "\n1 / 0\n",
        "needy": "import dshop_is_missing\n",
        "odd": "def f(:\n",
        "leaving": "raise SystemExit(3)\n",
    }.items():
        (folder / f"{name}.py").write_text(text)
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        if name.startswith("dshop"):
            del sys.modules[name]


@pytest.mark.parametrize(
    "name", ["dshop.exports.export", "dshop.exports.Box.pack", "os.path.join", "print", "json.dumps"]
)
def test_what_is_there_is_what_workers_find(name: str) -> None:
    assert find(name) is import_attribute(name)


def test_a_module_may_have_a_dash_in_its_name(application: Path) -> None:
    (application / "dshop" / "my-jobs.py").write_text("def send(): ...\n")
    assert find("dshop.my-jobs.send") is import_attribute("dshop.my-jobs.send")


WRONG = [
    ("dshopp.exports.export", "no module 'dshopp'", "Did you mean dshop?"),
    ("dshop.export.export", "no module 'dshop.export'", "Did you mean dshop.exports?"),
    ("dshop.exports.exprot", "dshop.exports has no 'exprot'", "Did you mean dshop.exports.export?"),
    ("dshop.exports.Box.pakc", "dshop.exports.Box has no 'pakc'", "Did you mean dshop.exports.Box.pack?"),
    ("dshop.exports.Bax.pack", "dshop.exports has no 'Bax'", "Did you mean dshop.exports.Box?"),
    ("dshop.broken.f", "importing dshop.broken failed: ZeroDivisionError: division by zero", "broken.py:2"),
    ("dshop.needy.f", "dshop.needy imports 'dshop_is_missing', which is missing", ""),
    ("dshop.odd.f", "importing dshop.odd failed: SyntaxError", "odd.py:1"),
    ("dshop.leaving.f", "importing dshop.leaving failed: SystemExit: 3", "leaving.py:1"),
    ("dshop.exports.Box.In.f", "is nested too deep", ""),
    ("report", "is not a dotted path", ""),
    ("dshop..f", "is not a dotted path", ""),
    ("dshop.exports:export", "is not a dotted path", ""),
    ("dshop.exports.export()", "is not a dotted path", ""),
    ("dshop/exports.export", "is not a dotted path", ""),
    (".dshop.exports.export", "is not a dotted path", ""),
    ("dshop.exports.export ", "is not a dotted path", ""),
    ("", "is not a dotted path", ""),
]


@pytest.mark.parametrize(("name", "part", "more"), WRONG)
def test_which_part_is_wrong(name: str, part: str, more: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        find(name)
    assert part in str(caught.value)
    assert more in str(caught.value)


@pytest.mark.parametrize(("name", "part", "more"), [one for one in WRONG if one[0]])
def test_put_sync_and_classes_say_so(redis: Redis, redis_url: str, name: str, part: str, more: str) -> None:
    Path("s.toml").write_text(f'[schedules.nightly]\nfunc = "{name}"\nevery = "1h"\n')
    for args in (["put", "x", name, "--every", "1h"], ["sync", "s.toml", "--owner", "me"]):
        said = CliRunner().invoke(rqscheduler, [args[0], "--url", redis_url, *args[1:]]).output
        if not ("nested" in part or "not a dotted" in part):
            assert part in said
            assert more in said
            assert f"{name} cannot be imported here" in said
            assert ("s.toml: schedule 'nightly'" in said) == (args[0] == "sync")
    for option in ("--job-class", "--queue-class", "--serializer"):
        result = CliRunner().invoke(rqscheduler, ["list", "--url", redis_url, option, name])
        assert result.exit_code == 2, result.output
        assert part in result.output
    with pytest.raises(InvalidArgument) as caught:
        Scheduler(connection=redis, queue_class=name)
    assert part in str(caught.value)


def test_a_sync_notes_each_function_and_writes_all_the_same(redis: Redis, redis_url: str) -> None:
    Path("s.toml").write_text(
        '[schedules.a]\nfunc = "dshop.exports.export"\nevery = "1h"\n'
        '[schedules.b]\nfunc = "dshop.export.export"\nevery = "1h"\n'
        '[schedules.c]\nfunc = "dshop.exports"\nevery = "1h"\n'
    )
    for flags in (["--dry-run"], []):
        result = CliRunner().invoke(rqscheduler, ["sync", "--url", redis_url, "s.toml", "--owner", "me", *flags])
        assert result.exit_code == 0, result.output
        assert "schedule 'a'" not in result.output
        assert "schedule 'b': dshop.export.export cannot be imported here" in result.output
        assert "schedule 'c': dshop.exports cannot be imported here: it cannot be called" in result.output
    assert len(Scheduler(connection=redis).schedules) == 3


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('[schedules.x]\nfunc = "a.b"\nevery = \n', "line 3"),
        (
            '[schedules.x]\nfunc = "a.b"\nevry = "1h"\n',
            "schedule 'x', 'evry' is no field known here: did you mean 'every'",
        ),
        ('[schedules.x]\nfunc = "a.b"\ncron = "61 * * * *"\n', "schedule 'x', "),
        ('[schedules.x]\nfunc = "a.b"\ncron = "@daily"\ntimezone = "Europe/Pariss"\n', "schedule 'x', "),
        ('[schedules.x]\nfunc = "a.b"\nevery = "soon"\n', "schedule 'x', "),
        ('[schedules.x]\nfunc = "a.b"\nevery = "-1s"\n', "schedule 'x', "),
        ('[schedules.x]\nevery = "1h"\n', "schedule 'x', "),
        ('[schedules.x]\nfunc = "a.b"\n', "schedule 'x', nothing to say when it runs"),
        ('[schedules.x]\nfunc = 5\nevery = "1h"\n', "schedule 'x', func"),
        ('[schedules.x]\nfunc = "a.b"\nevery = "1h"\nqueue_name = ""\n', "schedule 'x'"),
        ('[schedules.x]\nfunc = "a.b"\nevery = "1h"\noverlap = "skipp"\n', "schedule 'x', overlap"),
        ('[schedules."x y"]\nfunc = "a.b"\nevery = "1h"\n', "schedule 'x y'"),
        ('[schedules.x]\nfunc = "dshop.exports.export"\nevery = "1h"\nargs = [1]\n', "schedule 'x'"),
        ('[schedules.x]\nfunc = ""\nevery = "1h"\n', "schedule 'x'"),
        ('[schedules.x]\nfunc = "a.b"\nevery = "1h"\nretry = {max = 0}\n', "schedule 'x'"),
        ('[schedules.x]\nfunc = "a.b"\nevery = "1h"\ndepends_on = [5]\n', "schedule 'x'"),
        ("schedules = 5\n", "no mapping named schedules"),
    ],
)
def test_what_is_wrong_in_a_file_names_the_file_and_the_schedule(
    redis: Redis, redis_url: str, text: str, says: str
) -> None:
    Path("s.toml").write_text(text)
    result = CliRunner().invoke(rqscheduler, ["sync", "--url", redis_url, "s.toml", "--owner", "me"])
    assert result.exit_code == 1, result.output
    error = next(line for line in result.output.splitlines() if line.startswith("Error"))
    assert "s.toml" in error
    assert says in error
    with pytest.raises(Exception, match=r"s\.toml") as caught:
        Scheduler(connection=redis).schedules.sync("s.toml", "me")
    assert says in str(caught.value)


def test_a_module_that_ends_the_process_does_not_end_this_one(redis: Redis, redis_url: str) -> None:
    result = CliRunner().invoke(rqscheduler, ["put", "--url", redis_url, "x", "dshop.leaving.f", "--every", "1h"])
    assert result.exit_code == 0, result.output
    assert "importing dshop.leaving failed: SystemExit: 3" in result.output
    scheduler = Scheduler(connection=redis)
    assert "x" in scheduler.schedules
    with pytest.warns(SchedulerWarning, match="unique="):
        scheduler.enqueue_in(timedelta(hours=1), "dshop.leaving.f", unique=True)
    assert CliRunner().invoke(rqscheduler, ["check", "--url", redis_url]).exit_code in (0, 1)


def test_the_path_is_looked_through_once_for_a_name_that_many_have(monkeypatch: pytest.MonkeyPatch) -> None:
    """It takes 10 ms, and a dispatcher may meet thousands of jobs that name one missing class in each pass."""
    looks: list[object] = []
    real = pkgutil.iter_modules
    monkeypatch.setattr(pkgutil, "iter_modules", lambda *args: looks.append(args) or real(*args))
    for _ in range(3):
        with pytest.raises(InvalidArgument, match="Did you mean dshop"):
            find("dshopp.exports.export")
    assert len(looks) == 1
