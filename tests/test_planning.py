"""What fires, what was missed, what comes next: tables, and properties against a slow model that lists all instants."""

import time
from datetime import timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rq_scheduler.aliases import Catchup
from rq_scheduler.clock import US, from_us
from rq_scheduler.model import Spec
from rq_scheduler.occurrences import Occurrences, jitter_of
from rq_scheduler.planning import MAX_COUNTED, MISSED_AFTER, Instant, Missed, Plan, coming, due_time, plan
from rq_scheduler.triggers import At, Cron, Dates, Every

pytestmark = pytest.mark.once

T = 1_795_464_000 * US
"""2026-11-23T20:00:00Z, the armed instant of every example."""


def spec(seconds: float = 60, **policies: object) -> Spec:
    return Spec(trigger=Every(seconds), **policies)  # type: ignore[arg-type]


def interval_of(made: Spec) -> int:
    assert isinstance(made.trigger, Every)
    return made.trigger.interval.us


def at(nominal: int) -> Instant:
    """An instant without jitter."""
    return Instant(nominal, nominal)


# --- the model: every instant up to `until`, one by one, and the page on schedules read literally ---


def _instants(id: str, spec: Spec, armed: int, until: int, moved: int | None = None) -> list[tuple[int, int]]:
    """(nominal, due) of the armed instant, of all that are due by `until`, and of two more."""
    trigger = spec.trigger
    nominal, listed, extra = armed, [], 0
    while extra < 3:
        if isinstance(trigger, Every):
            following = nominal + interval_of(spec)
        else:
            following = trigger.after(nominal)
        gap = None if following is None else following - nominal
        due = nominal + (jitter_of(id, nominal, spec.jitter.us, gap) if spec.jitter else 0)
        if moved is not None and nominal == armed:
            due = moved
        listed.append((nominal, due))
        extra += due > until
        if following is None:
            break
        nominal = following
    return listed


Told = tuple[list[int], tuple[int, int, int] | None, int | None]
"""(what runs, (count, first, last) of what was missed, what is armed next)."""


def model(
    id: str,
    spec: Spec,
    armed: int,
    now: int,
    *,
    due: int | None = None,
    updated: int | None = None,
    at_most: int = 1,
) -> Told:
    moment = max(now, _instants(id, spec, armed, armed, due)[0][1])
    listed = _instants(id, spec, armed, moment, due)
    ripe = [one for one in listed if one[1] <= moment]

    def may_run(position: int) -> bool:
        age = moment - ripe[position][1]
        missed = age > MISSED_AFTER or position + 1 < len(ripe)
        if not missed:
            return True
        if updated is not None and ripe[position][0] < updated:
            return False
        return spec.catchup != "none" and (spec.catchup_window is None or age < spec.catchup_window.us)

    able = [position for position in range(len(ripe)) if may_run(position)]
    if spec.catchup == "all":
        chosen = able[:at_most]
    else:
        chosen = [position for position in able if position == len(ripe) - 1]
    dropped = ripe[: chosen[0] if chosen else len(ripe)]
    behind = listed[chosen[-1] + 1 if chosen else len(ripe) :]
    return (
        [ripe[position][0] for position in chosen],
        (len(dropped), dropped[0][0], dropped[-1][0]) if dropped else None,
        behind[0][0] if behind else None,
    )


def told(made: Plan) -> Told:
    missed = made.missed
    return (
        [one.nominal for one in made.fires],
        (missed.count, missed.first, missed.last) if missed else None,
        made.next and made.next.nominal,
    )


