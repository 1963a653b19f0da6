"""`rqscheduler why`: what is typed, what is shown, and that what it proposes does what it says."""

import json
import shlex
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import click
import pytest
import redis as redis_py
from click.testing import CliRunner

from cli.conftest import Said, typed
from rq_scheduler import At, Cron, Every, Scheduler
from rq_scheduler.cli.app import rqscheduler
from rq_scheduler.cli.output import lines_of
from rq_scheduler.cli.times import read_asked_time
from rq_scheduler.client.schedules.explain import Explanation, Fact, Remedy
from rq_scheduler.views import explain

pytestmark = pytest.mark.once

PARIS = ZoneInfo("Europe/Paris")
NOW = datetime(2026, 11, 28, 8, 0, tzinfo=UTC)  # 09:00 in Paris


def type_in(url: str, *words: str) -> str:
    result = CliRunner().invoke(rqscheduler, ["--url", url, *words])
    assert result.exit_code == 0, result.output
    return result.output


@pytest.fixture
def scheduler(redis: redis_py.Redis) -> Scheduler:
    return Scheduler(connection=redis, actor="anna")


def test_what_is_said_in_text_and_json(redis_url: str, scheduler: Scheduler) -> None:
    scheduler.schedules.put("tick", Every("1h"), "jobs_for_tests.nothing", paused=True, note="disk full")
    text = type_in(redis_url, "why", "tick", "--timezone", "UTC")
    first, *facts = text.splitlines()
    assert first.startswith("tick has not run at ")
    assert first.endswith("(UTC) yet: that is in 59m 59s.") or "yet: that is in" in first
    assert facts[0].startswith('As things stand it will not: it is paused by anna ("disk full")')
    assert any(fact.startswith("  + Version 1 of its definition was in force") for fact in facts)
    document = json.loads(type_in(redis_url, "why", "tick", "--json"))
    assert document["cause"] == "not_yet"
    assert document["remedies"][0]["command"] == "rqscheduler resume tick"
    assert {fact["standing"] for fact in document["facts"]} <= {"recorded", "recomputed", "unknown"}


def test_an_id_of_which_nothing_is_known(redis_url: str, scheduler: Scheduler) -> None:
    scheduler.schedules.put("nightly-report", Every("1h"), "jobs_for_tests.nothing")
    result = CliRunner().invoke(rqscheduler, ["--url", redis_url, "why", "nightly-reprot"])
    assert result.exit_code == 1
    assert "Note: did you mean 'nightly-report'?\n" in result.output
    assert "nightly-reprot" in result.output


def test_what_it_proposes_can_be_typed(redis_url: str, scheduler: Scheduler) -> None:
    scheduler.schedules.put("once", At(datetime.now(UTC) + timedelta(hours=1)), "jobs_for_tests.nothing", paused=True)
    document = json.loads(type_in(redis_url, "why", "once", "--json"))
    program, *words = shlex.split(document["remedies"][0]["command"])
    assert program == "rqscheduler"
    type_in(redis_url, *words)
    assert not scheduler.schedules["once"].paused


def test_without_a_zone_a_time_is_read_by_the_schedules_clock(
    redis_url: str, scheduler: Scheduler, monkeypatch: pytest.MonkeyPatch
) -> None:
    scheduler.schedules.put("tokyo", Cron("30 2 * * *", "Asia/Tokyo"), "jobs_for_tests.nothing")
    asked = ("why", "tokyo", "--at", "2099-01-05 02:30", "--json")
    assert json.loads(type_in(redis_url, *asked))["cause"] == "not_an_instant", "RQS_TIMEZONE is UTC"
    monkeypatch.delenv("RQS_TIMEZONE")
    assert json.loads(type_in(redis_url, *asked))["at"] == "2099-01-04T17:30:00.000000Z"
    assert json.loads(type_in(redis_url, *asked, "--timezone", "UTC"))["cause"] == "not_an_instant"


def test_a_single_job(redis_url: str, scheduler: Scheduler) -> None:
    scheduler.enqueue_in(timedelta(hours=1), print, job_id="one")
    assert type_in(redis_url, "why", "one", "--timezone", "UTC").startswith("Job one is due at ")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("02:30", datetime(2026, 11, 28, 2, 30, tzinfo=PARIS)),
        ("18:00", datetime(2026, 11, 27, 18, 0, tzinfo=PARIS)),
        ("today 18:00", datetime(2026, 11, 28, 18, 0, tzinfo=PARIS)),
        ("Yesterday 02:30:15", datetime(2026, 11, 27, 2, 30, 15, tzinfo=PARIS)),
        ("yesterday", date(2026, 11, 27)),
        ("today", date(2026, 11, 28)),
        ("2026-11-25", date(2026, 11, 25)),
        ("2026-11-25 02:30", datetime(2026, 11, 25, 2, 30, tzinfo=PARIS)),
        ("2026-11-25T02:30Z", datetime(2026, 11, 25, 2, 30, tzinfo=UTC)),
        ("2026-03-29 02:30", datetime(2026, 3, 29, 2, 30, tzinfo=PARIS)),
    ],
)
def test_a_time_as_people_type_it(text: str, expected: datetime | date) -> None:
    asked = read_asked_time(text, PARIS, "--at", NOW)
    assert asked == expected
    assert type(asked) is type(expected)


