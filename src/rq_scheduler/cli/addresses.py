"""Where Redis is, as a person types it: read, checked, and shown without its secrets. Pure: opens no connection.

URLs are read here and never by redis-py, which takes what it cannot place for a host, or drops it: with an unescaped
`#` in a password it connects elsewhere, and names a part of the password in its error. So no message of this module
shows any part of a URL that it refuses: whatever part it is, a secret may be in it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from difflib import get_close_matches
from ipaddress import IPv6Address
from typing import Any, NoReturn
from urllib.parse import unquote_to_bytes

import click

from rq_scheduler.cli.redaction import redact

__all__ = ["OPTIONS", "Address", "ConnectionOptions", "GivenClient", "parse_sentinels", "read_url"]

PORT = 6379
SENTINEL_PORT = 26379

_FORM = "redis://[[user]:password@]host[:port][/db], rediss://... for TLS, or unix:///path/to/redis.sock?db=0"
_REMEDY = (
    "In a user name or password, these are written percent-encoded: "
    "@ %40, : %3A, / %2F, ? %3F, # %23, [ %5B, ] %5D, % %25, space %20"
)


@dataclass(frozen=True)
class Address:
    """One Redis: a host and port, or the path of a unix socket; and redis-py's keywords for how to talk to it."""

    scheme: str
    host: str
    port: int
    db: int
    path: str
    keywords: dict[str, Any] = field(repr=False)
    shown: str
    """For a log line: as it was typed, but for user and options, of which any may be secret."""


@dataclass(frozen=True)
class ConnectionOptions:
    """Where Redis is. A URL wins over host, port, db and password; Sentinel over both."""

    host: str = "localhost"
    port: int = PORT
    db: int = 0
    password: str | None = field(default=None, repr=False)
    url: str | None = field(default=None, repr=False)
    sentinel: str | None = None
    sentinel_master: str = "mymaster"
    cluster: bool = False

    def check(self) -> None:
        """A usage error for what makes no sense, before anything else is done; and the secrets are hidden from now."""
        try:
            (self.password or "").encode()
        except UnicodeEncodeError:
            raise click.BadParameter("the password is no UTF-8.", param_hint="--password") from None
        redact(self.password)
        if not self.sentinels:
            redact(*(self.address.keywords.get(name) for name in SECRETS))

    @property
    def sentinels(self) -> list[tuple[str, int]]:
        """The sentinels to ask; none where it is not for them to say."""
        return [] if self.sentinel is None else parse_sentinels(self.sentinel)

    @property
    def address(self) -> Address:
        """What URL, or host, port, db and password say. A usage error where they make no sense."""
        if self.url is not None:
            return read_url(self.url)
        if not _is_host(self.host):
            raise click.BadParameter(
                "that is no host name or IP address. The port goes with --port, the password with --password; a URL, "
                "also that of a unix socket, with --url.",
                param_hint="--host",
            )
        keywords = {"password": self.password} if self.password else {}
        shown = f"redis://{self.host}:{self.port}/{self.db}"
        return Address("redis", self.host, self.port, self.db, "", keywords, shown)

    @property
    def remedy(self) -> str:
        """What to look at where nothing answers."""
        return "are --url or --host and --port right?"

    @property
    def password_remedy(self) -> str:
        """What to give where Redis wants a password."""
        return (
            "Give the password with --password or RQ_REDIS_PASSWORD, user and password in a URL: "
            "redis://user:password@host:port/db"
        )

    def describe(self) -> str:
        """For a log line: where we connect to, never a password."""
        try:
            if self.sentinels:
                places = ", ".join(f"{host} port {port}" for host, port in self.sentinels)
                return f"{self.sentinel_master} by way of the sentinels {places}"
            return self.address.shown
        except click.BadParameter:
            return "an address that makes no sense"


