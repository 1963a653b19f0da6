"""`rqscheduler check`: what it says of data that 0.14 leaves behind, and that it writes nothing."""

import json
import pickle
import re
import sys
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
import redis as redis_py
from click.testing import CliRunner
from rq import Queue
from rq.serializers import JSONSerializer

from making import dispatcher
from rq_scheduler import Every, Scheduler
from rq_scheduler.cli.app import rqscheduler
from rq_scheduler.store.survey import Survey
from servers import ClusterSetup
from support import Peer, Processes

INDEX = "rq:scheduler:scheduled_jobs"


@pytest.fixture(autouse=True)
def _utc(host_in: Callable[[str], None]) -> None:
    host_in("UTC")


def entry(redis: redis_py.Redis, job_id: str, meta: Any = None, *, due: float = 9e9, dumps: Any = pickle.dumps,
          origin: str = "default") -> None:  # fmt: skip
    """An entry as 0.14 writes it: a job hash without anything of ours, and its id in the index."""
    fields: dict[str, Any] = {"origin": origin, "created_at": "2026-01-01T00:00:00.000000Z", "data": b"x"}
    if meta is not None:
        fields["meta"] = dumps(meta)
    redis.hset(f"rq:job:{job_id}", mapping=fields)
    redis.zadd(INDEX, {job_id: due})


def run(url: str, *args: str) -> dict[str, Any]:
    result = CliRunner().invoke(rqscheduler, ["check", "--url", url, "--json", *args])
    assert result.exit_code == 0, (result.output, result.exception)
    return json.loads(result.output)


def text(url: str, *args: str) -> str:
    result = CliRunner().invoke(rqscheduler, ["--url", url, "check", *args])
    assert result.exit_code == 0, (result.output, result.exception)
    return result.output


@pytest.fixture
def old_data(redis: redis_py.Redis) -> redis_py.Redis:
    """One of everything."""
    now = time.time()
    entry(redis, "one", due=now - 5)
    entry(redis, "two", {"note": "mine"})
    entry(redis, "every", {"interval": 60})
    entry(redis, "half", {"interval": 0.5})
    entry(redis, "thrice", {"interval": 60, "repeat": 3})
    entry(redis, "cron", {"cron_string": "0 3 * * *", "use_local_timezone": False}, origin="nightly")
    entry(redis, "first-monday", {"cron_string": "0 0 1-7 * mon", "repeat": 2})
    entry(redis, "with-year", {"cron_string": "0 0 1 1 * 2035"})
    entry(redis, "bad-cron", {"cron_string": "nonsense"})
    entry(redis, "bad-meta", {"interval": 5}, dumps=lambda meta: b"interval but no pickle")
    entry(redis, "a:b")
    entry(redis, "custom", {"queue_class_name": "shop.queues.Fast"})
    redis.zadd(INDEX, {"gone": 5, b"\xff\xfe": 6, "string": 7})
    redis.set("rq:job:string", "x")
    redis.sadd("rq:queues", "rq:queue:default", "rq:queue:mail")
    redis.zadd("rq:scheduled:mail", {"late": now - 7200, "soon": now - 60, "later": now + 60})
    redis.hset("rq:scheduler_instance:old-one", mapping={"birth": "2026-01-01"})
    redis.expire("rq:scheduler_instance:old-one", 70)
    redis.set("rq:scheduler_lock", "1767225600.0", ex=70)
    redis.hset("rq:worker:w1", mapping={"queues": "default,mail"})
    redis.sadd("rq:workers", "rq:worker:w1", "rq:worker:dead")
    return redis


def test_kinds(old_data: redis_py.Redis, redis_url: str) -> None:
    found = run(redis_url)
    assert found["entries"] == 15
    assert found["overdue"] == 4
    assert found["kinds"] == {
        "one-off": 4, "interval": 2, "repeat": 1, "cron": 3, "hash gone": 2, "unreadable": 3,
    }  # fmt: skip
    assert set(found["hash_gone"]["first"]) == {"gone", "\\xff\\xfe"}
    assert any("refused" in problem for problem in found["unreadable"])


