"""Each reason for which a run is, or is not: brought about for real, asked for, and told in a sentence."""

import re
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import redis as redis_py
from rq import Queue, Retry
from rq.job import Job

import jobs_for_tests as jobs
from conftest import RunWorker
from rq_scheduler import At, Cron, Dates, Every, Scheduler
from rq_scheduler.client.base import context_of
from rq_scheduler.client.schedules.explain import Explanation
from rq_scheduler.errors import InvalidArgument, InvalidType
from rq_scheduler.testing import ManualDispatcher
from schedules.helpers import START, Worker, commands

pytestmark = pytest.mark.once

PARIS = ZoneInfo("Europe/Paris")
NIGHTLY = Cron("30 2 * * *", "Europe/Paris")
FIRST = datetime(2026, 3, 3, 2, 30, tzinfo=PARIS)
"""When it first runs: at 02:30 in Paris, in the night after START."""

AT_FIRST = "at 02:30 on Tue 3 Mar (Europe/Paris)"


@pytest.fixture
def scheduler(redis: redis_py.Redis) -> Scheduler:
    return Scheduler(connection=redis, actor="anna")


class Site:
    """The schedule "nightly", whose runs go to `reports`, and a dispatcher that serves when it is told to."""

    def __init__(self, dispatcher: ManualDispatcher, scheduler: Scheduler) -> None:
        self.dispatcher = dispatcher
        self.clock = dispatcher.clock
        self.schedules = scheduler.schedules
        self.store = context_of(scheduler).store

    def put(self, trigger: Any = NIGHTLY, **options: Any) -> None:
        self.schedules.put("nightly", trigger, jobs.nothing, **{"queue_name": "reports", **options})

    def serve_until(self, moment: datetime) -> list[str]:
        return [job.id for job in self.dispatcher.tick(moment - self.clock.now())]

    def beat(self) -> None:
        """A sign of life of a dispatcher."""
        self.store.heartbeat("ops-1", {"host": "web-7"}, 60, dispatcher=True, run_id="1")

    def why(self, at: datetime | date | None = None, **asked: Any) -> Explanation:
        return self.schedules.explain("nightly", at, **asked)

    def told(self, at: datetime | date | None = None) -> tuple[str, str]:
        found = self.why(at)
        return found.cause, found.sentence


@pytest.fixture
def site(dispatcher: ManualDispatcher, scheduler: Scheduler) -> Site:
    return Site(dispatcher, scheduler)


# Is it an instant of the schedule at all?


def test_before_it_was_made(site: Site) -> None:
    site.put()
    assert site.told(datetime(2026, 3, 1, 2, 30, tzinfo=PARIS)) == (
        "not_made",
        "nightly did not exist yet at 02:30 on Sun 1 Mar (Europe/Paris): it was made on Mon 2 Mar at 13:00 by anna.",
    )


def test_deleted_since(site: Site) -> None:
    site.put()
    site.schedules.delete("nightly")
    assert site.told(FIRST) == (
        "deleted_schedule",
        "Schedule nightly was deleted at 13:00 on Mon 2 Mar (Europe/Paris) by anna.",
    )


def test_no_time_of_it(site: Site) -> None:
    site.put()
    found = site.why(datetime(2026, 3, 4, 3, 0, tzinfo=PARIS))
    assert found.sentence == (
        "03:00 on Wed 4 Mar (Europe/Paris) is no time of nightly: its trigger is 30 2 * * * (Europe/Paris); the one "
        "before is 02:30 and the next one is Thu 5 Mar 02:30."
    )
    assert [one.command for one in found.remedies] == [
        "rqscheduler why nightly --at 2026-03-04T01:30:00Z",
        "rqscheduler why nightly --at 2026-03-05T01:30:00Z",
    ]


@pytest.mark.parametrize(
    ("bound", "said"),
    [
        ({"start": datetime(2026, 3, 5, tzinfo=UTC)}, "that is before its start, Thu 5 Mar 01:00"),
        (
            {"exclude": Dates("2026-03-03")},
            "Tue 3 Mar is a day off, one of its Dates (by its definition, put by {actor} on Mon 2 Mar at 13:00)",
        ),
        (
            {"exclude": Dates("2026-03-03"), "excluded": "next_day"},
            "Tue 3 Mar is a day off, one of its Dates, and its run was moved to Wed 4 Mar 02:30",
        ),
    ],
    ids=lambda each: next(iter(each)) if isinstance(each, dict) else "",
)
def test_start_end_and_days_off(site: Site, scheduler: Scheduler, bound: dict[str, Any], said: str) -> None:
    site.put(**bound)
    site.serve_until(FIRST + timedelta(hours=1))
    assert site.why(FIRST).sentence == f"nightly did not run {AT_FIRST}: {said.format(actor=scheduler.actor)}."


