"""What fires, what was missed, what comes next: tables, and properties against a slow model that lists all instants."""

import time
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rq_scheduler.clock import US
from rq_scheduler.planning import COUNTED_EXACTLY, MISSED_AFTER, Missed, Plan, jitter_of, plan
from rq_scheduler.schedule import Catchup, Spec
from rq_scheduler.triggers import Cron, Every

T = 1_795_464_000 * US
"""2026-11-23T20:00:00Z, the armed instant of every example."""


def spec(seconds: float = 60, **policies: object) -> Spec:
    return Spec(trigger=Every(seconds), **policies)  # type: ignore[arg-type]


# --- the model: every instant up to `until`, one by one, and the page on schedules read literally ---


def _instants(id: str, spec: Spec, armed: int, until: int) -> list[tuple[int, int]]:
    """(nominal, due) of the armed instant, of all that are due by `until`, and of two more."""
    trigger = spec.trigger
    nominal, listed, extra = armed, [], 0
    while extra < 3:
        if isinstance(trigger, Every):
            following = nominal + trigger.interval
        else:
            following = trigger.after(nominal)
        gap = None if following is None else following - nominal
        due = nominal + (jitter_of(id, nominal, spec.jitter, gap) if spec.jitter else 0)
        listed.append((nominal, due))
        extra += due > until
        if following is None:
            break
        nominal = following
    return listed


def model(id: str, spec: Spec, armed: int, now: int) -> tuple[int | None, tuple[int, int, int] | None, int | None]:
    """(what runs, (count, first, last) of what was missed, what is armed next)."""
    moment = max(now, _instants(id, spec, armed, armed)[0][1])
    listed = _instants(id, spec, armed, moment)
    due = [one for one in listed if one[1] <= moment]

    def may_run(position: int) -> bool:
        age = moment - due[position][1]
        missed = age > MISSED_AFTER or position + 1 < len(due)
        if not missed:
            return True
        return spec.catchup != "none" and (spec.catchup_window is None or age <= spec.catchup_window)

    able = [position for position in range(len(due)) if may_run(position)]
    if spec.catchup == "all":
        chosen = able[0] if able else None
    else:
        chosen = len(due) - 1 if len(due) - 1 in able else None
    dropped = due[: len(due) if chosen is None else chosen]
    behind = listed[len(due) if chosen is None else chosen + 1 :]
    return (
        None if chosen is None else due[chosen][0],
        (len(dropped), dropped[0][0], dropped[-1][0]) if dropped else None,
        behind[0][0] if behind else None,
    )


def told(made: Plan) -> tuple[int | None, tuple[int, int, int] | None, int | None]:
    missed = made.missed
    return made.nominal, (missed.count, missed.first, missed.last) if missed else None, made.next


SECONDS = st.integers(1, 40).map(lambda n: n * US)
SPECS = st.builds(
    lambda interval, catchup, window, jitter: Spec(
        trigger=Every(interval / US), catchup=catchup, catchup_window=window, jitter=jitter
    ),
    st.one_of(SECONDS, st.integers(1_000, 40 * US)),
    st.sampled_from(["latest", "all", "none"]),
    st.one_of(st.none(), SECONDS, st.integers(0, 200 * US)),
    st.one_of(st.just(0), st.integers(1, 60 * US)),
)
# Around the moments at which an answer changes, and far behind.
LATE = st.one_of(
    st.integers(-5 * US, 3 * US),
    st.integers(0, 20).map(lambda n: n * US),
    st.builds(lambda n, d: n * US + d, st.integers(0, 60), st.sampled_from([-1, 0, 1])),
    st.integers(0, 120 * US),
)


