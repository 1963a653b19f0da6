"""The Redis users of docs/acl.md: with what the page names, everything works, and nothing that it names is idle."""

import ast
import re
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import redis as redis_py
from click.testing import CliRunner
from rq import Queue, Retry

import acl
import jobs_for_tests
import rq_scheduler
from faults.cutting import World
from faults.proxy import Proxy
from faults.writes import WRITES
from making import US, Told, add, dispatcher, entry, now_us, recurring, waiting
from making_schedules import Few, job_fields, new, plan_of, planned_in_time, put, spec
from rq_scheduler import Every, Scheduler
from rq_scheduler.cli.app import rqscheduler
from rq_scheduler.dispatcher import Dispatcher, Options
from rq_scheduler.embedded import EmbeddedRedis
from rq_scheduler.store import Store, scripts
from rq_scheduler.store.fires import PlanWrite
from rq_scheduler.store.keys import Keys
from support import wait_until

KEYS = Keys()
PACKAGE = Path(rq_scheduler.__file__).parent
# What the scripts of RQ's rate limits call when a job is enqueued. Older RQ has none; the page is about all of them.
OF_RATE_LIMITS: dict[acl.Role, set[str]] = {"dispatcher": {"script", "zpopmin"}, "client": set()}
READ = "return redis.call('GET', 'test:secret')"
CALL = re.compile(r"(?:\bp?call|\btry|call_in_chunks)\('([A-Z]+)'")


@pytest.fixture
def guarded(start_server: Callable[..., EmbeddedRedis], acl_args: list[str]) -> Iterator[redis_py.Redis]:
    """The default user's client of a server that knows the two users, also without --acl."""
    server = start_server(aof=False, args=[] if acl_args else acl.server_args())
    with redis_py.Redis.from_url(server.url) as client:
        yield client
        assert acl.refused(client) == []


@pytest.fixture
def proxies(guarded: redis_py.Redis) -> Iterator[dict[acl.Role, Proxy]]:
    """Ways to it that note what each user sends."""
    with ExitStack() as stack:
        yield {role: stack.enter_context(Proxy(acl.login(url_of(guarded), role))) for role in acl.ROLES}


def url_of(client: redis_py.Redis) -> str:
    return f"redis://127.0.0.1:{client.connection_pool.connection_kwargs['port']}/0"


def sent(proxy: Proxy) -> set[str]:
    return {command.name.lower() for command in proxy.commands}


# What the package's own scripts call, by reading them: also what no test happens to come by


def _words(tree: ast.AST) -> set[str]:
    names = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    return names | {
        node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }


@cache
def _scripts_of(*places: str) -> set[str]:
    """The names of the scripts that code in these places comes to, by way of the store's methods."""
    methods: dict[str, set[str]] = {}
    for path in (PACKAGE / "store").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef):
                methods.setdefault(node.name, set()).update(_words(node))
    files = [path for path in PACKAGE.rglob("*.py") if path.relative_to(PACKAGE).parts[0] in places]
    to_see = set().union(*(_words(ast.parse(path.read_text())) for path in files))
    seen: set[str] = set()
    while to_see:
        word = to_see.pop()
        seen.add(word)
        to_see |= methods.get(word, set()) - seen
    return seen & set(scripts.names())


PLACES: dict[acl.Role, tuple[str, ...]] = {"dispatcher": ("dispatcher", "alerts"), "client": ("client",)}


def in_scripts(role: acl.Role) -> set[str]:
    """The commands that this user's scripts call. A client passes no fence."""
    left_out = scripts._read("include/fence") if role == "client" else ""
    sources = (scripts.load(name).source.replace(left_out, "") for name in _scripts_of(*PLACES[role]))
    return {command.lower() for source in sources for command in CALL.findall(source)}


# What Python sends beside them, by doing everything


