"""Schedules as clients see them: written and deleted whole or not at all; found and read in pages, without a write."""

import itertools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import redis as redis_py

from making import HOUR, INDEX, US, add, adopt, cpu_of, entry, make_job, now_us, recurring, snapshot
from making_schedules import (
    due_again,
    fire,
    ids_of,
    job_fields,
    new,
    plan_of,
    put,
    put_due,
    record,
    run_now,
    spec,
    stored,
    write_one,
)
from rq_scheduler.errors import IdTaken
from rq_scheduler.model import Spec, decode_spec
from rq_scheduler.planning import Instant
from rq_scheduler.store import Store
from rq_scheduler.store.history import HistoryLine, missed_part, read_line
from rq_scheduler.store.schedules import Deleted, Filter, JobFields, Write, Written
from rq_scheduler.store.series import Adoption, Unadopted
from rq_scheduler.triggers import Every


def ids(client: Any, key: str) -> list[str]:
    return [id.decode() for id in client.zrange(key, 0, -1)]


def written(store: Store, *writes: Write) -> list[Written]:
    return [outcome for outcome, _ in store.write_schedules(writes)]


def refused(store: Store, write: Write) -> Written:
    """The outcome of a write that changes nothing."""
    before = snapshot(store.connection)
    (outcome,) = written(store, write)
    assert snapshot(store.connection) == before
    return outcome


class TestWriting:
    def test_a_new_one_is_all_there(self, redis: redis_py.Redis, store: Store) -> None:
        due = now_us(redis) + HOUR
        write = new(redis, due=due, job=job_fields(redis, "q"), owner="me", tags=("a b", "c"))
        put(store, write)
        found = stored(store)
        assert (found.kind, found.due, found.armed, found.last_status) == ("schedule", due, due, "")
        assert (found.text("owner"), found.text("queue"), found.text("tags")) == ("me", "q", "a b\nc")
        assert (found.number("version"), found.number("runs"), found.text("rev")) == (1, 0, "1")
        assert decode_spec(found.fields["spec"]) == write.spec
        assert found.template == {name.encode(): _bytes(value) for name, value in write.job.fields.items()}  # type: ignore[union-attr]
        assert found.moment("created") == found.moment("updated")
        for what, name in (("owner", "me"), ("queue", "q"), ("tag", "a b"), ("tag", "c")):
            assert ids(redis, store.keys.schedules_of(what, name)) == ["s"]
        assert ids(redis, store.keys.schedules) == ids(redis, store.keys.due_schedules) == ["s"]

    def test_a_change_lists_it_anew_and_keeps_the_books(self, redis: redis_py.Redis, store: Store) -> None:
        put_due(store, owner="me", tags=("a", "b"))
        (run,) = ids_of(fire(store))
        before = record(store)
        put(store, new(redis, rev=before["rev"], job=job_fields(redis, "other"), owner="you", tags=("b", "c")))
        after = record(store)
        kept = ("created", "mark", "runs", "live", "last_run_id", "last_run_at", "manual")
        assert {name: after.get(name) for name in kept} == {name: before.get(name) for name in kept}
        assert (after["version"], after["live"]) == ("2", run)
        left = set(redis.keys("rq:scheduler:schedules:*"))
        assert left == {
            f"rq:scheduler:schedules:{name}".encode() for name in ("owner:you", "queue:other", "tag:b", "tag:c")
        }

    def test_what_is_not_given_stays(self, redis: redis_py.Redis, store: Store) -> None:
        put_due(store, tags=("a",))
        before = record(store)
        put(store, Write("s", before["rev"], paused=True, note="why"))
        after = record(store)
        assert {name for name in after if after.get(name) != before.get(name)} == {
            *("rev", "note"), *("paused", "paused_at", "paused_by", "paused_until", "paused_in_bulk"),
        }  # fmt: skip
        assert after["version"] == "1"
        assert redis.zcard(store.keys.due_schedules) == 0
        due = now_us(redis) + HOUR
        put(store, Write("s", after["rev"], paused=False, armed=Instant(due, due + 5), armed_as_read=after["armed"]))
        assert stored(store).due == due + 5
        assert stored(store).armed == due
        assert ids(redis, store.keys.schedules_of("paused")) == []

    def test_one_without_an_instant_is_not_armed(self, redis: redis_py.Redis, store: Store) -> None:
        put(store, new(redis, armed=None))
        assert (stored(store).due, stored(store).armed) == (None, None)
        assert redis.exists(store.keys.due_schedules) == 0

    def test_a_template_of_ten_thousand_fields(self, redis: redis_py.Redis, store: Store) -> None:
        fields = {**job_fields(redis).fields, **{f"field-{n}": str(n) for n in range(10_000)}}
        put(store, new(redis, due=now_us(redis) - 1000, job=JobFields(fields, "f", "f()", "default")))
        assert redis.hlen(store.keys.template("s")) == len(fields)
        (run,) = ids_of(fire(store))
        assert redis.hget(f"rq:job:{run}", "field-9999") == b"9999"

    def test_200_at_once_in_their_order(self, redis: redis_py.Redis, store: Store) -> None:
        put(store, new(redis, "taken"))
        writes = [new(redis, f"s{n}") for n in range(200)]
        writes.insert(100, new(redis, "taken"))
        answers = store.write_schedules(writes)
        assert [n for n, (outcome, _) in enumerate(answers) if outcome is not Written.OK] == [100]
        assert [rev for outcome, rev in answers if outcome is Written.OK] == [str(n) for n in range(2, 202)]

    def test_large_ones_are_written_in_several_pieces(self, redis: redis_py.Redis, store: Store) -> None:
        redis.config_resetstat()
        job = JobFields({**job_fields(redis).fields, "data": b"x" * 700_000}, "f", "f()", "default")
        assert written(store, *(new(redis, f"s{n}", job=job) for n in range(4))) == [Written.OK] * 4
        assert _calls(redis) == 4
        redis.config_resetstat()
        _, found = store.read_definitions([f"s{n}" for n in range(4)])
        assert [None if one is None else len(one.template[b"data"]) for one in found] == [700_000] * 4
        assert _calls(redis) == 2


