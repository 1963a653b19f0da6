"""From what is known to what is said: a table, without Redis. Each row is some evidence about a schedule of 02:30 in
Paris, what decided, and the sentence."""

from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from rq_scheduler import AnyOf, At, Cron, Dates, Every, Holidays, Run, StoredSchedule
from rq_scheduler.client.fleet import Outage
from rq_scheduler.client.schedules.explain import Explanation
from rq_scheduler.client.schedules.explain.asked import resolve
from rq_scheduler.client.schedules.explain.evidence import Definition, Evidence, Held, JobEvidence, LeftWorker, Pause
from rq_scheduler.client.schedules.explain.one_offs import JobQuestion, explain_job
from rq_scheduler.client.schedules.explain.verdict import explain
from rq_scheduler.clock import to_us
from rq_scheduler.model import Spec
from rq_scheduler.store.traces import JobTrace, QueueTrace, WorkerTrace

pytestmark = pytest.mark.once

PARIS = ZoneInfo("Europe/Paris")
NOW = datetime(2026, 11, 28, 8, 0, tzinfo=UTC)  # Saturday, 09:00 in Paris
LAST = datetime(2026, 11, 28, 1, 30, tzinfo=UTC)
NIGHTLY = Spec(trigger=Cron("30 2 * * *", "Europe/Paris"))
JOB = "nightly-20261128T013000000000Z"
ALIVE = ("ops-1",)


def paris(day: int, hour: int = 2, minute: int = 30, second: int = 0, month: int = 11, fold: int = 0) -> datetime:
    return datetime(2026, month, day, hour, minute, second, tzinfo=PARIS, fold=fold)


def stored(spec: Spec | None = NIGHTLY, armed: datetime | None = None, **changes: Any) -> StoredSchedule:
    next_run = armed or datetime(2026, 11, 29, 1, 30, tzinfo=UTC)
    made = StoredSchedule(
        id="nightly",
        kind="schedule",
        spec=spec,
        func="shop.report",
        call="shop.report()",
        queue_name="reports",
        tags=(),
        owner="",
        next_run_at=next_run,
        last_run_at=None,
        last_status=None,
        paused=False,
        note="",
        paused_at=None,
        paused_by="",
        paused_until=None,
        finished=False,
        runs=7,
        skipped=0,
        missed=0,
        version=1,
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
        updated_at=datetime(2026, 1, 1, tzinfo=UTC),
        _armed=(to_us(next_run), to_us(next_run)),
        _runs_left=None,
        _load=lambda: None,  # type: ignore[arg-type, return-value]
    )
    return replace(made, **changes)


def run(outcome: Any = "enqueued", nominal: datetime = LAST, **changes: Any) -> Run:
    job_id = f"nightly-{nominal:%Y%m%dT%H%M%S%f}Z" if outcome in {"enqueued", "backfill"} else None
    made = Run(
        outcome=outcome,
        nominal=nominal,
        until=nominal,
        count=1,
        at_least=False,
        due=nominal,
        handed_off_at=nominal + timedelta(milliseconds=3),
        lateness=timedelta(milliseconds=3),
        job_id=job_id,
        status="finished" if job_id else None,
        started_at=None,
        ended_at=None,
        duration=None,
        result_age=None,
    )
    return replace(made, **changes)


def ended(end: Any, **changes: Any) -> Run:
    times = {"started_at": LAST + timedelta(seconds=1), "ended_at": LAST + timedelta(minutes=1)}
    return run(end=end, **{**times, **changes})


def evidence(spec: Spec | None = NIGHTLY, schedule: StoredSchedule | None = None, **known: Any) -> Evidence:
    schedule = schedule or stored(spec)
    known = {"definitions": (Definition(schedule.spec, 1, schedule.updated_at),), "dispatchers": ALIVE, **known}
    return Evidence(schedule=schedule, now=known.pop("now", NOW), **known)


def job(status: str = "queued", *, queue: QueueTrace | None = None, **known: Any) -> JobEvidence:
    fields = {"status": status, "origin": "reports", **known.pop("fields", {})}
    left, line = known.pop("left", None), known.pop("line", None)
    return JobEvidence(JobTrace(known.pop("id", JOB), fields if status else {}, **known), queue, line, left)


