"""Where Redis is, as a person types it: read, checked, and shown without its secrets. Pure: opens no connection."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

import click

__all__ = ["ConnectionOptions", "check_url", "masked", "parse_sentinels"]

SENTINEL_PORT = 26379
SCHEMES = ("redis", "rediss", "unix")


@dataclass(frozen=True)
class ConnectionOptions:
    """Where Redis is. A URL wins over host, port, db and password; Sentinel over both."""

    host: str = "localhost"
    port: int = 6379
    db: int = 0
    password: str | None = None
    url: str | None = None
    sentinel: str | None = None
    sentinel_master: str = "mymaster"
    cluster: bool = False

    def describe(self) -> str:
        """For a log line: where we connect to, never a password."""
        if self.sentinel:
            return f"{self.sentinel_master} by way of the sentinels {self.sentinel}"
        if not self.url:
            return f"redis://{self.host}:{self.port}/{self.db}"
        return masked(self.url)


def parse_sentinels(text: str) -> list[tuple[str, int]]:
    """`host:port,host,[::1]:port` as pairs; the port is 26379 unless given."""
    pairs: list[tuple[str, int]] = []
    for item in (part.strip() for part in text.split(",")):
        if item.startswith("["):
            host, _, rest = item[1:].partition("]")
            port_text = rest.removeprefix(":")
        else:
            host, _, port_text = item.partition(":")
        port = SENTINEL_PORT if not port_text else int(port_text) if port_text.isascii() and port_text.isdigit() else 0
        if not host or not 0 < port < 65536:
            raise click.BadParameter(
                f"{item!r} in {text!r} is not host:port. Write for example 10.0.0.1:26379,10.0.0.2:26379.",
                param_hint="--sentinel",
            )
        pairs.append((host, port))
    return pairs


def masked(url: str) -> str:
    """The URL as it may be shown: whatever stands where a password does is hidden, well-formed or not."""
    head, at, tail = url.rpartition("@")
    scheme, slashes, _ = head.rpartition("://")
    shown = f"{scheme}{slashes}***@{tail}" if at else url
    return shown.partition("?")[0]


def check_url(url: str) -> None:
    scheme = urlsplit(url).scheme
    if scheme not in SCHEMES:
        raise click.BadParameter(
            f"{masked(url)!r} has no scheme that redis-py knows. Write redis://[:password@]host:port/db, "
            "rediss://... for TLS, or unix:///path/to/redis.sock?db=0.",
            param_hint="--url",
        )
    try:
        port = urlsplit(url).port
    except ValueError:
        port = 0
    if port == 0:
        raise click.BadParameter(f"the port in {masked(url)!r} is not a number from 1 to 65535.", param_hint="--url")
    try:
        (urlsplit(url).hostname or "").encode("idna")
    except UnicodeError:
        raise click.BadParameter(f"{masked(url)!r} names no host.", param_hint="--url") from None
