"""What it costs that runs are followed to their end: at the fires, and when they end."""

from __future__ import annotations

import time

from bench.harness import Harness, Place
from bench.herds import Herd
from bench.sampling import Figure
from bench.server import OPEN_RUNS
from bench.table import Line, Wanted
from bench.targets import OURS, UNFOLLOWED

ENDS_A_SECOND = 1_000


def measure(harness: Harness) -> list[Line]:
    """Fires beside those of the same code that follows none; and 1,000 ends a second, with very many runs open."""
    return [*_fires(harness), *_ends(harness)]


def _fires(harness: Harness) -> list[Line]:
    number = harness.size(20_000, 500)
    herds = {who: Herd(harness, who, number, cron=False, own=True) for who in (OURS, UNFOLLOWED)}
    series = harness.interleave({who: herd.fire for who, herd in herds.items()})
    more = series[OURS].redis.median / series[UNFOLLOWED].redis.median
    lines: list[Line] = []
    for who, bound in ((OURS, None), (UNFOLLOWED, Wanted(1.12, at_most=True, unit="x of Redis's time"))):
        figures = series[who]
        lines.append(
            Line(
                f"{number:,} schedules fired, each run followed or not",
                who,
                figures.rate,
                "/s",
                figures.redis,
                figures.total,
                wanted=bound,
                judged=None if bound is None else more,
                ratio=None if bound is None else more,
            )
        )
    return lines


def _ends(harness: Harness) -> list[Line]:
    """Runs of so many schedules wait; after a minute, workers finish them in the order in which they were queued.

    Those that came together are looked at together, every 20 to 35 seconds by then: what is counted is over a minute.
    """
    number, pace = harness.size(100_000, 1_000), harness.size(ENDS_A_SECOND, 100)
    settle, counted, alone = harness.size(25, 3), harness.size(60, 3), harness.size(20, 3)
    place = harness.place("ends")
    total = number + pace * (settle + counted)
    nominal = int(time.time() + 5 + total / 12_000)
    place.server.give_schedules(place[OURS], total, nominal)
    with place.dispatchers(OURS) as (dispatcher,):
        place.server.wait_for(total, 120)
        time.sleep(harness.size(60, 3))
        _finish(place, pace, settle)
        before, redis, process = place.server.connection.zcard(OPEN_RUNS), place.server.cpu(), dispatcher.cpu()
        passed = _finish(place, pace, counted)
        redis, process = (place.server.cpu() - redis) / passed * 100, (dispatcher.cpu() - process) / passed * 100
        settled = (before - place.server.connection.zcard(OPEN_RUNS)) / passed
    writes = _workers_own(place, pace, alone)
    title = f"{pace:,} runs end a second, {number:,} are open"
    enough = Wanted(0.9 * pace, unit="/s")
    return [
        Line(f"{title}: ends settled", OURS, Figure([settled]), "/s", wanted=enough, judged=settled),
        _share(f"{title}: processor time of the dispatcher", process, 25),
        _share(f"{title}: of Redis, for the dispatcher", redis - writes, 10),
        Line(f"{title}: of Redis, for what the workers write", OURS, Figure([writes]), " % of a core"),
    ]


def _workers_own(place: Place, pace: int, seconds: float) -> float:
    """Of Redis, in % of a core, what the same workers write when no dispatcher is there."""
    before = place.server.cpu()
    passed = _finish(place, pace, seconds)
    return (place.server.cpu() - before) / passed * 100


def _share(what: str, percent: float, bound: float) -> Line:
    wanted = Wanted(bound, at_most=True, unit=" % of a core")
    return Line(what, OURS, Figure([percent]), " % of a core", wanted=wanted, judged=percent)


def _finish(place: Place, pace: int, seconds: float) -> float:
    """Workers finish so many runs a second, for so long; the seconds that it took."""
    began, done = time.monotonic(), 0
    while (passed := time.monotonic() - began) < seconds:
        owed = int(pace * passed) - done
        if owed:
            place.server.finish_some(owed)
            done += owed
        time.sleep(0.02)
    return passed
