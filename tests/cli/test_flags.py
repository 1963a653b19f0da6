"""The command line: every flag of 0.14, its environment, and what is said of mistakes."""

import logging
import sys
from collections.abc import Callable
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

from rq_scheduler.cli import app, daemon
from rq_scheduler.cli.addresses import ConnectionOptions
from rq_scheduler.cli.daemon import DaemonOptions
from rq_scheduler.scripts import rqscheduler as home

pytestmark = pytest.mark.once

Started = tuple[ConnectionOptions, DaemonOptions]


@pytest.fixture
def invoke(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Run the command with the daemon replaced; what it would have been started with is in `.return_value`."""
    for name in ("HOST", "PORT", "DB", "PASSWORD", "URL"):
        monkeypatch.delenv(f"RQ_REDIS_{name}", raising=False)
    started: list[Started] = []

    def remember(where: ConnectionOptions, options: DaemonOptions) -> None:
        started.append((where, options))

    monkeypatch.setattr(daemon, "run_daemon", remember)

    def run(*args: str, env: dict[str, str] | None = None) -> Any:
        started.clear()
        result = CliRunner().invoke(app.rqscheduler, args, env=env)
        return (result, started[0] if started else None)

    return run


def test_the_home_of_main_is_where_0_14_had_it() -> None:
    assert home.main is app.main


def test_defaults(invoke: Callable[..., Any]) -> None:
    result, (where, options) = invoke()
    assert result.exit_code == 0, result.output
    assert where == ConnectionOptions(host="localhost", port=6379, db=0, password=None, url=None)
    assert (options.interval, options.burst, options.path, options.pid) == (1.0, False, ".", None)
    assert (options.adopt, options.rq_registries, options.rq_overdue) == (True, True, "hold")
    assert (options.take_fence, options.allow_eviction, options.adopt_timezone) == (False, False, ())


@pytest.mark.parametrize(
    ("args", "field", "value"),
    [
        (("-H", "r1"), "host", "r1"),
        (("--host", "r1"), "host", "r1"),
        (("-p", "7000"), "port", 7000),
        (("-p7000",), "port", 7000),
        (("--port=7000",), "port", 7000),
        (("-d", "3"), "db", 3),
        (("--db", "3"), "db", 3),
        (("-P", "s3cret"), "password", "s3cret"),
        (("--password", "s3cret"), "password", "s3cret"),
        (("-u", "redis://r2:1/2"), "url", "redis://r2:1/2"),
        (("--url", "rediss://r2"), "url", "rediss://r2"),
        (("--sentinel", "a:1,b:2"), "sentinel", "a:1,b:2"),
        (("--sentinel", "a", "--sentinel-master", "m1"), "sentinel_master", "m1"),
        (("--cluster",), "cluster", True),
    ],
)
def test_connection_flags(invoke: Callable[..., Any], args: tuple[str, ...], field: str, value: object) -> None:
    result, started = invoke(*args)
    assert result.exit_code == 0, result.output
    assert getattr(started[0], field) == value


@pytest.mark.parametrize(
    ("args", "field", "value"),
    [
        (("-b",), "burst", True),
        (("--burst",), "burst", True),
        (("-i", "0.25"), "interval", 0.25),
        (("--interval", "60"), "interval", 60.0),
        (("-v",), "verbose", True),
        (("--verbose",), "verbose", True),
        (("--quiet",), "quiet", True),
        (("--path", "/a:/b"), "path", "/a:/b"),
        (("--pid", "/tmp/x.pid"), "pid", "/tmp/x.pid"),
        (("-j", "my.Job"), "job_class", "my.Job"),
        (("--job-class", "my.Job"), "job_class", "my.Job"),
        (("-q", "my.Queue"), "queue_class", "my.Queue"),
        (("--queue-class", "my.Queue"), "queue_class", "my.Queue"),
        (("--serializer", "json"), "serializer", "json"),
        (("--name", "d1"), "name", "d1"),
        (("--log-format", "json"), "log_format", "json"),
        (("--no-adopt",), "adopt", False),
        (("--adopt-timezone", "Europe/Paris"), "adopt_timezone", ("Europe/Paris",)),
        (("--take-fence",), "take_fence", True),
        (("--no-rq-registries",), "rq_registries", False),
        (("--rq-overdue", "run"), "rq_overdue", "run"),
        (("--allow-eviction",), "allow_eviction", True),
    ],
)
def test_daemon_flags(invoke: Callable[..., Any], args: tuple[str, ...], field: str, value: object) -> None:
    result, started = invoke(*args)
    assert result.exit_code == 0, result.output
    assert getattr(started[1], field) == value


def test_environment(invoke: Callable[..., Any]) -> None:
    env = {"RQ_REDIS_HOST": "h", "RQ_REDIS_PORT": "7001", "RQ_REDIS_DB": "4", "RQ_REDIS_PASSWORD": "pw"}
    _, (where, _) = invoke(env=env)
    assert where == ConnectionOptions(host="h", port=7001, db=4, password="pw")
    _, (where, _) = invoke("-H", "typed", env=env)
    assert (where.host, where.port) == ("typed", 7001)
    _, (where, _) = invoke(env={"RQ_REDIS_URL": "redis://h2"})
    assert where.url == "redis://h2"


def test_url_of_the_environment_wins_as_ever_and_says_so(invoke: Callable[..., Any]) -> None:
    result, (where, _) = invoke("-H", "typed", env={"RQ_REDIS_URL": "redis://h2"})
    assert where.url == "redis://h2"
    assert "RQ_REDIS_URL is set and wins over --host" in result.output


def test_typed_sentinels_win_over_the_environments_url(invoke: Callable[..., Any]) -> None:
    _, (where, _) = invoke("--sentinel", "a:1", env={"RQ_REDIS_URL": "redis://h2"})
    assert (where.url, where.sentinel) == (None, "a:1")


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (("-p", "x"), "'x' is not a valid integer"),
        (("-p", "0"), "1<=x<=65535"),
        (("-p", "70000"), "1<=x<=65535"),
        (("-d", "-1"), "x>=0"),
        (("-i", "0"), "not a positive number of seconds"),
        (("-i", "-1"), "not a positive number of seconds"),
        (("-i", "nan"), "not a positive number of seconds"),
        (("-i", "soon"), "'soon' is not a valid float"),
        (("--log-format", "xml"), "'xml' is not one of 'text', 'json'"),
        (("--rq-overdue", "drop"), "'drop' is not one of 'run', 'hold'"),
        (("--url", "redis://h", "--sentinel", "a:1"), "--url and --sentinel exclude each other"),
        (("--bust",), "No such option"),
        (("chekc",), "No such command"),
    ],
)
def test_mistakes(invoke: Callable[..., Any], args: tuple[str, ...], says: str) -> None:
    result, started = invoke(*args)
    assert result.exit_code == 2
    assert says in result.output
    assert "Traceback" not in result.output
    assert started is None


def test_a_bad_variable_is_a_clear_error(invoke: Callable[..., Any]) -> None:
    result, _ = invoke(env={"RQ_REDIS_PORT": "redis"})
    assert result.exit_code == 2
    assert "'redis' is not a valid integer" in result.output


def test_version(invoke: Callable[..., Any]) -> None:
    result, _ = invoke("--version")
    assert result.output.startswith("rqscheduler 1.0.0")


def test_help_names_the_subcommands(invoke: Callable[..., Any]) -> None:
    result, _ = invoke("--help")
    for name in ("check", "demo", "dev", "--sentinel-master", "RQ_REDIS_URL"):
        assert name in result.output


def test_connection_flags_stand_before_or_after_a_subcommand(monkeypatch: pytest.MonkeyPatch) -> None:
    from rq_scheduler.cli.options import connection_options, gather_connection

    seen: list[ConnectionOptions] = []

    @click.command("probe")
    @connection_options
    @click.pass_context
    def probe(ctx: click.Context, /, **params: Any) -> None:
        seen.append(gather_connection(ctx, params))

    monkeypatch.setitem(app.rqscheduler.commands, "probe", probe)
    env = {"RQ_REDIS_DB": "5"}
    for args in (["-p", "7000", "probe", "-H", "a"], ["probe", "-p", "7000", "-H", "a"], ["-H", "b", "probe", "-p",
                 "7000", "-H", "a"]):  # fmt: skip
        result = CliRunner().invoke(app.rqscheduler, args, env=env)
        assert result.exit_code == 0, result.output
    assert seen == [ConnectionOptions(host="a", port=7000, db=5)] * 3


def test_levels() -> None:
    from rq_scheduler.cli.logs import level_for

    assert (level_for(True, False), level_for(False, True), level_for(False, False), level_for(True, True)) == (
        logging.DEBUG,
        logging.WARNING,
        logging.INFO,
        logging.DEBUG,
    )


def test_the_module_runs_as_a_script() -> None:
    assert sys.modules["rq_scheduler.scripts.rqscheduler"].__all__ == ["main"]
