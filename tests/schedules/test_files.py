"""Files of schedules: what they may say, how mistakes are told, their JSON Schema, and writing them. No server is
needed."""

import json
import re
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from msgspec.structs import fields
from rq import Callback, Retry
from rq.job import Dependency

import jobs_for_tests as jobs
from rq_scheduler.client.schedules.export import write_definitions
from rq_scheduler.client.schedules.files import definitions_from, file_schema, read_definitions
from rq_scheduler.errors import InvalidArgument
from rq_scheduler.model import RetryFields, Schedule
from rq_scheduler.triggers import AnyOf, At, Cron, Dates, Every, RRule
from support import ROOT

SHORT = ("cron", "rrule", "every", "at")
DAILY = Cron("30 2 * * *", timezone="Europe/Paris")

FULL_TOML = """
"$schema" = "schedule.schema.json"

[schedules.nightly-report]
trigger = {type = "cron", expression = "30 2 * * *", timezone = "Europe/Paris"}
func = "shop.tasks.send_report"
args = ["weekly", 3, true]
kwargs = {to = "ops", limits = [1, 2.5]}
queue_name = "reports"
job_timeout = "10m"
result_ttl = 3600
failure_ttl = -1
description = "the report"
meta = {team = "billing"}
at_front = true
retry = {max = 3, interval = [60, 600]}
depends_on = ["other"]
on_failure = "shop.tasks.tell"
overlap = "allow"
catchup = "all"
catchup_window = "2h"
jitter = 0.5
start = 2026-01-01T00:00:00+01:00
end = "2027-01-01T00:00:00Z"
max_runs = 7
exclude = [
  {type = "dates", days = [2026-12-25, "2026-12-26"]},
  {type = "dates", days = ["2026-07-14"], timezone = "UTC"},
]
excluded = "next_day"
pause_on_failures = 4
expect = "1h"
keep_runs = 9
paused = true
note = "quiet"
tags = ["billing"]

[schedules.heartbeat]
func = "shop.tasks.beat"
trigger.type = "any_of"
trigger.triggers = [{type = "every", interval = 90}, {type = "at", moment = 2026-05-01T10:00:00Z}]
"""

FULL = [
    Schedule(
        "nightly-report",
        DAILY,
        "shop.tasks.send_report",
        args=("weekly", 3, True),
        kwargs={"to": "ops", "limits": [1, 2.5]},
        queue_name="reports",
        job_timeout="10m",
        result_ttl=3600,
        failure_ttl=-1,
        description="the report",
        meta={"team": "billing"},
        at_front=True,
        retry=RetryFields(max=3, interval=[60, 600]),
        depends_on=["other"],
        on_failure="shop.tasks.tell",
        overlap="allow",
        catchup="all",
        catchup_window="2h",
        jitter=0.5,
        start=datetime(2025, 12, 31, 23, tzinfo=UTC),
        end=datetime(2027, 1, 1, tzinfo=UTC),
        max_runs=7,
        exclude=(Dates("2026-12-25", "2026-12-26"), Dates("2026-07-14", timezone="UTC")),
        excluded="next_day",
        pause_on_failures=4,
        expect="1h",
        keep_runs=9,
        paused=True,
        note="quiet",
        tags=("billing",),
    ),
    Schedule(
        "heartbeat",
        AnyOf(Every(90), At(datetime(2026, 5, 1, 10, tzinfo=UTC))),
        "shop.tasks.beat",
    ),
]

File = Callable[..., Path]


@pytest.fixture
def file(tmp_path: Path) -> File:
    """Write a file: `file("...")` is schedules.toml, `file({...})` schedules.json."""

    def write(content: Any, name: str = "") -> Path:
        text = content if isinstance(content, str) else json.dumps(content)
        path = tmp_path / (name or ("schedules.toml" if isinstance(content, str) else "schedules.json"))
        path.write_text(text, encoding="utf-8")
        return path

    return write


