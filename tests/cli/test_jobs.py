"""`rqscheduler jobs`, and one-offs in `upcoming`."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import redis as redis_py
from rq import Queue

import jobs_for_tests as functions
from cli.conftest import Said
from making import leave_traceback, snapshot, waiting
from rq_scheduler import At, Scheduler

pytestmark = pytest.mark.once

NOON = datetime(2199, 3, 2, 12, tzinfo=UTC)


@pytest.fixture
def some(redis: redis_py.Redis) -> Scheduler:
    """Six one-offs, five minutes apart from noon on, and a recurring job."""
    scheduler = Scheduler(connection=redis)
    for n in range(6):
        when = NOON + timedelta(minutes=5 * n)
        scheduler.enqueue_at(when, functions.echo, n, job_id=f"job-{n}", queue_name="reports")
    scheduler.schedule(NOON, functions.nothing, interval=3600, id="recurring")
    return scheduler


def test_a_page_and_the_next(some: Scheduler, text: Callable[..., str], document: Callable[..., Any]) -> None:
    lines = text("jobs", "list", "--limit", "3").splitlines()
    assert lines[0].split() == ["DUE", "IN", "JOB", "QUEUE", "CALL"]
    assert lines[1].split()[-3:] == ["job-0", "reports", "jobs_for_tests.echo(0)"]
    assert lines[-1] == "3 shown; there are more: --after job-1"
    assert [job["id"] for job in document("jobs", "list", "--after", "job-1")["jobs"]] == [
        f"job-{n}" for n in range(2, 6)
    ]
    assert [job["id"] for job in document("jobs", "list", "--since", "2199-03-02T12:20", "--limit", "1")["jobs"]] == [
        "job-4"
    ]
    assert document("jobs", "list", "--call", "nothing") == {
        "jobs": [
            {
                "id": "recurring",
                "due": "2199-03-02T12:00:00.000000Z",
                "call": "jobs_for_tests.nothing()",
                "queue_name": "default",
                "recurs": True,
                "created_at": document("jobs", "show", "recurring")["created_at"],
            }
        ],
        "more": False,
    }


def test_one_job(some: Scheduler, text: Callable[..., str], cli: Callable[..., Said]) -> None:
    shown = text("jobs", "show", "job-3")
    assert "2199-03-02 12:15:00Z" in shown
    assert "jobs_for_tests.echo(3)" in shown
    assert "recurring job of" in text("jobs", "show", "recurring")
    result = cli("jobs", "show", "unknown")
    assert (result.exit_code, "no pending job has the id 'unknown'" in result.output) == (1, True)


def test_they_are_counted(some: Scheduler, text: Callable[..., str], document: Callable[..., Any]) -> None:
    since = ("--since", "2199-03-02T12:00")
    lines = text("jobs", "count", *since).splitlines()
    assert [line.split()[2] for line in lines[1:]] == ["4", "3"]
    assert [each["count"] for each in document("jobs", "count", *since)["counts"]] == [4, 3, *[0] * 22]
    assert text("jobs", "count") == "None is due in that time.\n"


def test_they_are_canceled_and_moved(some: Scheduler, text: Callable[..., str], cli: Callable[..., Said]) -> None:
    assert text("jobs", "cancel", "job-0", "job-1") == "job-0 is canceled\njob-1 is canceled\n"
    result = cli("jobs", "cancel", "job-0", "job-2")
    assert (result.exit_code, result.output) == (
        1,
        "job-0 is not pending: nothing was done\njob-2 is canceled\n",
    )
    assert "job-3 is due at 2199-03-02 13:00:00Z" in text("jobs", "move", "job-3", "2199-03-02 13:00")
    assert cli("jobs", "move", "job-0", "2199-03-02 13:00").exit_code == 1
    assert "no dispatcher is alive" in text("jobs", "run-now", "job-4")
    assert some.count(timedelta(0)) == 1


def test_a_quarter_of_an_hour_is_spread(
    redis: redis_py.Redis, some: Scheduler, text: Callable[..., str], cli: Callable[..., Said]
) -> None:
    before = snapshot(redis)
    result = cli("jobs", "spread", "--since", "2199-03-02T12:00")
    assert (result.exit_code, "add --yes" in result.output) == (2, True)
    assert snapshot(redis) == before
    said = text("jobs", "spread", "--since", "2199-03-02T12:00", "--yes")
    assert said.startswith("2 jobs come later now, over 2h from 2199-03-02 12:00:00Z")


def test_a_queue_is_moved_and_a_job_stopped(
    redis: redis_py.Redis, some: Scheduler, text: Callable[..., str], cli: Callable[..., Said]
) -> None:
    job = Queue("reports", connection=redis).enqueue(functions.nothing)
    assert cli("jobs", "move-queue", "reports", "default").exit_code == 2
    assert text("jobs", "move-queue", "reports", "default", "--yes") == "1 job moved from reports to default\n"
    assert waiting(redis) == [job.id]
    assert text("jobs", "stop", job.id) == f"{job.id}: canceled: it waited in its queue\n"
    result = cli("jobs", "stop", job.id)
    assert (result.exit_code, "nothing to stop" in result.output) == (1, True)


def test_what_comes_next_includes_one_offs(
    some: Scheduler, text: Callable[..., str], document: Callable[..., Any]
) -> None:
    some.schedules.put("a", At(NOON + timedelta(minutes=7)), functions.nothing)
    rows = document("upcoming", "--limit", "5")["upcoming"]
    assert [row["schedule_id"] or row["job_id"] for row in rows] == ["recurring", "job-0", "job-1", "a", "job-2"]
    head, *lines = text("upcoming", "--limit", "5").splitlines()
    assert head.split("  ")[-1] == "CALL OF THE JOB"
    assert lines[2].endswith("jobs_for_tests.echo(1)")
    assert text("upcoming", "--within", "1h") == "Nothing comes up.\n"


def test_a_traceback(
    redis: redis_py.Redis, text: Callable[..., str], document: Callable[..., Any], cli: Callable[..., Said]
) -> None:
    long = "x" * 300
    leave_traceback(redis, "bad", f"Traceback (most recent call last):\n    {long}\nOSError: \x1b[2J no space left\n")
    assert text("jobs", "traceback", "bad").splitlines() == [
        "Traceback (most recent call last):",
        f"    {long}",
        "OSError: \\x1b[2J no space left",
    ]
    assert document("jobs", "traceback", "bad")["traceback"].endswith("OSError: \x1b[2J no space left\n")
    said = cli("jobs", "traceback", "unknown")
    assert (said.exit_code, said.stdout) == (1, "")
    assert "RQ has no traceback of 'unknown'" in said.stderr
