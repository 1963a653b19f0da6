"""One try to send one message, in a thread that nobody has to wait for. Owns how long it may take.

A thread cannot be ended from outside. One whose receiver never answers is left behind; at its end a process does not
wait for it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import timedelta

from rq_scheduler.alerts.receivers import Message, Receiver, words_of
from rq_scheduler.humanize import length

__all__ = ["Attempt"]


class Attempt:
    """Begins when it is made. `done` is called at the end, in the other thread."""

    def __init__(self, receiver: Receiver, message: Message, done: Callable[[], object] = lambda: None) -> None:
        self.answer: str = ""
        self.error: str | None = None
        self._receiver, self._message, self._done = receiver, message, done
        self._ends_at = time.monotonic() + receiver.timeout_seconds
        self._over = threading.Event()
        self.thread: threading.Thread = threading.Thread(
            target=self._run, name=f"alert to {receiver.name}", daemon=True
        )
        self.thread.start()

    def is_over(self) -> bool:
        """Whether the message has arrived, or has not (then `error` says why) in the time that it may take."""
        if self._over.is_set():
            return True
        if time.monotonic() < self._ends_at:
            return False
        self.error = f"no answer within {length(timedelta(seconds=self._receiver.timeout_seconds))}"
        return True

    def _run(self) -> None:
        error = None
        try:
            self.answer = self._receiver.send(self._message) or "taken"
        except BaseException as raised:  # noqa: BLE001  anything that a function of an application may raise
            error = words_of(raised, self._receiver.secrets)
        self.error = error
        self._over.set()
        self._done()

    def arrives_within(self, seconds: float) -> bool:
        """Whether the message arrives, waiting for it so long at most."""
        return self._over.wait(seconds) and self.error is None

    def wait(self) -> None:
        """Until it is over."""
        self._over.wait(max(0.0, self._ends_at - time.monotonic()))
