"""Who is there: instances and their names, the fence against 0.14 daemons, locks that applications take.

Knows nothing of entries.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from redis.exceptions import ResponseError

from rq_scheduler.errors import NameTaken
from rq_scheduler.store.base import fence_arguments, is_ok, mapping, text
from rq_scheduler.store.command import Command, Commands, Procedure, call, script
from rq_scheduler.store.keys import FENCE_HOLDER, FENCE_TTL_MS
from rq_scheduler.store.operation import operation
from rq_scheduler.store.rq_format import SCHEDULER_LOCK_OWNER


class PresenceCommands(Commands):
    """Operations on the instance hashes, the fence and the locks."""

    @operation
    def register_birth(
        self, name: str, fields: Mapping[str, Any], ttl: int, *, token: str = "", dead: str = ""
    ) -> Command[None]:
        """Announces an instance for `ttl` seconds. Raises NameTaken when a live one bears the name, but for the one of
        this token (an attempt whose reply was lost may be repeated) and the one of the token `dead`, which the caller
        knows to have ended: of several who replace that one, the first has the name."""

        def read(reply: Sequence[bytes]) -> None:
            if reply[0] == b"taken":
                raise NameTaken(
                    f"there is already a live scheduler named {name!r}: give this one another name, or wait until that "
                    f"one has ended (a killed one is forgotten after at most {ttl} s)"
                )

        return script("register_birth", self.keys.instance(name), ttl, token, dead, *_flat(fields), read=read)

    @operation
    def instance(self, name: str) -> Procedure[tuple[dict[str, str], int]]:
        """What an instance has told of itself, and for how many milliseconds more it is known. Empty for none."""
        key = self.keys.instance(name)
        fields = yield from call("HGETALL", key, read=mapping)
        left = yield from call("PTTL", key, read=int)
        return {text(field): text(value) for field, value in fields.items()}, max(0, left)

    @operation
    def register_death(self, name: str) -> Command[int]:
        """Frees the name of an instance."""
        return call("DEL", self.keys.instance(name), read=int)

    @operation
    def heartbeat(
        self,
        name: str,
        fields: Mapping[str, Any],
        ttl: int,
        *,
        dispatcher: bool = False,
        run_id: str = "",
        delayed_by: str = "",
        lock_holder: str = "",
    ) -> Command[int]:
        """Keeps an instance known for `ttl` seconds more. Returns the number of live dispatchers.

        `run_id` is the server's, where it tells; `delayed_by` says what kept this dispatcher from its last heartbeat,
        if anything did: "redis", which it could not reach, or "fleet". By these an outage has its cause. `lock_holder`
        is who keeps dispatchers from handing anything off.
        """
        arguments = (name, ttl, "1" if dispatcher else "0", run_id, delayed_by, lock_holder, *_flat(fields))
        return self._script("heartbeat", self.keys.instance(name), *arguments, read=_number)

    @operation
    def server_run_id(self) -> Procedure[str]:
        """What the server drew at its start; empty where it does not tell (an ACL), or is many (a cluster)."""
        try:
            told = yield from call("INFO", "server")
        except ResponseError:
            return ""
        return str(told.get("run_id", ""))

    @operation
    def leave(self, name: str) -> Command[int]:
        """Ends a dispatcher's presence; the last one lifts the fence. Returns how many stay."""
        fence_key, fence_token, _ = fence_arguments(self.keys)
        arguments = (name, fence_key, fence_token, SCHEDULER_LOCK_OWNER)
        return self._script("leave", self.keys.instance(name), *arguments, read=_number)

    @operation
    def take_fence(self) -> Command[bool]:
        """Takes the fence whoever holds it."""
        return call("SET", self.keys.fence, FENCE_HOLDER, "PX", FENCE_TTL_MS, read=bool)

    @operation
    def acquire_lock(self, owner: str, ttl: int) -> Command[bool]:
        """Takes 0.14's lock for `ttl` seconds; False while anybody (our dispatchers too) holds it."""
        return call("SET", self.keys.fence, owner, "EX", ttl, "NX", read=bool)

    @operation
    def holds_lock(self, owner: str) -> Command[bool]:
        """Whether `owner` has 0.14's lock."""
        return call("GET", self.keys.fence, read=lambda holder: holder is not None and text(holder) == owner)

    @operation
    def release_lock(self, owner: str) -> Command[bool]:
        """Gives 0.14's lock back; False, and nothing touched, when `owner` does not hold it."""
        return script("release_lock", self.keys.fence, owner, read=is_ok)

    @operation
    def eviction_policy(self) -> Procedure[str | None]:
        """The server's maxmemory-policy; None where the server does not tell (a managed Redis, an ACL)."""
        try:
            told = yield from call("CONFIG GET", "maxmemory-policy")
            return told.get("maxmemory-policy")
        except ResponseError:
            return None


def _flat(fields: Mapping[str, Any]) -> list[Any]:
    return [part for item in fields.items() for part in item]


def _number(reply: Sequence[Any]) -> int:
    return int(reply[1])