NOBODY = QueueTrace("reports", 41, ())
BUSY = QueueTrace("reports", 41, (WorkerTrace("w1", "web-7"), WorkerTrace("w2", "web-8")))
FINISHED = {"started_at": "2026-11-28T01:30:00.100Z", "ended_at": "2026-11-28T01:34:02.100Z", "worker_name": "w1"}


@dataclass(frozen=True)
class Row:
    name: str
    cause: str
    sentence: str
    known: dict[str, Any] = field(default_factory=dict)
    schedule: StoredSchedule | None = None
    otherwise: str = ""


ROWS = [
    # Is it an instant of the schedule at all?
    Row(
        "not made yet",
        "not_made",
        "nightly did not exist yet at 02:30 on Tue 10 Nov (Europe/Paris): it was made on Fri 27 Nov at 13:00.",
        {"asked": paris(10)},
        stored(created_at=datetime(2026, 11, 27, 12, tzinfo=UTC)),
    ),
    Row(
        "another time",
        "not_an_instant",
        "03:00 on Sat 28 Nov (Europe/Paris) is no time of nightly: its trigger is 30 2 * * * (Europe/Paris); the one "
        "before is 02:30 and the next one is Sun 29 Nov 02:30.",
        {"asked": paris(28, 3, 0)},
    ),
    Row(
        "another day",
        "not_an_instant",
        "nightly has no run on Tue 24 Nov: its trigger is 30 2 * * 1 (Europe/Paris); the one before is Mon 23 Nov "
        "02:30 and the next one is Mon 30 Nov 02:30.",
        {"asked": date(2026, 11, 24)},
        stored(Spec(trigger=Cron("30 2 * * 1", "Europe/Paris"))),
    ),
    Row(
        "before its start",
        "before_start",
        "nightly did not run at 02:30 on Fri 20 Nov (Europe/Paris): that is before its start, Wed 25 Nov 00:00.",
        {"asked": paris(20)},
        stored(Spec(trigger=NIGHTLY.trigger, start=datetime(2026, 11, 24, 23, tzinfo=UTC))),
    ),
    Row(
        "after its end",
        "after_end",
        "nightly did not run at 02:30 on Fri 27 Nov (Europe/Paris): that is not before its end, Wed 25 Nov 00:00.",
        {"asked": paris(27)},
        stored(Spec(trigger=NIGHTLY.trigger, end=datetime(2026, 11, 24, 23, tzinfo=UTC))),
    ),
    Row(
        "the only time has passed",
        "not_an_instant",
        "02:30 on Sat 28 Nov (UTC) is no time of nightly: its trigger is at 2026-11-26 01:30:00Z; the one before is "
        "Thu 26 Nov 01:30.",
        {"asked": datetime(2026, 11, 28, 2, 30, tzinfo=UTC)},
        stored(Spec(trigger=At(datetime(2026, 11, 26, 1, 30, tzinfo=UTC)))),
    ),
    Row(
        "all runs made",
        "max_runs",
        "nightly did not run at 02:30 on Sat 28 Nov (Europe/Paris): it had made all of its 7 runs (max_runs=7), the "
        "last on Thu 26 Nov at 02:30.",
        {},
        stored(
            Spec(trigger=NIGHTLY.trigger, max_runs=7), finished=True, last_run_at=LAST - timedelta(days=2), _armed=None
        ),
    ),
    Row(
        "a date left out",
        "excluded",
        "nightly did not run at 02:30 on Sat 28 Nov (Europe/Paris): Sat 28 Nov is a day off, one of its Dates.",
        {"asked": paris(28)},
        stored(Spec(trigger=NIGHTLY.trigger, exclude=(Dates("2026-11-28"),))),
    ),
    Row(
        "a holiday to come",
        "excluded",
        "nightly will not run at 02:30 on Fri 25 Dec (Europe/Paris): Fri 25 Dec is a day off, Christmas Day (GB).",
        {"asked": date(2026, 12, 25)},
        stored(Spec(trigger=NIGHTLY.trigger, exclude=(Holidays("GB"),))),
    ),
    Row(
        "moved from a day off",
        "moved",
        "nightly did not run at 02:30 on Fri 27 Nov (Europe/Paris): Fri 27 Nov is a day off, one of its Dates, and its "
        "run was moved to Mon 30 Nov 02:30.",
        {"asked": paris(27)},
        stored(
            Spec(
                trigger=Cron("30 2 * * 1-5", "Europe/Paris"),
                exclude=(Dates("2026-11-27", "2026-11-28", "2026-11-29"),),
                excluded="next_day",
            )
        ),
    ),
    Row(
        "to come",
        "not_yet",
        "nightly has not run at 02:30 on Sun 29 Nov (Europe/Paris) yet: that is in 17h 30m, and as things stand it "
        "will.",
        {"asked": paris(29)},
    ),
    Row(
        "to come, and paused",
        "not_yet",
        "nightly has not run at 02:30 on Sun 29 Nov (Europe/Paris) yet: that is in 17h 30m.",
        {"asked": paris(29), "pauses": (Pause(LAST, by="anna", note="disk full"),), "dispatchers": ()},
        otherwise='As things stand it will not: it is paused by anna ("disk full"), and no dispatcher is alive.',
    ),
    # Days on which the clocks change
    Row(
        "in the gap of spring",
        "finished",
        "nightly was handed off at 03:00 on Sun 29 Mar (Europe/Paris) and finished.",
        {
            "asked": paris(29, month=3),
            "runs": (run(nominal=datetime(2026, 3, 29, 1, tzinfo=UTC)),),
            "run": job("finished"),
        },
    ),
    Row(
        "in the gap of spring, by elapsed time",
        "not_an_instant",
        "There was no 02:30 in Europe/Paris on Sun 29 Mar, when the clocks went from 02:00 to 03:00: nightly has no "
        "time then; the one before is 01:45 and the next one is 03:15.",
        {"asked": paris(29, month=3)},
        stored(Spec(trigger=Cron("15,45 * * * *", "Europe/Paris"))),
    ),
    Row(
        "in the repeated hour of autumn, the second time",
        "not_an_instant",
        "02:30+01:00 on Sun 25 Oct (Europe/Paris) is no time of nightly: its trigger is 30 2 * * * (Europe/Paris); the "
        "one before is 02:30+02:00 and the next one is Mon 26 Oct 02:30. The clock showed that time twice that day, "
        "and its run was the first time, at 02:30+02:00.",
        {"asked": paris(25, month=10, fold=1)},
    ),
    Row(
        "in the repeated hour of autumn, the first time",
        "finished",
        "nightly was handed off at 02:30+02:00 on Sun 25 Oct (Europe/Paris) and finished.",
        {
            "asked": paris(25, month=10),
            "runs": (run(nominal=datetime(2026, 10, 25, 0, 30, tzinfo=UTC)),),
            "run": job("finished"),
        },
    ),
    # Was it served?
    Row(
        "paused by somebody",
        "paused",
        "nightly did not run at 02:30 on Sat 28 Nov (Europe/Paris): it was paused by anna on Fri 27 Nov at 18:02 "
        '("disk full"), and still is.',
        {"pauses": (Pause(datetime(2026, 11, 27, 17, 2, tzinfo=UTC), by="anna", note="disk full"),)},
    ),
    Row(
        "paused for a while",
        "paused",
        "nightly did not run at 02:30 on Sat 28 Nov (Europe/Paris): it was paused by anna at 01:30, and still is, "
        "until Sun 29 Nov 06:00.",
        {"pauses": (Pause(LAST - timedelta(hours=1), ends_at=datetime(2026, 11, 29, 5, tzinfo=UTC), by="anna"),)},
    ),
    Row(
        "paused, and resumed since",
        "paused",
        "nightly did not run at 02:30 on Sat 28 Nov (Europe/Paris): it was paused by anna on Fri 27 Nov at 18:02, and "
        "resumed by ben at 08:00.",
        {
            "pauses": (
                Pause(
                    datetime(2026, 11, 27, 17, 2, tzinfo=UTC),
                    datetime(2026, 11, 28, 7, tzinfo=UTC),
                    by="anna",
                    resumed_by="ben",
                ),
            )
        },
    ),
    Row(
        "paused on a day off",
        "excluded",
        "nightly did not run at 02:30 on Sat 28 Nov (Europe/Paris): Sat 28 Nov is a day off, one of its Dates.",
        {"pauses": (Pause(LAST - timedelta(hours=1), by="anna"),), "asked": paris(28)},
        stored(Spec(trigger=NIGHTLY.trigger, exclude=(Dates("2026-11-28"),))),
        otherwise="It would not have run in any case: it was paused by anna at 01:30, and still is.",
    ),
    Row(
        "missed while the fleet was away",
        "missed",
        "nightly did not run at 02:30 on Sat 28 Nov (Europe/Paris): no dispatcher was there from 01:00 to 04:00; with "
        "catchup='none', nothing that is more than 10 s late runs.",
        {
            "runs": (run("missed", handed_off_at=LAST + timedelta(minutes=90)),),
            "outages": (Outage(LAST - timedelta(minutes=90), LAST + timedelta(minutes=90), "fleet"),),
        },
        stored(Spec(trigger=NIGHTLY.trigger, catchup="none")),
    ),
    Row(
        "missed while Redis was away, with others",
        "missed",
        "nightly did not run at 02:30 on Sat 28 Nov (Europe/Paris), one of 13 times from 02:00 to 03:00: Redis was "
        "away from 01:58 to 03:07; of all that had passed, the newest alone ran (catchup='latest'), that of 03:05.",
        {
            "runs": (
                run(nominal=LAST + timedelta(minutes=35), handed_off_at=LAST + timedelta(minutes=37)),
                run(
                    "missed",
                    LAST - timedelta(minutes=30),
                    until=LAST + timedelta(minutes=30),
                    count=13,
                    handed_off_at=LAST + timedelta(minutes=37),
                ),
            ),
            "outages": (Outage(LAST - timedelta(minutes=32), LAST + timedelta(minutes=37), "redis"),),
            "asked": paris(28),
        },
        stored(Spec(trigger=Cron("*/5 * * * *", "Europe/Paris"))),
    ),
    Row(
        "missed, and no outage is recorded",
        "missed",
        "nightly did not run at 02:30 on Sat 28 Nov (Europe/Paris): nobody handed it off until 04:00, and no outage "
        "is recorded of that time; by then it was older than its catchup_window of 1h.",
        {"runs": (run("missed", handed_off_at=LAST + timedelta(minutes=90)),)},
        stored(Spec(trigger=NIGHTLY.trigger, catchup_window="1h")),
    ),
    Row(
        "missed, and made up for",
        "missed",
        "nightly did not run at 02:30 on Sat 28 Nov (Europe/Paris): nobody handed it off until 04:00, and no outage "
        "is recorded of that time; with catchup='none', nothing that is more than 10 s late "
        f"runs. It was backfilled at 05:00, as job {JOB}.",
        {
            "runs": (
                run("backfill", handed_off_at=LAST + timedelta(minutes=150)),
                run("missed", handed_off_at=LAST + timedelta(minutes=90)),
            )
        },
        stored(Spec(trigger=NIGHTLY.trigger, catchup="none")),
    ),
    Row(
        "nobody is there",
        "not_handed_off",
        "nightly has not run at 02:30 on Sat 28 Nov (Europe/Paris) yet, and is 6h 30m late: no dispatcher is alive.",
        {"dispatchers": ()},
        stored(armed=LAST),
    ),
    Row(
        "a daemon of 0.14 holds the lock",
        "not_handed_off",
        "nightly has not run at 02:30 on Sat 28 Nov (Europe/Paris) yet, and is 6h 30m late: a daemon of rq-scheduler "
        "0.14, or an application, holds the lock ('host-4711').",
        {"lock_holder": "host-4711"},
        stored(armed=LAST),
    ),
    Row(
        "in quarantine",
        "quarantined",
        "nightly did not run at 02:30 on Sat 28 Nov (Europe/Paris): it has been in quarantine since 02:30: its job "
        "template is gone.",
        {"held": Held("its job template is gone", LAST), "runs": (run("failed"),)},
        stored(paused=True, note="its job template is gone", next_run_at=None, _armed=None),
    ),
    Row(
        "held up by the run before it",
        "skipped",
        "nightly did not run at 02:30 on Sat 28 Nov (Europe/Paris): it was skipped 28,800 times, from 22:00:00 to "
        "05:59:59, held up by run nightly-20261127T205959000000Z, which waits in 'reports', number 18 of 41, where no "
        "worker listens.",
        {
            "asked": paris(28),
            "runs": (
                run(
                    "skipped",
                    datetime(2026, 11, 27, 21, tzinfo=UTC),
                    until=datetime(2026, 11, 28, 4, 59, 59, tzinfo=UTC),
                    count=28_800,
                ),
                run(nominal=datetime(2026, 11, 27, 20, 59, 59, tzinfo=UTC)),
            ),
            "holder": job(id="nightly-20261127T205959000000Z", place=17, queue=NOBODY),
        },
        stored(Spec(trigger=Cron("* * * * * * *", "Europe/Paris"))),
    ),
    Row(
        "buffered",
        "buffered",
        "nightly has not run at 02:30 on Sat 28 Nov (Europe/Paris) yet: it starts when the run before it has ended "
        "(overlap='buffer_one').",
        {"buffered": (LAST,)},
        stored(Spec(trigger=NIGHTLY.trigger, overlap="buffer_one")),
    ),
    # How does its job stand?
    Row(
        "no worker",
        "no_worker",
        "nightly was handed off at 02:30 on Sat 28 Nov (Europe/Paris) and waits in 'reports', number 18 of 41, where "
        "no worker listens.",
        {"runs": (run(),), "run": job(place=17, queue=NOBODY)},
    ),
    Row(
        "others come first",
        "queued",
        "nightly was handed off at 02:30 on Sat 28 Nov (Europe/Paris) and waits in 'reports', number 18 of 41, where 2 "
        "workers listen.",
        {"runs": (run(),), "run": job(place=17, queue=BUSY)},
    ),
    Row(
        "all workers are suspended",
        "suspended",
        "nightly was handed off at 02:30 on Sat 28 Nov (Europe/Paris) and waits in 'reports', while all workers are "
        "suspended.",
        {"runs": (run(),), "run": job(place=0, queue=replace(BUSY, length=1, is_suspended=True))},
    ),
    Row(
        "its queue was deleted",
        "deleted",
        "nightly was handed off at 02:30 on Sat 28 Nov (Europe/Paris) and is queued in word only: 'reports' does not "
        "list it, so that queue was emptied or deleted.",
        {"runs": (run(),), "run": job(queue=replace(BUSY, length=0))},
    ),
    Row(
        "it depends on another",
        "deferred",
        "nightly was handed off at 02:30 on Sat 28 Nov (Europe/Paris) and waits for job import and 1 more, which it "
        "depends on.",
        {"runs": (run(),), "run": job("deferred", fields={"dependency_ids": '["import", "clean"]'})},
    ),
    Row(
        "it is tried again",
        "retrying",
        "nightly was handed off at 02:30 on Sat 28 Nov (Europe/Paris) and has failed, and is tried again at 09:15.",
        {"runs": (run(),), "run": job("scheduled", retried_at=to_us(NOW + timedelta(minutes=15)))},
    ),
    Row(
        "it runs",
        "running",
        "nightly was handed off at 02:30 on Sat 28 Nov (Europe/Paris) and has been running since 02:30 (6h 30m) on "
        "worker w1.",
        {
            "runs": (run(),),
            "run": job("started", is_alive=True, fields={"started_at": "2026-11-28T01:30:00Z", "worker_name": "w1"}),
        },
    ),
    Row(
        "its worker is gone",
        "lost",
        "nightly was handed off at 02:30 on Sat 28 Nov (Europe/Paris) and was started at 02:30 (6h 30m) on worker w1, "
        "which has given no sign of life lately.",
        {"runs": (run(),), "run": job("started", fields={"started_at": "2026-11-28T01:30:00Z", "worker_name": "w1"})},
    ),
    Row(
        "it ran",
        "finished",
        "nightly was handed off at 02:30 on Sat 28 Nov (Europe/Paris) and finished at 02:34:02, after 4m 2s on "
        "worker w1.",
        {"runs": (run(),), "run": job("finished", fields=FINISHED)},
    ),
    Row(
        "it ran late",
        "finished",
        "nightly was handed off at 02:40 for 02:30 on Sat 28 Nov (Europe/Paris), 10m late, and finished at "
        "02:34:02, after 4m 2s on worker w1.",
        {
            "runs": (run(handed_off_at=LAST + timedelta(minutes=10), lateness=timedelta(minutes=10)),),
            "run": job("finished", fields=FINISHED),
        },
    ),
    Row(
        "it failed",
        "failed",
        "nightly was handed off at 02:30 on Sat 28 Nov (Europe/Paris) and failed at 02:34:02, after 4m 2s on "
        "worker w1.",
        {"runs": (run(),), "run": job("failed", fields=FINISHED)},
    ),
    Row(
        "RQ has forgotten it",
        "not_recorded",
        "nightly was handed off at 02:30 on Sat 28 Nov (Europe/Paris) and how it ended is not known: RQ no longer "
        "has its job.",
        {"runs": (run(status="expired"),), "run": job("")},
    ),
    Row(
        "no worker any more",
        "no_worker",
        "nightly was handed off at 02:30 on Sat 28 Nov (Europe/Paris) and waits in 'reports', where no worker listens "
        "since 02:04, when w1 left.",
        {
            "runs": (run(),),
            "run": job(
                place=0,
                queue=replace(NOBODY, length=1),
                left=LeftWorker("w1", LAST - timedelta(minutes=26)),
            ),
        },
    ),
    Row(
        "it is recorded how it failed",
        "failed",
        "nightly was handed off at 02:30 on Sat 28 Nov (Europe/Paris) and failed at 02:31, after 59s on worker w1, at "
        "attempt 3: ValueError: no such table (shop.tasks:42).",
        {
            "runs": (
                FAILED := ended(
                    "failed", worker="w1", attempts=3, error="ValueError: no such table", error_at="shop.tasks:42"
                ),
            ),
            "run": job("", line=FAILED),
        },
    ),
    Row(
        "its worker died, and somebody requeued it",
        "finished",
        "nightly was handed off at 02:30 on Sat 28 Nov (Europe/Paris) and finished at 02:31, after 59s on worker w2; "
        "before, it failed at 02:30:20.",
        {
            "runs": (
                AGAIN := ended("finished", worker="w2", earlier_ends=(("failed", LAST + timedelta(seconds=20)),)),
            ),
            "run": job("", line=AGAIN),
        },
    ),
    Row(
        "its work-horse was killed",
        "failed",
        "nightly was handed off at 02:30 on Sat 28 Nov (Europe/Paris) and failed at 02:31, after 59s on worker w1: its "
        "worker died.",
        {
            "runs": (KILLED := ended("failed", worker="w1", cause="worker-died"),),
            "run": job("", line=KILLED),
        },
    ),
    Row(
        "its queue was emptied",
        "deleted",
        "nightly was handed off at 02:30 on Sat 28 Nov (Europe/Paris) and was deleted at 02:31: it was gone before "
        "it had ended, by a person's hand or an emptied queue.",
        {
            "runs": (EMPTIED := ended("deleted", started_at=None),),
            "run": job("", line=EMPTIED),
        },
    ),
    Row(
        "nobody saw how it ended",
        "not_recorded",
        "nightly was handed off at 02:30 on Sat 28 Nov (Europe/Paris) and ended unseen: RQ had forgotten it before "
        "anybody looked, so how is not known.",
        {
            "runs": (UNSEEN := ended("unknown", started_at=None, ended_at=None),),
            "run": job("", line=UNSEEN),
        },
    ),
    Row(
        "by hand",
        "finished",
        "nightly was run by hand at 02:33 (Europe/Paris) and finished.",
        {
            "asked": LAST + timedelta(minutes=3),
            "job_id": "nightly-20261128T013300000000Z-m1",
            "runs": (
                run(
                    "manual",
                    LAST + timedelta(minutes=3),
                    job_id="nightly-20261128T013300000000Z-m1",
                    handed_off_at=LAST + timedelta(minutes=3),
                    lateness=None,
                ),
            ),
            "run": job("finished"),
        },
    ),
    # What no record reaches
    Row(
        "longer ago than the history",
        "not_recorded",
        "What became of nightly at 02:30 on Tue 3 Nov (Europe/Paris) is not known: its history reaches back to Fri 27 "
        "Nov 02:30 only.",
        {"asked": paris(3), "keeps": 2, "runs": (run(), run(nominal=LAST - timedelta(days=1)))},
    ),
    Row(
        "before its definition was changed",
        "not_recorded",
        "What became of nightly at 02:30 on Sat 28 Nov (Europe/Paris) is not known: its definition was changed at "
        "08:00, and neither a run of before nor what it said then is recorded.",
        {"asked": paris(28)},
        stored(updated_at=datetime(2026, 11, 28, 7, tzinfo=UTC), version=2),
    ),
    Row(
        "its definition cannot be read",
        "not_recorded",
        "What became of nightly at 01:30 on Sat 28 Nov (UTC) is not known: no record says what became of it: it may "
        "have been paused, which is not recorded.",
        {"asked": LAST},
        stored(None, armed=NOW + timedelta(days=1)),
    ),
    Row(
        "the audit was not looked through so far back",
        "not_recorded",
        "What became of nightly at 01:30 on Sat 28 Nov (UTC) is not known: no record says what became of it: it may "
        "have been paused, which is not told by the newest 10,000 entries of the audit, and older ones were not looked "
        "at.",
        {"asked": LAST, "pauses_since": NOW, "pauses_among": 10_000},
        stored(None, armed=NOW + timedelta(days=1)),
    ),
]