@dataclass(frozen=True)
class GivenClient(ConnectionOptions):
    """A client that somebody else makes, such as a framework from its own settings. `shown` says which Redis that is,
    for a log line."""

    make: Callable[[], Any] = field(kw_only=True, repr=False)
    shown: str = field(kw_only=True)

    def check(self) -> None:
        """Whoever makes the client has seen to it."""

    def describe(self) -> str:
        return self.shown

    @property
    def remedy(self) -> str:
        return "is that right?"


def parse_sentinels(text: str) -> list[tuple[str, int]]:
    """`host:port,host,[::1]:port` as pairs; the port is 26379 unless given."""
    pairs: list[tuple[str, int]] = []
    for number, item in enumerate((part.strip() for part in text.split(",")), start=1):
        host, port = _host_and_port(item, SENTINEL_PORT)
        if not _is_host(host) or port is None:
            raise click.BadParameter(
                f"number {number} in it is not host:port. Write for example 10.0.0.1:26379,10.0.0.2:26379; a password "
                "goes with --password.",
                param_hint="--sentinel",
            )
        pairs.append((host, port))
    return pairs


# URLs


def read_url(url: str) -> Address:
    """The Redis that a URL names, read by the letter. A usage error that says what is wrong with which part, and shows
    none of it; options that the query may give are `OPTIONS`."""
    scheme, slashes, rest = url.partition("://")
    scheme = scheme.lower()
    if not slashes or scheme not in ("redis", "rediss", "unix"):
        _refuse(f"it has no scheme that redis-py knows. Write {_FORM}", encode=False)
    if re.search(r"\s|[\x00-\x1f\x7f]", url):
        _refuse("there is white space or a control character in it")
    if "#" in rest:
        _refuse("there is a # in it, which ends a URL")
    authority, path, query = _split(rest)
    if "@" in path or "@" in query or authority.count("@") > 1:
        _refuse("there is an @ in it that does not stand between password and host")
    user, at, place = authority.rpartition("@")
    shown = f"{scheme}://{'***@' if at else ''}{place}{path}"
    keywords, credentials = _read_query(query, scheme), _read_user(user)
    if keywords.keys() & credentials.keys():
        _refuse("it gives a user name or a password twice, before the host and in its options")
    keywords.update(credentials)
    db = keywords.pop("db", None)
    if scheme == "unix":
        if place or path in ("", "/"):
            _refuse("the path of the socket does not follow unix:// (three slashes: unix:///run/redis.sock)")
        return Address(scheme, "", 0, db or 0, _decoded(path), keywords, shown)
    host, port = _host_and_port(place, PORT)
    if port is None:
        _refuse("its port is not a number from 1 to 65535")
    if not _is_host(host):
        _refuse("it names no host (this one is localhost)")
    if not re.fullmatch(r"/?|/[0-9]{1,9}/?", path, re.ASCII):
        _refuse("what follows the host is not the number of a database")
    number = path.strip("/")
    if number and db is not None:
        _refuse("it names a database twice, in its path and in its options")
    return Address(scheme, host, port, int(number or 0) if db is None else db, "", keywords, shown)


def _refuse(why: str, *, encode: bool = True) -> NoReturn:
    raise click.BadParameter(f"{why}. {_REMEDY}." if encode else f"{why}.", param_hint="--url (or RQ_REDIS_URL)")


def _split(rest: str) -> tuple[str, str, str]:
    place, _, query = rest.partition("?")
    authority, slash, path = place.partition("/")
    return authority, slash + path, query


def _host_and_port(text: str, default: int) -> tuple[str, int | None]:
    """Host and port of `host`, `host:port` or `[IPv6]:port`; None for a port that is none."""
    found = re.fullmatch(r"(?:\[([^\[\]]*)\]|([^:\[\]]*))(?::([0-9]{0,5}))?", text, re.ASCII)
    if found is None:
        return "", None
    port = int(found[3] or default)
    host = found[2] or ""
    if found[1] is not None:  # an IPv6 address, and nothing else; its zone may be percent-encoded
        host = found[1].replace("%25", "%") if ":" in found[1] else ""
    return host, port if 0 < port < 65536 else None


