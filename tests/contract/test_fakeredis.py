"""Every call on fakeredis, which RQ's page on testing names: its Lua has no MessagePack."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import fakeredis
import msgspec
import pytest
import redis as redis_py
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis.exceptions import ResponseError
from rq import Queue, SimpleWorker
from rq.job import Job

import jobs_for_tests as jobs
import rq_scheduler.store.scripts
from rq_scheduler import Cron, Every, Schedule, Scheduler
from rq_scheduler.errors import IdTaken, SchedulerError
from rq_scheduler.testing import ManualClock, ManualDispatcher

PAST, LATER = timedelta(seconds=-1), timedelta(hours=1)
BINARY = "é\x00\udc80".encode("utf-8", "surrogateescape")
DUE = datetime(2040, 1, 1, tzinfo=UTC)


@pytest.fixture(params=[False, True], ids=["bytes", "decoding"])
def fake(request: pytest.FixtureRequest) -> Iterator[Any]:
    with fakeredis.FakeStrictRedis(server=fakeredis.FakeServer(), decode_responses=request.param) as client:
        yield client


@pytest.fixture
def plain() -> Iterator[Any]:
    """Workers read no job through a client that decodes."""
    with fakeredis.FakeStrictRedis(server=fakeredis.FakeServer()) as client:
        yield client


def test_an_id_that_is_planned_again(plain: Any) -> None:
    scheduler, queue = Scheduler(connection=plain), Queue("default", connection=plain)
    with ManualDispatcher(scheduler, ManualClock(DUE)) as dispatcher:
        queue.enqueue_call(jobs.echo, ("old",), job_id="a")
        scheduler.enqueue_at(DUE + LATER, jobs.echo, "new", job_id="a")
        dispatcher.tick("3s")
        assert Job.fetch("a", connection=plain).args == ("old",)
        SimpleWorker([queue], connection=plain).work(burst=True)
        dispatcher.tick("1h")
        assert (Job.fetch("a", connection=plain).args, queue.job_ids) == (("new",), ["a"])


def test_single_jobs(fake: Any) -> None:
    scheduler = Scheduler(connection=fake)
    job = scheduler.enqueue_at(DUE, jobs.echo, BINARY, job_id="at", meta={"é": BINARY})
    scheduler.enqueue_in(LATER, jobs.echo, "x" * 100_000, job_id="in")
    many = scheduler.enqueue_many((LATER, jobs.echo, (number, "é"), {"b": BINARY}) for number in range(300))
    assert len({*many}) == 300
    assert job in scheduler
    found = scheduler.get_job("at")
    assert found is not None
    assert (found.args, found.meta) == ((BINARY,), {"é": BINARY})
    assert scheduler.get_job(many[-1]).args == (299, "é")  # type: ignore[union-attr]
    assert (scheduler.count(), scheduler.count(timedelta(hours=2))) == (302, 301)
    scheduler.change_execution_time("in", DUE + LATER)
    assert [each.id for each in scheduler.get_jobs(offset=300, length=2)] == ["at", "in"]
    scheduler.cancel("at")
    scheduler.cancel("in", delete_job=True)
    assert "at" not in scheduler
    assert not fake.exists("rq:job:in")


def test_recurring_jobs(fake: Any) -> None:
    scheduler = Scheduler(connection=fake)
    scheduler.schedule(datetime.now(UTC), jobs.nothing, interval=60, repeat=3, id="often", result_ttl=5)
    scheduler.cron("0 0 * * *", jobs.nothing, id="nightly", timezone="UTC")
    assert scheduler.enqueue_jobs() == ["often"]
    scheduler.change_execution_time("often", datetime.now(UTC) + PAST)
    fake.delete("rq:job:often", "rq:queue:default")  # its result_ttl has passed: it is rebuilt from the packed copy
    scheduler.run(burst=True)
    assert fake.lrange("rq:queue:default", 0, -1) in ([b"often"], ["often"])
    assert {"often", "nightly"} <= {each.id for each in scheduler.schedules}


def test_hand_off_and_work(plain: Any) -> None:
    scheduler = Scheduler(connection=plain)
    jobs_due = [scheduler.enqueue_in(PAST, jobs.add, number) for number in range(3)]
    assert scheduler.enqueue_jobs() == [job.id for job in jobs_due]
    last = scheduler.enqueue_in(LATER, jobs.add, 5)
    scheduler.enqueue_job(last)
    SimpleWorker([Queue(connection=plain)], connection=plain).work(burst=True)
    assert [job.return_value() for job in Job.fetch_many([job.id for job in (*jobs_due, last)], plain)] == [1, 2, 3, 6]


def test_schedules(fake: Any) -> None:
    scheduler = Scheduler(connection=fake)
    schedules = scheduler.schedules
    for _ in range(2):
        schedules.put("a", Every("1h"), jobs.echo, args=(BINARY,), tags=("t",))
    schedules.put("b", Cron("* * * * *"), jobs.nothing, retry=None, overlap="buffer_one")
    assert (schedules["a"].version, len(schedules), [each.id for each in schedules]) == (1, 2, ["a", "b"])
    assert [each.id for each in schedules.find(tag="t")] == ["a"]
    assert len(list(schedules.upcoming(limit=5))) == 5
    assert schedules.update("a", tags=("u",)).version == 2
    schedules.pause("a", "why")
    schedules.resume("a")
    assert schedules.run_now("a") is not None
    now = datetime.now(UTC)
    schedules.backfill("b", now - timedelta(minutes=3), now)
    assert [each.outcome for each in schedules.runs("b")] == ["backfill"] * 3
    with pytest.raises(IdTaken):
        scheduler.enqueue_in(LATER, jobs.nothing, job_id="a")
    assert schedules.sync([Schedule("c", Every(60), jobs.nothing)], owner="o").added == ("c",)
    assert schedules.delete("a")


def test_quarantine(fake: Any) -> None:
    scheduler = Scheduler(connection=fake)
    for id in ("a", "b"):
        scheduler.enqueue_in(PAST, jobs.nothing, job_id=id, queue_name="odd")
    fake.set("rq:queue:odd", 1)
    scheduler.run(burst=True)
    assert {entry.id for entry in scheduler.quarantine} == {"a", "b"}
    assert scheduler.quarantine.get("a") is not None
    fake.delete("rq:queue:odd")
    assert scheduler.quarantine.retry("a")
    scheduler.quarantine.purge("b")
    assert list(scheduler.quarantine) == []


def test_life_and_locks(fake: Any) -> None:
    first, second = Scheduler(connection=fake), Scheduler(connection=fake)
    assert first.acquire_lock()
    assert not second.acquire_lock()
    first.remove_lock()
    first.register_birth()
    first.heartbeat()
    first.register_death()


def test_a_manual_clock(fake: Any) -> None:
    scheduler = Scheduler(connection=fake)
    with ManualDispatcher(scheduler, ManualClock(datetime(2026, 3, 28, 12, tzinfo=UTC))) as dispatcher:
        for id in ("report", "same"):  # of one trigger: they share a plan
            scheduler.schedules.put(id, Cron("30 2 * * *", timezone="Europe/Paris"), jobs.nothing)
        scheduler.schedules.put("often", Every("6h"), jobs.nothing, overlap="allow")
        scheduler.enqueue_in(LATER, jobs.nothing, job_id="one-off")
        handed_off = [each.id for each in dispatcher.tick("1d")]
    assert len(handed_off) == 7
    assert handed_off[0] == "one-off"


def test_without_its_lua(plain: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(command: str, *args: Any, **options: Any) -> Any:
        raise ResponseError(f"unknown command '{command}', with args beginning with: ")

    monkeypatch.setattr(plain, "execute_command", refuse)
    with pytest.raises(SchedulerError, match=r"unknown command 'EVALSHA'.*fakeredis\[lua\].*EmbeddedRedis"):
        Scheduler(connection=plain).enqueue_in(LATER, jobs.nothing)


def test_production_scripts_have_nothing_of_it(redis: redis_py.Redis) -> None:
    assert "local cmsgpack" not in rq_scheduler.store.scripts.load("save_jobs").source
    Scheduler(connection=redis).enqueue_in(LATER, jobs.nothing)


_FILE = Path(rq_scheduler.store.scripts.__file__).parent / "lua" / "fakeredis" / "msgpack.lua"
_MESSAGE_PACK = _FILE.read_text("utf-8")
_values = st.recursive(
    st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.text("aé", max_size=5)
    | st.sampled_from(["é" * 150, "a" * 300, "a" * 70_000]),
    lambda inner: st.lists(inner, max_size=20) | st.dictionaries(st.text("ab", min_size=1), inner, max_size=20),
    max_leaves=20,
)


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(_values, min_size=1, max_size=20))
def test_its_messagepack_reads_as_redis_does(redis: redis_py.Redis, value: list[Any]) -> None:
    """The very text runs on a real server, beside that server's own."""
    script = f"""
    local theirs = cmsgpack
    local function ours() {_MESSAGE_PACK} return cmsgpack end
    local function same(one, other)
      if type(one) ~= 'table' then return one == other end
      for key, each in pairs(one) do if not same(each, other[key]) then return false end end
      for key in pairs(other) do if one[key] == nil then return false end end
      return true
    end
    return same(theirs.unpack(ARGV[1]), ours().unpack(ARGV[1])) and 1 or 0"""
    assert redis.eval(script, 0, msgspec.msgpack.encode(value)) == 1


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.binary(max_size=300), max_size=300))
def test_its_messagepack_writes_what_redis_reads(redis: redis_py.Redis, texts: list[bytes]) -> None:
    script = f"""
    local theirs = cmsgpack
    local function ours() {_MESSAGE_PACK} return cmsgpack end
    return theirs.unpack(ours().pack(ARGV))"""
    assert redis.eval(script, 0, *texts) == texts
