"""Texts that people write: cron strings, recurrence rules, durations, zones, files. Each is read, or refused in words
of ours, in a bounded time; what is read means the same when it is written down and read again."""

# ruff: noqa: PT017  (what is raised is what is tested)

import json
import string
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import strategies as st

from fuzz import hostile
from fuzz.conftest import Fuzz
from rq_scheduler import Cron, Every, RRule
from rq_scheduler.client.schedules.export import write_definitions
from rq_scheduler.client.schedules.files import definitions_from, read_definitions
from rq_scheduler.clock import duration_us, to_us
from rq_scheduler.errors import InvalidArgument, SchedulerError
from rq_scheduler.serialization import Duration, decode, encode
from rq_scheduler.triggers import MAX_US, MIN_US, AnyTrigger, Trigger, legacy_cron
from rq_scheduler.triggers.every import MAX_INTERVAL_US, MIN_INTERVAL_US
from rq_scheduler.triggers.zones import zone
from schedules.helpers import START

pytestmark = pytest.mark.once

SECONDS = 2.0
"""Of this process's own time, for one text; the slowest takes a tenth."""

ZONES = ["UTC", "Europe/Paris", "America/St_Johns", "Pacific/Apia", "Asia/Kathmandu", "Antarctica/Troll"]


@contextmanager
def in_time(what: object) -> Iterator[None]:
    began = time.process_time()
    yield
    took = time.process_time() - began
    assert took < SECONDS, f"{what!r:.200} took {took:.1f} s"


def edited(text: st.SearchStrategy[str], letters: str) -> st.SearchStrategy[str]:
    """With up to three slips of the pen: characters left out, put in, doubled, or swapped for others."""

    @st.composite
    def strategy(draw: st.DrawFn) -> str:
        made = draw(text)
        for _ in range(draw(st.integers(0, 3))):
            at, length = draw(st.integers(0, len(made))), draw(st.integers(0, 3))
            new = draw(st.text(letters, max_size=3) | st.text(max_size=2) | st.just(made[at : at + 6] * 2))
            made = made[:at] + new + made[at + length :]
        return made

    return strategy()


# --- triggers ---


def number(lo: int, hi: int) -> st.SearchStrategy[str]:
    return st.integers(lo, hi).map(str) | st.integers(-1, 10**6).map(str)


def field(lo: int, hi: int, *special: str) -> st.SearchStrategy[str]:
    one = number(lo, hi)
    body = st.one_of(st.just("*"), one, st.builds("{}-{}".format, one, one), *map(st.just, special))
    term = body | st.builds("{}/{}".format, body, one)
    return st.lists(term, min_size=1, max_size=3).map(",".join)


five = st.tuples(
    field(0, 59), field(0, 23), field(1, 31, "L", "LW", "?"), field(1, 12, "jan", "DEC"),
    field(0, 7, "mon", "SUN", "5L", "L5", "MON#2", "2#5"),
).map(" ".join)  # fmt: skip
crons = st.one_of(
    five,
    st.builds("{} {}".format, five, field(1970, 9999)),
    st.builds("{} {} {}".format, field(0, 59), five, field(1970, 9999)),
    st.sampled_from(["@daily", "@yearly", "@reboot", "0 0 30 2 *", "0 0 29 2 * 2100", "59 23 31 12 *  9999"]),
)
cron_texts = edited(crons, "0123456789 */,-#L?@\t") | st.text("0123456789 */,-#LW", max_size=40) | hostile.texts

moments = st.sampled_from(
    [
        "20260302T120000",
        "20260302T120000Z",
        "20260302",
        "99991231T235959Z",
        "00010101",
        "19000101T000000",
        "20240229T023000",
    ]
)
numbers = st.lists(st.integers(-400, 400).map(str), min_size=1, max_size=4).map(",".join)
part = st.one_of(
    st.builds("INTERVAL={}".format, st.integers(0, 10**9)),
    st.builds("COUNT={}".format, st.integers(0, 10**5)),
    st.builds("UNTIL={}".format, moments),
    st.builds("WKST={}".format, st.sampled_from(["MO", "SU", "XX"])),
    st.builds("BYDAY={}".format, st.lists(st.sampled_from(["MO", "SU", "1MO", "-1FR", "53TU", "+2WE"]), min_size=1,
        max_size=3).map(",".join)),
    *(st.builds(f"{name}={{}}".format, numbers) for name in (
        "BYSECOND", "BYMINUTE", "BYHOUR", "BYMONTHDAY", "BYYEARDAY", "BYWEEKNO", "BYMONTH", "BYSETPOS")),
)  # fmt: skip
freqs = st.sampled_from(["YEARLY", "MONTHLY", "WEEKLY", "DAILY", "HOURLY", "MINUTELY", "SECONDLY", "NEVER"])
rule = st.builds("FREQ={};{}".format, freqs, st.lists(part, max_size=4).map(";".join))
line = st.one_of(
    st.builds("DTSTART:{}".format, moments),
    st.builds("DTSTART;TZID={}:{}".format, st.sampled_from([*ZONES, "No/Where"]), moments),
    st.builds("{}:{}".format, st.sampled_from(["RDATE", "EXDATE"]), st.lists(moments, min_size=1,
        max_size=3).map(",".join)),
    st.builds("{}:{}".format, st.sampled_from(["RRULE", "EXRULE"]), rule),
)  # fmt: skip
rules = rule | st.builds(lambda start, rest: "\n".join([start, *rest]), line, st.lists(line, max_size=3))
rule_texts = edited(rules, "0123456789;=,:-+TZ\n " + string.ascii_uppercase) | hostile.texts

