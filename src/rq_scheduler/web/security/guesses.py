"""Tokens and sessions that are nobody's: whoever tries many of them is not looked at for a while, and is told of.

One that was right within the last minutes is looked at nonetheless, so that a guesser behind the same proxy locks
nobody out who is at work. Kept in this process; an address of IPv6 counts as its network of 64 bits.
"""

from __future__ import annotations

import ipaddress
from threading import Lock

from rq_scheduler.clock import Clock, SystemClock
from rq_scheduler.web.security.rates import MAX_CLIENTS, Rates

__all__ = ["Guesses", "network_of"]

ALLOWED = 10
"""Failures at once; after that one in so many seconds:"""
SECONDS_EACH = 6

REMEMBERED = 300.0
"""Seconds for which a right one counts as such."""

TOLD_AGAIN_AFTER = 600.0


class Guesses:
    """The failures of each address."""

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock = clock or SystemClock()
        self._left = Rates(1 / SECONDS_EACH, ALLOWED, self._clock)
        self._right: dict[str, float] = {}
        self._told: dict[str, float] = {}
        self._lock = Lock()

    def wait(self, address: str, digest: str) -> int:
        """How many seconds until a secret of this digest is looked at; 0 for now."""
        with self._lock:
            right_at = self._right.get(digest)
        if right_at is not None and self._clock.monotonic() - right_at < REMEMBERED:
            return 0
        return self._left.wait(address, cost=0.0, least=1.0)

    def right(self, digest: str) -> None:
        """It was somebody's."""
        with self._lock:
            _remember(self._right, digest, self._clock.monotonic())

    def wrong(self, address: str, digest: str) -> bool:
        """It was nobody's; whether that has to be told now."""
        with self._lock:
            self._right.pop(digest, None)
        self._left.wait(address)
        if not self._left.wait(address, cost=0.0, least=1.0):
            return False
        with self._lock:
            now = self._clock.monotonic()
            told_at = self._told.get(address)
            if told_at is not None and now - told_at < TOLD_AGAIN_AFTER:
                return False
            _remember(self._told, address, now)
            return True


def network_of(address: str) -> str:
    """What of an address one visitor cannot change."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address[:100]
    if isinstance(found, ipaddress.IPv6Address):
        if found.ipv4_mapped is not None:
            return str(found.ipv4_mapped)
        return str(ipaddress.ip_network((int(found), 64), strict=False))
    return str(found)


def _remember(known: dict[str, float], key: str, now: float) -> None:
    known.pop(key, None)
    known[key] = now
    if len(known) > MAX_CLIENTS:
        del known[next(iter(known))]
