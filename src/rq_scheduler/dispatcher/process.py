"""Which process this is, and whether one that was on this machine is gone.

Only where it can be known: a process id means something within one boot and one namespace of process ids, and both are
told by Linux alone.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from pathlib import Path

__all__ = ["identity", "is_gone"]

_STATE, _STARTED = 0, 19
"""Fields of /proc/PID/stat behind the name of the program."""


def identity() -> dict[str, str]:
    """What tells this process from all others: `host`, `pid`, `boot` (which boot, which namespace) and `started` (in
    ticks since then); the last two are empty where they cannot be known."""
    stat = _stat(os.getpid())
    return {
        "host": socket.gethostname(),
        "pid": str(os.getpid()),
        "boot": _boot(),
        "started": stat[_STARTED] if stat else "",
    }


def is_gone(told: Mapping[str, str]) -> bool:
    """Whether the process of this `identity` has certainly ended; False where that cannot be known from here."""
    here = identity()
    pid = told.get("pid", "")
    if not here["boot"] or any(told.get(name) != here[name] for name in ("host", "boot")) or not pid.isdecimal():
        return False
    try:
        os.kill(int(pid), 0)  # not by /proc alone, which may hide the processes of others
    except ProcessLookupError:
        return True
    except (OSError, OverflowError):
        return False
    stat = _stat(int(pid))
    # A zombie has ended; a process that began at another time has only been given the same id.
    return stat is not None and (stat[_STATE] in "ZX" or stat[_STARTED] != told.get("started"))


def _boot() -> str:
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot} {os.readlink('/proc/self/ns/pid')}"
    except OSError:
        return ""


def _stat(pid: int) -> list[str] | None:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
    except OSError:
        return None
    return fields if len(fields) > _STARTED else None