def use_as_client(redis: redis_py.Redis, proxy: Proxy) -> None:
    for name, write in WRITES.items():
        if write.covers == "enqueue_jobs":
            continue  # a dispatcher's work
        world = World(redis, proxy)
        write.prepare(world)
        scheduler = world.remote_scheduler()
        write.call(scheduler)
        assert scheduler.count() >= len(list(scheduler.get_jobs())), name
        list(scheduler.get_jobs(until=timedelta(days=1), with_times=True))
        schedules = scheduler.schedules
        for each in (*schedules, *schedules.find(tag="a", paused=False), *schedules.find(owner="me")):
            schedules.runs(each.id)
        assert len(schedules) == len(list(schedules))
        schedules.upcoming()
        assert scheduler.get_job("a") is None or "a" in scheduler
        if write.released is not None:
            write.released(scheduler)
        world.close()
    redis.flushall()
    scheduler = Scheduler(connection=redis_py.Redis.from_url(proxy.url))
    job = scheduler.enqueue_in(timedelta(1), jobs_for_tests.nothing, meta={"queue_class_name": "queues_for_tests.Old"})
    scheduler.enqueue_job(job)
    held = [scheduler.enqueue_in(timedelta(1), jobs_for_tests.nothing).id for _ in range(2)]
    for id in held:
        redis.zadd(KEYS.scheduled_jobs, {id: 1})
        Store(redis).quarantine(id, US, "on purpose")
    assert {each.id for each in scheduler.quarantine} == set(held)
    assert scheduler.quarantine.get(held[0]) is not None
    assert scheduler.quarantine.retry(held[0])
    assert scheduler.quarantine.purge(held[1])
    assert {event.kind for event in scheduler.events.read()} == {"quarantined"}
    assert len(list(scheduler.events.follow("0-0", idle=0))) == 2
    Store(redis).heartbeat("live", {"host": "h"}, 60, dispatcher=True)
    status = CliRunner().invoke(rqscheduler, ["status", "--url", proxy.url])
    assert "live" in status.output, status.output


def prepare_all_kinds(redis: redis_py.Redis) -> set[str]:
    """Entries of all kinds, due now. Returns the ids that end in the queue `default`."""
    redis.flushall()
    store, scheduler = Store(redis), Scheduler(connection=redis)
    now = now_us(redis) - 1000
    first = Queue("first", connection=redis).enqueue(jobs_for_tests.nothing, job_id="first")
    add(store, entry(redis, "plain", now), recurring(redis, "recurring", now, result_ttl=500))
    add(store, entry(redis, "front", now, ttl=60, meta={"enqueue_at_front": True}))
    add(store, entry(redis, "waits", now, depends_on=first), recurring(redis, "waits-too", now, depends_on=first))
    for name in ("rq.Queue", "queues_for_tests.Old", "queues_for_tests.Failing"):
        id, meta = name.replace(".", "-"), {"queue_class_name": name}
        add(store, entry(redis, id, now, meta=meta), recurring(redis, f"{id}-too", now, meta=meta))
    add(store, entry(redis, "canceled", now), entry(redis, "gone", now), entry(redis, "no-job", now))
    add(store, entry(redis, "adopted", now, meta={"interval": 60}, result_ttl=-1))
    add(store, entry(redis, "odd", now, depends_on=first, origin="odd"))
    redis.set("rq:deferred:odd", "no registry")
    redis.hset("rq:job:canceled", "status", "canceled")
    redis.delete("rq:job:gone")
    redis.hdel("rq:job:no-job", "data", "origin")
    if hasattr(Queue, "_enqueue_rate_limited_job"):
        for id in ("limited", "limited-too"):
            made = entry(redis, id, now)
            made.fields.update(rate_limit_key="k", rate_limit_concurrency=1)  # type: ignore[attr-defined]
            add(store, made)
    Queue(connection=redis).enqueue_in(timedelta(0), jobs_for_tests.nothing, job_id="rq", retry=Retry(3))
    for overlap in ("skip", "buffer_one", "replace", "allow"):
        scheduler.schedules.put(overlap, Every(0.2), jobs_for_tests.nothing, overlap=overlap, queue_name=overlap)
    scheduler.schedules.put("broken", Every(0.2), jobs_for_tests.nothing)
    redis.delete(KEYS.template("broken"))
    redis.hset(KEYS.schedule("foreign"), "kind", "job")
    redis.zadd(KEYS.schedules, {"foreign": 0})
    return {"plain", "recurring", "front", "adopted", "rq", "rq-Queue", "queues_for_tests-Old", "rq-Queue-too"}