class TestARefusedWrite:
    def test_of_a_stale_rev(self, redis: redis_py.Redis, store: Store) -> None:
        (rev,) = put(store, new(redis))
        put(store, Write("s", rev, paused=True))
        for write in (new(redis), new(redis, rev=rev), Write("s", rev, paused=False), Write("s", "", paused=False)):
            assert refused(store, write) is Written.CHANGED

    def test_of_one_that_has_fired_meanwhile(self, redis: redis_py.Redis, store: Store) -> None:
        put_due(store)
        again = new(redis, rev=record(store)["rev"])
        fire(store)
        assert refused(store, again) is Written.CHANGED, "its next instant was worked out from the one before"
        assert written(store, Write("s", again.rev, paused=True)) == [Written.OK]

    def test_of_one_that_is_gone(self, redis: redis_py.Redis, store: Store) -> None:
        (rev,) = put(store, new(redis))
        store.delete_schedule("s")
        assert refused(store, Write("s", rev, paused=True)) is Written.CHANGED

    def test_sent_again_since_the_reply_was_lost(self, redis: redis_py.Redis, store: Store) -> None:
        write = new(redis)
        put(store, write)
        assert refused(store, write) is Written.CHANGED, "who reads it again finds it as wanted"

    def test_of_a_pending_job(self, redis: redis_py.Redis, store: Store) -> None:
        add(store, entry(redis, "s", now_us(redis) + HOUR))
        assert refused(store, new(redis)) is Written.PENDING

    def test_of_a_recurring_job(self, redis: redis_py.Redis, store: Store) -> None:
        add(store, recurring(redis, "s", now_us(redis) + HOUR))
        rev = record(store)["rev"]
        for write in (new(redis), new(redis, rev=rev), Write("s", rev, paused=True)):
            assert refused(store, write) is Written.JOB

    @pytest.mark.parametrize(
        "key", ["schedule:s", "template:s", "tombstone:s", "schedules:owner:me", "schedules:tag:t"]
    )
    def test_where_a_key_holds_something_else(self, redis: redis_py.Redis, store: Store, key: str) -> None:
        redis.set(f"rq:scheduler:{key}", "x")
        assert refused(store, new(redis, owner="me", tags=("t",))) is Written.FOREIGN
        assert written(store, new(redis, "other")) == [Written.OK]

    @pytest.mark.parametrize("key", ["schedules", "due_schedules", "buffered", "schedules:paused", "quarantine"])
    def test_where_a_key_of_all_holds_something_else(self, redis: redis_py.Redis, store: Store, key: str) -> None:
        redis.set(f"rq:scheduler:{key}", "x")
        before = snapshot(redis)
        with pytest.raises(redis_py.ResponseError, match="WRONGTYPE"):
            store.write_schedules([new(redis)])
        assert snapshot(redis) == before

    def test_of_two_at_once_one_wins(self, redis: redis_py.Redis, store: Store) -> None:
        (rev,) = put(store, new(redis))
        writes = [new(redis, of=spec(60 + n), rev=rev) for n in range(8)]
        with ThreadPoolExecutor(8) as pool:
            answers = [outcome for (outcome,) in pool.map(lambda write: written(store, write), writes)]
        assert sorted(answers) == [Written.CHANGED] * 7 + [Written.OK]
        assert record(store)["version"] == "2"


