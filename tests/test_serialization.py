"""How structs are written down: what must not depend on the moment at which it is first done."""

import subprocess
import sys

import pytest

from support import PATIENCE, environment

pytestmark = pytest.mark.once

FROZEN_AT_FIRST_USE = """
from datetime import UTC, datetime
from freezegun import freeze_time
from rq_scheduler import At, Every, Schedule
from rq_scheduler.model import decode_spec, encode_spec

with freeze_time("2026-01-01"):
    end = datetime(2027, 1, 1, tzinfo=UTC)
    schedule = Schedule("a", Every("5m", anchor=datetime.now(UTC)), "shop.tasks.report", end=end)
    assert decode_spec(encode_spec(schedule.spec)) == schedule.spec
assert decode_spec(encode_spec(schedule.spec)) == schedule.spec
"""


def test_an_application_that_freezes_time_before_the_first_use_reads_and_writes_them() -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", FROZEN_AT_FIRST_USE],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 0, done.stderr
