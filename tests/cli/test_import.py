"""`import`: a dry run first; what is written is paused; the report at 80 columns; exit statuses."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import redis as redis_py
from redis.exceptions import AuthenticationError

from cli.conftest import Said, typed
from making import snapshot
from rq_scheduler import Cron, Every, Scheduler
from rq_scheduler.cli.addresses import ConnectionOptions
from rq_scheduler.cli.commands import import_ as import_command
from rq_scheduler.cli.output import lines_of
from rq_scheduler.cli.refusals import of_redis
from rq_scheduler.client import importing
from rq_scheduler.client.importing.celery import crontab
from rq_scheduler.client.importing.draft import Draft
from rq_scheduler.clock import to_us
from rq_scheduler.views import importing as view
from support import ROOT

Cli = Callable[..., Said]
NOW = datetime(2026, 12, 1, 12, tzinfo=UTC)

CRONTAB = """\
30 2 * * 1-5  /srv/report --weekly
@daily  /srv/clear
*/5 * * * * /srv/poll
"""
MAP = """
[[commands]]
command = "/srv/report --weekly"
func = "jobs_for_tests.nothing"
queue_name = "reports"
id = "report"

[[commands]]
command = "/srv/clear"
func = "jobs_for_tests.nothing"
id = "clear"
"""


@pytest.fixture
def scheduler(redis: redis_py.Redis) -> Scheduler:
    return Scheduler(connection=redis)


@pytest.fixture
def files(tmp_path: Path) -> tuple[str, ...]:
    (tmp_path / "tab").write_text(CRONTAB)
    (tmp_path / "map.toml").write_text(MAP)
    return ("--from", "crontab", str(tmp_path / "tab"), "--map", str(tmp_path / "map.toml"), "--timezone", "Asia/Tokyo")


def entry(name: str, *, enabled: bool = True) -> dict[str, Any]:
    return {
        "name": name, "task": "jobs_for_tests.nothing", "args": [], "kwargs": {}, "options": {}, "enabled": enabled,
        "schedule": {"__type__": "crontab", "minute": "30", "hour": "2"},
    }  # fmt: skip


@pytest.fixture
def redbeat(redis: redis_py.Redis) -> None:
    for name, enabled in (("one", True), ("off", False)):
        redis.hset(f"redbeat:{name}", "definition", json.dumps(entry(name, enabled=enabled)))
        redis.zadd("redbeat::schedule", {f"redbeat:{name}": 1})


def test_a_dry_run_writes_nothing(cli: Cli, redis: redis_py.Redis, files: tuple[str, ...]) -> None:
    said = cli("import", *files)
    assert snapshot(redis) == {}
    assert said.exit_code == 1  # the third command has no function
    assert "line 1: would be put as report, paused\n" in said.stdout
    assert "Dry run: nothing was written." in said.stdout
    assert '    [[commands]]\n    command = "/srv/poll"\n' in said.stdout


def test_what_is_written_is_paused(cli: Cli, redis_url: str, scheduler: Scheduler, files: tuple[str, ...]) -> None:
    said = cli("import", *files, "--write", "--queue", "slow")
    assert [(one.id, one.paused, one.queue_name, one.tags, one.trigger) for one in scheduler.schedules] == [
        ("clear", True, "slow", ("imported-crontab",), Cron("@daily", "Asia/Tokyo")),
        ("report", True, "reports", ("imported-crontab",), Cron("30 2 * * 1-5", "Asia/Tokyo")),
    ]
    resume = "resume --tag imported-crontab --all-pauses"
    assert f"    {typed(redis_url, *resume.split())}\n" in said.stdout
    assert "2 schedules fire again" in cli(*resume.split(), "--yes").stdout
    assert not any(one.paused for one in scheduler.schedules)


def test_what_is_there_stays_as_it_is(cli: Cli, scheduler: Scheduler, files: tuple[str, ...]) -> None:
    before = scheduler.schedules.put("report", Every("1h"), "jobs_for_tests.nothing")
    said = cli("import", *files, "--write")
    assert "line 1: not put as report: there is a schedule of this id already" in said.stdout
    assert scheduler.schedules["report"] == before
    assert "1 schedule was put, paused." in said.stdout


@pytest.mark.leaves("redbeat:*")
@pytest.mark.usefixtures("redbeat")
def test_what_is_disabled_there_has_a_tag_of_its_own(cli: Cli, redis_url: str, scheduler: Scheduler) -> None:
    said = cli("import", "--from", "redbeat", redis_url, "--write", "--tag", "beat")
    assert said.exit_code == 0, said.output
    assert {one.id: one.tags for one in scheduler.schedules} == {"one": ("beat",), "off": ("beat-disabled",)}
    assert "have the tag beat-disabled" in said.stdout
    cli("resume", "--tag", "beat", "--all-pauses", "--yes")
    assert {one.id: one.paused for one in scheduler.schedules} == {"one": False, "off": True}


@pytest.mark.leaves("redbeat:*")
@pytest.mark.usefixtures("redbeat")
def test_json(document: Callable[..., Any], redis_url: str) -> None:
    report = document("import", "--from", "redbeat", redis_url, "--timezone", "Europe/Paris")
    assert (report["dry_run"], report["whole"], report["put"]) == (True, True, ["off", "one"])
    _, one = report["entries"]
    assert one["when"] == "crontab(minute='30', hour='2') in Europe/Paris"
    assert len(one["theirs"]) == 5
    assert one["theirs"] == one["ours"]
    assert one["definition"]["paused"] is True


@pytest.mark.once
def test_where_nothing_is(text: Callable[..., str], redis_url: str) -> None:
    assert "Note: nothing is in redbeat::schedule; --key" in text("import", "--from", "redbeat", redis_url)
    assert "Note: nothing is in x; --key" in text("import", "--from", "apscheduler", redis_url, "--key", "x")


@pytest.mark.once
@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("--from", "crontab", "no-such-file"), "no-such-file cannot be opened: No such file"),
        (("--from", "apscheduler", "no-such-file"), "there is no database at no-such-file"),
        (("--from", "apscheduler", "postgresql://u:secret@host/db"), "pip install sqlalchemy"),
        (("--from", "celery-beat", "no_such_module"), "no_such_module cannot be imported"),
        (("--from", "celery-beat", "shop/celery.py"), "as in shop.celery"),
        (("--from", "crontab", "x", "--map", "no-such-map"), "no-such-map cannot be opened"),
        (("--from", "crontab", "x", "--timezone", "Mars"), "Mars"),
        (("--from", "redbeat", "x"), "no scheme"),
        (("--from", "airflow", "x"), "airflow"),
        (("x",), "--from"),
    ],
)
def test_what_cannot_be_read(cli: Cli, arguments: tuple[str, ...], why: str) -> None:
    said = cli("import", *arguments)
    assert said.exit_code in (1, 2)
    assert why in said.stderr
    assert "secret" not in said.output


@pytest.mark.once
@pytest.mark.parametrize(
    ("arguments", "remedy"),
    [
        (("redbeat", "redis://:hunter2@localhost:1"), "***@localhost:1 does not answer"),
        (("redbeat", "redis://:hunter2@localhost:1"), "is FILE_OR_URL right?"),
        (("redbeat", "redis://:hunt/er2@localhost"), "Invalid value for FILE_OR_URL"),
        (("apscheduler", "redis://:hunter2@"), "Invalid value for FILE_OR_URL"),
        (("crontab", "redis://:hunter2@localhost"), "crontab reads a file"),
        (("rq-cron", "redis://:hunter2@localhost"), "rq-cron reads a .py file"),
        (("celery-beat", "redis://:hunter2@localhost"), "--from redbeat"),
        (("apscheduler", "postgresql://me:hunter2@localhost/db"), "SQLAlchemy"),
    ],
)
def test_the_other_address_is_not_taken_for_ours_and_its_password_is_not_shown(
    cli: Cli, arguments: tuple[str, str], remedy: str
) -> None:
    said = cli("import", "--from", *arguments)
    assert said.exit_code in (1, 2)
    assert remedy in " ".join(said.stderr.split())
    assert "hunt" not in said.output


@pytest.mark.once
def test_a_wrong_password_is_to_be_given_where_the_wrong_one_was() -> None:
    theirs = import_command._Theirs(url="redis://db")
    assert "FILE_OR_URL" in of_redis(AuthenticationError("WRONGPASS"), theirs)
    assert "--password" in of_redis(AuthenticationError("WRONGPASS"), ConnectionOptions())


def test_what_is_there_by_now_stays_as_it_is(scheduler: Scheduler, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where it was not yet when that was asked."""
    scheduler.schedules.put("nightly", Every(60), "jobs_for_tests.nothing")
    draft = Draft("nightly", task="jobs_for_tests.echo", trigger=Every(90))
    found = importing.settle([draft], importing.Mappings(), "x", to_us(NOW))
    monkeypatch.setattr(type(scheduler.schedules), "__contains__", lambda *_: False)
    written = importing.write(scheduler.schedules, found, dry_run=False)
    assert written.put == ()
    assert "stays as it is" in written.left["nightly"]
    stored = scheduler.schedules["nightly"]
    assert (stored.version, stored.trigger) == (1, Every(60, anchor=stored.trigger.anchor))