@pytest.mark.parametrize("text", ["", "half past two", "yesterday at noon", "25:00", "2026-13-01"])
def test_what_is_no_time(text: str) -> None:
    with pytest.raises(click.BadParameter, match="Write for example 02:30, yesterday"):
        read_asked_time(text, PARIS, "--at", NOW)


FOUND = Explanation(
    id="nightly",
    at=NOW,
    cause="paused",
    sentence=f"nightly did not run at 09:00 on Sat 28 Nov (Europe/Paris): {'it was paused ' * 6}and still is.",
    otherwise="It would not have run in any case: no dispatcher was there.",
    facts=(
        Fact("trigger", "0 9 * * * (Europe/Paris) names 09:00", True, NOW, "", "recomputed"),
        Fact("pause", 'It is paused ("disk full, and not to be resumed before it is not")', False, NOW, "anna"),
        Fact("worker", "Who listened then is not recorded", None, None, "", "unknown"),
    ),
    remedies=(
        Remedy("Resume it", "rqscheduler resume nightly", "..."),
        Remedy("Stop it", "", "stop()"),
        Remedy("Wait"),
    ),
    timezone="Europe/Paris",
)


def shown(width: int | None) -> Iterator[str]:
    for part in explain.render(FOUND, UTC):
        yield from lines_of(part, width)


def test_a_screen_of_eighty_columns_breaks_sentences_between_words_and_no_command() -> None:
    lines = list(shown(80))
    assert all(len(line) <= 80 for line in lines)
    assert lines[0].startswith("nightly did not run at 09:00")
    assert '  x It is paused ("disk full, and not to be resumed before it is not")' in lines
    assert "    [2026-11-28 08:00:00Z, by anna]" in lines
    assert "    rqscheduler resume nightly" in lines


def test_a_pipe_gets_each_in_one_line() -> None:
    assert list(shown(None)) == [
        FOUND.sentence,
        FOUND.otherwise,
        "",
        "  + 0 9 * * * (Europe/Paris) names 09:00 [2026-11-28 08:00:00Z, worked out now, not recorded]",
        '  x It is paused ("disk full, and not to be resumed before it is not") [2026-11-28 08:00:00Z, by anna]',
        "  ? Who listened then is not recorded [not recorded]",
        "",
        "+ in order, x against it, ? open or not known.",
        "",
        "Resume it:",
        "    rqscheduler resume nightly",
        "",
        "Stop it:",
        "    stop()",
        "",
        "Wait.",
    ]


def test_the_json_has_all_of_it() -> None:
    document: Any = explain.serialize(FOUND)
    assert set(document) == {"id", "at", "timezone", "cause", "sentence", "otherwise", "facts", "remedies"}
    assert document["facts"][1] == {
        "step": "pause",
        "what": FOUND.facts[1].what,
        "holds": False,
        "at": "2026-11-28T08:00:00.000000Z",
        "who": "anna",
        "standing": "recorded",
    }
    make: Callable[[Any], str] = json.dumps
    assert make(document)


def test_what_is_to_be_typed_says_where_redis_is(
    cli: Callable[..., Said], scheduler: Scheduler, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As it was typed, without a password; what the environment says is known there already."""
    scheduler.schedules.put("nightly", Every("1h"), "jobs_for_tests.nothing")
    scheduler.schedules.pause("nightly")
    resume = f"    {typed(redis_url, 'resume nightly')}"
    assert resume in cli("why", "nightly").output.splitlines()
    secret = redis_url.replace("redis://", "redis://default:secret@")  # any will do for a user with nopass
    said = cli("why", "nightly", "--url", secret).output
    assert "***@" in said
    assert "secret" not in said
    monkeypatch.setenv("RQ_REDIS_URL", secret)
    assert "    rqscheduler resume nightly" in CliRunner().invoke(rqscheduler, ["why", "nightly"]).stdout.splitlines()


@pytest.mark.parametrize("command", ["why", "show", "pause"])
def test_an_id_that_was_mistyped(cli: Callable[..., Said], scheduler: Scheduler, command: str) -> None:
    scheduler.schedules.put("nightly-report", Every("1h"), "jobs_for_tests.nothing")
    assert "did you mean 'nightly-report'?" in cli(command, "nigthly-report").stderr
