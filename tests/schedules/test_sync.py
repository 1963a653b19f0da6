"""schedules.sync: make the schedules of one owner exactly what is defined, and touch nobody else's."""

import json
import os
import sys
import threading
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import redis as redis_py

import jobs_for_tests as jobs
from making import snapshot
from rq_scheduler import Cron, Every, Schedule, Scheduler, SyncResult
from rq_scheduler.client.schedules import Schedules
from rq_scheduler.errors import FunctionRefused, IdTaken, InvalidArgument, InvalidType
from rq_scheduler.testing import ManualClock, ManualDispatcher
from schedules.helpers import after, dues, state
from support import Processes

pytestmark = pytest.mark.once

MANY = int(os.environ.get("RQS_TEST_SYNC", "1000"))
"""Schedules in the large file."""


def define(*ids: str, seconds: float = 3600, **options: Any) -> list[Schedule]:
    return [Schedule(id, Every(seconds), jobs.nothing, **options) for id in ids]


def ids(schedules: Schedules, **wanted: Any) -> list[str]:
    return [each.id for each in schedules.find(**wanted)]


# --- what it makes of them ---


def test_it_adds_changes_removes_and_leaves_alone(schedules: Schedules) -> None:
    assert schedules.sync(define("a", "b", "c"), "shop") == SyncResult(added=("a", "b", "c"))
    assert schedules.sync(define("a", "b", "c"), "shop") == SyncResult(unchanged=("a", "b", "c"))
    result = schedules.sync([*define("d", "b"), *define("a", seconds=60)], "shop")
    assert result == SyncResult(added=("d",), changed=("a",), removed=("c",), unchanged=("b",))
    assert [(each.id, each.owner, each.version) for each in schedules] == [
        ("a", "shop", 2),
        ("b", "shop", 1),
        ("d", "shop", 1),
    ]


def test_the_same_again_writes_nothing(
    redis: redis_py.Redis, dispatcher: ManualDispatcher, schedules: Schedules
) -> None:
    definitions = [
        *define("a", tags=("x",), jitter=5, args=(), meta={"k": 1}),
        Schedule("b", Cron("* * * * *"), jobs.nothing),
    ]
    schedules.sync(definitions, "shop")
    dispatcher.tick("2h")
    before = snapshot(redis)
    assert schedules.sync(definitions, "shop").unchanged == ("a", "b")
    assert snapshot(redis) == before


def test_it_never_moves_a_phase(dispatcher: ManualDispatcher, schedules: Schedules) -> None:
    fired = []
    for _ in range(10):
        schedules.sync(define("a", seconds=60, overlap="allow"), "shop")
        fired += dispatcher.tick(25)
    assert dues(fired) == [60, 120, 180, 240]


def test_it_touches_nobody_elses(redis: redis_py.Redis, schedules: Schedules) -> None:
    schedules.sync(define("theirs"), "other")
    schedules.put("nobodys", Every(60), jobs.nothing)
    before = {id: state(schedules[id]) for id in ("theirs", "nobodys")}
    schedules.sync(define("a"), "shop")
    schedules.sync([], "shop")
    assert {each.id: state(each) for each in schedules} == before


def test_schedules_of_another_owner_are_refused_before_anything_is_written(
    redis: redis_py.Redis, schedules: Schedules
) -> None:
    schedules.sync(define("theirs"), "other")
    before = snapshot(redis)
    with pytest.raises(
        IdTaken, match=r"^'theirs' belongs to owner 'other': choose another id, or delete that schedule"
    ):
        schedules.sync(define("a", "theirs"), "shop")
    assert snapshot(redis) == before


def test_what_nobody_owns_becomes_the_owners(dispatcher: ManualDispatcher, schedules: Schedules) -> None:
    put = schedules.put("a", Every(3600), jobs.nothing)
    dispatcher.tick(60)
    assert schedules.sync(define("a"), "shop").changed == ("a",)
    assert schedules["a"].owner == "shop"
    assert schedules["a"].next_run_at == put.next_run_at
    schedules.sync([], "shop")
    assert "a" not in schedules


def test_put_and_update_keep_the_owner(schedules: Schedules) -> None:
    schedules.sync(define("a"), "shop")
    assert schedules.put("a", Every(60), jobs.nothing).owner == "shop"
    assert schedules.update("a", jitter=1).owner == "shop"