@pytest.mark.once
def test_the_report_of_the_page() -> None:
    """docs/importing.md shows it."""
    draft = Draft("nightly report", task="shop.tasks.report")
    crontab(draft, {"minute": "30", "hour": "2"}, "Europe/Paris")
    draft.options = {"args": ("weekly",), "kwargs": {"to": "ops"}}
    now = to_us(datetime(2026, 11, 29, 14, tzinfo=UTC))
    report = view.Report(
        "redbeat", importing.settle([draft], importing.Mappings(), "x", now), importing.Written((), {}), [], "x", True
    )
    shown = [line for part in view.render(report) for line in lines_of(part, 80)]
    entry = "".join(f"    {line}\n" for line in shown[: shown.index("")])
    assert entry in (ROOT / "docs" / "importing.md").read_text()


@pytest.mark.once
def test_the_report_at_80_columns() -> None:
    draft = Draft("nightly", task="shop.tasks.report")
    crontab(draft, {"minute": "30", "hour": "2"}, "Europe/Paris")
    draft.lost.append("priority=3: queues of RQ have no priorities; give it a queue of its own")
    found = importing.settle([draft], importing.Mappings(), "imported", to_us(NOW))
    report = view.Report("redbeat", found, importing.Written(("nightly",), {}), [], "imported", dry_run=True)
    lines = [line for part in view.render(report) for line in lines_of(part, 80)]
    assert max(map(len, lines)) <= 80
    assert (
        lines
        == """\
nightly: would be put as nightly, paused
  theirs  crontab(minute='30', hour='2') in Europe/Paris -> shop.tasks.report
  ours    30 2 * * * (Europe/Paris) -> shop.tasks.report()
   THEIRS                     OURS
   2026-12-02 02:30:00+01:00  same
   2026-12-03 02:30:00+01:00  same
   2026-12-04 02:30:00+01:00  same
   2026-12-05 02:30:00+01:00  same
   2026-12-06 02:30:00+01:00  same
  left behind: priority=3: queues of RQ have no priorities; give it a queue of
    its own
  differs: Europe/Paris, Sun 28 Mar 2027: the clock jumps from 02:00 to 03:00;
    theirs run at 03:30:00+02:00, ours at 03:00:00+02:00

1 entry: 0 carried over whole, 1 in part, 1 with other instants at times.
Dry run: nothing was written. With --write they are put, paused, and run only
when resumed.""".splitlines()
    )
