"""The Redis Data Store: every operation of the package on Redis, in one place.

The groups of operations each have a module; this class is all of them on one connection. Nothing outside
`store` knows a key or runs a script.
"""

from __future__ import annotations

from rq_scheduler.store.access import AccessCommands
from rq_scheduler.store.alerts import AlertCommands
from rq_scheduler.store.audit import AuditCommands
from rq_scheduler.store.clock import ClockCommands
from rq_scheduler.store.command import Commands
from rq_scheduler.store.counters import CounterCommands
from rq_scheduler.store.entries import EntryCommands
from rq_scheduler.store.events import EventCommands
from rq_scheduler.store.executor import Connection
from rq_scheduler.store.fires import FireCommands
from rq_scheduler.store.fleet import FleetCommands
from rq_scheduler.store.handoff import HandOffCommands
from rq_scheduler.store.keys import Keys
from rq_scheduler.store.parked import ParkedCommands
from rq_scheduler.store.pauses import PauseCommands
from rq_scheduler.store.pending import PendingCommands
from rq_scheduler.store.plans import PlanCommands
from rq_scheduler.store.presence import PresenceCommands
from rq_scheduler.store.quarantine import QuarantineCommands
from rq_scheduler.store.runs import RunCommands
from rq_scheduler.store.schedules import ScheduleCommands
from rq_scheduler.store.scripts import SERVER_CLOCK
from rq_scheduler.store.series import SeriesCommands
from rq_scheduler.store.settling import SettlingCommands
from rq_scheduler.store.timings import TimingCommands
from rq_scheduler.store.traces import TraceCommands
from rq_scheduler.store.versions import VersionCommands
from rq_scheduler.store.via_rq import ViaRQCommands, ViaRQOperations


class StoreCommands(
    ClockCommands,
    EntryCommands,
    ParkedCommands,
    HandOffCommands,
    ScheduleCommands,
    RunCommands,
    PlanCommands,
    PauseCommands,
    PendingCommands,
    FireCommands,
    SettlingCommands,
    QuarantineCommands,
    SeriesCommands,
    PresenceCommands,
    FleetCommands,
    TraceCommands,
    TimingCommands,
    ViaRQCommands,
    VersionCommands,
    AuditCommands,
    EventCommands,
    AlertCommands,
    AccessCommands,
    CounterCommands,
):
    """The commands of all groups, under one key prefix."""


class Store(
    ViaRQOperations,
    StoreCommands,
):
    """All operations on one connection, under one key prefix (RQ's unless given). `clock`, `actor`: see `Executor`."""

    makes: type[Commands] = StoreCommands

    def __init__(
        self, connection: Connection, *, prefix: str | None = None, clock: str = SERVER_CLOCK, actor: str = ""
    ) -> None:
        super().__init__(connection, None if prefix is None else Keys(prefix), clock, actor)
