"""One chaos from beginning to end: set up, faults and load, quiet, account."""

import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from faults.chaos import acts, plan
from faults.chaos.account import Account, arrivals, percentile, settle, shown
from faults.chaos.clients import EXACT, NOTHING, QUEUES, RECURRING, SLOW, WORK, Client, Load, now
from faults.chaos.consumers import RECORD, Mover
from faults.chaos.journal import US, Deed, Grid, Journal, Recurring, Watched
from faults.chaos.site import Site
from faults.checker import KINDS
from faults.leftovers import Snapshot, pending
from rq_scheduler import Every, Scheduler
from rq_scheduler.clock import from_us

CLIENTS = 3
SETTLES = 6
"""Seconds for which schedules go on after the last fault."""

POLICIES = [
    ("skip", "latest"), ("skip", "all"), ("skip", "none"), ("buffer_one", "latest"), ("buffer_all", "all"),
    ("allow", "latest"), ("allow", "none"), ("replace", "latest"),
]  # fmt: skip


@dataclass(frozen=True)
class Settings:
    """What a run is told."""

    seed: int
    minutes: float
    one_offs: int
    schedules: int
    dispatchers: int
    server: str
    folder: Path
    sabotage: tuple[str, ...] = ()
    drain: float = 120

    @property
    def seconds(self) -> float:
        return self.minutes * 60


def run(settings: Settings) -> bool:
    """Whether it was clean. Prints as it goes, and the account at the end."""
    site = Site(settings.folder, settings.server, dispatchers=settings.dispatchers, sabotage=settings.sabotage)
    try:
        return _Run(settings, site).go()
    finally:
        site.end()