def test_after_its_end(site: Site) -> None:
    site.put(end=FIRST + timedelta(hours=1))
    site.serve_until(FIRST + timedelta(days=2))
    assert site.why(FIRST + timedelta(days=1)).sentence == (
        "nightly did not run at 02:30 on Wed 4 Mar (Europe/Paris): that is not before its end, Tue 3 Mar 03:30."
    )


def test_all_of_its_runs_were_made(site: Site) -> None:
    site.put(max_runs=1)
    site.serve_until(FIRST + timedelta(days=1, hours=1))
    assert site.told() == (
        "max_runs",
        (
            "nightly did not run at 02:30 on Wed 4 Mar (Europe/Paris): it had made all of its 1 runs (max_runs=1), the "
            "last on Tue 3 Mar at 02:30."
        ),
    )


def test_to_come(site: Site) -> None:
    site.put()
    site.beat()
    to_come = f"nightly has not run {AT_FIRST} yet: that is in 13h 30m"
    assert site.told() == ("not_yet", f"{to_come}, and as things stand it will.")
    site.schedules.pause("nightly", note="disk full")
    found = site.why(FIRST)
    assert (found.sentence, found.otherwise) == (
        f"{to_come}.",
        'As things stand it will not: it is paused by anna ("disk full").',
    )


def test_the_gap_of_spring_and_the_repeated_hour_of_autumn(site: Site) -> None:
    site.put()
    site.clock.move_to(datetime(2026, 3, 28, 12, tzinfo=UTC))
    site.dispatcher.tick()
    site.serve_until(datetime(2026, 3, 29, 2, tzinfo=UTC))
    found = site.why(datetime(2026, 3, 29, 2, 30, tzinfo=PARIS))
    assert found.at == datetime(2026, 3, 29, 1, tzinfo=UTC)
    assert "at 03:00 on Sun 29 Mar (Europe/Paris)" in found.sentence
    assert "There was no 02:30 in Europe/Paris on Sun 29 Mar, when the clocks went from 02:00 to 03:00" in [
        fact.what for fact in found.facts
    ]
    first, second = (datetime(2026, 10, 25, 2, 30, tzinfo=PARIS, fold=fold) for fold in (0, 1))
    assert site.why(first).cause == "not_yet"
    assert site.why(second).sentence.endswith(
        "The clock showed that time twice that day, and its run was the first time, at 02:30+02:00."
    )


def test_a_day_is_the_last_time_of_it(site: Site) -> None:
    site.put(Cron("0 */6 * * *", "Europe/Paris"))
    site.serve_until(START + timedelta(hours=10))
    assert site.why(date(2026, 3, 2)).at == datetime(2026, 3, 2, 17, tzinfo=UTC)
    assert site.why(date(2026, 3, 4)).at == datetime(2026, 3, 3, 23, tzinfo=UTC), "to come: the first"


# Was it served?


def test_paused_by_somebody_and_resumed(site: Site) -> None:
    site.put()
    site.schedules.pause("nightly", note="disk full")
    site.serve_until(FIRST + timedelta(hours=1))
    paused = f'nightly did not run {AT_FIRST}: it was paused by anna on Mon 2 Mar at 13:00 ("disk full")'
    found = site.why()
    assert (found.cause, found.sentence) == ("paused", f"{paused}, and still is.")
    assert found.remedies[0].command == "rqscheduler resume nightly"
    site.schedules.resume("nightly")
    assert site.told() == ("paused", f"{paused}, and resumed by anna at 03:30.")
    assert site.why().facts[-1].who == "anna"


