"""Operations of the store as values: what they send, without a Redis; and that a store has no other."""

import inspect
from collections.abc import Generator
from contextlib import suppress
from typing import Any

import pytest

from rq_scheduler.errors import IdTaken
from rq_scheduler.model import Spec
from rq_scheduler.planning import Coming, Instant
from rq_scheduler.store import NewEntry, Store
from rq_scheduler.store.command import Command, Commands, Listing, Pipeline, Procedure, call, pipeline
from rq_scheduler.store.entries import Place
from rq_scheduler.store.executor import Executor
from rq_scheduler.store.fires import PlanWrite
from rq_scheduler.store.keys import Keys
from rq_scheduler.store.operation import listing, operation
from rq_scheduler.store.plans import Unplanned
from rq_scheduler.store.quarantine import Held, Origin
from rq_scheduler.store.schedules import Filter, JobFields, Stored, Write
from rq_scheduler.store.series import Adoption, Record
from rq_scheduler.store.settling import RunError
from rq_scheduler.store.store import StoreCommands
from rq_scheduler.triggers import Every
from store.headers import section, takes

COMMANDS = StoreCommands(Keys("{site}"))

pytestmark = pytest.mark.once


class TestACommand:
    def test_is_what_it_sends(self) -> None:
        made = COMMANDS.reschedule("a", 1_500_000)
        assert (made.name, made.is_script) == ("reschedule_job", True)
        assert made.keys == ("{site}:scheduler:scheduled_jobs",)
        assert made.arguments == ("{site}", "a", "1.500000", "", "0")
        assert made == COMMANDS.reschedule("a", 1_500_000) != COMMANDS.reschedule("b", 1_500_000)
        assert hash(made) == hash(COMMANDS.reschedule("a", 1_500_000))

    def test_of_redis_itself(self) -> None:
        made = COMMANDS.job_fields("a")
        assert made == Command("HGETALL", (), ("{site}:job:a",), made.read)
        assert made != Command("HGETALL", (), made.arguments, made.read, is_script=True)

    def test_sends_names_that_are_no_text_as_they_came(self) -> None:
        assert COMMANDS.find("\udcff").arguments[1] == b"\xff"
        assert COMMANDS.find("é").arguments[1] == "é".encode()

    def test_reads_its_reply(self) -> None:
        assert COMMANDS.find("a").read([b"1.5", b"1"]) == Place(1_500_000, parked=True)
        assert COMMANDS.find("a").read([]) is None
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

    @operation
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

    @operation
    def together(self, *each: str) -> Procedure[list[Any]]:
        """What travels together."""
        return (yield from pipeline(map(_ask, each)))


class Example(Executor, Examples):
    makes = Examples


def _example() -> Example:
    return Example(Replies())


class TestOnAStore:
    def test_it_is_run(self) -> None:
        assert _example().one("a") == "<a>"

    def test_a_procedure_is_sent_each_answer_and_each_error(self) -> None:
        assert _example().several("a", "bad", "b") == ["<a>", "bad", "<b>"]

    def test_a_listing_is_read_as_it_is_used(self) -> None:
        store = _example()
        pages = store.page_by_page("a", "empty", "b", "c")
        assert not store.connection.sent
        assert [next(pages), next(pages)] == [["<a>"], ["<b>"]]
        assert len(store.connection.sent) == 3
        assert list(pages) == [["<c>"]]

    def test_an_error_in_a_listing_reaches_its_reader(self) -> None:
        with pytest.raises(ValueError, match="bad"):
            list(_example().page_by_page("bad"))

    def test_a_pipeline_answers_with_errors(self) -> None:
        first, error, last = _example().together("a", "bad", "b")
        assert (first, str(error), last) == ("<a>", "bad", "<b>")

    def test_an_empty_pipeline_asks_nothing(self) -> None:
        assert _example().together() == []

    def test_a_listing_has_no_answer(self) -> None:
        with pytest.raises(TypeError, match="is a listing: iterate it"):
            _example().run(_example().commands.page_by_page("a"))

    def test_what_was_made_before_is_run(self) -> None:
        assert _example().run(Examples(Keys()).several("a", "b")) == ["<a>", "<b>"]