def plain(**changes: Any) -> dict[str, Any]:
    """A good schedule as JSON has it, with changes; a field that is ... is left out."""
    table = {"trigger": {"type": "every", "interval": "10m"}, "func": "shop.tasks.beat", **changes}
    return {name: value for name, value in table.items() if value is not ...}


def refusal(path: Path) -> str:
    with pytest.raises(InvalidArgument) as raised:
        read_definitions(path)
    said = str(raised.value)
    assert str(path) in said
    return said.replace(f"{path}: ", "")


# --- what a file may say ---


def test_a_toml_file_says_all_that_a_schedule_can_be(file: File) -> None:
    assert read_definitions(file(FULL_TOML)) == FULL


def test_a_json_file_says_the_same(file: File) -> None:
    table = plain(trigger={"type": "cron", "expression": "30 2 * * *", "timezone": "Europe/Paris"}, args=[None])
    (read,) = read_definitions(str(file({"$schema": "x", "schedules": {"nightly": table}})))
    assert read == Schedule("nightly", DAILY, "shop.tasks.beat", args=(None,))


@pytest.mark.parametrize(
    ("text", "trigger"),
    [
        ('cron = "30 2 * * *"\ntimezone = "Europe/Paris"', DAILY),
        ('cron = "@daily"', Cron("@daily")),
        (
            'rrule = "FREQ=MONTHLY;BYDAY=-1FR;BYHOUR=18"\ntimezone = "Europe/Paris"',
            RRule("FREQ=MONTHLY;BYDAY=-1FR;BYHOUR=18", timezone="Europe/Paris"),
        ),
        ('every = "10m"', Every(600)),
        ("every = 0.25", Every(milliseconds=250)),
        ("at = 2026-05-01T12:00:00+02:00", At(datetime(2026, 5, 1, 10, tzinfo=UTC))),
        ('at = "2026-05-01T10:00:00Z"', At(datetime(2026, 5, 1, 10, tzinfo=UTC))),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_common_triggers_have_a_short_form(file: File, text: str, trigger: Any) -> None:
    (read,) = read_definitions(file(f'[schedules.short]\nfunc = "shop.tasks.beat"\n{text}\n'))
    assert read.trigger == trigger


def test_a_file_without_schedules_that_says_so_is_empty(file: File) -> None:
    assert read_definitions(file({"schedules": {}})) == []


def test_a_byte_order_mark_does_no_harm(tmp_path: Path) -> None:
    path = tmp_path / "schedules.TOML"
    path.write_bytes(b"\xef\xbb\xbf" + FULL_TOML.encode())
    assert read_definitions(path) == FULL


def test_the_suffix_says_what_a_source_is(file: File, tmp_path: Path) -> None:
    assert definitions_from(str(file(FULL_TOML))) == FULL
    assert definitions_from(file({"schedules": {"a": plain()}}))[0].id == "a"
    with pytest.raises(InvalidArgument, match="will not do: give a"):
        definitions_from(file("schedules:", "schedules.yaml"))
    with pytest.raises(InvalidArgument, match="there is no such file"):
        definitions_from(tmp_path / "nowhere.py")


# --- how mistakes are told ---


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"jiter": "30s"}, "'jiter' is no field known here: did you mean 'jitter'?"),
        ({"timeout": 3}, "did you mean 'job_timeout' or "),
        ({"xyzzy": 3}, "'xyzzy' is no field known here: give one of trigger, cron, "),
        ({"id": "b"}, "'id' is no field known here"),
        ({"func": ...}, "missing required field `func`"),
        ({"func": ""}, "func: Expected `str` of length >= 1"),
        ({"func": 5}, "func: Expected `str`, got `int`"),
        ({"trigger": ...}, "nothing to say when it runs: give exactly one of trigger, cron, rrule, every, at"),
        ({"cron": "@daily"}, "trigger and cron to say when it runs: give exactly one"),
        ({"timezone": "Europe/Paris"}, "goes with cron and rrule, not with trigger: write it inside the trigger"),
        ({"trigger": ..., "every": 5, "timezone": "UTC"}, "goes with cron and rrule, not with every: leave it out"),
        ({"trigger": ..., "cron": "61 * * * *"}, "minute field: 61"),
        ({"trigger": ..., "cron": "@daily", "timezone": "Europe/Pariss"}, "did you mean 'Europe/Paris'"),
        ({"trigger": ..., "every": "soon"}, "every: duration='soon' is not a duration: write digits and a unit"),
        ({"trigger": ..., "every": 0}, "never moves on"),
        (
            {"trigger": ..., "at": "2026-05-01T10:00:00"},
            "at: Expected `datetime` with a timezone component; write a time",
        ),
        (
            {"trigger": ..., "at": "tomorrow"},
            "at: Invalid RFC3339 encoded datetime; write a time such as 2026-12-25T08",
        ),
        ({"trigger": {"type": "at", "moment": "2026-05-01T10:00:00"}}, "2026-05-01T10:00:00 has no time zone; write a"),
        ({"trigger": "@daily"}, "trigger='@daily' is no trigger: write {type = "),
        ({"trigger": {"type": "cron", "expression": 5}}, "trigger.expression: Expected `str`, got `int`"),
        ({"trigger": {"type": "crom", "expression": "@daily"}}, "trigger.type: Invalid value 'crom'"),
        (
            {"trigger": {"type": "cron", "expression": "@daily", "timezon": "UTC"}},
            "trigger: 'timezon' is no field known here: did you mean 'timezone'?",
        ),
        (
            {"trigger": {"type": "any_of", "triggers": [{"type": "every", "interval": 5, "ancor": None}]}},
            "trigger.triggers[0]: 'ancor' is no field known here: did you mean 'anchor'?",
        ),
        (
            {"exclude": [{"type": "holidays", "country": "FR", "part": "75"}]},
            "exclude[0]: 'part' is no field known here",
        ),
        ({"exclude": [{"type": "dates", "days": ["25.12.2026"]}]}, "exclude[0].days[0]: "),
        ({"retry": {"max": 3, "intervall": 5}}, "retry: Object contains unknown field `intervall`"),
        ({"jitter": -5}, "is negative: it delays runs"),
        ({"jitter": "5 minutes"}, "jitter: duration='5 minutes' is not a duration"),
        ({"jitter": 1e300}, "too large"),
        ({"job_timeout": "9999999999999d"}, "too large"),
        ({"job_timeout": "5 minutes"}, "job_timeout='5 minutes' is not a duration"),
        ({"max_runs": 0}, "max_runs: Expected `int` >= 1"),
        ({"overlap": "maybe"}, "overlap: Invalid enum value 'maybe': give one of 'skip', 'allow', 'buffer_one', "),
        ({"catchup": "some"}, "catchup: Invalid enum value 'some': give one of 'latest', 'all', 'none'"),
        ({"excluded": "next-day"}, "Invalid enum value 'next-day': give one of 'skip', 'next_day', 'previous_day'"),
        ({"start": "2026-05-01T10:00:00"}, "start: Expected `datetime` with a timezone component; write a time"),
        ({"start": "2027-01-01T00:00:00Z", "end": "2026-01-01T00:00:00Z"}, "is not before end="),
        ({"args": "weekly"}, "args: Expected `array`, got `str`"),
        ({"tags": [""]}, "is empty"),
    ],
    ids=lambda value: re.sub(r"\s+", " ", str(value))[:60],
)
def test_a_mistake_names_file_schedule_and_field(file: File, changes: Any, says: str) -> None:
    said = refusal(file({"schedules": {"good": plain(), "bad-one": plain(**changes)}}))
    assert said.startswith("schedule 'bad-one', ")
    assert says in said