def test_paused_for_a_while(site: Site) -> None:
    site.put()
    site.schedules.pause("nightly", until=FIRST + timedelta(minutes=10))
    site.serve_until(FIRST)
    assert site.why().sentence == (
        f"nightly did not run {AT_FIRST}: it was paused by anna on Mon 2 Mar at 13:00, and still is, until 02:40."
    )
    site.serve_until(FIRST + timedelta(hours=1))
    assert site.why().sentence == (
        f"nightly did not run {AT_FIRST}: it was paused by anna on Mon 2 Mar at 13:00, and resumed at 02:40."
    )
    assert site.why(FIRST + timedelta(days=1)).cause == "not_yet"


def test_paused_on_a_day_off(site: Site) -> None:
    site.put(exclude=Dates("2026-03-03"))
    site.schedules.pause("nightly")
    site.serve_until(FIRST + timedelta(hours=1))
    found = site.why(FIRST)
    assert found.cause == "excluded"
    assert found.otherwise == (
        "It would not have run in any case: it was paused by anna on Mon 2 Mar at 13:00, and still is."
    )


def test_nobody_was_there(site: Site) -> None:
    site.put(catchup="none")
    site.clock.move_to(FIRST - timedelta(minutes=30))
    site.beat()
    site.clock.move_to(FIRST + timedelta(minutes=90))
    site.beat()
    site.dispatcher.tick()
    found = site.why()
    assert (found.cause, found.sentence) == (
        "missed",
        (
            f"nightly did not run {AT_FIRST}: no dispatcher was there from 02:00 to 04:00; with catchup='none', "
            "nothing that is more than 10 s late runs."
        ),
    )
    assert found.remedies[0].what == "Run it for 02:30 after all"


def test_one_of_many_that_were_missed(site: Site) -> None:
    site.put(Cron("*/5 * * * *", "Europe/Paris"))
    site.clock.move_to(FIRST + timedelta(minutes=37))
    site.dispatcher.tick()
    assert site.told(FIRST) == (
        "missed",
        (
            f"nightly did not run {AT_FIRST}, one of 168 times from 13:05 to 03:00: nobody handed it "
            "off until 03:07, and no outage is recorded of that time; of all that had passed, the newest alone ran "
            "(catchup='latest'), that of 03:05."
        ),
    )


def test_too_old_to_be_caught_up(site: Site) -> None:
    site.put(catchup_window="1h")
    site.clock.move_to(FIRST + timedelta(minutes=90))
    site.dispatcher.tick()
    assert site.why().sentence.endswith("; by then it was older than its catchup_window of 1h.")


@pytest.mark.parametrize("catchup", ["none", "latest"])
def test_what_was_missed_is_known_when_the_history_has_forgotten_it(site: Site, catchup: str) -> None:
    """As of a schedule every second, whose fifty lines are a minute."""
    site.put(Every("1m", anchor=START), catchup=catchup, overlap="allow", keep_runs=2)
    site.clock.move_to(START + timedelta(minutes=10, seconds=30))
    for _ in range(6):
        site.dispatcher.tick(timedelta(minutes=1))
    lost = START + timedelta(minutes=3)
    assert all(run.outcome != "missed" for run in site.schedules.runs("nightly", 50))
    cause, sentence = site.told(lost)
    assert cause == "missed"
    assert re.search(r"one of (9|10) times from ", sentence), sentence


def test_missed_and_made_up_for(site: Site, scheduler: Scheduler) -> None:
    site.put(catchup="none")
    site.clock.move_to(FIRST + timedelta(minutes=90))
    site.dispatcher.tick()
    remedy, late = site.why().remedies
    assert late.call == "scheduler.schedules.update('nightly', catchup='latest')"
    assert remedy.call == (
        "scheduler.schedules.backfill('nightly', datetime.fromisoformat('2026-03-03T01:30:00Z'), "
        "datetime.fromisoformat('2026-03-03T01:30:01Z'))"
    )
    (made,) = eval(remedy.call, {"scheduler": scheduler, "datetime": datetime})  # noqa: S307
    found = site.why()
    assert found.sentence.endswith(f". It was backfilled at 04:00, as job {made}.")
    assert found.remedies == (late,)
    assert site.schedules.explain(made).sentence.startswith(
        f"nightly was backfilled at 04:00 for {AT_FIRST.removeprefix('at ')} and waits in 'reports'"
    )