SECONDS = st.integers(1, 40).map(lambda n: n * US)
SPECS = st.builds(
    lambda interval, catchup, window, jitter: Spec(
        trigger=Every(timedelta(microseconds=interval)),
        catchup=catchup,
        catchup_window=None if window is None else timedelta(microseconds=window),
        jitter=timedelta(microseconds=jitter),
    ),
    st.one_of(SECONDS, st.integers(1_000, 40 * US)),
    st.sampled_from(["latest", "all", "none"]),
    st.one_of(st.none(), SECONDS, st.integers(1, 200 * US)),
    st.one_of(st.just(0), st.integers(1, 60 * US)),
)
AT_MOST = st.one_of(st.just(1), st.integers(1, 200))
# The moment of the definition: long ago, about the armed instant, or among those that were missed meanwhile.
UPDATED = st.one_of(st.none(), st.integers(-60 * US, 90 * US).map(lambda delta: T + delta))
# A due time that a caller has moved, up to about the next instants, either way.
MOVED = st.one_of(st.none(), st.integers(-20 * US, 20 * US).map(lambda delta: T + delta))
# Around the moments at which an answer changes, and far behind.
LATE = st.one_of(
    st.integers(-5 * US, 3 * US),
    st.integers(0, 20).map(lambda n: n * US),
    st.builds(lambda n, d: n * US + d, st.integers(0, 60), st.sampled_from([-1, 0, 1])),
    st.integers(0, 120 * US),
)


def _not_past_the_next(made: Spec, moved: int | None) -> int | None:
    """A moved due time that keeps the instants in order."""
    return None if moved is None else min(moved, T + interval_of(made) - 1)


class TestProperties:
    @settings(max_examples=400)
    @given(SPECS, LATE, st.sampled_from(["a", "b", "some-id"]), AT_MOST, UPDATED, MOVED)
    def test_is_what_the_model_says(
        self, made: Spec, late: int, id: str, at_most: int, updated: int | None, moved: int | None
    ) -> None:
        now = T + min(late, interval_of(made) * 2_000)
        moved = _not_past_the_next(made, moved)
        planned = plan(id, made, T, now, due=moved, updated=updated, at_most=at_most)
        assert told(planned) == model(id, made, T, now, due=moved, updated=updated, at_most=at_most)

    @settings(max_examples=400)
    @given(SPECS, LATE, UPDATED, MOVED, st.data())
    def test_holds_as_long_as_it_says(
        self, made: Spec, late: int, updated: int | None, moved: int | None, data: st.DataObject
    ) -> None:
        """A plan commits at any moment from when it was made (or `not_before`, if that is to come) until just before
        `valid_until`: its answer may not differ by then, and has to differ afterwards."""
        now = T + min(late, interval_of(made) * 500)
        moved = _not_past_the_next(made, moved)
        first = plan("id", made, T, now, due=moved, updated=updated)
        begin, end = max(first.not_before, now), first.valid_until
        horizon = begin + 200 * US if end is None else end - 1
        assert begin <= horizon
        moment = data.draw(st.one_of(st.just(horizon), st.integers(begin, horizon)))
        assert told(plan("id", made, T, moment, due=moved, updated=updated)) == told(first)
        if end is not None:
            assert told(plan("id", made, T, end, due=moved, updated=updated)) != told(first)

    @settings(max_examples=200)
    @given(SPECS, LATE, AT_MOST)
    def test_many_at_once_are_what_one_by_one_would_run(self, made: Spec, late: int, at_most: int) -> None:
        now = T + min(late, interval_of(made) * 2_000)
        together = plan("id", made, T, now, at_most=at_most)
        armed, fires = T, []
        while len(fires) < len(together.fires):
            one = plan("id", made, armed, now)
            fires += one.fires
            assert one.next is not None
            armed = one.next.nominal
        assert tuple(fires) == together.fires
        if fires:
            assert together.next is not None
            assert armed == together.next.nominal

    @settings(max_examples=200)
    @given(SPECS, LATE, AT_MOST)
    def test_a_run_is_never_early(self, made: Spec, late: int, at_most: int) -> None:
        planned = plan("id", made, T, T + late, at_most=at_most)
        moment = max(planned.not_before, T + late)
        assert all(one.nominal <= one.due <= moment for one in planned.fires)
        armed = [*planned.fires, *([planned.next] if planned.next else [])]
        assert all(one.nominal < other.nominal and one.due < other.due for one, other in pairwise(armed))

    @settings(max_examples=100)
    @given(SPECS, st.lists(st.integers(0, 90 * US), min_size=1, max_size=20), AT_MOST)
    def test_passes_at_any_moments_drop_and_double_nothing(self, made: Spec, pauses: list[int], at_most: int) -> None:
        """Whenever dispatchers come by: each instant is run, or missed, exactly once, in order, without drift."""
        armed, now = T, T
        interval = interval_of(made)
        seen: list[tuple[int, int]] = []
        for pause in pauses:
            now += min(pause, interval * 200)
            for _ in range(10):
                planned = plan("id", made, armed, now, at_most=at_most)
                if planned.not_before > now:
                    break
                if planned.missed:
                    seen.append((planned.missed.first, planned.missed.last))
                    assert planned.missed.count == (planned.missed.last - planned.missed.first) // interval + 1
                seen += [(one.nominal, one.nominal) for one in planned.fires]
                assert planned.next is not None
                armed = planned.next.nominal
        for (_, last), (first, _) in pairwise(seen):
            assert first == last + interval
        if seen:
            assert seen[0][0] == T
            assert (seen[-1][1] - T) % interval == 0

    @given(st.text(max_size=20), st.integers(-(10**15), 10**16), st.integers(0, 10**12), st.integers(1, 10**12))
    def test_jitter_stays_within_its_bounds(self, id: str, nominal: int, jitter: int, gap: int) -> None:
        amount = jitter_of(id, nominal, jitter, gap)
        assert 0 <= amount <= max(0, min(jitter, gap) - 1)
        assert amount == jitter_of(id, nominal, jitter, gap)
        assert 0 <= jitter_of(id, nominal, jitter, None) <= max(0, jitter - 1)


