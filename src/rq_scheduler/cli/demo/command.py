"""The subcommand `demo`: starts the processes, performs the scenario on them, ends them, and prints the account."""

from __future__ import annotations

import signal
import sys

import click
from rich.console import Console

from rq_scheduler.cli.demo.display import Display
from rq_scheduler.cli.demo.processes import Processes
from rq_scheduler.cli.demo.scenario import Scenario, Times
from rq_scheduler.errors import SchedulerError

__all__ = ["demo"]

CHECKED = (
    "Checked: each id that the client was told is scheduled, and the instants of the schedules by arithmetic, against "
    "what the jobs themselves printed in the workers. Lateness is the job's enqueued_at, written by the hand-off by "
    "the clock of Redis, minus its due time."
)


@click.command()
@click.option("--seconds", type=click.IntRange(8, 300), default=20, show_default=True, help="How long it takes.")
@click.option("--one-offs", type=click.IntRange(1, 5000), default=200, show_default=True, help="One-off jobs in it.")
@click.option("--seed", type=int, default=1, show_default=True, help="What the due times are drawn with.")
@click.option("--plain", is_flag=True, help="Lines instead of the live table, as when not on a terminal.")
def demo(seconds: int, one_offs: int, seed: int, plain: bool) -> None:
    """Show the whole system at work, while parts of it get killed.

    Needs nothing that runs already: it starts a private Redis, two dispatchers and two stock `rq worker`s, and ends
    them all. Exit status 0 only if nothing was lost or doubled; else the last line names the ids.
    """
    console = Console(highlight=False)
    display = Display(console, plain or not console.is_terminal)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # asked to end, it still ends what it has started
    try:
        processes = Processes()
        try:
            lines, wrong = Scenario(processes, display, Times(seconds, one_offs, seed)).perform()
        finally:
            display.close()
            processes.end()
    except SchedulerError as error:
        raise click.ClickException(str(error)) from None
    except KeyboardInterrupt:
        raise click.exceptions.Exit(130) from None
    verdict = f"NOT GOOD. {'; '.join(wrong)}" if wrong else "Nothing lost, nothing doubled."
    console.print("", *lines, "", CHECKED, verdict, sep="\n", markup=False)
    sys.exit(1 if wrong else 0)
