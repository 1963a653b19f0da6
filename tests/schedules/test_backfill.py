"""schedules.backfill: a run for every instant in [since, until), each once, also if asked twice."""

from datetime import UTC, datetime, timedelta

import pytest
import redis as redis_py
from rq.job import Job

import jobs_for_tests as jobs
from making import snapshot, waiting
from rq_scheduler import Cron, Dates, Every, Scheduler
from rq_scheduler.client.schedules import Schedules
from rq_scheduler.errors import InvalidArgument
from rq_scheduler.testing import ManualClock, ManualDispatcher
from schedules.helpers import START, Worker, after, outcomes

pytestmark = pytest.mark.once


def ago(**delta: float) -> datetime:
    return START - timedelta(**delta)


@pytest.fixture
def hourly(dispatcher: ManualDispatcher, schedules: Schedules) -> str:
    schedules.put("a", Cron("0 * * * *"), jobs.echo, args=(1,), queue_name="reports")
    return "a"


def test_a_run_for_every_instant_from_since_to_before_until(
    redis: redis_py.Redis, schedules: Schedules, hourly: str
) -> None:
    made = schedules.backfill(hourly, ago(hours=3), START)
    assert made == [f"a-20260302T{hour:02d}0000000000Z-b" for hour in (9, 10, 11)], "oldest first"
    assert waiting(redis, "reports") == made
    job = Job.fetch(made[0], connection=redis)
    assert (job.args, job.origin, job.get_status()) == ((1,), "reports", "queued")
    assert outcomes(schedules.runs(hourly)) == ["backfill"] * 3


def test_each_once_also_if_asked_twice(redis: redis_py.Redis, schedules: Schedules, hourly: str) -> None:
    assert len(schedules.backfill(hourly, ago(hours=3), START)) == 3
    before = snapshot(redis)
    assert schedules.backfill(hourly, ago(hours=3), START) == []
    assert snapshot(redis) == before
    assert [id[11:13] for id in schedules.backfill(hourly, ago(hours=5), START)] == ["07", "08"]
    assert schedules.backfill(hourly, ago(hours=4), ago(hours=1)) == []


def test_each_once_also_after_the_jobs_have_expired(
    redis: redis_py.Redis, schedules: Schedules, worker: Worker, hourly: str
) -> None:
    schedules.backfill(hourly, ago(hours=3), START)
    worker.end_all("expired", "reports")
    assert schedules.backfill(hourly, ago(hours=3), START) == []
    assert schedules.backfill(hourly, ago(hours=4), START) == ["a-20260302T080000000000Z-b"]


def test_each_once_also_after_the_schedule_was_deleted_and_put_again(
    schedules: Schedules, worker: Worker, hourly: str
) -> None:
    schedules.backfill(hourly, ago(hours=3), START)
    worker.end_all("expired", "reports")
    schedules.delete(hourly)
    schedules.put(hourly, Cron("0 * * * *"), jobs.echo)
    assert schedules.backfill(hourly, ago(hours=3), START) == []


def test_stretches_apart_leave_what_lies_between(redis: redis_py.Redis, schedules: Schedules, hourly: str) -> None:
    schedules.backfill(hourly, ago(hours=10), ago(hours=8))
    schedules.backfill(hourly, ago(hours=5), ago(hours=3))
    assert [id[11:13] for id in schedules.backfill(hourly, ago(hours=11), ago(hours=1))] == [
        "01",
        "04",
        "05",
        "06",
        "09",
        "10",
    ]
    assert len((redis.hget("rq:scheduler:schedule:a", "backfilled") or b"").split()) == 1, "adjoining ones are merged"


def test_what_ran_on_time_is_run_again_where_it_is_asked_for(
    dispatcher: ManualDispatcher, schedules: Schedules, hourly: str
) -> None:
    (run,) = dispatcher.tick(timedelta(hours=1, minutes=1))
    made = schedules.backfill(hourly, after(hours=1), after(hours=1, seconds=1))
    assert made == [f"{run.id}-b"]


def test_it_ignores_overlap_and_counts_for_nothing(dispatcher: ManualDispatcher, schedules: Schedules) -> None:
    schedules.put("a", Every(60, anchor=START), jobs.nothing, max_runs=2)
    assert len(schedules.backfill("a", ago(minutes=30), START)) == 30
    stored = schedules["a"]
    assert (stored.runs, stored.skipped, stored.missed, stored.next_run_at) == (0, 0, 0, after(60))
    assert [job.due for job in dispatcher.tick(60)] == [after(60)], "nor do they make the next fire skip"


def test_it_keeps_to_exclusions_start_and_end(dispatcher: ManualDispatcher, schedules: Schedules) -> None:
    schedules.put(
        "a", Cron("0 12 * * *"), jobs.nothing, exclude=(Dates("2026-02-27"),), start=ago(days=5), end=after(days=9)
    )
    made = schedules.backfill("a", ago(days=30), START)
    assert [id[2:10] for id in made] == ["20260225", "20260226", "20260228", "20260301"]


