"""What docs/threats.md claims of pickles: which are loaded, by whom, and by nobody."""

import json
import os
import pickle
import zlib
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar

import pytest
import redis as redis_py
from rq.job import Job
from rq.serializers import JSONSerializer

from making import US, Told, add, dispatcher, entry, finish, make_job, now_us, recurring, waiting
from making_schedules import due_again, job_fields, put_due
from rq_scheduler import Every, Scheduler
from rq_scheduler.dispatcher import Options
from rq_scheduler.model import Spec
from rq_scheduler.pickles import PlainPickles, is_opaque, outline
from rq_scheduler.store import Store

ANCHOR = datetime(2026, 1, 1, tzinfo=UTC)
NO_ADOPT = Options(adopt=False, rq_overdue="run")


class Trap:
    """Makes a folder when it is unpickled, by whatever process."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.folder),)


@pytest.fixture
def trap(tmp_path: Path) -> Trap:
    return Trap(tmp_path / "sprung")


def serve(redis: redis_py.Redis, **options: Any) -> None:
    """Passes of a dispatcher that adopts nothing, until runs that RQ has to enqueue are through."""
    one = dispatcher(redis, options=NO_ADOPT, **options)
    for _ in range(3):
        one.dispatch_once()


def booby_trap(redis: redis_py.Redis, key: str, trap: Trap, *, meta: Any = None, **fields: Any) -> None:
    """Puts the trap wherever a job hash has a pickle."""
    trapped = pickle.dumps(trap)
    meta = {"x": trap} if meta is None else meta
    redis.hset(key, mapping={"data": zlib.compress(trapped), "result": trapped, "meta": pickle.dumps(meta), **fields})


JOBS = {
    *("one-off", "mentions", "depends", "queue-class", "adopts", "counts", "object", "whole", "edited", "limited"),
    *("rq", "rq-queue-class"),
}
UNSERVED = {"adopts", "counts", "object"}
"""Recurring jobs that 0.14 wrote, without --adopt."""


def plant(redis: redis_py.Redis, store: Store, trap: Trap) -> None:
    """An entry of every kind, due now, with the trap in each of its pickles: `JOBS`, and three schedules."""
    now = now_us(redis) - US
    parent = make_job(redis, "parent")
    redis.hset(parent.key, mapping={**parent.to_dict(), "status": "finished"})
    booby_trap(redis, "rq:job:parent", trap)
    metas: dict[str, Any] = {
        "one-off": {"x": trap},
        "mentions": {"x": trap, "interval_name": "interval"},
        "depends": {"x": trap},
        "queue-class": {"x": trap, "queue_class_name": "queues_for_tests.Noting"},
        "adopts": {"x": trap, "interval": 60},
        "counts": {"x": trap, "interval": 60, "repeat": 5},
        "object": {"interval": trap},
        "whole": [trap, "interval"],
        "edited": {"x": trap, "interval": 30},
        "limited": {"x": trap, "interval": 60, "repeat": 7},
    }
    add(store, *(entry(redis, id, now) for id in metas if id not in ("edited", "limited", "depends")))
    add(store, entry(redis, "depends", now, depends_on="parent"))
    add(store, recurring(redis, "edited", now), recurring(redis, "limited", now, meta={"repeat": 7}))
    for id, meta in metas.items():
        booby_trap(redis, f"rq:job:{id}", trap, meta=meta)
    # The record of one whose meta has not changed since, and holds objects.
    redis.hset(store.keys.schedule("limited"), "meta", redis.hget("rq:job:limited", "meta"))  # type: ignore[arg-type]
    redis.sadd("rq:queues", "rq:queue:default")
    for id in ("rq", "rq-queue-class"):
        redis.hset(f"rq:job:{id}", mapping=make_job(redis, id).to_dict())
        booby_trap(redis, f"rq:job:{id}", trap, meta={"x": trap, "queue_class_name": "queues_for_tests.Noting"})
        redis.zadd("rq:scheduled:default", {id: now // US})
    for id, slow, overlap in (("fast", False, "skip"), ("slow", True, "skip"), ("replaces", False, "replace")):
        put_due(store, id, of=Spec(trigger=Every(60, anchor=ANCHOR), overlap=overlap), job=job_fields(redis, slow=slow))
        booby_trap(redis, store.keys.template(id), trap, meta={"x": trap, "interval": "interval"})


class TestADispatcherThatAdoptsNothing:
    """--no-adopt: not one pickle is loaded, whoever wrote it, and all that can be served is."""

    @pytest.mark.leaves("test:*")
    def test_springs_no_trap(self, redis: redis_py.Redis, store: Store, trap: Trap) -> None:
        plant(redis, store, trap)
        told = Told()
        one = dispatcher(redis, told, options=NO_ADOPT)
        for _ in range(3):
            one.dispatch_once()
            while one._sweep.unfinished:
                one._sweep.step()
            for status in ("queued", "started"):
                runs = [id for id in waiting(redis) if id.startswith("replaces-")]
                redis.hset(f"rq:job:{runs[-1]}", "status", status)
                due_again(store, "replaces")
                one.dispatch_once()
        assert not trap.folder.exists()
        assert told.delays == []
        ran = {id.partition("-2")[0] for id in waiting(redis)}
        assert ran == {*JOBS - UNSERVED, "fast", "slow", "replaces"}
        quarantined = {id.decode() for id in redis.hkeys(store.keys.quarantine)}
        assert quarantined == UNSERVED
        assert redis.lrange("test:noted", 0, -1) == [b"queue-class"], "the queue class that a meta names is used"

    @pytest.mark.leaves("test:*")
    def test_leaves_the_meta_as_it_is(self, redis: redis_py.Redis, store: Store, trap: Trap) -> None:
        """RQ writes a job whole when it enqueues one itself: what was not loaded has to come through."""
        plant(redis, store, trap)
        before = {id: redis.hmget(f"rq:job:{id}", "meta", "data") for id in JOBS - UNSERVED}
        serve(redis)
        for id, (meta, data) in before.items():
            assert redis.hget(f"rq:job:{id}", "meta") == meta
            assert zlib.decompress(redis.hget(f"rq:job:{id}", "data")) == zlib.decompress(data)  # type: ignore[arg-type]
            assert id in waiting(redis)

    def test_the_count_of_plain_meta_goes_on(self, redis: redis_py.Redis, store: Store) -> None:
        add(store, recurring(redis, "r", now_us(redis) - 1000, meta={"repeat": 5, "tags": ["a", {"b": None}]}))
        dispatcher(redis, options=NO_ADOPT).dispatch_once()
        assert pickle.loads(redis.hget("rq:job:r", "meta"))["repeat"] == 4  # type: ignore[arg-type]

    @pytest.mark.newest_only  # RQ 3 has rate limits
    def test_rate_limits(self, redis: redis_py.Redis, store: Store, trap: Trap) -> None:
        add(store, entry(redis, "limited", now_us(redis) - 1000))
        booby_trap(redis, "rq:job:limited", trap, rate_limit_key="k", rate_limit_concurrency=1)
        told = Told()
        dispatcher(redis, told, options=NO_ADOPT).dispatch_once()
        assert told.ids == ["limited"]
        assert not trap.folder.exists()

    @pytest.mark.leaves("test:*")
    def test_the_command(self, redis: redis_py.Redis, store: Store, trap: Trap, cli: Callable[..., str]) -> None:
        plant(redis, store, trap)
        cli("--no-adopt", "--burst", "--quiet")
        assert redis.hlen(store.keys.quarantine) == len(UNSERVED)
        assert not trap.folder.exists()


class TestCommandsThatLook:
    @pytest.mark.leaves("test:*")
    def test_load_no_pickle(self, redis: redis_py.Redis, store: Store, trap: Trap, cli: Callable[..., str]) -> None:
        plant(redis, store, trap)
        cli("check")
        said = json.loads(cli("check", "--json"))
        assert said["kinds"]["unreadable"] == 2
        assert "an object says how it recurs" in json.dumps(said["unreadable"])
        dispatcher(redis, options=NO_ADOPT).dispatch_once()
        for args in (
            ["check"], ["list"], ["upcoming"], ["show", "fast"], ["show", "edited"], ["runs", "fast"],
            ["quarantine", "list"], ["list", "--json"], ["show", "limited", "--json"],
        ):  # fmt: skip
            cli(*args)
        cli("status", status=1)
        for args in (["pause", "fast"], ["resume", "fast"], ["run-now", "fast"], ["delete", "fast", "--yes"]):
            cli(*args)
        cli("quarantine", "retry", "--all")
        dispatcher(redis, options=NO_ADOPT).dispatch_once()
        cli("quarantine", "purge", "--all", "--yes")
        assert not trap.folder.exists()


class TestADispatcherThatAdopts:
    """The default. What it loads is what this list says, and nothing else."""

    LOADED: ClassVar = {
        "an object says how it recurs": ({"interval": "TRAP"}, {}),
        "the whole meta is an object": ("TRAP interval", {}),
        "its runs are counted in a meta that holds objects": ({"interval": 60, "repeat": 5, "x": "TRAP"}, {}),
        "it depends on a job": ({"x": "TRAP"}, {"depends_on": "parent"}),
        "its meta names a queue class": ({"x": "TRAP", "queue_class_name": "queues_for_tests.Noting"}, {}),
        "its meta mentions a recurrence that it has not": ({"x": "TRAP", "interval_name": 7}, {}),
    }
    NOT_LOADED: ClassVar = {
        "a one-off": ({"x": "TRAP"}, {}),
        "a recurring job whose meta holds objects": ({"x": "TRAP", "interval": 60}, {}),
    }

    @staticmethod
    def _planted(value: Any, trap: Trap) -> Any:
        if isinstance(value, dict):
            return {key: trap if each == "TRAP" else each for key, each in value.items()}
        return [trap, value] if value == "TRAP interval" else value

    def _dispatch(self, redis: redis_py.Redis, store: Store, trap: Trap, meta: Any, options: dict[str, Any]) -> None:
        parent = make_job(redis, "parent")
        redis.hset(parent.key, mapping={**parent.to_dict(), "status": "finished"})
        add(store, entry(redis, "a", now_us(redis) - 1000, **options))
        redis.hset("rq:job:a", "meta", pickle.dumps(trap if meta == "TRAP interval" else self._planted(meta, trap)))
        if meta == "TRAP interval":
            redis.hset("rq:job:a", "meta", b"(S'interval'\n0cos\nmkdir\n(S'%b'\ntR." % str(trap.folder).encode())
        one = dispatcher(redis)
        one.dispatch_once()
        while one._sweep.unfinished:
            one._sweep.step()

    @pytest.mark.leaves("test:*")
    @pytest.mark.parametrize("case", LOADED)
    def test_loads(self, redis: redis_py.Redis, store: Store, trap: Trap, case: str) -> None:
        self._dispatch(redis, store, trap, *self.LOADED[case])
        assert trap.folder.exists()

    @pytest.mark.parametrize("case", NOT_LOADED)
    def test_does_not_load(self, redis: redis_py.Redis, store: Store, trap: Trap, case: str) -> None:
        self._dispatch(redis, store, trap, *self.NOT_LOADED[case])
        assert waiting(redis) == ["a"]
        assert not trap.folder.exists()

    def test_loads_no_arguments_and_no_results(self, redis: redis_py.Redis, store: Store, trap: Trap) -> None:
        add(store, entry(redis, "a", now_us(redis) - 1000), recurring(redis, "r", now_us(redis) - 1000))
        put_due(store)
        for key in ("rq:job:a", "rq:job:r", store.keys.template("s")):
            redis.hset(key, mapping={"data": zlib.compress(pickle.dumps(trap)), "result": pickle.dumps(trap)})
        assert dispatcher(redis).dispatch_once().handed_off == 3
        assert not trap.folder.exists()

    def test_loads_no_pickle_where_jobs_are_json(self, redis: redis_py.Redis, store: Store, trap: Trap) -> None:
        add(store, entry(redis, "a", now_us(redis) - 1000, serializer=JSONSerializer))
        redis.hset("rq:job:a", "meta", pickle.dumps({"interval": trap}))
        dispatcher(redis, serializer=JSONSerializer).dispatch_once()
        assert redis.hexists(store.keys.quarantine, "a")
        assert not trap.folder.exists()


class TestOutline:
    @pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
    def test_plain_values(self, protocol: int) -> None:
        value = {"interval": 60, "n": None, "f": 1.5, "t": (1, [2, {"s": {3}}], "é"), "big": 10**40, "yes": True}
        value.pop("t") if protocol < 4 else None  # sets are objects to old protocols
        assert PlainPickles.loads(pickle.dumps(value, protocol)) == value

    def test_objects_are_stand_ins(self, trap: Trap) -> None:
        value, named = outline(pickle.dumps({"a": trap, "b": os.mkdir, "c": Path("x"), "interval": 5}))
        assert [is_opaque(value[name]) for name in ("a", "b", "c", "interval")] == [True, True, True, False]
        assert is_opaque(value, "a")
        assert not is_opaque(value, "interval", "nothing")
        assert sorted(named)[-1] == "posix.mkdir"

    @pytest.mark.parametrize(
        "data",
        [
            b"cbuiltins\neval\n(S'1'\ntR.",
            b"\x80\x04\x8c\x08builtins\x8c\x04eval\x93\x8c\x011\x85R.",
            b"ibuiltins\neval\n(S'1'\n.",
            b"(S'1'\nibuiltins\neval\n.",
            b"\x80\x02cbuiltins\nobject\n)\x81}S'__class__'\ncos\nsystem\nsb.",
            b"cbuiltins\ngetattr\n(cos\n__dict__\nS'get'\ntR(S'system'\ntR(S'true'\ntR.",
            b"\x80\x02\x82\x01.",
            b"P1\n.",
        ],
        ids=["reduce", "stack global", "broken inst", "inst", "build", "chain", "extension", "persistent"],
    )  # fmt: skip
    def test_what_would_run(self, data: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("builtins.eval", lambda *args: pytest.fail("it ran"))
        monkeypatch.setattr("os.system", lambda *args: pytest.fail("it ran"))
        with pytest.raises(Exception):  # noqa: B017  whatever unpickling says; nothing has run
            PlainPickles.loads(data)

    @pytest.mark.parametrize("data", [b"", b".", b"junk", b"\x80\x04", b"N" * 10, b"I" * 10_000, b"r\xff\xff\xff\x7f."])
    def test_what_is_no_pickle_is_refused_at_once(self, data: bytes) -> None:
        with pytest.raises(Exception):  # noqa: B017
            outline(data)

    @pytest.mark.parametrize("data", [b"Nr\xff\xff\xff\x7f.", b"Np999999999999\n."])
    def test_room_for_values_that_are_not_there_is_not_taken(self, data: bytes) -> None:
        assert outline(data) == (None, [])


def test_schedule_files_hold_no_code(tmp_path: Path) -> None:
    """TOML and JSON: neither language has a way to name an object. (There is no YAML.)"""
    from rq_scheduler.client.schedules import files

    assert set(files._PARSERS) == {".toml", ".json"}


def test_a_job_is_not_loaded_by_being_put_back(redis: redis_py.Redis, store: Store, trap: Trap) -> None:
    redis.set("rq:queue:odd", 1)
    add(store, entry(redis, "a", now_us(redis) - 1000, origin="odd"))
    booby_trap(redis, "rq:job:a", trap)
    dispatcher(redis).dispatch_once()
    redis.delete("rq:queue:odd")
    scheduler = Scheduler(connection=redis)
    assert list(scheduler.quarantine)
    assert scheduler.quarantine.retry("a")
    assert not trap.folder.exists()
    assert Job.exists("a", connection=redis)
    finish(redis, "a")
