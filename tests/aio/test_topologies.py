"""An AsyncScheduler on a master that Sentinel names, and on a Redis Cluster."""

import asyncio
import sys
from datetime import timedelta

import pytest
from redis.asyncio import Sentinel

import jobs_for_tests as jobs
from aio.conftest import closed
from rq_scheduler import AsyncScheduler, Every
from servers import ClusterSetup, SentinelSetup
from support import TESTS, Processes

HOUR = timedelta(hours=1)


def test_through_sentinel(sentinel: SentinelSetup) -> None:
    async def main() -> None:
        asked = Sentinel(sentinel.addresses, socket_timeout=2)
        client = asked.master_for(sentinel.name)
        made = AsyncScheduler(connection=client)
        many = await asyncio.gather(*(made.enqueue_in(HOUR, jobs.echo, n) for n in range(100)))
        assert await made.count() == 100
        assert await made.enqueue_job(many[0]) == many[0]
        await made.schedules.put("s", Every(60), jobs.nothing)
        assert [each.id async for each in made.schedules] == ["s"]
        for each in (client, *asked.sentinels):
            await closed(each)

    asyncio.run(main())


ON_A_CLUSTER = """
import asyncio, sys
sys.path.insert(0, sys.argv[2])
from datetime import timedelta
from redis.asyncio import RedisCluster
import jobs_for_tests as jobs
from rq_scheduler import AsyncScheduler, Every
from rq_scheduler.errors import InvalidConnection

HOUR = timedelta(hours=1)

async def main():
    client = RedisCluster.from_url(sys.argv[1])
    made = AsyncScheduler(connection=client)
    many = await asyncio.gather(*(made.enqueue_in(HOUR, jobs.echo, n) for n in range(300)))
    assert await made.count() == 300
    assert len([job async for job in made.get_jobs()]) == 300
    await made.enqueue_job(many[0])
    assert await made.run_sync(many[0].get_status) == "queued"
    assert await made.jobs.stop(many[0].id) == "canceled"
    await made.cancel(many[1], delete_job=True)
    assert await made.count() == 298
    await made.schedules.put("s", Every(60), jobs.nothing)
    await made.schedules.put("s", Every(90), jobs.nothing)
    assert [each.version async for each in made.schedules] == [2]
    assert (await made.schedules.run_now("s")).origin == "default"
    assert len(await made.audit.read(schedule="s")) == 3
    assert [event async for event in made.events.follow("0-0", idle=0.1)] == []

    async def beside():
        try:
            await AsyncScheduler(connection=client).count()
        except InvalidConnection:
            return "refused"

    assert await asyncio.to_thread(asyncio.run, beside()) == "refused"
    await client.aclose()

asyncio.run(main())
print("all through")
"""


@pytest.mark.newest_only
def test_on_a_cluster(cluster: ClusterSetup, processes: Processes) -> None:
    output = processes.run(
        sys.executable, "-W", "ignore", "-c", ON_A_CLUSTER, cluster.url, str(TESTS), env={"RQ_KEY_PREFIX": "{site}"}
    )
    assert "all through" in output
    left = cluster.keys()
    assert all(key.startswith(b"{site}:") for key in left), left
