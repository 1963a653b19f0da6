"""Committing fires of schedules: at most once, the order of writes, overlap in RQ's states, books, what is damaged."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from time import monotonic
from typing import Any, ClassVar

import pytest
import redis as redis_py
from msgspec.structs import replace

from making import HOUR, US, finish, history, lives_for, move_to, now_us, snapshot, waiting
from making_schedules import (
    EVERY,
    due_again,
    fire,
    fire_page,
    ids_of,
    job_fields,
    new,
    outcomes,
    plan_ahead,
    plan_of,
    put,
    put_due,
    record,
    run_now,
    spec,
    start_buffered,
    stored,
    unplanned_of,
    write_all,
    write_one,
)
from rq_scheduler import Scheduler
from rq_scheduler.client.schedules import on_demand
from rq_scheduler.embedded import EmbeddedRedis
from rq_scheduler.errors import InvalidArgument
from rq_scheduler.model import Spec
from rq_scheduler.planning import Instant
from rq_scheduler.runs import run_id
from rq_scheduler.store import Store
from rq_scheduler.store.clock import MANUAL_CLOCK
from rq_scheduler.store.fires import PlanWrite
from rq_scheduler.store.outcomes import Fenced, Outcome
from rq_scheduler.store.schedules import Deleted, JobFields, Write
from rq_scheduler.triggers import Every

FENCE = b"rq:scheduler_lock"


def unfenced(client: Any) -> dict[bytes, Any]:
    state = snapshot(client)
    state.pop(FENCE, None)
    return state


def unchanged(store: Store, *writes: PlanWrite) -> list[Outcome | None]:
    """Writes plans, which must write nothing but the lock."""
    before = unfenced(store.connection)
    answers = outcomes(store, *writes)
    after = unfenced(store.connection)
    for state in (before, after):
        state.pop(b"rq:scheduler:unplanned", None)  # it may be taken at once
    assert after == before
    return answers


def with_instants(write: PlanWrite, *instants: Instant, finished: bool = False) -> PlanWrite:
    return replace(write, coming=replace(write.coming, instants=instants, finished=finished))


def ended(write: PlanWrite) -> PlanWrite:
    """The same, with no instant after the first."""
    return with_instants(write, write.coming.instants[0], finished=True)


def start(client: Any, id: str, *, seconds: float = 3600, queue: str = "default") -> None:
    """A worker runs it, and its heartbeat is good for so long."""
    client.lrem(f"rq:queue:{queue}", 0, id)
    client.hset(f"rq:job:{id}", "status", "started")
    expiry = now_us(client) / US + seconds
    client.zadd(f"rq:executions:{id}", {"e1": expiry})
    client.zadd(f"rq:wip:{queue}", {f"{id}:e1": expiry})


class TestAFire:
    def test_moves_everything_at_once(self, redis: redis_py.Redis, store: Store) -> None:
        nominal = put_due(store)
        answer = store.write_plans([plan_of(store)], 0)
        assert isinstance(answer, tuple)
        now = answer[0].now
        run = run_id("s", nominal)
        assert [(made.id, made.due, made.queue) for made in answer[0].handed_off] == [(run, nominal, "default")]
        assert waiting(redis) == [run]
        assert redis.hget(f"rq:job:{run}", "status") == b"queued"
        following = nominal + 60 * US
        assert redis.zscore(store.keys.due_schedules, "s") == following / US
        after = record(store)
        assert (after["armed"], after["mark"]) == (f"{following}:{following}", str(nominal))
        assert (after["runs"], after["live"], after["last_run_id"], after["last_run_at"]) == ("1", run, run, str(now))
        assert history(redis, "s") == [["e", str(nominal), "0", str(now - nominal), "-"]]
        assert redis.zrange(store.keys.open_runs, 0, -1) == [f"s {now} {run.removeprefix('s')}".encode()]
        assert redis.smembers("rq:queues") == {b"rq:queue:default"}

    def test_twice_is_once(self, redis: redis_py.Redis, store: Store) -> None:
        put_due(store)
        fire = plan_of(store)
        assert outcomes(store, fire) == [Outcome.DONE]
        (run,) = waiting(redis)
        finish(redis, run)
        redis.delete(f"rq:job:{run}")
        assert unchanged(store, fire) == [Outcome.STALE], "a reply that was lost, and the script is sent again"

    def test_twice_in_one_batch_is_once(self, redis: redis_py.Redis, store: Store) -> None:
        put_due(store)
        fire = plan_of(store)
        assert outcomes(store, fire, fire) == [Outcome.DONE, Outcome.STALE]
        assert len(waiting(redis)) == 1

    def test_by_eight_dispatchers_at_once_is_once(self, redis: redis_py.Redis, store: Store) -> None:
        for n in range(20):
            put_due(store, f"s{n}")
        fires = [plan_of(store, f"s{n}") for n in range(20)]
        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(lambda _: outcomes(store, *fires), range(8)))
        assert sum(answer.count(Outcome.DONE) for answer in answers) == 20
        assert len(waiting(redis)) == len(set(waiting(redis))) == 20

    def test_before_its_time_does_not_happen(self, redis: redis_py.Redis, store: Store) -> None:
        put(store, new(redis, due=now_us(redis) + HOUR // 2))
        assert outcomes(store, plan_of(store)) == [None]
        fire_page(store)
        assert waiting(redis) == []

    def test_by_a_plan_that_was_made_long_ago_is_the_same(self, redis: redis_py.Redis, store: Store) -> None:
        put_due(store)
        assert outcomes(store, plan_of(store, now=now_us(redis) - 30 * US)) == [Outcome.DONE]

    def test_the_last_instant_ends_it(self, redis: redis_py.Redis, store: Store) -> None:
        put_due(store)
        fire = ended(plan_of(store))
        assert outcomes(store, fire) == [Outcome.DONE]
        assert redis.zcard(store.keys.due_schedules) == 0
        assert record(store)["armed"] == ""
        assert stored(store).armed is None
        assert unchanged(store, fire) == [Outcome.STALE]

    def test_an_entry_that_somebody_moved_fires_at_that_time(self, redis: redis_py.Redis, store: Store) -> None:
        nominal = put_due(store)
        before = plan_of(store)
        moved = due_again(store, ago=500)
        assert moved != nominal
        assert unchanged(store, before) == [Outcome.STALE]
        assert ids_of(fire(store)) == [run_id("s", moved)]

    def test_an_instant_at_or_before_the_mark_never_runs(self, redis: redis_py.Redis, store: Store) -> None:
        nominal = put_due(store)
        redis.hset(store.keys.schedule("s"), "mark", nominal)
        assert fire(store).made == []
        assert waiting(redis) == []
        assert unplanned_of(store).nominal == nominal + 60 * US, "and the next one comes"

    @pytest.mark.parametrize(
        ("nominal", "mark", "runs"),
        [("5", "", 1), ("10", "9", 1), ("9", "10", 0), ("-5", "-9", 1), ("-9", "-5", 0), ("5", "-9", 1), ("7", "7", 0)],
    )
    def test_marks_are_compared_as_numbers(
        self, redis: redis_py.Redis, store: Store, nominal: str, mark: str, runs: int
    ) -> None:
        put_due(store)
        redis.hset(store.keys.schedule("s"), "mark", mark)
        redis.zadd(store.keys.due_schedules, {"s": 0.000005})
        redis.hset(store.keys.schedule("s"), mapping={"armed": f"{nominal}:5", "updated": -10})
        write = with_instants(
            plan_of(store), Instant(int(nominal), 5), Instant(now_us(redis) + HOUR, now_us(redis) + HOUR)
        )
        assert len(ids_of(write_one(store, write))) == runs


class TestAStalePlan:
    """What was planned before a change commits nothing after it."""

    CHANGES: ClassVar[dict[str, Callable[[Store, str], Any]]] = {
        "put again": lambda store, rev: put(store, new(store.connection, of=spec(30), rev=rev)),
        "paused": lambda store, rev: put(store, Write("s", rev, paused=True)),
        "paused and resumed": lambda store, rev: put(
            store, Write("s", put(store, Write("s", rev, paused=True))[0], paused=False)
        ),
        "deleted": lambda store, rev: store.delete_schedule("s"),
        "moved": lambda store, rev: store.connection.zadd(store.keys.due_schedules, {"s": 1}),
        "taken out": lambda store, rev: store.connection.zrem(store.keys.due_schedules, "s"),
        "its record is gone": lambda store, rev: store.connection.delete(store.keys.schedule("s")),
    }

    @pytest.mark.parametrize("change", CHANGES)
    def test_does_not_commit(self, redis: redis_py.Redis, store: Store, change: str) -> None:
        (rev,) = put(store, new(redis, due=now_us(redis) - 1000))
        fire = plan_of(store)
        self.CHANGES[change](store, rev)
        assert unchanged(store, fire) == [Outcome.STALE]

    def test_nor_after_delete_and_put_of_the_same(self, redis: redis_py.Redis, store: Store) -> None:
        write = new(redis, due=now_us(redis) - 1000)
        put(store, write)
        fire = plan_of(store)
        assert store.delete_schedule("s") is Deleted.OK
        put(store, write)
        assert unchanged(store, fire) == [Outcome.STALE], "the same due time, another rev"
        assert outcomes(store, plan_of(store)) == [Outcome.DONE]

    def test_the_tombstone_keeps_what_ran_from_running_again(self, redis: redis_py.Redis, store: Store) -> None:
        write = new(redis, due=now_us(redis) - 1000)
        put(store, write)
        assert outcomes(store, plan_of(store)) == [Outcome.DONE]
        (run,) = waiting(redis)
        finish(redis, run)
        redis.delete(f"rq:job:{run}")
        store.delete_schedule("s")
        assert 86_000 < redis.ttl(store.keys.tombstone("s")) <= 86_400
        put(store, write)
        assert redis.exists(store.keys.tombstone("s")) == 0
        assert fire(store).made == []
        assert waiting(redis) == []

    def test_one_loser_holds_up_no_other(self, redis: redis_py.Redis, store: Store) -> None:
        for id in ("a", "b", "c"):
            put_due(store, id, job=job_fields(redis, f"queue-{id}"))
        fires = [plan_of(store, id) for id in ("a", "b", "c")]
        store.delete_schedule("b")
        assert outcomes(store, *fires) == [Outcome.DONE, Outcome.STALE, Outcome.DONE]
        assert (len(waiting(redis, "queue-a")), len(waiting(redis, "queue-c"))) == (1, 1)


class TestAStray:
    """Put into an index by a foreign hand, it would be read, and be stale, in every pass."""

    def test_a_paused_one_leaves_the_index(self, redis: redis_py.Redis, store: Store) -> None:
        put_due(store)
        fire = plan_of(store)
        put(store, Write("s", record(store)["rev"], paused=True))
        due_again(store)
        assert outcomes(store, plan_of(store)) == [Outcome.STALE]
        assert outcomes(store, fire) == [Outcome.STALE]
        fire_page(store)
        assert redis.zcard(store.keys.due_schedules) == 0
        assert waiting(redis) == []

    @pytest.mark.parametrize("left", ["paused", "gone", "another type"])
    def test_one_that_remembers_and_cannot_run_leaves_the_list(
        self, redis: redis_py.Redis, store: Store, left: str
    ) -> None:
        put_due(store)
        if left == "paused":
            put(store, Write("s", record(store)["rev"], paused=True))
        else:
            redis.delete(store.keys.schedule("s"))
        if left == "another type":
            redis.set(store.keys.schedule("s"), "x")
        redis.zadd(store.keys.buffered, {"s": 1, "other": now_us(redis) / US + 60})
        assert start_buffered(store) is None
        assert redis.zrange(store.keys.buffered, 0, -1) == [b"other"]


class TestManualRuns:
    def test_are_numbered_and_leave_the_cadence(self, redis: redis_py.Redis, store: Store) -> None:
        put(store, new(redis))
        before = (redis.zscore(store.keys.due_schedules, "s"), record(store)["armed"], record(store).get("mark"))
        now = now_us(redis)
        assert ids_of(run_now(store, at=now)) == [run_id("s", now, "m1")]
        after = record(store)
        assert (redis.zscore(store.keys.due_schedules, "s"), after["armed"], after.get("mark")) == before
        assert (after["manual"], after.get("runs", "0")) == ("1", "0")
        assert redis.exists(FENCE) == 0

    def test_of_two_with_one_number_one_is_made(self, redis: redis_py.Redis, store: Store) -> None:
        put(store, new(redis))
        now = now_us(redis)
        assert run_now(store, number=1, at=now, force=True).outcome is Outcome.DONE
        before = unfenced(redis)
        assert run_now(store, number=1, at=now + 1, force=True).outcome is Outcome.STALE
        assert unfenced(redis) == before

    @pytest.mark.parametrize("since", ["waits", "has expired"])
    def test_sent_again_it_is_the_same_run(self, redis: redis_py.Redis, store: Store, since: str) -> None:
        put(store, new(redis))
        now = now_us(redis)
        (run,) = ids_of(run_now(store, at=now))
        if since == "has expired":
            redis.delete(f"rq:job:{run}")
        again = run_now(store, number=1, at=now)
        assert again.outcome is Outcome.DONE
        assert ids_of(again) == ([run] if since == "waits" else [])
        assert waiting(redis) == [run]

    @pytest.mark.parametrize("overlap", ["skip", "buffer_all"])
    def test_sent_again_it_is_not_skipped_or_buffered_twice(
        self, redis: redis_py.Redis, store: Store, overlap: Any
    ) -> None:
        of = spec(overlap=overlap)
        put(store, new(redis, of=of))
        (run,) = ids_of(run_now(store, of=of))
        start(redis, run)
        now = now_us(redis)
        assert run_now(store, of=of, at=now).made == []
        before = unfenced(redis)
        again = run_now(store, of=of, number=2, at=now)
        assert (again.outcome, again.made) == (Outcome.DONE, [])
        assert unfenced(redis) == before
        assert redis.llen(store.keys.buffer("s")) == (overlap == "buffer_all")

    def test_that_are_over_before_they_can_be_read_are_returned_too(
        self, redis: redis_py.Redis, store: Store, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        schedules = Scheduler(connection=redis).schedules
        schedules.put("s", Every(60), "jobs_for_tests.add", args=(1,), result_ttl=0)

        def too_late(self: Store, id: str) -> Any:
            redis.delete(f"rq:job:{id}")
            return self.run(self.commands.job_fields(id))

        monkeypatch.setattr(Store, "job_fields", too_late)
        job = schedules.run_now("s")
        assert job is not None
        assert (waiting(redis), job.args) == ([job.id], (1,))

    def test_sent_again_after_another_one_it_is_still_known(self, redis: redis_py.Redis, store: Store) -> None:
        put(store, new(redis))
        now = now_us(redis)
        run_now(store, at=now, force=True)
        run_now(store, force=True)
        assert ids_of(run_now(store, number=1, at=now, force=True)) == [run_id("s", now, "m1")]
        assert len(waiting(redis)) == 2

    def test_of_a_paused_one_pass_by_what_it_buffers(self, redis: redis_py.Redis, store: Store) -> None:
        of = spec(overlap="buffer_one")
        put_due(store, of=of)
        (run,) = ids_of(fire(store))
        due_again(store)
        assert len(fire(store).buffered) == 1
        put(store, Write("s", record(store)["rev"], paused=True))
        finish(redis, run)
        now = now_us(redis)
        assert ids_of(run_now(store, of=of, at=now)) == [run_id("s", now, "m1")]
        assert redis.llen(store.keys.buffer("s")) == 1, "that one waits for the resume"
        assert redis.zcard(store.keys.buffered) == 0
        put(store, Write("s", record(store)["rev"], paused=False))
        assert redis.zcard(store.keys.buffered) == 1

    def test_of_an_unknown_one_are_stale(self, redis: redis_py.Redis, store: Store) -> None:
        assert store.run_now("s", EVERY, 1, now_us(redis)).outcome is Outcome.STALE
        assert redis.dbsize() == 0

    def test_of_one_that_cannot_run_change_nothing(self, redis: redis_py.Redis, store: Store) -> None:
        put(store, new(redis))
        redis.delete(store.keys.template("s"))
        before = unfenced(redis)
        committed = run_now(store)
        assert committed.outcome is Outcome.BROKEN
        assert "put the schedule again" in committed.detail
        assert unfenced(redis) == before


class TestCatchingUp:
    def test_goes_in_pieces_of_a_plan(self, redis: redis_py.Redis, store: Store) -> None:
        first = put_due(store, ago=40 * 60 * US + 1000, of=spec(catchup="all", overlap="allow"))
        redis.hset(store.keys.schedule("s"), "updated", 0)
        made: list[str] = []
        while unplanned_of(store).due <= now_us(redis):
            write = plan_of(store)
            made += ids_of(write_one(store, write))
            assert unchanged(store, write) == [Outcome.STALE]
        wanted = [run_id("s", first + n * 60 * US) for n in range(41)]
        assert made == wanted == waiting(redis)
        assert len(history(redis, "s")) == 41
        assert (record(store)["runs"], record(store)["mark"]) == ("41", str(first + 40 * 60 * US))

    def test_a_part_that_ran_already_does_not_run_again(self, redis: redis_py.Redis, store: Store) -> None:
        first = put_due(store, ago=10 * 60 * US + 1000, of=spec(catchup="all", overlap="allow"))
        redis.hset(store.keys.schedule("s"), mapping={"updated": 0, "mark": first + 4 * 60 * US})
        assert ids_of(fire(store)) == [run_id("s", first + n * 60 * US) for n in range(5, 11)]

    def test_the_job_of_a_run_that_is_there_is_not_made_anew(self, redis: redis_py.Redis, store: Store) -> None:
        nominal = put_due(store)
        redis.hset(f"rq:job:{run_id('s', nominal)}", "status", "finished")
        assert fire(store).made == []
        assert redis.hgetall(f"rq:job:{run_id('s', nominal)}") == {b"status": b"finished"}
        assert waiting(redis) == []

    @pytest.mark.parametrize(
        ("overlap", "made", "kept", "skipped"), [("buffer_one", 1, 1, 9), ("buffer_all", 1, 10, 0)]
    )
    def test_overlap_applies_within_one_commit(
        self, redis: redis_py.Redis, store: Store, overlap: Any, made: int, kept: int, skipped: int
    ) -> None:
        put_due(store, ago=10 * 60 * US + 1000, of=spec(catchup="all", overlap=overlap))
        redis.hset(store.keys.schedule("s"), "updated", 0)
        committed = fire(store)
        assert (len(committed.made), len(committed.buffered), len(committed.skipped)) == (made, kept, skipped)
        assert redis.llen(store.keys.buffer("s")) == kept

    def test_replace_within_one_commit_leaves_the_newest(self, redis: redis_py.Redis, store: Store) -> None:
        put_due(store, ago=3 * 60 * US + 1000, of=spec(catchup="all", overlap="replace"))
        redis.hset(store.keys.schedule("s"), "updated", 0)
        committed = fire(store)
        assert committed.to_stop == ids_of(committed)[:-1]

    def test_what_was_to_stop_is_looked_at_again_after_a_pause(self, redis: redis_py.Redis, store: Store) -> None:
        """Whoever was to ask it may have died meanwhile."""
        put_due(store, of=spec(overlap="replace"))
        first = ids_of(fire(store))
        due_again(store)
        assert fire(store).to_stop == first
        put(store, Write("s", record(store)["rev"], paused=True))
        assert redis.zscore(store.keys.buffered, "s") is None
        put(store, Write("s", record(store)["rev"], paused=False))
        assert start_buffered(store).to_stop == first


class TestBackfill:
    def test_is_once_also_when_sent_again(self, redis: redis_py.Redis, store: Store) -> None:
        put(store, new(redis))
        nominals = [n * 60 * US for n in range(5)]
        made = store.backfill("s", "", "0..300000000", nominals)
        assert made == [run_id("s", nominal, "b") for nominal in nominals]
        assert waiting(redis) == made
        before = unfenced(redis)
        assert store.backfill("s", "", "0..300000000", nominals) is None
        assert unfenced(redis) == before
        for id in made:
            finish(redis, id)
            redis.delete(f"rq:job:{id}")
        assert store.backfill("s", "", "0..300000000", nominals) is None, "the ranges outlive the jobs"
        assert [line[0] for line in history(redis, "s")] == ["b"] * 5
        assert record(store).get("runs", "0") == "0"

    def test_survives_delete_and_put(self, redis: redis_py.Redis, store: Store) -> None:
        put(store, new(redis))
        store.backfill("s", "", "0..60000000", [0])
        store.delete_schedule("s")
        put(store, new(redis))
        assert record(store)["backfilled"] == "0..60000000"
        assert store.backfill("s", "", "0..60000000", [0]) is None

    def test_of_large_calls_goes_in_smaller_pieces(
        self, redis: redis_py.Redis, store: Store, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        large = JobFields({**job_fields(redis).fields, "data": b"x" * 300_000}, "f", "f()", "default")
        put(store, new(redis, job=large), new(redis, "small"))
        pieces: list[int] = []
        backfill = store.backfill

        def counting(id: str, covered: str, covers: str, nominals: Sequence[int]) -> list[str] | None:
            pieces.append(len(nominals))
            return backfill(id, covered, covers, nominals)

        monkeypatch.setattr(store, "backfill", counting)
        for id, wanted in (("s", [3, 3, 1]), ("small", [7])):
            pieces.clear()
            _, (current,) = store.read_definitions([id], templates=False)
            assert current is not None
            made: list[str] = []
            assert on_demand.backfill(
                store, current, Spec(trigger=Every(60).anchored(0)), (0, 7 * 60 * US), 100, HOUR, made
            )
            assert (pieces, len(made)) == (wanted, 7)

    def test_of_two_at_once_one_wins(self, redis: redis_py.Redis, store: Store) -> None:
        put(store, new(redis))
        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(lambda _: store.backfill("s", "", "0..60000000", [0]), range(8)))
        assert [answer for answer in answers if answer is not None] == [[run_id("s", 0, "b")]]
        assert waiting(redis) == [run_id("s", 0, "b")]

    def test_of_one_that_cannot_run_says_why(self, redis: redis_py.Redis, store: Store) -> None:
        put(store, new(redis))
        redis.set("rq:queue:default", "x")
        before = unfenced(redis)
        with pytest.raises(InvalidArgument, match=r"cannot run: the key rq:queue:default is not the list of a queue"):
            store.backfill("s", "", "0..60000000", [0])
        assert unfenced(redis) == before
        assert store.backfill("unknown", "", "0..60000000", [0]) is None


@contextmanager
def full(client: Any) -> Iterator[str]:
    client.config_set("maxmemory", "1")
    try:
        yield "OOM|command not allowed when used memory"
    finally:
        client.config_set("maxmemory", "0")


@contextmanager
def read_only(client: Any) -> Iterator[str]:
    client.replicaof("127.0.0.1", 1)
    try:
        yield "read only replica"
    finally:
        client.replicaof("NO", "ONE")


class TestAServerThatRefusesWrites:
    """It refuses the batch whole, and afterwards the very same batch commits."""

    @pytest.mark.parametrize("refusing", [full, read_only], ids=["full", "read-only"])
    @pytest.mark.parametrize("prefix", ["rq", "{site}"], ids=["fenced", "without a fence"])
    def test_a_batch_of_all_kinds(self, own_server: EmbeddedRedis, refusing: Any, prefix: str) -> None:
        client = redis_py.Redis.from_url(own_server.url, retry=None)
        store = Store(client, prefix=prefix)
        buffering = spec(overlap="buffer_one")
        for id in ("skips", "pauses", "breaks", "ends", "runs", "buffers", "starts"):
            put_due(store, id, of=buffering if id in ("buffers", "starts") else spec(pause_on_failures=1))
        for id in ("skips", "pauses", "buffers", "starts"):
            committed = fire(store, id)
            due_again(store, id)
            if id == "starts":
                fire(store, id)
            if id in ("pauses", "starts"):
                (run,) = ids_of(committed)
                client.lrem(f"{prefix}:queue:default", 0, run)
                client.hset(f"{prefix}:job:{run}", "status", "failed")
        client.delete(store.keys.template("breaks"))
        put(store, new(client, "planned"))
        fires = [
            plan_of(store, "skips"), plan_of(store, "pauses"), plan_of(store, "breaks"), ended(plan_of(store, "ends")),
            plan_of(store, "runs"), plan_of(store, "buffers"),
        ]  # fmt: skip
        plan_ahead(store, "planned")
        client.zadd(store.keys.to_plan, {"planned": 1})
        client.zadd(store.keys.buffered, {"starts": 1})
        client.delete(store.keys.fence)
        calls: list[Callable[[], Any]] = [
            *(lambda fire=fire: store.write_plans([fire], 0) for fire in fires),
            lambda: store.write_plans(fires, 0),
            lambda: store.fire(None, looks=100, runs=100, copies=100_000),
            lambda: store.start_buffered(100, 100_000),
            lambda: store.take_to_plan(100),
            lambda: store.run_now("runs", EVERY, 1, now_us(client)),
            lambda: store.backfill("runs", "", "0..60000000", [0]),
            lambda: store.write_schedules([new(client, "more"), new(client, "again")]),
            lambda: store.put_aside(unplanned_of(store, "ends"), "why"),
            lambda: store.delete_schedule("runs"),
        ]
        before = snapshot(client)
        with refusing(client) as message:
            for call in calls:
                with pytest.raises(redis_py.ResponseError, match=message):
                    call()
        assert snapshot(client) == before
        assert outcomes(store, *fires) == [
            Outcome.DONE, Outcome.PAUSED, Outcome.BROKEN, Outcome.DONE, Outcome.DONE, Outcome.DONE,
        ]  # fmt: skip
        assert ids_of(start_buffered(store, "starts"))
        client.close()


def make_wrong(client: Any, key: str) -> None:
    """The key holds what nobody expects there."""
    client.delete(key)
    if "queue:" in key or "buffer:" in key or "history:" in key:
        client.hset(key, "a", "b")
    else:
        client.rpush(key, "x")


class TestAWrongType:
    """One bad schedule holds up no other, and is left where a person sees it and why."""

    @pytest.mark.parametrize(
        ("key", "says"),
        [
            ("rq:queue:bad", "is not the list of a queue"),
            ("rq:scheduler:template:bad", "put the schedule again"),
            ("rq:scheduler:buffer:bad", "is no list"),
        ],
    )
    @pytest.mark.parametrize("mode", ["due", "buffered"])
    def test_pauses_the_schedule_with_a_note(
        self, redis: redis_py.Redis, store: Store, key: str, says: str, mode: str
    ) -> None:
        put_due(store, "bad", job=job_fields(redis, "bad"))
        put_due(store, "good")
        redis.zadd(store.keys.buffered, {"bad": 1})
        write = plan_of(store, "bad")
        make_wrong(redis, key)
        answer = write_one(store, write) if mode == "due" else start_buffered(store, "bad")
        assert answer is not None
        assert answer.outcome is Outcome.BROKEN
        assert outcomes(store, plan_of(store, "good")) == [Outcome.DONE]
        left = stored(store, "bad")
        assert (left.text("paused"), left.due) == ("1", None)
        assert says in left.text("note")
        quarantined = redis.hget(store.keys.quarantine, "bad")
        assert quarantined is not None
        assert b'"due":""' not in quarantined
        assert redis.zrange(store.keys.schedules_of("paused"), 0, -1) == [b"bad"]
        assert redis.zscore(store.keys.buffered, "bad") is None
        assert [line[0] for line in history(redis, "bad")] == (["q"] if mode == "due" else [])
        assert len(waiting(redis)) == 1

    def test_and_what_is_mended_and_resumed_leaves_the_quarantine(self, redis: redis_py.Redis, store: Store) -> None:
        put_due(store)
        redis.delete(store.keys.template("s"))
        assert outcomes(store, plan_of(store)) == [Outcome.BROKEN]
        (rev,) = put(store, new(redis, rev=record(store)["rev"]))
        assert redis.hkeys(store.keys.quarantine) == [b"s"], "it is still paused"
        put(store, Write("s", rev, paused=False))
        assert redis.hkeys(store.keys.quarantine) == []

    @pytest.mark.parametrize("key", ["rq:job:{run}", "rq:executions:{run}", "rq:wip:bad", "rq:scheduled:bad"])
    @pytest.mark.parametrize("status", ["started", "scheduled"])
    def test_under_a_live_run_means_that_it_is_over(
        self, redis: redis_py.Redis, store: Store, key: str, status: str
    ) -> None:
        put_due(store, "bad", job=job_fields(redis, "bad"))
        (run,) = ids_of(fire(store, "bad"))
        start(redis, run, queue="bad")
        redis.hset(f"rq:job:{run}", "status", status)
        due_again(store, "bad")
        put_due(store, "good")
        make_wrong(redis, key.format(run=run))
        if key == "rq:scheduled:bad" and status == "started":
            redis.delete(f"rq:executions:{run}")
        elif key == "rq:scheduled:bad":
            redis.delete("rq:wip:bad")
        answers = write_all(store, plan_of(store, "bad"), plan_of(store, "good"))
        assert [(answer.outcome, len(answer.made)) for answer in answers] == [(Outcome.DONE, 1), (Outcome.DONE, 1)]

    def test_in_the_books_stops_nothing(self, redis: redis_py.Redis, store: Store) -> None:
        put_due(store)
        make_wrong(redis, store.keys.history("s"))
        redis.hset(store.keys.schedule("s"), mapping={"runs": "many", "missed": "x", "skipped": "y", "failures": "z"})
        assert len(fire(store).made) == 1

    @pytest.mark.parametrize("runs_as", [None, "{", "5", '{"ttl":{}}', '{"queue":5}'])
    def test_of_what_its_runs_are_breaks_the_schedule(
        self, redis: redis_py.Redis, store: Store, runs_as: str | None
    ) -> None:
        put_due(store, "bad")
        put_due(store, "good")
        if runs_as is None:
            redis.hdel(store.keys.schedule("bad"), "runs_as")
        else:
            redis.hset(store.keys.schedule("bad"), "runs_as", runs_as)
        assert outcomes(store, plan_of(store, "bad"), plan_of(store, "good")) == [Outcome.BROKEN, Outcome.DONE]
        assert "put the schedule again" in stored(store, "bad").text("note")

    def test_of_the_record_is_stale_and_is_put_aside(self, redis: redis_py.Redis, store: Store) -> None:
        put_due(store)
        fire = plan_of(store)
        make_wrong(redis, store.keys.schedule("s"))
        assert outcomes(store, fire) == [Outcome.STALE]
        fire_page(store)
        (taken,) = store.take_to_plan(10).schedules
        assert (taken.rev, taken.spec) == ("", b"")
        assert store.put_aside(taken, "no record")
        assert redis.zcard(store.keys.due_schedules) == 0
        quarantined = redis.hget(store.keys.quarantine, "s")
        assert quarantined is not None
        assert b"no record" in quarantined
        assert stored_kind(store) is None
        assert store.delete_schedule("s") is Deleted.UNKNOWN

    @pytest.mark.parametrize(
        "key",
        [
            "rq:queues",
            "rq:scheduler:via_rq",
            "rq:scheduler:buffered",
            "rq:scheduler:schedules:paused",
        ],
    )
    def test_of_what_all_share_is_an_error_and_nothing_is_half_done(
        self, redis: redis_py.Redis, store: Store, key: str
    ) -> None:
        put_due(store)
        put_due(store, "slow", job=job_fields(redis, slow=True))
        fires = [plan_of(store), plan_of(store, "slow")]
        kept = redis.dump(key)
        make_wrong(redis, key)
        before = unfenced(redis)
        calls: list[Callable[[], Any]] = [
            lambda: store.write_plans(fires, 0),
            lambda: store.fire(None, looks=100, runs=100, copies=100_000),
            lambda: store.start_buffered(100, 100_000),
            lambda: store.run_now("s", EVERY, 1, now_us(redis)),
            lambda: store.backfill("s", "", "0..60000000", [0]),
        ]
        for call in calls:
            with pytest.raises(redis_py.ResponseError, match="WRONGTYPE"):
                call()
        assert unfenced(redis) == before
        redis.delete(key)
        if kept is not None:
            redis.restore(key, 0, kept)
        assert outcomes(store, *fires) == [Outcome.DONE, Outcome.DONE]
        assert len(waiting(redis)) == 1, "no job was left behind that looks as if it had run"


def stored_kind(store: Store, id: str = "s") -> str | None:
    _, (found,) = store.read_definitions([id])
    return None if found is None else found.kind


class TestTheFence:
    def test_a_foreign_one_writes_nothing(self, redis: redis_py.Redis, store: Store) -> None:
        put_due(store)
        redis.set(store.keys.fence, "1795.5", px=60_000)
        before = snapshot(redis)
        calls: list[Callable[[], Any]] = [
            lambda: store.write_plans([plan_of(store)], 0),
            lambda: store.fire(None, looks=100, runs=100, copies=100_000),
            lambda: store.start_buffered(100, 100_000),
        ]
        for call in calls:
            answer = call()
            assert isinstance(answer, Fenced)
            assert (answer.holder, 0 < answer.ttl_ms <= 60_000) == ("1795.5", True)
        assert snapshot(redis) == before

    def test_ours_is_taken_and_renewed(self, redis: redis_py.Redis, store: Store) -> None:
        put_due(store)
        write, began = plan_of(store), monotonic()
        write_one(store, write)
        assert lives_for(redis, store.keys.fence, 15, began)
        redis.pexpire(store.keys.fence, 50)
        due_again(store)
        fire(store)
        assert redis.pttl(store.keys.fence) > 14_000

    def test_under_another_prefix_there_is_none(self, redis: redis_py.Redis) -> None:
        store = Store(redis, prefix="{site}")
        put_due(store)
        redis.set("rq:scheduler_lock", "1795.5", px=60_000)
        assert outcomes(store, plan_of(store)) == [Outcome.DONE]
        assert redis.llen("{site}:queue:default") == 1
        assert redis.exists("{site}:scheduler_lock") == 0


class TestLostRuns:
    """A run that says it is queued, and is in no queue: killed workers and deleted queues leave such."""

    @pytest.mark.parametrize("ago", [61, -3600], ids=["a minute ago", "before the clock went back"])
    def test_are_asked_for_before_a_second_skip(self, redis: redis_py.Redis, store: Store, ago: int) -> None:
        put_due(store)
        (run,) = ids_of(fire(store))
        redis.delete("rq:queue:default")
        due_again(store)
        assert len(fire(store).skipped) == 1
        due_again(store)
        answer = fire(store)
        assert (answer.outcome, answer.detail, answer.skipped) == (Outcome.CHECK, run, [])
        there = fire(store, found=f"there {run}")
        assert (there.made, len(there.skipped)) == ([], 1)
        assert record(store)["looked_for"] == "", "it is used once"
        due_again(store)
        assert len(fire(store).skipped) == 1, "not again within a minute"
        redis.hset(store.keys.schedule("s"), "looked_up_at", now_us(redis) - ago * US)
        due_again(store)
        assert fire(store).outcome is Outcome.CHECK
        gone = fire(store, found=f"gone {run}")
        assert len(gone.made) == 1
        assert record(store)["live"] == gone.made[0].id

    def test_are_looked_for_by_python_alone(self, redis: redis_py.Redis, store: Store) -> None:
        put_due(store)
        fire(store)
        redis.hset(store.keys.schedule("s"), "skips_in_a_row", 1)
        due_again(store)
        page = fire_page(store)
        assert (page.fires.handed_off, page.fires.answers) == ([], [])
        assert [each.id for each in store.take_to_plan(10).schedules] == ["s"]

    @pytest.mark.parametrize("age", [4, 6, -60])
    def test_an_answer_is_believed_for_five_seconds(self, redis: redis_py.Redis, store: Store, age: int) -> None:
        put_due(store)
        (run,) = ids_of(fire(store))
        redis.hset(
            store.keys.schedule("s"),
            mapping={"skips_in_a_row": 1, "looked_for": f"gone {now_us(redis) - age * US} {run}"},
        )
        due_again(store)
        assert fire(store).outcome is (Outcome.DONE if age == 4 else Outcome.CHECK)

    @pytest.mark.parametrize("status", ["started", "queued"])
    def test_that_runs_meanwhile_is_not_taken_for_gone(self, redis: redis_py.Redis, store: Store, status: str) -> None:
        """Whatever its status says: who enqueues it again while it runs writes another."""
        put_due(store)
        (run,) = ids_of(fire(store))
        start(redis, run)
        redis.hset(f"rq:job:{run}", "status", status)
        redis.hset(store.keys.schedule("s"), "skips_in_a_row", 1)
        due_again(store)
        assert len(fire(store, found=f"gone {run}").skipped) == 1

    def test_several_of_a_deleted_queue_do_not_stop_it_for_good(self, redis: redis_py.Redis, store: Store) -> None:
        put(store, new(redis))
        runs = [ids_of(run_now(store, force=True))[0] for _ in range(3)]
        redis.delete("rq:queue:default")
        due_again(store)
        assert len(fire(store).skipped) == 1
        due_again(store)
        answer = fire(store)
        assert (answer.outcome, answer.detail.split()) == (Outcome.CHECK, runs)
        assert len(fire(store, found=f"gone {answer.detail}").made) == 1

    def test_beside_one_that_runs_are_not_asked_for(self, redis: redis_py.Redis, store: Store) -> None:
        put(store, new(redis))
        one, _ = (ids_of(run_now(store, force=True))[0] for _ in range(2))
        start(redis, one)
        redis.hset(store.keys.schedule("s"), "skips_in_a_row", 1)
        due_again(store)
        assert len(fire(store).skipped) == 1


class TestBuffering:
    def test_at_most_1000(self, redis: redis_py.Redis, store: Store) -> None:
        put_due(store, ago=20 * 60 * US + 1000, of=spec(catchup="all", overlap="buffer_all"))
        redis.hset(store.keys.schedule("s"), "updated", 0)
        redis.rpush(store.keys.buffer("s"), *(f"enqueued {n} {n} s-{n}" for n in range(990)))
        (run,) = ids_of(run_now(store, force=True))
        start(redis, run)
        answers = [fire(store), fire(store)]
        assert [(len(answer.buffered), len(answer.skipped)) for answer in answers] == [(10, 5), (0, 6)]
        assert redis.llen(store.keys.buffer("s")) == 1000

    def test_starts_once_whoever_looks(self, redis: redis_py.Redis, store: Store) -> None:
        put_due(store, of=spec(overlap="buffer_one"))
        (run,) = ids_of(fire(store))
        second = due_again(store)
        assert fire(store).buffered == [second]
        start(redis, run)
        answer = start_buffered(store)
        assert answer is not None
        assert answer.outcome is Outcome.WAITING
        finish(redis, run)
        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(lambda _: start_buffered(store), range(8)))
        assert [id for answer in answers for id in ids_of(answer)] == [run_id("s", second)]
        assert waiting(redis) == [run_id("s", second)]
        assert (redis.exists(store.keys.buffer("s")), redis.zcard(store.keys.buffered)) == (0, 0)

    def test_what_another_policy_left_goes_one_after_the_other(self, redis: redis_py.Redis, store: Store) -> None:
        put_due(store, ago=3 * 60 * US + 1000, of=spec(catchup="all", overlap="buffer_all"))
        redis.hset(store.keys.schedule("s"), "updated", 0)
        (run,) = ids_of(fire(store))
        put(store, new(redis, of=spec(overlap="skip"), rev=record(store)["rev"]))
        started = [run]
        for _ in range(3):
            finish(redis, started[-1])
            started += ids_of(start_buffered(store))
        assert len(started) == 4
        start_buffered(store)
        assert redis.zcard(store.keys.buffered) == 0

    def test_counts_for_max_runs_before_it_starts(self, redis: redis_py.Redis, store: Store) -> None:
        of = spec(catchup="all", overlap="buffer_all", max_runs=3)
        put_due(store, ago=10 * 60 * US + 1000, of=of)
        redis.hset(store.keys.schedule("s"), "updated", 0)
        committed = fire(store)
        assert (len(committed.made), len(committed.buffered), committed.skipped) == (1, 2, [])
        assert redis.zcard(store.keys.due_schedules) == 0
        for _ in range(2):
            finish(redis, waiting(redis)[0])
            assert len(start_buffered(store).made) == 1
        assert record(store)["runs"] == "3"


def with_runs_that_go_on(store: Store, count: int, due: int, **policies: Any) -> list[str]:
    """Schedules of which each look has to read 19 runs."""
    ids = [f"s{n:03}" for n in range(count)]
    pipe, expiry = store.connection.pipeline(), due / US + 7200
    put(store, *(new(store.connection, id, due, of=spec(3600, **policies)) for id in ids))
    for id in ids:
        runs = [f"{id}-{n}" for n in range(19)]
        pipe.hset(store.keys.schedule(id), "live", " ".join(runs))
        for run in runs:
            pipe.hset(f"rq:job:{run}", mapping={"status": "started", "origin": "default"})
            pipe.zadd(f"rq:executions:{run}", {"e1": expiry})
        pipe.zadd("rq:wip:default", {f"{run}:e1": expiry for run in runs})
    pipe.execute()
    return ids


@pytest.mark.usefixtures("scripts_as_is")
class TestManyRunsToLookAt:
    """One script does a part of it, and says that there is more."""

    COUNT = 500

    def test_by_fires_of_new_plans(self, redis: redis_py.Redis, store: Store) -> None:
        due = now_us(redis)
        move_to(redis, due)  # and stays there, however long these take
        store.clock = MANUAL_CLOCK
        ids = with_runs_that_go_on(store, self.COUNT, due, overlap="replace")
        plans = [plan_of(store, id, now=due) for id in ids]
        calls = 0
        while plans:
            answer = store.write_plans(plans, 0)
            assert not isinstance(answer, Fenced)
            _, written = answer
            assert set(written) == {True}
            plans = plans[len(written) :]
            assert len(waiting(redis)) == self.COUNT - len(plans)
            calls += 1
        assert calls > 1

    def test_by_buffered_runs(self, redis: redis_py.Redis, store: Store) -> None:
        ids = with_runs_that_go_on(store, self.COUNT, now_us(redis) + HOUR, overlap="buffer_one")
        for id in ids:
            redis.rpush(store.keys.buffer(id), f"enqueued 1 1 {id}-buffered")
            redis.zadd(store.keys.buffered, {id: 1})
        looked_at: set[str] = set()
        calls = 0
        while len(looked_at) < self.COUNT:
            answer = store.start_buffered(self.COUNT, 1_000_000)
            assert not isinstance(answer, Fenced)
            assert answer[0].answers
            looked_at.update(each.id for each in answer[0].answers)
            calls += 1
        assert calls > 2


class TestBooks:
    def test_history_keeps_fifty(self, redis: redis_py.Redis, store: Store) -> None:
        put_due(store, of=spec(overlap="allow"))
        for _ in range(60):
            fire(store)
            due_again(store)
        assert len(history(redis, "s")) == 50
        assert record(store)["runs"] == "60"

    def test_the_list_of_live_runs_keeps_twenty_and_forgets_the_ended_first(
        self, redis: redis_py.Redis, store: Store
    ) -> None:
        put_due(store, of=spec(overlap="allow"))
        (old,) = ids_of(fire(store))
        start(redis, old)
        for _ in range(60):
            due_again(store)
            (run,) = ids_of(fire(store))
            finish(redis, run)
            assert len(record(store)["live"].split()) <= 20
        assert old in record(store)["live"].split()
        put(store, new(redis, of=spec(overlap="skip"), rev=record(store)["rev"]))
        due_again(store)
        assert len(fire(store).skipped) == 1, "it still runs"

    def test_more_than_twenty_that_all_go_on_forget_the_oldest(self, redis: redis_py.Redis, store: Store) -> None:
        put_due(store, ago=30 * 60 * US, of=spec(overlap="allow", catchup="all"))
        redis.hset(store.keys.schedule("s"), "updated", 0)
        made = ids_of(fire(store))
        assert record(store)["live"].split() == made[-20:]

    def test_failures_in_a_row_pause_in_the_order_of_the_runs(self, redis: redis_py.Redis, store: Store) -> None:
        put_due(store, of=spec(overlap="allow", pause_on_failures=3))
        for status in ("failed", "failed", "finished", "failed", "failed", "stopped", "failed"):
            (run,) = ids_of(fire(store))
            finish(redis, run)
            redis.hset(f"rq:job:{run}", "status", status)
            due_again(store)
        answer = fire(store)
        assert (answer.outcome, answer.detail) == (Outcome.PAUSED, "paused after 3 failed runs in a row")
        left = stored(store)
        assert (left.text("paused"), left.text("note"), left.due) == ("1", answer.detail, None)
        assert (record(store)["ends"].split()[:3], record(store)["runs"]) == (["1", "5", "3"], "7")

    def test_a_run_that_goes_on_holds_up_the_count_but_not_for_ever(self, redis: redis_py.Redis, store: Store) -> None:
        put_due(store, of=spec(overlap="allow", pause_on_failures=5))
        (old,) = ids_of(fire(store))
        start(redis, old)
        done = []
        for _ in range(30):
            due_again(store)
            answer = fire(store)
            done.append(answer.outcome)
            if answer.outcome is Outcome.PAUSED:
                break
            (run,) = ids_of(answer)
            finish(redis, run)
            redis.hset(f"rq:job:{run}", "status", "failed")
        assert done[-1] is Outcome.PAUSED
        assert len(done) <= 21

    def test_skips_are_counted_and_do_not_use_up_runs(self, redis: redis_py.Redis, store: Store) -> None:
        put_due(store, of=spec(max_runs=2))
        (run,) = ids_of(fire(store))
        for _ in range(2):
            due_again(store)
            redis.hset(store.keys.schedule("s"), "looked_up_at", now_us(redis))
            fire(store)
        assert (record(store)["skipped"], record(store)["runs"]) == ("2", "1")
        finish(redis, run)
        due_again(store)
        assert len(fire(store).made) == 1
        assert record(store)["armed"] == ""


class TestViaRQ:
    def test_a_run_that_rq_has_to_enqueue_waits_for_that(self, redis: redis_py.Redis, store: Store) -> None:
        nominal = put_due(store, job=job_fields(redis, slow=True))
        write = plan_of(store)
        committed = write_one(store, write)
        assert committed is not None
        run = run_id("s", nominal)
        assert (committed.via_rq, ids_of(committed)) == (True, [run])
        assert waiting(redis) == []
        assert redis.zrange(store.keys.via_rq, 0, -1) == [run.encode()]
        assert redis.hget(f"rq:job:{run}", "status") == b"scheduled"
        assert unchanged(store, write) == [Outcome.STALE]
        due_again(store)
        assert len(fire(store).skipped) == 1, "it counts as going"

    def test_all_are_when_the_dispatcher_says_so(self, redis: redis_py.Redis, store: Store) -> None:
        put_due(store)
        assert fire(store, all_via_rq=True).via_rq
        assert (waiting(redis), redis.zcard(store.keys.via_rq)) == ([], 1)

    def test_one_that_an_older_version_left_among_the_one_offs_counts_as_going(
        self, redis: redis_py.Redis, store: Store
    ) -> None:
        put_due(store, job=job_fields(redis, slow=True))
        (run,) = ids_of(fire(store))
        redis.zadd(store.keys.scheduled_jobs, {run: now_us(redis) / US})
        redis.zrem(store.keys.via_rq, run)
        due_again(store)
        assert len(fire(store).skipped) == 1


class TestPutAside:
    def test_pauses_with_the_reason(self, redis: redis_py.Redis, store: Store) -> None:
        put_due(store)
        fire = plan_of(store)
        assert store.put_aside(unplanned_of(store), "its zone is unknown here")
        left = stored(store)
        assert (left.text("paused"), left.text("note"), left.due) == ("1", "its zone is unknown here", None)
        assert redis.hkeys(store.keys.quarantine) == [b"s"]
        assert outcomes(store, fire) == [Outcome.STALE]

    @pytest.mark.parametrize("change", ["put again", "moved", "deleted"])
    def test_not_what_has_changed_meanwhile(self, redis: redis_py.Redis, store: Store, change: str) -> None:
        (rev,) = put(store, new(redis, due=now_us(redis) - 1000))
        armed = unplanned_of(store)
        TestAStalePlan.CHANGES[change](store, rev)
        before = unfenced(redis)
        assert not store.put_aside(armed, "why")
        assert unfenced(redis) == before

    def test_an_id_that_is_no_text(self, redis: redis_py.Redis, store: Store) -> None:
        redis.zadd(store.keys.due_schedules, {b"\xff\xfe": 5})
        fire_page(store)
        (taken,) = store.take_to_plan(10).schedules
        assert store.put_aside(taken, "why")
        assert redis.hkeys(store.keys.quarantine) == [b"\xff\xfe"]
        assert redis.zcard(store.keys.due_schedules) == 0
