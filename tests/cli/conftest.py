"""What the tests of the commands share."""

import sys
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def _nothing_from_outside(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("HOST", "PORT", "DB", "PASSWORD", "URL"):
        monkeypatch.delenv(f"RQ_REDIS_{name}", raising=False)
    monkeypatch.setenv("RQS_TIMEZONE", "UTC")
    path = list(sys.path)
    yield
    sys.path[:] = path
