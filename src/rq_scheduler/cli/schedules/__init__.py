"""The subcommands about schedules: `list`, `show`, `put`, `runs` and so on, `status` and `quarantine`.

A command is thin: it reads its options, asks the API (`desk`) and answers (`grid`). What people read is made by pure
functions from the API's objects (`screens`, `words`), what programs read by others (`forms`).
"""

from __future__ import annotations

import click

from rq_scheduler.cli.schedules.preview import next_, schema
from rq_scheduler.cli.schedules.putting import put
from rq_scheduler.cli.schedules.quarantine import quarantine
from rq_scheduler.cli.schedules.reading import list_, runs, show, upcoming
from rq_scheduler.cli.schedules.status import status
from rq_scheduler.cli.schedules.steering import backfill, delete, pause, resume, run_now
from rq_scheduler.cli.schedules.syncing import sync

__all__ = ["COMMANDS"]

COMMANDS: tuple[click.Command, ...] = (
    *(status, list_, show, runs, upcoming, next_),
    *(put, pause, resume, run_now, backfill, delete, sync, quarantine, schema),
)
"""In the order of the help: what looks, then what changes."""
