"""What text from Redis can do to logs and screens, and where passwords are shown: nothing, and nowhere."""

import io
import json
import logging
from collections.abc import Callable
from typing import Any

import pytest
import redis as redis_py
from click.testing import CliRunner

from making import HOUR, INDEX, US, now_us
from making_schedules import put_due
from rq_scheduler.cli.addresses import ConnectionOptions
from rq_scheduler.cli.app import rqscheduler
from rq_scheduler.cli.logs import setup_logging
from rq_scheduler.dispatcher import LogEvents
from rq_scheduler.store import Store
from rq_scheduler.store.fleet import Look, UnservedLine
from rq_scheduler.store.outcomes import Dropped

pytestmark = pytest.mark.once

EVIL = "evil\nERROR forged line\r\x1b[31m\x1b]0;title\x07\x9b1m\u202e[red]bold[/red]\x00\udcff"


class TestTextFromRedis:
    """Control characters, line ends, rich's markup: shown, never obeyed."""

    @pytest.mark.parametrize("form", ["text", "json"])
    def test_in_logs(self, form: Any) -> None:
        logged = io.StringIO()
        setup_logging(logging.DEBUG, form, logged)
        events = LogEvents()
        events.dropped(Dropped(EVIL, 5, EVIL))
        events.put_off(EVIL, ValueError(EVIL))
        events.paused(EVIL, EVIL)
        events.adopted(EVIL, EVIL, EVIL)
        events.taken_on([(EVIL, 5)])
        events.unattended([EVIL])
        events.unserved(Look([UnservedLine(EVIL, 5, 1)], [UnservedLine(EVIL, 5)]))
        lines = logged.getvalue().splitlines()
        assert len(lines) == 8
        assert all(line.isprintable() for line in lines)
        assert "evil\\nERROR forged" in lines[0]
        if form == "json":
            assert json.loads(lines[0])["id"] == EVIL

    def test_in_logs_of_an_application_with_a_handler_of_its_own(self, caplog: pytest.LogCaptureFixture) -> None:
        LogEvents().dropped(Dropped(EVIL, 5, EVIL))
        assert caplog.records[0].getMessage().isprintable()

    @pytest.mark.leaves("rq:*")
    def test_on_screens(self, redis: redis_py.Redis, store: Store, cli: Callable[..., str]) -> None:
        evil = EVIL.encode(errors="surrogateescape")
        now = now_us(redis)
        put_due(store, "s", ago=-HOUR)
        redis.hset(store.keys.schedule("s"), mapping=dict.fromkeys(("note", "call", "owner", "queue", "tags"), evil))
        redis.hset(store.keys.schedule("s"), "paused", "1")
        redis.hset(store.keys.schedule("").encode() + evil, mapping={"kind": "schedule", "spec": "{}"})
        redis.zadd(store.keys.schedules, {evil: 0})
        redis.hset(store.keys.quarantine, evil, json.dumps({"reason": EVIL, "at": str(now), "due": "5", "queue": EVIL,
                                                            "index": INDEX}))  # fmt: skip
        redis.zadd(INDEX, {evil: now / US - 3600, b"odd" + evil: now / US})
        redis.hset(b"rq:job:" + evil, mapping={"data": b"x", "origin": evil, "meta": b"(dinterval" + evil})
        redis.sadd("rq:queues", b"rq:queue:" + evil)
        redis.rpush(b"rq:queue:" + evil, "x")
        redis.zadd(store.keys.dispatchers, {evil: now / US + 60})
        redis.hset(store.keys.instance("x").encode()[:-1] + evil, mapping={"host": evil, "version": evil, "pid": evil})
        redis.expire(store.keys.instance("x").encode()[:-1] + evil, 60)
        for args in (["list"], ["show", "s"], ["quarantine", "list"], ["check"], ["status"]):
            for form in ([], ["--json"]):
                said = cli(*args, *form, status=int(args == ["status"]))
                assert all(line.isprintable() for line in said.split("\n")), [args, said]
                assert "evil" in said, args
                assert "[red]bold[/red]" in said or args == ["check"]
        cli("quarantine", "retry", "--all", status=1)

    def test_in_errors(self, redis: redis_py.Redis, cli: Callable[..., str]) -> None:
        for args in (["show", "x\x1b[31m"], ["quarantine", "retry", "x\x1b[31m"], ["quarantine", "purge", "x\x1b[31m"]):
            assert cli(*args, status=1).strip().isprintable()


SECRET = "hunter2"


class TestSecrets:
    @pytest.mark.parametrize(
        "url",
        [
            f"redis://:{SECRET}@127.0.0.1:1/0",
            f"redis://user:{SECRET}@127.0.0.1:1/0",
            f"rediss://user:{SECRET}@127.0.0.1:1/0?ssl_cert_reqs=none",
            f"redis://127.0.0.1:1/0?password={SECRET}",
            f"redis://a:b@{SECRET}@127.0.0.1:1/0",
            f"unix://user:{SECRET}@/tmp/none.sock?db=0",
            f"http://user:{SECRET}@127.0.0.1:1",
            f"redis://user:{SECRET}@127.0.0.1:x/0",
        ],
    )
    def test_no_command_shows_a_password(self, url: str) -> None:
        assert SECRET not in ConnectionOptions(url=url).describe()
        for command in ("status", "list", "check", "quarantine"):
            args = [command, "list"] if command == "quarantine" else [command]
            result = CliRunner().invoke(rqscheduler, ["--url", url, *args])
            assert result.exit_code != 0
            assert SECRET not in result.output

    def test_nor_a_wrong_one(self, redis: redis_py.Redis, redis_url: str) -> None:
        where = redis_url.replace("redis://", f"redis://nobody:{SECRET}@")
        for args in (["status"], ["check"], ["--burst"]):
            result = CliRunner().invoke(rqscheduler, ["--url", where, *args])
            assert result.exit_code == 1
            assert SECRET not in result.output