def test_nobody_is_there(site: Site) -> None:
    site.put()
    site.clock.move_to(FIRST + timedelta(minutes=30))
    found = site.why()
    assert (found.cause, found.sentence) == (
        "not_handed_off",
        f"nightly has not run {AT_FIRST} yet, and is 30m late: no dispatcher is alive.",
    )
    assert found.remedies[0].command == "rqscheduler"


def test_a_daemon_of_0_14_holds_the_lock(site: Site, redis: redis_py.Redis) -> None:
    site.put()
    site.beat()
    redis.set("rq:scheduler_lock", "old-host-4711", ex=60)
    site.clock.move_to(FIRST + timedelta(seconds=30))
    assert site.told() == (
        "not_handed_off",
        (
            f"nightly has not run {AT_FIRST} yet, and is 30s late: a daemon of rq-scheduler 0.14, or an application, "
            "holds the lock ('old-host-4711')."
        ),
    )


def test_in_quarantine(site: Site, redis: redis_py.Redis) -> None:
    site.put()
    redis.delete("rq:scheduler:template:nightly")
    site.serve_until(FIRST + timedelta(hours=1))
    found = site.why()
    assert (found.cause, found.sentence) == (
        "quarantined",
        (
            f"nightly did not run {AT_FIRST}: it has been in quarantine since 02:30: its job template is gone, or is "
            "no hash: put the schedule again, and resume it if it is paused."
        ),
    )
    assert found.remedies[0].command == "rqscheduler quarantine retry nightly"
    site.beat()
    found = site.why(FIRST + timedelta(days=1))
    assert (found.cause, found.otherwise) == (
        "not_yet",
        (
            "As things stand it will not: it has been in quarantine since Tue 3 Mar 02:30: its job template is gone, "
            "or is no hash: put the schedule again, and resume it if it is paused."
        ),
    )


def test_paused_for_failures(site: Site, worker: Worker) -> None:
    site.put(pause_on_failures=1)
    site.serve_until(FIRST)
    worker.end_all("failed", "reports")
    site.serve_until(FIRST + timedelta(days=1, minutes=1))
    assert site.why().sentence.startswith(
        "nightly did not run at 02:30 on Wed 4 Mar (Europe/Paris): it was paused on Tue 3 Mar at 02:"
    ) or site.why().sentence.startswith(
        "nightly did not run at 02:30 on Wed 4 Mar (Europe/Paris): it was paused at 02:30"
    )
    assert "paused after 1 failed run" in site.why().sentence


def test_held_up_by_the_run_before_it(site: Site) -> None:
    site.put()
    (holder,) = site.serve_until(FIRST)
    site.serve_until(FIRST + timedelta(days=1, minutes=1))
    assert site.told() == (
        "skipped",
        (
            "nightly did not run at 02:30 on Wed 4 Mar (Europe/Paris): it was skipped, held up by run "
            f"{holder}, which waits in 'reports', where no worker listens."
        ),
    )


def test_paused_between_two_that_one_run_held_up(site: Site) -> None:
    """They are one line of the history."""
    site.put()
    site.serve_until(FIRST + timedelta(days=1, minutes=1))
    site.schedules.pause("nightly")
    site.serve_until(FIRST + timedelta(days=2, minutes=1))
    site.schedules.resume("nightly")
    site.serve_until(FIRST + timedelta(days=3, minutes=1))
    assert [(run.outcome, run.count) for run in site.schedules.runs("nightly")] == [("skipped", 2), ("enqueued", 1)]
    told = [site.why(FIRST + timedelta(days=day)) for day in (1, 2, 3)]
    assert [found.cause for found in told] == ["skipped", "paused", "skipped"]
    assert ["It was not paused" in [fact.what for fact in found.facts] for found in told] == [True, False, True]


def test_a_night_without_a_worker(site: Site) -> None:
    site.put(Every(1, anchor=START))
    site.serve_until(START + timedelta(seconds=1))
    (holder,) = (run.job_id for run in site.schedules.runs("nightly"))
    site.serve_until(START + timedelta(seconds=30))
    assert site.told(START + timedelta(seconds=20)) == (
        "skipped",
        (
            "nightly did not run at 12:00:20 on Mon 2 Mar (UTC): it was skipped 29 times, from 12:00:02 to 12:00:30, "
            f"held up by run {holder}, which waits in 'reports', where no worker listens."
        ),
    )