def answer(known: Evidence) -> Explanation:
    return explain(known, resolve(known))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_what_is_said(row: Row) -> None:
    found = answer(evidence(schedule=row.schedule, **row.known))
    assert (found.cause, found.sentence, found.otherwise) == (row.cause, row.sentence, row.otherwise)


def test_a_stretch_of_skips_goes_on_over_a_pause_whose_instants_are_none_of_it() -> None:
    pause = Pause(LAST - timedelta(days=2, hours=1), LAST - timedelta(days=2) + timedelta(hours=1), by="ops")
    runs = (run("skipped", LAST - timedelta(days=4), until=LAST, count=4),)

    def told(day: int, **known: Any) -> tuple[str, bool]:
        asked = evidence(runs=runs, asked=paris(day), **known)
        found = explain(asked, resolve(asked))
        return found.cause, "It was not paused" in [fact.what for fact in found.facts]

    pauses = {"pauses": (pause,), "pauses_since": pause.since}
    assert told(26, **pauses) == ("paused", False)
    assert [told(day, **pauses) for day in (24, 27, 28)] == [("skipped", True)] * 3
    # Where no pause would be known, only of the first and the last one.
    assert [told(day) for day in (24, 26, 28)] == [("skipped", True), ("skipped", False), ("skipped", True)]


