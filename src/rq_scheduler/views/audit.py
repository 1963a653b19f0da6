"""What people and programs did, in sentences and as JSON. Owns the words of each action. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import timedelta, tzinfo
from typing import Any, Final

from rq_scheduler.aliases import AuditAction
from rq_scheduler.client.audit import AuditEntry
from rq_scheduler.humanize import NONE, length, moment
from rq_scheduler.views.details import SECONDS, Details, times_about, whole_second
from rq_scheduler.views.serializers import iso
from rq_scheduler.views.table import Column, Part, Table

__all__ = ["changes_lines", "render", "sentence", "serialize"]


def render(entries: Sequence[AuditEntry], zone: tzinfo) -> Iterator[Part]:
    """Newest first, as they are read: when, and who did what."""
    if not entries:
        yield "Nothing was done."
        return
    rows = [(moment(whole_second(entry.at), zone), sentence(entry, zone)) for entry in entries]
    yield Table((Column(""), Column("", cut=True)), rows)


def changes_lines(changes: Mapping[str, tuple[str, str]]) -> Iterator[Part]:
    """What was changed of a definition, an option a line."""
    for name, texts in changes.items():
        yield f"  {name}: {_change(texts)}"


def serialize(entry: AuditEntry, zone: tzinfo) -> dict[str, Any]:
    """An entry of the audit. The moments in its `text` are those of `zone`."""
    return {
        "place": entry.place,
        "at": iso(entry.at),
        "action": entry.action,
        "id": entry.id,
        "actor": entry.actor,
        "text": sentence(entry, zone),
        "changes": {name: list(texts) for name, texts in entry.changes.items()},
        "details": dict(entry.details),
    }


def sentence(entry: AuditEntry, zone: tzinfo) -> str:
    """Who did what. Moments of the same day are named by the clock of `zone` alone."""
    said = Details(entry.id, entry.details, times_about(entry.at, zone))
    words, who = _SENTENCES.get(entry.action), _NOBODY.get(entry.actor, entry.actor)
    if words is None:  # of a newer version
        return " ".join(filter(None, (who, entry.action.replace("_", " "), entry.id, said.all())))
    if entry.action == "resumed" and "ended" in entry.details:
        return f"the pause of {entry.id} ended by itself {said.on('ended')}"
    changes = "; ".join(f"{name}: {_change(texts)}" for name, texts in entry.changes.items())
    return f"{who} {words(said)}" + (f": {changes}" if changes else "")


_NOBODY: Final = {"": "somebody", "web": "somebody at the dashboard, where nobody logs in,"}
"""Who is no person: of entries without an actor, and of a site with `--auth none`."""


def _change(texts: tuple[str, str]) -> str:
    return "changed" if texts == ("", "") else " -> ".join(text or NONE for text in texts)


def _paused(said: Details) -> str:
    others = " with others" if said.values.get("in_bulk") else ""
    ends = f", until {said.at('until')}" if said.values.get("until") else ""
    return f"paused {said.id}{others}{ends}{said.behind(': ', 'note')}"


def _run_now(said: Details) -> str:
    what = {"skipped": "which was skipped, as the last run was still going", "buffered": "once the last run has ended"}
    outcome = said.values.get("outcome", "")
    return f"ran {said.id} by hand" + (f", {what.get(outcome, outcome)}" if outcome else said.behind(": job ", "job"))


def _backfilled(said: Details) -> str:
    return f"backfilled {said.count('runs', 'run', 'runs')} of {said.id}, {said.stretch('first', 'last')}"


def _moved(said: Details) -> str:
    if said.id:
        return f"moved {said.id} {said.stretch('before', 'due', SECONDS)}"
    jobs, over = said.count("jobs", "job", "jobs"), said.text("over")
    seconds = length(timedelta(seconds=int(over))) if over.isascii() and over.isdigit() and len(over) < 10 else over
    return f"spread {jobs}, due {said.stretch('since', 'until', SECONDS)}, over {seconds}"


def _stopped(said: Details) -> str:
    return f"canceled {said.id}, which had not begun" if said.values.get("how") == "canceled" else f"stopped {said.id}"


def _jobs_moved(said: Details) -> str:
    return f"moved {said.count('jobs', 'job', 'jobs')} from the queue {said.id} to {said.text('to')}"


def _undone(said: Details) -> str:
    as_before = said.behind(" is as version ", "restores")
    return f"undid the last change of {said.id}: version {said.text('version')}{as_before}"


_SENTENCES: Final[Mapping[AuditAction, Callable[[Details], str]]] = {
    "defined": lambda said: f"defined {said.id}",
    "changed": lambda said: f"changed {said.id}{said.behind(', to version ', 'version')}",
    "renamed": lambda said: f"renamed {said.text('from')} to {said.id}",
    "deleted": lambda said: f"deleted {said.id}{said.behind(', at version ', 'version')}",
    "paused": _paused,
    "resumed": lambda said: f"resumed {said.id}",
    "run_now": _run_now,
    "backfilled": _backfilled,
    "undone": _undone,
    "retried": lambda said: f"took {said.id} out of quarantine, for another try",
    "purged": lambda said: f"purged {said.id} from quarantine",
    "cancelled": lambda said: f"cancelled {said.id}",
    "moved": _moved,
    "stopped": _stopped,
    "jobs_moved": _jobs_moved,
    "token_made": lambda said: f"made token {said.id} for {said.text('name')!r}{said.behind(', role ', 'role')}",
    "token_revoked": lambda said: f"revoked token {said.id}{said.behind(' of ', 'name')}",
}
