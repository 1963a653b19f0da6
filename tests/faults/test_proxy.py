"""The proxy breaks the network where it is told to, and nowhere else."""

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import redis as redis_py
from redis.backoff import NoBackoff
from redis.retry import Retry

from faults.proxy import SIDES, Proxy, Side
from support import PATIENCE, wait_until

pytestmark = pytest.mark.once


@pytest.fixture
def connect(proxy: Proxy) -> Iterator[Callable[..., redis_py.Redis]]:
    """Clients through the proxy, without retries of their own unless told so."""
    made: list[redis_py.Redis] = []

    def connect(**options: Any) -> redis_py.Redis:
        options = {"retry": Retry(NoBackoff(), 0), "socket_timeout": PATIENCE, **options}
        made.append(redis_py.Redis.from_url(proxy.url, **options))
        return made[-1]

    yield connect
    for client in made:
        client.close()


@pytest.fixture
def client(connect: Callable[..., redis_py.Redis]) -> redis_py.Redis:
    return connect()


def names(proxy: Proxy) -> list[str]:
    return [command.name for command in proxy.commands]


@pytest.mark.parametrize("protocol", [2, 3])
def test_replies_of_every_type_pass(
    connect: Callable[..., redis_py.Redis], redis: redis_py.Redis, protocol: int
) -> None:
    client = connect(protocol=protocol)
    big = bytes(range(256)) * 20_000
    client.set("test:big", big)
    client.hset("test:hash", mapping={"a": "1", "b": b"\r\n*3\r\n"})
    client.zadd("test:zset", {"x": 1.5})
    client.sadd("test:set", "m")
    client.rpush("test:list", b"", b"$-1\r\n")
    assert client.get("test:big") == big
    assert client.get("test:none") is None
    assert client.hgetall("test:hash") == redis.hgetall("test:hash") == {b"a": b"1", b"b": b"\r\n*3\r\n"}
    assert client.zrange("test:zset", 0, -1, withscores=True)[0] in ((b"x", 1.5), [b"x", 1.5])
    assert set(client.smembers("test:set")) == {b"m"}
    assert client.lrange("test:list", 0, -1) == [b"", b"$-1\r\n"]
    nested = client.eval("return {1, {'a', {false, {}}}, redis.status_reply('fine')}", 0)
    assert nested == [1, [b"a", [None, []]], b"fine"]
    with pytest.raises(redis_py.ResponseError, match="on purpose"):
        client.eval("return redis.error_reply('on purpose')", 0)
    assert client.config_get("maxmemory") == redis.config_get("maxmemory")
    assert client.blpop("test:empty", timeout=0.05) is None


def test_each_command_of_a_pipeline_and_a_transaction_is_a_point(client: redis_py.Redis, proxy: Proxy) -> None:
    pipe = client.pipeline(transaction=False)
    pipe.set("test:a", 1).incr("test:a").get("test:a")
    assert pipe.execute() == [True, 2, b"2"]
    pipe = client.pipeline(transaction=True)
    pipe.incr("test:a").incr("test:a")
    assert pipe.execute() == [3, 4]
    assert names(proxy) == ["SET", "INCRBY", "GET", "MULTI", "INCRBY", "INCRBY", "EXEC"]
    assert proxy.commands[0].argument == "test:a"
    proxy.forget()
    proxy.whole_transactions = True
    assert pipe.incr("test:a").execute() == [5]
    assert pipe.incr("test:a").execute() == [6]
    assert names(proxy) == ["MULTI", "EXEC", "MULTI", "EXEC"]
    proxy.forget()
    assert client.ping()
    assert names(proxy) == ["PING"]


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("reset", [True, False])
def test_a_cut_is_exact(
    client: redis_py.Redis, redis: redis_py.Redis, proxy: Proxy, side: Side, *, reset: bool
) -> None:
    for n in (1, 2, 3):
        redis.delete("test:list")
        proxy.cut(n, side, reset=reset)
        for item in range(1, n):
            client.rpush("test:list", item)
        with pytest.raises(redis_py.ConnectionError):
            client.rpush("test:list", n)
        assert proxy.carried_out
        done = n if side == "after" else n - 1
        assert redis.llen("test:list") == done
        assert client.rpush("test:list", "next") == done + 1  # the network is whole again