@pytest.mark.once
@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("at = 2026-05-01T10:00:00", "at: Expected `datetime` with a timezone component; write a time such as"),
        ("at = 2026-05-01", "at: Expected `datetime`, got `date`; write a time such as"),
        ("every = nan", "every: "),
        ("every = 5\nargs = [2026-05-01]", "args[0]=datetime.date(2026, 5, 1) is a date that no JSON value stands for"),
        ("every = 5\nkwargs = {since = [2026-05-01T00:00:00Z]}", "kwargs.since[0]=datetime.datetime("),
        ("every = 5\nmeta = {ratio = inf}", "meta.ratio=inf is a float that no JSON value stands for"),
        ("every = 5\njob_timeout = inf", "job_timeout=inf is not a length of time"),
    ],
    ids=lambda value: re.sub(r"\s+", " ", value)[:50],
)
def test_what_only_toml_can_say_is_refused_with_a_remedy(file: File, line: str, says: str) -> None:
    said = refusal(file(f'[schedules.a]\nfunc = "x.y"\n{line}\n'))
    assert said.startswith("schedule 'a', ")
    assert says in said


@pytest.mark.once
@pytest.mark.parametrize("id", ["with space", "", "a.b", "é"], ids=ascii)
def test_an_id_is_letters_digits_and_dashes(file: File, id: str) -> None:
    assert "use letters, digits, _ and -" in refusal(file({"schedules": {id: plain()}}))


