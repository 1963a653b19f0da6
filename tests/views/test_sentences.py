"""The sentences of `events` and `audit`: one for each kind of event and for each action."""

from datetime import UTC, datetime
from typing import Any, cast, get_args

import pytest

from rq_scheduler.aliases import AuditAction, EventKind
from rq_scheduler.cli.output import lines_of
from rq_scheduler.cli.times import zone_of
from rq_scheduler.client.audit import AuditEntry
from rq_scheduler.client.events import Event
from rq_scheduler.views import audit, events

pytestmark = pytest.mark.once

PARIS = zone_of("Europe/Paris")
AT = datetime(2026, 11, 29, 1, 31, 5, 250_000, tzinfo=UTC)
JOB = "report-20261129T013000000000Z"
EVENING = datetime(2026, 11, 28, 22, tzinfo=UTC)  # 23:00 in Paris, the day before


def us(at: datetime) -> str:
    return f"{at.timestamp() * 1e6:.0f}"


FIRST, LAST = us(datetime(2026, 11, 29, 1, 0, tzinfo=UTC)), us(datetime(2026, 11, 29, 1, 15, 0, 900_000, tzinfo=UTC))

HAPPENED: list[tuple[EventKind, str, dict[str, str], str]] = [
    ("failing_began", "report", {"job_id": JOB}, "report began to fail: its run of 02:30 failed"),
    ("failing", "report", {"job_id": f"{JOB}-m1", "failures": "10"},
     "report has failed 10 times in a row, the last time in its manual run of 02:30"),
    ("recovered", "bill", {"job_id": "bill", "failures": "1"},
     "bill succeeded again in its run, after 1 failure in a row"),
    ("skipping_began", "report", {"held_up_by": JOB, "nominal": us(EVENING)},
     "report was skipped, first on Sat 28 Nov at 23:00: its run of 02:30 was still going"),
    ("skipping_ended", "report", {"skipped": "28800"}, "report ran again, after 28,800 skipped runs"),
    ("missed", "report", {"first": FIRST, "last": LAST, "count": "16"}, "report missed 16 runs, from 02:00 to 02:15"),
    ("missed", "report", {"first": FIRST, "last": FIRST, "count": "1"}, "report missed its run of 02:00"),
    ("overdue", "report", {"since": LAST}, "report had not succeeded by 02:15, as is expected of it"),
    ("met", "report", {"job_id": JOB}, "report succeeded after all, later than expected, in its run of 02:30"),
    ("paused_for_failures", "report", {"note": "paused after 3 failed runs in a row"},
     "report was paused after 3 failed runs in a row"),
    ("paused_for_failures", "report", {"note": "its queue is no list"}, "report was paused: its queue is no list"),
    ("quarantined", "lost", {"reason": "its job is gone", "queue": "default"},
     "lost went into quarantine (queue default): its job is gone"),
    ("quarantined", "lost", {"reason": "its job is gone", "queue": ""}, "lost went into quarantine: its job is gone"),
    ("adopted", "bill", {"queue": "default"}, "bill was adopted from rq-scheduler 0.14, for the queue default"),
    ("dispatcher_started", "web-1", {"host": "vm", "pid": "2692", "version": "1.0.0"},
     "dispatcher web-1 started on vm (pid 2692, version 1.0.0)"),
    ("dispatcher_started", "web-1", {"host": "", "pid": "", "version": ""}, "dispatcher web-1 started"),
    ("dispatcher_left", "web-1", {}, "dispatcher web-1 ended"),
    ("dispatcher_died", "web-1", {"last_heartbeat": LAST}, "dispatcher web-1 died, last heard of at 02:15"),
    ("outage", "", {"since": FIRST, "until": LAST, "cause": "redis"},
     "nothing was handed off from 02:00 to 02:15 (15m): Redis was away"),
    ("lock_held", "", {"since": FIRST, "holder": "old"},
     "nothing was handed off since 02:00: somebody else held the lock (old)"),
    ("unserved_began", "", {"queue": "reports", "since": FIRST, "jobs": "1"},
     "1 job waits in 'reports', and no worker listens on it, as was first seen at 02:00"),
    ("unserved_ended", "", {"queue": "reports", "since": FIRST},
     "'reports' is served again, or empty: that no worker listened on it was first seen at 02:00"),
    ("logins_refused", "192.0.2.1", {"failures": "10"},
     "10 tokens or sessions that were nobody's came from 192.0.2.1, whose next ones are looked at later"),
]  # fmt: skip