class TestOneNamespace:
    """0.14's clients ask nobody whether an id is free."""

    def test_a_one_off_of_the_same_id_leaves_the_schedule_alone(self, redis: redis_py.Redis, store: Store) -> None:
        put(store, new(redis))
        before = record(store)
        redis.hset("rq:job:s", mapping=make_job(redis, "s").to_dict())
        redis.zadd(INDEX, {"s": 5})
        store.cancel("s", 60)
        assert redis.zcard(INDEX) == 0
        redis.zadd(INDEX, {"s": 5})
        assert store.quarantine("s", 5 * US, "why")
        assert record(store) == before
        assert ids(redis, store.keys.schedules) == ["s"]

    def test_a_recurring_job_of_the_same_id_is_not_adopted(self, redis: redis_py.Redis, store: Store) -> None:
        put(store, new(redis))
        redis.hset("rq:job:s", mapping=make_job(redis, "s", meta={"interval": 5}).to_dict())
        redis.zadd(INDEX, {"s": 5})
        before = snapshot(redis)
        (found,) = store.read_recurring(["s"])
        assert store.adopt([Adoption(found, Spec(trigger=Every(5)))]) == [Unadopted.FOREIGN]
        assert snapshot(redis) == before

    @pytest.mark.parametrize("remembers", [False, True], ids=["idle", "remembering a run"])
    def test_cancel_of_a_schedule_touches_nothing(self, redis: redis_py.Redis, store: Store, remembers: bool) -> None:
        put_due(store, of=spec(overlap="buffer_one"))
        fire(store)
        if remembers:
            due_again(store)
            assert fire(store).buffered
        before = snapshot(redis)
        store.cancel("s", 60)
        assert snapshot(redis) == before

    def test_a_saved_job_never_takes_the_id(self, redis: redis_py.Redis, store: Store) -> None:
        put(store, new(redis))
        before = snapshot(redis)
        with pytest.raises(IdTaken, match="id of a schedule"):
            add(store, entry(redis, "s", 5))
        assert snapshot(redis) == before


class TestDeleting:
    def test_leaves_only_the_tombstone_and_the_runs(self, redis: redis_py.Redis, store: Store) -> None:
        nominal = put_due(store, of=spec(overlap="buffer_one"), owner="me", tags=("t",))
        (run,) = ids_of(fire(store))
        due_again(store)
        fire(store)
        redis.hset(store.keys.quarantine, "s", "{}")
        assert store.delete_schedule("s") is Deleted.OK
        left = {key.decode() for key in snapshot(redis) if b":lateness:" not in key}
        assert left == {
            *("rq:queues", "rq:queue:default", f"rq:job:{run}"),
            *(
                "rq:scheduler:rev",
                "rq:scheduler_lock",
                store.keys.tombstone("s"),
                store.keys.audit,
                store.keys.counters,
            ),
            *(store.keys.versions("s"), store.keys.deleted_schedules, store.keys.open_runs),
        }
        tombstone = redis.hgetall(store.keys.tombstone("s"))
        assert int(tombstone[b"mark"]) > nominal
        assert store.delete_schedule("s") is Deleted.UNKNOWN, "also when it is sent again"

    def test_only_what_it_is_meant_for(self, redis: redis_py.Redis, store: Store) -> None:
        put(store, new(redis, owner="me"))
        add(store, recurring(redis, "r", now_us(redis) + HOUR))
        before = snapshot(redis)
        assert store.delete_schedule("s", "you") is Deleted.CHANGED
        assert store.delete_schedule("s", "") is Deleted.CHANGED
        assert store.delete_schedule("r") is Deleted.JOB
        assert store.delete_schedule("unknown") is Deleted.UNKNOWN
        assert snapshot(redis) == before
        assert store.delete_schedule("s", "me") is Deleted.OK

    def test_a_new_one_starts_its_books_anew_and_counts_its_manual_runs_on(
        self, redis: redis_py.Redis, store: Store
    ) -> None:
        put(store, new(redis))
        run_now(store)
        store.delete_schedule("s")
        put(store, new(redis))
        after = record(store)
        assert (after.get("runs"), after["manual"], after["version"]) == (None, "1", "2")
        assert redis.exists(store.keys.history("s")) == 0