@pytest.mark.once
@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("", "has no mapping named schedules: give each schedule a table [schedules.its-id]"),
        ([], "has no mapping named schedules"),
        ({"schedules": [plain()]}, "has no mapping named schedules"),
        ({"schedules": {"a": 5}}, "schedule 'a', given as 5: give a table of its fields"),
        ({"schedules": {}, "scheduels": {}}, "'scheduels' is no field known here: did you mean 'schedules'?"),
        ("[schedules.a\n", "cannot be read as TOML: Expected ']'"),
        ("[schedules.a]\n[schedules.a]\n", "cannot be read as TOML: Cannot declare ('schedules', 'a') twice"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_file_of_another_form_is_refused(file: File, content: Any, says: str) -> None:
    assert says in refusal(file(content))


@pytest.mark.once
@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('{"schedules": {"a": 1, "b": 2, "a": 3}}', "'a' stands twice in the same object"),
        ('{"schedules": {"a": {"every": 5, "func": "x", "every": 6}}}', "'every' stands twice"),
        ('{"schedules": {"a": {"every": NaN}}}', "NaN is no JSON value"),
        ('{"schedules": ', "cannot be read as JSON: Expecting value: line 1"),
        ("[" * 200_000, "cannot be read as JSON"),
    ],
    ids=["an id twice", "a field twice", "NaN", "cut off", "very deep"],
)
def test_json_that_readers_disagree_about_is_refused(file: File, text: str, says: str) -> None:
    assert says in refusal(file(text, "schedules.json"))


def test_a_file_that_cannot_be_opened_is_named(file: File, tmp_path: Path) -> None:
    assert "cannot be opened: No such file or directory" in refusal(tmp_path / "nowhere.toml")
    (tmp_path / "folder.json").mkdir()
    assert "cannot be opened: Is a directory" in refusal(tmp_path / "folder.json")
    assert "is neither a .toml nor a .json file" in refusal(file("", "schedules.yaml"))
    (tmp_path / "latin.toml").write_bytes(b"# \xe9\n")
    assert "cannot be read as TOML: 'utf-8' codec" in refusal(tmp_path / "latin.toml")


# --- the JSON Schema ---


def is_valid(content: Any) -> bool:
    return Draft202012Validator(file_schema()).is_valid(content)


def in_any_order(schema: Any) -> Any:
    """With alternatives sorted: versions of msgspec give them in different orders."""
    if isinstance(schema, list):
        return sorted((in_any_order(each) for each in schema), key=json.dumps)
    return {name: in_any_order(each) for name, each in schema.items()} if isinstance(schema, dict) else schema


def test_the_schema_in_the_docs_is_the_present_one() -> None:
    kept = json.loads((ROOT / "docs" / "schedule.schema.json").read_text(encoding="utf-8"))
    present = json.loads(json.dumps(file_schema()))
    assert in_any_order(kept) == in_any_order(present), "docs/schedule.schema.json is old: write file_schema() to it"


