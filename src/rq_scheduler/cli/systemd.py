"""Tells systemd how a dispatcher is (`Type=notify`, sd_notify(3)): ready, stopping, and that it is alive, from a thread
of its own. Without systemd it does nothing."""

from __future__ import annotations

import os
import socket
from collections.abc import Generator
from contextlib import contextmanager, suppress
from threading import Event, Thread

from rq_scheduler.dispatcher.liveness import Liveness

__all__ = ["notifying"]

_EVERY = 1.0
"""Seconds between two looks, or a third of what the watchdog allows if that is less."""


@contextmanager
def notifying(liveness: Liveness) -> Generator[None]:
    """READY=1 once it serves, STATUS= what it does, WATCHDOG=1 as long as it is alive, STOPPING=1 at the end."""
    place = os.environ.pop("NOTIFY_SOCKET", "")  # not for our children
    if not place:
        yield
        return
    patience = int(os.environ.pop("WATCHDOG_USEC", "0") or 0) / 1_000_000
    ended = Event()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as channel:

        def send(*lines: str) -> None:
            with suppress(OSError):  # systemd is being restarted; the next look tells it
                channel.sendto("\n".join(lines).encode(), "\0" + place[1:] if place[0] == "@" else place)

        def tell() -> None:
            is_told, said = False, ""
            while not ended.wait(min(_EVERY, patience / 3) if patience else _EVERY):
                lines: list[str] = []
                if not is_told and liveness.is_ready:
                    is_told = True
                    lines.append("READY=1")
                if liveness.sentence != said:
                    said = liveness.sentence
                    lines.append(f"STATUS={said}")
                if patience and liveness.is_alive:
                    lines.append("WATCHDOG=1")
                if lines:
                    send(*lines)

        thread = Thread(target=tell, name="systemd", daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()
            send("STOPPING=1", "STATUS=it has left")
