"""The demo on small and large terminals: every line fits, no word is broken, and what was done to it stays in sight."""

import io

import pytest
from rich.console import Console

from rq_scheduler.cli.demo.command import wrapped
from rq_scheduler.cli.demo.screen import LiveScreen, Row

pytestmark = pytest.mark.once

US = 1_000_000
KILLED = ("SIGKILL for dispatcher A; B carries on alone", "SIGKILL for Redis, the workers being idle")
BACK = "Redis is back after 1.37 s, with its append-only file"


def drawn(width: int, height: int) -> list[str]:
    """The screen at the end of a show with all that can happen in it."""
    out = io.StringIO()
    console = Console(file=out, width=width, height=height, force_terminal=True, color_system=None)
    screen = LiveScreen(console)
    screen.counts("scheduled 178 one-offs · 116 rows · 105 runs")
    screen.event("Redis 8.2.3 on port 16186, dispatchers A and B, two stock rq workers")
    screen.event("scheduled ahead: 100 one-offs in one call, and 4 recurring jobs")
    screen.event(KILLED[0], "bold red")
    screen.event("dispatcher C joins", "bold green")
    screen.event(KILLED[1], "bold red")
    for name in "BC":
        refused = "Redis cannot be used, trying again: Error 111 connecting to 127.0.0.1:15413. Connection refused."
        screen.event(f"{name}: {refused}", "yellow")
    screen.event(BACK, "bold green")
    for number in range(12):
        screen.event(f"news {number}", "yellow")
    for number in range(40):
        id = f"{number:08x}"
        screen.row(Row(id, number * US, f"one-off {id}", number * US + 1_900, "B", "ran, worker-2"))
    screen.row(Row("x", US, "every 2 s, takes 5 s", None, "-", "skipped: the run before was still going on"))
    console.print(screen.draw())
    return out.getvalue().rstrip("\n").split("\n")


@pytest.mark.parametrize(("width", "height"), [(80, 24), (120, 40), (100, 30), (200, 60)])
def test_it_fits_and_shows_the_kills_and_the_restart(width: int, height: int) -> None:
    lines = drawn(width, height)
    assert len(lines) < height, "or rich cuts it from below"
    assert all(len(line) <= width for line in lines)
    text = "\n".join(lines)
    for event in (*KILLED, "dispatcher C joins", BACK, "news 11"):
        assert event in text
    assert "one-off 00000027" in text, "whole, not cut"
    words = {word.rstrip("…") for line in lines for word in line.strip("│┃ ").split() if "…" in word}
    assert words <= {""}, "an ellipsis stands for whole words"


@pytest.mark.parametrize("width", [80, 120])
def test_the_account_breaks_between_words(width: int) -> None:
    for line in (
        "missed           0   passed over after the outage for a newer one (catch-up: latest)",
        (
            "Checked: each id that the client was told is scheduled, and each instant of the recurring jobs by "
            "arithmetic, against the log that the jobs themselves wrote in the workers (id, hand-off, start)."
        ),
    ):
        lines = wrapped(line, width).split("\n")
        assert all(len(each) <= width for each in lines)
        assert " ".join(" ".join(lines).split()) == " ".join(line.split())
