"""`python -m bench`: runs the measurements, prints their table, and keeps it."""

from __future__ import annotations

import time

import click

from bench.harness import Harness, Longest
from bench.measures import MEASURES
from bench.measures.blocks import blocks
from bench.results import found, keep, shown
from bench.table import Line


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--quick", is_flag=True, help="Smaller, in a few minutes.")
@click.option("--only", default="", help=f"Some of the measurements: {','.join(MEASURES)}.")
@click.option("--write", is_flag=True, help="Keep the figures in bench/results.json and docs/benchmarks.md.")
def main(quick: bool, only: str, write: bool) -> None:
    """rq-scheduler beside its peers, beside an earlier commit of itself (BENCH_BEFORE), and beside a bare script."""
    wanted = only.split(",") if only else list(MEASURES)
    if unknown := set(wanted) - set(MEASURES):
        raise click.UsageError(f"no measurement {', '.join(sorted(unknown))}: there are {', '.join(MEASURES)}")
    if write and (quick or only):
        raise click.UsageError("only the figures of a whole run are kept: leave out --quick and --only, or --write")
    lines: list[Line] = []
    longest: Longest = {}
    versions: dict[str, dict[str, str]] = {}
    server = ""
    for name in wanted:
        began = time.monotonic()
        with Harness(longest, versions, quick=quick) as harness:
            lines += MEASURES[name](harness)
            server = harness.server.version
        click.echo(f"{name}: {time.monotonic() - began:.0f} s", err=True)
    results = found([*lines, *blocks(longest)], versions, server)
    click.echo(shown(results))
    if write:
        keep(results)


if __name__ == "__main__":
    main()