class TestFinding:
    @pytest.fixture
    def population(self, redis: redis_py.Redis, store: Store) -> list[dict[str, Any]]:
        """Sixty, in an order that is not that of their ids."""
        made = []
        for n in range(60):
            known = {
                "id": f"{'ab-_Z'[n % 5]}{n * 37 % 60:02}",
                "tag": ["x", "y"][n % 2],
                "queue": ["q", "r", "t"][n % 3],
                "owner": ["", "me"][n % 4 == 0],
                "paused": n % 7 == 0,
            }
            made.append(known)
            put(
                store,
                new(
                    redis,
                    known["id"],
                    job=job_fields(redis, known["queue"]),
                    tags=(known["tag"], "all"),
                    owner=known["owner"],
                    paused=known["paused"],
                ),
            )
        return sorted(made, key=lambda known: known["id"])

    def test_any_combination_a_page_at_a_time(self, store: Store, population: list[dict[str, Any]]) -> None:
        for tag, queue, owner, prefix, paused in itertools.product(
            (None, "x", "all", "none"), (None, "q"), (None, "me"), ("", "a", "-"), (None, True, False)
        ):
            wanted = [
                known["id"]
                for known in population
                if tag in (None, "all", known["tag"])
                and queue in (None, known["queue"])
                and owner in (None, known["owner"])
                and paused in (None, known["paused"])
                and known["id"].startswith(prefix)
            ]
            asked = Filter(tag, queue, owner, prefix, paused)
            for offset, limit in ((0, None), (0, 3), (2, 5), (len(wanted), 5), (7, None), (0, 0)):
                found = [id for page in store.find_schedules(asked, offset, limit) for id in page]
                assert found == wanted[offset : None if limit is None else offset + limit], (asked, offset, limit)

    def test_across_many_pages_and_their_edges(self, redis: redis_py.Redis, store: Store) -> None:
        many = [f"s{n:05}" for n in range(4100)]
        index(redis, store, many, tag=many[::2], paused=many[::10])
        for asked, wanted in (
            (Filter(), many),
            (Filter(tag="t"), many[::2]),
            (Filter(tag="t", paused=True), many[::10]),
            (Filter(tag="t", paused=False), [id for id in many[::2] if id not in set(many[::10])]),
        ):
            for offset, limit in ((0, None), (199, 2), (0, 200), (200, 200), (1000, 1000), (1999, 3), (2050, None)):
                found = [id for page in store.find_schedules(asked, offset, limit) for id in page]
                assert found == wanted[offset : None if limit is None else offset + limit]

    def test_what_matches_nothing_among_100_000_is_a_bounded_look_at_a_time(
        self, redis: redis_py.Redis, store: Store
    ) -> None:
        many = [f"s{n:06}" for n in range(100_000)]
        index(redis, store, many, tag=many[:50_000], paused=many[50_000:])
        for asked in (Filter(tag="t", paused=True), Filter(tag="nobody"), Filter(starts_with="x", paused=False)):
            redis.config_resetstat()
            worked = cpu_of(redis)
            assert list(store.find_schedules(asked)) == []
            worked = cpu_of(redis) - worked
            # Milliseconds that each script works (all in one: 50), whatever else the machine does.
            assert worked / redis.info("commandstats")["cmdstat_evalsha"]["calls"] < 20, asked

    def test_recurring_jobs_are_listed_with_their_queue(self, redis: redis_py.Redis, store: Store) -> None:
        put(store, new(redis, "s", job=job_fields(redis, "q")))
        add(store, recurring(redis, "r", now_us(redis) + HOUR, origin="q"))
        assert list(store.find_schedules(Filter(queue="q"))) == [["r", "s"]]
        assert redis.zrange(store.keys.schedules_of("jobs"), 0, -1) == [b"r"]
        add(store, recurring(redis, "r", now_us(redis) + HOUR, origin="other"))
        assert list(store.find_schedules(Filter(queue="q"))) == [["s"]]
        assert list(store.find_schedules(Filter(queue="other"))) == [["r"]]
        (found,) = store.read_recurring(["r"])
        adopt(store, found, Spec(trigger=Every(5)))
        assert list(store.find_schedules(Filter(queue="other"))) == [["r"]]
        store.cancel("r", 60)
        assert list(store.find_schedules(Filter())) == [["s"]]
        assert redis.keys("rq:scheduler:schedules:*") == [b"rq:scheduler:schedules:queue:q"]


