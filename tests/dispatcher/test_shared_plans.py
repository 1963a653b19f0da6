"""Plans that schedules share: by those that several want Redis fires without another question, each instant once."""

from dataclasses import replace
from typing import Any

import pytest
import redis as redis_py

import rq_scheduler.dispatcher.shared_plans as shared_module
from making import HOUR, US, counts_of_passes, move_to, now_us, waiting
from making_schedules import Few, job_fields, new, put, record, spec
from rq_scheduler.dispatcher import Dispatcher, Options
from rq_scheduler.dispatcher.shared_plans import SharedPlans
from rq_scheduler.planning import Instant, Missed, Plan
from rq_scheduler.runs import run_id
from rq_scheduler.store import Store
from rq_scheduler.store.due import Armed, DuePage, Fired

NOW = 1_000 * US
ARMED = Armed("a", NOW, "1", b"{}", NOW, 0)
PLAN = Plan((Instant(NOW, NOW),), None, Instant(NOW + 60 * US, NOW + 60 * US), NOW, NOW + 60 * US)


def plans(**policies: Any) -> SharedPlans:
    """With one plan in it."""
    made = SharedPlans(lambda: True)
    made.keep(ARMED, 200, spec(**policies), PLAN)
    return made


def names(shared: SharedPlans, now: int = NOW) -> list[str]:
    return [each.terms[1] for each in shared.given(now)]


def page(shared: SharedPlans, *, fired: int = 0, left: int = 0) -> DuePage:
    """What Redis answers when it was given the one plan."""
    (given,) = shared.given(NOW)
    due = [replace(ARMED, id=str(n)) for n in range(left)]
    runs = [Fired(given, "default", fired)] if fired else []
    return DuePage(NOW, None, None, due, [], [], None, [], runs, [given])


