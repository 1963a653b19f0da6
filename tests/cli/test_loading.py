"""What a command line names and Python must import: found, or an error that says which step failed."""

import sys
from pathlib import Path

import click
import pytest
from rq import Queue
from rq.job import Job
from rq.serializers import JSONSerializer

from rq_scheduler.cli import loading, times

pytestmark = pytest.mark.once


@pytest.fixture
def application(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with an application's modules."""
    monkeypatch.setattr(sys, "path", sys.path[:])
    (tmp_path / "shop_app.py").write_text(
        "from rq import Queue\nfrom rq.job import Job\n"
        "class ShopQueue(Queue): pass\nclass ShopJob(Job): pass\nnot_a_class = 5\n"
        "class Codec:\n    dumps = staticmethod(lambda x: b'')\n    loads = staticmethod(lambda x: None)\n"
    )
    (tmp_path / "shop_broken.py").write_text("1 / 0\n")
    (tmp_path / "shop_needy.py").write_text("import module_that_is_not_there\n")
    yield tmp_path
    for name in ("shop_app", "shop_broken", "shop_needy"):
        sys.modules.pop(name, None)


def test_path_comes_first_and_in_order(tmp_path: Path, application: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    loading.extend_path(f"{application}:{other}")
    assert sys.path[:2] == [str(application), str(other)]


def test_default_path_is_where_it_was_started(application: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(application)
    loading.extend_path(".")
    assert sys.path[0] == str(application)
    assert loading.load_queue_class("shop_app.ShopQueue").__name__ == "ShopQueue"


def test_a_path_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(click.BadParameter, match="does not exist"):
        loading.extend_path(f"{tmp_path}/nowhere")


def test_classes(application: Path) -> None:
    loading.extend_path(str(application))
    assert loading.load_job_class(None) is Job
    assert loading.load_queue_class(None) is Queue
    assert loading.load_job_class("shop_app.ShopJob").__name__ == "ShopJob"


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("ShopQueue", "is not a dotted path"),
        ("shoppp.ShopQueue", "no module 'shoppp'"),
        ("shop_app.ShopQueu", "has no 'ShopQueu'. Did you mean shop_app.ShopQueue"),
        ("shop_app.not_a_class", "is not a subclass of rq.queue.Queue"),
        ("shop_app.ShopJob", "is not a subclass of rq.queue.Queue"),
        ("shop_broken.ShopQueue", "ZeroDivisionError: division by zero .*shop_broken.py:1"),
        ("shop_needy.ShopQueue", "imports 'module_that_is_not_there', which is missing"),
    ],
)
def test_classes_that_are_not_there(application: Path, name: str, says: str) -> None:
    loading.extend_path(str(application))
    with pytest.raises(click.BadParameter, match=says):
        loading.load_queue_class(name)


def test_serializers(application: Path) -> None:
    loading.extend_path(str(application))
    assert loading.load_serializer(None) is None
    assert loading.load_serializer("json") is JSONSerializer
    assert loading.load_serializer("shop_app.Codec").loads(b"") is None
    with pytest.raises(click.BadParameter, match="has no dumps and loads"):
        loading.load_serializer("shop_app.ShopJob")


def test_zones() -> None:
    assert times.time_zone("Europe/Paris", "--adopt-timezone") == "Europe/Paris"
    with pytest.raises(click.BadParameter, match="Europe/Paris"):
        times.time_zone("europe/pariss", "--adopt-timezone")
