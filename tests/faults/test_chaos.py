"""A short chaos (`make chaos` is the long one), and that it notices what it is there to notice."""

import re
import sys
from itertools import pairwise
from pathlib import Path

import pytest

from faults.chaos import plan
from faults.injections import SABOTAGE
from support import Processes

pytestmark = pytest.mark.once

SEED = 4


def chaos(processes: Processes, choice: str, folder: Path, *args: str) -> tuple[int, str]:
    """Exit status and output."""
    argv = [sys.executable, "-m", "faults.chaos", "--server", choice, "--folder", str(folder), *args]
    process = processes.start(*argv, env={"TZ": "UTC"})
    status = process.wait(280)
    print(process.output())
    return status, process.output()


def counts(output: str) -> dict[str, int]:
    """The rows of the account that is printed."""
    return {name: int(count) for name, count in re.findall(r"^  (\S.*?) {2,}(\d+)$", output, re.MULTILINE)}


@pytest.mark.long
def test_nothing_is_lost_or_doubled(processes: Processes, server_choice: str, tmp_path: Path) -> None:
    status, output = chaos(processes, server_choice, tmp_path / "chaos", "--minutes", "0.6", "--seed", str(SEED))
    assert status == 0, output
    found = counts(output)
    assert {fault for track in plan.TRACKS.values() for fault in track.faults} <= found.keys(), "some were not done"
    assert found["owed, exactly once"] > 500


@pytest.mark.long
def test_sabotage_is_noticed(processes: Processes, server_choice: str, tmp_path: Path) -> None:
    args = ("--minutes", "0.12", "--one-offs", "500", "--drain", "20", "--seed", str(SEED), "--sabotage", *SABOTAGE)
    status, output = chaos(processes, server_choice, tmp_path / "chaos", *args)
    assert status == 1, output
    assert "NOT CLEAN" in output
    found = counts(output)
    assert not [what for what in SABOTAGE if not found[what]], output


class TestThePlan:
    def test_follows_from_the_seed(self) -> None:
        assert plan.faults(1, 60) == plan.faults(1, 60)
        assert plan.faults(1, 60) != plan.faults(2, 60)

    def test_a_longer_one_begins_alike(self) -> None:
        for name, faults in plan.faults(3, 30).items():
            assert plan.faults(3, 300)[name][: len(faults)] == faults

    def test_faults_of_one_track_do_not_overlap(self) -> None:
        for faults in plan.faults(5, 300).values():
            for fault, following in pairwise(faults):
                assert fault.at + fault.seconds < following.at