def _is_host(text: str) -> bool:
    if ":" in text:
        try:
            IPv6Address(text)
        except ValueError:
            return False
        return True
    try:
        text.encode("idna")
    except UnicodeError:
        return False
    return re.fullmatch(r"[\w.-]+", text) is not None


def _decoded(text: str) -> str:
    if re.search(r"%(?![0-9A-Fa-f]{2})", text):
        _refuse("there is a % in it that begins no percent-encoded character")
    try:
        return unquote_to_bytes(text).decode()
    except UnicodeError:
        _refuse("what it has percent-encoded is no UTF-8")


def _read_user(text: str) -> dict[str, Any]:
    if "[" in text or "]" in text:
        _refuse("there is a bracket in it that belongs to no IPv6 address")
    user, _, password = text.partition(":")
    return {name: _decoded(given) for name, given in (("username", user), ("password", password)) if given}


# What a query may say


def _number(text: str) -> float:
    seconds = float(text)
    if not 0 < seconds < math.inf:
        raise ValueError
    return seconds


def _whole(text: str) -> int:
    if not re.fullmatch("[0-9]{1,9}", text, re.ASCII):
        raise ValueError
    return int(text)


_FLAGS = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}


def _flag(text: str) -> bool:
    return _FLAGS[text.lower()]


def _protocol(text: str) -> int:
    return {"2": 2, "3": 3}[text]


def _one_of(*words: str) -> Callable[[str], str]:
    return lambda text: words[words.index(text.lower())]


OPTIONS: dict[str, tuple[Callable[[str], Any], str]] = {
    "db": (_whole, "a whole number"),
    "username": (str, "text"),
    "password": (str, "text"),
    "client_name": (str, "text"),
    "socket_timeout": (_number, "a positive number of seconds"),
    "socket_connect_timeout": (_number, "a positive number of seconds"),
    "socket_keepalive": (_flag, "true or false"),
    "health_check_interval": (_whole, "a whole number of seconds"),
    "max_connections": (_whole, "a whole number"),
    "protocol": (_protocol, "2 or 3"),
    "retry_on_timeout": (_flag, "true or false"),
    "ssl_cert_reqs": (_one_of("required", "optional", "none"), "required, optional or none"),
    "ssl_check_hostname": (_flag, "true or false"),
    "ssl_ca_certs": (str, "a path"),
    "ssl_ca_path": (str, "a path"),
    "ssl_ca_data": (str, "text"),
    "ssl_certfile": (str, "a path"),
    "ssl_keyfile": (str, "a path"),
    "ssl_password": (str, "text"),
}
"""What the query of a URL may say, of what redis-py takes as text: how it is read, and what that is called."""

SECRETS = ("password", "ssl_password")

_NOT_PASSED = ("retry_on_timeout",)
"""Given by URLs that others share; here who uses the connection decides what is tried again."""


def _read_query(query: str, scheme: str) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for item in query.split("&") if query else ():
        name, equals, text = item.partition("=")
        if not equals or name not in OPTIONS:
            # Not the name itself: it may be the rest of a password.
            near = get_close_matches(name, OPTIONS, 1, cutoff=0.8)
            known = f"such as {near[0]}" if equals and near else f"which are {', '.join(OPTIONS)}"
            _refuse(f"after its ? stands what is none of a connection's options, {known}")
        if name in made:
            _refuse(f"it gives the option {name} twice")
        if name.startswith("ssl_") and scheme != "rediss":
            _refuse(f"its option {name} goes with rediss:// only", encode=False)
        if "+" in text:
            _refuse(f"the + in its option {name} may stand for itself or for a space: write %2B or %20")
        read, kind = OPTIONS[name]
        try:
            made[name] = read(_decoded(text))
        except (ValueError, KeyError):
            _refuse(f"its option {name} is not {kind}")
    return {name: value for name, value in made.items() if name not in _NOT_PASSED}