def test_one_whose_jitter_ended_after_a_pause_was_paused_at_its_time() -> None:
    pause = Pause(LAST - timedelta(minutes=2), LAST + timedelta(minutes=3), by="ops")
    due = LAST + timedelta(minutes=5)
    known = evidence(
        Spec(trigger=NIGHTLY.trigger, jitter=600),
        runs=(run(due=due, handed_off_at=due),),
        pauses=(pause,),
        pauses_since=pause.since,
        asked=paris(28),
    )
    found = explain(known, resolve(known))
    said = [fact.what for fact in found.facts if fact.step == "pause"]
    assert said == ["It was paused until 02:33, and due after that"]


@pytest.mark.parametrize("outcome", ["enqueued", "skipped"])
def test_a_run_of_what_is_a_day_off_today_says_nothing_of_that(outcome: str) -> None:
    """Its definition of then is not known, or the days off of that time."""
    spec = Spec(trigger=NIGHTLY.trigger, exclude=(Dates("2026-11-28"),))
    changed = (Definition(spec, 12, NOW - timedelta(minutes=1)),)
    for definitions in (changed, (Definition(spec, 1, None),)):
        known = evidence(spec, definitions=definitions, runs=(run(outcome),), asked=paris(28))
        found = explain(known, resolve(known))
        assert [fact.what for fact in found.facts if fact.step == "exclusion"] == []
    known = evidence(spec, runs=(run(outcome, LAST - timedelta(days=1)),), asked=paris(27))
    found = explain(known, resolve(known))
    assert [fact.what for fact in found.facts if fact.step == "exclusion"] == ["It is no day off"]