def test_crons_zones_and_ambiguities(old_data: redis_py.Redis, redis_url: str) -> None:
    found = run(redis_url)
    assert (found["zone"], found["crons"]) == ("UTC", 4)
    examples = [name for group in found["cron_notes"].values() for name in group["first"]]
    assert sorted(examples) == ["first-monday", "with-year"]
    assert run(redis_url, "--adopt-timezone", "Europe/Paris")["zone"] == "Europe/Paris"
    assert "Europe/Paris" in text(redis_url, "--adopt-timezone", "Europe/Paris")


def test_a_host_whose_zone_has_no_name(
    old_data: redis_py.Redis, redis_url: str, host_in: Callable[[str], None]
) -> None:
    assert run(redis_url)["zone_unnamed"] is None
    host_in("CET-1CEST,M3.5.0,M10.5.0/3")
    said = "cron: read in UTC, since this host's zone, TZ='CET-1CEST,M3.5.0,M10.5.0/3', now UTC"
    assert said in text(redis_url)
    assert any(item.startswith(said) for item in run(redis_url)["attention"])
    assert said not in text(redis_url, "--adopt-timezone", "Europe/Paris")


def test_ids_that_rq_refuses(old_data: redis_py.Redis, redis_url: str) -> None:
    assert set(run(redis_url)["ids_refused"]["first"]) >= {"a:b", "\\xff\\xfe"}


def test_queues(old_data: redis_py.Redis, redis_url: str) -> None:
    found = run(redis_url)
    assert found["queues_without_worker"] == ["nightly"]
    assert found["queues"]["nightly"] == 1
    assert list(found["queue_classes_missing"]) == ["shop.queues.Fast"]
    assert "No module named 'shop'" in found["queue_classes_missing"]["shop.queues.Fast"]


def test_overdue_registries(old_data: redis_py.Redis, redis_url: str) -> None:
    (mail,) = run(redis_url)["rq_registries"]
    assert (mail["queue"], mail["total"], mail["overdue"]) == ("mail", 3, 1)
    assert 7190 < mail["oldest_late_seconds"] < 7300


def test_daemons_and_their_lock(old_data: redis_py.Redis, redis_url: str) -> None:
    found = run(redis_url)
    assert [(one["name"], one["version"]) for one in found["daemons"]] == [("old-one", "0.14")]
    assert found["fence"]["ours"] is False
    assert 60 < found["fence"]["ttl_seconds"] <= 70


def test_a_0_14_daemon_that_has_ended_is_not_alive(peer: Peer, redis: redis_py.Redis, redis_url: str) -> None:
    peer.script("scheduler.register_birth()")
    assert [one["version"] for one in run(redis_url)["daemons"]] == ["0.14"]
    redis.flushdb()
    peer.script("scheduler.register_birth(); scheduler.register_death()")
    assert redis.keys("rq:scheduler_instance:*")
    assert run(redis_url)["daemons"] == []


def test_eviction(old_data: redis_py.Redis, start_server: Any) -> None:
    server = start_server(args=["--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru"])
    found = run(server.url)
    assert found["server"]["maxmemory_policy"] == "allkeys-lru"
    assert any("Redis may evict schedules" in item for item in found["attention"])


def test_the_text_says_it_all(old_data: redis_py.Redis, redis_url: str) -> None:
    said = text(redis_url)
    for part in (
        "15 entries, 4 of them due now", "one-off", "quarantined", "3 cron entries will be read in UTC", "first-monday",
        "a:b", "shop.queues.Fast", "'nightly'", "--rq-overdue run", "old-one (0.14)", "0.14 lock is held",
        "maxmemory-policy: noeviction", "Nothing was written.",
    ):  # fmt: skip
        assert part in said, part


def test_runs_that_0_14_would_not_enqueue(redis: redis_py.Redis, redis_url: str) -> None:
    assert "before a rollback" not in text(redis_url)
    scheduler = Scheduler(connection=redis)
    scheduler.schedules.put("s", Every(3600), "jobs_for_tests.nothing", meta={"queue_class_name": "rq.Queue"})
    scheduler.schedules.run_now("s")
    assert run(redis_url)["runs_via_rq"] == 1
    assert "1 run of a schedule waits for RQ's own code" in text(redis_url)
    dispatcher(redis).dispatch_once()
    assert run(redis_url)["runs_via_rq"] == 0


