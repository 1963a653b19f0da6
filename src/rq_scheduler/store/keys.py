"""Every key that the scheduler owns in Redis: name, type, lifetime, meaning.

This module knows names only. Keys of RQ's own (jobs, queues, registries) are in `rq_format`. The scripts
build the same names from the prefix; `tests/store/test_scripts.py` holds the two together.
"""

from __future__ import annotations

from dataclasses import dataclass

FENCE_HOLDER = "rq-scheduler:dispatchers"
"""The value that our dispatchers share in `Keys.fence`. Any other value is a 0.14 daemon's, or a lock that an
application took with `Scheduler.acquire_lock`: the scripts then hand nothing off."""

FENCE_TTL_MS = 15_000
"""Lifetime of the fence without renewal; every pass renews it."""


@dataclass(frozen=True, slots=True)
class Keys:
    """The scheduler's keys under one RQ key prefix (``rq`` unless the site chose another)."""

    prefix: str = "rq"

    @property
    def scheduled_jobs(self) -> str:
        """zset, id -> due in unix seconds: entries that have a job hash. Name and meaning are 0.14's."""
        return f"{self.prefix}:scheduler:scheduled_jobs"

    @property
    def due_schedules(self) -> str:
        """zset, id -> due in unix seconds: the schedules that are armed, but for the 0.14 API's."""
        return f"{self.prefix}:scheduler:due_schedules"

    @property
    def to_plan(self) -> str:
        """zset, id -> unix seconds: when Python is next needed for a schedule, to say which instants follow."""
        return f"{self.prefix}:scheduler:to_plan"

    @property
    def unplanned(self) -> str:
        """zset, id -> unix seconds: schedules that are due, and that their plan does not serve; from when on a
        dispatcher may take each."""
        return f"{self.prefix}:scheduler:unplanned"

    @property
    def pause_ends(self) -> str:
        """zset, id -> unix seconds: paused schedules whose pause ends by itself. Only their record says when."""
        return f"{self.prefix}:scheduler:pause_ends"

    @property
    def via_rq(self) -> str:
        """zset, job id -> unix seconds: runs that RQ itself has to enqueue; from when on a dispatcher may take each."""
        return f"{self.prefix}:scheduler:via_rq"

    @property
    def buffered(self) -> str:
        """zset, id -> next check in unix seconds: schedules that remember a run until the present one ends."""
        return f"{self.prefix}:scheduler:buffered"

    def buffer(self, id: str) -> str:
        """list, oldest first: the runs that a schedule remembers, one packed line each."""
        return f"{self.prefix}:scheduler:buffer:{id}"

    @property
    def schedules(self) -> str:
        """zset, id -> 0: every schedule id in order."""
        return f"{self.prefix}:scheduler:schedules"

    def schedules_of(self, what: str, name: str = "") -> str:
        """zset, id -> 0, in order: the ids of one tag, owner or queue (`what`), or of those that are paused, failing
        (the last run to end has failed), late (nothing has succeeded within `expect`) or running. Of the recurring jobs
        of the 0.14 API ("jobs"): id -> due in unix seconds, or earlier where another hand has moved the entry."""
        return f"{self.schedules}:{what}:{name}" if name else f"{self.schedules}:{what}"

    def schedule(self, id: str) -> str:
        """hash: one schedule (spec, revision, state)."""
        return f"{self.prefix}:scheduler:schedule:{id}"

    def template(self, id: str) -> str:
        """hash, RQ's job format: what each run of a schedule is a copy of."""
        return f"{self.prefix}:scheduler:template:{id}"

    def tombstone(self, id: str) -> str:
        """hash with a TTL: how far a deleted schedule had come, so that one of the same id doubles none of its runs."""
        return f"{self.prefix}:scheduler:tombstone:{id}"

    def history(self, id: str) -> str:
        """list, newest first: the last runs of a schedule (`keep_runs`), one packed line each."""
        return f"{self.prefix}:scheduler:history:{id}"

    @property
    def open_runs(self) -> str:
        """zset, run -> next look in unix seconds: runs that are followed to their end, as "schedule id, moment of the
        hand-off (us), end of the job id" with spaces between; and, with the end that was told and its moment behind
        that, those whose end may change."""
        return f"{self.prefix}:scheduler:open_runs"

    @property
    def new_runs(self) -> str:
        """zset, runs -> first look in unix seconds: runs that one script has handed off, and nobody has looked at yet,
        as "moment of the hand-off (us), schedule id, end of the job id, schedule id, ..."."""
        return f"{self.prefix}:scheduler:new_runs"

    @property
    def missing_runs(self) -> str:
        """zset, open run -> unix seconds: since when those are found nowhere that wait by their status."""
        return f"{self.prefix}:scheduler:missing_runs"

    @property
    def unread_errors(self) -> str:
        """zset, run -> unix seconds: failed runs whose exception has to be read; from when on a dispatcher may."""
        return f"{self.prefix}:scheduler:unread_errors"

    @property
    def expected(self) -> str:
        """zset, id -> unix seconds: by when a run of a schedule with `expect` has to have succeeded."""
        return f"{self.prefix}:scheduler:expected"

    @property
    def not_run(self) -> str:
        """zset, "id, what, first nominal time (us)", and of what was missed the last one and how many -> unix seconds:
        what did not run in the last two days."""
        return f"{self.prefix}:scheduler:not_run"

    @property
    def names(self) -> str:
        """zset, name -> number: the workers and dispatchers that the histories tell of by number."""
        return f"{self.prefix}:scheduler:names"

    @property
    def counters(self) -> str:
        """hash, counter -> number: what all dispatchers have done, for metrics."""
        return f"{self.prefix}:scheduler:counters"

    def versions(self, id: str) -> str:
        """list, newest first, with a TTL once the schedule is deleted: its last ten earlier definitions."""
        return f"{self.prefix}:scheduler:versions:{id}"

    @property
    def deleted_schedules(self) -> str:
        """zset, id -> when it was deleted in unix seconds: the last 10,000 of which definitions are kept."""
        return f"{self.prefix}:scheduler:deleted_schedules"

    @property
    def revisions(self) -> str:
        """string: the counter from which every schedule takes its `rev`. Never reset, so never re-used."""
        return f"{self.prefix}:scheduler:rev"

    @property
    def quarantine(self) -> str:
        """hash, entry id -> JSON: why an entry could not be handed off, when, and what was known of it."""
        return f"{self.prefix}:scheduler:quarantine"

    def quarantined(self, id: str) -> str:
        """hash: the record of a recurring job of the 0.14 API in quarantine, which a retry brings back."""
        return f"{self.quarantine}:{id}"

    @property
    def audit(self) -> str:
        """stream, about 100,000 entries: what people and programs did."""
        return f"{self.prefix}:scheduler:audit"

    @property
    def events(self) -> str:
        """stream, about 100,000 entries: what happened."""
        return f"{self.prefix}:scheduler:events"

    @property
    def alert_receivers(self) -> str:
        """zset, name -> unix seconds: to whom alerts are sent, and when a dispatcher last looked for each; a week."""
        return f"{self.prefix}:scheduler:alerts"

    def alert_receiver(self, name: str) -> str:
        """hash with a TTL of a week: who sends to this receiver and until when, up to which place in the events it has
        been told, and, where it cannot be reached, since when."""
        return f"{self.alert_receivers}:{name}"

    @property
    def tokens(self) -> str:
        """hash, token id -> JSON: who may use the web, with the digest of the secret and never the secret."""
        return f"{self.prefix}:scheduler:tokens"

    def session(self, digest: str) -> str:
        """string with a TTL: the id of the token that a browser's session is of, by the digest of its cookie."""
        return f"{self.prefix}:scheduler:session:{digest}"

    def request(self, digest: str) -> str:
        """string with a TTL, JSON: what was answered to a request of the web that must not be done twice."""
        return f"{self.prefix}:scheduler:request:{digest}"

    def saved(self, id: str) -> str:
        """string with a TTL: when a job was created that may run and vanish before redis-py sends its save again."""
        return f"{self.prefix}:scheduler:saved:{id}"

    @property
    def ended(self) -> str:
        """zset, id -> next look in unix seconds: jobs whose series ended while RQ had a run of them, that goes on."""
        return f"{self.prefix}:scheduler:ended"

    def deleted(self, id: str) -> str:
        """string with a TTL: when such a job was created that was to be deleted, as long as its worker may write it
        back."""
        return f"{self.ended}:{id}"

    @property
    def parked(self) -> str:
        """zset, id -> next look in unix seconds: one-offs that were planned under an id of which RQ still has a live
        job, and wait until that has ended."""
        return f"{self.prefix}:scheduler:parked"

    @property
    def parked_due(self) -> str:
        """zset, id -> due in unix seconds: the same ones."""
        return f"{self.prefix}:scheduler:parked_due"

    def planned_job(self, id: str) -> str:
        """hash, RQ's job format: the job of such a one, which takes the place of the live one; and, in fields `seen:*`,
        what was last seen of that."""
        return f"{self.prefix}:scheduler:planned:{id}"

    @property
    def claims(self) -> str:
        """zset, entry id -> expiry in unix seconds: leases on entries that code of an application hands off."""
        return f"{self.prefix}:scheduler:claims"

    @property
    def rq_claims(self) -> str:
        """hash, queue name -> JSON: RQ registries that we serve and that hold something, with the line behind which
        entries are held, if any."""
        return f"{self.prefix}:scheduler:rq_claims"

    @property
    def rq_since(self) -> str:
        """string, RQ's timestamp: since when our dispatchers serve RQ's registries. Nothing made later is held."""
        return f"{self.prefix}:scheduler:rq_since"

    @property
    def dispatchers(self) -> str:
        """zset, name -> expiry in unix seconds: the live dispatchers. The last to leave lifts the fence."""
        return f"{self.prefix}:scheduler:dispatchers"

    @property
    def heartbeats(self) -> str:
        """zset, name -> unix seconds: when each dispatcher was last heard of, also those that are gone; two days."""
        return f"{self.prefix}:scheduler:heartbeats"

    @property
    def run_id(self) -> str:
        """string: the run_id of the server at the last heartbeat. Another one says that Redis was started meanwhile."""
        return f"{self.prefix}:scheduler:run_id"

    @property
    def outages(self) -> str:
        """zset, "<began, us> <ended, us> <cause>" -> end in unix seconds: when nothing was handed off; the last
        1,000."""
        return f"{self.prefix}:scheduler:outages"

    @property
    def lock_held(self) -> str:
        """hash with a TTL: since when somebody has held the lock against all dispatchers, and whether that is told."""
        return f"{self.prefix}:scheduler:lock_held"

    @property
    def last_look(self) -> str:
        """string with a TTL: the dispatcher that looked at workers and queues last. The next look waits for its end."""
        return f"{self.prefix}:scheduler:last_look"

    @property
    def workers_seen(self) -> str:
        """hash, name -> JSON: the workers that the last look found, since when, and what they listen on."""
        return f"{self.prefix}:scheduler:workers_seen"

    @property
    def workers_left(self) -> str:
        """zset, JSON -> unix seconds: workers that are gone, what they listened on, and when that was noticed; two
        days."""
        return f"{self.prefix}:scheduler:workers_left"

    @property
    def unserved(self) -> str:
        """hash, queue name -> "<since, us>", and " told" once that is: queues with jobs in them and no worker."""
        return f"{self.prefix}:scheduler:unserved"

    def lateness(self, hour: int) -> str:
        """hash with a TTL of a day, "<minute> <bucket>" -> number: how many jobs were handed off how late in one hour
        since the epoch."""
        return f"{self.prefix}:scheduler:lateness:{hour}"

    @property
    def clock(self) -> str:
        """hash: the time that a test set (`rq_scheduler.testing`). Read only by stores that were told to go by it."""
        return f"{self.prefix}:scheduler:clock"

    @property
    def wakeup(self) -> str:
        """channel: an earlier due time has appeared."""
        return f"{self.prefix}:scheduler:wakeup"

    @property
    def instance_prefix(self) -> str:
        """Start of the instance hashes' names (0.14's)."""
        return f"{self.prefix}:scheduler_instance:"

    def instance(self, name: str) -> str:
        """hash with a TTL: a live scheduler instance (0.14's name)."""
        return f"{self.instance_prefix}{name}"

    @property
    def fence(self) -> str:
        """string with a TTL: 0.14's lock, and our shared fence against its daemons."""
        return f"{self.prefix}:scheduler_lock"

    def shared(self) -> dict[str, str]:
        """The keys that are not of one entry, and the type that each has to have where it is there at all."""
        return {
            **dict.fromkeys(
                (self.scheduled_jobs, self.due_schedules, self.buffered, self.schedules, self.claims, self.dispatchers),
                "zset",
            ),
            **dict.fromkeys(
                (self.to_plan, self.unplanned, self.pause_ends, self.via_rq, self.parked, self.parked_due), "zset"
            ),
            **dict.fromkeys((self.schedules_of("paused"), self.schedules_of("jobs"), self.ended), "zset"),
            **dict.fromkeys((self.deleted_schedules,), "zset"),
            **dict.fromkeys(map(self.schedules_of, ("failing", "late", "running")), "zset"),
            **dict.fromkeys((self.new_runs, self.open_runs, self.missing_runs, self.unread_errors), "zset"),
            **dict.fromkeys((self.expected, self.not_run, self.names), "zset"),
            **dict.fromkeys((self.heartbeats, self.outages, self.workers_left, self.alert_receivers), "zset"),
            **dict.fromkeys((self.quarantine, self.rq_claims, self.counters, self.tokens), "hash"),
            **dict.fromkeys((self.audit, self.events), "stream"),
            **dict.fromkeys((self.workers_seen, self.unserved, self.lock_held), "hash"),
            **dict.fromkeys((self.revisions, self.fence, self.rq_since, self.run_id, self.last_look), "string"),
        }

    @property
    def fenced(self) -> bool:
        """Whether 0.14 daemons can be beside us: they know no prefix but ``rq``."""
        return self.prefix == "rq"
