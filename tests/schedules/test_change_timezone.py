"""`schedules.change_timezone`: the zone of a schedule or of a recurring job of the 0.14 API, and the next run."""

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import redis as redis_py

import jobs_for_tests as jobs
from making import finish
from rq_scheduler import AnyOf, At, Cron, Dates, Every, RRule, Scheduler
from rq_scheduler.client.schedules import Schedules
from rq_scheduler.errors import InvalidArgument, InvalidType, ScheduleNotFound
from rq_scheduler.testing import ManualDispatcher
from schedules.helpers import after, offsets

pytestmark = pytest.mark.once

PARIS, TOKYO = "Europe/Paris", "Asia/Tokyo"

# START is noon UTC: 13:00 of Paris, 21:00 of Tokyo.


def put(scheduler: Scheduler, kind: str, expression: str = "30 14 * * *", timezone: str = "UTC") -> None:
    if kind == "job":
        scheduler.cron(expression, jobs.nothing, id="s", timezone=timezone)
    else:
        scheduler.schedules.put("s", Cron(expression, timezone), jobs.nothing)


def zone_of(schedules: Schedules, id: str = "s") -> str:
    trigger = schedules[id].trigger
    assert isinstance(trigger, Cron)
    return trigger.timezone


@pytest.mark.parametrize("kind", ["job", "schedule"])
class TestBothKinds:
    def test_the_next_run_is_the_first_of_the_new_zone(
        self, scheduler: Scheduler, dispatcher: ManualDispatcher, schedules: Schedules, kind: str
    ) -> None:
        put(scheduler, kind)
        changed = schedules.change_timezone("s", PARIS)
        assert (changed.next_run_at, changed.version, changed.kind) == (after(hours=1.5), 2, kind)
        assert changed.upcoming(2) == [after(hours=1.5), after(hours=25.5)]
        assert [(run.due, run.at) for run in dispatcher.tick("1d")] == [(after(hours=1.5), after(hours=1.5))]

    def test_a_later_first_run_too(
        self, scheduler: Scheduler, dispatcher: ManualDispatcher, schedules: Schedules, kind: str
    ) -> None:
        put(scheduler, kind, timezone=PARIS)
        assert schedules.change_timezone("s", ZoneInfo("UTC")).next_run_at == after(hours=2.5)
        assert offsets(run.due for run in dispatcher.tick("1d")) == [2.5 * 3600]

    def test_the_same_zone_changes_nothing(
        self, scheduler: Scheduler, dispatcher: ManualDispatcher, schedules: Schedules, kind: str
    ) -> None:
        put(scheduler, kind)
        before = schedules["s"]
        assert schedules.change_timezone("s", "UTC") == before
        assert schedules["s"] == before

    def test_one_that_is_due_stays_where_it_is_an_instant_there_too(
        self, scheduler: Scheduler, dispatcher: ManualDispatcher, schedules: Schedules, kind: str
    ) -> None:
        put(scheduler, kind, "30 */2 * * *")
        dispatcher.clock.move(1805)
        assert schedules.change_timezone("s", PARIS).next_run_at == after(hours=1.5)
        dispatcher.clock.move(3600)
        schedules.change_timezone("s", "Europe/Rome")
        assert [(run.due, run.at) for run in dispatcher.tick()] == [(after(hours=1.5), after(5405))]

    @pytest.mark.parametrize("zone", ["Paris", "CEST", "+02:00", "", "localtime"])
    def test_an_unknown_zone_is_refused(self, scheduler: Scheduler, schedules: Schedules, kind: str, zone: str) -> None:
        put(scheduler, kind)
        before = schedules["s"]
        with pytest.raises(InvalidArgument, match="is no IANA time zone"):
            schedules.change_timezone("s", zone)
        assert schedules["s"] == before

    def test_what_is_no_zone_is_refused(self, scheduler: Scheduler, schedules: Schedules, kind: str) -> None:
        put(scheduler, kind)
        no_zone: Any = 1
        with pytest.raises(InvalidType, match="timezone="):
            schedules.change_timezone("s", no_zone)


