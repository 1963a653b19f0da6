"""What goes wrong and when: a pure function of the seed, so that a seed that fails brings the same faults again.

Knows nothing of how a fault is done (`site`). Four tracks run beside each other: Redis, the
dispatchers, and the network of each side.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass

Range = tuple[float, float]


@dataclass(frozen=True)
class Fault:
    """A fault `at` so many seconds after the start, that lasts for `seconds`; `pick` in [0, 1) says whom it befalls."""

    at: float
    track: str
    name: str
    seconds: float
    pick: float


@dataclass(frozen=True)
class Track:
    """The faults of one kind of victim, each with how long it lasts, and the seconds of peace between two of them."""

    faults: dict[str, Range]
    peace: Range


MOMENT: Range = (0.0, 0.0)
TRACKS = {
    "redis": Track(
        {
            "client kill normal": MOMENT,
            "client kill pubsub": MOMENT,
            "client pause all": (0.1, 1.5),
            "client pause write": (0.1, 1.5),
            "script flush": MOMENT,
            "busy script": (0.2, 1.0),
            "redis sigkill": (0.05, 1.0),
            "redis shutdown": (0.05, 1.0),
            "redis sigstop": (0.05, 1.0),
            "out of memory": (0.1, 1.0),
            "misconf": (0.1, 1.0),
            "plans lost": MOMENT,
        },
        (0.5, 3.0),
    ),
    "dispatchers": Track(
        {
            "sigkill": (0.0, 0.5),
            "sigkill again": (0.0, 0.1),
            "sigstop": (0.05, 1.0),
            "sigstop for long": (2.0, 5.0),
            "sigterm": (0.0, 0.5),
            "sigterm twice": (0.0, 0.5),
            "sigkill all": (0.0, 0.2),
        },
        (0.1, 1.0),
    ),
    "network of dispatchers": Track(
        {
            "latency": (0.5, 3.0),
            "reset": MOMENT,
            "refuse": (0.2, 1.5),
            "cut before": MOMENT,
            "cut after": MOMENT,
        },
        (0.3, 2.0),
    ),
    "network of clients": Track(
        {
            "clients: latency": (0.1, 0.5),
            "clients: reset": MOMENT,
            "clients: refuse": (0.1, 0.5),
            "clients: cut before": MOMENT,
            "clients: cut after": MOMENT,
            "clients: cut after again": MOMENT,
        },
        (0.1, 0.6),
    ),
}


def faults(seed: int, seconds: float) -> dict[str, list[Fault]]:
    """The faults of each track that begin within so many seconds."""
    return {name: list(_faults(seed, name, track, seconds)) for name, track in TRACKS.items()}


def _faults(seed: int, name: str, track: Track, seconds: float) -> Iterator[Fault]:
    dice = random.Random(f"{seed} {name}")
    at = dice.uniform(0.5, 2.0)
    while True:
        # A shuffled deck, not single throws: a short run meets every kind too.
        deck = list(track.faults)
        dice.shuffle(deck)
        for fault in deck:
            lasts = dice.uniform(*track.faults[fault])
            if at + lasts > seconds:
                return
            yield Fault(at, name, fault, lasts, dice.random())
            at += lasts + dice.uniform(*track.peace)
