"""URLs and hosts as they are typed: read by the letter or refused, and in neither case is a secret shown."""

import random
import string
import sys
from collections.abc import Callable
from urllib.parse import quote, unquote

import click
import pytest
from click.testing import CliRunner
from redis import Redis
from redis.connection import parse_url

from rq_scheduler.cli import redaction
from rq_scheduler.cli.addresses import OPTIONS, Address, ConnectionOptions, parse_sentinels, read_url
from rq_scheduler.cli.app import rqscheduler
from rq_scheduler.cli.connections import connect
from rq_scheduler.embedded import EmbeddedRedis, free_port
from servers import ClusterSetup


def asked(where: ConnectionOptions) -> tuple[Address | None, str]:
    """The address, or the usage error that stands in its place."""
    try:
        return where.address, ""
    except click.UsageError as error:
        return None, error.format_message()


PUNCTUATION = string.punctuation + " "


def refused(read: Callable[[], object]) -> str:
    """What the usage error says."""
    with pytest.raises(click.UsageError) as caught:
        read()
    assert caught.value.exit_code == 2
    return caught.value.format_message()


def shows_nothing_of(secret: str, said: str) -> bool:
    said = said.replace("***@", "")  # what stands in its place, and might be in it too
    return all(secret[at : at + 4] not in said for at in range(len(secret) - 3))


def passwords(count: int) -> list[str]:
    """With every punctuation character, alone and among others. Their letters tell them from prose and from ports."""
    rng = random.Random(12)
    letters = "QXZJKVWYBG"
    made = ["".join(rng.choices(letters, k=5)) + one + "".join(rng.choices(letters, k=6)) for one in PUNCTUATION]
    made += [one + "".join(rng.choices(letters, k=8)) for one in PUNCTUATION]
    return made + ["".join(rng.choices(letters + PUNCTUATION, k=rng.randint(6, 20))) for _ in range(count - len(made))]


FORMS = (
    "redis://:{}@127.0.0.1:{}/0",
    "redis://user:{}@127.0.0.1:{}",
    "rediss://{}@localhost:{}/1",
    "unix://:{}@/tmp/none-{}.sock?db=0",
    "redis://127.0.0.1:{1}?password={0}",
    "redis://127.0.0.1:{1}?db=2&password={0}&socket_timeout=3",
)


@pytest.mark.once
@pytest.mark.parametrize("form", FORMS)
def test_a_password_is_read_by_the_letter_or_refused_and_never_shown(form: str) -> None:
    read = 0
    for password in passwords(400):
        where = ConnectionOptions(url=form.format(password, 6379))
        assert shows_nothing_of(password, where.describe() + repr(where))
        address, said = asked(where)
        assert shows_nothing_of(password, said)
        if address is not None:
            user, _, rest = unquote(password).partition(":")
            assert set(address.keywords.values()) >= ({user, rest} - {""} if "{}@l" in form else {unquote(password)})
            read += 1
    assert read > 20


@pytest.mark.once
@pytest.mark.parametrize("form", FORMS)
def test_an_encoded_password_is_always_read(form: str) -> None:
    for password in passwords(400):
        address = read_url(form.format(quote(password, safe=""), 6379))
        assert password in address.keywords.values()
        assert shows_nothing_of(password, address.shown + repr(address))


def test_the_server_sees_the_password_that_was_meant(start_server: Callable[..., EmbeddedRedis]) -> None:
    server = start_server()
    with Redis.from_url(server.url) as admin:
        for number, password in enumerate([string.punctuation + " ", *passwords(60)[::7]]):
            admin.acl_setuser(f"u{number}", enabled=True, passwords=[f"+{password}"], commands=["+ping"])
            user = f"u{number}:{quote(password, safe='')}"
            with connect(ConnectionOptions(url=f"redis://{user}@127.0.0.1:{server.port}/0")) as client:
                assert client.ping()


