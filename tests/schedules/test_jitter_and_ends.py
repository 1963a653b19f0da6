"""Jitter; start, end, max_runs and finished; DST and exclusions as a schedule has them."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import redis as redis_py

import jobs_for_tests as jobs
from rq_scheduler import AnyOf, At, Cron, Dates, Every, Schedule, Scheduler
from rq_scheduler.client.schedules import Schedules
from rq_scheduler.errors import InvalidArgument
from rq_scheduler.testing import ManualClock, ManualDispatcher
from schedules.helpers import START, Worker, after, dues, offsets

pytestmark = pytest.mark.once

# --- jitter ---


def test_jitter_delays_each_fire_by_less_than_it_says(dispatcher: ManualDispatcher, schedules: Schedules) -> None:
    schedules.put("a", Every(600), jobs.nothing, jitter="60s", overlap="allow")
    fired = dispatcher.tick(600 * 40 + 60)
    delays = [due - 600 * n for n, due in enumerate(dues(fired), 1)]
    assert len(delays) == 40
    assert all(0 <= delay < 60 for delay in delays)
    assert len(set(delays)) == 40
    assert max(delays) - min(delays) > 30, "spread over it"
    assert [job.at for job in fired] == [job.due for job in fired]


def test_jitter_never_reaches_the_next_instant(dispatcher: ManualDispatcher, schedules: Schedules) -> None:
    schedules.put("a", Every(10), jobs.nothing, jitter="1h", overlap="allow")
    fired = dispatcher.tick(400)
    assert [int(due // 10) for due in dues(fired)] == list(range(1, len(fired) + 1))


def test_the_last_instant_has_all_of_the_jitter(dispatcher: ManualDispatcher, schedules: Schedules) -> None:
    found = [schedules.put(f"a{n}", At(after(60)), jobs.nothing, jitter="1000s").next_run_at for n in range(20)]
    assert max(offsets(due for due in found if due)) > 600


def test_jitter_is_stable_and_every_dispatcher_and_every_preview_agree_on_it(
    redis: redis_py.Redis, clock: ManualClock
) -> None:
    one, other = Scheduler(connection=redis), Scheduler(connection=redis)
    with ManualDispatcher(one, clock) as first, ManualDispatcher(other, clock) as second:
        one.schedules.put("a", Every(600), jobs.nothing, jitter="300s", overlap="allow")
        previews = one.schedules["a"].upcoming(6), other.schedules["a"].upcoming(6)
        assert previews[0] == previews[1]
        fired = []
        for _ in range(12):
            fired += first.tick(150)
            fired += second.tick(150)
    assert [job.due for job in fired] == previews[0][: len(fired)]
    assert len(fired) == 5 or len(fired) == 6


def test_jitter_depends_on_the_id(dispatcher: ManualDispatcher, schedules: Schedules) -> None:
    due = {schedules.put(f"s{n}", Every(600), jobs.nothing, jitter="300s").next_run_at for n in range(20)}
    assert len(due) == 20


def test_jitter_changes_no_nominal_time(dispatcher: ManualDispatcher, schedules: Schedules) -> None:
    schedules.put("a", Every(600), jobs.nothing, jitter="300s", overlap="allow")
    dispatcher.tick(600 * 5 + 300)
    assert offsets(run.nominal for run in schedules.runs("a")) == [3000, 2400, 1800, 1200, 600]
    assert [run.job_id for run in schedules.runs("a", 1)] == ["a-20260302T125000000000Z"]


# --- start and end ---


def test_start_is_inclusive_and_end_exclusive(dispatcher: ManualDispatcher, schedules: Schedules) -> None:
    put = schedules.put("a", Every(60), jobs.nothing, start=after(120), end=after(300), overlap="allow")
    assert put.next_run_at == after(120)
    assert dues(dispatcher.tick(1000)) == [120, 180, 240]
    stored = schedules["a"]
    assert (stored.finished, stored.next_run_at, stored.runs) == (True, None, 3)


def test_they_bound_the_nominal_time_and_not_the_due_time(dispatcher: ManualDispatcher, schedules: Schedules) -> None:
    schedules.put("a", Every(60), jobs.nothing, end=after(61), jitter="1h")
    (run,) = dispatcher.tick("2h")
    assert run.due >= after(61)
    assert schedules.runs("a")[0].nominal == after(60)


def test_a_start_long_after_the_put_keeps_the_phase_of_the_put(
    dispatcher: ManualDispatcher, schedules: Schedules
) -> None:
    assert schedules.put("a", Every(60), jobs.nothing, start=after(100)).next_run_at == after(120)


def test_a_start_in_the_past_catches_up_with_nothing(dispatcher: ManualDispatcher, schedules: Schedules) -> None:
    put = schedules.put("a", Every(60), jobs.nothing, start=after(-600), catchup="all")
    assert put.next_run_at == after(60)


def test_an_end_in_the_past_is_refused(
    redis: redis_py.Redis, dispatcher: ManualDispatcher, schedules: Schedules
) -> None:
    with pytest.raises(InvalidArgument, match="schedule 'a' would never fire"):
        schedules.put("a", Every(60), jobs.nothing, end=after(-1))
    assert "a" not in schedules


# --- max_runs and finished ---


def test_max_runs_counts_runs_handed_off(dispatcher: ManualDispatcher, schedules: Schedules) -> None:
    schedules.put("a", Every(60), jobs.nothing, max_runs=3, overlap="allow")
    assert dues(dispatcher.tick(1000)) == [60, 120, 180]
    stored = schedules["a"]
    assert (stored.finished, stored.runs, stored.next_run_at, stored.paused) == (True, 3, None, False)


def test_max_runs_holds_while_catching_up(
    clock: ManualClock, dispatcher: ManualDispatcher, schedules: Schedules
) -> None:
    schedules.put("a", Every(60), jobs.nothing, max_runs=3, overlap="allow", catchup="all")
    clock.move(1000)
    assert dues(dispatcher.tick()) == [60, 120, 180]
    assert schedules["a"].finished


def test_missed_instants_do_not_count_for_max_runs(
    clock: ManualClock, dispatcher: ManualDispatcher, schedules: Schedules
) -> None:
    schedules.put("a", Every(60), jobs.nothing, max_runs=2, overlap="allow")
    clock.move(1000)
    assert dues(dispatcher.tick(100)) == [960, 1020]


def test_remembered_runs_count_for_max_runs_before_they_start(
    dispatcher: ManualDispatcher, schedules: Schedules, worker: Worker
) -> None:
    schedules.put("a", Every(60), jobs.nothing, max_runs=3, overlap="buffer_all")
    fired = dispatcher.tick(600.5)
    for _ in range(4):
        worker.end_all()
        fired += dispatcher.tick(1)
    assert dues(fired) == [60, 120, 180]
    assert (schedules["a"].runs, schedules["a"].finished) == (3, True)


def test_more_max_runs_let_a_finished_schedule_go_on(dispatcher: ManualDispatcher, schedules: Schedules) -> None:
    schedules.put("a", Every(60), jobs.nothing, max_runs=1, overlap="allow")
    dispatcher.tick(300)
    assert schedules["a"].finished
    assert schedules.update("a", max_runs=2).next_run_at == after(360)
    assert dues(dispatcher.tick(300)) == [360]
    assert schedules["a"].finished


def test_fewer_max_runs_than_there_were_finish_it(dispatcher: ManualDispatcher, schedules: Schedules) -> None:
    schedules.put("a", Every(60), jobs.nothing, overlap="allow")
    dispatcher.tick(300)
    assert schedules.update("a", max_runs=2).finished
    assert dispatcher.tick(300) == []


def test_resuming_a_finished_schedule_does_not_start_it_again(
    dispatcher: ManualDispatcher, schedules: Schedules
) -> None:
    schedules.put("a", Every(60), jobs.nothing, max_runs=1)
    dispatcher.tick(60)
    schedules.pause("a")
    assert schedules.resume("a").finished
    assert dispatcher.tick(300) == []


@pytest.mark.parametrize(
    "definition",
    [
        Schedule("a", At(after(60)), jobs.nothing),
        Schedule("a", Every(60), jobs.nothing, end=after(90)),
        Schedule("a", Every(60), jobs.nothing, max_runs=1),
        Schedule("a", Cron("1 12 2 3 * 2026"), jobs.nothing),
        Schedule("a", AnyOf(At(after(60)), At(after(30))), jobs.nothing, max_runs=2, overlap="allow"),
    ],
    ids=["at", "end", "max_runs", "cron-year", "any-of"],
)
def test_what_can_never_fire_again_stays_marked_finished_until_deleted(
    dispatcher: ManualDispatcher, redis: redis_py.Redis, schedules: Schedules, definition: Schedule
) -> None:
    schedules.put(definition)
    assert dues(dispatcher.tick(60))[-1] == 60
    stored = schedules["a"]
    assert (stored.finished, stored.next_run_at, stored.paused, stored.upcoming(1)) == (True, None, False, [])
    assert dispatcher.tick(timedelta(days=900)) == []
    assert redis.zcard("rq:scheduler:due_schedules") == 0
    assert [run.outcome for run in schedules.runs("a", 1)] == ["enqueued"]
    assert schedules.upcoming() == []
    assert schedules.delete("a")


# --- exclusions ---


def test_excluded_days_are_whole_local_days_in_the_triggers_zone(
    dispatcher: ManualDispatcher, schedules: Schedules
) -> None:
    put = schedules.put(
        "a",
        Cron("0 */8 * * *", timezone="America/New_York"),
        jobs.nothing,
        exclude=(Dates("2026-03-03"),),
        overlap="allow",
    )
    # The 3rd in New York is from 05:00 UTC on the 3rd to 05:00 UTC on the 4th.
    expected = [f"2026-03-0{when}:00:00+00:00" for when in ("2T13", "2T21", "4T05", "4T13")]
    assert [due.isoformat() for due in put.upcoming(4)] == expected
    assert [job.due.isoformat() for job in dispatcher.tick(timedelta(days=2, hours=2))] == expected


def test_an_exclusion_may_name_another_zone(dispatcher: ManualDispatcher, schedules: Schedules) -> None:
    put = schedules.put("a", Every("6h"), jobs.nothing, exclude=(Dates("2026-03-03", timezone="Asia/Tokyo"),))
    # The 3rd in Tokyo is from 15:00 UTC on the 2nd to 15:00 UTC on the 3rd.
    assert [due.isoformat()[:13] for due in put.upcoming(2)] == ["2026-03-03T18", "2026-03-04T00"]


def test_excluded_instants_are_neither_missed_nor_skipped(
    clock: ManualClock, dispatcher: ManualDispatcher, schedules: Schedules
) -> None:
    schedules.put(
        "a", Every("1h"), jobs.nothing, exclude=(Dates("2026-03-03", "2026-03-04"),), catchup="all", overlap="allow"
    )
    clock.move(timedelta(days=4))
    assert len(dispatcher.tick()) == 11 + 36 + 1
    assert (schedules["a"].missed, schedules["a"].skipped) == (0, 0)


NEXT_DAY: dict[str, Any] = {"exclude": Dates("2026-03-03", "2026-03-04"), "excluded": "next_day"}


def test_a_run_on_a_day_off_is_moved_and_has_the_moved_time(dispatcher: ManualDispatcher, schedules: Schedules) -> None:
    put = schedules.put("a", Cron("0 9 * * *"), jobs.nothing, overlap="allow", **NEXT_DAY)
    expected = [f"2026-03-0{day}T09:00:00+00:00" for day in (5, 6, 7)]
    assert [due.isoformat() for due in put.upcoming(3)] == expected, "the 3rd, the 4th and the 5th are one run"
    assert [job.due.isoformat() for job in dispatcher.tick(timedelta(days=5))] == expected
    runs = schedules.runs("a")
    assert [run.nominal.isoformat() for run in runs][::-1] == expected
    assert [run.job_id for run in runs][-1] == "a-20260305T090000000000Z"
    assert (schedules["a"].missed, schedules["a"].skipped, schedules["a"].runs) == (0, 0, 3)


def test_the_day_before_is_over_by_then(dispatcher: ManualDispatcher, schedules: Schedules) -> None:
    """Put at noon on the 2nd: 09:00 has passed, to which the 3rd would have been moved."""
    put = schedules.put(
        "a", Cron("0 9 * * *"), jobs.nothing, exclude=Dates("2026-03-03", "2026-03-06"), excluded="previous_day"
    )
    assert [due.isoformat()[:10] for due in put.upcoming(3)] == ["2026-03-04", "2026-03-05", "2026-03-07"]


def test_moved_instants_are_missed_and_caught_up_as_others(
    clock: ManualClock, dispatcher: ManualDispatcher, schedules: Schedules
) -> None:
    for catchup in ("all", "latest", "none"):
        schedules.put(catchup, Cron("0 9,15 * * *"), jobs.nothing, catchup=catchup, overlap="allow", **NEXT_DAY)
    clock.move(timedelta(days=4))
    handed_off = [f"{job.id.partition('-')[0]} {job.due:%d %H}" for job in dispatcher.tick()]
    # On the 2nd at 15:00, on the 5th twice, on the 6th at 09:00.
    assert sorted(handed_off) == ["all 02 15", "all 05 09", "all 05 15", "all 06 09", "latest 06 09"]
    assert [schedules[id].missed for id in ("all", "latest", "none")] == [0, 3, 4]


def test_max_runs_counts_moved_runs_once(dispatcher: ManualDispatcher, schedules: Schedules) -> None:
    schedules.put("a", Cron("0 9 * * *"), jobs.nothing, max_runs=2, overlap="allow", **NEXT_DAY)
    assert [f"{job.due:%d}" for job in dispatcher.tick(timedelta(days=9))] == ["05", "06"]
    assert schedules["a"].finished


def test_an_instant_that_is_moved_past_the_end_does_not_run(dispatcher: ManualDispatcher, schedules: Schedules) -> None:
    end = datetime(2026, 3, 5, 9, tzinfo=UTC)
    with pytest.raises(InvalidArgument, match="would never fire"):
        schedules.put("a", Cron("0 9 * * *"), jobs.nothing, end=end, **NEXT_DAY)
    schedules.put("a", Cron("0 9 * * *"), jobs.nothing, end=end + timedelta(seconds=1), **NEXT_DAY)
    assert [f"{job.due:%d}" for job in dispatcher.tick(timedelta(days=9))] == ["05"]


def test_another_way_with_days_off_rearms_and_the_same_way_does_not(
    dispatcher: ManualDispatcher, schedules: Schedules
) -> None:
    put = {"trigger": Every("24h"), "func": jobs.nothing, "exclude": Dates("2026-03-03")}
    assert schedules.put("a", **put).next_run_at == after(days=2)
    moved = schedules.update("a", excluded="previous_day")
    assert (moved.version, moved.next_run_at) == (2, after(days=2)), "the 2nd at noon is now"
    again = schedules.put("a", **put, excluded="previous_day")
    assert again.version == 2
    schedules.update("a", exclude=Dates("2026-03-04"))
    assert schedules["a"].next_run_at == after(days=1)
    assert [f"{due:%d}" for due in schedules["a"].upcoming(3)] == ["03", "05", "06"], "the 4th falls upon the 3rd"


# --- DST, through a dispatcher (the triggers have tests of their own) ---


@pytest.fixture
def fired_on(redis: redis_py.Redis) -> Callable[[str, str], list[str]]:
    """What a cron in Paris fires on a local day, served by a dispatcher, as local times with their offset."""

    def fire(expression: str, day: str) -> list[str]:
        trigger = Cron(expression, timezone="Europe/Paris")
        zone = "Europe/Paris"
        begin = Cron("0 0 * * *", timezone=zone).next_after(
            datetime.fromisoformat(f"{day}T00:00+00:00") - timedelta(hours=12)
        )
        assert begin is not None
        clock = ManualClock(begin - timedelta(seconds=1))
        scheduler = Scheduler(connection=redis)
        with ManualDispatcher(scheduler, clock) as dispatcher:
            scheduler.schedules.put("paris", trigger, jobs.nothing, overlap="allow")
            handed_off = dispatcher.tick(timedelta(hours=26))
        local = [_local(job.due) for job in handed_off]
        assert all(job.at == job.due for job in handed_off)
        return [moment[11:16] + moment[-6:] for moment in local if moment.startswith(day)]

    return fire


def _local(moment: datetime) -> str:
    # By the rule of the European Union, and not by the code under test: summer time from 01:00 UTC on 29 March 2026 to
    # 01:00 UTC on 25 October 2026.
    summer = datetime(2026, 3, 29, 1, tzinfo=UTC) <= moment < datetime(2026, 10, 25, 1, tzinfo=UTC)
    hours = 2 if summer else 1
    return (moment + timedelta(hours=hours)).replace(tzinfo=None).isoformat() + f"+0{hours}:00"


SPRING, AUTUMN = "2026-03-29", "2026-10-25"


@pytest.mark.parametrize(
    ("day", "expected"), [(SPRING, ["03:00+02:00"]), (AUTUMN, ["02:30+02:00"])], ids=["spring", "autumn"]
)
def test_30_2_runs_once_right_after_the_jump_and_the_first_time_of_the_repeated_hour(
    fired_on: Callable[[str, str], list[str]], day: str, expected: list[str]
) -> None:
    assert fired_on("30 2 * * *", day) == expected


@pytest.mark.parametrize(
    ("day", "some"),
    [(SPRING, ["00:30+01:00", "01:30+01:00", "03:30+02:00"]), (AUTUMN, ["01:30+02:00", "02:30+02:00", "02:30+01:00"])],
    ids=["spring", "autumn"],
)
def test_30_of_every_hour_runs_by_elapsed_time(
    fired_on: Callable[[str, str], list[str]], day: str, some: list[str]
) -> None:
    fired = fired_on("30 * * * *", day)
    first = fired.index(some[0])
    assert fired[first : first + 3] == some
    assert len(fired) == (23 if day == SPRING else 25)


@pytest.mark.parametrize(("day", "count"), [(SPRING, 96 - 4), (AUTUMN, 96 + 4)], ids=["spring", "autumn"])
def test_every_quarter_of_an_hour_runs_4_times_less_and_4_times_more(
    fired_on: Callable[[str, str], list[str]], day: str, count: int
) -> None:
    assert len(fired_on("*/15 * * * *", day)) == count


def test_a_run_is_known_by_its_nominal_time_in_utc_in_the_repeated_hour_too(
    redis: redis_py.Redis, fired_on: Callable[[str, str], list[str]]
) -> None:
    fired_on("30 * * * *", AUTUMN)
    ids = [run.job_id for run in Scheduler(connection=redis).schedules.runs("paris", 50)]
    assert len(ids) == len(set(ids))
    assert {"paris-20261025T003000000000Z", "paris-20261025T013000000000Z"} <= set(ids)


def test_the_start_of_the_tests_is_a_monday() -> None:
    assert START.isoweekday() == 1