class TestProperties:
    @settings(max_examples=300, deadline=None)
    @given(SPECS, LATE, st.sampled_from(["a", "b", "some-id"]))
    def test_is_what_the_model_says(self, made: Spec, late: int, id: str) -> None:
        late = min(late, made.trigger.interval * 2_000)  # type: ignore[union-attr]
        assert told(plan(id, made, T, T + late)) == model(id, made, T, T + late)

    @settings(max_examples=200, deadline=None)
    @given(SPECS, LATE, st.data())
    def test_holds_as_long_as_it_says(self, made: Spec, late: int, data: st.DataObject) -> None:
        """A plan commits at any moment from when it was made (or `not_before`, if that is to come) until just before
        `valid_until`: its answer may not differ by then, and has to differ afterwards."""
        late = min(late, made.trigger.interval * 500)  # type: ignore[union-attr]
        first = plan("id", made, T, T + late)
        begin, end = max(first.not_before, T + late), first.valid_until
        horizon = begin + 200 * US if end is None else end - 1
        assert begin <= horizon
        moment = data.draw(st.one_of(st.just(horizon), st.integers(begin, horizon)))
        assert told(plan("id", made, T, moment)) == told(first)
        if end is not None:
            assert told(plan("id", made, T, end)) != told(first)

    @settings(max_examples=200, deadline=None)
    @given(SPECS, LATE)
    def test_a_run_is_never_early(self, made: Spec, late: int) -> None:
        planned = plan("id", made, T, T + late)
        assert planned.nominal is None or planned.not_before >= planned.nominal
        assert planned.next is None or planned.nominal is None or planned.next > planned.nominal

    @settings(max_examples=100, deadline=None)
    @given(SPECS, st.lists(st.integers(0, 90 * US), min_size=1, max_size=20))
    def test_passes_at_any_moments_drop_and_double_nothing(self, made: Spec, pauses: list[int]) -> None:
        """Whenever dispatchers come by: each instant is run, or missed, exactly once, in order, without drift."""
        armed, now = T, T
        interval = made.trigger.interval  # type: ignore[union-attr]
        seen: list[tuple[int, int]] = []
        for pause in pauses:
            now += min(pause, interval * 200)
            for _ in range(10):
                planned = plan("id", made, armed, now)
                if planned.not_before > now:
                    break
                if planned.missed:
                    seen.append((planned.missed.first, planned.missed.last))
                    assert planned.missed.count == (planned.missed.last - planned.missed.first) // interval + 1
                if planned.nominal is not None:
                    seen.append((planned.nominal, planned.nominal))
                assert planned.next is not None
                armed = planned.next
        for (_, last), (first, _) in pairwise(seen):
            assert first == last + interval
        if seen:
            assert seen[0][0] == T
            assert (seen[-1][1] - T) % interval == 0

    @settings(deadline=None)
    @given(st.text(max_size=20), st.integers(-(10**15), 10**16), st.integers(0, 10**12), st.integers(1, 10**12))
    def test_jitter_stays_within_its_bounds(self, id: str, nominal: int, jitter: int, gap: int) -> None:
        amount = jitter_of(id, nominal, jitter, gap)
        assert 0 <= amount <= max(0, min(jitter, gap) - 1)
        assert amount == jitter_of(id, nominal, jitter, gap)
        assert 0 <= jitter_of(id, nominal, jitter, None) <= max(0, jitter - 1)


class TestOnTime:
    def test_ahead_of_its_time(self) -> None:
        assert plan("x", spec(), T, T - 5 * US) == Plan(
            T, None, T + 60 * US, not_before=T, valid_until=T + 60 * US, next_due=T + 60 * US
        )

    def test_a_little_late(self) -> None:
        assert plan("x", spec(), T, T + 9 * US) == Plan(
            T, None, T + 60 * US, not_before=T, valid_until=T + 60 * US, next_due=T + 60 * US
        )

    def test_the_next_comes_from_the_nominal_time_and_not_from_now(self) -> None:
        armed = T
        for _ in range(1000):
            following = plan("x", spec(0.1), armed, armed + 37_123).next
            assert following is not None
            armed = following
        assert armed == T + 100 * US

    def test_a_last_instant(self) -> None:
        last = Spec(trigger=Cron("0 0 1 1 * 2027"))
        first = last.trigger.after(T)
        assert first is not None
        assert plan("x", last, first, first) == Plan(first, None, None, not_before=first, valid_until=None)
        assert plan("x", last, first, first + 400 * 86400 * US).nominal == first

    def test_an_armed_instant_off_the_grid(self) -> None:
        """`change_execution_time` of a cron: it runs then, and the cron goes on."""
        hourly = Spec(trigger=Cron("0 * * * *"))
        assert plan("x", hourly, T + 7 * US, T + 8 * US) == Plan(
            T + 7 * US,
            None,
            T + 3600 * US,
            not_before=T + 7 * US,
            valid_until=T + 3600 * US,
            next_due=T + 3600 * US,
        )
        late = plan("x", hourly, T + 7 * US, T + 2 * 3600 * US + 5 * US)
        assert (late.nominal, late.missed) == (T + 2 * 3600 * US, Missed(2, T + 7 * US, T + 3600 * US))


