"""Redis that goes and comes back under dispatchers and clients. The server of each test is its own, with AOF."""

import random
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
import redis as redis_py
from redis.backoff import NoBackoff
from redis.retry import Retry

import jobs_for_tests
from integration.helpers import INDEX, KEYS, StartDispatcher, account, pushed
from rq_scheduler import Scheduler
from rq_scheduler.embedded import EmbeddedRedis
from support import wait_until

pytestmark = pytest.mark.once

AsClient = Callable[[redis_py.Redis], redis_py.Redis]


@pytest.fixture
def client(own_server: EmbeddedRedis) -> redis_py.Redis:
    return redis_py.Redis.from_url(own_server.url, retry=Retry(NoBackoff(), 0))


@pytest.mark.usefixtures("in_utc")
@pytest.mark.long
class TestUnderARunningDispatcher:
    @pytest.mark.parametrize("end", [EmbeddedRedis.kill, EmbeddedRedis.stop], ids=["killed", "stopped"])
    def test_it_goes_on(
        self,
        start_server: Callable[..., EmbeddedRedis],
        start_dispatcher: StartDispatcher,
        tmp_path_factory: pytest.TempPathFactory,
        as_client: AsClient,
        end: Callable[[EmbeddedRedis], None],
    ):
        """Away for three seconds, long enough for the longest back-off; nothing lost, nothing twice."""
        server = start_server(data_dir=tmp_path_factory.mktemp("redis"))
        client = redis_py.Redis.from_url(server.url, retry=Retry(NoBackoff(), 0))
        scheduler = Scheduler(connection=as_client(client))
        dispatchers = [start_dispatcher(url=server.url) for _ in range(2)]
        dice = random.Random(3)
        now = datetime.now(UTC)
        ids = scheduler.enqueue_many(
            (now + timedelta(seconds=dice.uniform(0, 8)), jobs_for_tests.nothing) for _ in range(8_000)
        )
        often = scheduler.schedule(
            now, jobs_for_tests.nothing, interval=0.5, catchup="all", overlap="skip", queue_name="often"
        )
        wait_until(lambda: client.llen("rq:queue:default") > 1_000)

        end(server)
        away = time.monotonic()
        for dispatcher in dispatchers:
            wait_until(
                lambda dispatcher=dispatcher: "Redis cannot be used" in dispatcher.output(), message=dispatcher.output
            )
        wait_until(lambda: time.monotonic() - away > 3, interval=0.1)
        server.restart()
        back = time.monotonic()
        wait_until(lambda: client.zcount(INDEX, "-inf", time.time() - 0.5) == 0, interval=0.005)
        print(f"{server}: served again after {(time.monotonic() - back) * 1000:.0f} ms")

        wait_until(lambda: client.zcard(INDEX) == 1)
        for dispatcher in dispatchers:
            assert dispatcher.output().count("Redis cannot be used") == 1, dispatcher.output()
            assert dispatcher.output().count("Redis is back") == 1, dispatcher.output()
            assert dispatcher.terminate() == 0
        assert account(pushed(client), ids) == ""
        # Nobody takes its first run from the queue, so that all later instants are skipped: each is told once.
        history = [line.decode().split()[:2] for line in reversed(client.lrange(KEYS.history(often.id), 0, -1))]
        first = int(history[0][1])
        assert [nominal for _, nominal in history] == [str(first + n * 500_000) for n in range(len(history))]
        assert pushed(client, "often") == {often.id: 1}

    def test_a_cut_connection_is_made_anew(
        self,
        own_server: EmbeddedRedis,
        client: redis_py.Redis,
        start_dispatcher: StartDispatcher,
        as_client: AsClient,
    ):
        dispatcher = start_dispatcher(url=own_server.url)
        scheduler = Scheduler(connection=as_client(client))
        ids = []
        for _ in range(5):
            ids.append(scheduler.enqueue_in(timedelta(seconds=0.2), jobs_for_tests.nothing).id)
            client.client_kill_filter(skipme=True)
            wait_until(lambda: client.zcard(INDEX) == 0)
        assert account(pushed(client), ids) == ""
        assert dispatcher.terminate() == 0


class TestDown:
    def test_a_dispatcher_waits_and_says_so(
        self,
        own_server: EmbeddedRedis,
        start_dispatcher: StartDispatcher,
        client: redis_py.Redis,
        as_client: AsClient,
        in_utc: None,
    ):
        job = Scheduler(connection=as_client(client)).enqueue_in(timedelta(0), jobs_for_tests.nothing)
        own_server.kill()
        dispatcher = start_dispatcher(url=own_server.url, wait=False)
        wait_until(lambda: "Redis cannot be used, trying again" in dispatcher.output(), message=dispatcher.output)
        own_server.restart()
        wait_until(lambda: client.zcard(INDEX) == 0)
        assert pushed(client) == {job.id: 1}
        assert dispatcher.output().count("Redis cannot be used") == 1
        assert dispatcher.terminate() == 0

    def test_it_can_be_told_to_stop_meanwhile(self, own_server: EmbeddedRedis, start_dispatcher: StartDispatcher):
        dispatcher = start_dispatcher(url=own_server.url)
        own_server.kill()
        wait_until(lambda: "Redis cannot be used" in dispatcher.output(), message=dispatcher.output)
        assert dispatcher.terminate() == 0

    def test_a_client_gets_redis_pys_own_error(
        self, own_server: EmbeddedRedis, client: redis_py.Redis, as_client: AsClient, in_utc: None
    ):
        scheduler = Scheduler(connection=as_client(client))
        job = scheduler.enqueue_in(timedelta(1), jobs_for_tests.nothing)
        own_server.kill()
        now = datetime.now(UTC)
        calls: list[Callable[[], object]] = [
            lambda: scheduler.enqueue_at(now, jobs_for_tests.nothing),
            lambda: scheduler.enqueue_in(timedelta(1), jobs_for_tests.nothing),
            lambda: scheduler.enqueue_many([(now, jobs_for_tests.nothing)] * 600),
            lambda: scheduler.schedule(now, jobs_for_tests.nothing, interval=1),
            lambda: scheduler.cron("0 0 * * *", jobs_for_tests.nothing),
            lambda: scheduler.cancel(job),
            lambda: scheduler.change_execution_time(job, now),
            lambda: scheduler.count(),
            lambda: list(scheduler.get_jobs()),
            lambda: scheduler.get_job(job.id),
            lambda: job in scheduler,
        ]
        for call in calls:
            with pytest.raises(redis_py.ConnectionError):
                call()
        own_server.restart()
        assert [found.id for found in scheduler.get_jobs()] == [job.id]
        assert sorted(client.scan_iter()) == sorted([INDEX.encode(), f"rq:job:{job.id}".encode()])
