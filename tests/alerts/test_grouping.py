"""What is told, and what together: without Redis and without a receiver."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import pytest

from rq_scheduler.alerts.grouping import MOST_OPEN, MOST_SHOWN, Group, OpenStates
from rq_scheduler.alerts.kinds import DEFAULT_KINDS, ENDED_BY, check_kinds
from rq_scheduler.alerts.memory import Memory, may_send, of_last_hour, read_memory, write_memory
from rq_scheduler.alerts.outbox import Outbox
from rq_scheduler.alerts.position import Position, at_or_before
from rq_scheduler.alerts.receivers import Message, Receiver
from rq_scheduler.client.events import Event
from rq_scheduler.errors import InvalidArgument, InvalidType
from rq_scheduler.store.alerts import AlertPage
from rq_scheduler.store.streams import PAGE, StreamEntry

pytestmark = pytest.mark.once

AT = datetime(2026, 3, 1, 2, 30, tzinfo=UTC)
US = 1_000_000
NOW = int(AT.timestamp()) * US


def event(kind: Any, id: str = "nightly", **details: str) -> Event:
    return Event("1-0", AT, kind, id, details)


def news(states: OpenStates, *events: Event) -> list[str]:
    return [each.kind for each in events if states.is_news(each)]


class TestOpenStates:
    def test_a_state_is_told_once_and_its_end_once(self) -> None:
        for began, ended in ENDED_BY.items():
            states = OpenStates()
            assert news(states, event(began), event(ended), event(ended)) == [began, ended]

    def test_a_state_that_begins_again_is_told_again(self) -> None:
        """A resume, a pause and a delete end states without an event."""
        events = [event("overdue"), event("overdue"), event("met"), event("met")]
        assert news(OpenStates(), *events) == ["overdue", "overdue", "met"]

    def test_each_queue_has_a_state_of_its_own(self) -> None:
        events = [event(kind, "", queue=queue) for kind in ("unserved_began", "unserved_ended") for queue in "ab"]
        states = OpenStates()
        assert news(states, *events[:2]) == ["unserved_began"] * 2
        assert len(states.names) == 2
        assert news(states, *events[2:], *events[2:]) == ["unserved_ended"] * 2

    def test_the_tenth_and_the_hundredth_failure_are(self) -> None:
        events = [event("failing_began"), event("failing"), event("failing"), event("recovered"), event("recovered")]
        assert news(OpenStates(), *events) == ["failing_began", "failing", "failing", "recovered"]

    def test_the_end_of_what_was_never_told_is_not_told(self) -> None:
        assert news(OpenStates(), event("recovered"), event("unserved_ended"), event("met")) == []

    def test_they_are_of_one_schedule_and_of_one_matter(self) -> None:
        states = OpenStates()
        assert news(states, event("overdue", "a"), event("met", "b"), event("recovered", "a")) == ["overdue"]

    def test_they_are_remembered_by_name(self) -> None:
        states = OpenStates()
        news(states, event("overdue"), event("failing_began", "\udcff"))
        assert news(OpenStates(states.names), event("met"), event("recovered", "\udcff")) == ["met", "recovered"]
        assert read_memory(write_memory(Memory(states.names))).open == states.names

    def test_so_many_at_most(self) -> None:
        states = OpenStates()
        news(states, *(event("overdue", f"s{n}") for n in range(MOST_OPEN + 1)))
        assert len(states.names) == MOST_OPEN
        assert news(states, event("met", "s0"), event("met", f"s{MOST_OPEN}")) == ["met"]


class TestAGroup:
    def test_is_ripe_after_the_window(self) -> None:
        group = Group()
        assert not group.is_ripe(0, 100)
        group.add(event("overdue"), 100)
        assert not group.is_ripe(30, 129.9)
        assert group.is_ripe(30, 130)

    def test_waits_while_more_keep_coming_but_not_for_ever(self) -> None:
        group = Group()
        for second in range(100, 190, 5):
            group.add(event("overdue"), second)
            assert not group.is_ripe(30, second)
        assert group.is_ripe(30, 190)

    def test_counts_them_all_and_keeps_the_first_of_each_kind(self) -> None:
        group = Group()
        for number in range(10_000):
            group.add(event("failing_began", f"s{number}"), 0)
        group.add(event("outage"), 0)
        assert group.counts == {"failing_began": 10_000, "outage": 1}
        assert len(group.events) == MOST_SHOWN + 1
        assert group.events[-1].kind == "outage"


class TestKinds:
    def test_an_end_comes_with_its_beginning(self) -> None:
        assert check_kinds(["overdue"]) == {"overdue", "met"}
        assert check_kinds(["failing", "outage"]) == {"failing", "recovered", "outage"}
        assert {"recovered", "met", "unserved_ended"} <= check_kinds(DEFAULT_KINDS)

    @pytest.mark.parametrize(
        ("given", "error", "says"),
        [
            (["faling_began"], InvalidArgument, "did you mean 'failing_began'?"),
            (["zzz"], InvalidArgument, "known are failing_began"),
            ([], InvalidArgument, "nothing would be told"),
            (["recovered"], InvalidArgument, "name 'failing_began' or 'failing', which brings it along"),
            ("overdue", InvalidType, "give a list of kinds"),
            ([3], InvalidType, "which is an int"),
            (3, InvalidType, "give a list of kinds"),
        ],
    )
    def test_mistakes(self, given: Any, error: type[Exception], says: str) -> None:
        with pytest.raises(error, match="kinds") as raised:
            check_kinds(given)
        assert says in str(raised.value)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"name": "a b"}, "is no name of a receiver"),
        ({"name": 3}, "give text"),
        ({"send": "x"}, "give a function"),
        ({"window": "2h"}, "is not between 0 and 3600 seconds"),
        ({"window": -1}, "is not between"),
        ({"window": "soon"}, "is not a duration"),
        ({"timeout": 0}, "is not between 1 and 120 seconds"),
        ({"max_per_hour": 0}, "is not between 1 and 1,000"),
        ({"max_per_hour": "many"}, "give a number"),
    ],
)
def test_receivers_that_cannot_be(options: Any, says: str) -> None:
    with pytest.raises((InvalidArgument, InvalidType)) as raised:
        Receiver(**{"name": "a", "send": print, **options})
    assert says in str(raised.value)


class TestTheHour:
    def test_so_many_messages_and_then_others_when_the_first_are_an_hour_old(self) -> None:
        sent = (NOW - 3600 * US, NOW - 10, NOW)
        assert not may_send(sent, 2, NOW)
        assert may_send(sent, 3, NOW)
        assert of_last_hour(sent, NOW) == sent[1:]

    def test_a_clock_that_was_put_back_keeps_nobody_silent(self) -> None:
        assert may_send((NOW + 60 * US,), 1, NOW)

    def test_a_memory_that_is_none_is_empty(self) -> None:
        for text in ("", "x", "[]", '{"open": 3}', "\udcff"):
            assert read_memory(text) == Memory()


def page(
    *places: str, added: int | None = None, kept: int | None = None, oldest: str = "", reached: bool = True
) -> AlertPage:
    entries = [StreamEntry(place, NOW, {"kind": "overdue", "id": f"s{place}"}) for place in places]
    return AlertPage(NOW, {}, added, kept, oldest or (places[0] if places else ""), reached, entries)


class TestPosition:
    def test_follows_the_events_and_counts_them(self) -> None:
        position, loss = Position("5-0", 5).behind(page("6-0", "7-0", added=7, kept=7, oldest="1-0"))
        assert (position, loss) == (Position("7-0", 7), None)
        assert position.behind(page(added=7, kept=7, oldest="1-0")) == (position, None)

    def test_what_was_trimmed_is_counted(self) -> None:
        position, loss = Position("5-0", 5).behind(page("9-0", added=9, kept=1, reached=False))
        assert position == Position("9-0", 9)
        assert loss is not None
        assert (loss.count, loss.since) == (3, 5000)

    def test_a_place_that_was_trimmed_last_lost_nothing(self) -> None:
        assert Position("5-0", 5).behind(page("6-0", added=6, kept=1, reached=False)) == (Position("6-0", 6), None)

    def test_where_nobody_counts_it_may_be_lost(self) -> None:
        position, loss = Position("5-0", None).behind(page("9-0", reached=False))
        assert position == Position("9-0", None)
        assert loss is not None
        assert loss.count is None
        assert position.behind(page(oldest="9-0")) == (position, None)

    def test_nothing_before_the_first_is_lost(self) -> None:
        assert Position("0-0", None).behind(page("9-0", reached=False))[1] is None

    def test_counting_begins_once_all_is_read(self) -> None:
        """A server that was upgraded to Redis 7, or a stream that somebody deleted."""
        for count in (None, 50):
            full = page(*(f"{n}-0" for n in range(1, PAGE + 1)), added=PAGE + 5, kept=PAGE + 5)
            position, _ = Position("0-0", count if count != 50 else PAGE + 50).behind(full)
            assert position.count is None
            position, _ = position.behind(page("901-0", "902-0", added=PAGE + 5, kept=PAGE + 5, oldest="1-0"))
            assert position == Position("902-0", PAGE + 5)

    def test_places_are_numbers(self) -> None:
        assert at_or_before("9-0", "10-0")
        assert at_or_before("10-2", "10-10")
        assert not at_or_before("10-1", "10-0")


def outbox(remembered: dict[str, str], **options: Any) -> Outbox:
    receiver = Receiver(name="r", send=print, **{"window": 0, "kinds": ["overdue"], **options})  # type: ignore[arg-type]
    empty = page()
    return Outbox(receiver, "", UTC, AlertPage(NOW, remembered, None, None, "", True, empty.entries))


def message_of(box: Outbox) -> Message:
    assert box.outgoing is not None
    return box.outgoing.message


def ids_of(message: Message) -> list[str]:
    return [each.id for each in message.told.events]


def numbered(numbers: Iterable[int]) -> AlertPage:
    return page(*(f"{n}-0" for n in numbers), oldest="1-0")


class TestOutbox:
    def test_whoever_goes_on_makes_the_same_message_whatever_has_happened_meanwhile(self) -> None:
        begun = {"place": "1-0"}
        first = outbox(begun)
        first.read(numbered([2, 3]), 0)
        assert first.settle(NOW, 0)
        first.read(numbered([4, 5]), 1)
        assert first.outgoing is not None
        assert not first.is_settled
        settled = {**begun, "settled": first.outgoing.position.place}
        other = outbox(settled)
        other.read(numbered([2, 3, 4, 5, 6]), 100)
        assert message_of(other) == message_of(first)
        assert ids_of(message_of(other)) == ["s2-0", "s3-0"]
        assert other.is_settled
        assert other.waiting == 5
        other.arrived(other.outgoing, NOW)  # type: ignore[arg-type]
        assert other.settle(NOW, 200)
        assert ids_of(message_of(other)) == ["s4-0", "s5-0", "s6-0"]
        assert message_of(other).id != message_of(first).id

    def test_a_settled_message_is_made_when_its_last_event_is_the_last_of_all(self) -> None:
        box = outbox({"place": "1-0", "settled": "3-0"})
        box.read(numbered([2, 3]), 0)
        assert ids_of(message_of(box)) == ["s2-0", "s3-0"]

    def test_of_a_settled_message_nothing_may_be_left(self) -> None:
        box = outbox({"place": "0-0", "settled": "3-0"})
        box.read(numbered([7]), 0)
        assert box.outgoing is None
        assert box.settle(NOW, 0)
        assert ids_of(message_of(box)) == ["s7-0"]

    def test_nothing_to_tell_moves_the_place(self) -> None:
        box = outbox({"place": "1-0"}, kinds=["outage"])
        assert box.skipped() is None
        box.read(numbered([2, 3]), 0)
        position = box.skipped()
        assert position == Position("3-0", None)
        box.remembered(position)
        assert box.skipped() is None

    def test_states_survive_whoever_told_them(self) -> None:
        box = outbox({"place": "1-0"})
        box.read(numbered([2]), 0)
        box.settle(NOW, 0)
        assert box.outgoing is not None
        fields = box.arrived_fields(box.outgoing, NOW)
        assert fields["place"] == "2-0"
        again = outbox(fields)
        again.read(
            AlertPage(NOW, {}, None, None, "1-0", True, [StreamEntry("3-0", NOW, {"kind": "met", "id": "s2-0"})]), 0
        )
        assert again.waiting == 1

    def test_the_hour_survives_too_and_what_comes_meanwhile_is_told_together(self) -> None:
        box = outbox({"place": "1-0"}, max_per_hour=1)
        box.read(numbered([2]), 0)
        box.settle(NOW, 0)
        assert box.outgoing is not None
        again = outbox(box.arrived_fields(box.outgoing, NOW), max_per_hour=1)
        again.read(numbered([3]), 0)
        again.read(numbered([4]), 100)
        assert not again.settle(NOW + 3599 * US, 200)
        assert again.settle(NOW + 3600 * US, 200)
        assert ids_of(message_of(again)) == ["s3-0", "s4-0"]
