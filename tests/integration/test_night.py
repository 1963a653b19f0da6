"""One night of a small site, for real but fast: what went well, what did not, and what is told in the morning."""

import json
import re
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import redis as redis_py
from click.testing import CliRunner
from rq import Queue
from rq.registry import StartedJobRegistry

import jobs_for_tests as jobs
from making import now_us
from rq_scheduler import At, Dates, Every, Run, Scheduler
from rq_scheduler.cli.app import rqscheduler
from rq_scheduler.clock import US
from rq_scheduler.embedded import EmbeddedRedis
from rq_scheduler.store.keys import Keys
from support import Processes, command, kill_family, wait_until

pytestmark = [pytest.mark.long, pytest.mark.once]

KEYS = Keys()
AWAY = 16 * US
"""Without a heartbeat for 15 s it is an outage."""


@dataclass(frozen=True)
class Night:
    """What happened, as those know it who did it."""

    url: str
    redis: redis_py.Redis
    scheduler: Scheduler
    stuck: str
    """The job of the run that the others of `slow-export` were skipped for."""
    paused_at: datetime

    def text(self, *words: str) -> str:
        return self._type(*words)

    def document(self, *words: str) -> Any:
        return json.loads(self._type(*words, "--json"))

    def _type(self, *words: str) -> str:
        done = CliRunner(env={"RQS_TIMEZONE": "UTC"}).invoke(rqscheduler, ["--url", self.url, *words])
        assert done.exception is None or isinstance(done.exception, SystemExit), done.output
        return done.stdout


@pytest.fixture(scope="module")
def night(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Night]:
    with ExitStack() as stack:
        server = stack.enter_context(EmbeddedRedis())
        processes = Processes(tmp_path_factory.mktemp("night"))
        stack.callback(processes.end_all)
        redis = stack.enter_context(redis_py.Redis.from_url(server.url))
        yield _happen(server.url, redis, processes)


def _happen(url: str, redis: redis_py.Redis, processes: Processes) -> Night:
    def dispatcher(name: str) -> Any:
        return processes.start(sys.executable, "-m", "rq_scheduler.cli", "--url", url, "--name", name)

    def worker(queue: str, *args: str) -> Any:
        return processes.start(command("rq"), "worker", "--url", url, "--name", f"worker-{queue}", *args, queue)

    scheduler = Scheduler(connection=redis, actor="deploy 4711")
    schedules = scheduler.schedules
    first = dispatcher("night-1")
    wait_until(lambda: redis.exists(KEYS.instance("night-1")))
    day = datetime.now(UTC).date()
    soon = datetime.now(UTC) + timedelta(seconds=3)
    hourly, once = Every("1h", anchor=soon), At(soon)
    schedules.put("import-orders", hourly, jobs.nothing, result_ttl=3)
    schedules.put("charge-cards", hourly, jobs.fail, args=("card 4711 was declined",), result_ttl=3)
    schedules.put("resize-images", hourly, jobs.die)
    schedules.put("slow-export", Every(1), jobs.sleep, args=(3_600,), queue_name="exports")
    schedules.put("newsletter", Every(5), jobs.nothing)
    schedules.put("sync", Every(2), jobs.nothing, catchup="none", overlap="allow")
    days = Dates(day.isoformat(), (day + timedelta(days=1)).isoformat())
    schedules.put("payroll", Every(1), jobs.nothing, exclude=days)
    schedules.put("digest", once, jobs.nothing, queue_name="digests")
    schedules.put("lost", Every(1), jobs.nothing, start=soon)
    schedules.put("render-video", once, jobs.sleep, args=(3_600,), queue_name="videos")
    scheduler.schedule(soon, jobs.nothing, interval=2, id="old-cleanup")
    scheduler.enqueue_at(soon, jobs.nothing, job_id="remind-42")
    scheduler.enqueue_at(soon + timedelta(days=1), jobs.nothing, job_id="remind-43")
    redis.delete(KEYS.template("lost"))
    worker("default")
    worker("exports")
    videos = worker("videos", "--worker-class", "workers_for_tests.ShortBreath", "--job-monitoring-interval", "1")
    wait_until(lambda: all(schedules[id].succeeded for id in ("import-orders", "newsletter", "sync", "old-cleanup")))
    wait_until(lambda: all(schedules[id].failed for id in ("charge-cards", "resize-images")))
    wait_until(lambda: schedules["slow-export"].skipped >= 3)
    wait_until(lambda: redis.zcard("rq:wip:videos") == 1)
    kill_family(videos)
    # As any worker of this queue does some minutes later.
    StartedJobRegistry("videos", connection=redis).cleanup(now_us(redis) / US + 3600)
    paused_at = datetime.now(UTC)
    Scheduler(connection=redis, actor="anna@laptop").schedules.pause("newsletter", "the mail provider is down")
    wait_until(lambda: redis.llen("rq:queue:digests") == 1)
    Queue("digests", connection=redis).delete(delete_jobs=True)
    wait_until(lambda: redis.hexists(KEYS.quarantine, "lost"))
    stuck = next(run.job_id for run in schedules.runs("slow-export") if run.job_id is not None)
    wait_until(lambda: not redis.exists(schedules.runs("import-orders")[0].job_id or ""))
    first.kill()
    gone_at = now_us(redis)
    wait_until(lambda: now_us(redis) > gone_at + AWAY)
    dispatcher("night-2")
    wait_until(lambda: all(schedules[id].missed >= 6 for id in MISSED))
    wait_until(lambda: redis.zcard(KEYS.outages) == 1)
    wait_until(lambda: schedules.runs("digest")[0].end == "deleted")
    wait_until(lambda: schedules.runs("render-video")[0].end is not None)
    return Night(url, redis, scheduler, stuck, paused_at)


