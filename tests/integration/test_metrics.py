"""Metrics of a live run: a dispatcher, a worker and the web as processes; the counters equal what was done."""

import sys
from collections.abc import Callable
from datetime import timedelta

import httpx
import pytest
import redis as redis_py
from prometheus_client.parser import text_string_to_metric_families

import asking
from rq_scheduler import Every, Schedule, Scheduler
from rq_scheduler.embedded import free_port
from support import Processes, command, wait_until

Read = Callable[[], dict[tuple[str, tuple[str, ...]], float]]

ONE_OFFS, MANUAL, FAILING, SKIPPED = 7, 3, 2, 1


def reader(port: int) -> Read:
    """The samples there by name and the values of their labels, in the order of the labels' names."""

    def read() -> dict[tuple[str, tuple[str, ...]], float]:
        try:
            text = asking.get(f"http://127.0.0.1:{port}/metrics").text
        except httpx.TransportError:
            return {}
        samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
        return {
            (
                each.name.removeprefix("rq_scheduler_"),
                tuple(value for _, value in sorted(each.labels.items())),
            ): each.value
            for each in samples
        }

    return read


@pytest.mark.long
def test_equal_what_was_done(
    processes: Processes, redis: redis_py.Redis, redis_url: str, run_worker: Callable[..., object]
) -> None:
    port, web_port = free_port(), free_port()
    program = (sys.executable, "-m", "rq_scheduler.scripts.rqscheduler", "--url", redis_url)
    processes.start(*program, "--metrics-port", str(port))
    processes.start(command("rqscheduler"), "web", "--url", redis_url, "--bind", f"127.0.0.1:{web_port}")
    own, fleet = reader(port), reader(web_port)
    wait_until(lambda: own() and fleet())
    wait_until(lambda: fleet()["dispatchers", ()] == 1)

    scheduler = Scheduler(connection=redis)
    scheduler.enqueue_many((timedelta(0), "jobs_for_tests.nothing") for _ in range(ONE_OFFS))
    scheduler.enqueue_in(timedelta(hours=1), "jobs_for_tests.nothing")
    scheduler.schedules.put(Schedule("works", Every("1d"), "jobs_for_tests.nothing", overlap="allow"))
    scheduler.schedules.put(Schedule("fails", Every("1d"), "jobs_for_tests.fail", overlap="allow"))
    scheduler.schedules.put(Schedule("alone", Every("1d"), "jobs_for_tests.nothing", overlap="skip"))
    for _ in range(MANUAL):
        scheduler.schedules.run_now("works")
    for _ in range(FAILING):
        scheduler.schedules.run_now("fails")
    for _ in range(1 + SKIPPED):
        scheduler.schedules.run_now("alone")
    wait_until(lambda: own().get(("lateness_seconds_count", ("one-off",))) == ONE_OFFS)
    run_worker("default")

    finished = MANUAL + 1
    wait_until(lambda: fleet()["open_runs", ()] == 1)  # the newest that failed is looked at for a day
    counted = fleet()
    assert counted["handoffs_total", ("one-off", "default")] == ONE_OFFS
    assert counted["handoffs_total", ("manual", "default")] == finished + FAILING
    assert counted["not_run_total", ("skipped",)] == SKIPPED
    assert counted["not_run_total", ("missed",)] == 0
    assert counted["runs_ended_total", ("finished",)] == finished
    assert counted["runs_ended_total", ("failed",)] == FAILING
    assert counted["pending", ("one-off",)] == 1
    assert counted["schedules", ("failing",)] == 1
    assert counted["due", ()] == 0
    assert ("oldest_due_age_seconds", ()) not in counted
    wait_until(lambda: own().get(("run_duration_seconds_count", ("manual",))) == finished + FAILING)
