"""The two log formats."""

import io
import json
import logging
import warnings
from datetime import datetime

import pytest

from rq_scheduler.cli.logs import setup_logging
from rq_scheduler.log import log

pytestmark = pytest.mark.once


def test_json_lines_carry_action_and_extras() -> None:
    stream = io.StringIO()
    setup_logging(logging.INFO, "json", stream)
    log = logging.getLogger("rq_scheduler.dispatcher")
    log.info("handed off %d", 3, extra={"action": "handed_off", "count": 3, "odd": {1, 2}})
    log.debug("not this one")
    try:
        raise ValueError("broken")
    except ValueError:
        log.exception("it broke", extra={"action": "fault"})
    first, second = (json.loads(line) for line in stream.getvalue().splitlines())
    assert first["message"] == "handed off 3"
    assert (first["action"], first["count"], first["level"]) == ("handed_off", 3, "info")
    assert datetime.fromisoformat(first["ts"]).tzinfo is not None
    assert "ValueError: broken" in second["exception"]
    assert "args" not in first
    assert "lineno" not in first


def test_text_lines_are_plain_and_have_the_time() -> None:
    stream = io.StringIO()
    setup_logging(logging.INFO, "text", stream)
    logging.getLogger("rq_scheduler").info("hello %s", "you")
    logging.getLogger("rq_scheduler").warning("careful")
    info, warning = stream.getvalue().splitlines()
    assert datetime.strptime(info[:19], "%Y-%m-%d %H:%M:%S")
    assert info[23:] == " hello you"
    assert warning.endswith(" WARNING careful")
    assert "\x1b" not in info


def test_warnings_reach_the_log() -> None:
    """Whatever the level of our own."""
    stream = io.StringIO()
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(False)  # from now on, and not from what another test has caught
        try:
            setup_logging(logging.ERROR, "json", stream)
            warnings.warn("look out", stacklevel=1)
        finally:
            logging.captureWarnings(False)
    assert "look out" in stream.getvalue()


def test_setting_up_twice_logs_once() -> None:
    stream = io.StringIO()
    setup_logging(logging.INFO, "text", stream)
    setup_logging(logging.INFO, "text", stream)
    logging.getLogger("rq_scheduler").info("once")
    assert stream.getvalue().count("once") == 1


class Kept(logging.Handler):
    """A handler of an application's."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


@pytest.mark.parametrize("logger", ["rq_scheduler.scheduler", "rq_scheduler"])
@pytest.mark.parametrize("propagate", [True, False])
def test_handlers_of_the_applications_code_stay(logger: str, propagate: bool) -> None:
    """It is imported before (--path, --job-class), and may set up logging: where 0.14 logged, say."""
    kept, stream = Kept(), io.StringIO()
    configured = logging.getLogger(logger)
    configured.addHandler(kept)
    configured.setLevel(logging.ERROR)
    configured.propagate = propagate
    setup_logging(logging.INFO, "text", stream)
    log.info("once")
    assert kept.lines == ["once"]
    assert stream.getvalue().count("once") == 1


@pytest.mark.parametrize("logger", ["rq_scheduler.scheduler", "rq_scheduler", ""])
def test_no_line_comes_twice(logger: str) -> None:
    """The application's code shows its log on the same terminal."""
    stream = io.StringIO()
    console = logging.StreamHandler(stream)
    configured = logging.getLogger(logger)
    configured.addHandler(console)
    try:
        setup_logging(logging.INFO, "text", stream)
        log.info("once")
    finally:
        configured.removeHandler(console)
    assert stream.getvalue().count("once") == 1
