"""From what was typed to a client; and errors that say what to do, and never a password."""

import click
import pytest
from redis import Redis, RedisCluster
from redis import exceptions as redis_errors
from redis.connection import SSLConnection, UnixDomainSocketConnection

from rq_scheduler.cli import connections
from rq_scheduler.cli.addresses import ConnectionOptions, parse_sentinels
from rq_scheduler.cli.connections import connect, connect_patiently
from rq_scheduler.embedded import EmbeddedRedis, free_port
from servers import ClusterSetup, SentinelSetup


def test_host_and_port(server: EmbeddedRedis, redis: Redis) -> None:
    client = connect(ConnectionOptions(host="127.0.0.1", port=server.port, db=3))
    assert client.set("test:x", 1)
    assert redis.get("test:x") is None, "another database"
    client.flushdb()
    client.close()


def test_url_wins(server: EmbeddedRedis) -> None:
    client = connect(ConnectionOptions(host="nowhere.invalid", port=1, url=server.url))
    assert client.ping()
    client.close()


def test_tls_and_sockets() -> None:
    tls = connect(ConnectionOptions(url="rediss://user:pw@host:7000/2"))
    assert isinstance(tls, Redis)
    assert tls.connection_pool.connection_class is SSLConnection
    assert tls.connection_pool.connection_kwargs["username"] == "user"
    socket = connect(ConnectionOptions(url="unix:///run/redis.sock?db=4"))
    assert isinstance(socket, Redis)
    assert socket.connection_pool.connection_class is UnixDomainSocketConnection
    assert socket.connection_pool.connection_kwargs["db"] == 4


def test_unix_socket_for_real(start_server, tmp_path) -> None:
    path = tmp_path / "redis.sock"
    start_server(args=["--unixsocket", str(path)])
    with connect(ConnectionOptions(url=f"unix://{path}")) as client:
        assert client.ping()


def test_sentinel(sentinel: SentinelSetup) -> None:
    with connect(ConnectionOptions(sentinel=sentinel.option, sentinel_master=sentinel.name)) as client:
        assert client.set("test:x", "1")
        assert client.get("test:x") == b"1"


def test_cluster(cluster: ClusterSetup) -> None:
    port = cluster.ports[0]
    with connect(ConnectionOptions(cluster=True, host="127.0.0.1", port=port)) as client:
        assert isinstance(client, RedisCluster)
        assert client.set("test:x", "1")
    with connect(ConnectionOptions(cluster=True, url=cluster.url)) as client:
        assert client.get("test:x") == b"1"


def test_cluster_flag_on_a_plain_server(server: EmbeddedRedis) -> None:
    with pytest.raises(click.UsageError, match="is no cluster: leave out --cluster"):
        connect(ConnectionOptions(cluster=True, url=server.url))


@pytest.mark.parametrize(
    ("text", "pairs"),
    [
        ("a:1", [("a", 1)]),
        ("a:1, b", [("a", 1), ("b", 26379)]),
        ("[::1]:5,[fe80::2]", [("::1", 5), ("fe80::2", 26379)]),
    ],
)
def test_sentinel_lists(text: str, pairs: list[tuple[str, int]]) -> None:
    assert parse_sentinels(text) == pairs


@pytest.mark.parametrize("text", ["", "a:", "a:b", "a:0", "a:70000", ":1", "a:1,,b:2", "a:1:2", "a:-1"])
def test_bad_sentinel_lists(text: str) -> None:
    if text == "a:":
        assert parse_sentinels(text) == [("a", 26379)], "an empty port is the usual one"
        return
    with pytest.raises(click.BadParameter, match="is not host:port"):
        parse_sentinels(text)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (ConnectionOptions(url="localhost:6379"), "has no scheme that redis-py knows"),
        (ConnectionOptions(url="http://host"), "has no scheme that redis-py knows"),
        (ConnectionOptions(url="redis://host:port/0"), "is not a number from 1 to 65535"),
        (ConnectionOptions(url="redis://host:0/0"), "is not a number from 1 to 65535"),
        (ConnectionOptions(url="redis://host:99999/0"), "is not a number from 1 to 65535"),
        (ConnectionOptions(cluster=True, db=1), "only database 0"),
        (ConnectionOptions(cluster=True, url="unix:///x.sock"), "needs host and port"),
        (ConnectionOptions(cluster=True, sentinel="a:1"), "exclude each other"),
    ],
)
def test_mistakes(options: ConnectionOptions, says: str) -> None:
    with pytest.raises(click.UsageError, match=says):
        connect(options)


@pytest.mark.parametrize(
    "url",
    ["http://user:s3cret@host", "redis://user:s3cret@host:port", "user:s3cret@host", "redis://h?password=s3cret&db=x"],
)
def test_no_error_shows_a_password(url: str) -> None:
    assert "s3cret" not in ConnectionOptions(url=url).describe()
    with pytest.raises(click.UsageError) as caught:
        connect(ConnectionOptions(url=url))
    assert "s3cret" not in caught.value.format_message()


def test_a_daemon_client_never_retries_by_itself() -> None:
    client = connect(ConnectionOptions())
    assert isinstance(client, Redis)
    attempts: list[int] = []

    def refused() -> None:
        attempts.append(1)
        raise redis_errors.ConnectionError

    with pytest.raises(redis_errors.ConnectionError):
        client.connection_pool.connection_kwargs["retry"].call_with_retry(refused, lambda error: None)
    assert len(attempts) == 1


def test_waiting_for_a_cluster_says_so_once(cluster: ClusterSetup, monkeypatch: pytest.MonkeyPatch) -> None:
    refused = redis_errors.ConnectionError("refused")
    answers = iter([refused, refused, connect(ConnectionOptions(url=cluster.url))])

    def flaky(options: ConnectionOptions, *, quickly: bool) -> object:
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(connections, "connect", flaky)
    said: list[str] = []
    pauses: list[float] = []
    client = connect_patiently(ConnectionOptions(url=cluster.url), said.append, pauses.append)
    assert client.ping()
    assert len(said) == 1
    assert "waiting for it" in said[0]
    assert pauses == [0.1, 0.2]
    client.close()


def test_a_wrong_password_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(options: ConnectionOptions, *, quickly: bool) -> object:
        raise redis_errors.AuthenticationError("WRONGPASS")

    monkeypatch.setattr(connections, "connect", refuse)
    with pytest.raises(redis_errors.AuthenticationError):
        connect_patiently(ConnectionOptions(port=free_port()), lambda text: None)


def test_a_url_that_names_no_host_is_a_mistake_and_no_traceback() -> None:
    with pytest.raises(click.BadParameter, match="names no host"):
        connect(ConnectionOptions(url="redis://..."))
