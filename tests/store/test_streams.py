"""The streams of the audit and the events: what scripts write, and how it is read."""

from collections.abc import Callable
from typing import Any

import pytest
import redis as redis_py

from making import US, add, entry, move_to, now_us
from making_schedules import new, put
from rq_scheduler.store import Store, streams
from rq_scheduler.store.clock import MANUAL_CLOCK
from rq_scheduler.store.streams import NOTHING, StreamEntry
from rq_scheduler.triggers import MAX_US


def held(store: Store, *ids: str) -> None:
    """Entries go to quarantine, which is told."""
    due = now_us(store.connection) - 5
    for id in ids:
        add(store, entry(store.connection, id, due))
        store.quarantine(id, due, f"because of {id}")


def ids_of(entries: Any) -> list[str]:
    return [each.fields["id"] for each in entries]


def test_what_is_done_is_written_with_who_did_it(redis: redis_py.Redis) -> None:
    store = Store(redis, actor="deploy 4711")
    before = now_us(redis)
    put(store, new(redis, "s"))
    store.delete_schedule("s")
    store.delete_schedule("s")
    found, _ = store.read_audit(before // 1000 * 1000)
    func = "jobs_for_tests.nothing"
    assert found.fields == {"action": "deleted", "id": "s", "actor": "deploy 4711", "version": "1", "func": func}
    assert before // 1000 * 1000 <= found.at <= now_us(redis)


def test_newest_first_within_a_time(redis: redis_py.Redis, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "PAGE", 2)
    for ms in range(1, 8):
        redis.xadd(store.keys.events, {"id": f"at-{ms}"}, id=f"{ms}-1")
    assert ids_of(store.read_events()) == [f"at-{ms}" for ms in range(7, 0, -1)]
    assert ids_of(store.read_events(3000, 6000)) == ["at-5", "at-4", "at-3"]
    assert ids_of(store.read_events(2001)) == ["at-7", "at-6", "at-5", "at-4", "at-3"]
    assert ids_of(store.read_events(None, 1001)) == ["at-1"]
    assert ids_of(store.read_events(-US, 0)) == []
    assert [each.at for each in store.read_events(6000)] == [7000, 6000]


def test_what_comes_behind_a_place(redis: redis_py.Redis, store: Store) -> None:
    assert store.newest_event() == NOTHING
    assert store.events_behind(NOTHING, 1) == []
    held(store, "a", "b")
    a, b = store.events_behind(NOTHING, 1)
    assert ids_of([a, b]) == ["a", "b"]
    assert a.fields == {"kind": "quarantined", "id": "a", "reason": "because of a", "queue": "default"}
    assert store.events_behind(a.place, 1) == [b]
    assert store.newest_event() == b.place
    assert store.events_behind(b.place, 1) == []


@pytest.mark.parametrize("options", [{"protocol": 3}, {"decode_responses": True}], ids=["RESP3", "decoding"])
def test_through_other_clients(redis: redis_py.Redis, store: Store, options: dict[str, Any]) -> None:
    held(store, "a", "b")
    where = redis.connection_pool.connection_kwargs
    with redis_py.Redis(host=where["host"], port=where["port"], **options) as client:
        other = Store(client)
        assert list(other.read_events()) == list(store.read_events())
        assert other.events_behind(NOTHING, 1) == store.events_behind(NOTHING, 1)
        assert other.events_behind(other.newest_event(), 1) == []


def test_a_clock_that_is_moved_by_hand_is_the_time_of_what_happens(redis: redis_py.Redis) -> None:
    store = Store(redis, clock=MANUAL_CLOCK)
    noon = 1_900_000_000 * US

    def happens(id: str, at: int) -> None:
        move_to(redis, at)
        add(store, entry(redis, id, at))
        store.quarantine(id, at, "because")

    happens("first", noon + 123_456)
    happens("same", noon + 123_999)
    happens("back", noon)
    happens("later", noon + US)
    found = [(each.fields["id"], each.at - noon) for each in store.read_events()]
    assert found == [("later", US), ("back", 123_000), ("same", 123_000), ("first", 123_000)], "in this order"
    redis.delete(store.keys.events)
    happens("zero", 0)
    assert [each.at for each in store.read_events()] == [0]


def test_a_stream_is_kept_within_bounds(redis: redis_py.Redis, store: Store) -> None:
    with redis.pipeline(transaction=False) as pipe:
        for number in range(100_300):
            pipe.xadd(store.keys.events, {"id": str(number)})
        pipe.execute()
    held(store, "a")
    assert 100_000 <= redis.xlen(store.keys.events) <= 100_200
    assert next(store.read_events()).fields["id"] == "a"


def spoil(redis: redis_py.Redis, key: str) -> None:
    redis.set(key, "no stream")


def no_room(redis: redis_py.Redis, key: str) -> None:
    redis.xadd(key, {"x": "y"}, id=f"{2**64 - 1}-{2**64 - 1}")


@pytest.mark.parametrize("fault", [spoil, no_room])
def test_what_cannot_be_told_is_done_all_the_same(
    redis: redis_py.Redis, store: Store, fault: Callable[[redis_py.Redis, str], None]
) -> None:
    put(store, new(redis, "s"))
    for key in (store.keys.audit, store.keys.events):
        fault(redis, key)
    held(store, "a")
    store.delete_schedule("s")
    assert store.held_entry("a") is not None
    assert not store.has_schedule("s")


def test_what_others_have_added_hides_nothing(redis: redis_py.Redis, store: Store) -> None:
    held(store, "a")
    redis.xadd(store.keys.events, {b"\xff": b"\x00\xff"}, id=f"{2**63}-5")
    foreign, ours = store.read_events()
    assert foreign == StreamEntry(f"{2**63}-5", MAX_US, {"\udcff": "\x00\udcff"})
    assert ours.fields["id"] == "a"
