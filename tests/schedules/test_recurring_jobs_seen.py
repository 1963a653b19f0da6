"""The recurring jobs of 0.14's schedule() and cron() as scheduler.schedules shows them: under their job id."""

import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import redis as redis_py
from rq.job import Job

import jobs_for_tests as jobs
from making import finish, snapshot
from rq_scheduler import Cron, Every, Scheduler
from rq_scheduler.client.schedules import Schedules
from rq_scheduler.errors import IdTaken
from rq_scheduler.testing import ManualClock, ManualDispatcher
from schedules.helpers import after, offsets, outcomes


@pytest.fixture(autouse=True)
def _host_in_utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Warnings about the host's zone are not the matter here."""
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.fixture
def old(scheduler: Scheduler, dispatcher: ManualDispatcher) -> Job:
    return scheduler.schedule(
        after(60), jobs.echo, args=("x",), kwargs={"to": "ops"}, interval=60, repeat=3, id="old", queue_name="reports"
    )


def test_schedule_is_seen(schedules: Schedules, old: Job) -> None:
    seen = schedules["old"]
    assert (seen.id, seen.kind, seen.func, seen.queue_name) == ("old", "job", "jobs_for_tests.echo", "reports")
    assert seen.call == "jobs_for_tests.echo('x', to='ops')"
    assert (seen.trigger, seen.next_run_at) == (Every(60), after(60))
    assert (seen.paused, seen.finished, seen.owner, seen.tags, seen.version) == (False, False, "", (), 1)
    assert offsets(seen.upcoming(9)) == [60, 120, 180], "repeat counts the runs"


def test_cron_is_seen(scheduler: Scheduler, dispatcher: ManualDispatcher, schedules: Schedules) -> None:
    scheduler.cron("30 12 * * *", jobs.nothing, id="daily")
    seen = schedules["daily"]
    assert (seen.kind, seen.next_run_at) == ("job", after(1800))
    assert isinstance(seen.trigger, Cron)
    assert seen.trigger.expression == "30 12 * * *"
    assert offsets(seen.upcoming(2)) == [1800, 1800 + 86_400]


def test_a_one_off_is_no_schedule(scheduler: Scheduler, dispatcher: ManualDispatcher, schedules: Schedules) -> None:
    scheduler.enqueue_at(after(60), jobs.nothing, job_id="once")
    scheduler.schedule(after(60), jobs.nothing, id="also-once")
    assert "once" not in schedules
    assert "also-once" not in schedules
    assert list(schedules) == []


def test_they_are_among_the_others(schedules: Schedules, old: Job) -> None:
    schedules.put("new", Every(90), jobs.nothing, queue_name="reports", tags=("t",))
    assert "old" in schedules
    assert len(schedules) == 2
    assert [each.id for each in schedules] == ["new", "old"]
    assert [each.id for each in schedules.find(queue_name="reports")] == ["new", "old"]
    assert [each.id for each in schedules.find(prefix="o", paused=False)] == ["old"]
    assert schedules.find(tag="t", prefix="o") == []
    assert [(run.schedule_id, *offsets([run.due])) for run in schedules.upcoming(limit=3)] == [
        ("old", 60),
        ("new", 90),
        ("old", 120),
    ]


def test_their_runs_are_told_the_last_one_with_what_rq_knows_of_the_job(
    redis: redis_py.Redis, dispatcher: ManualDispatcher, schedules: Schedules, old: Job
) -> None:
    assert len(dispatcher.tick(130)) == 1
    finish(redis, "old", "reports")
    assert len(dispatcher.tick(60)) == 1
    runs = schedules.runs("old")
    assert outcomes(runs) == ["enqueued", "skipped", "enqueued"]
    assert offsets(run.nominal for run in runs) == [180, 120, 60]
    assert [(run.job_id, run.status) for run in runs] == [("old", "queued"), (None, None), ("old", None)]
    seen = schedules["old"]
    assert (seen.runs, seen.skipped, seen.last_run_at, seen.last_status) == (2, 1, after(180), "queued")
    assert seen.next_run_at == after(240)