def test_a_stretch_speaks_of_its_instants_alone() -> None:
    stretch = run("missed", LAST - timedelta(days=2), until=LAST, count=3, handed_off_at=LAST + timedelta(hours=1))
    for asked, cause in ((paris(27), "missed"), (paris(27, 12), "not_an_instant")):
        assert answer(evidence(asked=asked, runs=(stretch,))).cause == cause
    before_the_change = stored(updated_at=NOW, version=2)
    assert answer(evidence(schedule=before_the_change, asked=paris(27, 12), runs=(stretch,))).cause == "missed"


def test_the_readers_clock_is_told_where_it_shows_another_time() -> None:
    found = answer(evidence(asked=paris(28), reader=ZoneInfo("America/New_York"), runs=(run(),)))
    assert "at 02:30 on Sat 28 Nov (Europe/Paris; Fri 27 Nov 20:30 America/New_York)" in found.sentence
    found = answer(evidence(asked=paris(28), reader=ZoneInfo("Europe/Berlin"), runs=(run(),)))
    assert "at 02:30 on Sat 28 Nov (Europe/Paris) and" in found.sentence


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        (datetime(2026, 11, 28, 8, 0, tzinfo=UTC), datetime(2026, 11, 28, 8, 0, 20, tzinfo=UTC)),
        (datetime(2026, 11, 28, 8, 0, 20, tzinfo=UTC), datetime(2026, 11, 28, 8, 0, 20, tzinfo=UTC)),
        (datetime(2026, 11, 28, 8, 0, 20, 1, tzinfo=UTC), None),
        (datetime(2026, 11, 28, 8, 0, 21, tzinfo=UTC), None),
    ],
)
def test_a_time_to_the_minute_means_the_first_instant_of_it(asked: datetime, expected: datetime | None) -> None:
    spec = Spec(trigger=Every("30s", anchor=datetime(2026, 1, 1, 0, 0, 20, tzinfo=UTC)))
    found = resolve(evidence(spec, asked=asked))
    assert (found.at if found.is_named else None) == expected


