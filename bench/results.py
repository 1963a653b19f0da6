"""What `make bench` found: kept in `bench/results.json`, and shown in docs/benchmarks.md between two marks."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.planning import processor
from bench.table import HEADER, Line, aligned
from bench.targets import OURS, ROOT

RESULTS, PAGE = ROOT / "bench/results.json", ROOT / "docs/benchmarks.md"
BEGIN, END = "<!-- written by `make bench` from bench/results.json -->", "<!-- until here -->"


def found(lines: Sequence[Line], versions: Mapping[str, Mapping[str, str]], server: str) -> dict[str, Any]:
    """The figures as they are kept."""
    rows = [list(HEADER), *(line.cells() for line in lines)]
    return {"machine": machine(versions, server), "rows": rows, "verdict": verdict(lines)}


def shown(results: Mapping[str, Any]) -> str:
    """The figures as they are read."""
    return f"{results['machine']}\n\n{aligned(results['rows'])}\n{results['verdict']}\n"


def filled(page: str, results: Mapping[str, Any]) -> str:
    """The page with these figures instead of those that it had."""
    before, _, rest = page.partition(BEGIN)
    return f"{before}{BEGIN}\n\n{shown(results)}\n{END}{rest.partition(END)[2]}"


def keep(results: Mapping[str, Any], kept: Path = RESULTS, page: Path = PAGE) -> None:
    """Writes both files."""
    kept.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n", "utf-8")
    page.write_text(filled(page.read_text("utf-8"), results), "utf-8")


def machine(versions: Mapping[str, Mapping[str, str]], server: str) -> str:
    """What it was measured on."""
    hardware = f"{processor()}, {os.cpu_count()} cores, {platform.system()}"
    lines = [
        f"{hardware}; Python {platform.python_version()}, Redis {server};",
        f"{datetime.now(UTC):%Y-%m-%d}, commit {_commit()}, load {os.getloadavg()[0]:.1f} at the end.",
        "",
    ]
    ours = versions.get(OURS)
    for who, packages in versions.items():
        if who == OURS or packages != ours:
            lines.append(f"- {who}: {', '.join(f'{name} {version}' for name, version in packages.items())}")
    return "\n".join(lines)


def verdict(lines: Sequence[Line]) -> str:
    """How many targets are met, and which are not."""
    judged = [line for line in lines if line.met is not None]
    missed = [f"{line.what} ({line.who})" for line in judged if not line.met]
    met = f"{len(judged) - len(missed)} of {len(judged)} targets are met"
    return f"{met}; not met: {'; '.join(missed)}." if missed else f"{met}."


def _commit() -> str:
    def git(*words: str) -> str:
        told = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=False)
        return told.stdout.strip()

    return (git("rev-parse", "--short", "HEAD") or "unknown") + (
        " with changes" if git("status", "--porcelain") else ""
    )