class _Run:
    def __init__(self, settings: Settings, site: Site) -> None:
        self._settings = settings
        self._site = site
        self._journal = Journal()
        self._dice = random.Random(f"{settings.seed} set-up")
        self._noted = settings.folder / "noted"
        self._noted.touch()
        self._began = time.monotonic()

    def go(self) -> bool:
        settings, site = self._settings, self._site
        first = now() + 3 * US + settings.schedules * 5_000
        end = first + round((settings.seconds + SETTLES) * US)
        load = Load(settings.seconds, settings.one_offs, end, self._noted)
        self._set_up(first, end)
        movers = [
            Mover(site.server.url, (*QUEUES, EXACT, RECURRING)),
            Mover(site.server.url, (SLOW,), every=1.5),
        ]
        for mover in movers:
            mover.start()
        site.start([WORK])
        clients = self._clients(load)
        self._say(f"seed {settings.seed}: {settings.one_offs} one-offs, {len(self._journal.schedules)} schedules")
        time.sleep(max(0.0, (first - now()) / US))
        for client in clients:
            client.start()
        log = settings.folder / "faults.log"
        tracks = acts.Tracks(site, plan.faults(settings.seed, settings.seconds), log)
        until = time.monotonic() + settings.seconds
        self._watch(lambda: time.monotonic() > until, tracks)
        for client in clients:
            client.end()
        self._watch(lambda: not tracks.under_way(), tracks)
        for client in clients:
            client.join(60)
            site.trouble += [f"{client.name} did not end"] if client.is_alive() else []
            self._journal.add(client.journal)
        self._say("quiet: what is left is handed off")
        self._watch(lambda: now() > end, tracks)
        self._drain()
        site.stop_dispatchers()
        for mover in movers:
            mover.end()
        noted = self._noted.read_text().splitlines()
        account = settle(self._journal, arrivals(site.admin, RECORD, noted), tracks.done, site.admin)
        errors = [*self._journal.errors, *tracks.errors, *site.trouble]
        print(_report(settings, site, self._journal, tracks, account, errors), flush=True)
        return account.clean and not errors

    # Before

    def _set_up(self, first: int, end: int) -> None:
        """Schedules whose instants are known before the first fault."""
        scheduler = Scheduler(connection=self._site.admin)
        number = self._settings.schedules
        dice = self._dice

        def watched(
            id: str, kind: str, overlap: str, catchup: str, lo: float, hi: float, like: Watched | None = None
        ) -> Watched:
            grid = Grid(first - int(dice.uniform(0, 60) * US), int(dice.uniform(lo, hi) * US), first, end)
            grid = grid if like is None else like.grids[0]
            made = self._journal.schedules[id] = Watched(id, kind, overlap, catchup, [grid])
            queue = SLOW if kind == "counted" else EXACT
            called = now()
            scheduler.schedules.put(
                id, _trigger(grid), NOTHING, queue_name=queue, overlap=overlap, catchup=catchup,
                start=from_us(grid.start), end=from_us(grid.end), tags=("chaos",),
            )  # fmt: skip
            made.deeds.append(Deed("put", called, now(), grid))
            return made

        steered, counted = max(6, number // 10), max(len(POLICIES), number // 5)
        contested, recurring = 4, max(4, number // 20)
        for n in range(max(10, number - steered - counted - contested - recurring)):
            like = None if n % 5 == 0 else self._journal.schedules[f"exact-{n - n % 5}"]  # five share each plan
            watched(f"exact-{n}", "exact", "allow", "all", 1, 12, like)
        for n in range(steered):
            watched(f"steered-{n}", "steered", "allow", "all", 0.5, 4)
        for n in range(counted):
            overlap, catchup = POLICIES[n % len(POLICIES)]
            # What remembers all must not be faster than what takes the runs.
            lo, hi = (3, 6) if overlap == "buffer_all" else (0.4, 5)
            watched(f"counted-{n}", "counted", overlap, catchup, lo, hi)
        for n in range(contested):
            one = watched(f"contested-{n}", "contested", "allow", "latest", 0.5, 2)
            grid = one.grids[0]
            one.grids.append(Grid(grid.anchor, grid.interval // 2, grid.start, grid.end))
        for n in range(recurring):
            interval = int(dice.uniform(0.5, 5) * 10) * 100_000
            runs = max(1, (end - first - US) // interval)
            one = Recurring(f"recurring-{n}", first + n * 1000, interval, runs)
            scheduler.schedule(
                from_us(one.first), NOTHING, interval=interval / US, repeat=runs, id=one.id,
                queue_name=RECURRING, catchup="all",
            )  # fmt: skip
            self._journal.recurring[one.id] = one
        if now() > first:
            raise RuntimeError("setting up took longer than planned: give fewer schedules")

    def _clients(self, load: Load) -> list[Client]:
        of_kind = {
            kind: [watched for watched in self._journal.schedules.values() if watched.kind == kind]
            for kind in ("exact", "steered", "contested")
        }
        share = Load(load.seconds, load.one_offs // CLIENTS, load.end, load.noted)
        return [
            Client(
                n,
                self._site.client_proxy.url if n == 2 else self._site.server.url,
                self._settings.seed,
                share,
                of_kind["steered"][n::CLIENTS],
                of_kind["exact"],
                of_kind["contested"],
                retries=n != 0,
            )
            for n in range(CLIENTS)
        ]

    # Meanwhile

    def _watch(self, is_over: Callable[[], bool], tracks: acts.Tracks) -> None:
        told = time.monotonic()
        while not is_over():
            self._site.look_after()
            if time.monotonic() - told > 5:
                told = time.monotonic()
                self._say(f"{sum(tracks.counts.values())} faults")
            time.sleep(0.1)

    def _drain(self) -> None:
        """Until nothing waits, or has waited for too long; what a dead worker had begun is not waited for."""
        began, redis = time.monotonic(), self._site.admin
        queues = [f"rq:queue:{queue}" for queue in (*QUEUES, EXACT, RECURRING, SLOW, WORK)]
        while (waited := time.monotonic() - began) < self._settings.drain:
            self._site.look_after()
            works = waited < 5 and redis.zcard(f"rq:wip:{WORK}")
            waiting = any(map(redis.llen, queues)) or redis.exists("rq:scheduler:new_runs", "rq:scheduler:open_runs")
            if not works and not waiting and not pending(Snapshot.of(redis)):
                return
            time.sleep(0.5)
        self._say(f"after {waited:.0f} s this still waits: {list(pending(Snapshot.of(redis)))[:10]}")

    def _say(self, text: str) -> None:
        print(f"{time.monotonic() - self._began:7.1f} s  {text}", flush=True)


def _trigger(grid: Grid) -> Every:
    return Every(f"{grid.interval / US:.6f}s", anchor=from_us(grid.anchor))


def _report(
    settings: Settings, site: Site, journal: Journal, tracks: acts.Tracks, account: Account, errors: list[str]
) -> str:
    verdict = account.verdict
    version = ".".join(map(str, site.server.version))
    calls = {"made": journal.calls, "refused by Redis": journal.refused, "without a reply": journal.unknown}
    received = {
        "owed, exactly once": verdict.owed,
        "received, of all kinds": verdict.received,
        "lost by workers themselves": len(account.lost_by_workers),
    }
    wrong: dict[str, list[str]] = {
        kind: [f"{fault.id}: {fault.what}" for fault in getattr(verdict, kind)] for kind in KINDS if kind != "late"
    }
    wrong |= account.wrong | {"errors no fault explains": errors}
    p50, p99, p999 = (f"{percentile(account.lateness, share):.1f} ms" for share in (0.5, 0.99, 0.999))
    lines = [
        f"\nchaos SEED={settings.seed} MINUTES={settings.minutes:g}",
        f"Redis {version}, AOF always, {settings.dispatchers} dispatchers",
        f"load: {settings.one_offs} one-offs, {settings.schedules} schedules",
        *_table("faults", dict(sorted(tracks.counts.items()))),
        *_table("calls of clients", calls),
        *_table("owed", dict(sorted(account.owed.items()))),
        *_table("handed off", received),
        *_table("ends that were told", dict(sorted(account.ends.items()))),
        "wrong",
    ]
    for what, items in wrong.items():
        lines += [_row(what, len(items)), *shown(items)]
    lines += [
        "lateness",
        _row("hand-offs while Redis served", len(account.lateness)),
        f"  p50 {p50}, p99 {p99}, p99.9 {p999}",
        f"  over all, with Redis away: at most {account.latest / US:.1f} s",
        "clean" if account.clean and not errors else f"NOT CLEAN; logs and data: {settings.folder}",
    ]
    return "\n".join(lines)


def _row(name: str, count: int) -> str:
    return f"  {name:<32}{count:>8}"


def _table(title: str, counts: Mapping[str, int]) -> list[str]:
    return [title, *(_row(name, count) for name, count in counts.items())]