def test_a_run_is_found_by_when_it_was_due_or_handed_off() -> None:
    spec = Spec(trigger=NIGHTLY.trigger, jitter="10m")
    jittered = run(due=LAST + timedelta(minutes=4), handed_off_at=LAST + timedelta(minutes=7))
    for minute in (34, 37):
        assert resolve(evidence(spec, asked=paris(28, 2, minute), runs=(jittered,))).at == LAST


def test_without_a_time_it_is_the_newest_that_should_have_run_or_the_first() -> None:
    assert resolve(evidence()).at == LAST
    new = stored(created_at=NOW - timedelta(hours=1))
    assert resolve(evidence(schedule=new)).at == LAST + timedelta(days=1)


def test_where_several_clocks_are_read_utc_is_told() -> None:
    trigger = AnyOf(Cron("30 2 * * *", "Europe/Paris"), Cron("30 2 * * *", "Asia/Tokyo"))
    found = answer(evidence(Spec(trigger=trigger), asked=LAST, runs=(run(),)))
    assert "at 01:30 on Sat 28 Nov (UTC) and" in found.sentence


def question(trace: JobTrace, **known: Any) -> JobQuestion:
    known = {"now": NOW, "reader": None, "held": None, "dispatchers": ALIVE, "lock_holder": "", **known}
    return JobQuestion(job=JobEvidence(trace, known.pop("queue", None)), **known)