def test_without_prune_nothing_is_removed(schedules: Schedules) -> None:
    schedules.sync(define("a", "b"), "shop")
    assert schedules.sync(define("a"), "shop", prune=False) == SyncResult(unchanged=("a",))
    assert len(schedules) == 2


@pytest.mark.parametrize("prune", [True, False], ids=["prune", "no-prune"])
def test_a_dry_run_says_what_would_change_and_writes_nothing_at_all(
    redis: redis_py.Redis, schedules: Schedules, prune: bool
) -> None:
    assert schedules.sync(define("a"), "shop", dry_run=True) == SyncResult(added=("a",))
    assert snapshot(redis) == {}
    schedules.sync(define("a", "b", "c"), "shop")
    schedules.sync(define("x"), "other")
    before = snapshot(redis)
    definitions = [*define("b", "d"), *define("a", seconds=60)]
    would = schedules.sync(definitions, "shop", prune, dry_run=True)
    assert snapshot(redis) == before
    assert would == schedules.sync(definitions, "shop", prune), "and that is what then happens"
    assert would.removed == (("c",) if prune else ())


def test_paused_and_note_apply_at_creation_only(schedules: Schedules) -> None:
    schedules.sync(define("a", "b", paused=True, note="later"), "shop")
    schedules.resume("a")
    schedules.pause("b", "by hand")
    assert schedules.sync(define("a", "b", paused=True, note="later"), "shop").unchanged == ("a", "b")
    assert [(each.paused, each.note) for each in schedules] == [(False, ""), (True, "by hand")]


def test_runs_of_a_removed_schedule_that_are_queued_stay(
    redis: redis_py.Redis, dispatcher: ManualDispatcher, schedules: Schedules
) -> None:
    schedules.sync(define("a", seconds=60), "shop")
    dispatcher.tick(60)
    assert schedules.sync([], "shop").removed == ("a",)
    assert redis.llen("rq:queue:default") == 1