def index(client: Any, store: Store, all_ids: list[str], *, tag: list[str], paused: list[str]) -> None:
    """The lists of so many schedules, without their records."""
    for key, members in (
        (store.keys.schedules, all_ids),
        (store.keys.schedules_of("tag", "t"), tag),
        (store.keys.schedules_of("paused"), paused),
    ):
        for first in range(0, len(members), 5000):
            client.zadd(key, dict.fromkeys(members[first : first + 5000], 0))


class TestReading:
    def test_writes_nothing(self, redis: redis_py.Redis, store: Store) -> None:
        put_due(store, of=spec(overlap="buffer_one"), tags=("t",))
        fire(store)
        due_again(store)
        fire(store)
        add(store, recurring(redis, "r", now_us(redis) + HOUR))
        redis.set(store.keys.schedule("odd"), "x")
        redis.zadd(store.keys.schedules, {"odd": 0})
        before = snapshot(redis)
        reads: list[Callable[[], Any]] = [
            lambda: store.read_definitions(["s", "r", "odd", "unknown"]),
            lambda: store.read_definitions(["s"], templates=False),
            lambda: [*store.find_schedules(Filter(tag="t", paused=False)), *store.find_schedules(Filter())],
            lambda: (store.count_schedules(), store.has_schedule("s"), list(store.coming(10))),
            lambda: (store.read_runs("s", 50), store.read_runs("odd", 50)),
        ]
        for read in reads:
            read()
        assert snapshot(redis) == before

    def test_what_is_no_schedule_is_none(self, redis: redis_py.Redis, store: Store) -> None:
        put(store, new(redis, "s"))
        redis.set(store.keys.schedule("odd"), "x")
        redis.set(store.keys.template("s"), "x")
        _, (unknown, odd, known) = store.read_definitions(["unknown", "odd", "s"])
        assert (unknown, odd) == (None, None)
        assert known is not None
        assert known.template == {}

    def test_the_last_runs_status_is_that_of_its_job(self, redis: redis_py.Redis, store: Store) -> None:
        put_due(store)
        (run,) = ids_of(fire(store))
        assert stored(store).last_status == "queued"
        redis.hset(f"rq:job:{run}", "status", "failed")
        assert stored(store).last_status == "failed"
        redis.delete(f"rq:job:{run}")
        redis.rpush(f"rq:job:{run}", "x")
        assert stored(store).last_status == ""

    def test_runs_come_with_what_rq_knows(self, redis: redis_py.Redis, store: Store) -> None:
        nominal = put_due(store, of=spec(overlap="allow"))
        (first,) = ids_of(fire(store))
        due_again(store)
        (second,) = ids_of(fire(store))
        redis.hset(f"rq:job:{first}", mapping={"status": "started", "started_at": "a", "ended_at": "b"})
        redis.delete(f"rq:job:{second}")
        _, kind, (newest, oldest) = store.read_runs("s", 20)
        assert kind == "schedule"
        assert (newest.job_id, newest.status) == (second, "")
        assert (oldest.line.nominal, oldest.status, oldest.started_at, oldest.ended_at) == (
            nominal,
            "started",
            "a",
            "b",
        )
        assert len(store.read_runs("s", 1)[2]) == 1
        assert store.read_runs("s", 0)[2] == []
        assert store.read_runs("unknown", 20)[1:] == ("", [])