class TestOnTime:
    def test_ahead_of_its_time(self) -> None:
        assert plan("x", spec(), T, T - 5 * US) == Plan(
            (at(T),), None, at(T + 60 * US), not_before=T, valid_until=T + 60 * US
        )

    def test_a_little_late(self) -> None:
        assert plan("x", spec(), T, T + 9 * US) == Plan(
            (at(T),), None, at(T + 60 * US), not_before=T, valid_until=T + 60 * US
        )

    def test_the_next_comes_from_the_nominal_time_and_not_from_now(self) -> None:
        armed = T
        for _ in range(1000):
            following = plan("x", spec(0.1), armed, armed + 37_123).next
            assert following is not None
            armed = following.nominal
        assert armed == T + 100 * US

    def test_a_last_instant(self) -> None:
        last = Spec(trigger=Cron("0 0 1 1 * 2027"))
        first = last.trigger.after(T)
        assert first is not None
        assert plan("x", last, first, first) == Plan((at(first),), None, None, first, None)
        assert plan("x", last, first, first + 400 * 86400 * US).nominal == first

    def test_an_armed_instant_off_the_grid(self) -> None:
        """`change_execution_time` of a cron: it runs then, and the cron goes on."""
        hourly = Spec(trigger=Cron("0 * * * *"))
        assert plan("x", hourly, T + 7 * US, T + 8 * US) == Plan(
            (at(T + 7 * US),), None, at(T + 3600 * US), not_before=T + 7 * US, valid_until=T + 3600 * US
        )
        late = plan("x", hourly, T + 7 * US, T + 2 * 3600 * US + 5 * US)
        assert (late.nominal, late.missed) == (T + 2 * 3600 * US, Missed(2, T + 7 * US, T + 3600 * US))


GRACE = MISSED_AFTER