@pytest.mark.parametrize("command", [["status"], ["check"], ["list"], ["put", "x", "os.getcwd", "--every", "1h"]])
@pytest.mark.once
def test_no_command_shows_a_part_of_it(command: list[str]) -> None:
    port = free_port()
    for number, password in enumerate(passwords(80)):
        url = FORMS[number % len(FORMS)].format(password, port)
        result = CliRunner().invoke(rqscheduler, command, env={"RQ_REDIS_URL": url})
        assert result.exit_code in (1, 2), result.output
        assert shows_nothing_of(password, result.output), result.output


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("", "has no scheme that redis-py knows"),
        ("redis:/host", "has no scheme that redis-py knows"),
        ("//host", "has no scheme that redis-py knows"),
        ("redis://host#1", "there is a #"),
        ("redis://:pa#ss@host:6379/0", "there is a #"),
        ("redis://host\n", "white space or a control character"),
        (" redis://host", "has no scheme"),
        ("redis://ho st", "white space or a control character"),
        ("redis://:p\x00@host", "white space or a control character"),
        ("redis://:p@ss@host", "an @ in it that does not stand"),
        ("redis://:pa/ss@host", "an @ in it that does not stand"),
        ("redis://user:12/3@host", "an @ in it that does not stand"),
        ("redis://:12?34@host", "an @ in it that does not stand"),
        ("redis://:p[a]@host", "a bracket in it"),
        ("redis://:100%@host", "a % in it that begins no"),
        ("redis://:%zz@host", "a % in it that begins no"),
        ("redis://:%ff@host", "no UTF-8"),
        ("redis://", "names no host"),
        ("redis:///0", "names no host"),
        ("redis://:6379/0", "names no host"),
        ("redis://:secret@/0", "names no host"),
        ("redis://ho,st", "names no host"),
        ("redis://[host]:1", "names no host"),
        ("redis://[::1:1", "port is not a number from 1 to 65535"),
        ("redis://a:b:c", "port is not a number from 1 to 65535"),
        ("redis://host:+1", "port is not a number from 1 to 65535"),
        ("redis://host:٣", "port is not a number from 1 to 65535"),
        ("redis://host/x", "not the number of a database"),
        ("redis://host/1/2", "not the number of a database"),
        ("redis://host/-1", "not the number of a database"),
        ("redis://host//1", "not the number of a database"),
        ("redis://host/1?db=1", "a database twice"),
        ("redis://host?db=x", "its option db is not a whole number"),
        ("redis://host?db=1&db=2", "the option db twice"),
        ("redis://host?soket_timeout=3", "none of a connection's options, such as socket_timeout"),
        ("redis://host?colour=red", "none of a connection's options, which are db, username"),
        ("redis://host?decode_responses=true", "none of a connection's options"),
        ("redis://host?password", "none of a connection's options"),
        ("redis://host?socket_timeout=soon", "socket_timeout is not a positive number of seconds"),
        ("redis://host?socket_timeout=nan", "socket_timeout is not a positive number of seconds"),
        ("redis://host?socket_keepalive=maybe", "socket_keepalive is not true or false"),
        ("redis://host?protocol=4", "protocol is not 2 or 3"),
        ("redis://host?password=a+b", "write %2B or %20"),
        ("redis://host?ssl_cert_reqs=none", "goes with rediss:// only"),
        ("rediss://host?ssl_cert_reqs=CERT_NONE", "is not required, optional or none"),
        ("redis://:a@host?password=b", "a password twice"),
        ("unix://run/redis.sock", "three slashes"),
        ("unix://", "three slashes"),
    ],
)
@pytest.mark.once
def test_urls_that_make_no_sense(url: str, says: str) -> None:
    said = refused(lambda: read_url(url))
    assert says in said
    assert "secret" not in said


@pytest.mark.parametrize(
    "url",
    [
        "redis://host",
        "redis://host:1/",
        "REDIS://host:1/3/",
        "redis://host:/3",
        "rediss://user:p%40ss@host-1.example:1/3",
        "redis://user@red_is:1",
        "redis://:p:q:r@10.0.0.1",
        "redis://:@host",
        "redis://[::1]:7000/2",
        "redis://[fe80::1%25eth0]:7000",
        "redis://host?",
        "redis://host?db=3&client_name=a%20b&socket_timeout=2.5&socket_connect_timeout=1&max_connections=7",
        "unix:///run/redis.sock",
        "unix://user:pw@/run/my%20redis.sock?db=2",
    ],
)
def test_what_makes_sense_is_read_as_redis_py_reads_it(url: str) -> None:
    address = read_url(url)
    theirs = parse_url(url.replace("REDIS", "redis"))
    theirs.pop("connection_class", None)
    ours = {**address.keywords, "db": address.db}
    ours |= {"path": address.path} if address.scheme == "unix" else {"host": address.host, "port": address.port}
    assert ours == {"db": 0, **({} if address.scheme == "unix" else {"port": 6379}), **theirs}


