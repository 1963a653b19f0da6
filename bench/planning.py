"""What does planning one fire cost? The time of `plan()`, as dispatchers call it: what runs, and the next instant.

    python bench/planning.py [--fires 500] [--rounds 3]

Cron strings times zones, RRULEs times zones, and intervals. For each: microseconds of processor time a fire, planned
one after the other as they fall due, on time, from a random moment of the next years on, over 20 years at most and then
once more: the zones of those years have been worked out by then, once a process. The best of `--rounds` counts, so that
other work on this machine does not. Prints kinds, with the cost of a bare `trigger.after` beside them, and policies as
a ratio to none. Ends with status 1 when the worst pair of a cron string and a zone costs more than 25 us a fire, or an
interval more than 5.
"""

from __future__ import annotations

import platform
import random
import sys
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path

import click

from rq_scheduler.clock import US, to_us
from rq_scheduler.model import Spec
from rq_scheduler.planning import plan
from rq_scheduler.triggers import AnyOf, Cron, Dates, Every, RRule, Trigger

CRON_US, EVERY_US = 25.0, 5.0
"""Microseconds a fire."""

ZONES = [
    "UTC", "Europe/Paris", "America/New_York", "America/Sao_Paulo", "America/St_Johns", "Africa/Casablanca",
    "Asia/Kathmandu", "Asia/Tokyo", "Australia/Lord_Howe", "Antarctica/Troll", "Pacific/Apia", "Asia/Gaza",
]  # fmt: skip
CRONS = [
    "* * * * *", "*/5 * * * *", "*/15 9-17 * * mon-fri", "0 * * * *", "30 2 * * *", "0 9,17 * * *", "0 0 * * sun",
    "0 4 1 * *", "15 3 L * *", "0 9 * * MON#2", "0 18 * * 5L", "0 0 1 1 *", "0 12 13 * 5", "0 0 29 2 *", "@daily",
    "*/10 * * * * * *",
]  # fmt: skip
RULES = [
    "FREQ=DAILY;BYHOUR=9", "FREQ=WEEKLY;BYDAY=MO,WE,FR;BYHOUR=9", "FREQ=MONTHLY;BYDAY=-1FR;BYHOUR=18", "FREQ=YEARLY",
    "FREQ=HOURLY;INTERVAL=3", "FREQ=MINUTELY;INTERVAL=15;BYHOUR=9,10,11,12",
    "DTSTART:19900101T000000 RRULE:FREQ=SECONDLY",
]  # fmt: skip
INTERVALS = ["10ms", "1s", "90s", "15m", "1h", "7d"]

FIRST = to_us(datetime(2026, 11, 24, tzinfo=UTC))
SPAN = 20 * 365 * 86_400 * US


def intervals() -> list[Every]:
    return [
        Every(0.01 if text == "10ms" else text, anchor=datetime(2026, 1, 1, 0, 0, 7, tzinfo=UTC)) for text in INTERVALS
    ]


def processor() -> str:
    """The name of this machine's processor, where it can be found."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def cost(step: Callable[[int], int | None], begin: int, fires: int, rounds: int) -> float:
    """Microseconds of processor time a step, the best of the rounds; each step starts where the last one led."""
    best = float("inf")
    for _ in range(rounds):
        at, done = begin, 0
        began = time.process_time()
        while done < fires:
            following = step(at)
            done += 1
            at = begin if following is None or following > begin + SPAN else following
        best = min(best, (time.process_time() - began) / done * 1e6)
    return best


def planning(spec: Spec) -> Callable[[int], int | None]:
    """Plans the fire of an armed instant a millisecond after it is due, as a pass does; leads to the next one."""

    def step(armed: int) -> int | None:
        made = plan("nightly-report", spec, armed, armed + 1000, due=armed, updated=FIRST, at_most=200)
        return None if made.next is None else made.next.nominal

    return step


def first_of(trigger: Trigger, dice: random.Random) -> int:
    return trigger.require_after(FIRST + dice.randrange(5 * 365 * 86_400) * US)


def table(title: str, rows: Iterable[tuple[str, Trigger]], dice: random.Random, fires: int, rounds: int) -> float:
    """Prints one line for all of a kind; returns the cost of the worst."""
    costs: list[tuple[float, float, str]] = []
    for name, trigger in rows:
        begin = first_of(trigger, dice)
        planned = cost(planning(Spec(trigger=trigger)), begin, fires, rounds)
        costs.append((planned, cost(trigger.after, begin, fires, rounds), name))
    costs.sort()
    mean = sum(planned for planned, _, _ in costs) / len(costs)
    bare = sum(after for _, after, _ in costs) / len(costs)
    worst, _, name = costs[-1]
    click.echo(
        f"{title:20} {len(costs):4}  mean {mean:5.1f}  median {costs[len(costs) // 2][0]:5.1f}  worst {worst:5.1f} us  "
        f"(after() alone {bare:5.1f}, x{mean / bare:.1f})  worst: {name}"
    )
    return worst


@click.command(help=__doc__, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--fires", default=500, show_default=True, help="Fires of each pair and round.")
@click.option("--rounds", default=3, show_default=True)
@click.option("--seed", default=1, show_default=True)
def main(fires: int, rounds: int, seed: int) -> None:
    dice = random.Random(seed)
    click.echo(f"{processor()}, Python {platform.python_version()}, {fires} fires x {rounds} rounds, seed {seed}")
    crons = [(f"{text} {zone}", Cron(text, zone)) for text in CRONS for zone in ZONES]
    worst_cron = table("cron x zone", crons, dice, fires, rounds)
    every = [(repr(trigger), trigger) for trigger in intervals()]
    worst_every = table("Every", every, dice, fires, rounds)
    rules = [(f"{text} {zone}", RRule(text, zone)) for text in RULES for zone in ZONES]
    table("RRULE x zone", rules, dice, fires, rounds)
    table("AnyOf two crons", [("", AnyOf(Cron("30 2 * * *"), Cron("*/15 9-17 * * *")))], dice, fires, rounds)

    trigger = Cron("*/15 9-17 * * mon-fri", "Europe/Paris")
    begin = first_of(trigger, dice)
    plain = cost(planning(Spec(trigger=trigger)), begin, fires, rounds)
    click.echo(f"\npolicies, of {trigger.expression!r} in {trigger.timezone}: {plain:.1f} us without any")
    specs = {
        "jitter": Spec(trigger=trigger, jitter=60),
        "an exclusion": Spec(trigger=trigger, exclude=(Dates("2026-12-25"),)),
        "start and end": Spec(
            trigger=trigger, start=datetime(2026, 1, 1, tzinfo=UTC), end=datetime(9000, 1, 1, tzinfo=UTC)
        ),
        'catchup="all"': Spec(trigger=trigger, catchup="all", catchup_window="1h"),
    }
    for name, spec in specs.items():
        costs = cost(planning(spec), begin, fires, rounds)
        click.echo(f"  {name:16} {costs:5.1f} us  x{costs / plain:.1f}")

    if worst_cron > CRON_US or worst_every > EVERY_US:
        sys.exit(f"wanted: at most {CRON_US:.0f} us a fire for cron, {EVERY_US:.0f} for Every")


if __name__ == "__main__":
    main()