GRACE = MISSED_AFTER

# (catchup, window in s or None, seconds late) -> (runs: minutes after T or None, missed, next: minutes after T)
TABLE: list[tuple[Catchup, int | None, float, int | None, int, int]] = [
    ("latest", None, 0, 0, 0, 1),
    ("latest", None, 59, 0, 0, 1),
    ("latest", None, 60, 1, 1, 2),
    ("latest", None, 185, 3, 3, 4),
    ("latest", 30, 29, 0, 0, 1),
    ("latest", 30, 30, 0, 0, 1),
    ("latest", 30, 30.000001, None, 1, 1),
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
    ("all", 120, 600, 8, 8, 9),
    ("all", 10, 655, None, 11, 11),
    ("all", 10, 605, 10, 10, 11),
]


@pytest.mark.parametrize(("catchup", "window", "late", "runs", "missed", "following"), TABLE)
def test_catch_up(
    catchup: Catchup, window: int | None, late: float, runs: int | None, missed: int, following: int
) -> None:
    made = spec(60, catchup=catchup, catchup_window=None if window is None else window * US)
    planned = plan("x", made, T, T + round(late * US))
    assert planned.nominal == (None if runs is None else T + runs * 60 * US)
    assert (planned.missed.count if planned.missed else 0) == missed
    assert planned.next == T + following * 60 * US


class TestLongPauses:
    @pytest.mark.parametrize("count", [COUNTED_EXACTLY - 2, COUNTED_EXACTLY - 1])
    def test_counted_exactly(self, count: int) -> None:
        planned = plan("x", spec(1), T, T + count * US)
        assert planned.missed == Missed(count, T, T + (count - 1) * US)
        assert planned.nominal == T + count * US

    @pytest.mark.parametrize("catchup", ["latest", "none"])
    def test_a_month_of_seconds_costs_no_more(self, catchup: Catchup) -> None:
        month = 30 * 86400 * US
        began = time.perf_counter()
        planned = plan("x", spec(1, catchup=catchup), T, T + month)
        assert time.perf_counter() - began < 1
        assert planned.nominal == T + month
        assert planned.missed == Missed(COUNTED_EXACTLY, T, T + month - US, at_least=True)
        assert planned.next == T + month + US

    def test_with_jitter_the_newest_due_is_still_found(self) -> None:
        made = spec(1, jitter=US)
        month = 30 * 86400 * US
        planned = plan("x", made, T, T + month)
        assert planned.nominal is not None
        assert planned.not_before <= T + month
        assert planned.next is not None
        assert planned.valid_until is not None
        assert planned.valid_until > T + month

    def test_all_within_a_window_after_a_long_pause(self) -> None:
        month = 30 * 86400 * US
        planned = plan("x", spec(1, catchup="all", catchup_window=5 * US), T, T + month)
        assert planned.nominal == T + month - 5 * US
        assert planned.missed is not None
        assert planned.missed.at_least
        assert planned.missed.last == T + month - 6 * US

    def test_a_cron_of_years(self) -> None:
        made = Spec(trigger=Cron("* * * * *"))
        years = 5 * 365 * 86400 * US
        planned = plan("x", made, T, T + years + 30 * US)
        assert planned.nominal == T + years
        assert planned.missed is not None
        assert planned.missed.at_least


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
        made = spec(60, jitter=30 * US)
        delay = jitter_of("x", T, 30 * US, 60 * US)
        planned = plan("x", made, T, T)
        assert (planned.nominal, planned.not_before) == (T, T + delay)
        assert planned.valid_until == T + 60 * US + jitter_of("x", T + 60 * US, 30 * US, 60 * US)

    def test_never_reaches_the_next_instant(self) -> None:
        made = spec(1, jitter=3600 * US)
        for i in range(200):
            planned = plan("x", made, T + i * US, T)
            assert planned.not_before < T + (i + 1) * US