instants = st.sampled_from([MIN_US, 0, to_us(START), 4_070_908_800_000_000, MAX_US - 10**12]) | st.integers(
    MIN_US, MAX_US
)


def is_a_series(trigger: Trigger, us: int) -> None:
    """Its instants strictly increase, both ways agree, and the stored form has the same ones."""
    again = decode(encode(trigger), AnyTrigger)
    assert again == trigger
    coming = [us]
    while len(coming) < 6 and (found := trigger.after(coming[-1])) is not None:
        assert again.after(coming[-1]) == found
        coming.append(found)
    assert all(one < other for one, other in pairwise(coming))
    for one, other in pairwise(coming[1:]):
        assert trigger.before(other) == one
    earlier = trigger.before(us)
    assert earlier is None or earlier < us


def test_cron_strings(fuzz: Fuzz) -> None:
    def check(text: str, timezone: str, both: bool, us: int) -> None:
        with in_time(text):
            try:
                cron = Cron(text, timezone, "both" if both else "either")
            except InvalidArgument as error:
                assert str(error)
                return
            is_a_series(cron, us)
            assert Cron(cron.expression, timezone, cron.day_match) == cron

    fuzz(150, check, text=cron_texts, timezone=st.sampled_from(ZONES), both=st.booleans(), us=instants)


def test_cron_strings_of_0_14(fuzz: Fuzz) -> None:
    def check(text: str, timezone: str) -> None:
        with in_time(text):
            try:
                cron, warnings = legacy_cron(text, timezone)
            except InvalidArgument:
                return
            assert all(warnings)
            assert cron.day_match == "both"

    fuzz(80, check, text=cron_texts, timezone=st.sampled_from(ZONES))


def test_recurrence_rules(fuzz: Fuzz) -> None:
    def check(text: str, timezone: str, us: int) -> None:
        with in_time(text):
            try:
                rule = RRule(text, timezone)
            except InvalidArgument as error:
                assert str(error)
                return
            is_a_series(rule, us)
            assert RRule(rule.text, rule.timezone) == rule

    fuzz(200, check, text=rule_texts, timezone=st.sampled_from(ZONES), us=instants)


def test_durations(fuzz: Fuzz) -> None:
    def check(text: str) -> None:
        with in_time(text):
            try:
                us = duration_us(text, "wait")
            except InvalidArgument as error:
                assert "wait=" in str(error)
                return
            try:
                duration = Duration.of(text, "wait")
            except InvalidArgument as error:
                assert "too large" in str(error)
                return
            assert duration.us == us
            assert Duration.of(str(duration), "wait") == duration
            try:
                assert Every(text).interval == duration
            except InvalidArgument:
                assert not MIN_INTERVAL_US <= us <= MAX_INTERVAL_US

    texts = st.builds(
        "{}{}".format,
        st.integers() | st.floats() | st.text("0123456789.-+_e", max_size=8),
        st.sampled_from(["", "s", "m", "H", "d", " d", "w"]),
    )
    fuzz(200, check, text=texts | edited(texts, "0123456789.smhd-_ ") | hostile.texts)


def test_zones(fuzz: Fuzz) -> None:
    def check(name: str) -> None:
        with in_time(name):
            try:
                found = zone(name)
            except InvalidArgument as error:
                assert "timezone=" in str(error)
                return
            assert Cron("0 0 * * *", found.name).zone_name == found.name

    names = st.sampled_from(
        [*ZONES, "Etc/GMT+5", "EST5EDT", "posix/UTC", "../UTC", "UTC/", "Europe", "/etc/localtime", "CON", "a" * 300]
    )
    fuzz(60, check, name=edited(names, string.ascii_letters + "/_+-.0123456789") | hostile.texts)


# --- files ---

