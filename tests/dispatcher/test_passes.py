"""One pass, and the loop around it: what is due goes, what is not waits, what is odd holds up nobody."""

import logging
import pickle
import shlex
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from itertools import pairwise
from random import randbytes
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import redis as redis_py
from rq import Queue
from rq.job import Job
from rq.serializers import DefaultSerializer, JSONSerializer

from making import (
    HOUR,
    INDEX,
    US,
    Told,
    add,
    counts_of_passes,
    dispatcher,
    entry,
    finish,
    history,
    move_to,
    now_us,
    recurring,
    waiting,
)
from queues_for_tests import Noting
from rq_scheduler.dispatcher import Dispatcher, Hooks, LogEvents, Options
from rq_scheduler.dispatcher.pass_result import PassResult
from rq_scheduler.errors import EvictionRefused, NameTaken
from rq_scheduler.model import Spec
from rq_scheduler.store import Store
from rq_scheduler.triggers import Every
from support import wait_until
from values_for_tests import Named

Running = Callable[..., Dispatcher]


class Same(DefaultSerializer):
    """An application's serializer."""


class TestOnePass:
    def test_everything_that_is_due(self, redis: redis_py.Redis, store: Store, told: Told) -> None:
        now = now_us(redis)
        add(store, *(entry(redis, f"j{i}", now - 1000 + i) for i in range(1700)), entry(redis, "later", now + HOUR))
        result = dispatcher(redis, told).dispatch_once()
        assert result.handed_off == 1700
        assert waiting(redis) == [f"j{i}" for i in range(1700)]
        assert told.ids == waiting(redis)
        assert redis.zrange(INDEX, 0, -1) == [b"later"]
        assert result.queues == {"default"}

    def test_nothing_is_due(self, redis: redis_py.Redis, store: Store) -> None:
        add(store, entry(redis, "later", now_us(redis) + HOUR))
        result = dispatcher(redis).dispatch_once()
        assert (result.handed_off, result.fenced) == (0, None)
        assert result.seconds_to_next() is not None

    def test_what_falls_due_while_it_goes_on_is_no_more_of_it(self) -> None:
        """Else a burst would never end where a pass takes longer than the interval of a schedule."""
        result = PassResult(handed_off=1, now=1000, at=time.monotonic() - 1, next_due=1001)
        assert not result.more_is_due
        result.expect(1000)
        assert result.more_is_due

    def test_unservable_ones_at_the_head_hide_nothing(self, redis: redis_py.Redis, store: Store, told: Told) -> None:
        now = now_us(redis) - 10_000
        add(store, *(entry(redis, f"bad-{i:03}", now, meta={"queue_class_name": "no.such.Queue"}) for i in range(520)))
        add(store, entry(redis, "good", now + 1), recurring(redis, "r", now + 2))
        assert sum(counts_of_passes(dispatcher(redis, told))) == 2
        assert waiting(redis) == ["good", "r"]
        assert len(told.delays) == 520
        assert redis.zcount(INDEX, "-inf", now_us(redis) / US) == 520, "they stay pending"

    def test_a_foreign_fence(self, redis: redis_py.Redis, store: Store, told: Told) -> None:
        now = now_us(redis) - 1000
        add(
            store,
            entry(redis, "a", now),
            recurring(redis, "r", now),
            entry(redis, "s", now, meta={"queue_class_name": "queues_for_tests.Noting"}),
        )
        redis.set(store.keys.fence, "1795", ex=60)
        one = dispatcher(redis, told)
        for _ in range(2):
            result = one.dispatch_once()
            assert result.fenced is not None
            assert result.handed_off == 0
        assert waiting(redis) == []
        redis.delete(store.keys.fence)
        assert one.dispatch_once().handed_off == 3
        assert told.others == [("fenced", "1795"), ("unfenced",)]

    @pytest.mark.parametrize("score", ["inf", "-inf", "1e18", "-1e18", "1e11", "-1e11", "2.6e11"])
    @pytest.mark.parametrize("kind", ["one-off", "interval", "cron"])
    def test_scores_that_are_no_time(self, redis: redis_py.Redis, store: Store, kind: str, score: str) -> None:
        meta = {"one-off": {}, "interval": {"interval": 60}, "cron": {"cron_string": "0 0 * * *"}}[kind]
        now = now_us(redis)
        add(store, entry(redis, "odd", now - 5, meta=meta), entry(redis, "good", now - 1))
        redis.zadd(INDEX, {"odd": float(score)})
        one = dispatcher(redis)
        one.dispatch_once()
        while one._sweep.unfinished:
            one._sweep.step()
        one.dispatch_once()
        assert "good" in waiting(redis)

    def test_names_of_bytes(self, redis: redis_py.Redis, store: Store, told: Told) -> None:
        """A queue may be called anything; an id that RQ refuses would end its workers."""
        redis.zadd(INDEX, {b"a": 4, b"\xff:": 5})
        for id in (b"a", b"\xff:"):
            redis.hset(b"rq:job:" + id, mapping={"data": "x", "origin": b"\xfe", "status": "scheduled"})
        assert dispatcher(redis, told).dispatch_once().handed_off == 1
        assert redis.lrange(b"rq:queue:\xfe", 0, -1) == [b"a"]
        (reason,) = redis.hgetall("rq:scheduler:quarantine").values()
        assert b"the installed RQ refuses its id" in reason

    @pytest.mark.parametrize(("id", "offered"), [("user:42", True), ("x:'; touch pwned; echo '", False)])
    def test_a_command_to_paste_is_offered_for_harmless_ids_alone(
        self, redis: redis_py.Redis, store: Store, id: str, offered: bool
    ) -> None:
        redis.zadd(INDEX, {id: 4})
        dispatcher(redis).dispatch_once()
        (reason,) = redis.hgetall("rq:scheduler:quarantine").values()
        assert b"the installed RQ refuses its id" in reason
        assert (b"redis-cli" in reason, b"touch" in reason) == (offered, False)


