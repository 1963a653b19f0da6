"""What a dispatcher's log says, and how often: each matter once, then by number, however many entries it befalls."""

import logging
from collections.abc import Callable
from typing import Any

import pytest
import redis as redis_py

from making import Told, add, dispatcher, now_us, recurring, waiting
from making_schedules import due_again, put_due, spec
from rq_scheduler.dispatcher import Dispatcher, LogEvents
from rq_scheduler.dispatcher.log_rate_limit import MAX_LINES, WINDOW_SECONDS, LogRateLimit, some_of
from rq_scheduler.planning import Missed
from rq_scheduler.store import Store
from rq_scheduler.store.outcomes import Dropped, Fenced

MANY = 3_000


class Clock:
    """Monotonic seconds that a test moves."""

    def __init__(self) -> None:
        self.now = 5.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def events(clock: Clock) -> LogEvents:
    return LogEvents(LogRateLimit(clock))


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> Callable[[], list[logging.LogRecord]]:
    """What was logged at INFO and above."""
    caplog.set_level(logging.DEBUG, logger="rq_scheduler")
    return lambda: [record for record in caplog.records if record.levelno >= logging.INFO]


Lines = Callable[[], list[logging.LogRecord]]

OF_MANY: dict[str, Callable[[LogEvents, str], None]] = {
    "skipped": lambda events, it: events.not_run(it, 0, "skipped"),
    "buffered": lambda events, it: events.not_run(it, 0, "buffered"),
    "missed": lambda events, it: events.missed(it, Missed(1, 0, 0)),
    "deleted": lambda events, it: events.ended(it),
    "paused": lambda events, it: events.paused(it, "paused after 3 failed runs in a row"),
    "not_stopped": lambda events, it: events.not_stopped(it, ValueError("no")),
    "quarantined": lambda events, it: events.dropped(Dropped(it, 0, "its job is gone")),
    "canceled": lambda events, it: events.dropped(Dropped(it, 0, "canceled")),
    "put_off": lambda events, it: events.put_off(it, ImportError(it)),
    "newer_format": lambda events, it: events.unreadable_spec(it),
    "fenced": lambda events, it: events.fenced(Fenced(0, it, 1000)),
    "unfenced": lambda events, it: events.unfenced(),
    "taken_on": lambda events, it: events.taken_on([(it, 0)]),
    "unattended": lambda events, it: events.unattended([it]),
    "redis_lost": lambda events, it: events.redis_lost(ConnectionError(it)),
    "redis_back": lambda events, it: events.redis_back(1.0),
    "misfit": lambda events, it: events.misfit([it], ValueError("WRONGTYPE")),
}


class TestOfMany:
    @pytest.mark.parametrize("action", OF_MANY)
    def test_a_few_lines_a_minute_and_then_the_number(
        self, events: LogEvents, clock: Clock, lines: Lines, caplog: pytest.LogCaptureFixture, action: str
    ) -> None:
        for n in range(MANY):
            OF_MANY[action](events, f"id-{n}")
        assert [record.action for record in lines()] == [action] * MAX_LINES  # type: ignore[attr-defined]
        assert sum(record.action == action for record in caplog.records) == MANY, "each is there at DEBUG"  # type: ignore[attr-defined]
        clock.now += WINDOW_SECONDS + 1
        events.goes_on()
        *_, number = lines()
        assert (number.action, number.count) == (action, MANY - MAX_LINES)  # type: ignore[attr-defined]
        assert str(MANY - MAX_LINES) in number.getMessage()
        assert number.levelno == lines()[0].levelno
        events.goes_on()
        assert len(lines()) == MAX_LINES + 1, "told once"

    @pytest.mark.parametrize("action", OF_MANY)
    def test_the_next_minute_is_told_again(self, events: LogEvents, clock: Clock, lines: Lines, action: str) -> None:
        for n in range(3 * MAX_LINES):
            clock.now += WINDOW_SECONDS + 1
            OF_MANY[action](events, f"id-{n}")
        assert len(lines()) == 3 * MAX_LINES

    def test_one_kind_does_not_hide_another(self, events: LogEvents, lines: Lines) -> None:
        for n in range(MANY):
            events.not_run(f"id-{n}", 0, "skipped")
        events.dropped(Dropped("lost", 0, "its job is gone"))
        assert lines()[-1].getMessage() == "lost is in quarantine: its job is gone"

    def test_the_end_tells_what_was_withheld(self, events: LogEvents, lines: Lines) -> None:
        for n in range(MANY):
            events.not_run(f"id-{n}", 0, "skipped")
        events.stopped("me", 0)
        assert [record.action for record in lines()[-2:]] == ["skipped", "stopped"]  # type: ignore[attr-defined]


