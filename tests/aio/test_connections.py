"""What an AsyncScheduler has for a connection: which clients it takes, few connections, other loops, servers that are
away."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
import redis as redis_py
import redis.asyncio as redis_asyncio
from redis.exceptions import ConnectionError as RedisConnectionError
from rq.job import Job

import jobs_for_tests as jobs
from aio.conftest import Made, closed
from rq_scheduler import AsyncScheduler, Every, Scheduler, greenlets
from rq_scheduler.embedded import EmbeddedRedis
from rq_scheduler.errors import (
    InvalidConnection,
    SchedulerError,
)
from rq_scheduler.store import batches
from support import PATIENCE

HOUR = timedelta(hours=1)


class ByHand(Scheduler):
    """An application's, whose hand-off runs in a thread."""

    def enqueue_job(self, job: Job) -> Job:
        return super().enqueue_job(job)


@pytest.mark.parametrize(
    ("given", "remedy"),
    [
        (lambda: None, r"connection=redis\.asyncio\.Redis\(\)"),
        (redis_py.Redis, "this one is synchronous, and Scheduler is for those"),
        (lambda: object.__new__(redis_py.RedisCluster), "Scheduler is for those"),
        (lambda: redis_asyncio.Redis, r"make one of the class"),
        (lambda: "redis://:hunter2@db", r"redis\.asyncio\.Redis\.from_url"),
        (redis_asyncio.ConnectionPool, r"Redis\(connection_pool=pool\)"),
        (lambda: redis_asyncio.Redis().pipeline(), "the one that the pipeline is of"),
        (lambda: redis_asyncio.Sentinel([("db", 26379)]), r"sentinel\.master_for\("),
        (lambda: 6379, r"redis\.asyncio\.Redis or RedisCluster"),
    ],
)
def test_what_is_no_asyncio_client(given: Any, remedy: str) -> None:
    async def main() -> None:
        with pytest.raises(InvalidConnection, match=remedy) as refused:
            AsyncScheduler(connection=given())
        assert "hunter2" not in str(refused.value)

    asyncio.run(main())


def test_building_one_needs_no_loop() -> None:
    client = redis_asyncio.Redis(port=1)
    made = AsyncScheduler("a", connection=client, name="me", actor="deploy")
    assert (made.queue_name, made.name, made.actor, made.connection) == ("a", "me", "deploy", client)
    assert made.key == "rq:scheduler_instance:me"
    assert AsyncScheduler.scheduled_jobs_key == Scheduler.scheduled_jobs_key


def test_without_greenlet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(greenlets, "greenlet", object)
    with pytest.raises(SchedulerError, match=r"\[asyncio\]"):
        AsyncScheduler(connection=redis_asyncio.Redis())


def test_texts_are_decoded_for_the_application_alone(scheduler: Made) -> None:
    async def main() -> None:
        if redis_py.__version__.startswith("5.0."):
            with pytest.raises(InvalidConnection, match="upgrade it to 5"):
                async with scheduler(options={"decode_responses": True}):
                    pass
            return
        async with scheduler(options={"decode_responses": True}) as made:
            job = await made.enqueue_in(HOUR, jobs.echo, "é")
            assert [found.args async for found in made.get_jobs()] == [("é",)]
            stored = await made.schedules.put("s", Every(60), jobs.echo, args=("é",))
            assert stored.definition.args == ("é",)
            assert [each.id async for each in made.schedules] == ["s"]
            await made.cancel(job, delete_job=True)
            assert await made.count() == 0
            assert await made.connection.echo("é") == "é"

    asyncio.run(main())


@pytest.mark.parametrize("hooks", [Scheduler, ByHand], ids=["on the loop", "in threads"])
@pytest.mark.parametrize("most", [2, 3, 30])
def test_one_that_has_few_connections(scheduler: Made, most: int, hooks: type[Scheduler]) -> None:
    """Also where each call has a transaction, which needs a connection for itself."""

    async def main() -> None:
        async with scheduler(options={"max_connections": most}, scheduler_class=hooks) as made:
            many = await asyncio.gather(*(made.enqueue_in(HOUR, jobs.nothing) for _ in range(60)))
            assert await made.count() == 60
            handed_off = made.enqueue_job
            await asyncio.gather(*(handed_off(job) for job in many[:40]))
            await asyncio.gather(*(made.jobs.stop(job.id) for job in many[:40]), return_exceptions=True)
            await asyncio.gather(*(made.jobs.called(job.id) for job in many[:40]))
            assert await made.count() == 20

    asyncio.run(main())