def test_skipped_while_it_is_asked_about(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """The history is read before, and what did not run after it."""
    site.put(Every(1, anchor=START))
    site.serve_until(START + timedelta(seconds=29))
    site.clock.move(timedelta(seconds=1))
    find = site.store.find_not_run

    def find_later(*args: Any) -> Any:
        site.serve_until(site.clock.now())
        return find(*args)

    monkeypatch.setattr(site.store, "find_not_run", find_later)
    found = site.why()
    assert (found.cause, found.at) == ("skipped", START + timedelta(seconds=30))
    assert "held up by run nightly-" in found.sentence


def test_it_waits_for_the_run_before_it(site: Site) -> None:
    site.put(overlap="buffer_one")
    (before,) = site.serve_until(FIRST)
    site.serve_until(FIRST + timedelta(days=1, minutes=1))
    assert site.told() == (
        "buffered",
        (
            "nightly has not run at 02:30 on Wed 4 Mar (Europe/Paris) yet: it starts when the run before it has ended "
            f"(overlap='buffer_one'): run {before}, which waits in 'reports', where no worker listens."
        ),
    )


def test_it_made_way(site: Site) -> None:
    site.put(overlap="replace")
    site.serve_until(FIRST + timedelta(days=1, minutes=1))
    found = site.why(FIRST)
    assert found.cause == "canceled"
    assert found.sentence.endswith(", to make way for the run of Wed 4 Mar 02:30 (overlap='replace').")


# What no record reaches


def test_longer_ago_than_the_history(site: Site, worker: Worker) -> None:
    site.put(keep_runs=1)
    for days in range(3):
        site.serve_until(FIRST + timedelta(days=days))
        worker.end_all("expired", "reports")
    assert site.told(FIRST) == (
        "not_recorded",
        f"What became of nightly {AT_FIRST} is not known: its history reaches back to Thu 5 Mar 02:30 only.",
    )


def test_the_definition_of_that_time_is_asked(site: Site, worker: Worker) -> None:
    site.put()
    site.serve_until(FIRST)
    worker.end_all("finished", "reports")
    site.clock.move_to(FIRST + timedelta(hours=6))
    site.put(Cron("0 3 * * *", "Europe/Paris"))
    site.serve_until(FIRST + timedelta(days=1, hours=1))
    assert site.why(FIRST).sentence.startswith(f"nightly was handed off {AT_FIRST} and finished")
    assert site.why(datetime(2026, 3, 3, 3, 0, tzinfo=PARIS)).sentence.startswith(
        "03:00 on Tue 3 Mar (Europe/Paris) is no time of nightly: its trigger is 30 2 * * * (Europe/Paris);"
    )
    assert site.why(FIRST + timedelta(days=1)).sentence.startswith(
        "02:30 on Wed 4 Mar (Europe/Paris) is no time of nightly any more: its definition was changed by anna on Tue 3 "
        "Mar at 08:30, from 30 2 * * * (Europe/Paris) to 0 3 * * * (Europe/Paris); the next one is 03:00."
    )


def test_asked_about_no_time_after_a_change(site: Site, worker: Worker) -> None:
    """The last one that was owed by the definition of its time; and that the next one comes by another."""
    site.put()
    site.serve_until(FIRST)
    worker.end_all("finished", "reports")
    site.clock.move_to(FIRST + timedelta(hours=6))
    site.put(Cron("30 5 * * *", "Europe/Paris"))
    found = site.why()
    assert found.at == FIRST.astimezone(UTC), "05:30 had passed that day, when it was no time of it"
    assert found.cause == "finished"
    assert found.sentence.endswith(
        " Since then its definition was changed by anna at 08:30, from 30 2 * * * (Europe/Paris) to 30 5 * * * "
        "(Europe/Paris); the next one is Wed 4 Mar 05:30."
    )
    assert found.remedies[0].what == "If that was not meant, ask anna, and go back"
    assert found.remedies[0].command == "rqscheduler undo nightly"
    site.serve_until(FIRST + timedelta(days=1, hours=6))
    assert "Since then" not in site.why().sentence


# How does its job stand?


def test_it_waits_in_its_queue(site: Site, redis: redis_py.Redis) -> None:
    Queue("reports", connection=redis).enqueue(jobs.nothing)
    site.put(retry=Retry(max=1, interval=60))
    site.serve_until(FIRST)
    handed_off = f"nightly was handed off {AT_FIRST}"
    found = site.why()
    assert (found.cause, found.sentence) == (
        "no_worker",
        f"{handed_off} and waits in 'reports', number 2 of 2, where no worker listens.",
    )
    assert found.remedies[0].command == "rq worker reports"
    redis.set("rq:suspended", 1)
    assert site.told() == (
        "suspended",
        f"{handed_off} and waits in 'reports', number 2 of 2, while all workers are suspended.",
    )


def test_since_when_no_worker_listens(site: Site, redis: redis_py.Redis) -> None:
    site.put()
    site.clock.move_to(FIRST - timedelta(minutes=10))
    told = {"birth": "2026-03-03T01:00:00.0Z", "last_heartbeat": "2026-03-03T01:19:30.0Z", "queues": "reports"}
    redis.hset("rq:worker:w1", mapping=told)
    redis.sadd("rq:workers", "rq:worker:w1")
    redis.sadd("rq:workers:reports", "rq:worker:w1")
    site.store.look_around("ops-1")
    redis.delete("rq:worker:w1", "rq:workers", "rq:workers:reports", site.store.keys.last_look)
    site.clock.move("2m")
    site.store.look_around("ops-1")
    site.serve_until(FIRST)
    assert site.why().sentence == (
        f"nightly was handed off {AT_FIRST} and waits in 'reports', where no worker listens since 02:19:30, when w1 "
        "left."
    )


def test_what_real_workers_make_of_it(
    site: Site, scheduler: Scheduler, redis: redis_py.Redis, run_worker: RunWorker
) -> None:
    at = START + timedelta(minutes=1)
    ends = {"fine": jobs.nothing, "bad": jobs.fail, "dead": jobs.die, "stays-bad": jobs.fail}
    for name, func in ends.items():
        site.schedules.put(name, At(at), func, queue_name="reports")
    site.schedules.put("again", At(at), jobs.fail, queue_name="reports", retry=Retry(max=1, interval=3600))
    scheduler.enqueue_at(at, jobs.fail, "of one job", job_id="one", queue_name="reports")
    first = Queue("other", connection=redis).enqueue(jobs.nothing, job_id="first")
    site.schedules.put("later", At(at), jobs.nothing, queue_name="reports", depends_on=first)
    site.serve_until(at)
    run_worker("reports")

    def told(id: str) -> tuple[str, str]:
        found = site.schedules.explain(id)
        return found.cause, found.sentence.partition(" (UTC) and ")[2] or found.sentence

    # Before anybody has looked: as RQ tells it, by its own clock.
    assert told("fine")[0] == "finished"
    assert told("bad")[0] == "failed"
    assert re.search(r": RuntimeError: on purpose \(tests\.jobs_for_tests:\d+\)\.$", told("bad")[1])
    assert told("dead")[1].endswith(": its worker died.")
    assert told("one")[0] == "failed"
    assert told("one")[1].startswith("Job one failed ")
    assert re.search(r": RuntimeError: of one job \(tests\.jobs_for_tests:\d+\)\.$", told("one")[1])
    assert told("again")[0] == "retrying"
    assert told("later") == ("deferred", "waits for job first, which it depends on.")
    (remedy,) = (one for one in site.schedules.explain("bad").remedies if one.command.startswith("rq "))
    assert remedy.command == "rq requeue bad-20260302T120100000000Z --queue reports"
    # Once they are settled: as the history has it, also when RQ has forgotten them.
    site.clock.move("1h")
    site.dispatcher.tick()
    redis.delete("rq:job:fine-20260302T120100000000Z", "rq:job:bad-20260302T120100000000Z")
    assert told("fine")[0] == "finished"
    assert told("bad")[0] == "failed"
    assert re.search(r": RuntimeError: on purpose \(tests\.jobs_for_tests:\d+\)\.$", told("bad")[1])
    assert told("dead")[1].endswith(": its worker died.")
    assert [one.what for one in site.schedules.explain("bad").remedies] == ["Run it for 12:01 after all"]


def test_its_queue_is_emptied_and_nobody_sees_it_end(site: Site, redis: redis_py.Redis) -> None:
    site.put()
    (run,) = site.serve_until(FIRST)
    Queue("reports", connection=redis).empty()
    site.clock.move("1m")
    site.dispatcher.tick()
    assert site.told()[0] == "deleted"
    assert site.told()[1].startswith(f"nightly was handed off {AT_FIRST} and was deleted at 02:")
    assert site.schedules.explain(run).cause == "deleted"


def test_it_runs_and_its_worker_dies(site: Site, worker: Worker, redis: redis_py.Redis) -> None:
    site.put()
    (run,) = site.serve_until(FIRST)
    worker.start(run, "reports", seconds=60)
    redis.hset(f"rq:job:{run}", "worker_name", "w1")
    site.clock.move(30)
    assert site.told() == (
        "running",
        f"nightly was handed off {AT_FIRST} and has been running since 02:30 (30s) on worker w1.",
    )
    site.clock.move(90)
    assert site.told() == (
        "lost",
        (
            f"nightly was handed off {AT_FIRST} and was started at 02:30 (2m) on worker w1, which has given no sign of "
            "life lately."
        ),
    )


def test_somebody_stopped_it(site: Site, scheduler: Scheduler) -> None:
    site.put()
    (run,) = site.serve_until(FIRST)
    assert scheduler.jobs.stop(run) == "canceled"
    assert site.told() == ("canceled", f"nightly was handed off {AT_FIRST} and was canceled by anna.")


def test_its_queue_is_emptied(site: Site, redis: redis_py.Redis) -> None:
    site.put()
    site.serve_until(FIRST)
    redis.delete("rq:queue:reports")
    assert site.told() == (
        "deleted",
        (
            f"nightly was handed off {AT_FIRST} and is queued in word only: 'reports' does not list it, so that "
            "queue was emptied or deleted."
        ),
    )


def test_a_run_by_its_job_id(site: Site, worker: Worker) -> None:
    site.put()
    (run,) = site.serve_until(FIRST)
    worker.end(run, "finished", "reports")
    assert site.schedules.explain(run) == site.why(FIRST)
    site.clock.move("1h")
    manual = site.schedules.run_now("nightly")
    assert manual is not None
    assert site.schedules.explain(manual.id).sentence.startswith(
        "nightly was run by hand at 03:30 (Europe/Paris) and waits in 'reports'"
    )
    with pytest.raises(InvalidArgument, match="is no schedule, and a job has but one time"):
        site.schedules.explain(run, FIRST)


# Single jobs, and recurring ones of the 0.14 API


def test_a_single_job(site: Site, scheduler: Scheduler, redis: redis_py.Redis) -> None:
    scheduler.enqueue_at(START + timedelta(hours=1), jobs.nothing, job_id="one", queue_name="reports")
    site.beat()

    def told() -> tuple[str, str]:
        found = scheduler.schedules.explain("one")
        return found.cause, found.sentence

    assert told() == ("not_yet", "Job one is due at 13:00 on Mon 2 Mar (UTC), in 1h.")
    site.clock.move("90m")
    assert told()[0] == "not_handed_off"
    site.dispatcher.tick()
    assert told() == ("no_worker", "Job one waits in 'reports', where no worker listens.")
    scheduler.enqueue_at(START + timedelta(hours=2), jobs.nothing, job_id="one")
    assert told() == (
        "parked",
        (
            "Job one is due at 14:00 on Mon 2 Mar (UTC), and waits until RQ's job of the same id has ended, which "
            "waits in 'reports', where no worker listens."
        ),
    )
    scheduler.cancel("one")
    Job.fetch("one", connection=redis).delete()
    assert told()[0] == "not_recorded", "an application is no person, and nothing is recorded of it"
    scheduler.enqueue_at(START + timedelta(hours=2), jobs.nothing, job_id="two")
    scheduler.jobs.cancel("two")
    Job.fetch("two", connection=redis).delete()
    found = scheduler.schedules.explain("two")
    assert found.sentence == "Job two was cancelled at 13:30 on Mon 2 Mar (UTC) by anna."


def test_a_single_job_in_quarantine(site: Site, scheduler: Scheduler, redis: redis_py.Redis) -> None:
    scheduler.enqueue_at(START + timedelta(hours=1), jobs.nothing, job_id="one")
    redis.delete("rq:job:one")
    site.clock.move("90m")
    site.dispatcher.tick()
    found = scheduler.schedules.explain("one")
    assert found.cause == "quarantined"
    assert found.sentence.startswith("Job one was put into quarantine at 13:30: ")


def test_what_is_not_known(site: Site) -> None:
    found = site.schedules.explain("nothing-of-that-name")
    assert found.cause == "not_recorded"
    assert found.facts[-1].standing == "unknown"


def test_a_recurring_job_of_the_0_14_api(site: Site, scheduler: Scheduler, worker: Worker) -> None:
    scheduler.schedule(START + timedelta(minutes=10), jobs.nothing, interval=3600, id="hourly")
    assert site.schedules.explain("hourly").cause == "not_yet"
    site.serve_until(START + timedelta(minutes=70))
    assert site.schedules.explain("hourly").cause == "skipped"
    worker.end("hourly")
    site.serve_until(START + timedelta(minutes=130))
    found = site.schedules.explain("hourly")
    assert (found.cause, found.at) == ("no_worker", START + timedelta(minutes=130))
    assert site.schedules.explain("hourly", START + timedelta(minutes=70)).cause == "skipped"
    assert site.schedules.explain("hourly", START + timedelta(minutes=75)).cause == "not_an_instant"


# How it is asked


def test_the_readers_clock(site: Site) -> None:
    site.put()
    zones = {
        None: "(Europe/Paris)",
        "America/New_York": "(Europe/Paris; Mon 2 Mar 20:30 America/New_York)",
        "Europe/Berlin": "(Europe/Paris)",
        ZoneInfo("UTC"): "(Europe/Paris; 01:30 UTC)",
    }
    for zone, said in zones.items():
        assert f"at 02:30 on Tue 3 Mar {said}" in site.why(timezone=zone).sentence
    assert "01:30 UTC" in site.why(FIRST.astimezone(UTC)).sentence


def test_bad_questions(site: Site) -> None:
    site.put()
    with pytest.raises(InvalidArgument, match="has no time zone"):
        site.why(datetime(2026, 3, 3, 2, 30))
    with pytest.raises(InvalidType, match="give an aware datetime, or a date"):
        site.why("02:30")  # type: ignore[arg-type]
    with pytest.raises(InvalidArgument, match="Europe/Paris"):
        site.why(timezone="Europe/Pariss")
    for end_of_time in (date.min, date.max, datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)):
        with pytest.raises(InvalidArgument, match="at the end of all calendars"):
            site.why(end_of_time)


