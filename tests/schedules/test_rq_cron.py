"""What `rq cron` takes, read as schedules: the same functions, options and instants as in RQ."""

import importlib.util
import json
import logging
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import redis as redis_py
import rq
import rq.cron
from croniter import croniter

import jobs_for_tests as jobs
from rq_scheduler import Scheduler
from rq_scheduler.client.schedules import Schedules
from rq_scheduler.client.schedules.files import definitions_from
from rq_scheduler.client.schedules.rq_cron import read_rq_cron
from rq_scheduler.errors import InvalidArgument, SchedulerWarning
from rq_scheduler.model import Schedule
from rq_scheduler.triggers import Cron, Every
from support import environment

HEAD = "import rq.cron\nimport jobs_for_tests as jobs\nfrom rq.cron import register\n"

Config = Callable[..., str]


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Config]:
    """Write a configuration; the path of the file. Its folder is the working directory, and on the import path."""
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TZ", "UTC")
    before = set(sys.modules)

    def write(body: str, name: str = "shop_cron.py") -> str:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(HEAD + body, encoding="utf-8")
        # Python tells two texts of one length, written within a second, by nothing.
        Path(importlib.util.cache_from_source(str(path))).unlink(missing_ok=True)
        importlib.invalidate_caches()
        return str(path)

    yield write
    for name in set(sys.modules) - before:
        if name.startswith(("shop_", "rq_cron_config_")):
            del sys.modules[name]


def read(path: str, timezone: str = "UTC") -> list[Schedule]:
    return read_rq_cron(path, timezone)


def ids(path: str) -> list[str]:
    return [schedule.id for schedule in read(path)]


def refusal(path: str) -> str:
    with pytest.raises(InvalidArgument) as raised:
        read(path)
    assert path in str(raised.value)
    return str(raised.value)


# --- loading ---


FORMS = ["absolute", "relative", "module", "package file", "package module"]


@pytest.mark.parametrize("form", FORMS)
def test_a_file_or_a_module_is_found_as_rq_finds_it(config: Config, form: str) -> None:
    body = "register(jobs.nothing, 'default', interval=60)\n"
    path = config(body)
    config(body, "shop_pack/crons.py")
    named = dict(zip(FORMS, [path, "shop_cron.py", "shop_cron", "shop_pack/crons.py", "shop_pack.crons"], strict=True))[
        form
    ]
    (schedule,) = read_rq_cron(named)
    assert schedule == Schedule(
        "jobs_for_tests-nothing",
        Every(60),
        jobs.nothing,
        queue_name="default",
        result_ttl=500,
        failure_ttl=None,
        overlap="allow",
    )
    assert definitions_from(named) == [schedule]


def test_a_relative_path_that_is_no_module_name_is_taken_as_a_file(config: Config, tmp_path: Path) -> None:
    config("register(jobs.nothing, 'default', interval=60)\n", "my-crons.py")
    (tmp_path / "shop_sub").mkdir()
    assert ids("my-crons.py") == ids("shop_sub/../my-crons.py") == ["jobs_for_tests-nothing"]


def test_two_reads_give_the_same_and_rqs_registry_stays(config: Config) -> None:
    config("register(jobs.nothing, 'default', interval=60)\n")
    rq.cron.register(jobs.echo, "mine", interval=5)
    collected = rq.cron._job_data_registry
    kept = list(collected)
    try:
        for source in ("shop_cron", "shop_cron.py", str(Path("shop_cron.py").resolve())):
            assert read(source) == read(source)
            assert rq.cron._job_data_registry is collected
            assert collected == kept
    finally:
        collected.clear()


def test_the_registry_stays_when_the_file_fails(config: Config) -> None:
    collected = rq.cron._job_data_registry
    refusal(config("register(jobs.nothing, 'default', interval=60)\n1 / 0\n"))
    assert rq.cron._job_data_registry is collected
    assert collected == []


def test_reading_prints_nothing_and_leaves_logging_alone(config: Config) -> None:
    path = config("register(jobs.nothing, 'default', interval=60)\n")
    script = (
        "import logging, sys\nfrom rq_scheduler.client.schedules.rq_cron import read_rq_cron\n"
        "assert read_rq_cron(sys.argv[1], 'UTC')\nlogger = logging.getLogger('rq.cron')\n"
        "assert (logger.handlers, logger.propagate, logger.level) == ([], True, 0)\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", script, path],
        capture_output=True,
        text=True,
        env=environment(),
        check=False,
    )
    assert (run.returncode, run.stdout, run.stderr) == (0, "", "")
    assert logging.getLogger("rq.cron").propagate