PLACES = {
    "<time>": r"\d\d:\d\d(:\d\d(\.\d+)?)?",
    "<when>": r"(on \w+ \d+ \w+ )?at \d\d:\d\d(:\d\d(\.\d+)?)?",
    "<at>": r"at \d\d:\d\d(:\d\d(\.\d+)?)? on \w+ \d+ \w+ \(UTC\)",
    "<day>": r"\w+ \d+ \w+",
    "<took>": r"[\d.]+ ?\w+( \d+\w+)?",
    "<moment>": r"[\d-]+ [\d:]+Z",
    "<ago>": r"now|[\dhms ]+ ago",
    "<length>": r"[\dhms ]+",
    "<n>": r"\d+",
}
"""What may stand in a sentence where its template has a name."""

HANDED_OFF = "was handed off <at> and"
PAUSED = 'it was paused by anna@laptop <when> ("the mail provider is down"), and still is'
DAY_OFF = "<day> is a day off, one of its Dates (by its definition, put by deploy 4711 <when>)"
DELETED = "was deleted <when>: it was gone before it had ended, by a person's hand or an emptied queue"
GONE = "its job template is gone, or is no hash: put the schedule again, and resume it if it is paused"
DECLINED = "RuntimeError: card 4711 was declined (tests.jobs_for_tests:<n>)"
WHY = {
    "import-orders": ("finished", f"{HANDED_OFF} finished <when>, after <took> on worker worker-default."),
    "charge-cards": ("failed", f"{HANDED_OFF} failed <when>, after <took> on worker worker-default: {DECLINED}."),
    "resize-images": ("failed", f"{HANDED_OFF} failed <when>, after <took> on worker worker-default: its worker died."),
    "render-video": ("failed", f"{HANDED_OFF} failed <when>, after <took> on worker worker-videos: its worker died."),
    "newsletter": ("paused", f"did not run <at>: {PAUSED}."),
    "payroll": ("excluded", f"did not run <at>: {DAY_OFF}."),
    "digest": ("deleted", f"{HANDED_OFF} {DELETED}."),
    "lost": ("quarantined", f"did not run <at>: it has been in quarantine since <time>: {GONE}."),
}
"""Of the newest instant of each: the cause, and the sentence behind its id."""
MISSED = ("old-cleanup", "slow-export", "sync")