def test_an_empty_redis(redis: redis_py.Redis, redis_url: str) -> None:
    found = run(redis_url)
    assert (found["entries"], found["attention"], found["daemons"]) == (0, [], [])
    assert "Nothing to decide" in text(redis_url)


def test_it_writes_nothing(old_data: redis_py.Redis, redis_url: str) -> None:
    before = dump(old_data)
    written = old_data.info("persistence")["rdb_changes_since_last_save"]
    run(redis_url)
    text(redis_url)
    assert dump(old_data) == before
    assert old_data.info("persistence")["rdb_changes_since_last_save"] == written, "not even written and undone"


def dump(redis: redis_py.Redis) -> dict[bytes, tuple[bytes | None, bool]]:
    """Every key with its value; TTLs by whether there is one, since they count down."""
    return {key: (redis.dump(key), redis.ttl(key) >= 0) for key in redis.scan_iter(count=1000)}


def test_what_a_real_0_14_client_wrote(peer: Peer, redis: redis_py.Redis, redis_url: str) -> None:
    peer.script(
        "soon = datetime.utcnow() + timedelta(hours=1)\n"
        "for n in range(7): scheduler.enqueue_at(soon, print, n)\n"
        "scheduler.schedule(soon, print, interval=60)\n"
        "scheduler.schedule(soon, print, interval=60, repeat=5)\n"
        "scheduler.cron('0 3 1 * mon', print, queue_name='nightly')\n"
        "gone = scheduler.enqueue_at(soon, print); gone.delete()\n"
    )
    before = dump(redis)
    found = run(redis_url)
    assert found["kinds"] == {
        "one-off": 7, "interval": 1, "repeat": 1, "cron": 1, "hash gone": 1, "unreadable": 0,
    }  # fmt: skip
    assert found["cron_expressions"] == {"0 3 1 * mon": 1}
    assert len(found["cron_notes"]) == 1
    assert dump(redis) == before


@pytest.mark.parametrize(
    ("meta", "kind"),
    [
        ({"interval": "60"}, "interval"),
        ({"interval": True}, "interval"),
        ({"interval": 60, "repeat": "3"}, "repeat"),
        ({"interval": "10m"}, "unreadable"),
        ({"interval": -5}, "unreadable"),
        ({"interval": float("nan")}, "unreadable"),
        ({"interval": 60, "repeat": "often"}, "unreadable"),
        ({"cron_string": "0 3 * * *", "repeat": "often"}, "unreadable"),
        ({"interval": -5, "cron_string": "0 3 * * *"}, "cron"),
    ],
)
def test_a_meta_written_by_hand_is_judged_as_the_daemon_does(
    meta: dict[str, object], kind: str, redis: redis_py.Redis, redis_url: str
) -> None:
    entry(redis, "odd", meta, due=time.time() - 1)
    assert {name for name, count in run(redis_url)["kinds"].items() if count} == {kind}
    scheduler = Scheduler(connection=redis)
    scheduler.run(burst=True)
    assert (scheduler.quarantine.get("odd") is not None) == (kind == "unreadable")


def test_crons_of_ours_keep_their_zone(redis: redis_py.Redis, redis_url: str) -> None:
    Scheduler(connection=redis).cron("0 3 * * *", print, timezone="Asia/Tokyo")
    found = run(redis_url)
    assert (found["kinds"]["cron"], found["crons"], found["already_adopted"]) == (1, 0, 1)
    assert "1 cron entry is adopted already and keeps its zone." in text(redis_url)


