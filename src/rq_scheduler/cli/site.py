"""What the command line is told by the application that it runs in, such as a Django site: where its Redis is, how its
schedulers are made, what it declares. `rqscheduler` by itself runs in none."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from rq_scheduler.cli.addresses import ConnectionOptions

if TYPE_CHECKING:
    from rq_scheduler.client.scheduler import Scheduler
    from rq_scheduler.model import Schedule

__all__ = ["ApplicationOptions", "Site", "program"]


@dataclass(frozen=True)
class ApplicationOptions:
    """Where the application's code is and how its jobs are written, as a person names them."""

    path: str = "."
    serializer: str | None = None
    job_class: str | None = None
    queue_class: str | None = None
    act_as: str | None = None


@dataclass(frozen=True, kw_only=True)
class Site:
    """An application: what it says holds wherever nothing else was typed."""

    program: str
    """What people type in the place of `rqscheduler` and a subcommand."""
    daemon: str
    """What they type for a dispatcher."""
    connection: ConnectionOptions
    application: ApplicationOptions
    scheduler: Callable[..., Scheduler]
    """Takes the keywords of `Scheduler`."""
    owner: str
    """Whose the declared schedules are."""
    declared: Callable[[], Sequence[Schedule]]

    @classmethod
    def of(cls, ctx: click.Context) -> Site | None:
        """The one that this command runs in."""
        return ctx.find_object(cls)


def program() -> str:
    """What people type before a subcommand, here: for advice."""
    ctx = click.get_current_context(silent=True)
    site = None if ctx is None else Site.of(ctx)
    return "rqscheduler" if site is None else site.program