# --- options ---


def test_every_option_of_register_is_taken_over(config: Config) -> None:
    path = config(
        "register(jobs.add, 'mail', args=(1,), kwargs={'b': 2}, cron='0 6 * * mon', job_timeout=60, result_ttl=100,\n"
        "    ttl=200, failure_ttl=300, meta={'team': 'x'})\n"
    )
    assert read(path) == [
        Schedule(
            "jobs_for_tests-add",
            Cron("0 6 * * mon"),
            jobs.add,
            args=(1,),
            kwargs={"b": 2},
            queue_name="mail",
            job_timeout=60,
            result_ttl=100,
            ttl=200,
            failure_ttl=300,
            meta={"team": "x"},
            overlap="allow",
        )
    ]


@pytest.mark.newest_only
def test_names_and_webhooks_are_taken_over_where_rq_has_them(config: Config) -> None:
    path = config(
        "from rq import Webhook\n"
        "register(jobs.nothing, 'a', interval=60, name='Nightly report',\n"
        "    webhooks=[Webhook('https://x.org', 'failed')])\n"
        "register(jobs.nothing, 'a', interval=60, name='日本')\n"
    )
    one, other = read(path)
    assert (one.id, one.webhooks) == ("Nightly-report", [rq.Webhook("https://x.org", "failed")])
    assert other.id == "jobs_for_tests-nothing"


def test_register_has_no_option_that_is_not_known_here(config: Config) -> None:
    """A newer RQ may have more of them: then they have to be mapped, and until then they are refused."""
    import inspect

    from rq_scheduler.client.schedules import rq_cron

    known = {*rq_cron._OPTIONS, *rq_cron._TRANSLATED}
    assert set(inspect.signature(rq.cron.register).parameters) <= known
    path = config("rq.cron._job_data_registry.append({**register(jobs.nothing, 'a', interval=5), 'colour': 'red'})\n")
    assert "jobs_for_tests.nothing: colour='red' is an option that no schedule has" in refusal(path)


# --- cron strings ---


# In UTC, where croniter and Debian's rules cannot differ over changes of the clock.
EXPRESSIONS = [
    "30 2 * * *",
    "*/15 * * * *",
    "0 9-17 * * mon-fri",
    "0 0 1,15 * 5",
    "0 0 13 * FRI",
    "0 0 */2 * mon",
    "0 0 */1 * mon",
    "0 0 1 * */2",
    "0 0 5,*/10 * mon",
    "0 0 */2 * */3",
    "0 0 */2 * *",
    "0 0 * * */2",
    "0 0 ? * mon",
    "0 0 L * *",
    "0 0 * * mon#2",
    "0 0 * * L5",
    "0 0 * jan,feb *",
    "0 0 29 2 *",
    "5/20 * * * *",
    "* * * * * 30",
    "*/5 * * * * */20",
    "0 0 1 * mon 15",
    "0 0 1 * */3 15",
    "0 12 * * * 0 2026-2028",
    "@hourly",
    "@daily",
    "@midnight",
    "@weekly",
    "@monthly",
    "@yearly",
    "@annually",
]


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_a_cron_string_means_what_it_means_to_rq(config: Config, expression: str) -> None:
    (schedule,) = read(config(f"register(jobs.nothing, 'a', cron={expression!r})\n"))
    start = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
    theirs = croniter(expression, start)
    assert schedule.trigger.upcoming(12, after=start) == [theirs.get_next(datetime) for _ in range(12)]


def test_cron_strings_are_read_in_the_zone_given(config: Config) -> None:
    path = config("register(jobs.nothing, 'a', cron='30 2 * * *')\n")
    assert read(path, "Europe/Paris")[0].trigger == Cron("30 2 * * *", timezone="Europe/Paris")
    assert read_rq_cron(path)[0].trigger == Cron("30 2 * * *", timezone="UTC")