def test_what_0_14_would_not_see(redis: redis_py.Redis, redis_url: str) -> None:
    """Should the site go back to it: one-offs that wait until RQ's job of their id has ended."""
    assert run(redis_url)["parked"] == {"count": 0, "first": []}
    for n in range(7):
        redis.hset(f"rq:job:j{n}", mapping={"status": "started", "origin": "default"})
        Scheduler(connection=redis).enqueue_at(datetime(2030, 1, 1, 9, n), "os.getcwd", job_id=f"j{n}")
    assert run(redis_url)["parked"] == {"count": 7, "first": [f"j{n} at 2030-01-01 09:0{n} UTC" for n in range(5)]}
    told = "7 one-offs wait until RQ's jobs of their id have ended (j0 at 2030-01-01 09:00 UTC, "
    assert told in text(redis_url)


def test_a_serializer_that_is_not_pickle(redis: redis_py.Redis, redis_url: str) -> None:
    entry(redis, "every", {"interval": 60}, dumps=JSONSerializer.dumps)
    assert run(redis_url)["kinds"]["unreadable"] == 1
    assert run(redis_url, "--serializer", "json")["kinds"]["interval"] == 1


def test_entries_stream_in_pages(redis: redis_py.Redis) -> None:
    with redis.pipeline(transaction=False) as pipe:
        for number in range(3000):
            pipe.hset(f"rq:job:n{number}", mapping={"origin": "default", "created_at": "x"})
            pipe.zadd(INDEX, {f"n{number}": number})
        pipe.execute()
    pages = list(Survey(redis).entries(size=200))
    assert max(map(len, pages)) <= 200
    assert {one.id for page in pages for one in page} == {f"n{number}".encode() for number in range(3000)}


@pytest.mark.newest_only
def test_a_cluster(cluster: ClusterSetup, processes: Processes) -> None:
    with cluster.client() as client:
        client.hset("{site-a}:job:one", mapping={"origin": "default", "created_at": "x"})
        client.hset("{site-a}:job:two", mapping={"origin": "default", "meta": pickle.dumps({"interval": 5})})
        client.zadd("{site-a}:scheduler:scheduled_jobs", {"one": 9e9, "two": 1, "gone": 2})
        client.hset("{site-a}:scheduler_instance:d1", mapping={"version": "1.0.0"})
        client.expire("{site-a}:scheduler_instance:d1", 60)
    output = processes.run(
        sys.executable, "-m", "rq_scheduler.cli", "check", "--cluster", "--url", cluster.url, "--json",
        env={"RQ_KEY_PREFIX": "{site-a}"},
    )  # fmt: skip
    found = json.loads(output)
    assert (found["kinds"]["one-off"], found["kinds"]["interval"], found["kinds"]["hash gone"]) == (1, 1, 1)
    assert [one["name"] for one in found["daemons"]] == ["d1"]
    assert found["server"]["maxmemory_policy"] == "noeviction"


def test_redis_that_is_down() -> None:
    result = CliRunner().invoke(rqscheduler, ["check", "--url", "redis://127.0.0.1:1"])
    assert result.exit_code == 1
    assert "cannot read Redis at redis://127.0.0.1:1" in result.output


def test_a_user_who_may_only_read(old_data: redis_py.Redis, redis_url: str) -> None:
    old_data.acl_setuser("reader", enabled=True, passwords=["+pw"], keys=["*"], categories=["+@read", "+@connection"],
                         commands=["+time"])  # fmt: skip
    try:
        found = run(redis_url.replace("redis://", "redis://reader:pw@"))
    finally:
        old_data.acl_deluser("reader")
    assert found["entries"] == 15
    assert "maxmemory_policy" not in found["server"]
    assert "pw" not in found["where"]


