"""What a page costs is bounded, whatever is stored: counted in commands of Redis, those within scripts among them, and
in bytes that it answers. Time depends on the machine, and is measured by `make bench ONLY=web-pages`."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import redis as redis_py
from starlette.testclient import TestClient

import jobs_for_tests as jobs
from rq_scheduler import Cron, Every, Schedule, Scheduler
from rq_scheduler.store.keys import Keys
from rq_scheduler.web.api.recent import Recent
from support import wait_until
from web.pages.test_pages import PAGES

KEYS = Keys()
MORE = (
    *("/schedules?q=no-such-text", "/schedules?tag=team-1&q=no-such-text", "/schedules?owner=shop&queue=queue-7"),
    *("/schedules?state=failing", "/schedules?state=late", "/schedules?state=running", "/jobs?q=no-such-call"),
    *("/clock-changes/schedules?timezone=Asia/Kolkata", "/load?queue=queue-7", "/events?id=nobody"),
    *("/audit?id=nobody", "/bulk?action=delete&owner=shop", "/bulk?action=pause&tag=team-1"),
)
SIZE = 2_200
"""More than any page looks at."""

MOST, MOST_BYTES = 2_500, 4_000_000


def grow(scheduler: Scheduler, redis: redis_py.Redis, first: int, last: int) -> None:
    """Adds what has these numbers: schedules, one-offs, workers, and records of each kind."""
    now = datetime.now(UTC)
    at, ids = now.timestamp(), [f"s{number:06}" for number in range(first, last)]
    triggers = (Cron("30 2 * * *", "Europe/Paris"), Every("1h"), Cron("0 12 * * *"))
    scheduler.schedules.sync(
        [
            Schedule(id, triggers[n % 3], jobs.nothing, queue_name=f"queue-{n % 900}", tags=(f"team-{n % 2}",))
            for n, id in enumerate(ids, first)
        ],
        owner="shop",
        prune=False,
    )
    scheduler.enqueue_many((now + timedelta(seconds=60 + n), jobs.nothing) for n in range(first, last))
    with redis.pipeline(transaction=False) as pipe:
        for state in ("paused", "failing", "late", "running"):
            pipe.zadd(KEYS.schedules_of(state), dict.fromkeys(ids, 0))
        pipe.zadd(KEYS.not_run, {f"{id} {'mke'[n % 3]} {int(at) * 1_000_000}": at for n, id in enumerate(ids)})
        for n, id in enumerate(ids, first):
            pipe.xadd(KEYS.events, {"kind": "failing_began", "id": id})
            pipe.xadd(KEYS.audit, {"action": "paused", "id": id, "actor": "ada"})
            pipe.hset(KEYS.quarantine, f"held-{n}", '{"reason": "its job is gone", "kind": "one-off"}')
            pipe.rpush(f"rq:queue:queue-{n % 900}", f"job-{n}")
            pipe.sadd("rq:queues", f"rq:queue:queue-{n % 900}")
        pipe.execute()


def worked(redis: redis_py.Redis) -> tuple[int, int]:
    """Commands that Redis has done since the last time it was asked, and bytes that it has answered."""
    done = sum(one["calls"] for one in redis.info("commandstats").values())
    sent = int(redis.info("stats")["total_net_output_bytes"])
    redis.config_resetstat()
    return done, sent


@pytest.fixture
def paths(scheduler: Scheduler, redis: redis_py.Redis, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    for kept in ("_loads", "_changes"):  # what is worked out beside the requests is, once
        monkeypatch.setattr(f"rq_scheduler.web.api.forecasts.{kept}", Recent[Any](seconds=3_600))
    grow(scheduler, redis, 0, SIZE)
    scheduler.enqueue_at(datetime.now(UTC) + timedelta(seconds=1), jobs.nothing, job_id="one")
    return [path.format(id="s000000") for path in (*PAGES, *MORE)]


def costs(pages: TestClient, redis: redis_py.Redis, paths: list[str]) -> dict[str, tuple[int, int]]:
    """Of each page, with what is worked out beside the requests being there already."""
    found: dict[str, Any] = {}
    for path in paths:

        def is_whole(path: str = path) -> bool:
            worked(redis)
            answer = pages.get(path)
            found[path] = worked(redis)
            assert answer.status_code in (200, 422), path
            return "looked through, which takes" not in answer.text

        # Seldom: a page that is asked for takes the time of what it waits for.
        wait_until(is_whole, interval=0.2)
    return found


@pytest.mark.long
@pytest.mark.once
@pytest.mark.leaves("rq:scheduler:*", "rq:queue*")
def test_is_bounded(pages: TestClient, scheduler: Scheduler, redis: redis_py.Redis, paths: list[str]) -> None:
    small = costs(pages, redis, paths)
    grow(scheduler, redis, SIZE, 2 * SIZE)
    large = costs(pages, redis, paths)
    for path, (commands, answered) in large.items():
        more = 60 if "/why" in path else 20  # of 10,000 entries of the audit each few hundred take a script
        assert commands <= min(MOST, 1.05 * small[path][0] + more), (path, commands, small[path])
        named = 100 * SIZE if path.startswith("/bulk") else 20_000  # each id that it asks about: 10,000 at most
        assert answered <= min(MOST_BYTES, 1.1 * small[path][1] + named), (path, answered, small[path])
