"""Bad input: refused at the call, before anything is written; the error names argument, value and remedy."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import redis as redis_py
from rq import Retry

import jobs_for_tests as jobs
from making import snapshot
from rq_scheduler import AnyOf, At, Cron, Dates, Every, Holidays, Schedule
from rq_scheduler.client.schedules import Schedules
from rq_scheduler.errors import SchedulerError, SchedulerWarning, kind_of
from schedules.helpers import START

pytestmark = pytest.mark.once

HOURLY = Every(3600)
NAN, INFINITE = float("nan"), float("inf")

Act = Callable[[Schedules], Any]


@pytest.fixture
def refuse(redis: redis_py.Redis, schedules: Schedules) -> Callable[[Act, type[Exception], tuple[str, ...]], None]:
    """Does it, on an empty Redis and on one that has the schedule "a"."""

    def check(act: Act, kind: type[Exception], says: tuple[str, ...]) -> None:
        for _ in range(2):
            before = snapshot(redis)
            with pytest.raises(SchedulerError) as caught:
                act(schedules)
            assert isinstance(caught.value, kind)
            told = str(caught.value)
            assert all(part in told for part in says), told
            assert snapshot(redis) == before, "nothing is written"
            schedules.put("a", HOURLY, jobs.echo, args=("x",), tags=("t",))

    return check


def put(**options: Any) -> Act:
    """Puts the schedule "a" with these options."""
    values = {"trigger": HOURLY, "func": jobs.echo, **options}
    return lambda schedules: schedules.put("a", **values)


def nested() -> Callable[[], None]:
    def inner() -> None: ...

    return inner


Z = " has no time zone: say which one is meant"
FAR = datetime.max.replace(tzinfo=timezone(timedelta(hours=-5)))

OPTIONS: dict[str, tuple[dict[str, Any], type[Exception], tuple[str, ...]]] = {
    # the policies
    "overlap": (
        {"overlap": "maybe"},
        ValueError,
        ("overlap='maybe'", "'skip', 'allow', 'buffer_one', 'buffer_all', 'replace'"),
    ),
    "excluded": (
        {"excluded": "next-day"},
        ValueError,
        ("excluded='next-day'", "'skip', 'next_day', 'previous_day'"),
    ),
    "excluded-days": ({"excluded": ["2026-12-25"]}, ValueError, ("excluded=['2026-12-25']", "go to exclude")),
    "excluded-by-which-clock": (
        {
            "trigger": Every("1h"),
            "exclude": (Dates("2030-01-01", timezone="Asia/Tokyo"), Dates("2030-01-02")),
            "excluded": "next_day",
        },
        ValueError,
        ("exclude counts days in Asia/Tokyo and UTC", "by which clock", "the same timezone"),
    ),
    "overlap-none": ({"overlap": None}, ValueError, ("overlap=None", "'skip'")),
    "catchup": ({"catchup": "some"}, ValueError, ("catchup='some'", "'latest', 'all', 'none'")),
    "window-zero": (
        {"catchup_window": 0},
        ValueError,
        ("catchup_window=0", "give a positive duration, or catchup='none'"),
    ),
    "window-negative": ({"catchup_window": "-1s"}, ValueError, ("catchup_window='-1s'", "give a positive duration")),
    "window-nan": ({"catchup_window": NAN}, ValueError, ("catchup_window=nan", "give a finite number")),
    "window-text": ({"catchup_window": "soon"}, ValueError, ("catchup_window='soon'", "such as '90s', '10m' or '7d'")),
    "window-bool": ({"catchup_window": True}, TypeError, ("catchup_window=True", "give seconds, a timedelta or text")),
    "window-huge": ({"catchup_window": 1e300}, ValueError, ("catchup_window=1e+300",)),
    "jitter-negative": ({"jitter": -0.5}, ValueError, ("jitter=-0.5", "give a positive duration")),
    "jitter-nan": ({"jitter": NAN}, ValueError, ("jitter=nan", "give a finite number")),
    "jitter-infinite": ({"jitter": INFINITE}, ValueError, ("jitter=inf", "give a finite number")),
    "jitter-huge": ({"jitter": 10**40}, ValueError, ("jitter=1000",)),
    "jitter-type": ({"jitter": [5]}, TypeError, ("jitter=[5]", "give seconds")),
    "start-naive": ({"start": datetime(2030, 1, 1)}, ValueError, ("start=2030-01-01T00:00:00" + Z, "tzinfo=UTC")),
    "end-naive": ({"end": datetime(2030, 1, 1)}, ValueError, ("end=2030-01-01T00:00:00" + Z, "tzinfo=UTC")),
    "start-text": ({"start": "2030-01-01"}, TypeError, ("start='2030-01-01'", "give an aware datetime")),
    "end-past-9999": ({"end": FAR}, ValueError, ("end=9999-12-31T23:59:59", "years 1 to 9999", "give a moment inside")),
    "start-after-end": (
        {"start": datetime(2031, 1, 1, tzinfo=UTC), "end": datetime(2030, 1, 1, tzinfo=ZoneInfo("Europe/Paris"))},
        ValueError,
        ("start=2031-01-01T00:00:00+00:00 is not before end=2029-12-31T23:00:00+00:00", "never fire"),
    ),
    "max_runs-zero": ({"max_runs": 0}, ValueError, ("max_runs=0", "at least 1; None means no limit")),
    "max_runs-negative": ({"max_runs": -3}, ValueError, ("max_runs=-3", "at least 1")),
    "max_runs-float": ({"max_runs": 1.5}, TypeError, ("max_runs=1.5", "give a whole number")),
    "max_runs-bool": ({"max_runs": True}, TypeError, ("max_runs=True", "give a whole number")),
    "pause_on_failures": ({"pause_on_failures": 0}, ValueError, ("pause_on_failures=0", "at least 1")),
    "pause_on_failures-type": ({"pause_on_failures": "3"}, TypeError, ("pause_on_failures='3'", "give a whole number")),
    "expect": ({"expect": 0}, ValueError, ("expect=0", "give a positive duration, or None")),
    "expect-type": ({"expect": [5]}, TypeError, ("expect=[5]", "give seconds")),
    "keep_runs": ({"keep_runs": -1}, ValueError, ("keep_runs=-1", "0 to 1,000")),
    "keep_runs-many": ({"keep_runs": 1001}, ValueError, ("keep_runs=1001", "0 to 1,000")),
    "keep_runs-type": ({"keep_runs": "3"}, TypeError, ("keep_runs='3'", "give a whole number")),
    "exclude": (
        {"exclude": "2026-12-25"},
        TypeError,
        ("exclude='2026-12-25'", "give Dates('2026-12-25') or Holidays('FR')"),
    ),
    "exclude-inside": ({"exclude": (5,)}, TypeError, ("exclude=(5,)", "give Dates(")),
    "exclude-zone": (
        {
            "trigger": AnyOf(Cron("0 0 * * *", timezone="Europe/Paris"), Cron("0 0 * * *")),
            "exclude": Dates("2030-01-01"),
        },
        ValueError,
        ("'Europe/Paris'", "UTC", "give the exclusion timezone="),
    ),
    "tags": ({"tags": "billing"}, TypeError, ("tags='billing'", "such as tags=('billing',)")),
    "tags-inside": ({"tags": (5,)}, TypeError, ("tags=(5,)", "a tag is a text")),
    "tags-empty": ({"tags": ("",)}, ValueError, ("tags=('',)", "a tag is one line of text")),
    "tags-lines": ({"tags": ("a\nb",)}, ValueError, ("tags=('a\\nb',)", "a tag is one line of text")),
    "paused": ({"paused": "yes"}, TypeError, ("paused='yes'", "give True or False")),
    "note": ({"note": None}, TypeError, ("note=None", "give text")),
    # the job
    "queue_name": ({"queue_name": 5}, TypeError, ("queue_name=5", "give the queue's name")),
    "queue_name-empty": ({"queue_name": ""}, ValueError, ("queue_name=''", "leave it out")),
    "job_timeout": ({"job_timeout": -5}, ValueError, ("job_timeout=-5", "or -1 for no limit")),
    "job_timeout-zero": ({"job_timeout": 0}, ValueError, ("job_timeout=0", "or -1 for no limit")),
    "job_timeout-nan": ({"job_timeout": NAN}, ValueError, ("job_timeout=nan", "give a finite number")),
    "result_ttl": ({"result_ttl": "x"}, ValueError, ("result_ttl='x'", "such as '90s'")),
    "ttl-zero": ({"ttl": 0}, ValueError, ("ttl=0", "give a positive duration")),
    "failure_ttl": ({"failure_ttl": "a week"}, ValueError, ("failure_ttl='a week'", "'7d'")),
    "description": ({"description": 5}, TypeError, ("description=5", "give a string")),
    "meta": ({"meta": [1]}, TypeError, ("meta=[1]", "give a dict")),
    "meta-interval": ({"meta": {"interval": 5}}, ValueError, ("meta={'interval': 5}", "choose another key")),
    "at_front": ({"at_front": "no"}, TypeError, ("at_front='no'", "give True or False")),
    "retry": ({"retry": 0}, ValueError, ("retry=0", "greater than 0")),
    "retry-type": ({"retry": Retry}, TypeError, ("retry=", "such as Retry(max=3)")),
    "depends_on": ({"depends_on": 5}, TypeError, ("depends_on=5", "give jobs, job ids or")),
    "on_success": ({"on_success": 5}, ValueError, ("on_success=5", "give a function")),
    "on_failure": ({"on_failure": lambda: 1}, ValueError, ("on_failure=", "is a lambda")),
    "webhooks": ({"webhooks": 5}, TypeError, ("webhooks=5", "give a list of rq.Webhook")),
    "rate_limit": ({"rate_limit": 5}, TypeError, ("rate_limit=5", "give an rq.RateLimit")),
    # the call
    "args": ({"args": "weekly"}, TypeError, ("args='weekly'", "such as args=('weekly',)")),
    "args-pickle": ({"args": (lambda: 1,)}, ValueError, ("argument 0", "cannot be serialized")),
    "kwargs": ({"kwargs": [1]}, TypeError, ("kwargs=[1]", "give a dict")),
    "kwargs-names": ({"kwargs": {1: 2}}, TypeError, ("kwargs={1: 2}", "have to be strings")),
    "too-many": (
        {"func": jobs.nothing, "args": (1,)},
        TypeError,
        ("func=jobs_for_tests.nothing()", "too many positional"),
    ),
    "missing": ({"func": jobs.add}, ValueError, ("func=jobs_for_tests.add(a", "missing a required argument: 'a'")),
    "unexpected": (
        {"func": "jobs_for_tests.add", "args": (1,), "kwargs": {"c": 1}},
        TypeError,
        ("jobs_for_tests.add", "'c'"),
    ),
    "lambda": (
        {"func": lambda: 1},
        ValueError,
        ("func=", "is a lambda, and workers import functions by name", "at the top"),
    ),
    "nested": ({"func": nested()}, TypeError, ("func=", "inside another function", "move it to the top of its module")),
    "func-type": ({"func": 5}, TypeError, ("func=5", "give a function, a method or a dotted name")),
    "func-class": ({"func": jobs.Greeter}, TypeError, ("func=", "give a function")),
    "func-none": ({"func": None}, TypeError, ("func=None", "give a function")),
    "func-empty": ({"func": " "}, ValueError, ("func=' ' is empty", "'package.module.function'")),
    # the trigger
    "trigger-text": ({"trigger": "* * * * *"}, TypeError, ("trigger='* * * * *'", "such as Cron(")),
    "trigger-none": ({"trigger": None}, TypeError, ("trigger=None", "give a trigger")),
    "trigger-class": ({"trigger": Every}, TypeError, ("trigger=", "give a trigger")),
    "never": (
        {"trigger": Cron("0 0 1 1 * 2020")},
        ValueError,
        ("schedule 'a' would never fire", "0 0 1 1 * 2020", "give one"),
    ),
    "never-any-of": (
        {"trigger": AnyOf(At(datetime(2020, 1, 1, tzinfo=UTC)))},
        ValueError,
        ("'a' would never fire", "give one"),
    ),
    # keywords
    "unknown": ({"colour": "red"}, TypeError, ("colour='red'", "no option of a schedule", "catchup")),
    "misspelt": ({"over_lap": "skip"}, TypeError, ("over_lap='skip'", "did you mean overlap")),
    "timeout-of-0-14": ({"timeout": 5}, TypeError, ("timeout=5", "job_timeout")),
    "owner": ({"owner": "shop"}, TypeError, ("owner='shop'", "no option of a schedule")),
    "zone-of-the-trigger": (
        {"timezone": "Europe/Paris"},
        TypeError,
        ("timezone='Europe/Paris' is no option of a schedule: it belongs to the trigger: Cron(..., timezone=...)",),
    ),
    "anchor-of-the-trigger": ({"anchor": START}, TypeError, ("it belongs to the trigger: Every(..., anchor=...)",)),
}


@pytest.mark.parametrize(("options", "kind", "says"), OPTIONS.values(), ids=OPTIONS)
def test_an_option_of_put_that_cannot_be(refuse: Any, options: dict[str, Any], kind: Any, says: Any) -> None:
    refuse(put(**options), kind, says)


UPDATABLE = [
    name
    for name in OPTIONS
    if name
    not in (
        "paused",
        "note",
        "unknown",
        "misspelt",
        "timeout-of-0-14",
        "owner",
        "zone-of-the-trigger",
        "anchor-of-the-trigger",
    )
]


@pytest.mark.parametrize("name", UPDATABLE)
def test_an_option_of_update_that_cannot_be(redis: redis_py.Redis, schedules: Schedules, name: str) -> None:
    options, kind, says = OPTIONS[name]
    schedules.put("a", HOURLY, jobs.echo, kwargs={})
    before = snapshot(redis)
    with pytest.raises(SchedulerError) as caught:
        schedules.update("a", **options)
    assert isinstance(caught.value, kind)
    assert all(part in str(caught.value) for part in says), str(caught.value)
    assert snapshot(redis) == before


@pytest.mark.parametrize("name", OPTIONS)
def test_an_option_of_a_schedule_object_that_cannot_be(refuse: Any, name: str) -> None:
    options, kind, says = OPTIONS[name]
    values = {"trigger": HOURLY, "func": jobs.echo, **options}
    refuse(lambda schedules: schedules.put(Schedule("a", **values)), kind, says)


@pytest.mark.parametrize("id", ["", "a b", "a:b", "a/b", "é", "a\n", "a.b"], ids=repr)
def test_an_id_with_other_characters(refuse: Any, id: str) -> None:
    for act in (
        lambda schedules: schedules.put(id, HOURLY, jobs.nothing),
        lambda schedules: schedules.register(id, HOURLY)(jobs.nothing),
        lambda schedules: schedules.update(id, jitter=1),
        lambda schedules: schedules.pause(id),
        lambda schedules: schedules.resume(id),
        lambda schedules: schedules.run_now(id),
        lambda schedules: schedules.delete(id),
    ):
        refuse(act, ValueError, (f"id={id!r} will not do", "use letters, digits, _ and -"))


@pytest.mark.parametrize("id", [5, None, b"a", ["a"]], ids=repr)
def test_an_id_that_is_no_text(refuse: Any, id: Any) -> None:
    for act in (
        lambda schedules: schedules.put(id, HOURLY, jobs.nothing),
        lambda schedules: schedules.get(id),
        lambda schedules: schedules[id],
        lambda schedules: schedules.delete(id),
        lambda schedules: schedules.run_now(id),
    ):
        refuse(act, TypeError, (f"id={id!r} is {kind_of(id)}: give",))


TRIGGERS: dict[str, tuple[Callable[[], Any], type[Exception], tuple[str, ...]]] = {
    "zone": (
        lambda: Cron("0 0 * * *", timezone="Europe/Pari"),
        ValueError,
        ("timezone='Europe/Pari'", "'Europe/Paris'"),
    ),
    "zone-type": (lambda: Cron("0 0 * * *", timezone=5), TypeError, ("timezone=5",)),  # type: ignore[arg-type]
    "never": (lambda: Cron("0 0 31 2 *"), ValueError, ("'0 0 31 2 *'", "never fires")),
    "range": (lambda: Cron("61 * * * *"), ValueError, ("'61 * * * *'", "minute field", "0-59")),
    "range-day": (lambda: Cron("0 0 32 * *"), ValueError, ("day-of-month field", "1-31")),
    "fields": (lambda: Cron("* * *"), ValueError, ("'* * *' has 3 fields", "give 5")),
    "day_match": (lambda: Cron("* * * * *", day_match="none"), ValueError, ("day_match='none'", "either")),  # type: ignore[arg-type]
    "year": (lambda: Cron("0 0 0 1 1 * 10000"), ValueError, ("10000", "year field")),
    "every-zero": (lambda: Every(0), ValueError, ("0 seconds", "give a positive duration")),
    "every-negative": (lambda: Every("-5m"), ValueError, ("-300 seconds", "give a positive duration")),
    "every-nan": (lambda: Every(NAN), ValueError, ("every=nan", "give a finite number")),
    "every-nothing": (lambda: Every(), ValueError, ("Every()", "Every(minutes=5)")),
    "every-short": (lambda: Every(0.0001), ValueError, ("100 microseconds", "a millisecond")),
    "every-long": (lambda: Every(days=10**6), ValueError, ("over a thousand years", "At")),
    "every-anchor": (lambda: Every(5, anchor=datetime(2026, 1, 1)), ValueError, ("anchor=2026-01-01T00:00:00" + Z,)),
    "at-naive": (lambda: At(datetime(2030, 1, 1)), ValueError, ("moment=2030-01-01T00:00:00" + Z,)),
    "at-past-9999": (lambda: At(FAR), ValueError, ("moment=9999-12-31", "years 1 to 9999")),
    "at-text": (lambda: At("2030-01-01"), TypeError, ("moment='2030-01-01'", "aware datetime")),  # type: ignore[arg-type]
    "any-of-nothing": (lambda: AnyOf(), ValueError, ("AnyOf()", "give at least one")),
    "any-of-text": (lambda: AnyOf("* * * * *"), TypeError, ("'* * * * *'", "give triggers")),  # type: ignore[arg-type]
    "dates-nothing": (lambda: Dates(), ValueError, ("Dates()", "give at least one")),
    "dates": (lambda: Dates("2026-02-30"), ValueError, ("'2026-02-30'", "write year-month-day")),
    "dates-zone": (lambda: Dates("2026-02-03", timezone="Paris"), ValueError, ("timezone='Paris'", "Europe/Paris")),
    "holidays": (lambda: Holidays("ZZ"), ValueError, ("country='ZZ'", "give one of")),
    "holidays-subdivision": (lambda: Holidays("DE", "XX"), ValueError, ("subdivision='XX'", "BY")),
}


# The oldest `holidays` that we take says so when it is imported.
@pytest.mark.filterwarnings(r"ignore:\s*This is a future version incompatibility")
@pytest.mark.parametrize(("make", "kind", "says"), TRIGGERS.values(), ids=TRIGGERS)
def test_a_trigger_or_an_exclusion_that_cannot_be(make: Callable[[], Any], kind: Any, says: tuple[str, ...]) -> None:
    with pytest.raises(SchedulerError) as caught:
        make()
    assert isinstance(caught.value, kind)
    assert all(part in str(caught.value) for part in says), str(caught.value)


CALLS: dict[str, tuple[Act, type[Exception], tuple[str, ...]]] = {
    "put-beside": (
        lambda s: s.put(Schedule("a", HOURLY, jobs.echo), tags=()),
        TypeError,
        ("give all in the Schedule",),
    ),
    "find-limit": (lambda s: s.find(limit=-1), ValueError, ("limit=-1 is negative",)),
    "find-offset": (lambda s: s.find(offset="5"), TypeError, ("offset='5'", "give a whole number")),
    "find-tag": (lambda s: s.find(tag=5), TypeError, ("tag=5", "give text")),
    "find-prefix": (lambda s: s.find(prefix=("a",)), TypeError, ("prefix=('a',)", "give text")),
    "find-queue": (lambda s: s.find(queue_name=b"a"), TypeError, ("queue_name=b'a'", "give text")),
    "find-paused": (lambda s: s.find(paused="no"), TypeError, ("paused='no'", "give True or False")),
    "upcoming-limit": (lambda s: s.upcoming(limit=-1), ValueError, ("limit=-1",)),
    "upcoming-within": (lambda s: s.upcoming(within="soon"), ValueError, ("within='soon'", "'10m'")),
    "upcoming-negative": (lambda s: s.upcoming(within=-5), ValueError, ("within=-5 is negative",)),
    "upcoming-nan": (lambda s: s.upcoming(within=NAN), ValueError, ("within=nan",)),
    "sync-prune": (lambda s: s.sync([], "shop", prune="no"), TypeError, ("prune='no'", "give True or False")),
    "sync-dry-run": (lambda s: s.sync([], "shop", dry_run=None), TypeError, ("dry_run=None", "give True or False")),
    "sync-owner": (lambda s: s.sync([]), ValueError, ("owner=''", "such as owner='shop'")),
    "sync-file": (lambda s: s.sync("no-such-file.toml", "shop"), ValueError, ("no-such-file.toml", "No such file")),
    "register-trigger": (lambda s: s.register("a", 5)(jobs.nothing), TypeError, ("trigger=5", "give a trigger")),
}


@pytest.mark.parametrize(("act", "kind", "says"), CALLS.values(), ids=CALLS)
def test_an_argument_of_the_other_calls_that_cannot_be(refuse: Any, act: Act, kind: Any, says: Any) -> None:
    refuse(act, kind, says)


OF_ONE: dict[str, tuple[Act, type[Exception], tuple[str, ...]]] = {
    "pause-note": (lambda s: s.pause("a", 5), TypeError, ("note=5", "give text")),
    "runs-limit": (lambda s: s.runs("a", -1), ValueError, ("limit=-1",)),
    "run_now-force": (lambda s: s.run_now("a", force="yes"), TypeError, ("force='yes'", "give True or False")),
    "update-unknown": (lambda s: s.update("a", colour=1), TypeError, ("colour= is no field",)),
    "update-paused": (lambda s: s.update("a", paused=True), TypeError, ("paused= cannot be updated", "call pause('a'")),
    "update-note": (lambda s: s.update("a", note="x"), TypeError, ("note= cannot be updated", "pause('a', note=")),
    "update-version": (lambda s: s.update("a", version="1"), TypeError, ("version='1'", "give a whole number")),
    "backfill-limit": (lambda s: s.backfill("a", START, START, limit=-1), ValueError, ("limit=-1",)),
    "backfill-text": (lambda s: s.backfill("a", "then", START), TypeError, ("since='then'", "give an aware datetime")),
    "upcoming": (lambda s: s["a"].upcoming(-1), ValueError, ("n=-1 is negative",)),
    "upcoming-type": (lambda s: s["a"].upcoming("all"), TypeError, ("n='all'", "give a whole number")),
}


@pytest.mark.parametrize(("act", "kind", "says"), OF_ONE.values(), ids=OF_ONE)
def test_an_argument_about_a_schedule_that_cannot_be(
    redis: redis_py.Redis, schedules: Schedules, act: Act, kind: Any, says: tuple[str, ...]
) -> None:
    schedules.put("a", HOURLY, jobs.nothing)
    before = snapshot(redis)
    with pytest.raises(SchedulerError) as caught:
        act(schedules)
    assert isinstance(caught.value, kind)
    assert all(part in str(caught.value) for part in says), str(caught.value)
    assert snapshot(redis) == before


@pytest.mark.parametrize(
    "act",
    [
        lambda schedules: schedules.find(colour="red"),
        lambda schedules: schedules.upcoming(colour="red"),
        lambda schedules: schedules.pause("a", colour="red"),
        lambda schedules: schedules.run_now("a", colour="red"),
        lambda schedules: schedules.sync([], "shop", colour="red"),
        lambda schedules: schedules.backfill("a", START, START, colour="red"),
    ],
    ids=["find", "upcoming", "pause", "run_now", "sync", "backfill"],
)
def test_unknown_keywords_are_a_type_error(schedules: Schedules, act: Act) -> None:
    with pytest.raises(TypeError, match="colour"):
        act(schedules)


def test_a_function_of_main_warns(schedules: Schedules, monkeypatch: pytest.MonkeyPatch) -> None:
    import __main__

    def job() -> None: ...

    job.__module__, job.__qualname__ = "__main__", "job"
    monkeypatch.setattr(__main__, "job", job, raising=False)
    with pytest.warns(SchedulerWarning, match=r"'job' lives in __main__.*move the function to a module"):
        schedules.put("a", HOURLY, job)
    assert "a" in schedules


def test_an_end_that_has_passed_is_a_way_to_end_a_schedule(schedules: Schedules) -> None:
    schedules.put("a", HOURLY, jobs.nothing)
    assert schedules.update("a", end=datetime(2020, 1, 1, tzinfo=UTC)).finished


def test_a_single_time_that_has_passed_may_take_the_place_of_a_trigger_with_a_warning(schedules: Schedules) -> None:
    schedules.put("a", HOURLY, jobs.nothing)
    with pytest.warns(SchedulerWarning, match="schedule 'a' never fires"):
        assert schedules.update("a", trigger=At(datetime(2020, 1, 1, tzinfo=UTC))).finished