@pytest.mark.parametrize("n", range(1, 5))
@pytest.mark.parametrize("side", SIDES)
def test_a_cut_within_a_transaction_undoes_it_unless_exec_was_done(
    client: redis_py.Redis, redis: redis_py.Redis, proxy: Proxy, n: int, side: Side
) -> None:
    proxy.cut(n, side)
    pipe = client.pipeline(transaction=True)
    with pytest.raises(redis_py.ConnectionError):
        pipe.rpush("test:list", 1).rpush("test:list", 2).execute()
    assert redis.llen("test:list") == (2 if (n, side) == (4, "after") else 0)


def test_a_cut_within_a_pipeline_keeps_what_came_before(
    client: redis_py.Redis, redis: redis_py.Redis, proxy: Proxy
) -> None:
    proxy.cut(2, "after")
    with pytest.raises(redis_py.ConnectionError):
        client.pipeline(transaction=False).rpush("test:l", 1).rpush("test:l", 2).rpush("test:l", 3).execute()
    assert redis.llen("test:l") == 2


def test_redis_py_sends_again_what_was_cut(
    connect: Callable[..., redis_py.Redis], redis: redis_py.Redis, proxy: Proxy
) -> None:
    client = connect(retry=Retry(NoBackoff(), 3), retry_on_error=[redis_py.ConnectionError])
    proxy.cut(1, "after")
    assert client.rpush("test:list", 1) == 2
    assert redis.llen("test:list") == 2
    assert names(proxy) == ["RPUSH", "RPUSH"]


def test_the_dead_send_nothing_more(client: redis_py.Redis, proxy: Proxy) -> None:
    client.ping()
    proxy.cut(1, for_good=True)
    for _ in range(2):
        with pytest.raises(redis_py.ConnectionError):
            client.ping()
    assert names(proxy) == ["PING", "PING"]
    proxy.accept()
    assert client.ping()


def test_a_held_command_waits_and_others_go_on(
    connect: Callable[..., redis_py.Redis], redis: redis_py.Redis, proxy: Proxy
) -> None:
    for side, while_held in (("before", 0), ("after", 1)):
        redis.delete("test:list")
        frozen, other = connect(), connect()
        hold = proxy.hold(1, side)
        thread = threading.Thread(target=lambda client=frozen: client.rpush("test:list", "frozen"))
        thread.start()
        assert hold.reached.wait(PATIENCE)
        assert redis.llen("test:list") == while_held
        assert other.ping()
        hold.release()
        thread.join(PATIENCE)
        assert redis.llen("test:list") == 1


def test_reset_all_ends_what_is_there(client: redis_py.Redis, proxy: Proxy) -> None:
    ended: list[Exception] = []

    def wait() -> None:
        try:
            client.blpop("test:empty", timeout=PATIENCE)
        except redis_py.ConnectionError as error:
            ended.append(error)

    thread = threading.Thread(target=wait)
    thread.start()
    wait_until(lambda: names(proxy) == ["BLPOP"])
    proxy.reset_all()
    thread.join(PATIENCE)
    assert len(ended) == 1
    assert client.ping()


def test_refused_connections_come_back_at_the_same_address(
    connect: Callable[..., redis_py.Redis], proxy: Proxy
) -> None:
    old, new, url = connect(), connect(), proxy.url
    old.ping()
    proxy.refuse()
    assert old.ping()
    with pytest.raises(redis_py.ConnectionError, match=r"refused"):
        new.ping()
    proxy.accept()
    assert proxy.url == url
    assert new.ping()


def test_latency(client: redis_py.Redis, proxy: Proxy) -> None:
    client.ping()
    proxy.latency = 0.03
    began = time.monotonic()
    client.ping()
    assert time.monotonic() - began > 0.055


@pytest.mark.parametrize("protocol", [2, 3])
def test_messages_pass_at_any_time(
    connect: Callable[..., redis_py.Redis], redis: redis_py.Redis, proxy: Proxy, protocol: int
) -> None:
    listener = connect(protocol=protocol).pubsub()
    try:
        listener.subscribe("test:one", "test:two")
        wait_until(lambda: redis.pubsub_numsub("test:two")[0][1])
        for n in range(50):
            redis.publish("test:two", n)
        heard: list[Any] = []

        def listen() -> bool:
            message = listener.get_message(ignore_subscribe_messages=True, timeout=0.1)
            heard.extend([] if message is None else [int(message["data"])])
            return len(heard) == 50

        wait_until(listen)
        assert heard == list(range(50))
        assert names(proxy) == ["SUBSCRIBE"]
        proxy.reset_all()
        with pytest.raises(redis_py.ConnectionError):
            listener.get_message(timeout=PATIENCE)
    finally:
        listener.close()