VALUES = hostile.nested(
    st.one_of(
        st.none(), st.booleans(), st.integers(), st.floats(), hostile.texts, crons, rule,
        st.sampled_from(["10m", "2026-03-02T12:00:00Z"]),
    ),
    st.text(max_size=5) | st.sampled_from(["type", "max"]),
)  # fmt: skip
WHEN = [{"cron": "0 9 * * mon", "timezone": "Europe/Paris"}, {"every": "90s"}, {"rrule": "FREQ=DAILY"},
    {"at": "2030-01-01T00:00:00Z"},
        {"trigger": {"type": "any_of", "triggers": [{"type": "every", "interval": "5m", "anchor": None},
        {"type": "cron", "expression": "* * * * *"}]}}]  # fmt: skip
FIELDS: dict[str, Any] = {
    "args": [1, "a"], "kwargs": {"a": {"b": None}}, "queue_name": "q", "job_timeout": "10m", "result_ttl": 60,
    "failure_ttl": -1,
    "description": "x", "meta": {"a": 1}, "at_front": True, "retry": {"max": 3, "interval": [1, 2]},
    "depends_on": ["a"],
    "on_failure": "a.b", "overlap": "allow", "catchup": "all", "catchup_window": "2h", "jitter": 0.5,
    "start": "2026-01-01T00:00:00Z", "end": "2027-01-01T00:00:00Z", "max_runs": 7, "exclude": [{"type": "dates",
    "days": ["2026-12-25"]}], "excluded": "previous_day",
    "pause_on_failures": 4, "expect": "1h", "keep_runs": 9, "paused": False, "note": "n", "tags": ["a"],
}  # fmt: skip


@st.composite
def files(draw: st.DrawFn) -> Any:
    """What a file of schedules says, with up to two values that do not belong there."""
    schedules: dict[str, Any] = {}
    for id in draw(st.lists(st.sampled_from(["a", "b-c"]) | hostile.texts, min_size=1, max_size=2, unique=True)):
        names = draw(st.lists(st.sampled_from(sorted(FIELDS)), max_size=6, unique=True))
        table = {"func": "shop.tasks.send", **draw(st.sampled_from(WHEN)), **{name: FIELDS[name] for name in names}}
        for _ in range(draw(st.integers(0, 2))):
            table[draw(st.sampled_from(sorted(table)) | hostile.texts)] = draw(VALUES)
        schedules[id] = table
    return draw(st.just({"schedules": schedules}) | st.dictionaries(st.sampled_from(["schedules", "$schema"]), VALUES))


def in_toml(value: Any) -> str:
    match value:
        case bool():
            return str(value).lower()
        case dict():
            return (
                "{"
                + ", ".join(f"{json.dumps(name)} = {in_toml(each)}" for name, each in value.items() if each is not None)
                + "}"
            )
        case list():
            return "[" + ", ".join(in_toml(each) for each in value if each is not None) + "]"
        case str() if value.endswith("Z") and value[:1] == "2":
            return value
        case _:
            return json.dumps(value).replace("NaN", "nan").replace("Infinity", "inf")


def as_toml(content: dict[str, Any]) -> str:
    return "\n".join(f"{json.dumps(name)} = {in_toml(value)}" for name, value in content.items())


@pytest.mark.parametrize(("suffix", "written"), [(".json", json.dumps), (".toml", as_toml)])
def test_files_of_schedules(fuzz: Fuzz, tmp_path: Path, suffix: str, written: Callable[[Any], str]) -> None:
    path, again = tmp_path / f"schedules{suffix}", tmp_path / "again.json"

    def check(text: str) -> None:
        path.write_bytes(text.encode("utf-8", "surrogatepass"))
        with in_time(text):
            try:
                found = read_definitions(path)
            except SchedulerError as error:
                assert isinstance(error, InvalidArgument)
                assert str(error).startswith(str(path))
                return
            again.write_text(write_definitions(found), encoding="utf-8")
            assert read_definitions(again) == found

    texts = files().map(written)
    fuzz(100, check, text=texts | edited(texts, '{}[]",:=.#\n 0123456789') | st.just("[" * 100_000) | hostile.texts)


def test_sources_of_definitions(fuzz: Fuzz, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What `sync` and `rqscheduler sync` are given: a path or a module's name, and what it holds."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TZ", "UTC")

    def check(source: str, timezone: str | None) -> None:
        with in_time(source):
            try:
                definitions_from(source, timezone)
            except SchedulerError as error:
                assert str(error)

    names = st.sampled_from(
        ["jobs_for_tests", "no.such.module", "a.toml", "a.json", "a.py", "./a.py", ".", "..", "a..b", "sys"]
    )
    fuzz(
        60,
        check,
        source=edited(names, "./a\0 ") | hostile.texts,
        timezone=st.sampled_from([None, "UTC", "No/Where", ""]),
    )
