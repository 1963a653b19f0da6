"""Requests that must not be done twice: with an Idempotency-Key, the answer is remembered for a day, and given again.

A request whose process died in between may be sent again after a minute. What was refused is not remembered.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import msgspec

from rq_scheduler.client.context import SchedulerContext
from rq_scheduler.web.api.route import Answer
from rq_scheduler.web.problems import Refused

__all__ = ["Once"]

REMEMBERED = 86_400
UNDERWAY = 60
"""Seconds."""

_MAX_KEY = 200


class _State(msgspec.Struct, frozen=True):
    body: str
    status: int = 0
    answer: Any = None
    headers: dict[str, str] = {}


class Once:
    """The memory of one Redis."""

    def __init__(self, context: SchedulerContext) -> None:
        self._store = context.store

    def do(self, actor: str, path: str, key: str | None, body: bytes, call: Callable[[], Answer]) -> Answer:
        """Makes the call, unless it was made before with that key, by the same visitor at the same path; then what it
        gave. Raises Refused for a key that was given with another body, or whose request is still being done."""
        if key is None:
            return call()
        if not key.strip() or not key.isprintable() or len(key) > _MAX_KEY:
            raise Refused(400, "bad-key", f"an Idempotency-Key has 1 to {_MAX_KEY} printable characters")
        digest = _digest(actor, path, key)
        state = _State(hashlib.sha256(body).hexdigest())
        known = self._store.begin_once(digest, msgspec.json.encode(state).decode(), UNDERWAY)
        if known is not None:
            return _again(msgspec.json.decode(known, type=_State), state)
        try:
            answer = call()
        except BaseException:
            self._store.forget_once(digest)
            raise
        done = _State(state.body, answer.status, answer.body, dict(answer.headers))
        self._store.end_once(digest, msgspec.json.encode(done).decode(), REMEMBERED)
        return answer


def _again(known: _State, asked: _State) -> Answer:
    if known.body != asked.body:
        raise Refused(422, "key-reused", "this Idempotency-Key came with another body before: give each its own")
    if not known.status:
        raise Refused(409, "underway", "the request with this Idempotency-Key is being done", {"retry-after": "1"})
    return Answer(known.answer, known.status, {**known.headers, "idempotency-replayed": "true"})


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode(errors="replace")).hexdigest()