DONE: list[tuple[AuditAction, str, dict[str, str], str]] = [
    ("defined", "report", {"version": "1"}, "Ada defined report"),
    ("changed", "report", {"version": "2"}, "Ada changed report, to version 2"),
    ("renamed", "new", {"from": "old"}, "Ada renamed old to new"),
    ("deleted", "report", {"version": "2"}, "Ada deleted report, at version 2"),
    ("paused", "report", {"note": "disk full"}, "Ada paused report: disk full"),
    ("paused", "report", {"note": "disk full", "until": LAST, "in_bulk": "1"},
     "Ada paused report with others, until 02:15: disk full"),
    ("resumed", "report", {}, "Ada resumed report"),
    ("resumed", "report", {"ended": LAST}, "the pause of report ended by itself at 02:15"),
    ("run_now", "report", {"job": JOB}, f"Ada ran report by hand: job {JOB}"),
    ("run_now", "report", {"outcome": "skipped"},
     "Ada ran report by hand, which was skipped, as the last run was still going"),
    ("run_now", "report", {"outcome": "buffered"}, "Ada ran report by hand, once the last run has ended"),
    ("backfilled", "report", {"runs": "3", "first": us(EVENING), "last": LAST},
     "Ada backfilled 3 runs of report, from Sat 28 Nov 23:00 to 02:15"),
    ("undone", "report", {"version": "3", "restores": "1"},
     "Ada undid the last change of report: version 3 is as version 1"),
    ("retried", "lost", {}, "Ada took lost out of quarantine, for another try"),
    ("purged", "lost", {}, "Ada purged lost from quarantine"),
    ("cancelled", "bill", {}, "Ada cancelled bill"),
    ("moved", "bill", {"before": str(EVENING.timestamp()), "due": "1795915800.000000"},
     "Ada moved bill from Sat 28 Nov 23:00 to 02:30"),
    ("moved", "", {"jobs": "41", "since": "1795914000", "until": "1795914900", "over": "7200"},
     "Ada spread 41 jobs, due from 02:00 to 02:15, over 2h"),
    ("stopped", JOB, {"how": "asked"}, f"Ada stopped {JOB}"),
    ("stopped", JOB, {"how": "canceled"}, f"Ada canceled {JOB}, which had not begun"),
    ("jobs_moved", "reports", {"to": "default", "jobs": "2"}, "Ada moved 2 jobs from the queue reports to default"),
    ("token_made", "a1b2", {"name": "deploy", "role": "viewer"}, "Ada made token a1b2 for 'deploy', role viewer"),
    ("token_revoked", "a1b2", {"name": "deploy"}, "Ada revoked token a1b2 of deploy"),
]  # fmt: skip


def event(kind: Any, id: str, details: dict[str, str]) -> Event:
    return Event("1-0", AT, kind, id, details)


def done(action: Any, id: str, details: dict[str, str], **changes: Any) -> AuditEntry:
    return AuditEntry("1-0", AT, action, id, changes.pop("actor", "Ada"), changes, details)


@pytest.mark.parametrize(("kind", "id", "details", "says"), HAPPENED)
def test_what_happened(kind: EventKind, id: str, details: dict[str, str], says: str) -> None:
    assert events.sentence(event(kind, id, details), PARIS) == says
    assert events.serialize(event(kind, id, details), PARIS)["text"] == says


@pytest.mark.parametrize(("action", "id", "details", "says"), DONE)
def test_what_was_done(action: AuditAction, id: str, details: dict[str, str], says: str) -> None:
    assert audit.sentence(done(action, id, details), PARIS) == says
    assert audit.serialize(done(action, id, details), PARIS)["text"] == says


def test_every_kind_and_every_action_has_its_sentence() -> None:
    assert {kind for kind, *_ in HAPPENED} == set(get_args(EventKind))
    assert {action for action, *_ in DONE} == set(get_args(AuditAction))


def test_what_was_changed() -> None:
    changed = done("changed", "report", {"version": "2"}, overlap=("skip", "allow"), jitter=("", "30s"), meta=("", ""))
    said = "Ada changed report, to version 2: overlap: skip -> allow; jitter: - -> 30s; meta: changed"
    assert audit.sentence(changed, PARIS) == said


def test_nobody_is_somebody() -> None:
    assert audit.sentence(done("deleted", "report", {}, actor=""), PARIS) == "somebody deleted report"


def test_on_a_narrow_screen_a_sentence_goes_on_below_itself() -> None:
    (table,) = events.render([event("failing", "report", {"job_id": JOB, "failures": "10"})], PARIS)
    assert list(lines_of(table, 60)) == [
        "2026-11-29 02:31:05+01:00  report has failed 10 times in a",
        "                           row, the last time in its run of",
        "                           02:30",
    ]
    (table,) = audit.render([done("paused", "report", {"note": "the disk is full"})], PARIS)
    assert list(lines_of(table, 52)) == [
        "2026-11-29 02:31:05+01:00  Ada paused report: the",
        "                           disk is full",
    ]


def test_what_others_have_written_is_shown_as_it_is() -> None:
    since = cast("EventKind", "outage"), "", {"since": "yesterday", "until": "9" * 30, "cause": "x"}
    assert events.line(event(*since), UTC) == (
        f"2026-11-29 01:31:05Z  nothing was handed off from yesterday to {'9' * 30}: dispatchers or Redis were away"
    )
    assert events.sentence(event("failing", "a", {}), UTC) == "a has failed ? times in a row, the last time in its run"
    assert events.sentence(event("new_kind", "a", {"b_c": "1", "d": ""}), UTC) == "a new kind b c 1"
    assert audit.sentence(done("new_action", "a", {"b": "1"}), UTC) == "Ada new action a b 1"
    assert audit.sentence(done("moved", "", {"due": "nan", "over": "9" * 99}), UTC) == (
        f"Ada spread ? jobs, due from ? to ?, over {'9' * 99}"
    )