SOON, BEFORE = to_us(NOW + timedelta(hours=1)), to_us(NOW - timedelta(hours=1))


@pytest.mark.parametrize(
    ("asked", "cause", "sentence"),
    [
        (question(JobTrace("j", {}, due=SOON)), "not_yet", "Job j is due at 09:00 on Sat 28 Nov (UTC), in 1h."),
        (
            question(JobTrace("j", {}, due=BEFORE), dispatchers=()),
            "not_handed_off",
            "Job j was due at 07:00 on Sat 28 Nov (UTC), 1h ago, and has not been handed off: no dispatcher is alive.",
        ),
        (
            question(
                JobTrace(
                    "j", {"status": "started", "started_at": "2026-11-28T07:30:00Z"}, is_alive=True, parked_due=BEFORE
                )
            ),
            "parked",
            (
                "Job j is due at 07:00 on Sat 28 Nov (UTC), and waits until RQ's job of the same id has ended, which "
                "has been running since 07:30 (30m)."
            ),
        ),
        (
            question(JobTrace("j", {"status": "queued", "origin": "reports"}, place=0), queue=NOBODY),
            "no_worker",
            "Job j waits in 'reports', number 1 of 41, where no worker listens.",
        ),
        (
            question(JobTrace("j", {}), held=Held("its queue is no list", NOW)),
            "quarantined",
            "Job j was put into quarantine at 08:00: its queue is no list.",
        ),
        (
            question(JobTrace("j", {})),
            "not_recorded",
            (
                "Job j is not known: it waits for no time, and RQ has no such job. Nothing else is kept of single "
                "jobs: RQ forgets one that has finished after its result_ttl (500 s unless it names another), and at "
                "once one that was deleted."
            ),
        ),
    ],
)
def test_what_is_said_of_single_jobs(asked: JobQuestion, cause: str, sentence: str) -> None:
    found = explain_job(asked)
    assert (found.cause, found.sentence) == (cause, sentence)
