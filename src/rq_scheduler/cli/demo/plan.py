"""What the demo schedules, and when its faults strike. Pure: offsets in seconds from the start, drawn with a seed."""

from __future__ import annotations

import random
from dataclasses import dataclass

__all__ = ["SLOW_SECONDS", "Plan", "Recurring", "make_plan"]


@dataclass(frozen=True, slots=True)
class Recurring:
    """An interval job: first instant, interval and function (by name, in `jobs`)."""

    id: str
    first: float
    interval: int
    function: str
    says: str


@dataclass(frozen=True, slots=True)
class Plan:
    """Offsets in seconds. `live` pairs the moment of the client's call with how far ahead it schedules."""

    seconds: float
    ahead: tuple[float, ...]
    live: tuple[tuple[float, float], ...]
    recurring: tuple[Recurring, ...]
    kill_dispatcher: float
    new_dispatcher: float
    kill_redis: float
    redis_away: float


SLOW_SECONDS = 2.6

QUIET = 0.9
"""Seconds before the kill of Redis in which nothing falls due: what a stock worker holds when its Redis dies is RQ's to
lose, and this is an account of the scheduler."""


def make_plan(seconds: float = 20.0, one_offs: int = 200, seed: int = 1) -> Plan:
    """The plan for a run of this length. The faults strike at fixed shares of it."""
    draw = random.Random(seed)
    # Just before a whole second, as recurring jobs fire at whole seconds: those before it are done by then.
    kill_redis = int(seconds * 0.7) - 0.2
    quiet = (kill_redis - QUIET, kill_redis + 0.02)

    def spread(low: float, high: float) -> float:
        while True:
            moment = draw.uniform(low, high)
            if not quiet[0] <= moment <= quiet[1]:
                return moment

    many = one_offs * 13 // 20
    ahead = sorted(spread(0.2, seconds - 0.2) for _ in range(many))
    # One call is made while Redis is away, whatever the seed.
    live = [(kill_redis + 0.5, kill_redis + 0.9)]
    for _ in range(one_offs - many - 1):
        due = spread(0.4, seconds - 0.1)
        # From 50 ms ahead, which only a wake-up makes punctual, to a second and a half.
        live.append((max(0.05, due - draw.choice((0.05, 0.1, 0.4, 1.5))), due))
    recurring = (
        Recurring("heartbeat", 0.0, 1, "greet", "every second"),
        # Every other run finds the one before it still going; and the kill of Redis finds none of them going.
        Recurring("slow", 0.5 + (kill_redis - 3.8) % 4, 2, "slow", f"every 2 s, takes {SLOW_SECONDS}"),
        Recurring("failing", 3.2, 4, "fail", "every 4 s, raises"),
    )
    return Plan(
        seconds=seconds,
        ahead=tuple(ahead),
        live=tuple(sorted((call, due - call) for call, due in live)),
        recurring=recurring,
        kill_dispatcher=round(seconds * 0.3) + 0.3,
        new_dispatcher=round(seconds * 0.45) + 0.3,
        kill_redis=kill_redis,
        redis_away=1.2,
    )
