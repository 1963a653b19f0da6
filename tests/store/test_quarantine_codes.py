"""Codes of reasons: each reason that this package writes has one of its own."""

import re
from typing import get_args

import pytest

import rq_scheduler
from rq_scheduler.aliases import QuarantineCode
from rq_scheduler.store.quarantine import code_of
from store.headers import SOURCES
from support import ROOT

pytestmark = pytest.mark.once

REASONS: dict[str, QuarantineCode] = {
    "its job is gone: rq:job:a was deleted, or expired": "job_gone",
    "what was planned is gone: rq:scheduler:planned:a was deleted": "job_gone",
    "its job has no data: rq:job:a was not written by RQ": "job_damaged",
    "the key rq:job:a is not the hash that RQ keeps a job in": "job_damaged",
    "the installed RQ refuses its id: schedule it anew": "id_refused",
    "the key rq:scheduler:schedule:a holds a schedule of schedules.put, or nothing of ours": "id_taken",
    "its job names no queue (the field origin is empty)": "queue_unnamed",
    "its job template is gone, or is no hash: put the schedule again": "template_gone",
    "the key rq:queue:odd\nname is not the list of a queue": "wrong_type",
    "the key rq:scheduler:buffer:a is no list": "wrong_type",
    "it cannot be planned: ValueError()": "unplannable",
    "its recurrence can never fire: why": "unplannable",
    "its schedule cannot be read: why": "unreadable",
    "its meta may name a recurrence, and cannot be read here: why": "unreadable",
    "its record in quarantine cannot be read (ValueError: why); purge it": "unreadable",
    "a recurring job of rq-scheduler 0.14, and --no-adopt says not to adopt any": "not_adopted",
    "why not": "other",
}


@pytest.mark.parametrize("reason", REASONS)
def test_each_reason_has_its_code(reason: str) -> None:
    assert code_of(reason) == REASONS[reason]


def test_all_codes_are_used() -> None:
    assert {*REASONS.values()} == {*get_args(QuarantineCode)}


def test_all_reasons_of_the_scripts_have_one() -> None:
    """As far as a program finds them: what is returned or kept as a reason, and is a sentence."""
    found = {
        text
        for name, source in SOURCES.items()
        if name != "retry_entries"  # which says why it keeps one there
        for text in re.findall(
            r"""(?:reason = |return |'broken', )['"]((?:its job|the key|the installed) [^'"]+)""", source
        )
        if "is in use" not in text
    }
    assert len(found) >= 6
    endings = "x is not the hash that RQ keeps a job in", "x is not the list of a queue", "x is no list"
    unknown = [text for text in found if all(code_of(text + ending) == "other" for ending in ("", *endings))]
    assert not unknown, "give these codes"


def test_all_reasons_of_the_dispatcher_have_one() -> None:
    folder = ROOT / "src" / rq_scheduler.__name__ / "dispatcher"
    sources = "".join(path.read_text() for path in folder.glob("*.py"))
    found = re.findall(r"""(?:reason = |quarantine\(\w+, \w+, )f?"([^"]+)\"""", sources)
    assert len(found) >= 6
    assert [text for text in found if code_of(text) == "other"] == []
