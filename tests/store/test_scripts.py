"""The Lua files as files: headers, the keys they build, loading, and lists longer than Lua's stack."""

import re
from typing import Any

import pytest
import redis as redis_py

from making import (
    INDEX,
    US,
    add,
    adopt,
    entry,
    finish,
    fire_job,
    hand_off,
    job_plan_of,
    make_job,
    now_us,
    record_of,
    recurring,
    snapshot,
    waiting,
    write_job_plans,
)
from making_schedules import (
    fire,
    fire_page,
    job_fields,
    plan_of,
    planned_in_time,
    put,
    put_due,
    record,
    run_now,
    start_buffered,
    unplanned_of,
    write_one,
)
from rq_scheduler.dispatcher.waker import LONGEST_SLEEP
from rq_scheduler.model import Spec
from rq_scheduler.planning import Instant
from rq_scheduler.runs import run_id
from rq_scheduler.store import NewEntry, Store, rq_format, scripts
from rq_scheduler.store.clock import MANUAL_CLOCK, ManualTime
from rq_scheduler.store.command import Command
from rq_scheduler.store.executor import Executor
from rq_scheduler.store.keys import Keys
from rq_scheduler.store.schedules import Filter, Write
from rq_scheduler.store.settling import RunError
from rq_scheduler.store.survey import Survey
from rq_scheduler.triggers import Every
from store.headers import NAMES, SOURCES, fixed_arguments, header, section, takes
from support import wait_until

CLOCKS = {scripts.SERVER_CLOCK, MANUAL_CLOCK}


class TestHeaders:
    @pytest.mark.once
    @pytest.mark.parametrize("name", NAMES)
    def test_is_whole(self, name: str) -> None:
        assert len(header(name).splitlines()[0]) > 20, "the first line says what the script does"
        assert section(name, r"KEYS\[1\]")
        assert fixed_arguments(name) >= 1
        assert "{" in section(name, "returns")
        assert section(name, "keeps")

    @pytest.mark.once
    @pytest.mark.parametrize("name", NAMES)
    def test_includes_are_in_place(self, name: str) -> None:
        assert "@include" not in SOURCES[name]
        body = SOURCES[name]
        for used in re.findall(r"\bKEYS\[(\d+)\]", body):
            assert used == "1"

    @pytest.mark.parametrize("clock", sorted(CLOCKS))
    @pytest.mark.parametrize("msgpack", [True, False])
    def test_servers_compile_it(self, redis: redis_py.Redis, clock: str, msgpack: bool) -> None:
        """Lua takes at most 200 locals, and what reads a clock by hand has one more."""
        for name in NAMES:
            script = scripts.load(name, clock, msgpack=msgpack)
            assert redis.script_load(script.source) == script.digest, name

    @pytest.mark.once
    def test_every_include_is_used(self) -> None:
        folder = scripts._folder()
        kept = {path.name.removesuffix(".lua") for path in (folder / "include").iterdir()}
        used = {name for script in NAMES for name in re.findall(r"^-- @include (\w+)$", scripts._read(script), re.M)}
        assert kept == used | CLOCKS

    def test_wrappers_send_what_headers_say(self, redis: redis_py.Redis, monkeypatch: pytest.MonkeyPatch) -> None:
        sent: dict[str, list[int]] = {}

        execute = Executor.execute

        def record(store: Executor, step: Any) -> Any:
            if isinstance(step, Command) and step.is_script:
                assert len(step.keys) == 1
                sent.setdefault(step.name, []).append(len(step.arguments))
            return execute(store, step)

        monkeypatch.setattr(Executor, "execute", record)
        _use_everything(redis)
        assert sorted(sent) == NAMES, "a script that this test never runs"
        for name, counts in sent.items():
            for count in counts:
                assert takes(name, count), f"{name}.lua takes other arguments than these {count}"