def use_as_dispatcher(redis: redis_py.Redis, proxy: Proxy, running: Callable[..., Dispatcher], told: Told) -> None:
    wanted = prepare_all_kinds(redis)
    running(redis_py.Redis.from_url(proxy.url), ttl=3, options=Options(take_fence=True))
    wait_until(lambda: wanted <= set(waiting(redis)), message=lambda: f"{waiting(redis)}, {told.delays}, {told.others}")
    # A run that goes on and is to make way: RQ asks its worker, on a channel that this user may not use.
    (run, *_) = wait_until(lambda: waiting(redis, "replace"))
    redis.hset(f"rq:job:{run}", mapping={"status": "started", "worker_name": "w"})
    wait_until(lambda: int(redis.hget(KEYS.schedule("skip"), "skipped") or 0) > 3)
    wait_until(lambda: b"canceled" in [redis.hget(key, "status") for key in redis.scan_iter("rq:job:replace-*")])
    redis.lpop("rq:queue:buffer_one")
    redis.hset(KEYS.schedule("buffer_one"), "looked_up_at", "0")
    wait_until(lambda: len(waiting(redis, "buffer_one")) > 0, message="the remembered run")
    wait_until(lambda: {"gone", "no-job", "broken"} <= {id.decode() for id in redis.hkeys(KEYS.quarantine)})
    wait_until(lambda: not redis.exists(KEYS.schedule("foreign")), message="the sweep")


def used(role: acl.Role, proxy: Proxy) -> set[str]:
    return (in_scripts(role) | sent(proxy) | OF_RATE_LIMITS[role]) - acl.OPTIONAL


def granted(role: acl.Role) -> set[str]:
    return {command.partition("|")[0] for command in acl.commands(role, 0) | acl.commands(role, 1)}


class TestTheCommands:
    """None is missing, and none is there that nothing needs."""

    def test_of_a_client(self, guarded: redis_py.Redis, proxies: dict[acl.Role, Proxy]) -> None:
        use_as_client(guarded, proxies["client"])
        assert used("client", proxies["client"]) == granted("client")

    def test_of_a_dispatcher(
        self,
        guarded: redis_py.Redis,
        proxies: dict[acl.Role, Proxy],
        running: Callable[..., Dispatcher],
        told: Told,
    ) -> None:
        use_as_dispatcher(guarded, proxies["dispatcher"], running, told)
        assert used("dispatcher", proxies["dispatcher"]) == granted("dispatcher")


class TestTheOptionalOnes:
    def test_without_them_the_poll_serves_and_status_says_so(
        self, guarded: redis_py.Redis, proxies: dict[acl.Role, Proxy], running: Callable[..., Dispatcher], told: Told
    ) -> None:
        running(redis_py.Redis.from_url(proxies["dispatcher"].url), interval=0.5)
        wait_until(lambda: any(other[0] == "channel_refused" for other in told.others))
        scheduler = Scheduler(connection=redis_py.Redis.from_url(proxies["client"].url))
        scheduler.enqueue_in(timedelta(0), jobs_for_tests.nothing, job_id="a")
        wait_until(lambda: waiting(guarded) == ["a"])
        status = CliRunner().invoke(rqscheduler, ["status", "--url", proxies["client"].url])
        assert "this user may not use the wake-up channel" in status.output

    def test_with_them_a_dispatcher_is_woken(
        self,
        guarded: redis_py.Redis,
        proxies: dict[acl.Role, Proxy],
        running: Callable[..., Dispatcher],
        told: Told,
        unwoken: float,
    ) -> None:
        for role in acl.ROLES:
            guarded.execute_command("ACL", "SETUSER", role, *acl.lines(role)[2])
        running(redis_py.Redis.from_url(proxies["dispatcher"].url), interval=unwoken)
        wait_until(lambda: guarded.pubsub_numsub(KEYS.wakeup) == [(KEYS.wakeup.encode(), 1)])
        scheduler = Scheduler(connection=redis_py.Redis.from_url(proxies["client"].url))
        scheduler.enqueue_in(timedelta(seconds=0.1), jobs_for_tests.nothing, job_id="a")
        wait_until(lambda: waiting(guarded) == ["a"], message=lambda: str(told.others))


def test_keys_of_others_are_out_of_reach(guarded: redis_py.Redis) -> None:
    guarded.set("test:secret", 1)
    for role in acl.ROLES:
        with acl.as_user(guarded, role) as user:
            for call in (lambda user=user: user.get("test:secret"), lambda user=user: user.eval(READ, 0)):
                with pytest.raises(redis_py.ResponseError, match=r"NOPERM|[Nn]o permissions|can't access"):
                    call()
            with pytest.raises(redis_py.exceptions.NoPermissionError):
                user.flushall()
    guarded.acl_log_reset()


