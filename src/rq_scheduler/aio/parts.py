"""What is reached through an AsyncScheduler, but for its schedules: each a face of the synchronous part so named."""

from __future__ import annotations

from typing import NoReturn

from rq_scheduler.aio.awaited import Face, awaited, listed
from rq_scheduler.client.audit import Audit
from rq_scheduler.client.events import Events
from rq_scheduler.client.fleet import Fleet
from rq_scheduler.client.pending import Jobs
from rq_scheduler.client.quarantine import Quarantine
from rq_scheduler.client.tokens import Tokens
from rq_scheduler.errors import InvalidType

__all__ = ["AsyncAudit", "AsyncEvents", "AsyncFleet", "AsyncJobs", "AsyncQuarantine", "AsyncTokens", "Collection"]


class Collection(Face):
    """A face of what Python's operators work on, which nothing can await."""

    def __contains__(self, item: object) -> NoReturn:
        raise InvalidType(f"`in` cannot be awaited: await contains({item!r})")

    def __len__(self) -> NoReturn:
        raise InvalidType("len() cannot be awaited: await length()")

    def __iter__(self) -> NoReturn:
        raise InvalidType("this is iterated by `async for`")

    def __bool__(self) -> bool:
        """A collection is always there, also an empty one."""
        return True


class AsyncQuarantine(Collection):
    """`Quarantine`, awaited: `await contains(id)` for `id in quarantine`, `await length()` for `len(quarantine)`, and
    `async for`."""

    length = awaited(Quarantine.__len__)
    contains = awaited(Quarantine.__contains__)
    __aiter__ = listed(Quarantine.__iter__)
    get = awaited(Quarantine.get)
    codes = awaited(Quarantine.codes)
    retry = awaited(Quarantine.retry)
    retry_all = awaited(Quarantine.retry_all)
    purge = awaited(Quarantine.purge)
    purge_all = awaited(Quarantine.purge_all)


class AsyncAudit(Face):
    """`Audit`, awaited."""

    read = awaited(Audit.read)


class AsyncEvents(Face):
    """`Events`, awaited; `follow` by `async for`, which begins when its first event is asked for."""

    read = awaited(Events.read)
    follow = listed(Events.follow)
    newest_place = awaited(Events.newest_place)
    page_behind = awaited(Events.page_behind)


class AsyncFleet(Face):
    """`Fleet`, awaited."""

    dispatchers = awaited(Fleet.dispatchers)
    outages = awaited(Fleet.outages)
    workers = awaited(Fleet.workers)
    lateness = awaited(Fleet.lateness)
    lateness_in_all = awaited(Fleet.lateness_in_all)
    unserved = awaited(Fleet.unserved)


class AsyncJobs(Face):
    """`Jobs`, awaited."""

    get = awaited(Jobs.get)
    find = awaited(Jobs.find)
    histogram = awaited(Jobs.histogram)
    called = awaited(Jobs.called)
    traceback = awaited(Jobs.traceback)
    cancel = awaited(Jobs.cancel)
    move = awaited(Jobs.move)
    run_now = awaited(Jobs.run_now)
    spread = awaited(Jobs.spread)
    move_queue = awaited(Jobs.move_queue)
    stop = awaited(Jobs.stop)


class AsyncTokens(Face):
    """`Tokens`, awaited; `async for` over those there are."""

    make = awaited(Tokens.make)
    revoke = awaited(Tokens.revoke)
    __aiter__ = listed(Tokens.__iter__)
    bearer_of = awaited(Tokens.bearer_of)
    open_session = awaited(Tokens.open_session)
    of_session = awaited(Tokens.of_session)
    close_session = awaited(Tokens.close_session)
    tell_refused = awaited(Tokens.tell_refused)