class TestWithoutAStore:
    def test_it_is_a_value(self) -> None:
        assert Examples(Keys()).one("a") == _ask("a")
        assert isinstance(Examples(Keys()).several("a"), Generator)
        assert next(Examples(Keys()).together("a")) == Pipeline((_ask("a"),))

    def test_it_shows_its_documentation_and_its_parameters(self) -> None:
        for method in (Examples(Keys()).one, _example().one):
            assert method.__doc__ == "What one is."
            assert list(inspect.signature(method).parameters) == ["what"]
        assert inspect.signature(Store.save).parameters.keys() == {"self", "entries"}
        assert str(inspect.signature(Store(None).count)).startswith("(until: 'int | None' = None)")


SPEC = Spec(trigger=Every(60))
RECORD = Record("r", 0, "1", b"", b"", b"", b"", b"", None)
STORED = Stored("a", "schedule", None, "", {}, {})
TEMPLATE = JobFields({"data": b"", "origin": "q"}, "f", "f()", "q")
UNPLANNED = Unplanned("a", 5, "1", b"", "", 5, None, 0, "")
HELD = Held("a", b"{}", "why", None, None, Origin.UNKNOWN, None)

# Each operation of a store, with the answers to its first steps where others follow.
EXAMPLES: dict[str, tuple[Any, ...]] = {
    "server_time": (COMMANDS.server_time(),),
    "save": (COMMANDS.save([NewEntry("a", "rq:job:a", 0, {"data": b"\xff"})]),),
    "cancel": (COMMANDS.cancel("a", 60, due=5),),
    "reschedule": (COMMANDS.reschedule("a", 5),),
    "redefine": (COMMANDS.redefine("a", "1", 5, SPEC, Instant(5, 6), {}),),
    "find": (COMMANDS.find("a"),),
    "due_of": (COMMANDS.due_of("a"),),
    "release_parked": (COMMANDS.release_parked(),),
    "count": (COMMANDS.count(),),
    "job": (COMMANDS.job("a"),),
    "job_fields": (COMMANDS.job_fields("a"),),
    "pages": (COMMANDS.pages(),),
    "read_definitions": (COMMANDS.read_definitions(["a", "b"]),),
    "write_schedule": (COMMANDS.write_schedule(Write("a", "", SPEC, TEMPLATE)),),
    "write_schedules": (COMMANDS.write_schedules([Write("a", ""), Write("b", "", SPEC, TEMPLATE)]),),
    "delete_schedule": (COMMANDS.delete_schedule("a"),),
    "rename_schedule": (COMMANDS.rename_schedule(STORED, "b"),),
    "count_schedules": (COMMANDS.count_schedules(),),
    "count_in_list": (COMMANDS.count_in_list(Filter(tag="t", starts_with="a")), 7),
    "has_schedule": (COMMANDS.has_schedule("a"),),
    "find_schedules": (COMMANDS.find_schedules(Filter(tag="t", owner="o")),),
    "pending_ids": (COMMANDS.pending_ids(["a"]),),
    "coming": (COMMANDS.coming(10), ([], []), ([], [])),
    "read_timings": (COMMANDS.read_timings(["a", "b"]),),
    "read_runs": (COMMANDS.read_runs("a", 10),),
    "read_many_runs": (COMMANDS.read_many_runs(["a", "b"], 10),),
    "count_states": (COMMANDS.count_states(), [1, 2, 3, 4]),
    "not_run": (COMMANDS.not_run(5, 10),),
    "find_not_run": (COMMANDS.find_not_run("a", 5, 10),),
    "take_to_plan": (COMMANDS.take_to_plan(10),),
    "put_off_plans": (COMMANDS.put_off_plans(["a", "b"], 5),),
    "give_back_plans": (COMMANDS.give_back_plans(["a", "b"]), None),
    "taken_until": (COMMANDS.taken_until(),),
    "counts_by_time": (COMMANDS.counts_by_time([0, 5, 9]),),
    "recurring_among": (COMMANDS.recurring_among(["a"]), [None]),
    "spread": (COMMANDS.spread(0, 5, 9), [3, 1, b"1", b"a"], [3, 1, b"", b""]),
    "move_queue": (COMMANDS.move_queue("q", "other"), [5, 2], [2, 0]),
    "note_action": (COMMANDS.note_action("stopped", "a", how="asked"),),
    "take_ended_pauses": (COMMANDS.take_ended_pauses(10),),
    "put_off_resumption": (COMMANDS.put_off_resumption("a", 5),),
    "put_aside": (COMMANDS.put_aside(UNPLANNED, "why"),),
    "fire": (COMMANDS.fire((b"1", b"a"), looks=9, runs=9, copies=9),),
    "write_plans": (COMMANDS.write_plans([PlanWrite(UNPLANNED, SPEC, Coming((Instant(5, 6),), True), "1")], 5),),
    "start_buffered": (COMMANDS.start_buffered(9, 9, found=("a", "gone a-1")),),
    "run_now": (COMMANDS.run_now("a", SPEC, 1, 5, force=True),),
    "backfill": (COMMANDS.backfill("a", "", "0..9", [5, 6]),),
    "settle_runs": (COMMANDS.settle_runs(9),),
    "note_alerts": (COMMANDS.note_alerts("ops", "token", place="0-0"),),
    "note_errors": (COMMANDS.note_errors([RunError("a 1 -b", "c", "m:1", "E")]),),
    "held_count": (COMMANDS.held_count(),),
    "held_entry": (COMMANDS.held_entry("a"),),
    "held_pages": (COMMANDS.held_pages(),),
    "retry_entries": (COMMANDS.retry_entries(["a", "b"]), [True, False]),
    "purge_entries": (COMMANDS.purge_entries([HELD], 60),),
    "adopt": (COMMANDS.adopt([Adoption(RECORD, SPEC), Adoption(RECORD, SPEC, 3)]),),
    "read_recurring": (
        COMMANDS.read_recurring(["a"]),
        [5.0, [b"job", b"1", b"{}", b"", b"", None, None], [b"", b""]],
    ),
    "want_plans": (COMMANDS.want_plans(["a", "b"], 5),),
    "tend_schedules": (COMMANDS.tend_schedules(0, 2), (b"0", [(b"a", 0.0), (b"b", 0.0)])),
    "tend_ended": (COMMANDS.tend_ended(),),
    "forget_schedule": (COMMANDS.forget_schedule(RECORD),),
    "hand_off_jobs": (COMMANDS.hand_off_jobs((b"1", b"a"), 9),),
    "serve_registries": (COMMANDS.serve_registries(b"0", 9, "hold", ["a"]),),
    "quarantine": (COMMANDS.quarantine("a", 5, "why"),),
    "claim": (COMMANDS.claim("rq:scheduler:via_rq", "a", 5, 60),),
    "release_claim": (COMMANDS.release_claim("a"),),
    "is_waiting": (COMMANDS.is_waiting("a", "q"), None),
    "take_via_rq": (COMMANDS.take_via_rq(9),),
    "give_back_via_rq": (COMMANDS.give_back_via_rq(["a", "b"]),),
    "remove_via_rq": (COMMANDS.remove_via_rq("a"),),
    "register_birth": (COMMANDS.register_birth("me", {"pid": 1}, 60),),
    "instance": (COMMANDS.instance("me"), {}),
    "register_death": (COMMANDS.register_death("me"),),
    "heartbeat": (COMMANDS.heartbeat("me", {"pid": 1}, 60),),
    "server_run_id": (COMMANDS.server_run_id(),),
    "leave": (COMMANDS.leave("me"),),
    "look_around": (COMMANDS.look_around("me"),),
    "dispatchers": (COMMANDS.dispatchers(), 5, {}, {"a": 1}),
    "last_heartbeat": (COMMANDS.last_heartbeat(), {}),
    "outages": (COMMANDS.outages(0, 5),),
    "workers": (COMMANDS.workers(), {}),
    "lateness": (COMMANDS.lateness(0, 5),),
    "unserved": (COMMANDS.unserved(),),
    "count_hand_off": (COMMANDS.count_hand_off("one-off", "q"),),
    "take_fence": (COMMANDS.take_fence(),),
    "acquire_lock": (COMMANDS.acquire_lock("me", 60),),
    "holds_lock": (COMMANDS.holds_lock("me"),),
    "release_lock": (COMMANDS.release_lock("me"),),
    "eviction_policy": (COMMANDS.eviction_policy(),),
    "job_trace": (COMMANDS.job_trace("a", 5), [[None] * 10, None, None, None, 0], [None, None, None]),
    "last_exception": (COMMANDS.last_exception("a"),),
    "queue_trace": (COMMANDS.queue_trace("q"), [0, 0, [0, [b"rq:worker:w"]]], [[b"b", None, b"h"]]),
    "service_trace": (COMMANDS.service_trace("a", 5), [[b"me"], None, [b"enqueued 5 5 a"]]),
    "read_versions": (COMMANDS.read_versions("a"),),
    "find_audited": (COMMANDS.find_audited(["a"], 5, 6), [0, b"", []]),
    "read_audit": (COMMANDS.read_audit(5, 6),),
    "read_events": (COMMANDS.read_events(5, 6),),
    "newest_event": (COMMANDS.newest_event(),),
    "events_behind": (COMMANDS.events_behind("0-0", 5),),
    "note_event": (COMMANDS.note_event("logins_refused", "192.0.2.1", failures="10"),),
    "make_token": (COMMANDS.make_token("a", "{}", name="deploy"),),
    "revoke_token": (COMMANDS.revoke_token("a", name="deploy"),),
    "token": (COMMANDS.token("a"),),
    "tokens": (COMMANDS.tokens(),),
    "open_session": (COMMANDS.open_session("d", "a", 60),),
    "session": (COMMANDS.session("d"),),
    "close_session": (COMMANDS.close_session("d"),),
    "take_alerts": (COMMANDS.take_alerts("ops", "token", 15.0),),
    "forget_alert_receiver": (COMMANDS.forget_alert_receiver("ops"),),
    "begin_once": (COMMANDS.begin_once("d", "{}", 60), None, b"{}"),
    "end_once": (COMMANDS.end_once("d", "{}", 60),),
    "forget_once": (COMMANDS.forget_once("d"),),
}


def _steps(made: Any, *answers: Any) -> list[Command[Any]]:
    """The commands that are sent, as far as there are answers."""
    going = iter(made)
    steps = [next(going)]
    with suppress(StopIteration):
        steps += [going.send(answer) for answer in answers]
    return [command for step in steps for command in (step.commands if isinstance(step, Pipeline) else [step])]


class TestOfAStore:
    def test_all_are_operations(self) -> None:
        public = {name for name in dir(StoreCommands) if not name.startswith("_")}
        kinds = (operation, listing)
        assert {name for name in public if isinstance(inspect.getattr_static(StoreCommands, name), kinds)} == public
        assert public == set(EXAMPLES)

    @pytest.mark.parametrize("name", EXAMPLES)
    def test_they_send_what_headers_say(self, name: str) -> None:
        for command in _steps(*EXAMPLES[name]):
            assert all(isinstance(sent, str | bytes | int | float) for sent in command.arguments)
            if command.is_script:
                count = len(command.arguments)
                assert takes(command.name, count), f"{command.name}.lua takes other arguments than these {count}"
                assert (command.arguments[0] == COMMANDS.keys.prefix) == ("1 prefix" in section(command.name, "ARGV"))
                assert len(command.keys) == 1