# (catchup, window in s or None, seconds late) -> (runs: minutes after T or None, missed, next: minutes after T)
TABLE: list[tuple[Catchup, float | None, float, int | None, int, int]] = [
    ("latest", None, 0, 0, 0, 1),
    ("latest", None, 59, 0, 0, 1),
    ("latest", None, 60, 1, 1, 2),
    ("latest", None, 185, 3, 3, 4),
    ("latest", 30, 29, 0, 0, 1),
    ("latest", 30, 29.999999, 0, 0, 1),
    ("latest", 30, 30, None, 1, 1),
    ("latest", 30, 65, 1, 1, 2),
    ("latest", 30, 95, None, 2, 2),
    ("latest", 5, 9, 0, 0, 1),
    ("latest", 5, 10.000001, None, 1, 1),
    ("none", None, 10, 0, 0, 1),
    ("none", None, 10.000001, None, 1, 1),
    ("none", None, 65, 1, 1, 2),
    ("none", None, 75, None, 2, 2),
    ("none", 3600, 75, None, 2, 2),
    ("all", None, 0, 0, 0, 1),
    ("all", None, 600, 0, 0, 1),
    ("all", 100, 600, 9, 9, 10),
    ("all", 120, 600, 9, 9, 10),
    ("all", 120.000001, 600, 8, 8, 9),
    ("all", 10, 655, None, 11, 11),
    ("all", 10, 605, 10, 10, 11),
]


@pytest.mark.parametrize(("catchup", "window", "late", "runs", "missed", "following"), TABLE)
def test_catch_up(
    catchup: Catchup, window: float | None, late: float, runs: int | None, missed: int, following: int
) -> None:
    made = spec(60, catchup=catchup, catchup_window=window)
    planned = plan("x", made, T, T + round(late * US))
    assert planned.nominal == (None if runs is None else T + runs * 60 * US)
    assert (planned.missed.count if planned.missed else 0) == missed
    assert planned.next == at(T + following * 60 * US)


class TestLongPauses:
    @pytest.mark.parametrize("count", [MAX_COUNTED - 1, MAX_COUNTED])
    def test_counted_exactly(self, count: int) -> None:
        planned = plan("x", spec(1), T, T + count * US)
        assert planned.missed == Missed(count, T, T + (count - 1) * US)
        assert planned.nominal == T + count * US

    @pytest.mark.parametrize("catchup", ["latest", "none"])
    def test_a_month_of_seconds_costs_no_more(self, catchup: Catchup) -> None:
        month = 30 * 86400 * US
        began = time.process_time()
        planned = plan("x", spec(1, catchup=catchup), T, T + month)
        assert time.process_time() - began < 1
        assert planned.nominal == T + month
        assert planned.missed == Missed(MAX_COUNTED, T, T + month - US, at_least=True)
        assert planned.next == at(T + month + US)

    def test_with_jitter_the_newest_due_is_still_found(self) -> None:
        made = spec(1, jitter=1)
        month = 30 * 86400 * US
        planned = plan("x", made, T, T + month)
        assert planned.nominal is not None
        assert planned.not_before <= T + month
        assert planned.next is not None
        assert planned.valid_until is not None
        assert planned.valid_until > T + month

    def test_all_within_a_window_after_a_long_pause(self) -> None:
        month = 30 * 86400 * US
        planned = plan("x", spec(1, catchup="all", catchup_window=5), T, T + month)
        assert planned.nominal == T + month - 4 * US
        assert planned.missed is not None
        assert planned.missed.at_least
        assert planned.missed.last == T + month - 5 * US

    def test_a_cron_of_years(self) -> None:
        made = Spec(trigger=Cron("* * * * *"))
        years = 5 * 365 * 86400 * US
        planned = plan("x", made, T, T + years + 30 * US)
        assert planned.nominal == T + years
        assert planned.missed is not None
        assert planned.missed.at_least


MINUTE, DAY = 60 * US, 86_400 * US


