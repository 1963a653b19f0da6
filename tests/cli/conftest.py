"""What the tests of the commands share."""

import inspect
import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from click.testing import CliRunner

from rq_scheduler.cli.app import rqscheduler


@pytest.fixture(autouse=True)
def _nothing_from_outside(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("HOST", "PORT", "DB", "PASSWORD", "URL"):
        monkeypatch.delenv(f"RQ_REDIS_{name}", raising=False)
    monkeypatch.setenv("RQS_TIMEZONE", "UTC")
    path = list(sys.path)
    yield
    sys.path[:] = path


@dataclass(frozen=True)
class Said:
    """What a command came to: `output` is both streams."""

    exit_code: int
    stdout: str
    stderr: str

    @property
    def output(self) -> str:
        return self.stdout + self.stderr


def typed(url: str, *words: str) -> str:
    """A command line that is shown to somebody who gave that URL."""
    return " ".join(["rqscheduler", "--url", url, *words])


@pytest.fixture
def cli(redis_url: str) -> Callable[..., Said]:
    """Run the command on the shared server: `cli("list", input="...")`."""
    # click 8.1 keeps the streams apart only if it is told to; later ones know no such option.
    apart = {"mix_stderr": False} if "mix_stderr" in inspect.signature(CliRunner.__init__).parameters else {}

    def run(*args: str, input: str | None = None) -> Said:
        result = CliRunner(**apart).invoke(rqscheduler, ["--url", redis_url, *args], input=input)
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        return Said(result.exit_code, result.stdout, result.stderr)

    return run


@pytest.fixture
def text(cli: Callable[..., Said]) -> Callable[..., str]:
    """Run it, expect it to end well, and return what it printed."""

    def run(*args: str, **options: Any) -> str:
        said = cli(*args, **options)
        assert said.exit_code == 0, said.output
        return said.stdout

    return run


@pytest.fixture
def document(text: Callable[..., str]) -> Callable[..., Any]:
    """The same with --json, read."""
    return lambda *args: json.loads(text(*args, "--json"))
