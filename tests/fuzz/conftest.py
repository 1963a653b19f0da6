"""How long the fuzzing goes on: a fixed, short selection of examples in CI, whatever the time allows in `make fuzz`."""

import os
import re
import time
from collections.abc import Callable, Iterator
from importlib.metadata import version
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import seed as seeded

collect_ignore = ["test_http.py"] if version("rq").startswith("2.") else []
"""Schemathesis does not go with the oldest of what else is needed."""

MINUTES = float(os.environ.get("RQS_FUZZ_MINUTES", "0"))
"""For how long, all tests together; 0 is the short selection."""
SEED = int(os.environ.get("RQS_FUZZ_SEED") or time.time_ns() % 2**32)
ROUND = 40
"""Examples between two looks at the time."""

_ran: dict[str, int] = {}


class Fuzz:
    """Runs a check with many values."""

    def __init__(self, name: str, seconds: float) -> None:
        self._name = name
        self._seconds = seconds

    def __call__(self, examples: int, check: Callable[..., None], **values: Any) -> None:
        """Calls `check` with values from these strategies: so many examples, always the same, or with `make fuzz` new
        ones until this test's part of the time is over."""

        def counted(**drawn: Any) -> None:
            _ran[self._name] = _ran.get(self._name, 0) + 1
            check(**drawn)

        # The selection of a derandomized run goes by the function's name and code: each test has its own.
        counted.__qualname__ = counted.__name__ = re.sub(r"\W+", "_", self._name)
        common: dict[str, Any] = {
            "deadline": None,
            "database": None,
            "print_blob": True,
            "suppress_health_check": list(HealthCheck),
            "phases": (Phase.generate, Phase.shrink),
        }
        if not self._seconds:
            settings(max_examples=examples, derandomize=True, **common)(given(**values)(counted))()
            return
        until, seed = time.monotonic() + self._seconds, SEED
        while time.monotonic() < until:
            print(f"RQS_FUZZ_SEED={seed}")  # pytest shows it where the test fails
            seeded(seed)(settings(max_examples=ROUND, **common)(given(**values)(counted)))()
            seed += 1


@pytest.fixture
def fuzz(request: pytest.FixtureRequest) -> Fuzz:
    """`fuzz(100, check, value=strategy)`."""
    shared_by = sum("fuzz" in getattr(item, "fixturenames", ()) for item in request.session.items)
    return Fuzz(request.node.nodeid.rpartition("/")[2], MINUTES * 60 / shared_by)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if MINUTES:
        for item in items:
            item.add_marker(pytest.mark.timeout(MINUTES * 60 + 600))


@pytest.hookimpl(wrapper=True)
def pytest_terminal_summary(terminalreporter: Any) -> Iterator[None]:
    yield
    if MINUTES:
        terminalreporter.section(f"examples that ran, from RQS_FUZZ_SEED={SEED} on")
        for name, count in sorted(_ran.items()):
            terminalreporter.line(f"{count:8,}  {name}")