def test_the_installed_redis_py_takes_every_option() -> None:
    values = {"socket_timeout": "3", "socket_connect_timeout": "3", "socket_keepalive": "yes", "max_connections": "3",
              "health_check_interval": "3", "db": "3", "protocol": "2", "retry_on_timeout": "true",
              "ssl_cert_reqs": "none", "ssl_check_hostname": "no"}  # fmt: skip
    for scheme in ("redis", "rediss"):
        names = [name for name in OPTIONS if scheme == "rediss" or not name.startswith("ssl_")]
        query = "&".join(f"{name}={values.get(name, 'x')}" for name in names)
        client = connect(ConnectionOptions(url=f"{scheme}://host?{query}"))
        assert isinstance(client, Redis)
        pool = client.connection_pool
        assert pool.connection_class(**pool.connection_kwargs).db == 3
        assert pool.connection_kwargs["password"] == "x"
        assert pool.connection_kwargs["socket_timeout"] == 3


@pytest.mark.parametrize(
    "args",
    [
        ["--host", "redis://:SECRET@host"],
        ["--host", "user:SECRET@host"],
        ["--host", "host:6379"],
        ["--host", "/run/SECRET"],
        ["--host", ""],
        ["--sentinel", ":SECRET@host:1"],
        ["--sentinel", "redis://:SECRET@host:1"],
        ["--sentinel", "host:1,host:SECRET"],
        ["--sentinel", ""],
        ["--url", ""],
        ["--cluster", "--url", "redis://:SEC#RET@host"],
        ["--password", "\udcffSECRET"],
        ["redis://:SECRET@host"],
        ["--burst", "redis://:SEC RET@host"],
        ["--ulr=redis://:SECRET@host"],
    ],
)
@pytest.mark.parametrize("command", [[], ["status"], ["check"], ["put", "x", "os.getcwd", "--every", "1h"]])
@pytest.mark.once
def test_what_stands_in_a_wrong_place_is_refused_at_once_and_not_shown(args: list[str], command: list[str]) -> None:
    for line in ([*args, *command], [*command, *args]):
        result = CliRunner().invoke(rqscheduler, line)
        assert result.exit_code == 2, result.output
        assert "SECRET" not in result.output
        assert "RET@" not in result.output
        assert "Traceback" not in result.output


@pytest.mark.once
def test_the_environment_is_read_as_strictly() -> None:
    for env in ({"RQ_REDIS_URL": "redis://:SEC#RET@host"}, {"RQ_REDIS_HOST": "redis://:SECRET@host"}):
        result = CliRunner().invoke(rqscheduler, [], env=env)
        assert result.exit_code == 2
        assert "SEC" not in result.output.replace("SECONDS", "")


@pytest.mark.once
def test_sentinels_are_shown_as_they_were_read() -> None:
    assert parse_sentinels("a,[::1]:5") == [("a", 26379), ("::1", 5)]
    assert (
        ConnectionOptions(sentinel="a,[::1]:5").describe()
        == "mymaster by way of the sentinels a port 26379, ::1 port 5"
    )
    assert "SECRET" not in ConnectionOptions(sentinel=":SECRET@h").describe()


class TestTheLastLine:
    """Whatever a library makes of a secret, it does not leave this process as text."""

    @pytest.mark.once
    @pytest.mark.parametrize("secret", ["hunter2hunter2", 'it\'s \\ a "key"', "1/2?#[]4567", "tab\there"])
    def test_every_form_in_which_it_may_be_written(self, secret: str) -> None:
        redaction.redact(secret, None, "abc")
        for written in (secret, repr(secret), quote(secret, safe=""), f"<Connection(password={secret},db=0)>"):
            assert shows_nothing_of(secret, redaction.redacted(written))
        assert redaction.redacted("abc") == "abc", "too short to look for"

    def test_a_traceback(self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sys, "excepthook", sys.excepthook)
        redaction.install_excepthook()
        redaction.redact("hunter2hunter2")
        try:
            raise RuntimeError("cannot reach <Redis(password=hunter2hunter2)>")
        except RuntimeError as error:
            sys.excepthook(RuntimeError, error, error.__traceback__)
        said = capsys.readouterr().err
        assert "cannot reach <Redis(password=***)>" in said
        assert "hunter2" not in said.replace("hunter2hunter2", "", 1)

    def test_a_cluster_and_its_nodes(self, cluster: ClusterSetup) -> None:
        url = cluster.url.replace("redis://", "redis://nobody:hunter2hunter2@")
        for args in (["status"], ["check"], []):
            result = CliRunner().invoke(rqscheduler, ["--cluster", "--url", url, *args])
            assert result.exit_code == 1
            assert "hunter2" not in result.output
