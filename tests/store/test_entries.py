"""Entries as clients see them: saving, canceling, moving, counting, reading."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
import redis as redis_py

from making import (
    HOUR,
    INDEX,
    US,
    add,
    entry,
    finish,
    fire_job,
    hand_off,
    job_plan_of,
    now_us,
    record_of,
    recurring,
    snapshot,
    write_job_plans,
)
from rq_scheduler.clock import to_us
from rq_scheduler.errors import IdTaken, InvalidArgument, NameTaken
from rq_scheduler.model import Spec
from rq_scheduler.store import NewEntry, Store
from rq_scheduler.store.base import score_of, us_of
from rq_scheduler.triggers import Every

Y1969 = to_us(datetime(1969, 7, 20, 20, 17, 40, 123456, UTC))
Y9999 = to_us(datetime(9999, 12, 31, 23, 59, 59, 999999, UTC))
NOW = to_us(datetime(2026, 11, 23, 12, 0, 0, 654321, UTC))


def _job(client: Any, id: str, due: int, fields: dict[str, Any], spec: Spec | None = None) -> NewEntry:
    return NewEntry(id, f"rq:job:{id}", due, fields, spec)


@contextmanager
def nothing_written(client: redis_py.Redis) -> Iterator[None]:
    """Not one key changes, and the server counts no write: not even one that would change nothing."""
    before, dirty = snapshot(client), client.info("persistence")["rdb_changes_since_last_save"]
    yield
    assert client.info("persistence")["rdb_changes_since_last_save"] == dirty
    assert snapshot(client) == before


class TestSave:
    def test_replaces_whole(self, redis: redis_py.Redis, store: Store) -> None:
        add(store, _job(redis, "a", NOW, {"data": "1", "stale": "x", "ttl": "5"}))
        redis.expire("rq:job:a", 100)
        add(store, _job(redis, "a", NOW + HOUR, {"data": "2", "origin": "q"}))
        assert redis.hgetall("rq:job:a") == {b"data": b"2", b"origin": b"q"}
        assert redis.ttl("rq:job:a") == -1
        assert redis.zrange(INDEX, 0, -1) == [b"a"]
        assert store.due_of("a") == NOW + HOUR

    def test_a_job_of_the_same_id_that_is_not_pending(self, redis: redis_py.Redis, store: Store) -> None:
        redis.hset("rq:job:a", mapping={"status": "finished", "result": "old", "ended_at": "then"})
        redis.expire("rq:job:a", 100)
        add(store, _job(redis, "a", NOW, {"data": "1"}))
        assert redis.hgetall("rq:job:a") == {b"data": b"1"}
        assert redis.ttl("rq:job:a") == -1

    def test_a_one_off_in_place_of_a_recurring_job(self, redis: redis_py.Redis, store: Store) -> None:
        add(store, recurring(redis, "a", now_us(redis) - 1, spec=Spec(trigger=Every(60), overlap="buffer_one")))
        redis.hset("rq:job:a", "status", "queued")
        assert fire_job(store, "a") == ["buffered"]
        add(store, entry(redis, "a", now_us(redis) - 1))
        keys = store.keys
        left = {keys.revisions, keys.ended, keys.parked, keys.parked_due, keys.planned_job("a")}
        assert set(redis.keys("rq:scheduler:*")) == {key.encode() for key in left}, "the run is seen to"
        finish(redis, "a")
        add(store, entry(redis, "a", now_us(redis) - 1))
        assert set(redis.keys("rq:scheduler:*")) == {key.encode() for key in (INDEX, keys.revisions, keys.ended)}
        assert len(hand_off(store).fires.handed_off) == 1

    def test_a_recurring_job_in_place_of_one(self, redis: redis_py.Redis, store: Store) -> None:
        add(store, recurring(redis, "a", now_us(redis) - 1, spec=Spec(trigger=Every(60), overlap="buffer_one")))
        redis.hset("rq:job:a", "status", "queued")
        assert fire_job(store, "a") == ["buffered"]
        before = record_of(store, "a")
        add(store, recurring(redis, "a", now_us(redis) + HOUR, seconds=30))
        after = record_of(store, "a")
        assert int(after.rev) > int(before.rev)
        assert not redis.hexists(store.keys.schedule("a"), "buffered")
        assert redis.zcard(store.keys.buffered) == 0
        assert redis.hget(store.keys.schedule("a"), "skips_in_a_row") is None

    def test_revisions_are_never_used_again(self, redis: redis_py.Redis, store: Store) -> None:
        seen = set()
        for _ in range(5):
            add(store, recurring(redis, "a", NOW))
            seen.add(record_of(store, "a").rev)
            store.cancel("a", 5)
        assert len(seen) == 5

    @pytest.mark.parametrize("position", [0, 1, 2])
    def test_all_or_none_when_an_id_belongs_to_a_schedule(
        self, redis: redis_py.Redis, store: Store, position: int
    ) -> None:
        redis.hset(store.keys.schedule("taken"), mapping={"kind": "schedule", "rev": "1"})
        add(store, entry(redis, "there", NOW))
        entries = [recurring(redis, "x", NOW), entry(redis, "there", NOW + HOUR, description="new")]
        entries.insert(position, entry(redis, "taken", NOW))
        with nothing_written(redis), pytest.raises(IdTaken, match="'taken' is the id of a schedule"):
            add(store, *entries)

    @pytest.mark.parametrize("make", ["set", "rpush", "sadd", "zadd"])
    def test_all_or_none_when_a_key_is_no_job(self, redis: redis_py.Redis, store: Store, make: str) -> None:
        arguments: dict[str, tuple[Any, ...]] = {"zadd": ({"a": 1},)}
        getattr(redis, make)("rq:job:foreign", *arguments.get(make, ("a",)))
        with nothing_written(redis), pytest.raises(InvalidArgument, match="rq:job:foreign holds something that is no"):
            add(store, entry(redis, "good", NOW), recurring(redis, "foreign", NOW), entry(redis, "good2", NOW))

    def test_one_id_twice_in_a_batch_is_one_entry(self, redis: redis_py.Redis, store: Store) -> None:
        add(store, _job(redis, "a", NOW, {"data": "1", "x": "1"}), _job(redis, "a", NOW + 5, {"data": "2"}))
        assert redis.hgetall("rq:job:a")[b"data"] == b"2"
        assert store.due_of("a") == NOW + 5

    def test_nothing_to_save(self, redis: redis_py.Redis, store: Store) -> None:
        with nothing_written(redis):
            store.save([])

    def test_ids_and_values_are_bytes(self, redis: redis_py.Redis, store: Store) -> None:
        value = bytes(range(256))
        add(store, _job(redis, "ü☃", NOW, {"data": value}))
        stored = store.job("ü☃")
        assert stored is not None
        assert stored.fields[b"data"] == value


class TestTimes:
    @pytest.mark.parametrize("due", [Y1969, -1, 0, 1, NOW, NOW + 1, to_us(datetime(2100, 1, 1, 0, 0, 0, 1, UTC))])
    def test_a_microsecond_is_kept(self, redis: redis_py.Redis, store: Store, due: int) -> None:
        add(store, entry(redis, "a", due))
        assert store.due_of("a") == due
        assert store.reschedule("a", due + 1)
        assert store.due_of("a") == due + 1
        assert [job.due for page in store.pages() for job in page] == [due + 1]

    def test_the_year_9999(self, redis: redis_py.Redis, store: Store) -> None:
        """A double of that size holds about 30 microseconds."""
        add(store, entry(redis, "a", Y9999))
        due = store.due_of("a")
        assert due is not None
        assert abs(due - Y9999) <= 16
        assert store.count(Y9999 - HOUR) == 0
        assert store.count(Y9999) == 1
        batch = hand_off(store)
        assert batch.fires.handed_off == []
        assert batch.next_due == due

    def test_what_is_past_is_due_at_once(self, redis: redis_py.Redis, store: Store) -> None:
        add(store, entry(redis, "a", Y1969))
        assert [(job.id, job.due) for job in hand_off(store).fires.handed_off] == [("a", Y1969)]

    @pytest.mark.parametrize("us", [0, 1, -1, -999_999, -1_000_000, -1_000_001, NOW, Y1969, 999_999, 10**15 + 1])
    def test_scores_there_and_back(self, us: int) -> None:
        assert us_of(score_of(us)) == us

    @pytest.mark.parametrize("score", ["inf", "-inf", "1e300"])
    def test_scores_that_are_no_time(self, redis: redis_py.Redis, store: Store, score: str) -> None:
        add(store, entry(redis, "a", NOW))
        redis.zadd(INDEX, {"a": float(score)})
        assert isinstance(store.due_of("a"), int)
        assert len([job for page in store.pages() for job in page]) == 1
        assert len(hand_off(store).fires.handed_off) == (score == "-inf")


class TestCancel:
    def test_the_job_stays_for_a_while(self, redis: redis_py.Redis, store: Store) -> None:
        add(store, entry(redis, "a", NOW))
        assert store.cancel("a", 1000)
        assert redis.zcard(INDEX) == 0
        assert redis.hget("rq:job:a", "status") == b"canceled"
        assert 900 <= redis.ttl("rq:job:a") <= 1000

    def test_a_job_that_expires_anyway_keeps_its_time(self, redis: redis_py.Redis, store: Store) -> None:
        add(store, entry(redis, "a", NOW))
        redis.expire("rq:job:a", 20)
        store.cancel("a", 1000)
        assert redis.ttl("rq:job:a") <= 20

    def test_what_is_not_pending_is_not_touched(self, redis: redis_py.Redis, store: Store) -> None:
        add(store, entry(redis, "a", now_us(redis) - 1))
        hand_off(store)
        with nothing_written(redis):
            assert not store.cancel("a", 1000)
            assert not store.cancel("never", 1000)

    @pytest.mark.parametrize("status", ["queued", "started", "finished"])
    def test_a_run_under_way_is_not_touched(self, redis: redis_py.Redis, store: Store, status: str) -> None:
        add(store, recurring(redis, "a", now_us(redis) - 1))
        assert fire_job(store, "a") == ["done"]
        redis.hset("rq:job:a", "status", status)
        assert store.cancel("a", 1000)
        assert redis.hget("rq:job:a", "status") == status.encode()
        assert redis.lrange("rq:queue:default", 0, -1) == [b"a"]

    def test_a_recurring_job_leaves_no_record(self, redis: redis_py.Redis, store: Store) -> None:
        add(store, recurring(redis, "a", now_us(redis) - 1, spec=Spec(trigger=Every(60), overlap="buffer_one")))
        fire_job(store, "a")
        store.reschedule("a", now_us(redis) - 1)
        assert fire_job(store, "a") == ["buffered"]
        assert store.cancel("a", 1000)
        left = {key for key in redis.keys("rq:scheduler:*") if b":lateness:" not in key}
        stays = (store.keys.revisions, store.keys.ended, store.keys.open_runs, store.keys.counters)
        assert left == {key.encode() for key in stays}, "the run is seen to"

    @pytest.mark.parametrize("operation", ["cancel", "move"])
    def test_a_key_that_is_no_job(self, redis: redis_py.Redis, store: Store, operation: str) -> None:
        redis.zadd(INDEX, {"a": 5})
        redis.rpush("rq:job:a", "foreign")
        assert store.cancel("a", 5) if operation == "cancel" else store.reschedule("a", NOW)
        assert redis.lrange("rq:job:a", 0, -1) == [b"foreign"]
        assert redis.ttl("rq:job:a") == -1
        assert redis.zscore(INDEX, "a") == (None if operation == "cancel" else pytest.approx(NOW / US))


class TestReschedule:
    def test_of_what_is_not_pending(self, redis: redis_py.Redis, store: Store) -> None:
        with nothing_written(redis):
            assert not store.reschedule("a", NOW)

    def test_a_plan_for_the_old_time_does_not_commit(self, redis: redis_py.Redis, store: Store) -> None:
        due = now_us(redis) - 1
        add(store, recurring(redis, "a", due))
        fire = job_plan_of(store, "a")
        store.reschedule("a", due + HOUR)
        assert write_job_plans(store, fire) == ["stale"]
        store.reschedule("a", due)
        assert write_job_plans(store, fire) == ["stale"], "moved away and back: it is another plan all the same"
        assert redis.llen("rq:queue:default") == 0
        assert fire_job(store, "a") == ["done"]

    def test_into_the_past(self, redis: redis_py.Redis, store: Store) -> None:
        add(store, entry(redis, "a", now_us(redis) + HOUR))
        assert hand_off(store).fires.handed_off == []
        store.reschedule("a", Y1969)
        assert len(hand_off(store).fires.handed_off) == 1


class TestReading:
    def _ids(self, store: Store, **how: Any) -> list[str]:
        return [job.id for page in store.pages(**how) for job in page]

    def test_count(self, redis: redis_py.Redis, store: Store) -> None:
        for i in range(10):
            add(store, entry(redis, f"j{i}", NOW + i))
        assert store.count() == 10
        assert [store.count(NOW + until) for until in (-1, 0, 4, 9, 100)] == [0, 1, 5, 10, 10]

    @pytest.mark.parametrize("size", [1, 3, 7, 200])
    def test_pages(self, redis: redis_py.Redis, store: Store, size: int) -> None:
        for i in range(20):
            add(store, entry(redis, f"j{i:02}", NOW + i // 4))
        everything = [f"j{i:02}" for i in range(20)]
        assert self._ids(store, size=size) == everything
        assert self._ids(store, size=size, until=NOW + 2) == everything[:12]
        assert self._ids(store, size=size, until=NOW - 1) == []
        assert self._ids(store, size=size, offset=5, length=9) == everything[5:14]
        assert self._ids(store, size=size, offset=5, length=9, until=NOW + 1) == everything[5:8]
        assert self._ids(store, size=size, offset=18, length=9) == everything[18:]
        assert self._ids(store, size=size, offset=30, length=9) == []
        assert self._ids(store, size=size, offset=0, length=0) == []
        assert self._ids(store, size=size, offset=0, length=1) == everything[:1]

    def test_ten_thousand_of_one_moment(self, redis: redis_py.Redis, store: Store) -> None:
        redis.zadd(INDEX, {f"j{i}": NOW / US for i in range(10_000)})
        fields = {"data": "x"}
        with redis.pipeline(transaction=False) as pipe:
            for i in range(10_000):
                pipe.hset(f"rq:job:j{i}", mapping=fields)
            pipe.execute()
        ids = self._ids(store, size=333)
        assert ids == sorted(f"j{i}" for i in range(10_000))

    def test_entries_that_leave_shift_nothing(self, redis: redis_py.Redis, store: Store) -> None:
        everything = [f"j{i:03}" for i in range(100)]
        for i, id in enumerate(everything):
            add(store, entry(redis, id, NOW + i // 10))
        seen = []
        for page in store.pages(size=10):
            seen += [job.id for job in page]
            redis.zrem(INDEX, *seen[::2], seen[-1])
        assert seen == everything

    def test_entries_that_come_behind_are_seen_and_those_before_are_not(
        self, redis: redis_py.Redis, store: Store
    ) -> None:
        for i in range(20):
            add(store, entry(redis, f"j{i:02}", NOW + i))
        pages = store.pages(size=10)
        first = next(pages)
        add(store, entry(redis, "early", NOW - 5), entry(redis, "late", NOW + 15))
        rest = [job.id for page in pages for job in page]
        assert "late" in rest
        assert "early" not in rest
        assert len(first) + len(rest) == 21

    def test_jobs_that_are_gone_are_left_out_but_count_for_the_offset(
        self, redis: redis_py.Redis, store: Store
    ) -> None:
        for i in range(10):
            add(store, entry(redis, f"j{i}", NOW + i))
        redis.delete("rq:job:j2", "rq:job:j3")
        redis.set("rq:job:j4", "no job")
        assert self._ids(store, size=3) == ["j0", "j1", "j5", "j6", "j7", "j8", "j9"]
        assert self._ids(store, size=3, offset=1, length=5) == ["j1", "j5"]
        assert store.job("j2") is None
        assert store.job("j4") is None

    def test_a_job_that_expired_between_two_runs_is_read_from_the_copy(
        self, redis: redis_py.Redis, store: Store
    ) -> None:
        add(store, recurring(redis, "a", now_us(redis) - 1, result_ttl=5, description="mine"))
        fire_job(store, "a")
        redis.delete("rq:job:a")
        stored = store.job("a")
        assert stored is not None
        assert stored.fields[b"description"] == b"mine"
        assert self._ids(store) == ["a"]

    @pytest.mark.parametrize(
        "read",
        [
            lambda s: s.count(),
            lambda s: s.count(NOW),
            lambda s: s.due_of("a"),
            lambda s: s.job("a"),
            lambda s: s.job("gone"),
            lambda s: s.job_fields("a"),
            lambda s: list(s.pages()),
            lambda s: list(s.pages(until=NOW, offset=1, length=5, size=2)),
            lambda s: s.read_recurring(["a", "r", "gone", "nothing"]),
            lambda s: s.is_waiting("a", "default"),
            lambda s: s.eviction_policy(),
        ],
    )
    def test_a_read_never_writes(self, redis: redis_py.Redis, store: Store, read: Callable[[Store], Any]) -> None:
        add(store, entry(redis, "a", NOW), recurring(redis, "r", NOW), recurring(redis, "c", NOW, result_ttl=5))
        redis.delete("rq:job:c")
        redis.zadd(INDEX, {"gone": 5})
        redis.zadd(store.keys.buffered, {"r": 5})
        with nothing_written(redis):
            read(store)


class TestSentAgain:
    """A client library sends a script again when its reply was lost; by then the job may have moved on."""

    @pytest.mark.parametrize("make", [entry, recurring])
    def test_after_the_hand_off_nothing_is_written(self, redis: redis_py.Redis, store: Store, make: Any) -> None:
        made = make(redis, "a", now_us(redis) - 1000)
        add(store, made)
        if made.spec is None:
            assert [job.id for job in hand_off(store).fires.handed_off] == ["a"]
        else:
            assert fire_job(store, "a") == ["done"]
        with nothing_written(redis):
            add(store, made)

    @pytest.mark.parametrize("status", ["started", "finished", "failed", "canceled"])
    def test_whatever_became_of_the_run(self, redis: redis_py.Redis, store: Store, status: str) -> None:
        made = entry(redis, "a", now_us(redis) - 1000)
        add(store, made)
        hand_off(store)
        redis.hset("rq:job:a", "status", status)
        with nothing_written(redis):
            add(store, made)

    def test_the_rest_of_a_batch_is_saved(self, redis: redis_py.Redis, store: Store) -> None:
        now = now_us(redis)
        first, second = entry(redis, "first", now - 1000), entry(redis, "second", now + HOUR)
        add(store, first)
        hand_off(store)
        store.save([first, second])
        assert redis.zrange(INDEX, 0, -1) == [b"second"]
        assert redis.hget("rq:job:first", "status") == b"queued"

    def test_another_job_of_that_id_is_none(self, redis: redis_py.Redis, store: Store) -> None:
        due = now_us(redis) - 1000
        add(store, entry(redis, "a", due))
        hand_off(store)
        finish(redis, "a")
        add(store, entry(redis, "a", due, description="another"))
        assert redis.hget("rq:job:a", "description") == b"another"
        assert redis.zrange(INDEX, 0, -1) == [b"a"]

    def test_one_that_is_still_pending_is_written_as_often_as_told(self, redis: redis_py.Redis, store: Store) -> None:
        made = entry(redis, "a", now_us(redis) + HOUR)
        add(store, made)
        before = snapshot(redis)
        add(store, made)
        assert snapshot(redis) == before


class TestDefinedAnew:
    @pytest.mark.parametrize("status", ["queued", "started", "deferred", "ready_to_enqueue", "rate_limited"])
    def test_a_run_that_waits_or_goes_on_stays_known(self, redis: redis_py.Redis, store: Store, status: str) -> None:
        add(store, recurring(redis, "r", now_us(redis) + HOUR))
        redis.hset("rq:job:r", "status", status)
        add(store, recurring(redis, "r", now_us(redis) + HOUR, description="new"))
        assert redis.hmget("rq:job:r", "status", "description") == [status.encode(), b"new"]

    @pytest.mark.parametrize("status", ["finished", "failed", "canceled", "stopped"])
    def test_one_that_has_ended_does_not(self, redis: redis_py.Redis, store: Store, status: str) -> None:
        add(store, recurring(redis, "r", now_us(redis) + HOUR))
        redis.hset("rq:job:r", "status", status)
        add(store, recurring(redis, "r", now_us(redis) + HOUR))
        assert redis.hget("rq:job:r", "status") == b"scheduled"


class TestPages:
    def test_end_early_for_large_jobs_and_lose_none(self, redis: redis_py.Redis, store: Store) -> None:
        large = {"data": b"x" * 400_000}
        ids = [f"j{i}" for i in range(7)]
        for i, id in enumerate(ids):
            add(store, _job(redis, id, NOW + i, large if i != 3 else {"data": b"x" * 1_500_000}))
        pages = list(store.pages())
        assert [stored.id for page in pages for stored in page] == ids
        assert [len(page) for page in pages] == [3, 1, 3]

    def test_the_copies_of_expired_jobs_count(self, redis: redis_py.Redis, store: Store) -> None:
        for i in range(6):
            made = recurring(redis, f"r{i}", NOW + i, result_ttl=5)
            add(store, NewEntry(made.id, made.key, made.due, {**made.fields, "data": b"x" * 400_000}, made.spec))
            redis.delete(made.key)
        assert [len(page) for page in store.pages()] == [3, 3]

    def test_offset_and_length_count_across_short_pages(self, redis: redis_py.Redis, store: Store) -> None:
        for i in range(9):
            add(store, _job(redis, f"j{i}", NOW + i, {"data": b"x" * 400_000}))
        assert [stored.id for page in store.pages(offset=1, length=7) for stored in page] == [
            f"j{i}" for i in range(1, 8)
        ]


class TestTending:
    def test_a_schedule_that_only_remembers_a_run_stays(self, redis: redis_py.Redis, store: Store) -> None:
        add(store, recurring(redis, "r", now_us(redis)))
        redis.zrem(INDEX, "r")
        redis.zadd(store.keys.buffered, {"r": now_us(redis) / US})
        assert store.tend_schedules(0, 10) == 0
        assert redis.exists(store.keys.schedule("r"))

    def test_goes_through_all_and_touches_nothing_in_order(self, redis: redis_py.Redis, store: Store) -> None:
        add(store, *(recurring(redis, f"r{i}", NOW) for i in range(300)))
        gone = [f"r{i}" for i in range(0, 300, 7)]
        redis.zrem(INDEX, *gone)
        cursor = store.tend_schedules(0, 50)
        while cursor:
            cursor = store.tend_schedules(cursor, 50)
        assert redis.zcard(store.keys.schedules) == 300 - len(gone)
        assert not redis.exists(*(store.keys.schedule(id) for id in gone))
        assert all(redis.ttl(f"rq:job:{id}") > 0 for id in gone)
        redis.delete(*(f"rq:job:{id}" for id in gone))  # a snapshot holds what is left of their time
        with nothing_written(redis):
            store.tend_schedules(0, 1000)


class TestAClientThatDecodes:
    """`decode_responses=True`: RQ reads no job through it, and yet no outcome is taken for another."""

    @pytest.fixture
    def decoding(self, redis: redis_py.Redis) -> Iterator[Store]:
        options = redis.connection_pool.connection_kwargs
        client = redis_py.Redis(host=options["host"], port=options["port"], decode_responses=True)
        yield Store(client)
        client.close()

    def test_moving_and_canceling(self, redis: redis_py.Redis, decoding: Store) -> None:
        add(decoding, entry(redis, "a", NOW))
        assert decoding.reschedule("a", NOW + HOUR)
        assert decoding.due_of("a") == NOW + HOUR
        assert decoding.cancel("a", 60)
        assert not decoding.cancel("a", 60)
        assert not decoding.reschedule("a", NOW)

    def test_what_is_taken(self, redis: redis_py.Redis, decoding: Store) -> None:
        redis.hset(decoding.keys.schedule("a"), "kind", "schedule")
        with pytest.raises(IdTaken, match="'a'"):
            add(decoding, entry(redis, "a", NOW))
        redis.set("rq:job:b", "x")
        with pytest.raises(InvalidArgument, match="rq:job:b"):
            add(decoding, entry(redis, "b", NOW))
        assert redis.zcard(INDEX) == 0

    def test_names_and_locks(self, redis: redis_py.Redis, decoding: Store) -> None:
        decoding.register_birth("me", {"x": 1}, 5)
        with pytest.raises(NameTaken):
            decoding.register_birth("me", {"x": 1}, 5)
        assert decoding.acquire_lock("token", 5)
        decoding.release_lock("token")
        assert not redis.exists(decoding.keys.fence)
