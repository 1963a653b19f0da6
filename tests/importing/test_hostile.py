"""Whatever is in a store, nothing of it runs, and each entry is told of by itself."""

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
import redis as redis_py
from hypothesis import given
from hypothesis import strategies as st

from importing import hostile
from importing.conftest import NOW, asked_of
from rq_scheduler.cli.output import lines_of
from rq_scheduler.client.importing import Found, Mappings, Written, settle
from rq_scheduler.client.importing.apscheduler import aps_job
from rq_scheduler.client.importing.draft import Draft
from rq_scheduler.client.importing.redbeat import redbeat_entry
from rq_scheduler.clock import to_us
from rq_scheduler.pickles import Recorded, recorded
from rq_scheduler.sanitize import plain_json
from rq_scheduler.views.importing import Report, render, serialize

pytestmark = [pytest.mark.once, pytest.mark.leaves("redbeat:*", "apscheduler.*")]

FindIn = Callable[..., dict[str, Found]]


@pytest.mark.parametrize("store", ["redis", "sqlite"])
def test_pickles(found_in: FindIn, redis: redis_py.Redis, redis_url: str, tmp_path: Path, store: str) -> None:
    trace = tmp_path / "it ran"
    pickles = hostile.pickles(trace)
    if store == "redis":
        redis.hset("apscheduler.jobs", mapping=pickles)
        found = found_in("apscheduler", redis_url)
    else:
        with closing(sqlite3.connect(tmp_path / "jobs.sqlite3")) as database:
            database.execute("CREATE TABLE apscheduler_jobs (id TEXT, next_run_time REAL, job_state BLOB NOT NULL)")
            database.executemany("INSERT INTO apscheduler_jobs VALUES (?, 1, ?)", pickles.items())
            database.commit()
        found = found_in("apscheduler", tmp_path / "jobs.sqlite3")
    assert found.keys() == pickles.keys()
    assert all(one.refused and one.schedule is None for one in found.values())
    assert "larger than" in found["large"].refused
    assert not trace.exists()


def test_texts(found_in: FindIn, redis: redis_py.Redis, redis_url: str) -> None:
    for name, text in hostile.TEXTS.items():
        redis.hset(f"redbeat:{name}", "definition", text)
    redis.set("redbeat:no hash", "x")
    names = [*hostile.TEXTS, "no hash", "not there"]
    redis.zadd("redbeat::schedule", {f"redbeat:{name}": 1 for name in names})
    found = found_in("redbeat", redis_url)
    assert {"x", "\x1b[2Jx", "wrong name", "no hash", "not there", "large", "deep"} <= found.keys()
    assert [one.name for one in found.values() if not one.refused] == []
    assert "is no dotted name" in found["\x1b[2Jx"].refused


def test_a_recorded_pickle_says_what_it_asked_for(tmp_path: Path) -> None:
    (runs,) = recorded(hostile.pickle.dumps([hostile.Runs(tmp_path / "x")]))
    assert isinstance(runs, Recorded)
    assert (runs.name, runs.args) == ("posix.system", (f"touch {tmp_path / 'x'}",))
    assert not (tmp_path / "x").exists()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda children: st.lists(children, max_size=4) | st.dictionaries(st.text(max_size=10), children, max_size=4),
    max_leaves=10,
)
SCHEDULES = st.fixed_dictionaries(
    {"__type__": st.sampled_from(["crontab", "interval", "rrule", "x"])},
    optional=dict.fromkeys(
        ["minute", "hour", "day_of_week", "every", "relative", "freq", "dtstart", "interval", "count", "byweekday"],
        JSON | st.integers(0, 7) | st.sampled_from(["*/5", "1-3", "mon", "99"]),
    ),
)
ENTRIES = st.fixed_dictionaries(
    {"name": st.just("x") | JSON, "task": st.just("a.b") | JSON, "schedule": SCHEDULES | JSON},
    optional={"args": JSON, "kwargs": JSON, "options": JSON, "enabled": JSON},
)


@given(definition=ENTRIES, meta=st.just("{}") | JSON.map(json.dumps))
def test_any_json(definition: object, meta: str) -> None:
    told(redbeat_entry("x", json.dumps(definition).encode(), meta.encode(), "Europe/Paris", to_us(NOW)))


@given(st.binary(max_size=200))
def test_any_bytes(stored: bytes) -> None:
    told(aps_job("x", stored, to_us(NOW)))


@pytest.fixture(scope="module")
def of_a_job(packages_python: Path) -> bytes:
    asked = {"fields": {"hour": 2, "day": "last fri,3-9/2"}, "zone": "Europe/Paris", "since": 0, "until": 1}
    (answer,) = asked_of(packages_python, {"apscheduler": [asked]})["apscheduler"]
    return bytes.fromhex(answer["pickle"])


@given(data=st.data())
def test_a_job_with_a_few_bytes_that_are_others(of_a_job: bytes, data: st.DataObject) -> None:
    stored = bytearray(of_a_job)
    for _ in range(data.draw(st.integers(1, 3))):
        stored[data.draw(st.integers(0, len(stored) - 1))] = data.draw(st.integers(0, 255))
    told(aps_job("x", bytes(stored), to_us(NOW)))


def told(draft: Draft) -> None:
    """It is carried over or not, and can be shown."""
    found = settle([draft], Mappings(), "imported", to_us(NOW))
    assert (found[0].schedule is None) == bool(found[0].refused)
    report = Report("x", found, Written((), {}), [], "imported", dry_run=True)
    assert [line for part in render(report) for line in lines_of(part, 80)]
    assert plain_json(serialize(report))