class TestRefusedIds:
    """RQ raises for them in the midst of a worker's loop: handing such a job off would end workers."""

    @staticmethod
    def _made_by_others(client: redis_py.Redis, store: Store, id: str, due: int, **options: Any) -> None:
        add(store, entry(client, "tmp", due, **options))
        client.rename("rq:job:tmp", f"rq:job:{id}")
        client.zrem(INDEX, "tmp")
        client.zadd(INDEX, {id: due / US})

    @pytest.mark.parametrize("meta", [{}, {"interval": 60}, {"cron_string": "* * * * *"}])
    def test_are_put_aside_with_a_command_that_renames_them(
        self, redis: redis_py.Redis, store: Store, told: Told, meta: dict[str, Any]
    ) -> None:
        now = now_us(redis)
        self._made_by_others(redis, store, "a:b", now - 2000, meta=meta)
        add(store, entry(redis, "good", now - 1000))
        one = dispatcher(redis, told)
        one.dispatch_once()
        assert waiting(redis) == ["good"]
        (drop,) = told.drops
        assert drop.id == "a:b"
        for command in drop.reason.partition("rename it: ")[2].split(" && "):
            program, *words = shlex.split(command)
            assert program == "redis-cli"
            redis.execute_command(*words)
        one.dispatch_once()
        assert waiting(redis) == ["good", "a-b"]
        assert bool(meta) == (redis.zscore(INDEX, "a-b") is not None)

    def test_one_that_was_adopted_before_it_was_due(self, redis: redis_py.Redis, store: Store, told: Told) -> None:
        self._made_by_others(redis, store, "a:b", now_us(redis) + US // 5, meta={"interval": 60})
        one = dispatcher(redis, told)
        while one._sweep.unfinished:
            one._sweep.step()
        one.dispatch_once()
        assert not redis.hexists(store.keys.schedule("a:b"), "plan")
        wait_until(lambda: one.dispatch_once() and told.drops)
        assert waiting(redis) == []
        assert [drop.id for drop in told.drops] == ["a:b"]
        assert redis.zcard(INDEX) == 0

    @pytest.mark.parametrize("hooks", [Hooks(), Hooks(enqueue_job=print)])
    def test_not_on_the_slow_path_either(self, redis: redis_py.Redis, store: Store, told: Told, hooks: Hooks) -> None:
        slow = {"queue_class_name": "queues_for_tests.Noting"}
        self._made_by_others(redis, store, "a:b", now_us(redis) - 1000, meta=slow)
        assert dispatcher(redis, told, hooks=hooks).dispatch_once().handed_off == 0
        assert [drop.id for drop in told.drops] == ["a:b"]


class TestLogging:
    @pytest.mark.parametrize("score", ["inf", "-inf", "1e18", "-1e18", "1e13", "-1e13", "1e11", "-1e11", "2.6e11"])
    @pytest.mark.parametrize("meta", [{}, {"interval": 60}, {"cron_string": "0 0 * * *"}])
    def test_moments_that_no_calendar_has(
        self, redis: redis_py.Redis, store: Store, caplog: pytest.LogCaptureFixture, meta: dict[str, Any], score: str
    ) -> None:
        caplog.set_level("DEBUG", logger="rq_scheduler")
        now = now_us(redis)
        add(store, entry(redis, "odd", now - 5, meta=meta), entry(redis, "good", now - 1))
        redis.zadd(INDEX, {"odd": float(score)})
        redis.hset("rq:job:odd", "status", "queued")
        one = dispatcher(redis, LogEvents())
        for _ in range(3):
            one.dispatch_once()
        assert "good" in waiting(redis)
        assert all(record.getMessage() for record in caplog.records)

    @pytest.mark.parametrize("propagate", [True, False])
    def test_handlers_where_0_14_logged(
        self, redis: redis_py.Redis, store: Store, caplog: pytest.LogCaptureFixture, propagate: bool
    ) -> None:
        """See each line once, as that logger's level says, and so does whoever listens above, unless told otherwise."""
        logger = logging.getLogger("rq_scheduler.scheduler")
        logger.addHandler(caplog.handler)
        logger.setLevel("DEBUG")
        logger.propagate = propagate
        above = pytest.MonkeyPatch()
        said: list[str] = []
        above.setattr(logging.getLogger(), "handlers", [NoteHandler(said)])
        try:
            add(store, entry(redis, "a", now_us(redis) - 1))
            dispatcher(redis, LogEvents()).run(burst=True)
        finally:
            above.undo()
            logger.removeHandler(caplog.handler)
        actions = [vars(record)["action"] for record in caplog.records]
        assert actions == ["started", "handed_off", "stopped"]
        assert len(said) == (3 if propagate else 0)


class NoteHandler(logging.Handler):
    def __init__(self, said: list[str]) -> None:
        super().__init__()
        self._said = said

    def emit(self, record: logging.LogRecord) -> None:
        self._said.append(record.getMessage())


class TestRecurring:
    def test_what_only_mentions_an_interval_is_a_one_off(self, redis: redis_py.Redis, store: Store) -> None:
        """Its meta holds the word. Neither the first look at everything nor a look ahead hands it off too early."""
        now = now_us(redis)
        add(
            store,
            entry(redis, "due", now - 1, meta={"interval_name": "x"}),
            entry(redis, "soon", now + US, meta={"no": "cron_string"}),
            entry(redis, "later", now + HOUR, meta={"interval_name": "x"}),
        )
        one = dispatcher(redis)
        one.dispatch_once()
        while one._sweep.unfinished:
            one._sweep.step()
        one.dispatch_once()
        assert waiting(redis) == ["due"]
        assert redis.zrange(INDEX, 0, -1) == [b"soon", b"later"]

    def test_a_record_under_which_another_job_was_saved_that_recurs_no_more(
        self, redis: redis_py.Redis, store: Store
    ) -> None:
        now = now_us(redis)
        add(store, recurring(redis, "due", now - 1), recurring(redis, "soon", now + US))
        for id in ("due", "soon"):
            redis.hset(f"rq:job:{id}", mapping={"meta": pickle.dumps({}), "created_at": "2026-01-01T00:00:00.000000Z"})
        one = dispatcher(redis)
        one.dispatch_once()
        assert waiting(redis) == ["due"]
        assert redis.zrange(INDEX, 0, -1) == [b"soon"]
        assert not redis.exists(store.keys.schedule("due"))

    @pytest.mark.parametrize("meta", [{"interval": 60}, {"cron_string": "0 0 * * *", "use_local_timezone": False}])
    def test_what_0_14_wrote_is_adopted(
        self, redis: redis_py.Redis, store: Store, told: Told, meta: dict[str, Any]
    ) -> None:
        nominal = now_us(redis) - 1000
        add(store, entry(redis, "old", nominal, meta=meta, result_ttl=-1))
        assert (
            dispatcher(redis, told, options=Options(adopt_timezones=("Europe/Paris",))).dispatch_once().handed_off == 1
        )
        assert waiting(redis) == ["old"]
        assert told.others == [("adopted", "old", "Europe/Paris" if "cron_string" in meta else None)]
        due = store.due_of("old")
        assert due is not None
        assert due == nominal + 60 * US if "interval" in meta else due % (24 * HOUR) in (22 * HOUR, 23 * HOUR)

    @pytest.mark.parametrize(
        "meta",
        [
            {"interval": 60, "since": datetime(2026, 11, 28, tzinfo=ZoneInfo("Europe/Paris"))},
            {Named.INTERVAL: 60},  # it equals its text, as far as 0.14 is concerned
            OrderedDict(interval=60),
        ],
        ids=["zone", "key", "dict"],
    )
    def test_whatever_else_is_in_the_meta(
        self, redis: redis_py.Redis, store: Store, told: Told, meta: dict[str, Any]
    ) -> None:
        nominal = now_us(redis) - 1000
        add(store, entry(redis, "old", nominal, meta=meta, result_ttl=-1))
        assert dispatcher(redis, told).dispatch_once().handed_off == 1
        assert told.others == [("adopted", "old", None)]
        assert store.due_of("old") == nominal + 60 * US

    def test_an_adoption_where_the_hosts_zone_has_no_name_is_logged_once(
        self,
        redis: redis_py.Redis,
        store: Store,
        host_in: Callable[[str], None],
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        host_in("CET-1CEST,M3.5.0,M10.5.0/3")
        for id in ("one", "two"):
            add(store, entry(redis, id, now_us(redis) - 1000, meta={"cron_string": "0 0 * * *"}, result_ttl=-1))
        dispatcher(redis, LogEvents(), options=Options(adopt_timezones=("Europe/Paris",))).dispatch_once()
        assert "zone_unnamed" not in [getattr(record, "action", None) for record in caplog.records]
        for id in ("three", "four"):
            add(store, entry(redis, id, now_us(redis) - 1000, meta={"cron_string": "0 0 * * *"}, result_ttl=-1))
        dispatcher(redis, LogEvents()).dispatch_once()
        (said,) = [record for record in caplog.records if getattr(record, "action", None) == "zone_unnamed"]
        assert said.getMessage() == (
            "Cron strings of rq-scheduler 0.14 are read in UTC: this host's zone, TZ='CET-1CEST,M3.5.0,M10.5.0/3', now "
            f"{timezone(timedelta(seconds=time.localtime().tm_gmtoff))}, has no IANA name; --adopt-timezone names the "
            "zone that is meant"
        )

    def test_repeat_counts_down_to_the_end(self, redis: redis_py.Redis, store: Store) -> None:
        add(store, recurring(redis, "r", now_us(redis) - 1000, meta={"repeat": 2}))
        one = dispatcher(redis)
        for left in (1, 0):
            assert one.dispatch_once().handed_off == 1
            assert pickle.loads(redis.hget("rq:job:r", "meta"))["repeat"] == left  # type: ignore[arg-type]
            finish(redis, "r")
            redis.zadd(INDEX, {"r": now_us(redis) / US - 0.001}, xx=True)
        assert one.dispatch_once().handed_off == 0
        assert redis.zcard(INDEX) == 0
        assert not redis.exists(store.keys.schedule("r"))

    def test_an_edit_of_the_meta_counts_from_the_next_run(self, redis: redis_py.Redis, store: Store) -> None:
        nominal = now_us(redis) - 1000
        add(store, recurring(redis, "r", nominal))
        redis.hset("rq:job:r", "meta", pickle.dumps({"interval": 5}))
        assert dispatcher(redis).dispatch_once().handed_off == 1
        assert store.due_of("r") == nominal + 5 * US

    def test_a_deleted_job_ends_it(self, redis: redis_py.Redis, store: Store, told: Told) -> None:
        add(store, recurring(redis, "r", now_us(redis) - 1000))
        redis.delete("rq:job:r")
        dispatcher(redis, told).dispatch_once()
        assert told.others == [("ended", "r")]
        assert redis.zcard(INDEX) == 0

    def test_a_lost_queued_run_does_not_stop_it_for_good(self, redis: redis_py.Redis, store: Store, told: Told) -> None:
        add(store, recurring(redis, "r", now_us(redis) - 1000))
        one = dispatcher(redis, told)
        assert one.dispatch_once().handed_off == 1
        redis.delete("rq:queue:default")
        for expected in (0, 1):
            redis.zadd(INDEX, {"r": now_us(redis) / US - 0.001}, xx=True)
            assert one.dispatch_once().handed_off == expected
        assert [outcome for _, _, outcome in told.skips] == ["skipped"]
        assert waiting(redis) == ["r"]

    def test_a_spec_of_a_newer_version_is_left_alone(self, redis: redis_py.Redis, store: Store, told: Told) -> None:
        add(store, recurring(redis, "r", now_us(redis) - 1000))
        redis.hset(store.keys.schedule("r"), "spec", '{"format": 99, "trigger": {"type": "moon"}}')
        dispatcher(redis, told).dispatch_once()
        assert told.others == [("newer", "r")]
        assert redis.zscore(INDEX, "r") is not None

    @pytest.mark.parametrize("spec", ["", "no json", "[]", '{"format": 1, "trigger": {"type": "moon"}}'])
    def test_a_spec_that_cannot_be_read_goes_into_quarantine(
        self, redis: redis_py.Redis, store: Store, told: Told, spec: str
    ) -> None:
        add(store, recurring(redis, "r", now_us(redis) - 1000), entry(redis, "good", now_us(redis) - 1))
        redis.hset(store.keys.schedule("r"), "spec", spec)
        dispatcher(redis, told).dispatch_once()
        assert waiting(redis) == ["good"]
        assert [dropped.id for dropped in told.drops] == ["r"]
        assert redis.hexists(store.keys.quarantine, "r")

    @pytest.mark.parametrize(
        "meta",
        [
            {"interval": "soon"},
            {"interval": -5},
            {"cron_string": "61 * * * *"},
            {"interval": 5, "repeat": "x"},
            "interval",
        ],
    )
    def test_a_recurrence_that_can_never_fire(self, redis: redis_py.Redis, store: Store, told: Told, meta: Any) -> None:
        add(store, entry(redis, "odd", now_us(redis) - 2), entry(redis, "good", now_us(redis) - 1))
        redis.hset("rq:job:odd", "meta", pickle.dumps(meta))
        dispatcher(redis, told).dispatch_once()
        assert "good" in waiting(redis)
        assert redis.zcard(INDEX) == 0, told.delays
        assert redis.hexists(store.keys.quarantine, "odd") or "odd" in waiting(redis)

    def test_a_meta_that_names_classes_of_the_application(self, redis: redis_py.Redis, store: Store) -> None:
        """Unreadable here: a one-off goes, one that may recur is put where a person sees it."""
        now = now_us(redis)
        add(store, entry(redis, "a", now - 2), entry(redis, "b", now - 1))
        redis.hset("rq:job:a", "meta", b"cno_such_module\nThing\n.")
        redis.hset("rq:job:b", "meta", b"cno_such_module\nThing interval\n.")
        dispatcher(redis).dispatch_once()
        assert waiting(redis) == ["a"]
        assert redis.hexists(store.keys.quarantine, "b")

    def test_another_serializer(self, redis: redis_py.Redis, store: Store) -> None:
        add(
            store, entry(redis, "old", now_us(redis) - 1, meta={"interval": 60, "repeat": 5}, serializer=JSONSerializer)
        )
        assert dispatcher(redis, serializer=JSONSerializer).dispatch_once().handed_off == 1
        assert redis.hget("rq:job:old", "meta") == b'{"interval": 60, "repeat": 4}'

    @pytest.mark.parametrize("slow", [False, True])
    def test_a_remembered_run_starts(self, redis: redis_py.Redis, store: Store, slow: bool) -> None:
        meta = {"queue_class_name": "queues_for_tests.Noting"} if slow else {}
        nominal = now_us(redis) - 1000
        add(store, recurring(redis, "r", nominal, spec=Spec(trigger=Every(60), overlap="buffer_one"), meta=meta))
        redis.hset("rq:job:r", "status", "started")
        redis.zadd("rq:executions:r", {"e": now_us(redis) / US + 60})
        redis.zadd("rq:wip:default", {"r:e": now_us(redis) / US + 60})
        one = dispatcher(redis)
        one.dispatch_once()
        assert redis.hget(store.keys.schedule("r"), "buffered") == str(nominal).encode()
        redis.hset("rq:job:r", "status", "finished")
        redis.zadd(store.keys.buffered, {"r": now_us(redis) / US - 0.001})
        one.dispatch_once()
        assert waiting(redis) == ["r"]
        assert redis.zcard(store.keys.buffered) == 0
        assert store.due_of("r") == nominal + 60 * US
        assert history(redis, "r")[0][:2] == ["e", str(nominal)]
        assert not redis.hexists(store.keys.schedule("r"), "buffered")


class TestRepeatWithARememberedRun:
    def test_runs_as_often_as_told(self, redis: redis_py.Redis, store: Store, told: Told) -> None:
        """Plans are made ahead, with the number of runs left: a remembered run takes one of them meanwhile."""
        spec = Spec(trigger=Every(0.2), overlap="buffer_one")
        add(store, recurring(redis, "r", now_us(redis) - 1000, seconds=0.2, spec=spec, meta={"repeat": 3}))
        later = now_us(redis) / US + 60
        redis.hset("rq:job:r", "status", "started")
        redis.zadd("rq:executions:r", {"e": later})
        redis.zadd("rq:wip:default", {"r:e": later})
        one = dispatcher(redis, told)
        one.dispatch_once()
        assert redis.hexists(store.keys.schedule("r"), "buffered")
        one.dispatch_once()
        redis.delete("rq:executions:r", "rq:wip:default")
        finish(redis, "r")
        redis.zadd(store.keys.buffered, {"r": now_us(redis) / US - 0.001}, xx=True)
        left = []

        def ended() -> bool:
            one.dispatch_once()
            if waiting(redis):
                left.append(pickle.loads(redis.hget("rq:job:r", "meta"))["repeat"])  # type: ignore[arg-type]
                finish(redis, "r")
            return redis.zcard(INDEX) == 0

        wait_until(ended)
        assert told.ids == ["r"] * 3
        assert left == [2, 1, 0]
        assert not redis.exists(store.keys.schedule("r"))


class TestLargeCopies:
    """What an expired job is rebuilt from. RQ compresses arguments, so only noise is large."""

    @staticmethod
    def _batches(one: Dispatcher, monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
        """What each script of a dispatcher that fires hands off."""
        batches: list[list[str]] = []
        write_plans, hand_off_jobs = one._store.write_plans, one._store.hand_off_jobs

        def written(*arguments: Any, **options: Any) -> Any:
            answer: Any = write_plans(*arguments, **options)
            batches.append([job.id for job in answer[0].handed_off])
            return answer

        def handed_off(*arguments: Any, **options: Any) -> Any:
            batch: Any = hand_off_jobs(*arguments, **options)
            batches.append([job.id for job in batch.fires.handed_off])
            return batch

        monkeypatch.setattr(one._store, "write_plans", written)
        monkeypatch.setattr(one._store, "hand_off_jobs", handed_off)
        return batches

    def test_commit_alone(self, redis: redis_py.Redis, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
        now = now_us(redis) - 10_000
        for i, size in enumerate([10, 600_000, 10, 10, 300_000, 300_000]):
            add(
                store,
                recurring(redis, f"r{i}", now + i, func="jobs_for_tests.echo", args=(randbytes(size),), result_ttl=5),
            )
            redis.delete(f"rq:job:r{i}")
        one = dispatcher(redis)
        batches = self._batches(one, monkeypatch)
        assert one.dispatch_once().handed_off == 6
        assert [batch for batch in batches if batch] == [["r0"], ["r1"], ["r2", "r3", "r4"], ["r5"]]
        assert waiting(redis) == [f"r{i}" for i in range(6)]

    def test_without_copies_they_go_together(
        self, redis: redis_py.Redis, store: Store, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        now = now_us(redis) - 10_000
        for i in range(4):
            add(store, recurring(redis, f"r{i}", now + i, func="jobs_for_tests.echo", args=(randbytes(300_000),)))
        one = dispatcher(redis)
        batches = self._batches(one, monkeypatch)
        assert one.dispatch_once().handed_off == 4
        assert [batch for batch in batches if batch] == [["r0", "r1", "r2", "r3"]]


@pytest.mark.once
@pytest.mark.long
class TestShortPasses:
    """A pass whose time is up ends; the next goes on where it stopped."""

    @pytest.fixture(autouse=True)
    def _short(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("rq_scheduler.dispatcher.passes.LONGEST_PASS", 0.0)
        # However long the passes take: those in front, which cannot be served, have one turn in all of them.
        monkeypatch.setattr("rq_scheduler.dispatcher.passes.HEAD_AGAIN", 3600.0)

    def test_on_the_slow_path(self, redis: redis_py.Redis, store: Store) -> None:
        now = now_us(redis) - 10_000
        add(store, *(entry(redis, f"j{i:03}", now + i) for i in range(250)))
        assert counts_of_passes(dispatcher(redis, queue_class=Noting)) == [1] * 250
        assert waiting(redis) == [f"j{i:03}" for i in range(250)]

    def test_each_entry_has_one_turn(self, redis: redis_py.Redis, still: Store, told: Told) -> None:
        """Nobody's turn comes twice because time was up for others, and none is left out for those in front of it that
        cannot be served: a plain one, one that recurs, one whose time is no whole microsecond."""
        now = now_us(redis) - US
        move_to(redis, now + US)  # and stays there: what is lent to be planned comes back after two seconds
        odd = {"meta": {"queue_class_name": "no.such.Queue"}}
        add(still, *(recurring(redis, f"r-bad-{i:02}", now, **odd) for i in range(30)), recurring(redis, "r", now + 9))
        add(still, *(entry(redis, f"bad-{i:02}", now + 10, **odd) for i in range(30)), entry(redis, "j", now + 19))
        redis.zadd(INDEX, {"r-bad-29": (now + 0.4) / US, "r": (now + 9.4) / US})
        counts = counts_of_passes(dispatcher(redis, told, store=still))
        assert sum(counts) == 2
        assert sorted(waiting(redis)) == ["j", "r"]
        assert len(told.delays) == 60
        assert len(counts) >= 30

    def test_those_that_recur_with_an_application_that_hands_off_itself(
        self, redis: redis_py.Redis, store: Store
    ) -> None:
        now = now_us(redis) - 10_000
        add(store, *(recurring(redis, f"r{i}", now + i) for i in range(5)))
        handed_off: list[str] = []

        def enqueue_job(job: Job) -> None:
            handed_off.append(job.id)
            if job.id in ("r0", "r1"):
                raise ZeroDivisionError  # and stays due
            redis.zrem(INDEX, job.id)

        counts = counts_of_passes(dispatcher(redis, hooks=Hooks(enqueue_job=enqueue_job)))
        assert handed_off == [f"r{i}" for i in range(5)]
        assert sum(counts) == 3

    def test_past_what_cannot_be_served(self, redis: redis_py.Redis, store: Store, told: Told) -> None:
        now = now_us(redis) - 10_000
        add(store, *(entry(redis, f"bad{i:03}", now, meta={"queue_class_name": "no.such.Queue"}) for i in range(220)))
        add(store, entry(redis, "good", now + 1))
        one = dispatcher(redis, told, queue_class=Noting)
        counts_of_passes(one)
        assert waiting(redis) == ["good"]
        assert len(told.delays) == 220
        # What comes in front of where the last pass stopped is found by the one after the next end.
        assert one.dispatch_once().unfinished
        add(store, entry(redis, "front", now - 1))
        counts_of_passes(one)
        counts_of_passes(one)
        assert waiting(redis) == ["good", "front"]

    def test_buffered_runs_of_which_nothing_comes(
        self, redis: redis_py.Redis, store: Store, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Where nobody moves on what fills a page, another pass would not either."""
        monkeypatch.setattr("rq_scheduler.dispatcher.schedules.MAX_LOOKS", 2)
        add(store, *(recurring(redis, id, now_us(redis) + HOUR) for id in "ab"))
        redis.zadd(store.keys.buffered, {"a": 1, "b": 2})  # somebody else's doing: neither remembers a run
        assert counts_of_passes(dispatcher(redis)) == [0]
        assert redis.zcard(store.keys.buffered) == 0

    def test_rqs_registries_have_their_turn_in_each(self, redis: redis_py.Redis, store: Store) -> None:
        now = now_us(redis) - 10_000
        add(store, *(entry(redis, f"j{i:03}", now + i) for i in range(1100)))
        redis.hset("rq:job:s", mapping=entry(redis, "s", 0, origin="rqs").fields)
        redis.sadd("rq:queues", "rq:queue:rqs")
        redis.zadd("rq:scheduled:rqs", {"s": now / US})
        assert dispatcher(redis).dispatch_once().unfinished
        assert waiting(redis, "rqs") == ["s"]

    def test_the_sweep_and_the_loop_come_to_an_end(
        self, redis: redis_py.Redis, store: Store, running: Running, told: Told, unwoken: float
    ) -> None:
        now = now_us(redis) - 10_000
        add(store, *(entry(redis, f"j{i:04}", now + i) for i in range(3000)), recurring(redis, "r", now))
        running(interval=unwoken)
        wait_until(lambda: len(told.ids) == 3001)


class TestUpkeep:
    def test_the_sweep_looks_after_the_records(self, redis: redis_py.Redis, store: Store) -> None:
        add(store, *(recurring(redis, id, now_us(redis) + HOUR) for id in ("gone", "failed")))
        redis.zrem(INDEX, "gone")
        redis.expire("rq:job:failed", 100)
        one = dispatcher(redis)
        while one._sweep.unfinished:
            one._sweep.step()
        assert redis.keys("rq:scheduler:schedule:*") == [store.keys.schedule("failed").encode()]
        assert redis.ttl("rq:job:failed") == -1


class TestTheLoop:
    @pytest.mark.parametrize("catchup", ["latest", "all"])
    def test_an_interval_shorter_than_the_poll(
        self, redis: redis_py.Redis, store: Store, running: Running, told: Told, unwoken: float, catchup: Any
    ) -> None:
        """Nobody tells a dispatcher of an instant that it has armed itself."""
        add(
            store,
            recurring(redis, "r", now_us(redis) + 50_000, spec=Spec(trigger=Every(0.1), catchup=catchup), seconds=0.1),
        )
        running(interval=unwoken)
        wait_until(lambda: len(told.ids) + len(told.skips) + sum(m.count for _, m in told.missing) >= 15)
        nominals = [nominal for _, nominal, _ in told.skips]
        assert all(later - sooner == 100_000 for sooner, later in pairwise(nominals)) or told.missing

    def test_catching_up_on_all_does_not_wait_for_the_poll(
        self, redis: redis_py.Redis, store: Store, running: Running, told: Told, unwoken: float
    ) -> None:
        add(
            store, recurring(redis, "r", now_us(redis) - 20 * US, spec=Spec(trigger=Every(1), catchup="all"), seconds=1)
        )
        running(interval=unwoken)
        wait_until(lambda: len(told.ids) + len(told.skips) >= 20)

    def test_four_of_them(self, redis: redis_py.Redis, store: Store, running: Running, server: Any) -> None:
        now = now_us(redis)
        tellers = [Told() for _ in range(4)]
        clients = [redis_py.Redis.from_url(server.url) for _ in range(4)]
        for client, teller in zip(clients, tellers, strict=True):
            running(client, teller, interval=0.05)
        add(store, *(entry(redis, f"j{i}", now + i * 300) for i in range(2000)))
        slow = {"queue_class_name": "queues_for_tests.Noting"}
        add(store, *(entry(redis, f"s{i}", now + i * 2000, meta=slow) for i in range(100)))
        add(store, *(recurring(redis, f"r{i}", now + i * 1000) for i in range(100)))
        wait_until(lambda: redis.llen("rq:queue:default") >= 2200)
        ids = waiting(redis)
        assert len(ids) == len(set(ids)) == 2200
        assert redis.llen("test:noted") == 100
        wait_until(lambda: sorted(id for teller in tellers for id in teller.ids) == sorted(ids))
        for client in clients:
            wait_until(lambda client=client: client.ping())

    def test_leaving(self, redis: redis_py.Redis, store: Store, running: Running, unwoken: float) -> None:
        one = running(name="me", interval=unwoken)
        wait_until(lambda: redis.zscore(store.keys.dispatchers, "me") is not None)
        with pytest.raises(NameTaken):
            store.register_birth("me", {"x": 1}, 5)
        one.request_stop()
        wait_until(lambda: not redis.exists("rq:scheduler_instance:me"))
        assert not redis.exists(store.keys.fence)

    def test_burst(self, redis: redis_py.Redis, store: Store) -> None:
        add(store, *(entry(redis, f"j{i}", now_us(redis) - 1) for i in range(1200)))
        dispatcher(redis).run(burst=True)
        assert len(waiting(redis)) == 1200
        assert redis.keys("rq:scheduler_instance:*") == []
        assert not redis.exists(store.keys.fence)

    def test_a_redis_that_may_evict(self, redis: redis_py.Redis) -> None:
        redis.config_set("maxmemory-policy", "allkeys-lru")
        try:
            with pytest.raises(EvictionRefused, match="allkeys-lru"):
                dispatcher(redis).run(burst=True)
            dispatcher(redis, options=Options(allow_eviction=True)).run(burst=True)
        finally:
            redis.config_set("maxmemory-policy", "noeviction")

    def test_a_server_that_is_full_for_a_while(self, start_server: Any, running: Running, told: Told) -> None:
        server = start_server(aof=False)
        with redis_py.Redis(port=server.port) as client:
            store = Store(client)
            one = running(client, told, interval=0.05)
            wait_until(lambda: client.exists(store.keys.fence))
            client.config_set("maxmemory", "1")
            wait_until(lambda: any(name == "lost" for name, *_ in told.others))
            client.config_set("maxmemory", "0")
            add(store, *(entry(client, f"j{i}", now_us(client) - 1) for i in range(50)))
            wait_until(lambda: len(waiting(client)) == 50)
            wait_until(lambda: any(name == "back" for name, *_ in told.others))
            one.request_stop()
            wait_until(lambda: any(name == "stopped" for name, *_ in told.others))

    def test_is_there_again_soon_however_long_redis_was_away(
        self, redis: redis_py.Redis, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        one = dispatcher(redis)
        pauses: list[float] = []

        def refused() -> None:
            raise redis_py.ConnectionError("refused")

        def pause(seconds: float) -> None:
            pauses.append(seconds)
            if len(pauses) == 100:
                one.request_stop()

        monkeypatch.setattr(one, "_begin", refused)
        monkeypatch.setattr(one, "_pause", pause)
        with pytest.raises(SystemExit):
            one.run()
        assert pauses[0] <= 0.05
        assert max(pauses) <= 0.5
        assert len(set(pauses[-10:])) > 1, "not all at the same moment"

    def test_is_told_to_stop_in_a_pause(self, redis: redis_py.Redis) -> None:
        one = dispatcher(redis)
        timer = threading.Timer(0.05, one.request_stop)
        timer.start()
        one._pause(3600)
        timer.join()

    def test_rqs_registries(self, redis: redis_py.Redis, store: Store, running: Running, told: Told) -> None:
        running(interval=0.05)
        redis.hset("rq:job:s", mapping=entry(redis, "s", 0).fields)
        redis.sadd("rq:queues", "rq:queue:default")
        redis.zadd("rq:scheduled:default", {"s": now_us(redis) / US})
        wait_until(lambda: waiting(redis) == ["s"])
        wait_until(lambda: ("taken_on", "default", 0) in told.others)

    def test_no_registries_if_told_so(self, redis: redis_py.Redis) -> None:
        redis.hset("rq:job:s", mapping=entry(redis, "s", 0).fields)
        redis.sadd("rq:queues", "rq:queue:default")
        redis.zadd("rq:scheduled:default", {"s": now_us(redis) / US - 1})
        dispatcher(redis, options=Options(rq_registries=False)).dispatch_once()
        assert waiting(redis) == []
        assert not redis.exists("rq:scheduler-lock:default")


class TestHooks:
    def test_the_applications_own_enqueue_job(self, redis: redis_py.Redis, store: Store) -> None:
        seen: list[str] = []

        def enqueue_job(job: Any) -> None:
            seen.append(job.id)
            assert redis.zscore(store.keys.claims, job.id) is not None
            redis.zrem(INDEX, job.id)

        now = now_us(redis) - 1000
        add(
            store,
            entry(redis, "a", now),
            entry(redis, "b", now + 1, meta={"interval": 5}),
            recurring(redis, "c", now + 2),
        )
        assert dispatcher(redis, hooks=Hooks(enqueue_job=enqueue_job)).dispatch_once().handed_off == 3
        assert sorted(seen) == ["a", "b", "c"]
        assert redis.zcard(store.keys.claims) == 0

    def test_one_that_fails_holds_up_nobody(self, redis: redis_py.Redis, store: Store, told: Told) -> None:
        def enqueue_job(job: Any) -> None:
            if job.id == "bad":
                raise RuntimeError("a bug")
            redis.zrem(INDEX, job.id)

        now = now_us(redis) - 1000
        add(store, entry(redis, "bad", now), entry(redis, "good", now + 1))
        assert dispatcher(redis, told, hooks=Hooks(enqueue_job=enqueue_job)).dispatch_once().handed_off == 1
        assert [id for id, _ in told.delays] == ["bad"]
        assert redis.zrange(INDEX, 0, -1) == [b"bad"]
        assert redis.zcard(store.keys.claims) == 0

    def test_one_dispatcher_at_a_time(self, redis: redis_py.Redis, store: Store) -> None:
        calls: list[str] = []

        def enqueue_job(job: Any) -> None:
            calls.append(job.id)
            assert dispatcher(redis, hooks=Hooks(enqueue_job=enqueue_job)).dispatch_once().handed_off == 0
            redis.zrem(INDEX, job.id)

        add(store, entry(redis, "a", now_us(redis) - 1000))
        dispatcher(redis, hooks=Hooks(enqueue_job=enqueue_job)).dispatch_once()
        assert calls == ["a"]

    def test_the_applications_own_queue(self, redis: redis_py.Redis, store: Store) -> None:
        hooks = Hooks(get_queue_for_job=lambda job: Queue("elsewhere", connection=redis))
        add(store, entry(redis, "a", now_us(redis) - 2), recurring(redis, "r", now_us(redis) - 1))
        assert dispatcher(redis, hooks=hooks).dispatch_once().handed_off >= 1
        assert sorted(waiting(redis, "elsewhere")) == ["a", "r"]

    @pytest.mark.parametrize("kind", ["enqueue_job", "get_queue_for_job"])
    def test_one_that_loses_another_redis(self, redis: redis_py.Redis, store: Store, told: Told, kind: str) -> None:
        """It is that entry's matter; a dispatcher waits only for its own Redis."""
        queue = Queue(connection=redis)

        def hook(job: Any) -> Any:
            if job.id == "bad":
                raise redis_py.ConnectionError("another Redis")
            if kind == "enqueue_job":
                redis.zrem(INDEX, job.id)
            return queue

        now = now_us(redis) - 1000
        add(store, entry(redis, "bad", now), entry(redis, "good", now + 1))
        result = dispatcher(redis, told, hooks=Hooks(**{kind: hook})).dispatch_once()
        assert result.handed_off == 1
        assert [id for id, _ in told.delays] == ["bad"]
        assert redis.zrange(INDEX, 0, -1) == [b"bad"]
        assert redis.zcard(store.keys.claims) == 0

    def test_that_our_own_does_not_answer_is_not_put_off(
        self, redis: redis_py.Redis, store: Store, told: Told, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def hook(job: Any) -> Any:
            monkeypatch.setattr(redis, "ping", lambda: hook(job))
            raise redis_py.ConnectionError("ours")

        add(store, entry(redis, "a", now_us(redis) - 1000))
        with pytest.raises(redis_py.ConnectionError, match="ours"):
            dispatcher(redis, told, hooks=Hooks(get_queue_for_job=hook)).dispatch_once()
        assert told.delays == []
        assert redis.zrange(INDEX, 0, -1) == [b"a"]

    @pytest.mark.parametrize("meta", [{"interval_of": 5}, {"note": "cron_string"}, {"any": "thing"}])
    def test_canceled_through_rq_with_another_serializer(
        self, redis: redis_py.Redis, store: Store, told: Told, meta: dict[str, Any]
    ) -> None:
        """Python reads every meta then, and decides what is a recurrence."""
        add(store, entry(redis, "a", now_us(redis) - 1000, meta=meta))
        Job.fetch("a", connection=redis).cancel()
        one = dispatcher(redis, told, serializer=Same)
        assert one.dispatch_once().handed_off == 0
        assert (waiting(redis), redis.zcard(INDEX)) == ([], 0)
        assert [drop.reason for drop in told.drops] == ["canceled"]
        assert redis.exists("rq:job:a")
