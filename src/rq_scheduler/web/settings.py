"""What may be set about the web application: who may come, what may be run, how much of anything."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, TypeAlias, get_args

from starlette.requests import Request

from rq_scheduler.client.tokens import Role
from rq_scheduler.errors import InvalidArgument
from rq_scheduler.triggers.zone_names import zone_name
from rq_scheduler.triggers.zones import zone
from rq_scheduler.web.security.functions import AllowedFunctions
from rq_scheduler.web.security.hosts import Hosts

__all__ = ["Authenticate", "Settings"]

Authenticate: TypeAlias = Callable[[Request], "tuple[str, Role] | None"]
"""The host application's own authentication: the visitor's name, as the audit has it, and role; None for a stranger."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """allow: functions that may be run, by name or all of a module ("shop.tasks.*"); none unless given. allow_queues:
    queues that may be named beside the scheduler's own. public_urls: where people reach the application, beside this
    host by its local names. auth: "tokens" (`scheduler.tokens`), a function of the host application's, or "none" for an
    application that nobody else can reach. read_only: nothing can be changed. hide_arguments: nobody is
    shown values of arguments, which viewers are not shown in any case. metrics_tags: /metrics tells of each
    schedule that has one of these tags.

    session_seconds: how long a browser stays logged in. max_body: bytes. max_depth: lists and objects within each
    other. reads_per_second, writes_per_second: of one visitor, with bursts of ten seconds' worth. max_page: things in
    one answer; max_preview: instants; max_backfill: runs made by one request; max_bulk: schedules changed by one.
    receive_seconds: for a client to send its request. timezone: by whose clock pages are, for those who have not chosen
    another: an IANA name, or None for this host's. home: text and address of a link, at the foot of each page, back to
    the application that this one is a part of.

    Raises InvalidArgument for what cannot be.
    """

    allow: tuple[str, ...] = ()
    allow_queues: tuple[str, ...] = ()
    public_urls: tuple[str, ...] = ()
    auth: Literal["tokens", "none"] | Authenticate = "tokens"
    read_only: bool = False
    hide_arguments: bool = False
    metrics_tags: tuple[str, ...] = ()
    session_seconds: int = 12 * 3600
    max_body: int = 256 * 1024
    max_depth: int = 32
    reads_per_second: float = 500
    writes_per_second: float = 20
    max_page: int = 500
    max_preview: int = 1000
    max_backfill: int = 1000
    max_bulk: int = 10_000
    receive_seconds: float = 30
    timezone: str | None = None
    home: tuple[str, str] | None = None
    functions: AllowedFunctions = field(init=False)
    hosts: Hosts = field(init=False)

    def __post_init__(self) -> None:
        if not callable(self.auth) and self.auth not in get_args(Literal["tokens", "none"]):
            raise InvalidArgument(f"auth={self.auth!r}: give 'tokens', 'none', or a function of the request")
        if self.timezone is not None:
            zone(zone_name(self.timezone))
        for name in (
            *("session_seconds", "max_body", "max_depth", "reads_per_second", "writes_per_second", "max_page"),
            *("max_preview", "max_backfill", "max_bulk", "receive_seconds"),
        ):
            if getattr(self, name) <= 0:
                raise InvalidArgument(f"{name}={getattr(self, name)!r} has to be more than 0")
        object.__setattr__(self, "functions", AllowedFunctions.of(self.allow))
        object.__setattr__(self, "hosts", Hosts.of(self.public_urls))
