"""The subcommand `demo`: sets the stage, runs the show, prints the account, and exits by it."""

from __future__ import annotations

import re
import signal
import sys
import tempfile
from pathlib import Path
from textwrap import fill

import click
from rich.console import Console

from rq_scheduler.cli.demo.account import Account, Lateness
from rq_scheduler.cli.demo.plan import Plan, make_plan
from rq_scheduler.cli.demo.screen import LiveScreen, PlainScreen, Screen, lateness
from rq_scheduler.cli.demo.show import Outcome, Show
from rq_scheduler.cli.demo.stage import Stage
from rq_scheduler.errors import SchedulerError

__all__ = ["demo", "report", "verdict", "wrapped"]


@click.command()
@click.option("--seconds", type=click.IntRange(8, 300), default=20, show_default=True, help="Length of the show.")
@click.option("--one-offs", type=click.IntRange(1, 5000), default=200, show_default=True, help="One-off jobs in it.")
@click.option("--seed", type=int, default=1, show_default=True, help="What the due times are drawn with.")
@click.option("--plain", is_flag=True, help="Lines instead of the live table, as when not on a terminal.")
def demo(seconds: int, one_offs: int, seed: int, plain: bool) -> None:
    """Show the whole system at work, while parts of it get killed.

    Needs nothing that runs already: it starts a private Redis, two dispatchers and two stock `rq worker`s, and ends
    them all. Exit status 0 only if nothing was lost or doubled; else the last line names the ids.
    """
    console = Console()
    screen: Screen = PlainScreen() if plain or not console.is_terminal else LiveScreen(console)
    with tempfile.TemporaryDirectory(prefix="rq-scheduler-demo-") as folder:
        log = Path(folder) / "workers.log"
        try:
            stage = Stage(log)
        except SchedulerError as error:
            raise click.ClickException(str(error)) from None
        outcome = _perform(make_plan(float(seconds), one_offs, seed), stage, screen, log)
    bad = verdict(outcome)
    for line in (*report(outcome), bad or "Nothing lost, nothing doubled."):
        click.echo(wrapped(line, console.width))
    sys.exit(1 if bad else 0)


def _perform(plan: Plan, stage: Stage, screen: Screen, log: Path) -> Outcome:
    # Asked to end, it still ends what it has started.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        stage.start()
        version = ".".join(str(part) for part in stage.redis.version)
        screen.open()
        screen.event(f"Redis {version} on port {stage.redis.port}, dispatchers A and B, two stock rq workers")
        return Show(plan, stage, screen, log).run()
    except KeyboardInterrupt:
        raise click.exceptions.Exit(130) from None
    finally:
        screen.close()
        stage.stop()


def report(outcome: Outcome) -> list[str]:
    """The account in words; every number from `settle`."""
    account = outcome.account
    lines = [
        "",
        f"due         {account.due:>6}   {account.one_offs} one-offs, {account.instants} instants of recurring jobs",
        f"handed off  {account.handed_off:>6}   by enqueued_at in the jobs' hashes",
        f"run         {account.run:>6}   by the workers' own log",
        f"skipped     {account.skipped:>6}   the run before was still going (overlap: skip)",
        f"missed      {account.missed:>6}   passed over after the outage for a newer one (catch-up: latest)",
        f"doubled     {len(account.doubled):>6}",
        f"lost        {len(account.lost):>6}",
        "",
        f"lateness        {_lateness(account.lateness)}",
        f"  in the outage {_lateness(account.outage_lateness)}",
    ]
    if account.unacknowledged_run:
        lines.append(
            f"{account.unacknowledged_run} calls that failed at the client had reached Redis all the same, and ran."
        )
    lines += [f"note: {note}" for note in outcome.notes]
    lines += [
        "",
        (
            "Checked: each id that the client was told is scheduled, and each instant of the recurring jobs by "
            "arithmetic, against the log that the jobs themselves wrote in the workers (id, hand-off, start). Lateness "
            "is the job's enqueued_at, written by the hand-off by the clock of Redis, minus its due time."
        ),
    ]
    return lines


def wrapped(line: str, width: int) -> str:
    """The line broken between words; what goes on stands below the text behind a number."""
    number = re.match(r"\w+( \w+)? +\d+ +", line)
    indent = " " * (number.end() if number else 0)
    return fill(line, width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)


def verdict(outcome: Outcome) -> str:
    """Empty when all is well; else one line that names what is not."""
    account: Account = outcome.account
    parts: list[str] = []
    for title, names in (("lost", account.lost), ("doubled", account.doubled), ("strange", account.strange)):
        if names:
            parts.append(f"{title}: {', '.join(names)}")
    if outcome.fallen:
        parts.append(f"ended by themselves: dispatchers {', '.join(outcome.fallen)}")
    return "NOT GOOD. " + "; ".join(parts) if parts else ""


def _lateness(of: Lateness) -> str:
    if not of.count:
        return "none"
    return f"p50 {lateness(of.p50)}, p99 {lateness(of.p99)}, max {lateness(of.worst)}  ({of.count} hand-offs)"