class TestRecurringJobs:
    def test_jitter_counts_in_the_new_zone(
        self, scheduler: Scheduler, dispatcher: ManualDispatcher, schedules: Schedules
    ) -> None:
        scheduler.cron("30 14 * * *", jobs.nothing, id="s", timezone="UTC", jitter="10m")
        changed = schedules.change_timezone("s", PARIS)
        assert changed.next_run_at is not None
        assert after(hours=1.5) < changed.next_run_at < after(hours=1.5, minutes=10)
        assert [run.due for run in dispatcher.tick("1d")] == [changed.next_run_at]

    def test_counts_and_runs_left_stay(
        self, scheduler: Scheduler, dispatcher: ManualDispatcher, schedules: Schedules, redis: redis_py.Redis
    ) -> None:
        scheduler.cron("30 14 * * *", jobs.nothing, id="s", timezone="UTC", repeat=3)
        dispatcher.tick("1d")
        finish(redis, "s")
        changed = schedules.change_timezone("s", PARIS)
        assert (changed.runs, len(changed.upcoming(9))) == (1, 2)
        job = scheduler.get_job("s")
        assert job is not None
        assert (job.meta["repeat"], job.meta["cron_string"]) == (2, "30 14 * * *")

    def test_a_plan_of_the_old_zone_is_not_committed(
        self, scheduler: Scheduler, dispatcher: ManualDispatcher, schedules: Schedules
    ) -> None:
        put(scheduler, "job", "1 12 * * *")
        dispatcher.tick("59s")  # it is planned ahead
        schedules.change_timezone("s", TOKYO)
        assert dispatcher.tick("1h") == []
        assert schedules["s"].next_run_at == datetime(2026, 3, 3, 3, 1, tzinfo=UTC)

    def test_mending_what_was_adopted_in_the_wrong_zone(
        self, scheduler: Scheduler, dispatcher: ManualDispatcher, schedules: Schedules, redis: redis_py.Redis
    ) -> None:
        """14:30 of Paris is pending, and UTC was assumed: it comes at its time, that day and the next."""
        put(scheduler, "job")
        scheduler.change_execution_time("s", after(hours=1.5))
        assert schedules.change_timezone("s", PARIS).next_run_at == after(hours=1.5)
        assert offsets(run.due for run in dispatcher.tick("1d")) == [1.5 * 3600]
        finish(redis, "s")
        assert offsets(run.due for run in dispatcher.tick("1d")) == [25.5 * 3600]

    def test_one_by_interval_reads_no_clock(self, scheduler: Scheduler, schedules: Schedules) -> None:
        scheduler.schedule(after(60), jobs.nothing, interval=60, id="s")
        with pytest.raises(InvalidArgument, match="'s' has no zone to change: Every"):
            schedules.change_timezone("s", PARIS)

    def test_one_that_no_dispatcher_has_adopted(self, scheduler: Scheduler, schedules: Schedules) -> None:
        scheduler.enqueue_at(after(days=9000), jobs.nothing, job_id="s")
        with pytest.raises(InvalidArgument, match=r"no recurring job as far as is known.*--adopt-timezone"):
            schedules.change_timezone("s", PARIS)

    def test_unknown(self, schedules: Schedules) -> None:
        with pytest.raises(ScheduleNotFound):
            schedules.change_timezone("s", PARIS)

    def test_others_who_change_it_meanwhile_are_not_undone(
        self,
        scheduler: Scheduler,
        dispatcher: ManualDispatcher,
        schedules: Schedules,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        put(scheduler, "job")
        read, between = scheduler._store.read_definitions, [lambda: put(scheduler, "job", "30 16 * * *")]

        def read_and_lose(*args: Any, **options: Any) -> Any:
            answer = read(*args, **options)
            while between:
                between.pop()()
            return answer

        monkeypatch.setattr(scheduler._store, "read_definitions", read_and_lose)
        changed = schedules.change_timezone("s", PARIS)
        assert changed.trigger == Cron("30 16 * * *", PARIS, "both")
        assert changed.next_run_at == after(hours=3.5)


class TestSchedules:
    @pytest.mark.parametrize(
        ("trigger", "moved"),
        [
            (RRule("FREQ=DAILY;BYHOUR=9"), RRule("FREQ=DAILY;BYHOUR=9", PARIS)),
            (
                RRule("DTSTART;TZID=Asia/Tokyo:20260101T090000\nRRULE:FREQ=DAILY"),
                RRule("DTSTART;TZID=Europe/Paris:20260101T090000\nRRULE:FREQ=DAILY"),
            ),
            (
                RRule("DTSTART:20260101T090000Z\nRRULE:FREQ=DAILY"),
                RRule("DTSTART;TZID=Europe/Paris:20260101T090000\nRRULE:FREQ=DAILY"),
            ),
            (
                AnyOf(Cron("0 9 * * *", TOKYO), Every("1d", anchor=after()), At(after(60))),
                AnyOf(Cron("0 9 * * *", PARIS), Every("1d", anchor=after()), At(after(60))),
            ),
        ],
        ids=["rule", "rule with a start", "rule with a start in UTC", "any of"],
    )
    def test_each_trigger_that_reads_a_clock(
        self, dispatcher: ManualDispatcher, schedules: Schedules, trigger: Any, moved: Any
    ) -> None:
        schedules.put("s", trigger, jobs.nothing)
        assert schedules.change_timezone("s", PARIS).trigger == moved

    def test_days_off_follow_the_trigger_unless_they_name_a_zone(
        self, dispatcher: ManualDispatcher, schedules: Schedules
    ) -> None:
        days = (Dates("2026-03-03"), Dates("2026-03-04", timezone=TOKYO))
        schedules.put("s", Cron("0 9 * * *"), jobs.nothing, exclude=days)
        spec = schedules.change_timezone("s", PARIS).spec
        assert spec is not None
        assert spec.exclude == days

    def test_a_paused_one_stays_paused(self, dispatcher: ManualDispatcher, schedules: Schedules) -> None:
        schedules.put("s", Cron("30 14 * * *"), jobs.nothing, paused=True, note="why")
        changed = schedules.change_timezone("s", PARIS)
        assert (changed.paused, changed.note, zone_of(schedules)) == (True, "why", PARIS)
        assert schedules.resume("s").next_run_at == after(hours=1.5)

    def test_one_whose_arguments_cannot_be_loaded_here(
        self, scheduler: Scheduler, dispatcher: ManualDispatcher, schedules: Schedules, redis: redis_py.Redis
    ) -> None:
        put(scheduler, "schedule")
        redis.hset("rq:scheduler:template:s", "data", b"of a class that is not here")
        schedules.change_timezone("s", PARIS)
        assert zone_of(schedules) == PARIS

    @pytest.mark.parametrize("trigger", [Every("1d"), At(after(60))])
    def test_what_reads_no_clock(self, dispatcher: ManualDispatcher, schedules: Schedules, trigger: Any) -> None:
        schedules.put("s", trigger, jobs.nothing)
        with pytest.raises(InvalidArgument, match="'s' has no zone to change"):
            schedules.change_timezone("s", PARIS)
