"""What the start of a command, and of an application, imports. Counted in modules: seconds depend on the machine."""

import ast
import inspect
import json
import subprocess
import sys

import click
import pytest

import rq_scheduler
from rq_scheduler.cli.app import rqscheduler
from rq_scheduler.cli.lazy import LazyCommand

pytestmark = pytest.mark.once

HEAVY = {"redis", "rq", "msgspec", "rich", "croniter"}


def imported(code: str) -> set[str]:
    """The modules that a new interpreter has after this code."""
    code += "\nimport sys, json; print('\\n' + json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout.splitlines()[-1]))


def after(*args: str) -> set[str]:
    """The modules that a command has imported when it ends."""
    return imported(
        f"from rq_scheduler.cli.app import rqscheduler\n"
        f"rqscheduler({args!r}, prog_name='rqscheduler', standalone_mode=False)"
    )


def ours(modules: set[str]) -> set[str]:
    return {name for name in modules if name.partition(".")[0] == "rq_scheduler"}


@pytest.mark.parametrize("flag", ["--version", "--help"])
def test_the_version_and_the_help_import_next_to_nothing(flag: str) -> None:
    modules = after(flag)
    assert not HEAVY & modules
    assert ours(modules) == {
        "rq_scheduler",
        "rq_scheduler._version",
        "rq_scheduler.cli",
        "rq_scheduler.cli.addresses",
        "rq_scheduler.cli.app",
        "rq_scheduler.cli.redaction",
        "rq_scheduler.cli.lazy",
        "rq_scheduler.cli.options",
        "rq_scheduler.cli.site",
    }


def test_a_command_that_looks_imports_neither_the_dispatcher_nor_what_other_commands_need() -> None:
    modules = after("list", "--help")
    assert not {"croniter", "rq.cron", "rq_scheduler.dispatcher", "rq_scheduler.embedded"} & modules
    assert not [name for name in modules if name.startswith(("rq_scheduler.cli.demo", "rq_scheduler.client.upgrade"))]


def test_the_package_imports_what_is_asked_of_it() -> None:
    assert ours(imported("import rq_scheduler")) == {"rq_scheduler", "rq_scheduler._version"}
    assert not {"redis", "rq"} & imported("from rq_scheduler import Cron, Every, Schedule")
    assert "rq_scheduler.dispatcher" not in imported("from rq_scheduler import Scheduler")
    assert "rq_scheduler.utils" in imported("import rq_scheduler; rq_scheduler.scheduler.Scheduler, rq_scheduler.utils")


def test_every_public_name_is_there_and_listed() -> None:
    assert set(rq_scheduler.__all__) <= set(dir(rq_scheduler))
    for name in rq_scheduler.__all__:
        assert getattr(rq_scheduler, name) is not None
    with pytest.raises(AttributeError, match="'rq_scheduler' has no attribute 'Schedular'"):
        _ = rq_scheduler.Schedular


def test_type_checkers_and_the_interpreter_read_the_same_names() -> None:
    """The imports that only type checkers see, and the table that the interpreter goes by."""
    (branch,) = [node for node in ast.parse(inspect.getsource(rq_scheduler)).body if isinstance(node, ast.If)]
    seen = {
        name.name: node.module.removeprefix("rq_scheduler.")
        for node in branch.body
        if isinstance(node, ast.ImportFrom) and node.module
        for name in node.names
    }
    assert seen == vars(rq_scheduler)["_HOMES"]
    assert {*seen, "VERSION", "__version__"} == set(rq_scheduler.__all__)


@pytest.mark.parametrize("name", list(rqscheduler.commands))
def test_the_help_says_of_each_command_what_the_command_says_itself(name: str) -> None:
    stand_in = rqscheduler.commands[name]
    assert isinstance(stand_in, LazyCommand)
    command = stand_in.load()
    assert isinstance(command, click.Command)
    assert command.name == name
    assert stand_in.short_help == command.get_short_help_str(200)
    assert len(f"  quarantine  {stand_in.short_help}") < 80, "one line on a narrow screen"