class TestManyAtOnce:
    """`catchup="all"`: what one commit may run together."""

    @pytest.mark.parametrize(
        ("at_most", "late", "runs", "following"),
        [(1, 600, [0], 1), (3, 600, [0, 1, 2], 3), (20, 600, list(range(11)), 11), (20, 59, [0], 1)],
    )
    def test_oldest_first_up_to_so_many(self, at_most: int, late: int, runs: list[int], following: int) -> None:
        planned = plan("x", spec(60, catchup="all"), T, T + late * US, at_most=at_most)
        assert planned.fires == tuple(at(T + run * MINUTE) for run in runs)
        assert (planned.missed, planned.next, planned.valid_until) == (None, at(T + following * MINUTE), None)

    @pytest.mark.parametrize("at_most", [1, 3])
    def test_and_the_one_to_arm_then_but_none_behind_it(self, at_most: int) -> None:
        made = coming("x", spec(60, catchup="all"), at(T), T + 600 * US, at_most=at_most)
        assert made.instants == tuple(at(T + run * MINUTE) for run in range(at_most + 1))
        assert not made.finished

    def test_those_out_of_the_window_are_missed_first(self) -> None:
        planned = plan("x", spec(60, catchup="all", catchup_window="2m"), T, T + 10 * MINUTE, at_most=2)
        assert planned.missed == Missed(9, T, T + 8 * MINUTE)
        assert planned.fires == (at(T + 9 * MINUTE), at(T + 10 * MINUTE))
        # By then the oldest of them is out of the window.
        assert planned.valid_until == T + 11 * MINUTE

    @pytest.mark.parametrize("catchup", ["latest", "none"])
    def test_nothing_else_runs_more_than_one(self, catchup: Catchup) -> None:
        planned = plan("x", spec(60, catchup=catchup), T, T + 10 * MINUTE, at_most=50)
        assert planned.fires == (at(T + 10 * MINUTE),)

    def test_each_has_its_own_jitter(self) -> None:
        made = spec(60, catchup="all", jitter=30)
        planned = plan("x", made, T, T + 3 * MINUTE - 1, at_most=9)
        assert [one.due for one in planned.fires] == [due_time("x", made, T + run * MINUTE) for run in range(3)]
        assert planned.not_before == planned.fires[0].due

    def test_the_end_of_the_series_ends_them(self) -> None:
        made = spec(60, catchup="all", end=from_us(T + 150 * US))
        planned = plan("x", made, T, T + DAY, at_most=50)
        assert planned.fires == (at(T), at(T + MINUTE), at(T + 2 * MINUTE))
        assert planned.next is None


class TestDefinedMeanwhile:
    """An instant before the definition's `updated_at` never fires late."""

    @pytest.mark.parametrize("catchup", ["latest", "all"])
    def test_what_was_named_before_is_missed(self, catchup: Catchup) -> None:
        made = spec(60, catchup=catchup)
        planned = plan("x", made, T, T + 150 * US, updated=T + 125 * US)
        assert (planned.fires, planned.missed, planned.next) == (
            (),
            Missed(3, T, T + 2 * MINUTE),
            at(T + 3 * MINUTE),
        )
        assert planned.valid_until == T + 3 * MINUTE

    def test_what_was_named_since_is_caught_up(self) -> None:
        planned = plan("x", spec(60, catchup="all"), T, T + 5 * MINUTE, updated=T + 90 * US, at_most=9)
        assert planned.missed == Missed(2, T, T + MINUTE)
        assert planned.fires == tuple(at(T + run * MINUTE) for run in range(2, 6))

    @pytest.mark.parametrize("catchup", ["latest", "all", "none"])
    def test_a_few_seconds_are_not_late(self, catchup: Catchup) -> None:
        planned = plan("x", spec(60, catchup=catchup), T, T + 9 * US, updated=T + 5 * US)
        assert planned.fires == (at(T),)
        assert planned.valid_until == T + MISSED_AFTER + 1

    def test_an_instant_at_that_moment_is_not_before_it(self) -> None:
        planned = plan("x", spec(60), T, T + 50 * US, updated=T)
        assert (planned.fires, planned.valid_until) == ((at(T),), T + MINUTE)

    def test_long_ago_costs_no_more(self) -> None:
        month = 30 * DAY
        began = time.process_time()
        planned = plan("x", spec(1, catchup="all"), T, T + month, updated=T + month - 5 * US, at_most=9)
        assert time.process_time() - began < 1
        assert planned.missed == Missed(MAX_COUNTED, T, T + month - 6 * US, at_least=True)
        assert planned.fires == tuple(at(T + month - back * US) for back in range(5, -1, -1))