class TestOtherKeys:
    """A subclass of 0.14's Scheduler may have named its index otherwise, to keep deployments apart."""

    @pytest.mark.leaves("myapp:*", "old_index", "rq:staging:*")
    @pytest.mark.parametrize("key", ["myapp:scheduler:scheduled_jobs", "old_index", "rq:staging:jobs"])
    @pytest.mark.parametrize("meta", [None, {"interval": 60}])
    def test_entries_elsewhere(self, redis: redis_py.Redis, redis_url: str, key: str, meta: Any) -> None:
        entry(redis, "a", meta)
        redis.hset("rq:job:a", "status", "scheduled" if meta is None else "finished")
        redis.zadd(key, {"a": 9e9, "gone": 9.1e9})
        redis.zrem(INDEX, "a")
        before = redis.dump(key)
        report = run(redis_url)
        assert report["entries"] == 0
        assert report["elsewhere"] == {
            "indexes": [{"key": key, "entries": 2}], "keys": 2, "walked": 2, "whole": True,
        }  # fmt: skip
        assert any(
            f"2 entries lie under {key}" in each and f"ZUNIONSTORE {INDEX} 2" in each for each in report["attention"]
        )
        assert redis.dump(key) == before
        assert "Looked at all 2 keys" in text(redis_url)

    @pytest.mark.leaves("myapp:*")
    def test_entries_of_a_subclass_of_0_14s(self, redis: redis_py.Redis, redis_url: str, peer: Peer) -> None:
        """And they are served where the advice has moved them."""
        peer.script("""
class Staging(Scheduler):
    scheduled_jobs_key = "myapp:scheduler:scheduled_jobs"
staging = Staging(connection=connection)
staging.enqueue_in(timedelta(seconds=-1), "jobs_for_tests.nothing", job_id="once")
staging.schedule(datetime.utcnow(), "jobs_for_tests.nothing", interval=60, id="often")
""")
        (advice,) = [each for each in run(redis_url)["attention"] if "2 entries lie under myapp" in each]
        for command in re.findall(r"redis-cli ([A-Z]+ [\w: ]+)", advice):
            redis.execute_command(*command.split())
        report = run(redis_url)
        assert (report["entries"], report["elsewhere"]["indexes"]) == (2, [])
        assert dispatcher(redis).dispatch_once().handed_off == 2

    @pytest.mark.leaves("board", "text")
    def test_what_is_none(self, redis: redis_py.Redis, redis_url: str) -> None:
        """Sorted sets of the application's, of RQ's and of ours."""
        scheduler = Scheduler(connection=redis)
        scheduler.schedules.put("s", Every(60), "jobs_for_tests.nothing", tags=("t",))
        job = scheduler.enqueue_in(timedelta(hours=1), "jobs_for_tests.nothing")
        Queue(connection=redis).enqueue_in(timedelta(hours=1), "jobs_for_tests.nothing", job_id="rqs")
        Queue(connection=redis).enqueue("jobs_for_tests.nothing", job_id="queued")
        redis.zadd("board", {"ann": 5, "bob": 6, "queued": 7})
        redis.zadd("rq:canceled:default", {job.id: 1})
        redis.set("text", "x")
        assert run(redis_url)["elsewhere"]["indexes"] == []

    def test_it_walks_past_a_bounded_number_of_keys_and_says_so(
        self, redis: redis_py.Redis, redis_url: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        pipe = redis.pipeline()
        for number in range(500):
            pipe.set(f"test:{number}", 1)
        pipe.execute()
        monkeypatch.setattr("rq_scheduler.store.elsewhere.STEP", 10)
        monkeypatch.setattr("rq_scheduler.store.elsewhere.MOST_KEYS", 100)
        found = run(redis_url)["elsewhere"]
        assert (found["keys"], found["walked"], found["whole"]) == (500, 100, False)
        assert "Looked at the first 100 of 500 keys" in text(redis_url)

    def test_where_a_user_may_not(self, redis: redis_py.Redis, redis_url: str) -> None:
        redis.acl_setuser("reader", enabled=True, nopass=True, keys=["*"], commands=["+@all", "-scan"])
        try:
            url = redis_url.replace("redis://", "redis://reader:x@")
            assert "Other keys were not looked at" in text(url)
        finally:
            redis.acl_deluser("reader")

    @pytest.mark.leaves("myapp:*")
    def test_a_daemon_under_another_name(self, redis: redis_py.Redis, redis_url: str) -> None:
        redis.hset("myapp:scheduler_instance:x", "birth", 1)
        redis.expire("myapp:scheduler_instance:x", 60)
        assert [each["name"] for each in run(redis_url)["daemons"]] == ["myapp:scheduler_instance:x"]
