"""Who is there: instances and their names, the fence against 0.14 daemons, locks that applications take.

Knows nothing of entries.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from redis.exceptions import ResponseError

from rq_scheduler.errors import NameTaken
from rq_scheduler.store import scripts
from rq_scheduler.store.base import Operations, text
from rq_scheduler.store.keys import FENCE_HOLDER, FENCE_TTL_MS
from rq_scheduler.store.rq_format import SCHEDULER_LOCK_OWNER


class PresenceOperations(Operations):
    """Operations on the instance hashes, the fence and the locks."""

    def register_birth(
        self, name: str, fields: Mapping[str, Any], ttl: int, *, token: str = "", dead: str = ""
    ) -> None:
        """Announces an instance for `ttl` seconds. Raises NameTaken when a live one bears the name, but for the one of
        this token (an attempt whose reply was lost may be repeated) and the one of the token `dead`, which the caller
        knows to have ended: of several who replace that one, the first has the name."""
        outcome = self._run("register_birth", self.keys.instance(name), ttl, token, dead, *_flat(fields))
        if outcome[0] == b"taken":
            raise NameTaken(
                f"there is already a live scheduler named {name!r}: give this one another name, or wait until that "
                f"one has ended (a killed one is forgotten after at most {ttl} s)"
            )

    def instance(self, name: str) -> tuple[dict[str, str], int]:
        """What an instance has told of itself, and for how many milliseconds more it is known. Empty for none."""
        key = self.keys.instance(name)
        fields: Mapping[Any, Any] = self.connection.hgetall(key)
        return {text(field): text(value) for field, value in fields.items()}, max(0, self.connection.pttl(key))

    def register_death(self, name: str) -> None:
        """Frees the name of an instance."""
        self.connection.delete(self.keys.instance(name))

    def heartbeat(self, name: str, fields: Mapping[str, Any], ttl: int, *, dispatcher: bool = False) -> int:
        """Keeps an instance known for `ttl` seconds more. Returns the number of live dispatchers."""
        reply = self._run(
            "heartbeat",
            self.keys.instance(name),
            *(self.keys.prefix, name, ttl, "1" if dispatcher else "0"),
            *_flat(fields),
        )
        return int(reply[1])

    def leave(self, name: str) -> int:
        """Ends a dispatcher's presence; the last one lifts the fence. Returns how many stay."""
        fence_key, fence_token, _ = self._fence
        reply = self._run(
            "leave",
            self.keys.instance(name),
            *(self.keys.prefix, name, fence_key, fence_token, SCHEDULER_LOCK_OWNER),
        )
        return int(reply[1])

    def take_fence(self) -> None:
        """Takes the fence whoever holds it."""
        self.connection.set(self.keys.fence, FENCE_HOLDER, px=FENCE_TTL_MS)

    def acquire_lock(self, owner: str, ttl: int) -> bool:
        """Takes 0.14's lock for `ttl` seconds; False while anybody (our dispatchers too) holds it."""
        return bool(self.connection.set(self.keys.fence, owner, nx=True, ex=ttl))

    def holds_lock(self, owner: str) -> bool:
        """Whether `owner` has 0.14's lock."""
        holder = self.connection.get(self.keys.fence)
        return holder is not None and text(holder) == owner

    def release_lock(self, owner: str) -> bool:
        """Gives 0.14's lock back; False, and nothing touched, when `owner` does not hold it."""
        return scripts.run(self.connection, "release_lock", [self.keys.fence], [owner])[0] == b"ok"

    def eviction_policy(self) -> str | None:
        """The server's maxmemory-policy; None where the server does not tell (a managed Redis, an ACL)."""
        try:
            return self.connection.config_get("maxmemory-policy").get("maxmemory-policy")
        except ResponseError:
            return None


def _flat(fields: Mapping[str, Any]) -> list[Any]:
    return [part for item in fields.items() for part in item]