def test_a_command_less_loses_and_doubles_nothing(guarded: redis_py.Redis) -> None:
    """Whatever an administrator forgot: the dispatcher says so, no entry goes to quarantine, and all that waits is
    handed off once when the command is granted."""
    harmed: list[str] = []
    for command in sorted(acl.commands("dispatcher", 0) - {"eval", "evalsha"}):
        guarded.flushall()
        store, scheduler, now = Store(guarded), Scheduler(connection=guarded), now_us(guarded) - 1000
        add(store, entry(guarded, "a", now), recurring(guarded, "r", now), entry(guarded, "ttl", now, ttl=60))
        add(store, entry(guarded, "slow", now, meta={"queue_class_name": "rq.Queue"}))
        scheduler.schedules.put("s", Every(0.05), jobs_for_tests.nothing, queue_name="s")
        Queue(connection=guarded).enqueue_in(timedelta(0), jobs_for_tests.nothing, job_id="rq")
        with redis_py.Redis.from_url(acl.login(url_of(guarded), "dispatcher")) as user:
            for rule in (f"-{command}", f"+{command}"):
                guarded.execute_command("ACL", "SETUSER", "dispatcher", rule)
                one = dispatcher(user)
                for _ in range(3):
                    with suppress(redis_py.RedisError):
                        one.dispatch_once()
        pushes = Counter(waiting(guarded)) + Counter(waiting(guarded, "s"))
        held = [id.decode() for id in guarded.hkeys(KEYS.quarantine)]
        missing = {"a", "r", "ttl", "slow", "rq"} - set(pushes)
        doubled = [id for id, times in pushes.items() if times > 1]
        if held or missing or doubled:
            harmed.append(f"without {command}: quarantine {held}, missing {sorted(missing)}, doubled {doubled}")
    guarded.acl_log_reset()
    assert harmed == [], "\n".join(harmed)


def by_fire(store: Store, writes: list[PlanWrite]) -> None:
    store.fire(None, looks=100, runs=100, copies=100_000, tell=False)


def by_plan(store: Store, writes: list[PlanWrite]) -> None:
    store.write_plans(writes, 0, tell=False)


def by_hand(store: Store, writes: list[PlanWrite]) -> None:
    for write in writes:
        store.run_now(write.of.id, write.spec, 1, 1_000_000, force=True)


def by_backfill(store: Store, writes: list[PlanWrite]) -> None:
    for write in writes:
        store.backfill(write.of.id, "", "1-2", [1_000_000, 2_000_000])


@pytest.mark.parametrize(
    ("how", "policies", "slow", "runs"),
    [
        (by_fire, {}, False, 3),
        (by_fire, {"max_runs": 9}, False, 3),
        (by_fire, {}, True, 3),
        (by_plan, {}, False, 3),
        (by_hand, {"overlap": "allow"}, False, 6),
        (by_backfill, {}, False, 9),
        (by_backfill, {}, True, 9),
    ],
)
def test_a_command_less_loses_no_run(
    guarded: redis_py.Redis, how: Any, policies: dict[str, Any], slow: bool, runs: int
) -> None:
    """A run whose job is there counts as made: what was refused in the middle must leave none."""
    harmed: list[str] = []
    ids = ("a", "b", "c")
    job = job_fields(guarded, slow=slow)
    for command in sorted(acl.commands("dispatcher", 0) - {"eval", "evalsha"}):
        guarded.flushall()
        store, due = Store(guarded), now_us(guarded) - 1000
        put(store, *(new(guarded, id, due, of=spec(3600, **policies), job=job) for id in ids))
        for id in ids:
            guarded.hset(KEYS.schedule(id), "updated", 0)
        writes = [plan_of(store, id) for id in ids]
        if how is by_fire:
            planned_in_time(store, *ids)
        with acl.as_user(guarded, "dispatcher") as user:
            for rule in (f"-{command}", f"-{command}", f"+{command}"):
                guarded.execute_command("ACL", "SETUSER", "dispatcher", rule)
                with suppress(redis_py.RedisError):
                    how(Store(user), writes)
        one = Dispatcher(guarded, events=Few(), options=Options(rq_registries=False))
        while one.dispatch_once().more_is_due:
            pass
        queued = waiting(guarded)
        if len(queued) != runs or len(set(queued)) != runs or guarded.hkeys(KEYS.quarantine):
            harmed.append(f"without {command}: {queued}, quarantine {guarded.hkeys(KEYS.quarantine)}")
    guarded.acl_log_reset()
    assert harmed == [], "\n".join(harmed)
