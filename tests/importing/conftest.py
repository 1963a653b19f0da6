"""What the tests of importing share: the packages whose schedules are imported, and readers for a test's moment."""

import json
import os
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from rq_scheduler.cli.addresses import ConnectionOptions
from rq_scheduler.cli.connections import connect
from rq_scheduler.client import importing
from rq_scheduler.clock import to_us
from support import ROOT

NOW = datetime(2026, 12, 1, 12, tzinfo=UTC)

HERE = Path(__file__).parent


def asked_of(python: Path, kinds: dict[str, list[dict[str, Any]]]) -> dict[str, list[Any]]:
    """What the packages say (`peer_instants.py`)."""
    ran = subprocess.run(
        [str(python), "-W", "ignore", str(HERE / "peer_instants.py")],
        input=json.dumps(kinds), capture_output=True, text=True, check=True,
    )  # fmt: skip
    return json.loads(ran.stdout)


@pytest.fixture(scope="session")
def packages_python() -> Path:
    """The Python of the environment that holds Celery with RedBeat and django-celery-beat, and APScheduler 3."""
    python = Path(os.environ.get("RQS_IMPORTERS_PYTHON", ROOT / ".venvs" / "importers" / "bin" / "python"))
    assert python.is_file(), f"No Celery and APScheduler at {python}: `make setup` makes that environment."
    return python


def write_stores(python: Path, place: str) -> None:
    subprocess.run([str(python), "-W", "ignore", str(HERE / "peer_stores.py"), place], check=True)


@pytest.fixture
def files(packages_python: Path, tmp_path: Path) -> Path:
    """The folder of the files that these packages wrote: `beat.sqlite3` and `jobs.sqlite3`."""
    write_stores(packages_python, str(tmp_path))
    return tmp_path


@pytest.fixture
def in_redis(packages_python: Path, redis_url: str) -> str:
    """The URL of the server in which these packages wrote."""
    write_stores(packages_python, redis_url)
    return redis_url


@pytest.fixture
def found_in() -> Callable[..., dict[str, importing.Found]]:
    """`found_in("redbeat", url, timezone=...)`: what is there at NOW, by its name there."""

    def find(
        kind: str, place: Any, mappings: importing.Mappings | None = None, **options: Any
    ) -> dict[str, importing.Found]:
        source = importing.Source(
            kind, str(place), to_us(NOW), lambda url: connect(ConnectionOptions(url=url)), **options
        )
        drafts = importing.read(source).drafts
        found = importing.settle(drafts, mappings or importing.Mappings(), f"imported-{kind}", to_us(NOW))
        return {one.name: one for one in found}

    return find
