"""One schedule by its id, or many by tag, owner, queue and prefix: how a command says which, and asks before it acts on
many."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar, cast

import click

from rq_scheduler.cli.session import Session
from rq_scheduler.client.schedules.arguments import Selection
from rq_scheduler.humanize import counted
from rq_scheduler.sanitize import plain

__all__ = ["Target", "confirm", "selection_options", "target_from", "target_options"]

_Command = TypeVar("_Command", bound=Callable[..., Any])

_OPTIONS: tuple[Callable[[Any], Any], ...] = (
    click.option("--tag", help="Instead of an ID: those with this tag."),
    click.option("--owner", metavar="NAME", help="Likewise: those that a sync keeps for this owner."),
    click.option("--queue", "queue_name", metavar="NAME", help="Likewise: those whose runs go to this queue."),
    click.option("--prefix", metavar="TEXT", help="Likewise: those whose ids begin so."),
    click.option("--all", "everything", is_flag=True, help="Likewise: all schedules."),
)
_YES = click.option("--yes", is_flag=True, help="Do not ask.")
_FLAGS = {"tag": "--tag", "owner": "--owner", "queue_name": "--queue", "prefix": "--prefix"}


@dataclass(frozen=True)
class Target:
    """Which schedules a command is about: `id`, or the `selection`; `flags` is that as it is typed."""

    id: str | None
    selection: Selection
    flags: str

    @property
    def filters(self) -> dict[str, Any]:
        """The selection as `find_iter` takes it, which has no word for everything."""
        return {name: value for name, value in self.selection.items() if name != "everything"}

    def ask(self, session: Session, verb: str, *, yes: bool, paused: bool | None = None) -> int:
        """Asks whether to act on them, unless told not to; how many there are. Aborts on a no."""
        found = session.schedules.count(paused=paused, **self.selection)
        if not yes and found:
            kind = "" if paused is None else "paused " if paused else "active "
            confirm(f"{verb} {counted(found, f'{kind}schedule', f'{kind}schedules')} ({self.flags})?", verb.lower())
        return found


def target_options(command: _Command) -> _Command:
    """Declare what chooses many. The argument ID is the command's own."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def selection_options(command: _Command) -> _Command:
    """Declare that, and --yes, for a command that asks."""
    return target_options(_YES(command))


def target_from(params: dict[str, Any]) -> Target:
    """What ID and those options name; a usage error for none of them, for both, or for --all with another."""
    chosen = {name: params[name] for name in _FLAGS if params[name] is not None}
    flags = " ".join(f"{_FLAGS[name]} {value}" for name, value in chosen.items())
    given = [params["id"] is not None, bool(chosen), params["everything"]]
    if sum(given) != 1:
        raise click.UsageError("say which: an ID, or --tag, --owner, --queue and --prefix, or --all.")
    if params["everything"]:
        return Target(None, Selection(everything=True), "--all")
    return Target(params["id"], cast("Selection", chosen), flags)


def confirm(question: str, verb: str) -> None:
    """Asks; aborts on a no. A usage error where there is no terminal to ask on."""
    if not sys.stdin.isatty():
        raise click.UsageError(f"to {verb} them needs a yes, and there is no terminal to ask on: add --yes.")
    click.confirm(plain(question), abort=True, err=True)
