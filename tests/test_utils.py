"""0.14's helpers: what its callers rely on, seen on 0.14.0 where a value is given."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta, timezone

import pytest
import pytz
from freezegun import freeze_time

from rq_scheduler import utils
from rq_scheduler.dispatcher import LogEvents
from rq_scheduler.errors import InvalidArgument, SchedulerWarning

pytestmark = pytest.mark.once

MOMENT = datetime(2020, 1, 1)
UNIX = 1_577_836_800


def test_to_unix() -> None:
    assert utils.to_unix(MOMENT) == UNIX
    assert type(utils.to_unix(MOMENT)) is int
    assert utils.to_unix(datetime(2020, 1, 1, 2, tzinfo=timezone(timedelta(hours=2)))) == UNIX
    assert utils.to_unix(MOMENT.replace(microsecond=500_000)) == UNIX + 0.5
    assert utils.to_unix(datetime(1969, 12, 31, 23, 59, 59)) == -1
    assert utils.to_unix(datetime(9999, 12, 31, 23, 59, 59)) == 253_402_300_799


def test_from_unix() -> None:
    assert utils.from_unix("1577836800.5") == MOMENT.replace(microsecond=500_000)
    assert utils.from_unix(12) == datetime(1970, 1, 1, 0, 0, 12)
    assert utils.from_unix(UNIX + 0.000_001) == MOMENT.replace(microsecond=1)
    assert utils.from_unix(UNIX).tzinfo is None
    assert utils.from_unix(-1) == datetime(1969, 12, 31, 23, 59, 59)


@pytest.mark.parametrize("nonsense", ["", "soon", float("nan"), float("inf"), 1e20, 10**20])
def test_from_unix_refuses(nonsense: float | str) -> None:
    with pytest.raises(ValueError, match="epoch"):
        utils.from_unix(nonsense)


@pytest.mark.parametrize("microsecond", [0, 1, 123_457, 999_999])
def test_unix_round_trip(microsecond: int) -> None:
    moment = datetime(2099, 12, 31, 23, 59, 59, microsecond)
    assert utils.from_unix(utils.to_unix(moment)) == moment


@pytest.fixture
def paris(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "Europe/Paris")
        time.tzset()
        yield
    time.tzset()


@pytest.mark.usefixtures("paris")
@pytest.mark.parametrize("use_local_timezone", [False, True])
def test_next_scheduled_time_is_in_the_hosts_zone_whatever_the_flag(use_local_timezone: bool) -> None:
    with freeze_time("2026-11-23 19:00:00"):
        found = utils.get_next_scheduled_time("0 0 * * *", use_local_timezone=use_local_timezone)
    assert found == datetime(2026, 11, 23, 23, tzinfo=UTC)
    assert found.utcoffset() == timedelta(hours=1 if use_local_timezone else 0)


def test_next_scheduled_time_says_where_the_hosts_zone_has_no_name(host_in: Callable[[str], None]) -> None:
    host_in("CET-1CEST,M3.5.0,M10.5.0/3")
    with pytest.warns(SchedulerWarning, match="is read in UTC: this host's zone, TZ='CET-1CEST,M3"):
        assert utils.get_next_scheduled_time("30 2 * * *").hour == 2


def test_unix_time_of_a_datetime_with_a_zone_of_pytz_as_tzinfo() -> None:
    with pytest.warns(SchedulerWarning, match=r"write pytz\.timezone\('Europe/Paris'\)\.localize"):
        assert utils.to_unix(datetime(2026, 1, 1, 9, tzinfo=pytz.timezone("Europe/Paris"))) == 1767257460


@pytest.mark.usefixtures("paris")
def test_next_scheduled_time_reads_cron_as_0_14_does() -> None:
    with freeze_time("2026-11-23 19:00:00"):
        assert utils.get_next_scheduled_time("0 0 1-7 * mon") == datetime(2026, 12, 6, 23, tzinfo=UTC)
        assert utils.get_next_scheduled_time("0 0 * * * 2030") == datetime(2029, 12, 31, 23, tzinfo=UTC)
        with pytest.raises(InvalidArgument, match="would never run"):
            utils.get_next_scheduled_time("* * * * * 2020")


def test_rationalize_until() -> None:
    assert utils.rationalize_until() == "+inf"
    assert utils.rationalize_until(None) == "+inf"
    assert utils.rationalize_until(MOMENT) == UNIX
    assert utils.rationalize_until(datetime(2020, 1, 1, tzinfo=timezone(timedelta(hours=2)))) == UNIX - 7200
    with freeze_time(MOMENT):
        assert utils.rationalize_until(timedelta(seconds=5)) == UNIX + 5
    for given in (12, 12.5, "12", "+inf"):
        assert utils.rationalize_until(given) == given


@contextmanager
def fresh_logging() -> Iterator[logging.Logger]:
    """The logger as in a fresh process: pytest's own handlers on the root logger are put aside."""
    logger, root = logging.getLogger("rq_scheduler.scheduler"), logging.getLogger()
    kept, root.handlers, logger.handlers = root.handlers, [], []
    try:
        yield logger
    finally:
        root.handlers = kept


def test_loghandlers_are_set_up_once(capsys: pytest.CaptureFixture[str]) -> None:
    with fresh_logging() as logger:
        utils.setup_loghandlers()
        assert logger.level == logging.INFO
        utils.setup_loghandlers("debug")
        assert len(logger.handlers) == 1
        assert logger.level == logging.DEBUG
        utils.setup_loghandlers(logging.WARNING)
        assert logger.level == logging.WARNING
        logging.getLogger("rq_scheduler.scheduler").warning("hello %s", "there")
    assert capsys.readouterr().err.endswith(" hello there\n")


def test_loghandlers_leave_an_application_its_own() -> None:
    with fresh_logging() as logger:
        logging.getLogger().handlers = [logging.NullHandler()]
        utils.setup_loghandlers("ERROR")
        assert logger.handlers == []
        assert logger.level == logging.ERROR


def test_a_line_comes_once_where_an_application_listens_as_it_did_to_0_14(capsys: pytest.CaptureFixture[str]) -> None:
    with fresh_logging() as logger:
        logger.addHandler(logging.StreamHandler())
        utils.setup_loghandlers()
        LogEvents().started("one")
    assert capsys.readouterr().err == "Dispatcher one serves\n"


def test_loghandlers_refuse_an_unknown_level() -> None:
    with pytest.raises(InvalidArgument, match="is no log level"):
        utils.setup_loghandlers("LOUD")