class TestHistoryLines:
    @pytest.mark.parametrize(
        ("text", "line"),
        [
            ("e 1 1 1 -", HistoryLine("enqueued", 1, 1, 3, 2)),
            ("m3 1s 0 5 7", HistoryLine("manual", US, US, US + 5, US, dispatcher="7")),
            (
                "b 1s 0 5 - . 10 20 1 8",
                HistoryLine(
                    *("backfill", US, US, US + 5, US),
                    end="finished",
                    started=US + 15,
                    ended=US + 35,
                    attempts=1,
                    worker="8",
                ),
            ),
            (
                "e 0 0 0 - f - 9 2 - c4,s6 worker-died shop.tasks:7 ValueError: 1 2  3",
                HistoryLine(
                    *("enqueued", 0, 0, 0, 0),
                    end="failed",
                    ended=9,
                    attempts=2,
                    earlier_ends=(("canceled", 4), ("stopped", 6)),
                    cause="worker-died",
                    error_at="shop.tasks:7",
                    error="ValueError: 1 2  3",
                ),
            ),
            ("q 1 0 0 -", HistoryLine("failed", 1, 1, 1, 1)),
            ("k 1 9s 40 5 -2026Z", HistoryLine("skipped", 1, 9 * US, 5, 1, 40, held_up_by="-2026Z")),
            ("x 1 9 40 5", HistoryLine("missed", 1, 9, 5, 1, 40)),
            ("x -9 -1 10000+ 5", HistoryLine("missed", -9, -1, 5, -9, 10_000, True)),
        ],
    )
    def test_are_read_as_they_are_written(self, text: str, line: HistoryLine) -> None:
        assert read_line(text.encode()) == line

    def test_of_a_stretch(self, redis: redis_py.Redis, store: Store) -> None:
        put_due(store, ago=20_000 * 60 * US + 1000)
        redis.hset(store.keys.schedule("s"), "updated", 0)
        write = plan_of(store)
        missed = write.coming.missed
        assert missed is not None
        write_one(store, write)
        newest, oldest = (row.line for row in store.read_runs("s", 5)[2])
        assert newest.outcome == "enqueued"
        assert missed_part(missed).endswith(" 10000+")
        assert (oldest.outcome, oldest.count, oldest.at_least) == ("missed", 10_000, True)
        assert (oldest.nominal, oldest.until) == (missed.first, missed.last)
        assert record(store)["missed"] == "10000"


class TestTending:
    def tend(self, store: Store) -> None:
        cursor = None
        while cursor != 0:
            cursor = store.tend_schedules(cursor or 0, 100)

    @pytest.mark.parametrize("due", [5, 1_000_000, 1_800_000_000_123_456, -5, -1_500_000, 0, 999_999, 10_000_000])
    def test_a_schedule_that_is_missing_is_armed_again_to_the_microsecond(
        self, redis: redis_py.Redis, store: Store, due: int
    ) -> None:
        put(store, new(redis, armed=Instant(due - 7, due)))
        before = snapshot(redis)
        redis.zrem(store.keys.due_schedules, "s")
        self.tend(store)
        assert snapshot(redis) == before
        assert stored(store).due == due

    def test_what_is_paused_finished_or_there_is_left(self, redis: redis_py.Redis, store: Store) -> None:
        put(store, new(redis, "there"), new(redis, "paused", paused=True), new(redis, "finished", armed=None))
        put_due(store, "moved")
        due_again(store, "moved", ago=5)
        redis.set(store.keys.schedule("odd"), "x")
        redis.zadd(store.keys.schedules, {"odd": 0, "gone": 0})
        before = snapshot(redis)
        self.tend(store)
        assert snapshot(redis) == before

    def test_a_recurring_job_that_was_cancelled_by_0_14_leaves_nothing(
        self, redis: redis_py.Redis, store: Store
    ) -> None:
        add(store, recurring(redis, "r", now_us(redis) + HOUR))
        put(store, new(redis, "s"))
        redis.zrem(INDEX, "r")
        self.tend(store)
        assert ids(redis, store.keys.schedules) == ["s"]
        assert redis.exists(store.keys.schedule("r"), store.keys.schedules_of("jobs")) == 0


def _calls(client: Any) -> int:
    stats = client.info("commandstats")
    failed = stats.get("cmdstat_evalsha", {}).get("failed_calls", 0)
    return sum(stats.get(f"cmdstat_{name}", {}).get("calls", 0) for name in ("eval", "evalsha")) - failed


def _bytes(value: Any) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode()