def test_the_schema_is_one() -> None:
    Draft202012Validator.check_schema(file_schema())


def test_the_schema_has_every_field_of_a_schedule() -> None:
    described = file_schema()["$defs"]["Schedule"]["properties"]
    assert described.keys() == {field.name for field in fields(Schedule)} - {"id"} | {*SHORT, "timezone"}


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"trigger": ..., "cron": "@daily", "timezone": "Europe/Paris"},
        {"trigger": ..., "rrule": "FREQ=DAILY", "timezone": "Europe/Paris"},
        {"trigger": ..., "every": 5},
        {"trigger": ..., "at": "2026-05-01T10:00:00Z"},
        {"retry": {"max": 3}, "jitter": "5s", "start": None, "args": [1, {"a": None}], "webhooks": [{"url": "x"}]},
        {"exclude": [{"type": "dates", "days": ["2026-12-25"]}]},
    ],
    ids=lambda value: str(list(value)),
)
def test_what_is_read_is_valid_too(file: File, changes: Any) -> None:
    content = {"schedules": {"a": plain(**changes)}}
    assert read_definitions(file(content))
    assert is_valid(content)


@pytest.mark.parametrize(
    "content",
    [
        {},
        {"schedules": []},
        {"schedules": {}, "more": 1},
        {"schedules": {"a b": plain()}},
        *(
            {"schedules": {"a": plain(**changes)}}
            for changes in (
                {"jiter": "30s"},
                {"func": ...},
                {"func": ""},
                {"trigger": ...},
                {"cron": "@daily"},
                {"timezone": "UTC"},
                {"trigger": {"type": "crom"}},
                {"trigger": {"type": "cron", "expression": "@daily", "timezon": "UTC"}},
                {"exclude": [{"type": "dates", "days": ["2026-12-25"], "day": 1}]},
                {"jitter": True},
                {"max_runs": 0},
                {"overlap": "maybe"},
                {"retry": {"max": 0}},
            )
        ),
    ],
    ids=lambda value: str(value)[-50:],
)
def test_what_is_refused_is_not_valid_either(file: File, content: Any) -> None:
    assert refusal(file(content))
    assert not is_valid(content)


# --- writing ---


def test_what_is_written_is_read_back_and_is_valid(file: File) -> None:
    text = write_definitions(FULL)
    assert read_definitions(file(text, "out.json")) == FULL
    assert is_valid(json.loads(text))


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@pytest.mark.once
@given(args=st.lists(JSON_VALUES, max_size=3), kwargs=st.dictionaries(st.text(), JSON_VALUES, max_size=3))
def test_any_json_values_survive_a_file(args: Any, kwargs: Any, tmp_path_factory: pytest.TempPathFactory) -> None:
    definition = Schedule("a", DAILY, "x.y", args=tuple(args), kwargs=kwargs, meta=kwargs)
    path = tmp_path_factory.mktemp("written") / "schedules.json"
    path.write_text(write_definitions([definition]), encoding="utf-8")
    (read,) = read_definitions(path)
    assert read == definition
    assert repr(read) == repr(definition)


def test_none_for_arguments_is_written_as_no_arguments() -> None:
    none = Schedule("nightly", DAILY, "shop.tasks.beat", args=None, kwargs=None)
    assert write_definitions([none]) == write_definitions([Schedule("nightly", DAILY, "shop.tasks.beat")])