@pytest.mark.newest_only
def test_where_rq_would_read_local_time_the_default_warns(config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Europe/Paris")
    path = config("register(jobs.nothing, 'a', cron='30 2 * * *')\n")
    with pytest.warns(SchedulerWarning, match="in local time, here Europe/Paris; give rq_timezone='Europe/Paris'"):
        assert read_rq_cron(path)[0].trigger == Cron("30 2 * * *", timezone="UTC")
    read_rq_cron(path, "UTC")
    read_rq_cron(config("register(jobs.nothing, 'a', interval=60)\n"))


@pytest.mark.newest_only
def test_and_where_local_time_has_no_name(config: Config, host_in: Callable[[str], None]) -> None:
    host_in("CET-1CEST,M3.5.0,M10.5.0/3")
    path = config("register(jobs.nothing, 'a', cron='30 2 * * *')\n")
    with pytest.warns(SchedulerWarning, match="here this host's zone, TZ=.*; give rq_timezone='Area/City'"):
        read_rq_cron(path)


# --- ids ---


SEVERAL = """
register(jobs.nothing, 'default', interval=60)
register(jobs.echo, 'default', args=('weekly',), kwargs={'to': 'ops', 'tags': {'x', 'y', 'z'}}, cron='0 6 * * 1')
register(jobs.echo, 'default', args=('daily',), cron='0 6 * * *')
register(jobs.echo, 'default', args=('daily',), cron='0 18 * * *')
register(jobs.echo, 'other', args=('daily',), cron='0 6 * * *')
register(jobs.Greeter().greet, 'default', args=('ann',), interval=5)
"""


def test_several_of_one_function_are_told_apart(config: Config) -> None:
    found = ids(config(SEVERAL))
    assert len(set(found)) == 6
    assert found[0] == "jobs_for_tests-nothing"
    assert found[5] == "jobs_for_tests-Greeter-greet"
    assert all(id.startswith("jobs_for_tests-echo-") for id in found[1:5])


def test_ids_do_not_depend_on_the_order_of_the_calls(config: Config) -> None:
    forwards = ids(config(SEVERAL))
    backwards = ids(config("\n".join(reversed(SEVERAL.strip().splitlines())) + "\n"))
    assert backwards == forwards[::-1]


@pytest.mark.once
def test_ids_are_the_same_in_every_process(config: Config) -> None:
    path = config(SEVERAL)
    script = (
        "import json, sys\nfrom rq_scheduler.client.schedules.rq_cron import read_rq_cron\n"
        "print(json.dumps([schedule.id for schedule in read_rq_cron(sys.argv[1], 'UTC')]))\n"
    )
    for seed in ("1", "2"):
        told = subprocess.run(
            [sys.executable, "-c", script, path],
            capture_output=True,
            text=True,
            env=environment({"PYTHONHASHSEED": seed}),
            check=True,
        )
        assert json.loads(told.stdout) == ids(path)


def test_a_changed_cron_string_keeps_its_id_where_arguments_tell_apart(config: Config) -> None:
    body = "register(jobs.echo, 'a', args=(1,), cron='0 6 * * *')\nregister(jobs.echo, 'a', args=(2,), interval=5)\n"
    assert ids(config(body)) == ids(config(body.replace("0 6", "0 7")))


def test_the_same_registration_twice_runs_twice_as_in_rq(config: Config) -> None:
    assert ids(config("for _ in range(3): register(jobs.nothing, 'a', interval=5)\n")) == [
        "jobs_for_tests-nothing",
        "jobs_for_tests-nothing-2",
        "jobs_for_tests-nothing-3",
    ]


# --- mistakes ---


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("", "registers nothing: call rq.cron.register(func, queue_name, cron=...) in it"),
        ("x = 1 / 0\n", "cannot be loaded: ZeroDivisionError: division by zero ("),
        ("x = = 1\n", "cannot be loaded: SyntaxError: invalid syntax (shop_cron.py, line 4)"),
        ("raise SystemExit(3)\n", "cannot be loaded: SystemExit: 3 ("),
        ("register(jobs.echo, 'a', interval=5, args=5)\n", "jobs_for_tests.echo: 'int' object is not iterable"),
        ("import module_that_is_not_there\n", "no module named 'module_that_is_not_there' is found"),
        ("register('jobs_for_tests.echo', 'a', interval=5)\n", "cannot be loaded: AttributeError: 'str' object"),
        ("register(lambda: None, 'a', interval=5)\n", "is a lambda, and workers import functions by name"),
        ("def mine(): pass\nregister(mine, 'a', interval=5)\n", "mine: it is defined in the file itself"),
        ("register(jobs.echo, 'a')\n", "jobs_for_tests.echo: cron=None, interval=None: give exactly one of the two"),
        ("register(jobs.echo, 'a', interval=5, cron='@daily')\n", "give exactly one of the two"),
        ("register(jobs.echo, 'a', interval=-5)\n", "jobs_for_tests.echo: an interval of -5 seconds never moves on"),
        ("register(jobs.echo, 'a', cron='61 * * * *')\n", "jobs_for_tests.echo: cron='61 * * * *': "),
        ("register(jobs.echo, 'a', cron='0 22-2 * * *')\n", "write it as two ranges: '22-23,0-2'"),
        ("register(jobs.echo, 'a', cron='nonsense')\n", "cron='nonsense': "),
    ],
    ids=lambda value: value[:40].strip() or "nothing",
)
def test_a_mistake_names_the_file_and_the_function(config: Config, body: str, says: str) -> None:
    assert says in refusal(config(body))