class TestWhatIsGiven:
    def test_is_what_a_second_schedule_wants(self) -> None:
        shared = plans()
        assert (names(shared), shared.serves(ARMED)) == ([], False)
        assert shared.of(replace(ARMED, id="b"), 200, NOW) is not None
        assert names(shared) == [f"{NOW}:{NOW}"]
        assert shared.serves(replace(ARMED, id="c"))

    @pytest.mark.parametrize(
        "other",
        [{"due": NOW + 1}, {"nominal": NOW - 1}, {"spec": b"[]"}, {"updated": NOW + 1}],
    )
    def test_serves_no_other_instant_and_no_other_definition(self, other: dict[str, Any]) -> None:
        shared = plans()
        shared.of(ARMED, 200, NOW)
        assert not shared.serves(replace(ARMED, **other))
        assert shared.of(replace(ARMED, **other), 200, NOW) is None

    @pytest.mark.parametrize(
        "policies",
        [
            {"max_runs": 3},
            {"pause_on_failures": 1},
            {"overlap": "buffer_one"},
            {"overlap": "buffer_all"},
            {"jitter": 5},
        ],
    )
    def test_is_nothing_that_counts_or_remembers(self, policies: dict[str, Any]) -> None:
        shared = plans(**policies)
        shared.of(ARMED, 200, NOW)
        assert (names(shared), shared.serves(ARMED)) == ([], False)

    @pytest.mark.parametrize(
        "plan",
        [
            replace(PLAN, fires=()),
            replace(PLAN, fires=PLAN.fires * 2),
            replace(PLAN, next=None),
            replace(PLAN, missed=Missed(1, 1, 1)),
        ],
    )
    def test_is_one_run_with_another_to_come(self, plan: Plan) -> None:
        shared = SharedPlans(lambda: True)
        shared.keep(ARMED, 200, spec(), plan)
        assert shared.of(ARMED, 200, NOW) is not None
        assert names(shared) == []

    def test_is_due_and_holds(self) -> None:
        shared = plans()
        shared.of(ARMED, 200, NOW)
        assert names(shared, NOW - US // 10 - 1) == []
        assert names(shared, NOW - US // 10) != [], "its time may come while it is on its way"
        assert names(shared, NOW + 60 * US) == []
        assert not shared.serves(ARMED), "nor will it ever again"

    def test_ends_when_nobody_has_wanted_it_for_long(self, monkeypatch: pytest.MonkeyPatch) -> None:
        at = 0.0
        monkeypatch.setattr(shared_module, "monotonic", lambda: at)
        shared = plans()
        shared.of(ARMED, 200, NOW)
        at = 4.9
        shared.saw(page(shared, fired=1))
        at = 9.8
        assert names(shared) != []
        at = 10.0
        assert names(shared) == []

    def test_is_so_much_of_one_instant(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(shared_module, "GIVEN", 2)
        shared = SharedPlans(lambda: True)
        others = [replace(ARMED, spec=str(n).encode()) for n in range(3)]
        for armed in (*others, *others):
            if shared.of(armed, 200, NOW) is None:
                shared.keep(armed, 200, spec(), PLAN)
        assert [shared.serves(armed) for armed in others] == [True, True, False], "the third is planned by itself"
        assert {each.terms[0] for each in shared.given(NOW)} == {"0", "1"}

    def test_is_what_was_wanted_last_of_several_instants(self, monkeypatch: pytest.MonkeyPatch) -> None:
        at = 0.0
        monkeypatch.setattr(shared_module, "monotonic", lambda: at)
        monkeypatch.setattr(shared_module, "GIVEN", 1)
        shared = SharedPlans(lambda: True)
        for n in range(3):
            at += 1
            armed = replace(ARMED, due=NOW + n)
            shared.keep(armed, 200, spec(), PLAN)
            shared.of(armed, 200, NOW)
        assert names(shared, NOW + 10) == [f"{NOW}:{NOW + 2}"]
        at += 1
        assert shared.serves(ARMED)
        assert names(shared, NOW + 10) == [f"{NOW}:{NOW}"]

    def test_is_nothing_that_redis_mostly_leaves(self, monkeypatch: pytest.MonkeyPatch) -> None:
        at = 0.0
        monkeypatch.setattr(shared_module, "monotonic", lambda: at)
        shared = plans()
        shared.of(ARMED, 200, NOW)
        shared.saw(page(shared, fired=20, left=20))
        shared.saw(page(shared, fired=0, left=9))
        assert shared.serves(ARMED), "few, or no more than half"
        shared.saw(replace(page(shared, left=20), given=[]))
        assert shared.serves(ARMED), "it was given to nobody"
        shared.saw(page(shared, fired=9, left=10))
        assert not shared.serves(ARMED)
        at = 599.0
        shared.of(ARMED, 200, NOW)
        assert names(shared) == []
        at = 601.0
        shared.of(ARMED, 200, NOW)
        assert names(shared) != [], "then it is tried again"

    def test_is_nothing_that_is_no_text(self) -> None:
        shared = SharedPlans(lambda: True)
        odd = replace(ARMED, spec=b'{"format": 1, "x": "\xff"}')
        shared.keep(odd, 200, spec(), PLAN)
        assert shared.of(odd, 200, NOW) is not None
        assert names(shared) == []

    def test_is_nothing_where_somebody_wants_each_job(self) -> None:
        gives = False
        shared = SharedPlans(lambda: gives)
        shared.keep(ARMED, 200, spec(), PLAN)
        shared.of(ARMED, 200, NOW)
        gives = True
        assert names(shared) == []
        shared.of(ARMED, 200, NOW)
        gives = False
        assert (names(shared), shared.serves(ARMED)) == ([], False)


@pytest.fixture
def pages(monkeypatch: pytest.MonkeyPatch) -> list[DuePage]:
    """The pages of which some was fired at once."""
    found: list[DuePage] = []
    fire_due = Store.fire_due

    def noting(self: Store, *args: Any, **options: Any) -> Any:
        page = fire_due(self, *args, **options)
        assert isinstance(page, DuePage)
        found.append(page)
        return page

    monkeypatch.setattr(Store, "fire_due", noting)
    return found


def put_herd(store: Store, due: int, count: int, **changes: Any) -> list[str]:
    job = job_fields(store.connection)
    writes = [new(store.connection, f"s{n:04}", due, job=job, **changes) for n in range(count)]
    for first in range(0, count, 100):
        put(store, *writes[first : first + 100])
    for write in writes:
        store.connection.hset(store.keys.schedule(write.id), "updated", due - HOUR)
    return [run_id(write.id, due) for write in writes]


def runs_of(pages: list[DuePage]) -> int:
    return sum(fired.runs for page in pages for fired in page.fired)


class TestADispatcher:
    def test_fires_a_backlog_by_the_plan_of_the_first(
        self, redis: redis_py.Redis, store: Store, pages: list[DuePage]
    ) -> None:
        runs = put_herd(store, now_us(redis) - US, 2000)
        result = Dispatcher(redis, events=Few(), options=Options(rq_registries=False)).dispatch_once()
        assert sorted(waiting(redis)) == runs
        assert (result.handed_off, result.queues) == (2000, {"default"})
        assert 50 < (result.seconds_to_next() or 0) < 60, "what it has armed"
        assert runs_of(pages) >= 1000

    def test_plans_a_herd_before_its_time_and_keeps_none_of_it(
        self, redis: redis_py.Redis, still: Store, pages: list[DuePage]
    ) -> None:
        due = still.server_time() + US
        runs = put_herd(still, due, 450)
        one = Dispatcher(redis, events=Few(), options=Options(rq_registries=False), store=still)
        counts_of_passes(one)
        assert len(one._passes._schedules._ahead._plans) <= 2, "the first, by whose plan the others are served"
        move_to(redis, due)
        while one.dispatch_once().more_is_due:
            pass
        assert sorted(waiting(redis)) == runs
        assert runs_of(pages) >= 448
        assert [armed for page in pages for armed in page.due] == []

    def test_plans_what_is_not_plain_by_itself(self, redis: redis_py.Redis, store: Store, pages: list[DuePage]) -> None:
        due = now_us(redis) - US
        runs = put_herd(store, due, 1500)
        odd = [f"s{n:04}" for n in range(0, 1500, 7)]
        for id in odd:
            redis.hset(store.keys.schedule(id), "failures", 2)
        redis.delete(store.keys.template("s1499"))
        Dispatcher(redis, events=Few()).dispatch_once()
        assert sorted(waiting(redis)) == runs[:-1]
        assert runs_of(pages) > 300
        assert record(store, "s1499")["paused"] == "1"

    def test_plans_ahead_what_mostly_waits(self, redis: redis_py.Redis, still: Store, pages: list[DuePage]) -> None:
        """Workers are away: the last runs wait in their queue."""
        put_herd(still, still.server_time() - US, 200)
        one = Dispatcher(redis, events=Few(), options=Options(rq_registries=False), store=still)
        one.dispatch_once()
        before = len(waiting(redis))
        assert before == 200
        due = still.server_time() + US
        with redis.pipeline() as pipe:
            for n in range(200):
                pipe.hset(still.keys.schedule(f"s{n:04}"), "armed", f"{due}:{due}")
                pipe.zadd(still.keys.due_schedules, {f"s{n:04}": f"{due / US:.6f}"})
            pipe.execute()
        move_to(redis, due - US)
        counts_of_passes(one)  # looks ahead
        move_to(redis, due)
        while one.dispatch_once().more_is_due:
            pass
        assert len(waiting(redis)) == before
        assert one._passes._schedules._shared._avoided
        assert {record(still, f"s{n:04}")["skipped"] for n in range(200)} == {"1"}

    def test_counts_what_was_on_its_way_when_a_pass_failed(
        self, redis: redis_py.Redis, store: Store, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        put_herd(store, now_us(redis) - US, 2000)
        one = Dispatcher(redis, events=Few(), options=Options(rq_registries=False))
        fire_due = Store.fire_due
        answered: list[int] = []
        counted: list[int] = []
        take_note = one._passes._schedules.take_note

        def noting(found: DuePage, served: Any) -> None:
            counted.append(sum(each.runs for each in found.fired))
            take_note(found, served)

        def failing(self: Store, *args: Any, **options: Any) -> Any:
            found = fire_due(self, *args, **options)
            if len(counted) >= 3:
                raise redis_py.ConnectionError("reset")
            answered.append(sum(each.runs for each in found.fired))
            return found

        monkeypatch.setattr(one._passes._schedules, "take_note", noting)
        monkeypatch.setattr(Store, "fire_due", failing)
        with pytest.raises(redis_py.ConnectionError):
            one.dispatch_once()
        assert sum(counted) == sum(answered) > 0
        monkeypatch.setattr(Store, "fire_due", fire_due)
        while one.dispatch_once().more_is_due:
            pass
        assert len(waiting(redis)) == 2000

    def test_stops_at_the_fence_of_a_daemon_of_0_14(
        self, redis: redis_py.Redis, store: Store, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        put_herd(store, now_us(redis) - US, 1500)
        fire_due = Store.fire_due

        def fenced(self: Store, *args: Any, **options: Any) -> Any:
            redis.set(store.keys.fence, "a daemon", px=60_000)
            return fire_due(self, *args, **options)

        monkeypatch.setattr(Store, "fire_due", fenced)
        one = Dispatcher(redis, events=Few())
        assert one.dispatch_once().fenced is not None
        handed_off = len(waiting(redis))
        assert 0 < handed_off < 1500
        redis.delete(store.keys.fence)
        monkeypatch.setattr(Store, "fire_due", fire_due)
        while one.dispatch_once().more_is_due:
            pass
        assert len(waiting(redis)) == 1500
