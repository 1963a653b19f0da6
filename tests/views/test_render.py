"""What is shown of schedules: pure functions from the API's objects to lines and JSON. No Redis, no command."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

import click
import pytest
from rich.console import Console

from rq_scheduler import AnyOf, At, Cron, Dates, Every
from rq_scheduler.cli.output import lines_of
from rq_scheduler.cli.times import read_moment, zone_of
from rq_scheduler.client.health import Health, OutageLine, RqCron, Some, Troubles
from rq_scheduler.client.schedules import Run, StoredSchedule, SyncResult, UpcomingRun
from rq_scheduler.clock import to_us
from rq_scheduler.humanize import (
    distance,
    length,
    moment,
    trigger_words,
    when,
)
from rq_scheduler.model import Spec
from rq_scheduler.sanitize import plain, plain_json, plain_json_parts
from rq_scheduler.store.survey import Counts, Daemon, Fence, Parked
from rq_scheduler.triggers import RRule
from rq_scheduler.views import health, render, serializers
from rq_scheduler.views.outcomes import last_outcome
from rq_scheduler.views.pages import Page
from rq_scheduler.views.problems import problems
from rq_scheduler.views.runs import moments, runs_table
from rq_scheduler.views.table import Cell, Column, Part, Table

pytestmark = pytest.mark.once

NOW = datetime(2026, 11, 24, 22, 0, 0, tzinfo=UTC)
PARIS = zone_of("Europe/Paris")
UTC_ZONE = zone_of(None)
CALL = "shop.report('weekly')"
JOB = "nightly-20261124T220000000000Z"


def after(**parts: float) -> datetime:
    return NOW + timedelta(**parts)


def stored(id: str = "nightly", **changes: Any) -> StoredSchedule:
    made = StoredSchedule(
        id=id,
        kind="schedule",
        spec=Spec(trigger=Cron("30 2 * * *", "Europe/Paris")),
        func="shop.report",
        call=CALL,
        queue_name="reports",
        tags=("billing",),
        owner="",
        next_run_at=after(hours=3.5),
        last_run_at=after(hours=-20.5),
        last_status="finished",
        paused=False,
        note="",
        finished=False,
        runs=1234,
        skipped=1,
        missed=2,
        version=3,
        created_at=after(days=-40),
        updated_at=after(days=-2),
        _armed=None,
        _runs_left=None,
        _load=lambda: pytest.fail("nothing that is shown may unpickle the arguments"),
    )
    return replace(made, **changes)


def run(**changes: Any) -> Run:
    made = Run(
        outcome="enqueued",
        nominal=NOW,
        until=NOW,
        count=1,
        at_least=False,
        due=after(seconds=1),
        handed_off_at=after(seconds=1.012),
        lateness=timedelta(milliseconds=12),
        job_id=JOB,
        status="finished",
        started_at=after(seconds=2),
        ended_at=after(seconds=65),
        duration=timedelta(seconds=63),
        result_age=timedelta(hours=1),
    )
    return replace(made, **changes)


def shown(parts: Any, width: int | None = None) -> list[str]:
    return [line for part in parts for line in lines_of(part, width)]


# Words


def test_a_moment_in_utc_ends_in_z_and_elsewhere_in_its_offset() -> None:
    assert moment(NOW) == "2026-11-24 22:00:00Z"
    assert moment(NOW, PARIS) == "2026-11-24 23:00:00+01:00"
    assert moment(NOW, zone_of("Asia/Kathmandu")) == "2026-11-25 03:45:00+05:45"
    assert moment(NOW.replace(microsecond=250_999)) == "2026-11-24 22:00:00.250Z"
    assert moment(None) == "-"


def test_the_two_readings_of_a_repeated_hour_are_told_apart() -> None:
    one = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    assert moment(one, PARIS) == "2026-10-25 02:30:00+02:00"
    assert moment(one + timedelta(hours=1), PARIS) == "2026-10-25 02:30:00+01:00"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0s"), (0.0123, "12.3 ms"), (0.5, "500 ms"), (1.5, "1.5s"), (59.25, "59.25s"), (60, "1m"), (90, "1m 30s"),
        (3600, "1h"), (3661, "1h 1m"), (86_400 * 3 + 5, "3d"), (86_400 * 400, "400d"), (-90, "-1m 30s"),
    ],
)  # fmt: skip
def test_lengths_have_two_units_at_most(seconds: float, text: str) -> None:
    assert length(timedelta(seconds=seconds)) == text


def test_distances_say_in_and_ago() -> None:
    assert distance(after(hours=2, minutes=5), NOW) == "in 2h 5m"
    assert distance(after(seconds=-3.7), NOW) == "3s ago"
    assert distance(after(seconds=0.4), NOW) == "now"
    assert when(after(days=1), NOW) == "2026-11-25 22:00:00Z (in 1d)"
    assert when(None, NOW) == "-"


def test_triggers_in_words() -> None:
    assert trigger_words(Cron("30 2 * * *")) == "30 2 * * *"
    assert trigger_words(Cron("0 0 1-7 * mon", "Asia/Tokyo", "both")) == "0 0 1-7 * mon, both day fields (Asia/Tokyo)"
    assert trigger_words(Cron("0 0 0 1 * mon 2099", day_match="both")) == "0 0 0 1 * mon 2099, both day fields"
    assert trigger_words(Cron("30 2 * * *", day_match="both")) == "30 2 * * *"
    assert trigger_words(Cron("@daily", day_match="both")) == "@daily"
    assert trigger_words(Every("90s")) == "every 1m 30s"
    assert trigger_words(At(NOW)) == "at 2026-11-24 22:00:00Z"
    assert trigger_words(AnyOf(Every(60), At(NOW))) == "every 1m or at 2026-11-24 22:00:00Z"
    assert trigger_words(RRule("FREQ=WEEKLY;BYDAY=MO", "Europe/Paris")) == "FREQ=WEEKLY;BYDAY=MO (Europe/Paris)"
    assert trigger_words(None) == "(damaged or newer than this)"


def test_moments_are_read_in_the_zone_given_unless_they_have_an_offset() -> None:
    assert read_moment("2026-07-01T12:00", PARIS, "--at") == datetime(2026, 7, 1, 10, tzinfo=UTC)
    assert read_moment("2026-07-01 12:00:00.5", UTC_ZONE, "--at") == datetime(2026, 7, 1, 12, 0, 0, 500_000, tzinfo=UTC)
    assert read_moment("2026-07-01T12:00Z", PARIS, "--at") == datetime(2026, 7, 1, 12, tzinfo=UTC)
    assert read_moment("2026-07-01", PARIS, "--at") == datetime(2026, 6, 30, 22, tzinfo=UTC)
    assert read_moment("2026-10-25T02:30", PARIS, "--at") == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("tomorrow", "is no date and time. Write for example 2026-12-24T18:00"),
        ("2026-03-29T02:30", "does not exist in Europe/Paris: the clocks jump over it, to 2026-03-29 03:30:00"),
        ("0001-01-01T00:00", "lies outside the years 1 to 9999"),
    ],
)
def test_moments_that_cannot_be_are_refused(text: str, says: str) -> None:
    with pytest.raises(click.BadParameter) as caught:
        read_moment(text, PARIS, "--at")
    assert says in caught.value.message
    assert caught.value.param_hint == "--at"


def test_text_from_redis_cannot_steer_a_terminal() -> None:
    assert plain("a\x1b[31mb\nc") == "a\\x1b[31mb\\nc"
    assert list(lines_of("[bold]x[/bold] \x07")) == ["[bold]x[/bold] \\x07"]


# Grids

GRID = Table(
    (Column("ID"), Column("N", right=True, spare=1), Column("TEXT", cut=True), Column("MORE", cut=True, spare=2)),
    [("a" * 30, "1", "b" * 40, "c" * 20), ("x", "1000", ("short", "red"), "")],
)


def test_a_pipe_gets_whole_lines_that_are_aligned() -> None:
    assert list(lines_of(GRID)) == [
        f"{'ID':<30}     N  {'TEXT':<40}  MORE",
        f"{'a' * 30}     1  {'b' * 40}  {'c' * 20}",
        f"{'x':<30}  1000  short",
    ]


@pytest.mark.parametrize("width", [104, 80, 60, 46])
def test_a_terminal_gets_what_fits_and_ids_are_never_cut(width: int) -> None:
    lines = list(lines_of(GRID, width))
    assert lines[1].startswith("a" * 30)
    assert max(map(len, lines)) <= max(width, 30 + 2 + 12)


def test_what_is_too_long_for_its_column_stands_below_the_row() -> None:
    assert list(lines_of(GRID, 80)) == [
        f"{'ID':<30}     N  {'TEXT':<20}  MORE",
        f"{'a' * 30}     1  {'…':<20}  {'c' * 20}",
        f"    text {'b' * 40}",
        f"{'x':<30}  1000  short",
    ]


def test_so_do_columns_that_find_no_room() -> None:
    assert list(lines_of(GRID, 60)) == [
        f"{'ID':<30}     N  TEXT",
        f"{'a' * 30}     1  …",
        f"    text {'b' * 40}",
        f"    more {'c' * 20}",
        f"{'x':<30}  1000  short",
    ]
    assert list(lines_of(GRID, 46)) == [
        f"{'ID':<30}  TEXT",
        f"{'a' * 30}  …",
        "    n 1",
        "    text",
        f"    {'b' * 40}",
        f"    more {'c' * 20}",
        f"{'x':<30}  short",
        "    n 1000",
    ]


def test_a_table_without_titles_goes_on_below_its_last_text() -> None:
    facts = Table((Column(""), Column("", cut=True)), [("call", "one two three four five six"), ("id", "x")])
    assert list(lines_of(facts, 22)) == ["call  one two three", "      four five six", "id    x"]
    assert list(lines_of(facts)) == ["call  one two three four five six", "id    x"]


def test_wide_characters_keep_their_columns() -> None:
    grid = Table((Column("A"), Column("B")), [("日本", "x"), ("ab", "y")])
    assert list(lines_of(grid)) == ["A     B", "日本  x", "ab    y"]


def test_a_terminal_gets_colors() -> None:
    console = Console(file=StringIO(), force_terminal=True, color_system="standard", width=1000)
    assert list(lines_of(("bad", "red"), 80, console)) == ["\x1b[31mbad\x1b[0m"]
    assert "\x1b[31mshort" in list(lines_of(GRID, 120, console))[2]


def test_a_long_table_is_shown_as_it_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rq_scheduler.cli.output.ROWS_PER_TABLE", 2)
    read = 0

    def rows() -> Iterator[Sequence[Cell]]:
        nonlocal read
        for row in (("a", "1"), ("bbb", "22"), ("c", "3"), ("d" * 6, "4444"), ("e", "5")):
            read += 1
            yield row

    columns = (Column("ID"), Column("N", right=True))
    lines = lines_of(Table(columns, rows()))
    assert (next(lines), next(lines), next(lines), read) == ("ID    N", "a     1", "bbb  22", 2)
    assert list(lines) == ["c          3", "dddddd  4444", "e          5"], "no narrower than before"
    assert list(lines_of(Table(columns, iter(())))) == ["ID  N"]
    narrow = lines_of(Table((Column("ID"), Column("TEXT", cut=True)), rows()), 10)
    assert list(narrow) == ["ID   TEXT", "a    1", "bbb  22", "c       3", "dddddd  4444", "e       5"]


def test_a_long_document_is_written_as_it_is_read() -> None:
    read: list[str] = []

    def found() -> Iterator[StoredSchedule]:
        for id in ("a", "b\x1b", "c"):
            read.append(id)
            yield stored(id)

    parts = plain_json_parts(serializers.page(Page(found(), 2), 7))
    begun = next(parts)
    assert (begun.count('"id"'), read) == (1, ["a"])
    whole = {
        "schedules": [serializers.schedule(stored(id)) for id in ("a", "b\x1b")],
        "offset": 7,
        "more": True,
    }
    assert begun + "".join(parts) == plain_json(whole, indent=2)


@pytest.mark.parametrize(
    "form", [{}, {"a": []}, {"a": [1]}, {"a": [{}, {"b": ["x\ny", None]}], "c": {"d": [2]}, "e": 3}]
)
def test_a_document_in_pieces_is_the_same_document(form: dict[str, Any]) -> None:
    pieces = ((name, iter(value) if isinstance(value, list) else value) for name, value in form.items())
    assert "".join(plain_json_parts(pieces)) == plain_json(form, indent=2)


# Schedules


def test_the_list_of_schedules() -> None:
    found = [
        stored(last_outcomes="..k."),
        stored("x", spec=Spec(trigger=Every("10m")), paused=True, next_run_at=None, last_status=None, call="shop.x()"),
        stored("y", spec=None, finished=True, next_run_at=None, last_status="failed", queue_name="q"),
        stored("z", last_outcomes="ff", failed_in_a_row=2, overdue_since=NOW),
    ]
    lines = shown(render.schedules_table(Page(found, 9), NOW, UTC_ZONE, offset=0))
    assert [line.split(maxsplit=2)[:2] for line in lines[1:-1]] == [
        ["nightly", "active"], ["x", "paused"], ["y", "finished"], ["z", "overdue"]
    ]  # fmt: skip
    assert lines[0].endswith(
        "LAST RUN            NEXT RUN                  IN  LAST 20  TRIGGER                       QUEUE    CALL"
    )
    assert lines[1].endswith(
        f"finished            2026-11-25 01:30:00Z  3h 30m  ..k.     30 2 * * * (Europe/Paris)     reports  {CALL}"
    )
    assert "failed, 2 in a row" in lines[4]
    assert lines[-1] == "Last 20, the newest last: . finished, f failed, k skipped."


@pytest.mark.parametrize(
    ("status", "letters", "in_a_row", "says"),
    [
        (None, "", 0, "-"),
        ("started", "..", 0, "running"),
        ("finished", "", 0, "finished"),
        ("expired", "", 0, "not known"),
        ("expired", ".", 0, "finished"),
        ("failed", "f", 1, "failed"),
        ("failed", "f" * 20, 1_000, "failed, 1,000 in a row"),
        ("started", "fk", 1, "running; failed 1 in a row"),
        ("finished", "fm", 1, "missed; failed 1 in a row"),
    ],
)
def test_what_became_of_the_last_run(status: Any, letters: str, in_a_row: int, says: str) -> None:
    one = stored(last_status=status, last_outcomes=letters, failed_in_a_row=in_a_row)
    text, _ = last_outcome(one)
    assert text == says


def test_the_list_says_how_to_go_on() -> None:
    lines = shown(render.schedules_table(Page([stored(), stored("b"), stored("c")], 2), NOW, UTC_ZONE, offset=10))
    assert lines[-1] == "2 shown; there are more: --offset 12"
    assert shown(render.schedules_table(Page([], 9), NOW, UTC_ZONE, offset=0)) == ["No schedules."]


def test_overdue_is_ago() -> None:
    late = stored(next_run_at=after(minutes=-2))
    assert "2m ago" in shown(render.schedules_table(Page([late], 9), NOW, UTC_ZONE, offset=0))[1]


def test_all_about_one_schedule() -> None:
    spec = Spec(
        trigger=Cron("30 2 * * *", "Europe/Paris"),
        jitter="30s",
        catchup_window="1h",
        end=after(days=30),
        max_runs=5000,
        exclude=Dates("2026-12-25"),
    )
    one = stored(spec=spec, owner="shop", note="ask Ann", paused=True)
    lines = shown(render.one_schedule(one, [after(hours=3)], [run()], NOW, PARIS))
    assert lines == [
        "id        nightly",
        "state     paused (ask Ann)",
        "trigger   30 2 * * * (Europe/Paris)",
        "overlap   skip",
        "catch-up  latest, of the last 1h",
        "jitter    up to 30s",
        "end       2026-12-24 23:00:00+01:00",
        "max runs  5,000",
        "exclude   Dates('2026-12-25')",
        "call      shop.report('weekly')",
        "queue     reports",
        "tags      billing",
        "owner     shop",
        "next run  2026-11-25 02:30:00+01:00 (in 3h 30m)",
        "last run  2026-11-24 02:30:00+01:00 (20h 30m ago), finished",
        "runs      1,234: 0 succeeded, 0 failed; skipped 1, missed 2",
        "version   3",
        "created   2026-10-16 00:00:00+02:00 (40d ago)",
        "updated   2026-11-22 23:00:00+01:00 (2d ago)",
        "",
        "Next runs:",
        "  2026-11-25 02:00:00+01:00  in 3h",
        "",
        "Last runs:",
        "RUN OF                     RESULT     TOOK  ENDED      LATE  JOB",
        f"2026-11-24 23:00:00+01:00  finished  1m 3s  23:01:05  12 ms  {JOB}",
    ]


def test_how_its_runs_have_fared() -> None:
    one = stored(
        succeeded=1_200,
        failed=34,
        last_outcomes=".f",
        last_success_at=after(days=-1),
        last_failure_at=after(hours=-20),
        mean_duration=timedelta(seconds=63),
        overdue_since=after(hours=-2),
        paused=True,
        paused_at=after(hours=-1, microseconds=5_000),
        paused_by="Ada",
        paused_until=after(hours=1),
    )
    lines = shown(render.one_schedule(one, [], [], NOW, UTC_ZONE))
    assert [line for line in lines if line.startswith(("paused", "overdue", "runs", "last", "mean"))] == [
        "paused         2026-11-24 21:00:00Z (59m 59s ago) by Ada, until 2026-11-24 23:00:00Z (in 1h)",
        "overdue        no success by 2026-11-24 20:00:00Z (2h ago), as is expected",
        "last run       2026-11-24 01:30:00Z (20h 30m ago), failed",
        "runs           1,234: 1,200 succeeded, 34 failed; skipped 1, missed 2",
        "last success   2026-11-23 22:00:00Z (1d ago)",
        "last failure   2026-11-24 02:00:00Z (20h ago)",
        "mean duration  1m 3s",
        "last 20        .f  (. finished, f failed; the newest last)",
    ]
    fault = replace(one, paused_by="", paused_until=None)
    assert any(
        "by itself, for failures or a fault" in line
        for line in shown(render.one_schedule(fault, [], [], NOW, UTC_ZONE))
    )


def test_where_runs_on_days_off_go() -> None:
    for excluded, words in (("next_day", "next day"), ("previous_day", "previous day")):
        one = stored(spec=Spec(trigger=Cron("30 2 * * *"), exclude=Dates("2026-12-25"), excluded=excluded))
        lines = shown(render.one_schedule(one, [], [], NOW, PARIS))
        assert f"exclude   Dates('2026-12-25'); moved to the {words}" in lines
        table = shown(render.schedules_table(Page([one], 9), NOW, UTC_ZONE, offset=0))
        assert f"30 2 * * *; days off moved to the {words}" in table[1]
    nothing = stored(spec=Spec(trigger=Cron("30 2 * * *"), excluded="next_day"))
    assert "moved" not in "".join(shown(render.one_schedule(nothing, [], [], NOW, PARIS)))


def test_a_recurring_job_says_what_it_is() -> None:
    assert any("recurring job of Scheduler.schedule()" in line
               for line in shown(render.one_schedule(stored(kind="job"), [], [], NOW, UTC_ZONE)))  # fmt: skip


NOTHING: dict[str, Any] = dict.fromkeys(
    ("lateness", "job_id", "status", "started_at", "ended_at", "duration", "result_age")
)


@pytest.mark.parametrize(
    ("changes", "cells"),
    [
        ({"end": "finished"}, {"RESULT": "finished", "TOOK": "1m 3s", "ENDED": "22:01:05"}),
        ({"end": "failed", "status": "failed", "error": "ValueError: no", "error_at": "shop.tasks:12", "attempts": 3},
         {"RESULT": "failed", "WHY": "ValueError: no (shop.tasks:12)", "TRIES": "3"}),
        ({"end": "failed", "cause": "worker-died", "worker": "w1"}, {"WHY": "its worker died", "WORKER": "w1"}),
        ({"end": "deleted", "status": "expired"}, {"RESULT": "deleted", "WHY": "it was gone before it had ended, by a "
         "person's hand or an emptied queue"}),
        ({"end": "finished", "earlier_ends": (("failed", after(seconds=31)),), "ended_at": after(hours=35)},
         {"RESULT": "finished", "EARLIER": "failed 22:00:31", "ENDED": "Thu 26 Nov 09:00"}),
        ({"end": "failed", "status": "queued"}, {"RESULT": "failed, now queued"}),
        ({"status": "started"}, {"RESULT": "running since 22:00:02"}),
        ({"status": "queued", "started_at": None, "outcome": "manual"}, {"RESULT": "queued (manual)"}),
        ({"status": "expired"}, {"RESULT": "not known"}),
        ({"outcome": "skipped", **NOTHING, "held_up_by": JOB},
         {"RUN OF": "2026-11-24 22:00:00Z", "RESULT": "skipped", "WHY": "held up by its run of 22:00"}),
        ({"outcome": "missed", "until": after(hours=1), "count": 10_000, "at_least": True, **NOTHING},
         {"RUN OF": "2026-11-24 22:00:00Z to 23:00", "RESULT": "missed 10,000+ times"}),
        ({"outcome": "failed", **NOTHING}, {"RESULT": "not made"}),
    ],
)  # fmt: skip
def test_the_history_says_what_became_of_each_run(changes: dict[str, Any], cells: dict[str, str]) -> None:
    (table,) = runs_table("nightly", [run(**changes)], UTC_ZONE)
    assert isinstance(table, Table)
    (row,) = table.rows
    texts = [cell if isinstance(cell, str) else cell[0] for cell in row]
    found = dict(zip([column.title for column in table.columns], texts, strict=True))
    assert found | cells == found
    assert "-" not in found.values(), "no column without anything in it"


def test_the_history_of_a_schedule_that_has_not_run() -> None:
    assert shown(runs_table("nightly", [], UTC_ZONE)) == ["No run of nightly is recorded. Why: rqscheduler why nightly"]


def test_fractions_of_a_second_are_shown_where_they_tell_runs_apart() -> None:
    apart = [NOW, after(seconds=1, milliseconds=5)]
    assert moments(apart, UTC_ZONE) == ["2026-11-24 22:00:00Z", "2026-11-24 22:00:01Z"]
    assert moments([NOW, after(milliseconds=5)], UTC_ZONE) == ["2026-11-24 22:00:00Z", "2026-11-24 22:00:00.005Z"]


def test_at_80_columns_the_reason_stands_below_its_run() -> None:
    failed = run(end="failed", error="ValueError: no such order: 4711", error_at="shop.tasks:12", worker="worker-1")
    assert shown(runs_table("nightly", [failed], PARIS), 80) == [
        "RUN OF                     RESULT   TOOK  ENDED      LATE  WORKER",
        "2026-11-24 23:00:00+01:00  failed  1m 3s  23:01:05  12 ms  worker-1",
        "    why ValueError: no such order: 4711 (shop.tasks:12)",
        f"    job {JOB}",
    ]


def test_what_comes_next_names_the_nominal_time_only_where_jitter_moves_it() -> None:
    plain_run = UpcomingRun("a", after(minutes=1), after(minutes=1))
    assert shown(render.upcoming_table([plain_run], NOW, UTC_ZONE)) == [
        "DUE                   IN  SCHEDULE",
        "2026-11-24 22:01:00Z  1m  a",
    ]
    moved = UpcomingRun("b", after(minutes=1), after(minutes=1, seconds=5))
    assert shown(render.upcoming_table([moved], NOW, UTC_ZONE))[1] == (
        "2026-11-24 22:01:05Z  1m 5s  b         2026-11-24 22:01:00Z"
    )
    assert shown(render.upcoming_table([], NOW, UTC_ZONE)) == ["Nothing comes up."]


def test_instants_of_a_trigger_show_zone_and_utc() -> None:
    spring = datetime(2026, 3, 28, 12, tzinfo=UTC)
    found = Cron("30 2 * * *", "Europe/Paris").upcoming(2, spring)
    assert shown(render.instants(found, spring, PARIS, "Europe/Paris")) == [
        "Europe/Paris                             UTC",
        "Sun 2026-03-29 03:00:00+02:00    in 13h  2026-03-29 01:00:00Z",
        "Mon 2026-03-30 02:30:00+02:00  +23h 30m  2026-03-30 00:30:00Z",
    ]
    assert shown(render.instants([NOW], after(hours=-1), UTC_ZONE, "UTC")) == [
        "UTC",
        "Tue 2026-11-24 22:00:00Z  in 1h",
    ]
    assert shown(render.instants([], NOW, UTC_ZONE, "UTC")) == ["No further instant."]


def test_a_sync_names_each_change_up_to_a_bound() -> None:
    result = SyncResult(("a",), ("b",), tuple(f"r{n:02d}" for n in range(60)), ("u", "v"))
    lines = shown(render.synced(result, "shop", dry_run=False))
    assert lines[:3] == ["+ a", "~ b", "- r00"]
    assert lines[-2:] == ["- and 10 more", "shop: 1 added, 1 changed, 60 removed, 2 unchanged"]
    assert shown(render.synced(SyncResult(renamed=(("old", "new"),)), "shop", dry_run=False)) == [
        "~ old is new now",
        "shop: 0 added, 0 changed, 1 renamed, 0 removed, 0 unchanged",
    ]
    assert shown(render.synced(SyncResult(), "shop", dry_run=True)) == [
        "shop: 0 added, 0 changed, 0 removed, 0 unchanged (dry run: nothing was written)"
    ]


# JSON


def test_json_has_the_same_keys_whatever_the_schedule() -> None:
    full, bare = (
        serializers.schedule(stored()),
        serializers.schedule(stored(spec=None, next_run_at=None)),
    )
    assert list(full) == list(bare)
    assert full["trigger"] == {
        "type": "cron", "expression": "30 2 * * *", "timezone": "Europe/Paris", "day_match": "either",
    }  # fmt: skip
    assert full["next_run_at"] == "2026-11-25T01:30:00.000000Z"
    assert (bare["trigger"], bare["policies"], bare["next_run_at"]) == (None, None, None)
    assert json.loads(json.dumps(full)) == full


def test_json_of_policies_has_the_form_of_files() -> None:
    spec = Spec(trigger=Every("10m"), jitter=1.5, end=NOW, exclude=Dates("2026-12-25"))
    assert serializers.schedule(stored(spec=spec))["policies"] == {
        "overlap": "skip",
        "catchup": "latest",
        "catchup_window": None,
        "jitter": "1.5s",
        "start": None,
        "end": "2026-11-24T22:00:00Z",
        "max_runs": None,
        "exclude": [{"type": "dates", "timezone": None, "days": ["2026-12-25"]}],
        "excluded": "skip",
        "pause_on_failures": None,
        "expect": None,
        "keep_runs": 50,
    }


def test_json_of_a_run() -> None:
    assert serializers.run(run()) == {
        "outcome": "enqueued",
        "nominal": "2026-11-24T22:00:00.000000Z",
        "until": "2026-11-24T22:00:00.000000Z",
        "count": 1,
        "at_least": False,
        "due": "2026-11-24T22:00:01.000000Z",
        "handed_off_at": "2026-11-24T22:00:01.012000Z",
        "lateness_seconds": 0.012,
        "job_id": "nightly-20261124T220000000000Z",
        "status": "finished",
        "started_at": "2026-11-24T22:00:02.000000Z",
        "ended_at": "2026-11-24T22:01:05.000000Z",
        "duration_seconds": 63.0,
        "result_age_seconds": 3600.0,
        "end": None,
        "attempts": 0,
        "worker": None,
        "dispatcher": None,
        "error": None,
        "error_at": None,
        "cause": None,
        "earlier_ends": [],
        "held_up_by": None,
    }


# Status

DAEMON = Daemon("d1", {"host": "h", "pid": "7", "version": "1.0.0", "heartbeat": str(NOW.timestamp() - 3.2),
                       "handed_off": "12345"}, 8)  # fmt: skip
QUIET = Counts(2, 0, 1, 3, 0, 0, 0, 0, "nightly", int(after(hours=1).timestamp() * 1e6))


def found(**changes: Any) -> Health:
    made = Health(
        where="redis://h:1/0",
        now=NOW,
        server={"redis_version": "8.2.3", "maxmemory": "0", "maxmemory_policy": "noeviction"},
        dispatchers=[DAEMON],
        counts=QUIET,
        fence=Fence("rq-scheduler:dispatchers", 14_000),
        wakeup_refused=None,
        queues={"reports": 2, "default": 0},
        heard={"reports": 1},
    )
    return replace(made, **changes)


def test_status_of_a_healthy_site() -> None:
    assert problems(found()) == []
    assert shown(health.render(found(), UTC_ZONE)) == [
        "redis             redis://h:1/0, version 8.2.3",
        "maxmemory-policy  noeviction",
        "schedules         2, 1 of them paused",
        "one-off jobs      3",
        "due now           0",
        "buffered          0",
        "parked            0",
        "quarantined       0",
        "next              2026-11-24 23:00:00Z (in 1h): nightly",
        "fence             held by the dispatchers",
        "",
        "DISPATCHER  HOST  PID  VERSION  HEARTBEAT  HANDED OFF",
        "d1          h       7  1.0.0       3s ago      12,345",
        "",
        "QUEUE    JOBS  WORKERS",
        "reports     2        1",
        "default     0     none",
    ]


def test_status_says_how_many_runs_rq_has_to_enqueue_where_there_are_any() -> None:
    lines = shown(health.render(found(counts=replace(QUIET, via_rq=2)), UTC_ZONE))
    assert "for RQ to enqueue  2" in lines


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"dispatchers": []}, "no dispatcher is alive, so nothing is handed off: rqscheduler"),
        ({"dispatchers": [], "last_heard": after(minutes=-3)},
         "no dispatcher is alive, so nothing is handed off, for 3m now: rqscheduler"),
        ({"old_daemons": [Daemon("old", {"hostname": "h2", "pid": "8"}, 9)]},
         "a daemon of rq-scheduler 0.14 is alive (old, host h2, pid 8): rqscheduler check"),
        ({"rq_crons": [RqCron("c", "h", "7", "cron.py")]}, "rq cron is alive (c on h, pid 7, cron.py)"),
        ({"troubles": Troubles(failing=Some(1, ("a",)))}, "1 schedule is failing (a): rqscheduler why a"),
        ({"troubles": Troubles(failing=Some(1_234, ("a", "b", "c", "d")))},
         "1,234 schedules are failing (a, b, c and 1,231 more): rqscheduler why a"),
        ({"troubles": Troubles(paused=Some(2, ("a", "b")))},
         "2 schedules were paused by failures or a fault (a, b): rqscheduler why a"),
        ({"troubles": Troubles(late=Some(1, ("a",)))},
         "1 schedule has not succeeded in the time that is expected (a): rqscheduler why a"),
        ({"troubles": Troubles(missed=Some(2, ("a b", "c"), True, to_us(NOW)))},
         "2 or more schedules missed runs within a day (a b, c): rqscheduler why 'a b' --at 2026"),
        ({"troubles": Troubles(suspended=True)}, "the workers are suspended, and take no job: rq resume"),
        ({"fence": Fence("1767225600.0", 60_000)}, "somebody else holds the lock, for 60 s more (a daemon"),
        ({"fence": Fence("1767225600.0", -1)}, "somebody else holds the lock, and never expires"),
        ({"server": {"maxmemory": "0", "maxmemory_policy": "allkeys-lru"}}, "Redis may evict schedules"),
        ({"server": {"maxmemory": "9", "maxmemory_policy": "volatile-lru"}}, "Redis may evict schedules"),
        ({"counts": replace(QUIET, quarantined=1_000)}, "1,000 entries are in quarantine"),
        ({"counts": replace(QUIET, quarantined=1)}, "1 entry is in quarantine"),
        ({"counts": replace(QUIET, next_due=int(after(minutes=-3).timestamp() * 1e6))}, "nightly is 3m overdue"),
        ({"heard": {}}, "2 jobs wait in 'reports', and no worker listens on it"),
    ],
    ids=["no dispatcher", "no dispatcher since", "0.14", "rq cron", "failing", "many failing", "paused", "expected",
         "missed", "suspended", "0.14's lock", "stuck lock", "eviction", "eviction with a limit", "quarantine",
         "one in quarantine", "overdue", "no worker"],
)  # fmt: skip
def test_status_names_what_is_wrong(changes: dict[str, Any], says: str) -> None:
    (problem,) = problems(found(**changes))
    assert says in str(problem)
    assert shown(health.render(found(**changes), UTC_ZONE))[0] == f"! {problem}"
    form = health.serialize(found(**changes))
    assert (form["healthy"], form["problems"]) == (False, [asdict(problem)])


def test_changed_definitions_are_named_and_who_changed_the_last() -> None:
    changed = found(troubles=Troubles(changed=Some(2, ("b", "a")), changed_by="deploy 4711"))
    assert health.serialize(changed)["notices"] == [
        (
            "2 schedules got another definition within a day (b, a), the last by deploy 4711: "
            "rqscheduler audit --action changed"
        )
    ]


def test_an_outage_that_is_over_needs_nobody() -> None:
    began, ended = (int(after(minutes=minutes).timestamp() * 1e6) for minutes in (-135, -120))
    lines = [OutageLine(began, ended, cause) for cause in ("fleet", "redis", "lock", "unknown")]
    away = found(troubles=Troubles(outages=tuple(lines)))
    assert health.serialize(away)["notices"] == [
        "nothing was handed off for 15m, until 2026-11-24 20:00:00Z (2h ago): Redis was away",
        "nothing was handed off for 15m, until 2026-11-24 20:00:00Z (2h ago): somebody else held the lock",
        "nothing was handed off for 15m, until 2026-11-24 20:00:00Z (2h ago): dispatchers or Redis were away",
    ]


def test_what_is_worth_knowing_needs_nobody() -> None:
    refused = found(wakeup_refused="No permissions")
    assert "may not use the wake-up channel (No permissions)" in shown(health.render(refused, UTC_ZONE))[0]
    form = health.serialize(refused)
    assert (form["healthy"], form["problems"], len(form["notices"])) == (True, [], 1)


def test_status_in_json() -> None:
    form = health.serialize(found())
    assert form["healthy"] is True
    assert form["dispatchers"] == [
        {"name": "d1", "host": "h", "pid": 7, "version": "1.0.0", "heartbeat_age_seconds": 3.2, "handed_off": 12345}
    ]
    assert form["next"] == {"id": "nightly", "due": "2026-11-24T23:00:00.000000Z"}
    assert form["fence"] == {"ours": True, "ttl_seconds": 14.0}
    assert form["queues"][0] == {"name": "reports", "length": 2, "workers": 1}
    bare = health.serialize(found(server={}, dispatchers=[Daemon("x", {}, 1)], fence=None, queues={}, counts=Counts(
        0, 0, 0, 0, 0, 0, 0, 0, None, None)))  # fmt: skip
    assert list(bare) == list(form)
    assert bare["redis"] == {"where": "redis://h:1/0", "version": None, "maxmemory": None, "maxmemory_policy": None}


def test_status_of_a_site_where_jobs_wait_for_others_of_their_id() -> None:
    due = int(after(minutes=-3).timestamp() * 1e6)
    waiting = found(parked=Parked(1_000, (("remind-42", due),)))
    told = "parked            1,000 until RQ's job of the id has ended; first 2026-11-24 21:57:00Z (3m ago): remind-42"
    assert told in shown(health.render(waiting, UTC_ZONE))
    first = {"id": "remind-42", "due": "2026-11-24T21:57:00.000000Z"}
    assert health.serialize(waiting)["parked"] == {"count": 1_000, "first": first}
    assert health.serialize(found())["parked"] == {"count": 0, "first": None}


def test_a_part_may_be_any_of_three_kinds() -> None:
    parts: list[Part] = ["a", ("b", "red"), Table((Column(""),), [("c",)])]
    assert shown(parts) == ["a", "b", "c"]