def test_an_error_names_the_line_of_the_file(config: Config) -> None:
    path = config("\nx = 1 / 0\n")
    assert f"({path}:5)" in refusal(path)


def test_a_function_of_a_module_that_workers_import_may_be_defined_there(config: Config) -> None:
    config("def mine(): pass\nregister(mine, 'a', interval=5)\n")
    assert ids("shop_cron") == ["shop_cron-mine"]


@pytest.mark.parametrize(
    ("named", "says"),
    [
        ("nowhere.py", "nowhere.py cannot be loaded: there is no such file (looked in "),
        ("/nowhere/crons.py", "there is no such file"),
        ("shop_nowhere.crons", "no module named 'shop_nowhere' is found: is its directory on the import path"),
    ],
)
def test_what_is_not_there_is_named(config: Config, named: str, says: str) -> None:
    assert says in refusal(named)


# --- the zone of what is stored ---


class TestTheZoneBetweenSyncs:
    NIGHTLY = "register(jobs.nothing, 'q', cron='30 2 * * *')\n"
    MORNING = "register(jobs.echo, 'q', cron='0 9 * * *')\n"

    @pytest.fixture
    def sync(self, redis: redis_py.Redis, config: Config) -> Callable[..., dict[str, str]]:
        """`sync(body, "Europe/Paris")`: the zones after a sync of such a file."""
        schedules = Scheduler(connection=redis).schedules

        def write_and_sync(body: str, rq_timezone: str | None = None, owner: str = "cron") -> dict[str, str]:
            schedules.sync(config(body), owner, rq_timezone=rq_timezone)
            found = schedules.find(owner=owner)
            return {each.id: each.trigger.timezone for each in found if isinstance(each.trigger, Cron)}

        return write_and_sync

    def test_it_is_kept_unless_it_is_given(self, sync: Callable[..., dict[str, str]]) -> None:
        id = "jobs_for_tests-nothing"
        assert sync(self.NIGHTLY) == {id: "UTC"}
        assert sync(self.NIGHTLY, "Europe/Paris") == {id: "Europe/Paris"}
        assert sync(self.NIGHTLY) == {id: "Europe/Paris"}
        assert sync(self.NIGHTLY.replace("30 2", "45 2")) == {id: "Europe/Paris"}
        assert sync(self.NIGHTLY, "UTC") == {id: "UTC"}

    def test_a_new_one_gets_that_of_the_others(self, sync: Callable[..., dict[str, str]]) -> None:
        sync(self.NIGHTLY, "Europe/Paris")
        assert set(sync(self.NIGHTLY + self.MORNING).values()) == {"Europe/Paris"}

    def test_each_keeps_its_own_where_they_differ(
        self, sync: Callable[..., dict[str, str]], redis: redis_py.Redis
    ) -> None:
        sync(self.NIGHTLY + self.MORNING, "Europe/Paris")
        Scheduler(connection=redis).schedules.change_timezone("jobs_for_tests-echo", "Asia/Tokyo")
        third = "register(print, 'q', cron='0 9 * * *')\n"
        assert sync(self.NIGHTLY + self.MORNING + third) == {
            "jobs_for_tests-nothing": "Europe/Paris",
            "jobs_for_tests-echo": "Asia/Tokyo",
            "builtins-print": "UTC",
        }

    def test_an_interval_has_none(self, sync: Callable[..., dict[str, str]]) -> None:
        assert sync("register(jobs.nothing, 'q', interval=60)\n") == {}
        assert sync(self.NIGHTLY) == {"jobs_for_tests-nothing": "UTC"}

    def test_one_that_nobody_owned_is_read_anew(
        self, sync: Callable[..., dict[str, str]], redis: redis_py.Redis
    ) -> None:
        Scheduler(connection=redis).schedules.put(
            "jobs_for_tests-nothing", Cron("1 1 * * *", "Asia/Tokyo"), jobs.nothing
        )
        assert sync(self.NIGHTLY) == {"jobs_for_tests-nothing": "UTC"}

    def test_that_it_is_not_known_is_said_only_once(
        self, sync: Callable[..., dict[str, str]], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("rq_scheduler.client.schedules.rq_cron.RQ_VERSION", "3.0.0")
        monkeypatch.setenv("TZ", "Europe/Paris")
        with pytest.warns(SchedulerWarning, match="give rq_timezone='Europe/Paris'"):
            sync(self.NIGHTLY)
        sync(self.NIGHTLY)

    @pytest.mark.parametrize("definitions", ["schedules.toml", [], None])
    def test_elsewhere_it_is_refused(
        self, redis: redis_py.Redis, definitions: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        Path("schedules.toml").write_text("[schedules.a]\nfunc = 'shop.a'\nevery = 5\n")
        schedules = Scheduler(connection=redis).schedules
        schedules.register("b", Every(60))(jobs.nothing)
        with pytest.raises(InvalidArgument, match="rq_timezone='UTC' is for"):
            schedules.sync(definitions, "cron", rq_timezone="UTC")
        assert len(schedules) == 0


# --- ids that change ---


class TestAnotherName:
    """Of RQ 3's `name`, or the hash that a second job of the same function brings: all else stays."""

    ONE = "register(jobs.echo, 'q', args=(1,), cron='30 2 * * *')\n"
    TWO = "register(jobs.echo, 'q', args=(2,), cron='30 2 * * *')\n"

    @pytest.fixture
    def schedules(self, redis: redis_py.Redis) -> Schedules:
        return Scheduler(connection=redis).schedules

    def test_it_keeps_its_history(self, schedules: Schedules, config: Config) -> None:
        schedules.sync(config(self.ONE), "cron", rq_timezone="Asia/Tokyo")
        schedules.run_now("jobs_for_tests-echo")
        before = schedules["jobs_for_tests-echo"]
        path = config(self.ONE + self.TWO)
        (renamed,) = [id for id in ids(path) if id != ids(path)[1]]
        assert schedules.sync(path, "cron", dry_run=True).renamed == (("jobs_for_tests-echo", renamed),)
        assert "jobs_for_tests-echo" in schedules
        result = schedules.sync(path, "cron")
        assert (result.renamed, result.removed, result.changed) == ((("jobs_for_tests-echo", renamed),), (), ())
        assert result.added == (ids(path)[1],)
        assert "jobs_for_tests-echo" not in schedules
        after = schedules[renamed]
        assert (after.created_at, after.next_run_at, after.trigger) == (
            before.created_at,
            before.next_run_at,
            before.trigger,
        )
        assert [run.outcome for run in schedules.runs(renamed)] == ["manual"]
        assert schedules.sync(path, "cron").unchanged == tuple(sorted(ids(path)))

    @pytest.mark.newest_only
    def test_of_rq_3(self, schedules: Schedules, config: Config) -> None:
        schedules.sync(config("register(jobs.nothing, 'q', interval=600, name='a')\n"), "cron")
        before = schedules["a"].next_run_at
        assert schedules.sync(config("register(jobs.nothing, 'q', interval=600, name='b')\n"), "cron").renamed == (
            ("a", "b"),
        )
        assert schedules["b"].next_run_at == before

    def test_one_that_has_changed_too_is_another(self, schedules: Schedules, config: Config) -> None:
        schedules.sync(config(self.ONE), "cron")
        result = schedules.sync(config(self.TWO.replace("30 2", "31 2").replace("echo", "fail")), "cron")
        assert (result.renamed, len(result.added), len(result.removed)) == ((), 1, 1)

    def test_which_of_two_is_not_known(self, schedules: Schedules, config: Config) -> None:
        """Both old ones have the definition of the new one."""
        same = "register(jobs.echo, 'q', args=(1,), cron='{}')\n"
        schedules.sync(config(same.format("30 2 * * *") + same.format("30  2 * * *")), "cron")
        assert len(schedules) == 2
        result = schedules.sync(config(self.ONE), "cron")
        assert (result.renamed, len(result.added), len(result.removed)) == ((), 1, 2)

    def test_without_pruning_nothing_is_renamed(self, schedules: Schedules, config: Config) -> None:
        schedules.sync(config(self.ONE), "cron")
        assert schedules.sync(config(self.ONE + self.TWO), "cron", prune=False).renamed == ()
        assert len(schedules) == 3

    def test_ids_that_somebody_chose_are_others(
        self, schedules: Schedules, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for id in ("a", "b"):
            (tmp_path / "s.toml").write_text(f"[schedules.{id}]\nfunc = 'jobs_for_tests.nothing'\nevery = 600\n")
            result = schedules.sync(tmp_path / "s.toml", "cron")
        assert (result.added, result.removed, result.renamed) == (("b",), ("a",), ())
