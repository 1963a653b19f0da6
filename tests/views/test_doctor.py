"""What `doctor` makes of what it finds."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from rq_scheduler.client.diagnosis import Diagnosis, Worker
from rq_scheduler.client.health import Daemon, Health
from rq_scheduler.store.survey import Counts
from rq_scheduler.views.doctor import checks, render, serialize

pytestmark = pytest.mark.once

SERVER = {"redis_version": "8.2.3", "maxmemory": "0", "maxmemory_policy": "noeviction", "aof_enabled": "1"}
HEALTH = Health(
    where="redis://h:1/0",
    now=datetime(2026, 11, 29, tzinfo=UTC),
    server=SERVER,
    dispatchers=[Daemon("d1", {"version": "1.0.0"}, 8)],
    counts=Counts(0, 0, 0, 0, 0, 0, 0, 0, None, None),
    fence=None,
    wakeup_refused=None,
    queues={"reports": 0},
    heard={"reports": 2},
)
WELL = Diagnosis(
    health=HEALTH,
    versions={"rq-scheduler": "1.0.0", "RQ": "3.0.0"},
    ahead=timedelta(milliseconds=3),
    dispatchers_ahead={"d1": timedelta(milliseconds=-20)},
    workers=[Worker("w", ("reports",), "h", "3.0.0", "3.13")],
    queues=frozenset({"reports"}),
    functions={},
    zone_data="2026c",
    host_zone="Europe/Paris",
    zones=frozenset(),
    user="client",
    refused=[],
    more=False,
)


def of_health(**changes: Any) -> dict[str, Any]:
    return {"health": replace(HEALTH, **changes)}


def test_where_nothing_is_wrong() -> None:
    assert {check.state for check in checks(WELL)} == {"ok"}
    lines = [part[0] if isinstance(part, tuple) else part for part in render(WELL)]
    assert lines == [
        "ok     versions here: rq-scheduler 1.0.0, RQ 3.0.0; Redis 8.2.3",
        "ok     maxmemory-policy is noeviction",
        "ok     Redis writes an append-only file",
        "ok     the clocks of 2 processes agree with Redis's",
        "ok     zone data 2026c; this host is in Europe/Paris",
        "ok     client has the rights that are needed",
        "ok     all functions can be imported here",
        "ok     workers by queue: reports 2",
        "",
        "Nothing is wrong.",
    ]
    assert serialize(WELL)["healthy"]


@pytest.mark.parametrize(
    ("changes", "about", "state", "says"),
    [
        (of_health(dispatchers=[Daemon("d", {"version": "0.9"}, 8)]), "dispatcher_versions", "note", "0.9"),
        ({"workers": [Worker("w", ("q",), "h", "2.6.1", "3.11")]}, "worker_versions", "note", "RQ 2.6.1"),
        (of_health(server={**SERVER, "maxmemory_policy": "allkeys-lru"}), "eviction", "wrong", "CONFIG SET"),
        (of_health(server={}), "eviction", "note", "not told"),
        (of_health(server={**SERVER, "aof_enabled": "0"}), "persistence", "note", "no append-only file"),
        (of_health(server={**SERVER, "aof_last_write_status": "err"}), "persistence", "wrong", "could not write"),
        (of_health(server={"maxmemory_policy": "noeviction"}), "persistence", "note", "not told"),
        ({"ahead": timedelta(minutes=-2)}, "clocks", "wrong", "this host is 2m behind"),
        ({"dispatchers_ahead": {"d1": timedelta(seconds=5)}}, "clocks", "wrong", "dispatcher d1 is 5s ahead"),
        ({"zones": frozenset({"Mars/Base"})}, "zones", "wrong", "Mars/Base; pip install -U tzdata"),
        ({"refused": ["EVAL"]}, "rights", "wrong", "client may not use EVAL"),
        ({"refused": ["INFO", "CONFIG GET"], "user": ""}, "rights", "note", "this user may not use INFO, CONFIG GET"),
        (of_health(wakeup_refused="no"), "rights", "note", "wake-up channel"),
        ({"functions": {"shop.nope": "no module 'shop'"}}, "functions", "note", "where workers run: no module 'shop'"),
        ({"functions": {f"f{n}": "x" for n in range(15)}}, "functions", "note", "5 more functions"),
        ({"queues": frozenset({"mail"})}, "workers", "note", "no worker listens on 'mail', in which 0 jobs wait"),
        (of_health(queues={"mail": 3}), "workers", "wrong", "in which 3 jobs wait: rq worker mail"),
        (of_health(dispatchers=[]), "no_dispatcher", "wrong", "no dispatcher is alive"),
    ],
)  # fmt: skip
def test_what_is_not_as_it_should_be(changes: dict[str, Any], about: str, state: str, says: str) -> None:
    found = replace(WELL, **changes)
    assert [check.state for check in checks(found) if check.about == about and says in check.text] == [state]
    assert serialize(found)["healthy"] == (state != "wrong")
