"""Fires: schedules that are all due at the same moment, served by real dispatcher processes which could plan ahead."""

from __future__ import annotations

from bench.harness import Harness, whole_second
from bench.herds import Herd
from bench.sampling import Series, faster
from bench.server import INDEX
from bench.table import Line, Wanted
from bench.targets import BEFORE, LIMIT, OURS, PEER, REDISCRON, RQ_CRON


def measure(harness: Harness) -> list[Line]:
    """20,000 that fire daily: of one definition, and each of its own."""
    number = harness.size(20_000, 500)
    one, own, one_before, own_before = (
        Herd(harness, who, number, cron=False, own=own) for who in (OURS, BEFORE) for own in (False, True)
    )
    series = harness.interleave(
        {
            "one": one.fire,
            "limit": one.fire_bare,
            "own": own.fire,
            "own limit": own.fire_bare,
            "one before": one_before.fire,
            "own before": own_before.fire,
        }
    )
    title = f"{number:,} schedules fired"
    return [
        *_beside(f"{title}, one definition", series, "one", "limit", "one before", Wanted(0.70)),
        *_beside(f"{title}, a definition for each", series, "own", "own limit", "own before", Wanted(0.55)),
        _line(
            f"{title}, a definition for each: against one",
            OURS,
            series["own"],
            series["own"],
            series["one"],
            Wanted(0.8),
        ),
    ]


def measure_herd(harness: Harness) -> list[Line]:
    """100,000 cron strings of 20 time zones; and two dispatchers on them."""
    number = harness.size(100_000, 1_000)
    few, own, before = (
        Herd(harness, who, number, cron=True, own=own) for who, own in ((OURS, False), (OURS, True), (BEFORE, False))
    )
    series = harness.interleave(
        {
            "few": few.fire,
            "limit": few.fire_bare,
            "own": own.fire,
            "own limit": own.fire_bare,
            "before": before.fire,
            "two": lambda: few.fire(dispatchers=2),
        },
        warm_up=False,  # each has dispatchers of its own, which have looked at everything
    )
    title = f"a herd of {number:,} cron schedules in 20 zones"
    return [
        *_beside(title, series, "few", "limit", "before", Wanted(0.66)),
        *_beside(f"{title}, a definition for each", series, "own", "own limit", None, Wanted(0.55)),
        _line(f"{title}, two dispatchers: against one", OURS, series["two"], series["two"], series["few"], Wanted(1)),
    ]


def measure_peers(harness: Harness) -> list[Line]:
    """As many as a peer serves in a few seconds; `rq cron`'s and rq-rediscron's are interval jobs."""
    few = harness.size(2_000, 100)
    return [_peer(harness, who, few) for who in (PEER, RQ_CRON)]


def measure_rediscron(harness: Harness) -> list[Line]:
    """The peer that needs an environment of its own for this alone."""
    return [_peer(harness, REDISCRON, harness.size(2_000, 100))]


def _beside(
    what: str, series: dict[str, Series], ours: str, limit: str, before: str | None, bound: Wanted
) -> list[Line]:
    """Ours, the bare script, and the commit before: how many times faster ours is than they."""
    lines = [
        _line(what, OURS, series[ours]),
        _line(what, LIMIT, series[limit], series[ours], series[limit], bound),
    ]
    return [*lines, _line(what, BEFORE, series[before], series[ours], series[before])] if before else lines


def _line(
    what: str,
    who: str,
    shown: Series,
    one: Series | None = None,
    other: Series | None = None,
    bound: Wanted | None = None,
) -> Line:
    """The figure of a series, and how many times faster the one is than the other."""
    ratios = (None, None, None) if one is None or other is None else faster(one, other)
    return Line(what, who, shown.rate, "/s", shown.redis, shown.total, *ratios, bound)


def _peer(harness: Harness, who: str, few: int) -> Line:
    def give_jobs_of_0_14() -> None:
        harness[PEER].do("cron", calls=few, strings=["*/5 * * * *", "0 9 * * 1-5", "30 2 1 * *"])
        ids = harness.server.connection.zrange(INDEX, 0, -1)
        harness.server.connection.zadd(INDEX, dict.fromkeys(ids, whole_second()))

    def register() -> None:
        harness[who].do("register", calls=few)

    give = give_jobs_of_0_14 if who == PEER else register
    fired: dict[str, Series] = harness.interleave({who: harness.emptying(who, "enqueue_jobs", few, give)})
    return _line(f"{few:,} schedules fired", who, fired[who])