def _use_everything(client: redis_py.Redis, prefix: str = "rq") -> None:
    """Every operation of the store once, with the outcomes that write most."""
    store = Store(client, prefix=prefix)
    now = now_us(client)
    key = f"{prefix}:job:"

    def make(id: str, due: int, spec: Spec | None = None, **options: Any) -> NewEntry:
        made = entry(client, id, due, spec=spec, **options)
        return NewEntry(id, key + id, due, made.fields, spec)

    put_due(store, "planned")
    planned_in_time(store, "planned")
    assert fire_page(store).fires.handed_off
    every = Spec(trigger=Every(60), overlap="buffer_one")
    for id in ("one", "two", "canceled", "moved", "lost"):
        add(store, make(id, now - 5))
    for id in ("cron", "running", "unsure", "copied", "old", "gone", "held"):
        options = {} if id == "copied" else {"result_ttl": -1}
        add(store, make(id, now - 5, every, meta={"interval": 60}, **options))
    store.cancel("canceled", 60)
    client.zadd(store.keys.ended, {"canceled": 0, "one": 0})
    store.tend_ended()
    store.reschedule("moved", now + 3600 * US)
    client.delete(key + "lost")
    store.job("one")
    list(store.pages())
    store.count()
    store.find("one")
    for id in ("again", "waits"):
        client.hset(key + id, mapping={"status": "queued", "origin": "default"})
        add(store, make(id, now + 3600 * US))
    client.hset(key + "again", "status", "finished")
    client.zadd(store.keys.parked, {"again": 0, "waits": 0})
    store.release_parked()
    store.server_time()
    store.tend_schedules(0, 100)
    record = record_of(store, "old")
    adopt(store, record, every)
    adopted = record_of(store, "old")
    assert store.redefine("old", adopted.rev, adopted.due, every, Instant(now - 6, now - 5), {})
    store.forget_schedule(record_of(store, "gone"))
    client.hset(key + "running", "status", "queued")
    client.hset(key + "unsure", "status", "queued")
    client.delete(key + "copied")
    fire_job(store, "cron", "running", "copied")
    store.claim(store.keys.scheduled_jobs, "one", now - 5, 5)
    store.release_claim("one")
    for id in ("two", "held"):
        store.quarantine(id, now - 5, "on purpose")
    store.retry_entries(["held"])
    store.quarantine("held", now - 5, "on purpose")
    entry_held = store.held_entry("two")
    assert entry_held is not None
    store.purge_entries([entry_held], 60)
    client.sadd(f"{prefix}:queues", f"{prefix}:queue:default")
    client.hset(key + "scheduled", mapping=make_job(client, "scheduled").to_dict())
    client.zadd(f"{prefix}:scheduled:default", {"scheduled": now // US - 5, "lost": now // US - 15})
    store.serve_registries(b"0", 500, "hold")
    hand_off(store)
    store.register_birth("me", {"a": 1}, 5)
    store.heartbeat("me", {"a": 1}, 5, dispatcher=True)
    store.acquire_lock("somebody", 5)
    store.release_lock("somebody")
    store.heartbeat("you", {"a": 1}, 5, dispatcher=True)
    store.leave("you")
    store.look_around("me")
    store.count_hand_off("one-off", "default")
    _use_schedules(store, prefix)


def _use_schedules(store: Store, prefix: str) -> None:
    client = store.connection
    for id in ("fires", "skips", "paused", "broken", "aside", "slow", "deleted"):
        policies = {"of": Spec(trigger=Every(60), overlap="buffer_one")} if id == "skips" else {}
        job = job_fields(client, slow=id == "slow")
        put_due(store, id, job=job, owner="me", tags=("tag",), **policies)
    for id in ("fires", "slow", "skips"):
        fire(store, id)
    store.take_via_rq(100)
    client.zadd(store.keys.due_schedules, {"skips": 5})
    fire_page(store)
    taken = store.take_to_plan(100).schedules
    store.taken_until()
    store.give_back_plans([each.id for each in taken])
    write_one(store, plan_of(store, "skips"))
    start_buffered(store, "skips")
    run_now(store, "fires")
    store.backfill("fires", "", "0..60000000", [0])
    client.delete(store.keys.template("broken"))
    fire(store, "broken")
    store.put_aside(unplanned_of(store, "aside"), "why")
    put(store, Write("paused", record(store, "paused")["rev"], paused=True, ends=now_us(client) + US))
    store.take_ended_pauses(10)
    store.counts_by_time([0, US, 2 * US])
    store.recurring_among(["cron"])
    store.spread(now_us(client) - US, now_us(client) + US, 10 * US)
    store.move_queue("nowhere", "default")
    store.note_action("stopped", "one", how="asked")
    store.note_event("logins_refused", "192.0.2.1", failures="10")
    store.take_alerts("pager", "token", 30)
    store.forget_alert_receiver("other")
    store.note_alerts("pager", "token", error="")
    store.make_token("id", "{}", name="deploy", role="viewer")
    store.delete_schedule("deleted")
    (stored,) = store.read_definitions(["aside"])[1]
    assert stored is not None
    assert not store.rename_schedule(stored, "fires")
    store.read_timings(["fires", "unknown"])
    store.read_versions("deleted")
    store.find_audited(["deleted"], None, 5)
    store.find_not_run("fires", 0, 5)
    Survey(client).queue_lengths(["default"])
    Survey(client).longest_queues(5)
    client.sadd(rq_format.workers_key("rq"), "gone")
    Survey(client).listened_queues()
    client.delete(rq_format.workers_key("rq"))
    Survey(client).troubles(0)
    store.read_definitions(["fires", "slow"])
    list(store.find_schedules(Filter(tag="tag", paused=False)))
    list(store.coming(10))
    store.read_runs("fires", 20)
    store.settle_runs(100)
    store.note_errors([RunError("fires 0 -20260101T000000000000Z")])
    store.tend_schedules(0, 100)


class TestKeys:
    @pytest.mark.once
    def test_scripts_build_the_names_that_python_knows(self) -> None:
        keys = Keys("")
        known = {
            *(keys.scheduled_jobs, keys.buffered, keys.schedules, keys.revisions, keys.quarantine, keys.claims),
            *(keys.rq_claims, keys.dispatchers, keys.wakeup, keys.schedule(""), keys.history("")),
            *(keys.to_plan, keys.unplanned, keys.via_rq, keys.pause_ends),
            *(keys.due_schedules, keys.template(""), keys.buffer(""), keys.tombstone(""), keys.quarantined("")),
            *(keys.saved(""), keys.ended, keys.deleted(""), keys.rq_since),
            *(keys.parked, keys.parked_due, keys.planned_job("")),
            *(keys.heartbeats, keys.outages, keys.run_id, keys.lock_held, keys.workers_seen, keys.workers_left),
            *(keys.unserved, keys.lateness(0).removesuffix("0")),
            *(keys.audit, keys.events, keys.versions(""), keys.deleted_schedules),
            *(keys.new_runs, keys.open_runs, keys.missing_runs, keys.unread_errors, keys.expected, keys.not_run),
            *(keys.names, keys.counters, ":failed:", ":scheduler:"),
            *(rq_format.queues_key(""), rq_format.job_key("", ""), rq_format.queue_key("", "")),
            *(rq_format.scheduled_registry_key("", ""), rq_format.scheduler_lock_key("", "")),
            # RQ's own that Python never needs by name: registries, executions, what hangs on a job, workers.
            *(":", ":finished:", ":executions:", ":wip:", ":job::", ":results:", ":worker:", ":workers"),
        }
        built = {name for source in SOURCES.values() for name in re.findall(r"prefix \.\. '(:[^']*)'", source)}
        assert built <= known, built - known
        registries = {
            word for source in SOURCES.values() for word in re.findall(r"'(finished|failed|canceled|deferred)'", source)
        }
        assert registries == {"finished", "failed", "canceled", "deferred"}

    @pytest.mark.parametrize("prefix", ["rq", "{site-a}"])
    def test_what_they_leave_is_named_in_keys(self, redis: redis_py.Redis, prefix: str) -> None:
        _use_everything(redis, prefix)
        keys = Keys(prefix)
        mine = {keys.scheduled_jobs, keys.buffered, keys.schedules, keys.revisions, keys.quarantine, keys.claims}
        mine |= {keys.rq_claims, keys.dispatchers, keys.instance("me"), keys.ended, keys.rq_since}
        if keys.fenced:
            mine.add(keys.fence)
        for id in ("one", "two", "cron", "running", "unsure", "copied", "old", "moved", "held"):
            mine |= {keys.schedule(id), keys.history(id), keys.quarantined(id), rq_format.job_key(prefix, id)}
        mine |= {rq_format.job_key(prefix, id) for id in ("canceled", "gone", "scheduled")}
        mine |= {rq_format.queues_key(prefix), rq_format.queue_key(prefix, "default")}
        mine.add(rq_format.scheduler_lock_key(prefix, "default"))
        mine |= {
            keys.parked,
            keys.parked_due,
            keys.planned_job("waits"),
            keys.heartbeats,
            keys.last_look,
            keys.unserved,
            keys.audit,
            keys.events,
            keys.counters,
            keys.tokens,
            keys.alert_receivers,
            keys.alert_receiver("pager"),
            keys.alert_receiver("other"),
        }
        mine |= {rq_format.job_key(prefix, id) for id in ("again", "waits")}
        mine |= {
            keys.due_schedules,
            keys.to_plan,
            keys.unplanned,
            keys.via_rq,
            keys.pause_ends,
            keys.buffer("skips"),
            keys.tombstone("deleted"),
            keys.versions("deleted"),
            keys.deleted_schedules,
        }
        mine |= {keys.schedules_of(*what) for what in (("owner", "me"), ("tag", "tag"), ("queue", "default"))}
        mine |= {keys.schedules_of("jobs"), keys.schedules_of("paused"), keys.new_runs, keys.open_runs}
        mine |= {keys.names, keys.not_run}
        for id in ("planned", "fires", "skips", "paused", "broken", "aside", "slow"):
            mine |= {keys.schedule(id), keys.template(id), keys.history(id)}
            mine |= {key.decode() for key in redis.scan_iter(f"{rq_format.job_key(prefix, id)}-2*")}
        mine.add(rq_format.job_key(prefix, run_id("fires", 0, "b")))
        now = now_us(redis) // US
        mine |= {keys.lateness(hour) for hour in (now // 3600, now // 3600 - 1)}  # of the test, which may begin in one
        left = {key.decode() for key in snapshot(redis)}
        assert left <= mine, left - mine
        assert {keys.scheduled_jobs, keys.quarantine, keys.buffered, keys.history("cron"), keys.rq_claims} <= left

    @pytest.mark.once
    def test_the_longest_sleep_is_the_same_in_both_languages(self) -> None:
        found = re.search(r"LONGEST_SLEEP = (\d+)", SOURCES["save_jobs"])
        assert found is not None
        assert float(found[1]) == LONGEST_SLEEP


class TestLoading:
    def test_a_server_that_has_lost_the_scripts(self, redis: redis_py.Redis, store: Store) -> None:
        now = now_us(redis)
        for id in ("a", "b", "c"):
            redis.script_flush()
            add(store, entry(redis, id, now - 5))
            redis.script_flush()
            assert [job.id for job in hand_off(store).fires.handed_off] == [id]
        add(store, recurring(redis, "r", now - 5))
        fire = job_plan_of(store, "r")
        redis.script_flush()
        assert write_job_plans(store, fire) == ["done"]

    def test_the_text_is_sent_once(self, redis: redis_py.Redis, store: Store) -> None:
        redis.script_flush()
        redis.config_resetstat()
        for _ in range(5):
            hand_off(store)
        stats = redis.info("commandstats")
        assert stats["cmdstat_eval"]["calls"] == 1
        assert stats["cmdstat_evalsha"]["calls"] == 5

    def test_other_errors_are_not_taken_for_a_lost_script(self, redis: redis_py.Redis, store: Store) -> None:
        redis.set(INDEX, "a string")
        with pytest.raises(redis_py.ResponseError, match="WRONGTYPE"):
            hand_off(store)


@pytest.mark.usefixtures("scripts_as_is")
class TestClock:
    """Where the time comes from: one file before the include `clock`, and the only difference of the two readings."""

    @pytest.mark.once
    @pytest.mark.parametrize("name", NAMES)
    def test_every_script_reads_the_time_there_and_nowhere_else(self, name: str) -> None:
        reads_time = "-- @include clock\n" in scripts._read(name)
        server, manual = SOURCES[name], scripts.load(name, MANUAL_CLOCK).source
        assert server.count("redis.call('TIME')") == reads_time
        assert "scheduler:clock" not in server
        assert "redis.call('TIME')" not in manual
        assert manual == server.replace(
            scripts._read(f"include/{scripts.SERVER_CLOCK}"), scripts._read(f"include/{MANUAL_CLOCK}")
        )
        if reads_time:
            assert re.search(r"1 prefix\b", section(name, "ARGV")), "the manual clock's key is under ARGV[1]"

    @pytest.mark.parametrize("prefix", ["rq", "{site-a}"])
    @pytest.mark.parametrize("us", [0, 7, 1_774_656_000_000_001, 9_007_199_254_740_992])
    def test_the_time_that_is_set_arrives_to_the_microsecond(self, redis: redis_py.Redis, prefix: str, us: int) -> None:
        ManualTime(redis, Keys(prefix)).set(us)
        assert Store(redis, prefix=prefix, clock=MANUAL_CLOCK).server_time() == us
        assert abs(Store(redis, prefix=prefix).server_time() - now_us(redis)) < 10 * US

    def test_a_clock_that_was_taken_away_is_an_error_that_says_so(self, redis: redis_py.Redis) -> None:
        with pytest.raises(redis_py.ResponseError, match=r"manual clock .* shows no time"):
            Store(redis, clock=MANUAL_CLOCK).server_time()


class TestLongLists:
    """Lua's stack ends near 8,000 values."""

    def test_one_call_hands_off_thousands(self, redis: redis_py.Redis, store: Store) -> None:
        now = now_us(redis)
        fields = make_job(redis, "x").to_dict()
        add(store, *(NewEntry(f"j{i}", f"rq:job:j{i}", now - 10_000 + i, fields) for i in range(5000)))
        front = {**fields, "enqueue_at_front": 1}
        add(store, *(NewEntry(f"f{i}", f"rq:job:f{i}", now - 20_000 + i, front) for i in range(4000)))
        batch = hand_off(store, 9000)
        assert len(batch.fires.handed_off) == 9000
        assert waiting(redis) == [f"f{3999 - i}" for i in range(4000)] + [f"j{i}" for i in range(5000)]
        assert redis.zcard(INDEX) == 0

    def test_one_call_quarantines_thousands(self, redis: redis_py.Redis, store: Store) -> None:
        redis.zadd(INDEX, {f"gone-{i}": i for i in range(5000)})
        assert len(hand_off(store, 5000).dropped) == 5000
        assert redis.hlen(store.keys.quarantine) == 5000
        assert redis.zcard(INDEX) == 0

    def test_thousands_of_queues(self, redis: redis_py.Redis, store: Store) -> None:
        now = now_us(redis)
        add(store, *(entry(redis, f"j{i}", now - 10, origin=f"queue-{i}") for i in range(2500)))
        assert len(hand_off(store, 5000).fires.handed_off) == 2500
        assert redis.scard("rq:queues") == 2500

    def test_thousands_of_fires_in_one_commit(self, redis: redis_py.Redis, store: Store) -> None:
        now = now_us(redis)
        fields = make_job(redis, "x", meta={"interval": 60}, result_ttl=-1).to_dict()
        spec = Spec(trigger=Every(60))
        add(store, *(NewEntry(f"r{i}", f"rq:job:r{i}", now - 5, fields, spec) for i in range(2500)))
        plans = [job_plan_of(store, f"r{i}") for i in range(2500)]
        assert set(write_job_plans(store, *plans)) <= {"done", None}, "what takes too long is left to the next script"
        wait_until(lambda: not hand_off(store, 5000).fires.queues)
        assert redis.llen("rq:queue:default") == 2500
        assert redis.zcount(INDEX, "-inf", now / US) == 0

    def test_a_hash_of_ten_thousand_fields(self, redis: redis_py.Redis, store: Store) -> None:
        now = now_us(redis)
        many = {f"field-{i}": str(i) for i in range(10_000)}
        base = make_job(redis, "x", meta={"interval": 60}).to_dict()
        add(store, NewEntry("r", "rq:job:r", now - 5, {**base, **many}, Spec(trigger=Every(60))))
        assert redis.hlen("rq:job:r") == len({**base, **many})
        stored = store.job("r")
        assert stored is not None
        assert stored.fields[b"field-9999"] == b"9999"
        redis.delete("rq:job:r")
        assert fire_job(store, "r") == ["done"], "rebuilt from the copy"
        assert redis.hget("rq:job:r", "field-9999") == b"9999"
        finish(redis, "r")
        base.pop("meta")
        add(store, NewEntry("r", "rq:job:r", now - 5, base))
        assert redis.hlen("rq:job:r") == len(base)
        assert len(hand_off(store).fires.handed_off) == 1

    def test_a_registry_with_thousands_due(self, redis: redis_py.Redis, store: Store) -> None:
        now = now_us(redis) // US
        fields = make_job(redis, "x").to_dict()
        with redis.pipeline(transaction=False) as pipe:
            for i in range(5000):
                pipe.hset(f"rq:job:s{i}", mapping=fields)
            pipe.execute()
        redis.zadd("rq:scheduled:default", {f"s{i}": now - 5 for i in range(5000)})
        redis.sadd("rq:queues", "rq:queue:default")
        batch = store.serve_registries(b"0", 5000, "hold")
        assert len(batch.handed_off) == 5000
        assert redis.llen("rq:queue:default") == 5000


def test_a_process_that_has_begun_needs_its_files_no_more(
    redis: redis_py.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An upgrade may replace them."""
    scripts._load.cache_clear()
    store = Store(redis)
    store.load_scripts()
    monkeypatch.setattr(scripts, "_read", None)
    store.note_event("logins_refused", "192.0.2.1", failures="10")
    assert [one.fields["kind"] for one in store.read_events()] == ["logins_refused"]