def test_what_is_missed_is_counted(
    clock: ManualClock, dispatcher: ManualDispatcher, scheduler: Scheduler, schedules: Schedules
) -> None:
    scheduler.schedule(after(60), jobs.nothing, interval=60, id="old")
    clock.move(310)
    assert len(dispatcher.tick()) == 1
    assert schedules["old"].missed == 4
    assert outcomes(schedules.runs("old")) == ["missed", "enqueued"]


def test_policies_of_the_0_14_calls_are_seen(
    scheduler: Scheduler, dispatcher: ManualDispatcher, schedules: Schedules
) -> None:
    scheduler.schedule(
        after(60),
        jobs.nothing,
        interval=60,
        id="old",
        overlap="buffer_one",
        catchup="none",
        catchup_window="1h",
        jitter=5,
    )
    spec = schedules["old"].spec
    assert spec is not None
    assert (spec.overlap, spec.catchup, spec.catchup_window, spec.jitter) == (
        "buffer_one", "none", timedelta(hours=1), timedelta(seconds=5),
    )  # fmt: skip
    assert after(60) <= (schedules["old"].next_run_at or after(0)) < after(65)


@pytest.mark.parametrize(
    "act",
    [
        lambda schedules: schedules.put("old", Every(60), jobs.nothing),
        lambda schedules: schedules.update("old", jitter=5),
        lambda schedules: schedules.pause("old"),
        lambda schedules: schedules.resume("old"),
        lambda schedules: schedules.run_now("old"),
        lambda schedules: schedules.backfill("old", after(-60), after(0)),
    ],
    ids=["put", "update", "pause", "resume", "run_now", "backfill"],
)
def test_they_are_changed_in_their_own_way(redis: redis_py.Redis, schedules: Schedules, old: Job, act: Any) -> None:
    before = snapshot(redis)
    with pytest.raises(
        IdTaken, match=r"'old' is a recurring job of schedule\(\) or cron\(\): change it through its job"
    ):
        act(schedules)
    assert snapshot(redis) == before


def test_delete_ends_one_as_cancel_does(scheduler: Scheduler, schedules: Schedules, old: Job) -> None:
    assert schedules.delete("old") is True
    assert "old" not in schedules
    assert "old" not in scheduler
    assert Job.exists("old", connection=scheduler.connection), "the job itself stays fetchable"
    assert schedules.delete("old") is False
    assert schedules.put("old", Every(60), jobs.nothing).version == 1


def test_one_that_is_cancelled_is_gone_here_too(scheduler: Scheduler, schedules: Schedules, old: Job) -> None:
    scheduler.cancel("old")
    assert "old" not in schedules
    assert len(schedules) == 0
    assert schedules.upcoming() == []


def test_one_whose_repeats_are_used_up_is_gone(
    redis: redis_py.Redis, dispatcher: ManualDispatcher, schedules: Schedules, old: Job
) -> None:
    for _ in range(3):
        assert len(dispatcher.tick(60)) == 1
        finish(redis, "old", "reports")
    assert "old" not in schedules
    assert dispatcher.tick(300) == []
    assert schedules.upcoming() == []


def test_one_that_a_0_14_client_wrote_is_seen_once_it_is_adopted(
    redis: redis_py.Redis, dispatcher: ManualDispatcher, schedules: Schedules
) -> None:
    job = Job.create(
        jobs.nothing, connection=redis, id="foreign", origin="default", status="scheduled", result_ttl=-1,
        meta={"interval": 60},
    )  # fmt: skip
    job.save()
    redis.zadd("rq:scheduler:scheduled_jobs", {"foreign": after(60).timestamp()})
    assert len(dispatcher.tick(60)) == 1
    seen = schedules["foreign"]
    assert (seen.kind, seen.next_run_at, seen.runs) == ("job", after(120), 1)


def test_reading_them_never_writes(redis: redis_py.Redis, schedules: Schedules, old: Job) -> None:
    before = snapshot(redis)
    assert schedules["old"].definition.args == ("x",)
    assert schedules.runs("old") == []
    assert [each.id for each in schedules] == ["old"]
    assert schedules.upcoming()
    assert snapshot(redis) == before