def test_it_makes_the_moved_instants_each_once(dispatcher: ManualDispatcher, schedules: Schedules) -> None:
    schedules.put("a", Cron("0 9 * * *"), jobs.nothing, exclude=Dates("2026-02-26", "2026-02-27"), excluded="next_day")
    made = schedules.backfill("a", ago(days=5), ago(days=1))
    assert [id[2:10] for id in made] == ["20260228", "20260301"]
    assert schedules.backfill("a", ago(days=5), ago(days=1)) == []
    # What was asked up to the day off has nothing; it is made where it was moved to.
    schedules.put("b", Cron("0 9 26 * *"), jobs.nothing, exclude=Dates("2026-02-26", "2026-02-27"), excluded="next_day")
    assert schedules.backfill("b", ago(days=5), ago(days=3)) == []
    assert [id[2:10] for id in schedules.backfill("b", ago(days=3), START)] == ["20260228"]


def test_it_works_for_a_paused_and_for_a_finished_schedule(dispatcher: ManualDispatcher, schedules: Schedules) -> None:
    schedules.put("paused", Cron("0 * * * *"), jobs.nothing, paused=True)
    schedules.put("finished", Cron("0 * * * *"), jobs.nothing, max_runs=1)
    dispatcher.tick(timedelta(hours=1, minutes=1))
    assert schedules["finished"].finished
    assert len(schedules.backfill("paused", ago(hours=2), START)) == 2
    assert len(schedules.backfill("finished", ago(hours=2), START)) == 2


def test_more_than_the_limit_is_refused_before_anything_is_written(
    redis: redis_py.Redis, dispatcher: ManualDispatcher, schedules: Schedules
) -> None:
    schedules.put("a", Every(1, anchor=START), jobs.nothing)
    before = snapshot(redis)
    with pytest.raises(
        InvalidArgument, match=r"more than 1000 instants between .*: give a shorter stretch, or a higher limit="
    ):
        schedules.backfill("a", ago(days=30), START)
    with pytest.raises(InvalidArgument, match="more than 5 instants"):
        schedules.backfill("a", ago(seconds=6), START, limit=5)
    assert snapshot(redis) == before
    assert len(schedules.backfill("a", ago(seconds=6), START, limit=6)) == 6
    assert len(schedules.backfill("a", ago(seconds=1006), START)) == 1000


def test_the_future_is_refused(redis: redis_py.Redis, clock: ManualClock, schedules: Schedules, hourly: str) -> None:
    before = snapshot(redis)
    with pytest.raises(InvalidArgument, match=r"until=2026-03-02T12:00:00.000001\+00:00 lies in the future"):
        schedules.backfill(hourly, ago(hours=1), START + timedelta(microseconds=1))
    assert snapshot(redis) == before


def test_moments_in_the_wrong_order_or_naive_are_refused(
    redis: redis_py.Redis, schedules: Schedules, hourly: str
) -> None:
    before = snapshot(redis)
    with pytest.raises(InvalidArgument, match=r"since=.* is after until=.*: turn them round"):
        schedules.backfill(hourly, START, ago(hours=1))
    with pytest.raises(InvalidArgument, match=r"since=.* has no time zone"):
        schedules.backfill(hourly, datetime(2026, 3, 1), START)
    with pytest.raises(InvalidArgument, match=r"until=.* has no time zone"):
        schedules.backfill(hourly, ago(hours=1), datetime(2026, 3, 2))
    with pytest.raises(TypeError, match="since='yesterday'"):
        schedules.backfill(hourly, "yesterday", START)  # type: ignore[arg-type]
    with pytest.raises(InvalidArgument, match="limit=-1 is negative"):
        schedules.backfill(hourly, ago(hours=1), START, limit=-1)
    with pytest.raises(TypeError, match="limit='5'"):
        schedules.backfill(hourly, ago(hours=1), START, limit="5")  # type: ignore[arg-type]
    assert snapshot(redis) == before


def test_an_empty_stretch_makes_nothing(schedules: Schedules, hourly: str) -> None:
    assert schedules.backfill(hourly, START, START) == []
    assert schedules.backfill(hourly, ago(minutes=50), ago(minutes=10)) == []


def test_two_at_once_make_each_run_once(redis: redis_py.Redis, schedules: Schedules, hourly: str) -> None:
    # The other one's script runs between our read and our first script.
    other = Scheduler(connection=redis).schedules
    backfill, made = schedules._store.backfill, []

    def late(*args: object) -> object:
        schedules._store.backfill = backfill  # type: ignore[method-assign]
        made.extend(other.backfill(hourly, ago(hours=4), ago(hours=2)))
        return backfill(*args)  # type: ignore[arg-type]

    schedules._store.backfill = late  # type: ignore[method-assign,assignment]
    ours = schedules.backfill(hourly, ago(hours=3), START)
    assert [id[11:13] for id in made] == ["08", "09"]
    assert [id[11:13] for id in ours] == ["10", "11"]
    assert waiting(redis, "reports") == [*made, *ours]


def test_over_a_change_of_the_clock_an_instant_is_one_run(dispatcher: ManualDispatcher, schedules: Schedules) -> None:
    schedules.put("a", Cron("30 * * * *", timezone="Europe/Paris"), jobs.nothing)
    made = schedules.backfill("a", datetime(2025, 10, 25, 23, tzinfo=UTC), datetime(2025, 10, 26, 3, tzinfo=UTC))
    assert [id[11:15] for id in made] == ["2330", "0030", "0130", "0230"]
