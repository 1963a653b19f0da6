"""Operations of the store as values: what they send, without a Redis; and that a store has no other."""

import inspect
from collections.abc import Generator
from typing import Any

import pytest

from rq_scheduler.errors import IdTaken
from rq_scheduler.store import Store
from rq_scheduler.store.command import Command, Commands, Listing, Pipeline, Procedure, call, pipeline, script
from rq_scheduler.store.executor import Executor
from rq_scheduler.store.keys import Keys
from rq_scheduler.store.operation import listing, operation, procedure
from rq_scheduler.store.store import StoreCommands

COMMANDS = StoreCommands(Keys("{site}"))

pytestmark = pytest.mark.once


class TestACommand:
    def test_is_what_it_sends(self) -> None:
        made = COMMANDS.reschedule("a", 1_500_000)
        assert (made.name, made.is_script) == ("reschedule_job", True)
        assert made.keys == ("{site}:scheduler:scheduled_jobs",)
        assert made.arguments == ("{site}", "a", "1.500000")
        assert made == COMMANDS.reschedule("a", 1_500_000) != COMMANDS.reschedule("b", 1_500_000)
        assert hash(made) == hash(COMMANDS.reschedule("a", 1_500_000))

    def test_of_redis_itself(self) -> None:
        made = COMMANDS.due_of("a")
        assert (made.name, made.keys, made.arguments) == ("ZSCORE", ("{site}:scheduler:scheduled_jobs",), ("a",))
        assert not made.is_script

    def test_sends_names_that_are_no_text_as_they_came(self) -> None:
        assert COMMANDS.due_of("\udcff").arguments == (b"\xff",)
        assert COMMANDS.due_of("é").arguments == ("é".encode(),)

    def test_reads_its_reply(self) -> None:
        assert COMMANDS.due_of("a").read(b"1.5") == 1_500_000
        assert COMMANDS.due_of("a").read(None) is None
        with pytest.raises(IdTaken, match="'a' is the id of a schedule"):
            COMMANDS.save([]).read([b"taken", b"a"])


class Replies:
    """A client that answers each command with its own words."""

    def __init__(self) -> None:
        self.sent: list[tuple[Any, ...]] = []

    def execute_command(self, *words: Any, **_: Any) -> Any:
        self.sent.append(words)
        if words[-1] == "bad":
            raise ValueError("bad")
        return words[-1]

    def pipeline(self, *, transaction: bool) -> "Together":
        assert not transaction
        return Together()


class Together:
    def __init__(self) -> None:
        self.replies: list[Any] = []

    def execute_command(self, *words: Any, **_: Any) -> None:
        self.replies.append(ValueError("bad") if words[-1] == "bad" else words[-1])

    def execute(self, *, raise_on_error: bool) -> list[Any]:
        assert not raise_on_error
        return self.replies


def _ask(what: str) -> Command[str]:
    return call("GET", what, read=lambda reply: f"<{reply}>")


class Examples(Commands):
    @operation
    def one(self, what: str) -> Command[str]:
        """What one is."""
        return _ask(what)

    @procedure
    def several(self, *each: str) -> Procedure[list[str]]:
        """What several are."""
        answers: list[str] = []
        for what in each:
            try:
                answers.append((yield from self.one(what)))
            except ValueError as error:
                answers.append(str(error))
        return answers

    @listing
    def page_by_page(self, *each: str) -> Listing[list[str]]:
        """What is read as it is used."""
        for what in each:
            answer = yield from self.one(what)
            if answer != "<empty>":
                yield [answer]

    @procedure
    def together(self, *each: str) -> Procedure[list[Any]]:
        """What travels together."""
        return (yield from pipeline(map(_ask, each)))


class Example(Examples, Executor):
    def __init__(self) -> None:
        Executor.__init__(self, Replies(), Examples(Keys()))


class TestOnAStore:
    def test_it_is_run(self) -> None:
        assert Example().one("a") == "<a>"

    def test_a_procedure_is_sent_each_answer_and_each_error(self) -> None:
        assert Example().several("a", "bad", "b") == ["<a>", "bad", "<b>"]

    def test_a_listing_is_read_as_it_is_used(self) -> None:
        store = Example()
        pages = store.page_by_page("a", "empty", "b", "c")
        assert not store.connection.sent
        assert [next(pages), next(pages)] == [["<a>"], ["<b>"]]
        assert len(store.connection.sent) == 3
        assert list(pages) == [["<c>"]]

    def test_an_error_in_a_listing_reaches_its_reader(self) -> None:
        with pytest.raises(ValueError, match="bad"):
            list(Example().page_by_page("bad"))

    def test_a_pipeline_answers_with_errors(self) -> None:
        first, error, last = Example().together("a", "bad", "b")
        assert (first, str(error), last) == ("<a>", "bad", "<b>")

    def test_an_empty_pipeline_asks_nothing(self) -> None:
        assert Example().together() == []

    def test_a_procedure_lists_nothing(self) -> None:
        with pytest.raises(TypeError, match="yields nothing but its steps"):
            Example().follow(Example().commands.page_by_page("a"))


class TestWithoutAStore:
    def test_it_is_a_value(self) -> None:
        assert Examples(Keys()).one("a") == _ask("a")
        assert isinstance(Examples(Keys()).several("a"), Generator)
        assert next(Examples(Keys()).together("a")) == Pipeline((_ask("a"),))

    def test_it_shows_its_documentation_and_its_parameters(self) -> None:
        for method in (Examples(Keys()).one, Example().one):
            assert method.__doc__ == "What one is."
            assert list(inspect.signature(method).parameters) == ["what"]
        assert inspect.signature(Store.save).parameters.keys() == {"self", "entries"}
        assert str(inspect.signature(Store(None).count)).startswith("(until: 'int | None' = None)")


NO_COMMANDS = {
    "run": "runs what the others make",
    "follow": "runs what the others make",
    "iterate": "runs what the others make",
    "load_scripts": "reads files",
}


def test_a_store_has_nothing_but_operations() -> None:
    made = {name for name, member in inspect.getmembers_static(StoreCommands) if isinstance(member, operation)}
    assert {"save", "cancel", "heartbeat"} <= made


def test_scripts_take_their_key_and_the_prefix() -> None:
    assert script("x", "k", 1, "ü", read=bool) == Command("x", ("k",), (1, "ü".encode()), bool, is_script=True)
