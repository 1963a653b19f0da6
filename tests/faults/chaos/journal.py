"""What clients wrote down of their own calls: the independent record that the account is made from.

All instants of schedules are computed here, by adding whole microseconds: the package's triggers and plans are what is
tested. Times are microseconds since the epoch.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

US = 1_000_000


@dataclass
class OneOff:
    """One job. `due`: the earliest time at which it may run, as far as its client knows."""

    due: int
    queue: str
    asked: int
    acknowledged: bool = False
    refused: bool = False
    """Redis said no, and nothing else can have happened."""
    cancelling: bool = False
    cancelled_at: int | None = None
    is_punctual: bool = True
    """Neither in one of RQ's registries, which are looked at once a second, nor noted by a worker when it ran."""


@dataclass(frozen=True)
class Grid:
    """The instants anchor + k * interval within [start, end)."""

    anchor: int
    interval: int
    start: int
    end: int

    def instants(self, since: int | None = None, until: int | None = None) -> Iterator[int]:
        """Those in [since, until), in order."""
        lowest = self.start if since is None else max(self.start, since)
        end = self.end if until is None else min(self.end, until)
        nominal = self.anchor + -((self.anchor - lowest) // self.interval) * self.interval
        while nominal < end:
            yield nominal
            nominal += self.interval

    def names(self, nominal: int) -> bool:
        """Whether this is one of them."""
        return self.start <= nominal < self.end and (nominal - self.anchor) % self.interval == 0


@dataclass(frozen=True)
class Deed:
    """A change of one schedule: it took hold between `called` and `returned`. A client repeats it until it is told that
    it has."""

    what: str
    called: int
    returned: int
    grid: Grid


@dataclass
class Watched:
    """A schedule, and all that its one client did to it.

    `kind` says what is owed: "exact" each instant, "steered" each instant between its changes, "counted" an explanation
    of each, "contested" none of them (several clients change it at once).
    """

    id: str
    kind: str
    overlap: str
    catchup: str
    grids: list[Grid]
    deeds: list[Deed] = field(default_factory=list)
    manual: dict[str, int] = field(default_factory=dict)
    """Job ids of manual runs that were acknowledged, and when they were asked for."""
    manual_unknown: list[int] = field(default_factory=list)
    """When one was asked for whose reply was lost."""
    backfilled: set[int] = field(default_factory=set)
    """Instants whose backfill was acknowledged."""


@dataclass(frozen=True)
class Recurring:
    """A recurring job of the 0.14 API, which runs a fixed number of times under one id."""

    id: str
    first: int
    interval: int
    runs: int

    def instants(self) -> Iterator[int]:
        return (self.first + n * self.interval for n in range(self.runs))


@dataclass
class Journal:
    """What one client knows."""

    one_offs: dict[str, OneOff] = field(default_factory=dict)
    schedules: dict[str, Watched] = field(default_factory=dict)
    recurring: dict[str, Recurring] = field(default_factory=dict)
    calls: int = 0
    unknown: int = 0
    refused: int = 0
    errors: list[str] = field(default_factory=list)
    """What no fault explains."""

    def add(self, other: "Journal") -> None:
        """Takes in what another client knows."""
        self.one_offs |= other.one_offs
        self.schedules |= other.schedules
        self.recurring |= other.recurring
        self.calls += other.calls
        self.unknown += other.unknown
        self.refused += other.refused
        self.errors += other.errors
