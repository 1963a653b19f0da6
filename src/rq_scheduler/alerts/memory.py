"""What is remembered of a receiver beside its place, as text: it outlives the dispatcher that sends to it. Pure."""

from __future__ import annotations

import msgspec

__all__ = ["Memory", "may_send", "of_last_hour", "read_memory", "write_memory"]

_HOUR_US = 3_600_000_000


class Memory(msgspec.Struct, frozen=True):
    """open: the states that were told to have begun (`OpenStates.names`). sent: when the messages of the last hour were
    taken, in microseconds."""

    open: tuple[str, ...] = ()
    sent: tuple[int, ...] = ()


def read_memory(text: str) -> Memory:
    """A memory from its text; an empty one where that is none."""
    try:
        return msgspec.json.decode(text.encode(), type=Memory)
    except (msgspec.MsgspecError, UnicodeEncodeError):
        return Memory()


def write_memory(memory: Memory) -> str:
    """Its text."""
    return msgspec.json.encode(memory).decode()


def may_send(sent: tuple[int, ...], max_per_hour: int, now: int) -> bool:
    """Whether one message more may be sent in this hour."""
    return len(of_last_hour(sent, now)) < max_per_hour


def of_last_hour(sent: tuple[int, ...], now: int) -> tuple[int, ...]:
    """Those of the moments that count. The server's clock may have been put back: what is to come counts for none."""
    return tuple(at for at in sent if now - _HOUR_US < at <= now)
