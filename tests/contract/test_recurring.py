"""Rows `schedule` and `cron`: recurring jobs, their meta and their next times."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import pytz
import redis as redis_py
from freezegun import freeze_time
from rq import Retry
from rq.job import Job

import jobs_for_tests as jobs
from rq_scheduler import Scheduler
from rq_scheduler.errors import SchedulerWarning
from rq_scheduler.store import Store

WHEN = datetime(2031, 5, 6, 7, 8, 9)


def due(scheduler: Scheduler, job: Job) -> datetime:
    (found,) = (when for each, when in scheduler.get_jobs(with_times=True) if each.id == job.id)
    return found


def spec(redis: redis_py.Redis, job: Job) -> bytes:
    (record,) = Store(redis).read_recurring([job.id])
    return record.spec


# schedule()


def test_schedule_without_interval_is_a_one_off(scheduler: Scheduler, redis: redis_py.Redis) -> None:
    job = scheduler.schedule(WHEN, jobs.add, args=[1], kwargs={"b": 2})
    assert (job.meta, job.result_ttl) == ({}, None)
    assert due(scheduler, job) == WHEN
    stored = Job.fetch(job.id, connection=redis)
    assert (list(stored.args), stored.kwargs) == ([1], {"b": 2})
    assert not redis.exists(f"rq:scheduler:schedule:{job.id}")


@pytest.mark.parametrize(
    ("interval", "kept"),
    [
        (10, 10),
        (10.0, 10),
        (0.5, 0.5),
        ("7", 7),
        ("10m", 600),
        (timedelta(seconds=3), 3),
        (timedelta(milliseconds=1), 0.001),
    ],
)
def test_meta_holds_the_interval(scheduler: Scheduler, redis: redis_py.Redis, interval: Any, kept: float) -> None:
    job = scheduler.schedule(WHEN, jobs.nothing, interval=interval)
    stored = Job.fetch(job.id, connection=redis)
    assert stored.meta == {"interval": kept}
    assert type(stored.meta["interval"]) is type(kept)
    assert stored.result_ttl == -1


def test_schedule_keeps_a_result_ttl_that_is_given(scheduler: Scheduler) -> None:
    assert scheduler.schedule(WHEN, jobs.nothing, interval=5, result_ttl=60).result_ttl == 60


def test_meta_holds_repeat(scheduler: Scheduler) -> None:
    assert scheduler.schedule(WHEN, jobs.nothing, interval=5, repeat=3).meta == {"interval": 5, "repeat": 3}
    assert scheduler.schedule(WHEN, jobs.nothing, interval=5, repeat="3").meta["repeat"] == 3  # type: ignore[arg-type]
    # 0.14 never ends a job with a negative repeat.
    assert "repeat" not in scheduler.schedule(WHEN, jobs.nothing, interval=5, repeat=-1).meta


def test_repeat_needs_an_interval(scheduler: Scheduler, redis: redis_py.Redis) -> None:
    with pytest.raises(ValueError, match="interval="):
        scheduler.schedule(WHEN, jobs.nothing, repeat=3)
    assert redis.keys() == []


def test_schedule_options(scheduler: Scheduler, redis: redis_py.Redis) -> None:
    meta = {"who": "me"}
    job = scheduler.schedule(
        WHEN,
        jobs.nothing,
        interval=60,
        ttl=10,
        timeout=20,
        id="options",
        description="words",
        queue_name="other",
        meta=meta,
        on_success=jobs.on_success,
        on_failure=jobs.on_failure,
        on_stopped=jobs.on_stopped,
        at_front=True,
        retry=Retry(max=2),
        failure_ttl=30,
        overlap="buffer_one",
        catchup="all",
        catchup_window="1h",
        jitter=timedelta(seconds=2),
    )
    assert job.meta is meta
    stored = Job.fetch("options", connection=redis)
    assert stored.meta == {"who": "me", "interval": 60}
    assert (stored.ttl, stored.timeout, stored.failure_ttl, stored.retries_left) == (10, 20, 30, 2)
    assert (stored.description, stored.origin, stored.enqueue_at_front) == ("words", "other", True)
    assert stored.success_callback == jobs.on_success
    assert stored.failure_callback == jobs.on_failure
    assert stored.stopped_callback == jobs.on_stopped
    kept = spec(redis, job)
    for part in (
        b'"overlap":"buffer_one"',
        b'"catchup":"all"',
        b'"catchup_window":"3600s"',
        b'"jitter":"2s"',
        b'"interval":"60s"',
    ):
        assert part in kept


# cron()


def test_cron(scheduler: Scheduler, redis: redis_py.Redis) -> None:
    with freeze_time("2031-01-01 12:00:30"):
        job = scheduler.cron("*/5 * * * *", jobs.add, args=[1], kwargs={"b": 2}, repeat=4, id="c-1", queue_name="q")
    stored = Job.fetch("c-1", connection=redis)
    assert stored.meta == {"cron_string": "*/5 * * * *", "use_local_timezone": False, "repeat": 4}
    assert (list(stored.args), stored.kwargs, stored.origin, stored.result_ttl) == ([1], {"b": 2}, "q", -1)
    assert due(scheduler, job) == datetime(2031, 1, 1, 12, 5)


@pytest.mark.parametrize("meta", [{}, {"who": "me"}])
def test_the_callers_meta_ends_up_on_the_job(scheduler: Scheduler, meta: dict[str, Any]) -> None:
    job = scheduler.cron("* * * * *", jobs.nothing, meta=meta)
    assert job.meta is meta
    assert meta["cron_string"] == "* * * * *"


def test_cron_runs_in_the_hosts_zone_and_says_so(
    scheduler: Scheduler, redis: redis_py.Redis, host_in: Callable[[str], None]
) -> None:
    host_in("Europe/Paris")
    with freeze_time("2031-01-01 00:00:00"), pytest.warns(SchedulerWarning, match="Europe/Paris") as told:
        job = scheduler.cron("30 2 * * *", jobs.nothing)
    assert "timezone=" in str(told[0].message)
    assert due(scheduler, job) == datetime(2031, 1, 1, 1, 30)
    assert b'"timezone":"Europe/Paris"' in spec(redis, job)


def test_cron_in_local_time_that_is_meant_does_not_warn(scheduler: Scheduler, host_in: Callable[[str], None]) -> None:
    host_in("Europe/Paris")
    with freeze_time("2031-01-01 00:00:00"):
        job = scheduler.cron("30 2 * * *", jobs.nothing, use_local_timezone=True)
    assert job.meta["use_local_timezone"] is True
    assert due(scheduler, job) == datetime(2031, 1, 1, 1, 30)


RULE = "CET-1CEST,M3.5.0,M10.5.0/3"


def test_cron_on_a_host_whose_zone_has_no_name_says_that_it_runs_in_utc(
    scheduler: Scheduler, redis: redis_py.Redis, host_in: Callable[[str], None]
) -> None:
    host_in(RULE)
    with pytest.warns(SchedulerWarning, match="runs in UTC"):
        scheduler.cron("30 2 * * *", jobs.nothing, use_local_timezone=True)
    with pytest.warns(SchedulerWarning, match="runs in UTC") as told:
        job = scheduler.cron("30 2 * * *", jobs.nothing)
    assert len(told) == 1
    assert f"TZ={RULE!r}" in str(told[0].message)
    assert "pass timezone= with the IANA name" in str(told[0].message)
    assert b'"timezone":"UTC"' in spec(redis, job)
    scheduler.cron("30 2 * * *", jobs.nothing, timezone="Europe/Paris")  # said, so nothing to tell


def test_a_cron_that_goes_on_without_a_zone_of_its_own_says_so_too(
    scheduler: Scheduler, host_in: Callable[[str], None]
) -> None:
    host_in(RULE)
    job = scheduler.enqueue_at(WHEN.replace(tzinfo=UTC), jobs.nothing)
    job.meta["cron_string"] = "30 2 * * *"
    with pytest.warns(SchedulerWarning, match="goes on in UTC: this host's zone, TZ="):
        scheduler.enqueue_job(job)


@pytest.mark.parametrize("zone", ["Asia/Tokyo", ZoneInfo("Asia/Tokyo"), pytz.timezone("Asia/Tokyo")])
def test_cron_in_a_zone_that_is_given(scheduler: Scheduler, host_in: Callable[[str], None], zone: str | tzinfo) -> None:
    host_in("Europe/Paris")
    with freeze_time("2031-01-01 00:00:00"):
        job = scheduler.cron("30 2 * * *", jobs.nothing, timezone=zone)
    assert due(scheduler, job) == datetime(2031, 1, 1, 17, 30)


def test_both_day_fields_must_match_and_warn(scheduler: Scheduler) -> None:
    with freeze_time("2031-01-02 00:00:00"), pytest.warns(SchedulerWarning, match='day_match="both"'):
        job = scheduler.cron("0 0 1-7 * mon", jobs.nothing)
    assert due(scheduler, job) == datetime(2031, 1, 6)


def test_the_sixth_field_is_the_year_and_warns(scheduler: Scheduler) -> None:
    with freeze_time("2031-01-02 00:00:00"), pytest.warns(SchedulerWarning, match="year"):
        job = scheduler.cron("0 0 1 1 * 2040", jobs.nothing)
    assert due(scheduler, job) == datetime(2040, 1, 1)


@pytest.mark.parametrize(
    ("text", "when"),
    [
        ("@daily", datetime(2031, 1, 3)),
        ("15 30 * * * * *", datetime(2031, 1, 2, 0, 30, 15)),
        ("0 0 * * sun", datetime(2031, 1, 5)),
        ("0 0 * * 7", datetime(2031, 1, 5)),
        ("0 0 L * *", datetime(2031, 1, 31)),
    ],
)
def test_cron_strings(scheduler: Scheduler, text: str, when: datetime) -> None:
    with freeze_time("2031-01-02 00:00:00"):
        job = scheduler.cron(text, jobs.nothing)
    assert due(scheduler, job) == when


@pytest.mark.parametrize("text", ["0 0 30 2 *", "0 0 0 1 1 * 2019", "61 * * * *", "nonsense", "", "* * * *"])
def test_a_cron_string_without_a_future_is_refused(scheduler: Scheduler, redis: redis_py.Redis, text: str) -> None:
    with pytest.raises(ValueError):
        scheduler.cron(text, jobs.nothing)
    assert redis.keys() == []


def test_cron_options(scheduler: Scheduler, redis: redis_py.Redis) -> None:
    job = scheduler.cron(
        "0 0 * * *",
        jobs.nothing,
        result_ttl=7,
        ttl=10,
        timeout=20,
        description="words",
        on_success=jobs.on_success,
        on_failure=jobs.on_failure,
        on_stopped=jobs.on_stopped,
        at_front=True,
        retry=Retry(max=2),
        failure_ttl=30,
        timezone="UTC",
        overlap="buffer_one",
        catchup="none",
        jitter=1.5,
    )
    stored = Job.fetch(job.id, connection=redis)
    assert (stored.result_ttl, stored.ttl, stored.timeout, stored.failure_ttl) == (7, 10, 20, 30)
    assert (stored.description, stored.enqueue_at_front, stored.retries_left) == ("words", True, 2)
    kept = spec(redis, job)
    assert b'"overlap":"buffer_one"' in kept
    assert b'"catchup":"none"' in kept
    assert b'"jitter":"1.5s"' in kept


def test_naive_times_warn_on_a_host_that_is_not_in_utc(scheduler: Scheduler, host_in: Callable[[str], None]) -> None:
    host_in("Asia/Tokyo")

    def one_site() -> list[Job]:
        return [scheduler.schedule(WHEN, jobs.nothing) for _ in range(2)]

    with pytest.warns(SchedulerWarning, match=r"2031-05-06 16:08:09\+09:00 in Asia/Tokyo") as told:
        job, _ = one_site()
    assert len(told) == 1
    assert told[0].filename == __file__
    assert due(scheduler, job) == WHEN
    with pytest.warns(SchedulerWarning, match="Asia/Tokyo"):
        scheduler.enqueue_at(WHEN, jobs.nothing)
    with pytest.warns(SchedulerWarning, match="Asia/Tokyo"):
        scheduler.change_execution_time(job, WHEN)
    scheduler.enqueue_at(WHEN.replace(tzinfo=UTC), jobs.nothing)


def test_naive_times_warn_on_a_host_whose_zone_has_no_name(
    scheduler: Scheduler, host_in: Callable[[str], None]
) -> None:
    host_in(RULE)
    with pytest.warns(SchedulerWarning, match=r"2031-05-06 09:08:09\+02:00 on this host; pass an aware datetime"):
        job = scheduler.enqueue_at(WHEN, jobs.nothing)
    assert due(scheduler, job) == WHEN


def test_a_datetime_with_a_zone_of_pytz_as_tzinfo_warns_and_means_what_it_says(scheduler: Scheduler) -> None:
    wrong = WHEN.replace(tzinfo=pytz.timezone("Europe/Paris"))
    calls: list[Callable[[], Any]] = [
        lambda: scheduler.enqueue_at(wrong, jobs.nothing),
        lambda: scheduler.schedule(wrong, jobs.nothing, interval=60),
        lambda: scheduler.enqueue_many([(wrong, jobs.nothing)]),
        lambda: scheduler.count(until=wrong),
        lambda: list(scheduler.get_jobs(until=wrong)),
    ]
    for call in calls:
        with pytest.warns(SchedulerWarning, match=r"write pytz\.timezone\('Europe/Paris'\)\.localize\(datetime"):
            call()
    job = scheduler.enqueue_in(timedelta(hours=1), jobs.nothing)
    with pytest.warns(SchedulerWarning, match="it is read as 2031-05-06 06:59:09"):
        scheduler.change_execution_time(job, wrong)
    assert due(scheduler, job) == WHEN - timedelta(minutes=9)
    right = pytz.timezone("Europe/Paris").localize(WHEN)
    scheduler.change_execution_time(job, right)
    assert due(scheduler, job) == WHEN - timedelta(hours=2)


# The same again, at each start of an application


def test_schedule_now_again_warns_that_it_runs_again(scheduler: Scheduler, redis: redis_py.Redis) -> None:
    """Six web workers, say, between whose starts it has run."""

    def start() -> Job:
        return scheduler.schedule(datetime.now(UTC), jobs.add, [1], interval=3600, id="hourly")

    start()
    assert scheduler.enqueue_jobs() == ["hourly"]
    Job.fetch("hourly", connection=redis).set_status("finished")
    redis.delete("rq:queue:default")
    with pytest.warns(SchedulerWarning, match=r"'hourly' was scheduled already.*scheduler\.schedules\.put") as told:
        start()
    assert told[0].filename == __file__
    (found,) = scheduler.get_jobs_to_queue()
    assert found.id == "hourly", "the call means what it says"
    scheduler.change_execution_time("hourly", datetime.now(UTC) + timedelta(minutes=1))
    start()  # it is said once per call site


def test_cron_again_warns_where_the_job_was_put_off(scheduler: Scheduler) -> None:
    """Mostly it is for the same time, and changes nothing."""
    for _ in range(2):
        scheduler.cron("0 0 * * *", jobs.nothing, id="nightly", timezone="UTC")
    scheduler.change_execution_time("nightly", datetime.now(UTC) + timedelta(days=3))
    with pytest.warns(SchedulerWarning, match="'nightly' was scheduled already"):
        scheduler.cron("0 0 * * *", jobs.nothing, id="nightly", timezone="UTC")


@pytest.mark.parametrize(
    "changed",
    [{"args": [2]}, {"interval": 60}, {"func": jobs.echo}, {"jitter": 5}, {"interval": None, "jitter": None}],
    ids=["arguments", "interval", "function", "policy", "once"],
)
def test_another_definition_replaces_without_a_word(scheduler: Scheduler, changed: dict[str, Any]) -> None:
    soon = datetime.now(UTC)
    same: dict[str, Any] = {"func": jobs.add, "args": [1], "interval": 3600, "id": "hourly"}
    scheduler.schedule(soon + timedelta(hours=1), **same)
    scheduler.schedule(soon, **{**same, **changed})


def test_no_warning_where_nothing_runs_sooner(scheduler: Scheduler) -> None:
    soon = datetime.now(UTC) + timedelta(minutes=1)
    for later in (0, 0, 0.3, -0.3, 5, 3600):  # of hosts whose clocks differ a little
        scheduler.schedule(soon + timedelta(seconds=later), jobs.nothing, interval=3600, id="hourly")
