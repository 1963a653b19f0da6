"""The thread that tells one receiver, as long as this dispatcher is the one that does: leases, backoff, what is
remembered.

Redis may come and go, the receiver may hang: nobody waits for this thread.
"""

from __future__ import annotations

import random
import threading
import time
import uuid
from contextlib import suppress
from datetime import tzinfo

from redis.exceptions import RedisError, ResponseError

from rq_scheduler.alerts.attempt import Attempt
from rq_scheduler.alerts.outbox import Outbox, Outgoing
from rq_scheduler.alerts.receivers import Receiver, mask
from rq_scheduler.log import log
from rq_scheduler.store import Store
from rq_scheduler.store.alerts import Held
from rq_scheduler.store.base import whole

__all__ = ["Sender"]

LEASE = 15.0
"""Seconds for which nobody else sends to the receiver, unless that is renewed."""

TURN = 1.0
"""Seconds between two looks at the events; each renews the lease."""

LONGEST_LOOK = 5.0
"""Seconds between two looks at whether another dispatcher still has the receiver."""

SHORTEST_BACKOFF, LONGEST_BACKOFF = 1.0, 300.0
"""Seconds between two tries to send; jittered."""

LAST_WAIT = 0.2
"""Seconds for which a dispatcher that ends waits for a message that is on its way."""

MOST_HANGING = 3
"""Tries left behind that have not come back, with which no other is begun."""


class Sender(threading.Thread):
    """Tells one receiver, until it is stopped."""

    def __init__(self, receiver: Receiver, store: Store, site: str, zone: tzinfo) -> None:
        super().__init__(name=f"alerts to {receiver.name}", daemon=True)
        self._receiver, self._store, self._site, self._zone = receiver, store, site, zone
        self._token = uuid.uuid4().hex
        self._stopping = False
        self._wake = threading.Event()
        self._outbox: Outbox | None = None
        self._attempt: Attempt | None = None
        self._hanging: list[threading.Thread] = []
        self._try_at = 0.0
        self._backoff = SHORTEST_BACKOFF
        self._failing_since: int | None = None
        self._told_problem = ""
        self._now = 0

    def stop(self) -> None:
        """Ends it soon. May be called from any thread."""
        self._stopping = True
        self._wake.set()

    def run(self) -> None:
        """Until it is stopped; then another dispatcher may send at once."""
        while not self._stopping:
            seconds = self._turn()
            self._wake.wait(seconds)
            self._wake.clear()
        if self._outbox is not None:
            with suppress(RedisError, OSError):
                self._give_back(self._outbox)

    def _turn(self) -> float:
        """One look at the events, and what is to be done then. Returns for how many seconds to wait."""
        try:
            seconds = self._look()
        except ResponseError as error:
            self._tell_problem("alerts_refused", "Alerts to %s have to wait, since Redis refuses them: %s", error)
            return LONGEST_LOOK
        except (RedisError, OSError):
            return TURN  # the dispatcher tells it
        except Exception as error:  # noqa: BLE001  one receiver less would be noticed by nobody
            self._tell_problem("alerts_stuck", "Alerts to %s have to wait: %s", error)
            self._let_go()  # what is remembered is right
            return LONGEST_LOOK
        self._told_problem = ""
        return seconds

    def _look(self) -> float:
        place = "" if self._outbox is None else self._outbox.position.place
        page = self._store.take_alerts(self._receiver.name, self._token, LEASE, place)
        if page is None or isinstance(page, Held):
            self._let_go()
            return 0.0 if page is None else min(page.seconds, LONGEST_LOOK)
        if self._outbox is None:
            self._outbox = Outbox(self._receiver, self._site, self._zone, page)
            self._failing_since = whole(page.remembered.get("failing_since"))
        self._now = page.now
        self._outbox.read(page, time.monotonic())
        if page.full:
            return 0.0
        if not self._deliver(self._outbox, page.now):
            self._let_go()
        return TURN

    def _deliver(self, outbox: Outbox, now: int) -> bool:
        """Goes on with what is to be sent. False where another dispatcher has the receiver."""
        if outbox.settle(now, time.monotonic()):
            self._try_at, self._backoff = 0.0, SHORTEST_BACKOFF
        outgoing = outbox.outgoing
        if outgoing is None:
            position = outbox.skipped()
            if position is not None:
                if not self._note(**outbox.fields(position)):
                    return False
                outbox.remembered(position)
            return True
        if not outbox.is_settled:
            if not self._note(settled=outgoing.position.place):
                return False
            outbox.settled()
        if self._attempt is None:
            if time.monotonic() >= self._try_at:
                self._begin(outbox, outgoing, now)
            return True
        if not self._attempt.is_over():
            return True
        if self._attempt.error is not None:
            return self._failed(outbox, self._attempt.error, now)
        return self._arrived(outbox, outgoing, now)

    def _begin(self, outbox: Outbox, outgoing: Outgoing, now: int) -> None:
        self._hanging = [thread for thread in self._hanging if thread.is_alive()]
        if len(self._hanging) >= MOST_HANGING:
            self._failed(outbox, "no answer: earlier tries still hang", now)
        else:
            self._attempt = Attempt(self._receiver, outgoing.message, self._wake.set)

    def _arrived(self, outbox: Outbox, outgoing: Outgoing, now: int) -> bool:
        if not self._note(**outbox.arrived_fields(outgoing, now)):
            return False
        outbox.arrived(outgoing, now)
        self._attempt = None
        if self._failing_since is not None:
            log.info(
                "Alerts reach %s again", self._receiver.name,
                extra={"action": "alerts_reach_again", "receiver": self._receiver.name},
            )  # fmt: skip
            self._failing_since = None
        return True

    def _failed(self, outbox: Outbox, error: str, now: int) -> bool:
        self._abandon()
        self._try_at = time.monotonic() + self._backoff * random.uniform(0.5, 1.0)
        self._backoff = min(self._backoff * 2, LONGEST_BACKOFF)
        if self._failing_since is None:
            self._failing_since = now
            log.warning(
                "Alerts do not reach %s, and are tried again until they do: %s", self._receiver.name, error,
                extra={"action": "alerts_failing", "receiver": self._receiver.name},
            )  # fmt: skip
        return self._note(failing_since=str(self._failing_since), error=error, waiting=str(outbox.waiting))

    def _give_back(self, outbox: Outbox) -> None:
        """Lets another dispatcher send at once; what has arrived just now, it need not send again."""
        fields: dict[str, str] = {}
        if self._attempt is not None and outbox.outgoing is not None and self._attempt.arrives_within(LAST_WAIT):
            fields = outbox.arrived_fields(outbox.outgoing, self._now)
        self._note(**fields, holder="", leased_until="0")

    def _let_go(self) -> None:
        """Another dispatcher sends to the receiver, or nobody knows who does: what is remembered says how to go on."""
        self._abandon()
        self._outbox = None
        self._try_at, self._backoff, self._failing_since = 0.0, SHORTEST_BACKOFF, None

    def _abandon(self) -> None:
        if self._attempt is not None:
            self._hanging.append(self._attempt.thread)
            self._attempt = None

    def _note(self, **fields: str) -> bool:
        return self._store.note_alerts(self._receiver.name, self._token, **fields)

    def _tell_problem(self, action: str, text: str, error: BaseException) -> None:
        said = mask(str(error), self._receiver.secrets)
        if said != self._told_problem:
            extra = {"action": action, "receiver": self._receiver.name}
            log.warning(text, self._receiver.name, said, extra=extra)
        self._told_problem = said
