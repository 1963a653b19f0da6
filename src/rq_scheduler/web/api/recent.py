"""Answers that take seconds to work out and change slowly: worked out beside the requests, one after the other, and
given again for half a minute, or for ten times as long as they took. They say themselves as of when they are."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from threading import Event, Lock, Thread
from time import monotonic
from typing import Any, Generic, TypeVar, cast
from weakref import WeakKeyDictionary

from rq_scheduler.web.problems import Refused

__all__ = ["WORKER", "Recent"]

T = TypeVar("T")
V = TypeVar("V")

WORKER = "rq-scheduler-recent"
"""The name of the threads that work something out."""

SECONDS = 30.0
SHARE = 10
"""What takes seconds is not worked out anew all the time, however many look at it: a tenth of a core, at most."""

MOST = 16
"""Answers of one Redis that are kept, and questions that may wait for theirs."""

PATIENCE = 0.03
"""Seconds after a question in which pages wait for its answer: what is worked out by then is on them at once."""


class _Question(Generic[T]):
    """What is being worked out."""

    def __init__(self, work_out: Callable[[], T], now: float) -> None:
        self.work_out = work_out
        self.asked_at = now
        self.done = Event()
        self.answer: T | None = None
        self.error: Exception | None = None


class _Kept(Generic[T]):
    """Of one Redis: answers by what was asked, each with the time until which it is fresh; what is asked now; and
    errors that nobody waited for."""

    def __init__(self) -> None:
        self.lock = Lock()
        self.answers = OrderedDict[Hashable, tuple[float, T]]()
        self.asked = OrderedDict[Hashable, _Question[T]]()
        self.errors = OrderedDict[Hashable, Exception]()


class Recent(Generic[T]):
    """What was worked out lately, by connection and by what was asked."""

    def __init__(self, clock: Callable[[], float] = monotonic, seconds: float = SECONDS) -> None:
        self._seconds = seconds
        self._clock = clock
        self._lock = Lock()
        self._kept = WeakKeyDictionary[Any, _Kept[T]]()

    def get(self, connection: Any, asked: Hashable, work_out: Callable[[], T]) -> T:
        """The answer to it, a fresh one; waits for it. Raises what `work_out` does, which is not kept, and Refused
        where too much else is asked."""
        kept = self._of(connection)
        known, question = self._ask(kept, asked, work_out)
        if question is None:
            if known is None:
                raise Refused(503, "busy", "too much is asked of this application: ask again in some seconds")
            return known
        question.done.wait()
        return _answered(kept, asked, question)

    def soon(self, connection: Any, asked: Hashable, work_out: Callable[[], T]) -> T | None:
        """The answer to it, which may be an old one; None where there is none yet: ask again. Raises what `work_out`
        does, or did when it was asked before."""
        kept = self._of(connection)
        with kept.lock:
            error = kept.errors.pop(asked, None)
        if error is not None:
            raise error
        known, question = self._ask(kept, asked, work_out)
        if question is not None and question.done.wait(max(0.0, question.asked_at + PATIENCE - self._clock())):
            return _answered(kept, asked, question)
        return known

    def _of(self, connection: Any) -> _Kept[T]:
        with self._lock:
            return self._kept.setdefault(connection, _Kept())

    def _ask(self, kept: _Kept[T], asked: Hashable, work_out: Callable[[], T]) -> tuple[T | None, _Question[T] | None]:
        """What is known, and what is being worked out unless that is fresh; neither where too much else is asked."""
        with kept.lock:
            until, known = kept.answers.get(asked, (0.0, None))
            if known is not None and self._clock() < until:
                return known, None
            question = kept.asked.get(asked)
            if question is None and len(kept.asked) < MOST:
                question = kept.asked[asked] = _Question(work_out, self._clock())
                if len(kept.asked) == 1:
                    Thread(target=self._work, args=(kept,), name=WORKER, daemon=True).start()
            return known, question

    def _work(self, kept: _Kept[T]) -> None:
        """Answers what is asked, one after the other, until nothing is."""
        while True:
            with kept.lock:
                asked, question = next(iter(kept.asked.items()))
            began = self._clock()
            try:
                question.answer = question.work_out()
            except Exception as error:  # noqa: BLE001  raised where it was asked
                question.error = error
            with kept.lock:
                now = self._clock()
                if question.answer is not None:
                    until = now + max(self._seconds, SHARE * (now - began))
                    _keep(kept.answers, asked, (until, question.answer))
                elif question.error is not None:
                    _keep(kept.errors, asked, question.error)
                del kept.asked[asked]
                question.done.set()
                if not kept.asked:
                    return


def _keep(into: OrderedDict[Hashable, V], asked: Hashable, value: V) -> None:
    into[asked] = value
    into.move_to_end(asked)
    while len(into) > MOST:
        into.popitem(last=False)


def _answered(kept: _Kept[T], asked: Hashable, question: _Question[T]) -> T:
    if question.error is None:
        return cast("T", question.answer)
    with kept.lock:
        kept.errors.pop(asked, None)
    raise question.error