def is_said(template: str, text: str) -> bool:
    """Whether the template is somewhere in the text."""
    pattern = re.escape(template)
    for name, place in PLACES.items():
        pattern = pattern.replace(re.escape(name), place)
    return re.search(pattern, text) is not None


def told(night: Night, id: str, at: datetime | None = None) -> tuple[str, str]:
    """Why, in Python; and `--json` and text say the same."""
    at = at or night.scheduler.schedules.explain(id).at
    assert at is not None
    found = night.scheduler.schedules.explain(id, at, timezone=UTC)
    document = night.document("why", id, "--at", at.isoformat())
    text = night.text("why", id, "--at", at.isoformat()).splitlines()
    assert (document["cause"], lasting(document["sentence"])) == (found.cause, lasting(found.sentence))
    assert lasting(text[0]) == lasting(found.sentence)
    assert [each["what"] for each in document["remedies"]] == [each.what for each in found.remedies]
    assert all(f"{each.what}:" in text for each in found.remedies)
    return found.cause, found.sentence


def lasting(sentence: str) -> str:
    """Without how long ago something was, and how far what goes on has come."""
    sentence = re.sub(r"\d+ times, from (.+?) to .+?, held up", r"from \1 on, held up", sentence)
    return re.sub(r"\([\dhms ]+\)", "(ago)", sentence)


@pytest.mark.parametrize("id", WHY)
def test_why(night: Night, id: str) -> None:
    cause, sentence = told(night, id)
    assert cause == WHY[id][0]
    assert is_said(f"{id} {WHY[id][1]}", sentence), sentence


def test_why_it_was_held_up(night: Night) -> None:
    def newest() -> Run:
        return next(run for run in night.scheduler.schedules.runs("slow-export") if run.outcome == "skipped")

    # One skip is told in other words than several, and the night goes on.
    skipped = wait_until(lambda: (run := newest()).count > 1 and run)
    cause, sentence = told(night, "slow-export", skipped.nominal)
    assert cause == "skipped"
    holder = f"held up by run {night.stuck}, which has been running since <time> (<length>) on worker worker-exports"
    assert is_said(holder, sentence), sentence


@pytest.mark.parametrize("id", ["old-cleanup", "sync"])
def test_why_it_was_missed(night: Night, id: str) -> None:
    """Of a schedule, and of a recurring job of the 0.14 API."""
    missed = outage_of(night, id)
    cause, sentence = told(night, id, missed.nominal)
    assert cause == "missed"
    away = "no dispatcher was there from <time> to <time> (the last was night-1)"
    assert is_said(f"{id} did not run <at>, one of {missed.count} times from <time> to <time>: {away}; ", sentence), (
        sentence
    )
    if id == "sync":
        assert sentence.endswith("; with catchup='none', nothing that is more than 10 s late runs.")
        _, sentence = told(night, id, missed.until)
        assert sentence.endswith("; with catchup='none', none runs once the next one is due.")


def outage_of(night: Night, id: str) -> Run:
    """The stretch of what was missed, beside which a slow machine may miss one or two."""
    return max(
        (run for run in night.scheduler.schedules.runs(id) if run.outcome == "missed"), key=lambda run: run.count
    )


@pytest.mark.parametrize(
    ("id", "cause", "says"),
    [
        ("remind-42", "finished", "Job remind-42 finished <when>, after <took> on worker worker-default."),
        ("remind-43", "not_yet", "Job remind-43 is due <at>, in 23h <length>."),
    ],
)
def test_why_of_one_offs(night: Night, id: str, cause: str, says: str) -> None:
    found, document = night.scheduler.schedules.explain(id, timezone=UTC), night.document("why", id)
    assert found.cause == document["cause"] == cause
    assert all(is_said(says, sentence) for sentence in (found.sentence, document["sentence"], night.text("why", id)))