def test_two_syncs_at_once_end_as_either_alone(redis: redis_py.Redis, redis_url: str) -> None:
    errors: list[BaseException] = []

    def sync() -> None:
        schedules = Scheduler(connection=redis_py.Redis.from_url(redis_url)).schedules
        try:
            for _ in range(5):
                schedules.sync(define(*(f"s{n}" for n in range(40))), "shop")
        except BaseException as error:  # noqa: BLE001  shown below
            errors.append(error)

    threads = [threading.Thread(target=sync) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    stored = list(Scheduler(connection=redis).schedules)
    assert len(stored) == 40
    assert {each.version for each in stored} == {1}


# --- registered functions ---


def test_registered_functions_are_put_by_sync_and_never_on_import(redis: redis_py.Redis, schedules: Schedules) -> None:
    decorated = schedules.register("a", Every(60), tags=("x",))(jobs.nothing)
    schedules.register("b", Cron("0 0 * * *"), args=(1,))(jobs.echo)
    assert decorated is jobs.nothing, "the function stays itself"
    assert snapshot(redis) == {}
    assert schedules.sync(owner="shop").added == ("a", "b")
    assert (schedules["a"].func, schedules["a"].tags) == ("jobs_for_tests.nothing", ("x",))
    assert schedules["b"].definition.args == (1,)


def test_a_module_that_is_reloaded_registers_the_same_again(schedules: Schedules) -> None:
    schedules.register("a", Every(60))(jobs.nothing)
    schedules.register("a", Every(90))(jobs.nothing)
    with pytest.raises(
        InvalidArgument, match=r"id='a' is registered twice, for jobs_for_tests.nothing and jobs_for_tests.echo"
    ):
        schedules.register("a", Every(60))(jobs.echo)
    schedules.sync(owner="shop")
    assert schedules["a"].definition.trigger == Every(90, anchor=schedules["a"].definition.trigger.anchor)  # type: ignore[attr-defined]


# --- files ---

TOML = """
[schedules.nightly]
func = "jobs_for_tests.echo"
cron = "30 2 * * *"
timezone = "Europe/Paris"
args = ["weekly"]
kwargs = { to = "ops" }
tags = ["billing"]

[schedules.often]
func = "jobs_for_tests.nothing"
every = "10m"
"""


def test_a_toml_and_a_json_file_of_the_same_make_the_same(schedules: Schedules, tmp_path: Path) -> None:
    toml, as_json = tmp_path / "schedules.toml", tmp_path / "schedules.json"
    toml.write_text(TOML)
    as_json.write_text(
        json.dumps(
            {
                "schedules": {
                    "often": {"func": "jobs_for_tests.nothing", "every": 600},
                    "nightly": {
                        "func": "jobs_for_tests.echo",
                        "trigger": {"type": "cron", "expression": "30 2 * * *", "timezone": "Europe/Paris"},
                        "args": ["weekly"],
                        "kwargs": {"to": "ops"},
                        "tags": ["billing"],
                    },
                }
            }
        )
    )
    assert schedules.sync(toml, "shop").added == ("nightly", "often")
    assert schedules.sync(str(as_json), "shop").unchanged == ("nightly", "often")
    definition = schedules["nightly"].definition
    assert (definition.trigger, definition.args, definition.kwargs) == (
        Cron("30 2 * * *", timezone="Europe/Paris"), ("weekly",), {"to": "ops"},
    )  # fmt: skip


def test_a_file_with_a_mistake_changes_nothing(redis: redis_py.Redis, schedules: Schedules, tmp_path: Path) -> None:
    file = tmp_path / "schedules.toml"
    file.write_text(TOML)
    schedules.sync(file, "shop")
    before = snapshot(redis)
    file.write_text(TOML.replace("Europe/Paris", "Europe/Pariss").replace('"10m"', '"5m"'))
    with pytest.raises(InvalidArgument, match=r"schedules.toml: schedule 'nightly', .*Europe/Pariss.*Europe/Paris"):
        schedules.sync(file, "shop")
    assert snapshot(redis) == before


def test_a_file_of_many_schedules_and_one_line_edited(
    redis: redis_py.Redis, schedules: Schedules, tmp_path: Path
) -> None:
    file = tmp_path / "schedules.json"
    tables = {
        f"s{n:05d}": {
            "func": "jobs_for_tests.echo",
            "cron": f"{n % 60} {n % 24} * * *",
            "timezone": "Europe/Paris",
            "args": [n],
            "kwargs": {"x": {"deep": [n]}},
            "queue_name": f"q{n % 10}",
            "tags": [f"t{n % 7}"],
        }
        for n in range(MANY)
    }
    schedules.sync(define("theirs"), "other")

    def sync(**options: Any) -> SyncResult:
        file.write_text(json.dumps({"schedules": tables}))
        began = time.perf_counter()
        result = schedules.sync(file, "shop", **options)
        print(f"sync of {len(tables)}: {time.perf_counter() - began:.2f} s")  # for those who ask (pytest -s)
        return result

    assert len(sync().added) == MANY
    again = sync()
    assert (len(again.unchanged), again.added, again.changed, again.removed) == (MANY, (), (), ())
    tables["s00777"]["kwargs"] = {"x": {"deep": [778]}}
    before = snapshot(redis)
    assert sync(dry_run=True).changed == ("s00777",)
    assert snapshot(redis) == before
    edited = sync()
    assert (edited.changed, len(edited.unchanged), edited.added, edited.removed) == (("s00777",), MANY - 1, (), ())
    assert schedules["s00777"].version == 2
    del tables["s00001"]
    assert sync().removed == ("s00001",)
    assert "theirs" in schedules


# --- an RQ cron configuration ---


def test_an_rq_cron_configuration_is_synced_as_it_is(
    redis_url: str, processes: Processes, redis: redis_py.Redis
) -> None:
    folder = processes.folder
    (folder / "cron_of_rq.py").write_text(
        "from rq import cron\nimport jobs_for_tests\n"
        "cron.register(jobs_for_tests.nothing, 'reports', interval=60)\n"
        "cron.register(jobs_for_tests.echo, 'default', cron='30 2 * * *', args=('x',))\n"
    )
    script = (
        "import sys, redis; sys.path.insert(0, '.')\n"
        "from rq_scheduler import Scheduler\n"
        "schedules = Scheduler(connection=redis.Redis.from_url(sys.argv[1])).schedules\n"
        "for _ in range(2): print(schedules.sync('cron_of_rq', 'rq'))\n"
    )
    output = processes.run(sys.executable, "-W", "ignore", "-c", script, redis_url)
    assert output.count("added=()") == 1, output
    assert [(each.func, each.queue_name, each.owner) for each in Scheduler(connection=redis).schedules] == [
        ("jobs_for_tests.echo", "default", "rq"), ("jobs_for_tests.nothing", "reports", "rq"),
    ]  # fmt: skip


# --- mistakes: nothing is written, and the message names the schedule ---


@pytest.mark.parametrize(
    ("definitions", "owner", "error", "says"),
    [
        ([*define("ok"), *define("ok")], "shop", InvalidArgument, "id='ok' is defined twice"),
        ([*define("ok"), "nightly"], "shop", InvalidType, "'nightly' is a str: sync takes Schedule"),
        (define("ok"), "", InvalidArgument, "owner='': name who keeps these schedules"),
        (define("ok"), "a\nb", InvalidArgument, "owner='a\\\\nb'"),
        (define("ok"), 5, InvalidType, "owner=5 is an int"),
        (
            [*define("ok"), *define("bad", end=after(days=-999))],
            "shop",
            InvalidArgument,
            "schedule 'bad' would never fire",
        ),
        ([*define("ok"), *define("bad", args=(1,))], "shop", FunctionRefused, "schedule 'bad': .* cannot be called"),
        ([*define("ok"), Schedule("bad", Every(1), lambda: 1)], "shop", FunctionRefused, "schedule 'bad': .*lambda"),
        ([*define("ok"), *define("bad", job_timeout=-5)], "shop", InvalidArgument, "schedule 'bad': job_timeout=-5"),
        (5, "shop", InvalidType, "definitions=5 is an int"),
        (Schedule("one", Every(1), jobs.nothing), "shop", InvalidType, "definitions=.* is a Schedule"),
    ],
    ids=[
        "twice",
        "no-schedule",
        "no-owner",
        "lines",
        "owner-type",
        "never",
        "call",
        "lambda",
        "timeout",
        "type",
        "one",
    ],
)
def test_a_mistake_is_refused_before_anything_is_written(
    redis: redis_py.Redis, schedules: Schedules, definitions: Any, owner: Any, error: type[Exception], says: str
) -> None:
    with pytest.raises(error, match=says):
        schedules.sync(definitions, owner)
    assert snapshot(redis) == {}


def test_a_job_with_the_id_is_refused_before_anything_is_written(
    redis: redis_py.Redis, scheduler: Scheduler, schedules: Schedules
) -> None:
    scheduler.schedule(after(days=9), jobs.nothing, interval=60, id="recurring")
    scheduler.enqueue_in(timedelta(days=9), jobs.nothing, job_id="pending")
    before = snapshot(redis)
    with pytest.raises(IdTaken, match=r"^'recurring' is a recurring job of schedule\(\) or cron\(\): end it with"):
        schedules.sync(define("a", "recurring"), "shop")
    with pytest.raises(IdTaken, match=r"^id='pending' belongs to a pending job"):
        schedules.sync(define("a", "pending"), "shop")
    assert snapshot(redis) == before


def test_all_ids_that_others_have_are_named_at_once_up_to_five(
    redis: redis_py.Redis, scheduler: Scheduler, schedules: Schedules
) -> None:
    scheduler.schedule(after(days=9), jobs.nothing, interval=60, id="clean-up")
    scheduler.enqueue_in(timedelta(days=9), jobs.nothing, job_id="once")
    schedules.sync(define("x"), "other")
    before = snapshot(redis)
    with pytest.raises(IdTaken) as refused:
        schedules.sync(define("a", "x", "clean-up", "once"), "shop")
    assert str(refused.value) == (
        "'x' belongs to owner 'other': choose another id, or delete that schedule first; "
        "'clean-up' is a recurring job of schedule() or cron(): end it with scheduler.cancel('clean-up'); "
        "id='once' belongs to a pending job: cancel it (scheduler.cancel('once')), or choose another id"
    )
    assert snapshot(redis) == before
    theirs = [f"s{n}" for n in range(7)]
    schedules.sync(define("x", *theirs), "other")
    with pytest.raises(IdTaken, match=r"'s4' belongs to .*; and 2 more$") as refused:
        schedules.sync(define(*theirs), "shop")
    assert str(refused.value).count("belongs to owner 'other'") == 5


def test_a_sync_while_it_fires_loses_no_run(
    clock: ManualClock, dispatcher: ManualDispatcher, schedules: Schedules
) -> None:
    fired = []
    for n in range(8):
        schedules.sync(define("a", seconds=10, overlap="allow", args=(), description=f"version {n}"), "shop")
        fired += dispatcher.tick(10)
    assert dues(fired) == [10.0 * n for n in range(1, 9)]
    assert schedules["a"].version == 8