def test_python_objects_that_a_file_has_a_form_for_are_written_in_it(file: File) -> None:
    definition = Schedule(
        "a",
        Every(60, anchor=datetime(2026, 1, 1, tzinfo=UTC)),
        jobs.echo,
        kwargs=None,
        job_timeout=timedelta(minutes=10),
        retry=Retry(max=3, interval=[1, 2]),
        depends_on=Dependency(jobs=["one", "two"]),
        on_success=jobs.on_success,
        on_failure=Callback(jobs.on_failure),
        on_stopped=Callback("jobs_for_tests.on_stopped"),
    )
    (read,) = read_definitions(file(write_definitions([definition]), "out.json"))
    assert (read.trigger, read.func, read.kwargs, read.job_timeout) == (
        definition.trigger,
        "jobs_for_tests.echo",
        {},
        "600s",
    )
    assert (read.retry, read.depends_on) == (RetryFields(max=3, interval=[1, 2]), ["one", "two"])
    assert (read.on_success, read.on_failure, read.on_stopped) == (
        "jobs_for_tests.on_success",
        "jobs_for_tests.on_failure",
        "jobs_for_tests.on_stopped",
    )


@pytest.mark.newest_only
def test_webhooks_and_rate_limits_are_written_by_their_fields(file: File) -> None:
    import rq

    definition = Schedule(
        "a",
        DAILY,
        jobs.echo,
        webhooks=[rq.Webhook("https://example.org/x", "failed")],
        rate_limit=rq.RateLimit("api", 2),
    )
    (read,) = read_definitions(file(write_definitions([definition]), "out.json"))
    assert [rq.Webhook(**each) for each in read.webhooks] == definition.webhooks
    assert read.rate_limit == {"key": "api", "concurrency": 2}


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"args": (object,)}, "args[0]=<class 'object'> is a type that no JSON value stands for"),
        ({"args": ((1, 2),)}, "args[0]=(1, 2) is a tuple"),
        ({"args": (float("nan"),)}, "args[0]=nan is a float"),
        ({"kwargs": {"cost": Decimal("1.5")}}, "kwargs.cost=Decimal('1.5') is a Decimal"),
        ({"kwargs": {"at": {1: 2}}}, "kwargs.at={1: 2} is a dict"),
        ({"meta": {"raw": b"x"}}, "meta.raw=b'x' is a bytes"),
        ({"func": jobs.Greeter("hi").greet}, "brings an object with it"),
        ({"func": lambda: None}, "is a lambda"),
        ({"on_failure": Callback(jobs.on_failure, timeout=7)}, "on_failure has a timeout of 7 s"),
        ({"depends_on": Dependency(jobs=["a"], allow_failure=True)}, "depends_on has allow_failure"),
        ({"retry": True}, "retry: Expected"),
        ({"webhooks": [object()]}, "webhooks[0]=<object object"),
    ],
    ids=lambda value: re.sub(r" at 0x[0-9a-f]+", "", str(value))[:50],
)
def test_what_a_file_cannot_hold_is_refused_by_field(options: Any, says: str) -> None:
    definition = Schedule("a-1", DAILY, **{"func": jobs.echo, **options})
    with pytest.raises(InvalidArgument, match=f"schedule 'a-1', .*{re.escape(says)}"):
        write_definitions([definition])


@pytest.mark.newest_only
def test_a_retry_at_the_front_is_refused_where_rq_has_it() -> None:
    definition = Schedule("a", DAILY, jobs.echo, retry=Retry(max=1, enqueue_at_front=True))
    with pytest.raises(InvalidArgument, match="schedule 'a', retry has enqueue_at_front"):
        write_definitions([definition])


def test_an_id_is_written_once() -> None:
    with pytest.raises(InvalidArgument, match="id='a' is defined twice"):
        write_definitions([Schedule("a", DAILY, jobs.echo), Schedule("a", Every(5), jobs.echo)])


# --- size ---


@pytest.mark.once
def test_ten_thousand_schedules_are_read_in_seconds(file: File) -> None:
    toml = "".join(
        f'[schedules.job-{n}]\ncron = "{n % 60} {n // 60 % 24} {1 + n // 1440} * *"\ntimezone = "Europe/Paris"\n'
        f'func = "shop.tasks.send"\nargs = ["weekly", {n}]\njitter = "30s"\n'
        for n in range(10_000)
    )
    path = file(toml)
    started = time.process_time()
    definitions = read_definitions(path)
    assert time.process_time() - started < 15
    assert (len(definitions), definitions[-1].args) == (10_000, ("weekly", 9_999))