def test_a_transaction_that_is_cancelled_leaves_its_connection_to_others(scheduler: Made) -> None:
    async def main() -> None:
        async with scheduler(options={"max_connections": 3}) as made:
            for n in range(30):
                job = await made.enqueue_in(HOUR, jobs.nothing)
                calls = [asyncio.create_task(made.enqueue_job(job)) for _ in range(3)]
                for _ in range(n):
                    await asyncio.sleep(0)
                for call in calls:
                    call.cancel()
                await asyncio.gather(*calls, return_exceptions=True)
            job = await made.enqueue_in(HOUR, jobs.nothing)
            assert await asyncio.wait_for(made.enqueue_job(job), PATIENCE) == job

    asyncio.run(main())


def test_a_redis_that_is_away_tells_each_caller(scheduler: Made) -> None:
    async def main() -> None:
        async with scheduler("redis://localhost:1") as made:
            calls = (made.enqueue_in(HOUR, jobs.nothing) for _ in range(40))
            found = await asyncio.gather(*calls, return_exceptions=True)
            assert all(isinstance(each, RedisConnectionError) for each in found)
            assert len({id(each) for each in found}) == 40

    asyncio.run(main())


def test_another_loop(server: EmbeddedRedis, redis: redis_py.Redis) -> None:
    client = redis_asyncio.Redis.from_url(server.url)
    made = AsyncScheduler(connection=client)

    async def first() -> None:
        await made.enqueue_in(HOUR, jobs.nothing)

        async def beside() -> None:
            with pytest.raises(InvalidConnection, match="runs beside this one"):
                await made.count()
            with pytest.raises(InvalidConnection, match="has opened its connections"):
                await AsyncScheduler(connection=client).count()

        await asyncio.to_thread(asyncio.run, beside())
        assert await made.count() == 1
        await closed(client)

    async def then() -> None:
        assert await made.count() == 1, "it has moved, since nothing of the other loop was open"
        await closed(client)

    asyncio.run(first())
    asyncio.run(then())


@pytest.mark.parametrize("options", [{}, {"single_connection_client": True}], ids=["pool", "single"])
def test_connections_of_a_loop_that_has_ended(
    server: EmbeddedRedis, redis: redis_py.Redis, options: dict[str, Any]
) -> None:
    client = redis_asyncio.Redis.from_url(server.url, **options)
    made = AsyncScheduler(connection=client)
    with asyncio.Runner() as one, asyncio.Runner() as other:
        one.run(made.count())
        for another in (made, AsyncScheduler(connection=client)):
            with pytest.raises(InvalidConnection, match=r"aclose\(\)"):
                other.run(another.count())
        one.run(closed(client))


def test_no_command_is_left_lying_when_senders_end() -> None:
    """Whoever asks when the last sender has just ended begins another."""

    class Client:
        async def execute_command(self, *command: Any, **options: Any) -> Any:
            await asyncio.sleep(0)
            return command

    async def main() -> None:
        sent = batches.Batches(Client(), asyncio.get_running_loop(), together=False)

        async def ask(n: int) -> None:
            for _ in range(20):
                assert await sent.send(("GET", n), {}) == ("GET", n)

        await asyncio.wait_for(asyncio.gather(*map(ask, range(100))), PATIENCE)

    asyncio.run(main())


def test_a_server_that_is_gone_without_a_word_keeps_nobody_for_whom_nobody_waits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its senders are free again, and so the next call opens a connection that may go better."""
    monkeypatch.setattr(batches, "LOOK", 0)

    class Client:
        answers = False

        async def execute_command(self, *command: Any, **options: Any) -> Any:
            if not self.answers:
                await asyncio.get_running_loop().create_future()
            return command

    async def main() -> None:
        client = Client()
        sent = batches.Batches(client, asyncio.get_running_loop(), together=True)
        for n in range(batches.UNDER_WAY):
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(sent.send(("GET", n), {}), 0.01)
        client.answers = True
        assert await asyncio.wait_for(sent.send(("GET", "next"), {}), PATIENCE) == ("GET", "next")
        assert len(sent._senders) <= batches.UNDER_WAY

    asyncio.run(main())