def test_runs(night: Night) -> None:
    """The history of each has what happened to it, in every form."""
    ends = {
        "import-orders": {"finished"},
        "charge-cards": {"failed"},
        "resize-images": {"failed"},
        "newsletter": {"finished"},
        "sync": {"finished"},
        "old-cleanup": {"finished"},
        "digest": {"deleted"},
        "render-video": {"failed"},
        "slow-export": set[str](),
    }
    for id, expected in ends.items():
        runs = night.scheduler.schedules.runs(id)
        assert {run.end for run in runs if run.end is not None} == expected, id
        if id in MISSED:
            assert outage_of(night, id).count >= 6
        document = {run["nominal"]: run for run in night.document("runs", id)["runs"]}
        text = night.text("runs", id)
        for run in runs:
            if run.outcome == "enqueued" and run.end is not None:
                said = document[run.nominal.isoformat().replace("+00:00", "Z")]
                assert (said["end"], said["job_id"]) == (run.end, run.job_id)
                assert str(run.job_id) in text
                assert run.end in text
            elif run.count > 1 and run is not runs[0]:  # which may still grow
                assert f"{run.outcome} {run.count} times" in text


def test_status(night: Night) -> None:
    document, text = night.document("status"), night.text("status").splitlines()
    problems = {problem["code"]: problem["text"] for problem in document["problems"]}
    assert problems == {
        "failing": "3 schedules are failing (charge-cards, render-video, resize-images)",
        "paused": "1 schedule was paused by failures or a fault (lost)",
        "missed": "3 schedules missed runs within a day (old-cleanup, slow-export, sync)",
        "quarantine": "1 entry is in quarantine",
    }
    assert [line[2:].partition(": rqscheduler")[0] for line in text if line.startswith("! ")] == [*problems.values()]
    outage, *others = document["notices"]
    assert is_said("nothing was handed off for <length>, until <moment> (<ago>): no dispatcher was there", outage)
    assert [notice.partition(": rqscheduler")[0] for notice in others] == [
        "1 schedule is paused (newsletter)",
        "1 schedule skipped runs within a day, held up by an earlier one (slow-export)",
        "1 schedule had runs within a day that expired or were deleted before they ended (digest)",
    ]
    assert all(any(notice.partition(":")[0] in line for line in text) for notice in document["notices"])


def test_events(night: Night) -> None:
    events = night.scheduler.events.read(limit=1_000)
    wanted = Counter(
        [
            *(("dispatcher_started", "night-1"), ("dispatcher_started", "night-2"), ("dispatcher_died", "night-1")),
            *(("failing_began", id) for id in ("charge-cards", "resize-images", "render-video")),
            *(("quarantined", "lost"), ("skipping_began", "slow-export")),
        ]
    )
    found = Counter((event.kind, event.id) for event in events)
    assert {each: found[each] for each in wanted} == dict(wanted), "each is told once"
    assert sum(event.kind == "outage" for event in events) == 1
    assert {event.id for event in events if event.kind == "missed"} == set(MISSED)
    assert {event.kind for event in events} == {"outage", "missed", *(kind for kind, _ in wanted)}
    document = night.document("events", "--limit", "1000")
    assert Counter((event["kind"], event["id"]) for event in document["events"]) >= found
    text = night.text("events", "--limit", "1000")
    began = [id for kind, id in wanted if kind == "failing_began"]
    for says in (
        "dispatcher night-1 died, last heard of at <time>",
        "nothing was handed off from <time> to <time> (<length>): no dispatcher was there",
        *(f"{id} missed <n> runs, from <time> to <time>" for id in MISSED),
        *(f"{id} began to fail: its run of <time>" for id in began),
        "slow-export was skipped, first at <time>: its run of <time> was still going",
        f"lost went into quarantine (queue default): {GONE}",
    ):
        assert is_said(says, text), says


def test_audit(night: Night) -> None:
    (paused,) = night.scheduler.audit.read(schedule="newsletter", limit=1)
    assert (paused.action, paused.actor, paused.details["note"]) == (
        "paused",
        "anna@laptop",
        "the mail provider is down",
    )
    assert paused.at + timedelta(milliseconds=1) > night.paused_at, "the time of an entry ends in milliseconds"
    assert "anna@laptop paused newsletter: the mail provider is down" in night.text("audit")