class TestStartAndEnd:
    def test_the_end_is_not_an_instant_of_it(self) -> None:
        made = spec(60, end=from_us(T + 2 * MINUTE))
        planned = plan("x", made, T + MINUTE, T + MINUTE)
        assert planned == Plan((at(T + MINUTE),), None, None, T + MINUTE, None)

    def test_after_the_end_the_last_one_is_caught_up(self) -> None:
        planned = plan("x", spec(60, end=from_us(T + 2 * MINUTE)), T, T + DAY)
        assert planned == Plan((at(T + MINUTE),), Missed(1, T, T), None, T + MINUTE, None)
        none = plan("x", spec(60, end=from_us(T + 2 * MINUTE), catchup="none"), T, T + DAY)
        assert none == Plan((), Missed(2, T, T + MINUTE), None, T + DAY, None)

    def test_nothing_comes_before_the_start(self) -> None:
        made = spec(60, start=from_us(T + 150 * US))
        assert plan("x", made, T, T).next == at(T + 3 * MINUTE)
        at_start = spec(60, start=from_us(T + 2 * MINUTE))
        assert plan("x", at_start, T, T).next == at(T + 2 * MINUTE)

    def test_jitter_may_carry_the_last_one_past_the_end(self) -> None:
        """`end` bounds the nominal time."""
        made = spec(60, end=from_us(T + 1), jitter=30)
        planned = plan("x", made, T, T)
        assert planned.fires[0].due > T + 1
        assert planned.next is None


class TestExclusions:
    """T is 20:00 UTC on the 23rd."""

    def test_the_next_is_on_another_day(self) -> None:
        made = Spec(trigger=Cron("0 20 * * *"), exclude=(Dates("2026-11-24", "2026-11-25"),))
        assert plan("x", made, T, T) == Plan((at(T),), None, at(T + 3 * DAY), T, T + 3 * DAY)

    def test_excluded_instants_are_not_missed(self) -> None:
        made = Spec(trigger=Cron("0 20 * * *"), exclude=(Dates("2026-11-24", "2026-11-26"),))
        planned = plan("x", made, T, T + 5 * DAY)
        assert planned.missed == Missed(3, T, T + 4 * DAY)
        assert planned.fires == (at(T + 5 * DAY),)

    def test_the_gap_that_bounds_jitter_reaches_over_them(self) -> None:
        made = Spec(trigger=Cron("0 20 * * *"), exclude=(Dates("2026-11-24"),), jitter="30h")
        assert due_time("x", made, T) == T + jitter_of("x", T, 108_000 * US, 2 * DAY)

    def test_a_month_of_seconds_with_a_day_left_out_costs_no_more(self) -> None:
        made = spec(1, exclude=(Dates("2026-11-25"),), catchup="all", catchup_window="10m")
        began = time.process_time()
        planned = plan("x", made, T, T + 30 * DAY, at_most=600)
        assert time.process_time() - began < 1
        assert planned.fires == tuple(at(T + 30 * DAY - back * US) for back in range(599, -1, -1))

    def test_those_without_a_day_left_never_fire_again(self) -> None:
        made = Spec(trigger=Cron("0 0 25 12 *"), exclude=(Dates(*(f"{year}-12-25" for year in range(2026, 2500))),))
        assert plan("x", made, T, T).next is not None
        last = Spec(trigger=At(from_us(T + DAY)), exclude=(Dates("2026-11-24"),))
        assert plan("x", last, T, T).next is None


