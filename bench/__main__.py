"""`python -m bench`: runs the measurements, prints their table, and writes the page."""

from __future__ import annotations

import time
from pathlib import Path

import click

from bench.measures import MEASURES
from bench.measures.blocks import blocks
from bench.page import machine, page, verdict
from bench.stage import Longest, Stage
from bench.table import Line, markdown


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--quick", is_flag=True, help="Smaller, in about a minute.")
@click.option("--only", default="", help=f"Some of the measurements: {','.join(MEASURES)}.")
@click.option("--write", type=click.Path(path_type=Path), help="Write the page here, too.")
def main(quick: bool, only: str, write: Path | None) -> None:
    """rq-scheduler beside its peers and beside a bare script, on this machine, now."""
    wanted = only.split(",") if only else list(MEASURES)
    if unknown := set(wanted) - set(MEASURES):
        raise click.UsageError(f"no measurement {', '.join(sorted(unknown))}: there are {', '.join(MEASURES)}")
    lines: list[Line] = []
    longest: Longest = {}
    versions: dict[str, dict[str, str]] = {}
    server = ""
    for name in wanted:
        began = time.monotonic()
        with Stage(longest, versions, quick=quick) as stage:
            lines += MEASURES[name](stage)
            server = stage.server.version
        click.echo(f"{name}: {time.monotonic() - began:.0f} s", err=True)
    lines += blocks(longest)
    click.echo(f"{machine(versions, server)}\n\n{markdown(lines)}\n{verdict(lines)}")
    if write is not None:
        write.write_text(page(lines, versions, server), "utf-8")


if __name__ == "__main__":
    main()
