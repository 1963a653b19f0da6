"""`scheduler.tokens`: who may use the web."""

import json

import pytest
import redis as redis_py

from rq_scheduler import Scheduler
from rq_scheduler.errors import InvalidArgument, InvalidType

pytestmark = pytest.mark.once


@pytest.fixture
def scheduler(redis: redis_py.Redis) -> Scheduler:
    return Scheduler(connection=redis, actor="me")


class TestTokens:
    def test_is_told_once_and_kept_as_a_digest(self, scheduler: Scheduler, redis: redis_py.Redis) -> None:
        made = scheduler.tokens.make("deploy", "operator")
        (token,) = scheduler.tokens
        assert (token.name, token.role, token.made_by, token.expires_at) == ("deploy", "operator", "me", None)
        assert scheduler.tokens.bearer_of(made) == token
        secret = made.split("_", 2)[2]
        assert len(secret) >= 43
        for key in redis.scan_iter():
            assert secret.encode() not in (redis.dump(key) or b"")
        entry = scheduler.audit.read()[0]
        assert (entry.action, entry.id, entry.actor) == ("token_made", token.id, "me")
        assert entry.details == {"name": "deploy", "role": "operator"}

    def test_a_revoked_one_and_its_sessions_are_nobodys(self, scheduler: Scheduler) -> None:
        made = scheduler.tokens.make("deploy")
        (token,) = scheduler.tokens
        session = scheduler.tokens.open_session(token, 60)
        assert scheduler.tokens.of_session(session) == token
        assert scheduler.tokens.revoke(token.id)
        assert scheduler.tokens.bearer_of(made) is None
        assert scheduler.tokens.of_session(session) is None
        assert not scheduler.tokens.revoke(token.id)
        assert list(scheduler.tokens) == []
        assert [entry.action for entry in scheduler.audit.read()] == ["token_revoked", "token_made"]

    def test_a_session_ends(self, scheduler: Scheduler, redis: redis_py.Redis) -> None:
        scheduler.tokens.make("me")
        (token,) = scheduler.tokens
        session = scheduler.tokens.open_session(token, 60)
        (key,) = redis.keys("rq:scheduler:session:*")
        assert 0 < redis.ttl(key) <= 60
        assert session.encode() not in key
        scheduler.tokens.close_session(session)
        assert scheduler.tokens.of_session(session) is None

    def test_expires(self, scheduler: Scheduler, redis: redis_py.Redis) -> None:
        made = scheduler.tokens.make("deploy", expires_in="90d")
        (token,) = scheduler.tokens
        assert token.expires_at is not None
        assert scheduler.tokens.bearer_of(made) == token
        record = json.loads(redis.hget("rq:scheduler:tokens", token.id) or b"")
        redis.hset("rq:scheduler:tokens", token.id, json.dumps({**record, "expires": 1}))
        assert scheduler.tokens.bearer_of(made) is None

    def test_what_is_no_token(self, scheduler: Scheduler, redis: redis_py.Redis) -> None:
        made = scheduler.tokens.make("deploy")
        for given in ("", "rqs", "rqs__", made[:-1], made + "x", made.upper(), "rqs_" + "a" * 100_000, "rqs_\udcff_x"):
            assert scheduler.tokens.bearer_of(given) is None
        redis.hset("rq:scheduler:tokens", "abc", "no JSON")
        assert scheduler.tokens.bearer_of("rqs_abc_x") is None
        assert len(list(scheduler.tokens)) == 1

    def test_refusals(self, scheduler: Scheduler) -> None:
        with pytest.raises(InvalidArgument, match="role='root'"):
            scheduler.tokens.make("a", "root")  # pyright: ignore[reportArgumentType]
        with pytest.raises(InvalidArgument, match="name=''"):
            scheduler.tokens.make("")
        with pytest.raises(InvalidArgument, match="expires_in"):
            scheduler.tokens.make("a", expires_in=0)
        with pytest.raises(InvalidType, match="id=3"):
            scheduler.tokens.revoke(3)  # pyright: ignore[reportArgumentType]


def test_acting_as_somebody_else(scheduler: Scheduler) -> None:
    _ = scheduler.schedules
    other = scheduler.acting_as("her")
    assert (scheduler.actor, other.actor) == ("me", "her")
    other.tokens.make("a")
    scheduler.tokens.make("b")
    assert [entry.actor for entry in scheduler.audit.read()] == ["me", "her"]
    with pytest.raises(InvalidArgument, match="actor"):
        scheduler.acting_as("")