def test_what_other_hands_wrote_is_no_reason_to_be_silent(site: Site, redis: redis_py.Redis) -> None:
    site.put(overlap="buffer_one")
    (run,) = site.serve_until(FIRST)
    redis.rpush("rq:scheduler:buffer:nightly", b"", b"\xff", b"enqueued x")
    redis.hset(f"rq:job:{run}", mapping={"status": b"\xff", "started_at": b"\xff", "dependency_ids": b"{"})
    assert site.why().cause == "not_recorded"
    redis.hset(f"rq:job:{run}", "status", "deferred")
    assert site.why().sentence.endswith(" and waits for jobs that it depends on.")
    redis.hset(f"rq:job:{run}", "status", "started")
    assert site.why().cause == "lost"
    for key in ("rq:queue:reports", "rq:workers:reports", f"rq:executions:{run}"):
        redis.delete(key)
        redis.set(key, "no list")
    redis.hset(f"rq:job:{run}", "status", "queued")
    assert site.why().cause == "deleted"


def test_it_takes_few_round_trips_and_writes_nothing(site: Site, redis: redis_py.Redis) -> None:
    site.put()
    site.serve_until(FIRST)
    before = redis.info("persistence")["rdb_changes_since_last_save"]
    sent, _ = commands(redis, site.why)
    assert sent < 15
    assert redis.info("persistence")["rdb_changes_since_last_save"] == before


def test_who_canceled_a_one_off(scheduler: Scheduler) -> None:
    scheduler.enqueue_at(datetime(2030, 1, 1, tzinfo=UTC), jobs.nothing, job_id="one")
    scheduler.jobs.cancel("one")
    found = scheduler.schedules.explain("one")
    assert found.cause == "canceled"
    assert re.fullmatch(r"Job one was canceled (at|on) .* by anna\.", found.sentence), found.sentence
    assert found.facts[0].who == "anna"