class TestHeldUp:
    """A schedule whose runs are skipped, or put off, one after the other."""

    def test_is_told_when_it_begins_by_number_and_when_it_ends(
        self, events: LogEvents, clock: Clock, lines: Lines
    ) -> None:
        for n in range(4528):
            clock.now += 1
            events.not_run("a", n * 1_000_000, "skipped")
        assert "a" in events.held_up
        events.runs_again("a")
        told = [(record.action, record.count) for record in lines()]  # type: ignore[attr-defined]
        assert told == [("skipped", 1), ("skipped", 10), ("skipped", 100), ("skipped", 1000), ("runs_again", 4528)]
        assert "1000 runs not started so far" in lines()[-2].getMessage()
        assert "after 4528 run(s)" in lines()[-1].getMessage()
        assert "a" not in events.held_up

    def test_once_is_no_stretch(self, events: LogEvents, lines: Lines) -> None:
        for _ in range(3):
            events.not_run("a", 0, "skipped")
            events.runs_again("a")
            events.runs_again("a")
            events.not_run("b", 0, "skipped")
        assert [record.id for record in lines()] == ["a", "b", "a", "a"]  # type: ignore[attr-defined]

    def test_what_is_remembered_of_many_is_bounded(self, events: LogEvents) -> None:
        for n in range(25_000):
            events.not_run(f"id-{n}", 0, "skipped")
        assert len(events.held_up) <= 10_000


class TestQueues:
    def test_many_are_one_line(self, events: LogEvents, lines: Lines, caplog: pytest.LogCaptureFixture) -> None:
        names = [f"queue-{n:04}" for n in range(2_000)]
        events.taken_on([(name, 0) for name in names])
        (line,) = lines()
        assert "queue-0000, queue-0001, queue-0002 and 1997 other(s)" in line.getMessage()
        assert (line.action, line.queues, line.held) == ("taken_on", 2_000, 0)  # type: ignore[attr-defined]
        assert "queue-1999" in caplog.text, "the whole list is at DEBUG"
        events.unattended(names)
        assert len(lines()) == 2
        assert "1997 other(s)" in lines()[1].getMessage()

    def test_those_that_hold_what_is_overdue_are_told_apart(self, events: LogEvents, lines: Lines) -> None:
        events.taken_on([("a", 0), ("b", 3), ("c", 4), ("d", 0)])
        held, plain = lines()
        assert held.levelno == logging.WARNING
        assert "queue b, c are served from now on, but 7 over an hour overdue" in held.getMessage()
        assert "queue a, d are served" in plain.getMessage()

    def test_one_is_named(self, events: LogEvents, lines: Lines) -> None:
        events.taken_on([("a", 3)])
        assert (lines()[0].queue, lines()[0].held) == ("a", 3)  # type: ignore[attr-defined]

    def test_one_that_comes_and_goes_is_told_once(self, events: LogEvents, clock: Clock, lines: Lines) -> None:
        for _ in range(50):
            clock.now += WINDOW_SECONDS + 1
            events.taken_on([("a", 0)])
        assert len(lines()) == 1

    @pytest.mark.parametrize(("count", "text"), [(1, "a0"), (3, "a0, a1, a2"), (5, "a0, a1, a2 and 2 other(s)")])
    def test_some_of_them(self, count: int, text: str) -> None:
        assert some_of([f"a{n}" for n in range(count)]) == text


class Listening(Told):
    """Also counts what is told of queues, and of what runs again."""

    def __init__(self) -> None:
        super().__init__()
        self.again: list[str] = []
        self.calls: list[str] = []

    @property
    def held_up(self) -> set[str]:
        return {id for id, _, _ in self.skips}

    def runs_again(self, id: str) -> None:
        self.again.append(id)

    def taken_on(self, queues: Any) -> None:
        self.calls.append("taken_on")

    def unattended(self, queues: Any) -> None:
        self.calls.append("unattended")


class Plain(Listening):
    """As a log is that does not name each job."""

    wants_each_job = False  # type: ignore[assignment]


class TestADispatcher:
    @pytest.mark.parametrize("kind", [Listening, Plain])
    def test_tells_when_a_schedule_runs_again(self, redis: redis_py.Redis, store: Store, kind: type[Listening]) -> None:
        told = kind()
        served = dispatcher(redis, told)
        put_due(store, of=spec(overlap="skip"))
        passes(served)
        for _ in range(2):
            due_again(store)
            passes(served)
        assert len(told.skips) == 2
        assert told.again == []
        finish_all(redis)
        due_again(store)
        passes(served)
        assert told.again == ["s"]

    def test_tells_when_a_recurring_job_runs_again(self, redis: redis_py.Redis, store: Store) -> None:
        told = Listening()
        served = dispatcher(redis, told)
        add(store, recurring(redis, "r", now_us(redis) - 1000))
        passes(served)
        store.reschedule("r", now_us(redis) - 1000)
        passes(served)
        assert (told.skips[0][0], told.again) == ("r", [])
        finish_all(redis)
        store.reschedule("r", now_us(redis) - 1000)
        passes(served)
        assert told.again == ["r"]

    def test_tells_of_all_queues_at_once(self, redis: redis_py.Redis, running: Callable[..., Dispatcher]) -> None:
        for n in range(700):
            redis.zadd(f"rq:scheduled:q{n}", {"a": 5e9})
            redis.sadd("rq:queues", f"rq:queue:q{n}")
        told = Listening()
        dispatcher(redis, told).dispatch_once()
        assert told.calls == ["taken_on"]


def passes(served: Dispatcher) -> None:
    for _ in range(4):
        served.dispatch_once()


def finish_all(redis: redis_py.Redis) -> None:
    for id in waiting(redis):
        redis.hset(f"rq:job:{id}", "status", "finished")
    redis.delete("rq:queue:default")