class TestMovedByACaller:
    """`due` is when the armed instant is due, whatever its jitter or nominal time says."""

    def test_later(self) -> None:
        planned = plan("x", spec(3600), T, T + 60 * US, due=T + 1800 * US)
        assert planned == Plan((Instant(T, T + 1800 * US),), None, at(T + 3600 * US), T + 1800 * US, T + 3600 * US)

    def test_earlier(self) -> None:
        for catchup in ("latest", "all", "none"):
            planned = plan("x", spec(3600, catchup=catchup), T, T - 600 * US, due=T - 600 * US)
            assert planned.fires == (Instant(T, T - 600 * US),)
            assert planned.next == at(T + 3600 * US)

    def test_lateness_counts_from_there(self) -> None:
        made = spec(3600, catchup="none")
        assert plan("x", made, T, T + 605 * US, due=T + 600 * US).fires == (Instant(T, T + 600 * US),)
        assert plan("x", made, T, T + 611 * US, due=T + 600 * US).missed == Missed(1, T, T)

    def test_past_the_next_one_the_next_one_is_the_newest(self) -> None:
        planned = plan("x", spec(60), T, T, due=T + 90 * US)
        assert planned.fires == (at(T + MINUTE),)
        assert planned.missed == Missed(1, T, T)

    def test_jitter_of_the_others_stays(self) -> None:
        made = spec(60, jitter=30)
        planned = plan("x", made, T, T, due=T)
        assert planned.fires == (at(T),)
        assert planned.next == Instant(T + MINUTE, due_time("x", made, T + MINUTE))


def test_a_preview_lists_what_planning_then_does() -> None:
    made = Spec(
        trigger=Cron("*/7 * * * *", "Europe/Paris"),
        jitter="3m",
        exclude=(Dates("2026-11-24"),),
        end=from_us(T + 3 * DAY),
    )
    listed = list(Occurrences("x", made).walk(T))
    armed: int | None = listed[0][0]
    happened: list[tuple[int, int]] = []
    while armed is not None:
        planned = plan("x", made, armed, armed)
        happened += [(one.nominal, one.due) for one in planned.fires]
        armed = planned.next and planned.next.nominal
    assert happened == listed
    assert Occurrences("x", made).before(T + 4 * DAY) == listed[-1][0]


class TestJitter:
    def test_is_stable_and_spread(self) -> None:
        amounts = [jitter_of("x", T + i * US, 10 * US, None) for i in range(2000)]
        assert amounts == [jitter_of("x", T + i * US, 10 * US, None) for i in range(2000)]
        assert len(set(amounts)) > 1900
        assert 4.5 * US < sum(amounts) / len(amounts) < 5.5 * US
        assert [jitter_of("y", T + i * US, 10 * US, None) for i in range(2000)] != amounts

    def test_all_dispatchers_agree_across_versions(self) -> None:
        """The function is part of the stored format: two versions side by side must not fire at two times."""
        assert jitter_of("id", T, 60 * US, None) == 11_502_298

    def test_delays_the_due_time_and_not_the_nominal(self) -> None:
        made = spec(60, jitter=30)
        delay = jitter_of("x", T, 30 * US, 60 * US)
        planned = plan("x", made, T, T)
        assert (planned.nominal, planned.not_before) == (T, T + delay)
        assert planned.valid_until == T + 60 * US + jitter_of("x", T + 60 * US, 30 * US, 60 * US)

    def test_never_reaches_the_next_instant(self) -> None:
        made = spec(1, jitter=3600)
        for i in range(200):
            planned = plan("x", made, T + i * US, T)
            assert planned.not_before < T + (i + 1) * US
