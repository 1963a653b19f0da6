"""Plans that are made before their time, so that a commit is all that is left to do when it comes.

Owns which plans are kept, and in which order they are taken. Makes none, and reads nothing: what is due is found in the
index in any case.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable, Sequence

from rq_scheduler.store.due import Armed
from rq_scheduler.store.firing import ScheduleFire

KEPT = 100_000
"""So many plans, or a page more, are kept: about 50 MB. Those beyond are made when they are due."""

MANY = 200
"""From so many on, that are due at once, each dispatcher begins at another place: they hold the same plans."""

SIFTED = 1_000
"""Plans that are looked up at once where others serve the same."""


class Ahead:
    """Plans by the id of their schedule, and in the order in which they were made, which is that of the index.

    `anywhere`: of many that are due, begins with any."""

    def __init__(self, still_armed: Callable[[Sequence[Armed]], Sequence[bool]], *, anywhere: bool = True) -> None:
        self._still_armed = still_armed
        self._anywhere = anywhere
        self._contended = False
        self._sure = 0
        self._spared = self._spared_until = 0
        self._plans: dict[str, ScheduleFire] = {}
        self._coming: deque[ScheduleFire] = deque()
        self._due: deque[ScheduleFire] = deque()

    def is_full(self, now: int) -> bool:
        """Whether there is room for no other, or need: of those that need none, as many have been seen."""
        if now >= self._spared_until:
            self._spared = 0
        return len(self._coming) + len(self._due) + self._spared >= KEPT

    def spare(self, armed: Armed) -> None:
        """Takes note of one that needs no plan of its own."""
        self._spared += 1
        self._spared_until = max(self._spared_until, armed.due)

    def add(self, fire: ScheduleFire) -> None:
        """Keeps a plan, in the place of an earlier one of the schedule."""
        self._plans[fire.id] = fire
        self._coming.append(fire)

    def knows(self, armed: Armed) -> bool:
        """Whether there is a plan for just this instant of the schedule."""
        known = self._plans.get(armed.id)
        return known is not None and known.armed == armed

    def take(self, armed: Armed) -> ScheduleFire | None:
        """The plan for just this instant of the schedule, which is not kept any longer."""
        known = self._plans.pop(armed.id, None)
        return known if known is not None and known.armed == armed else None

    def contend(self) -> None:
        """Others serve the same plans: goes on at another place, and from now on drops what they have served."""
        self._contended, self._sure = True, 0
        self._turn()

    def next_due(self, now: int) -> ScheduleFire | None:
        """A plan whose time has come, which is not kept any longer."""
        if not self._due:
            self._gather(now)
        while self._due:
            if self._contended and self._sure == 0:
                self._sift()
                continue
            fire = self._due.popleft()
            self._sure -= 1
            if self._plans.get(fire.id) is fire:
                del self._plans[fire.id]
                return fire
        return None

    def _sift(self) -> None:
        """Drops those among the next thousand that somebody else has served."""
        fires = [self._due.popleft() for _ in range(min(SIFTED, len(self._due)))]
        kept = [fire for fire in fires if self._plans.get(fire.id) is fire]
        waiting = self._still_armed([fire.armed for fire in kept if fire.armed is not None])
        left: list[ScheduleFire] = []
        for fire, waits in zip(kept, waiting, strict=True):
            if waits:
                left.append(fire)
            else:
                del self._plans[fire.id]
        self._due.extendleft(reversed(left))
        self._sure = len(left)

    def _gather(self, now: int) -> None:
        self._contended, self._sure = False, 0
        while self._coming:
            armed = self._coming[0].armed
            if armed is not None and armed.due > now:
                break
            self._due.append(self._coming.popleft())
        self._turn()

    def _turn(self) -> None:
        if self._anywhere and len(self._due) > MANY:
            self._due.rotate(random.randrange(len(self._due)))
