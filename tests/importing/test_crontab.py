"""Crontabs: lines, users, variables, %, and the mapping file that says what runs instead."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from rq_scheduler import Cron
from rq_scheduler.client.importing import Found, Mappings, read_mappings
from rq_scheduler.client.importing.crontab import read_crontab
from rq_scheduler.errors import InvalidArgument
from support import ROOT

pytestmark = pytest.mark.once

FindIn = Callable[..., dict[str, Found]]

MAP = """
[tasks]
"shop.tasks.report" = "shop.jobs.report"

[[commands]]
command = "/srv/report --weekly"
func = "shop.jobs.report"
args = ["weekly"]
kwargs = {to = "ops"}
queue_name = "reports"
id = "report"
"""


@pytest.fixture
def written(tmp_path: Path) -> Callable[[str, str], Path]:
    def write(name: str, text: str) -> Path:
        (tmp_path / name).write_text(text)
        return tmp_path / name

    return write


def commands_of(text: str, *, users: bool = False) -> dict[str, str]:
    drafts, _ = read_crontab(text, "UTC", users=users)
    return {draft.name: draft.task for draft in drafts}


def test_lines() -> None:
    text = "# comment\n\n  # indented\nA=1\n0 5 * * * one  two\n\t@daily three\n-*/5 * * * * four\n"
    assert commands_of(text) == {"line 5": "one  two", "line 6": "three", "line 7": "four"}


def test_a_line_ends_where_cron_ends_it(found_in: FindIn, tmp_path: Path) -> None:
    """What a comment holds does not become an entry; a mark at the beginning of a file is none of its first line."""
    (tmp_path / "tab").write_bytes("\ufeff0 5 * * * one\r\n# \x0b0 6 * * * two\u2028* * * * * three\n".encode())
    assert {name: one.task for name, one in found_in("crontab", tmp_path / "tab").items()} == {"line 1": "one"}


def test_what_has_no_end_is_not_read_to_its_end(found_in: FindIn) -> None:
    with pytest.raises(InvalidArgument, match="larger than 1,000,000 bytes"):
        found_in("crontab", "/dev/zero")


def test_users() -> None:
    drafts, _ = read_crontab("17 * * * * root cd / && run-parts\n@hourly www-data x\n", "UTC", users=True)
    assert [(draft.task, draft.notes[0]) for draft in drafts] == [
        ("cd / && run-parts", "it runs as root; workers run as whoever starts them"),
        ("x", "it runs as www-data; workers run as whoever starts them"),
    ]


def test_the_path_says_whether_there_are_users(found_in: FindIn, written: Callable[[str, str], Path]) -> None:
    file = written("crontab", "0 5 * * * root x\n")
    assert found_in("crontab", file, timezone="UTC")["line 1"].task == "root x"
    assert found_in("crontab", file, timezone="UTC", users=True)["line 1"].task == "x"


def test_percent_signs() -> None:
    (draft,), _ = read_crontab(r"0 5 * * * date +\%F %first%second", "UTC", users=False)
    assert draft.task == "date +%F"
    assert "standard input" in draft.lost[0]


def test_zones() -> None:
    text = "0 5 * * * a\nCRON_TZ=Europe/Paris\nTZ=Asia/Tokyo\n0 5 * * * b\nCRON_TZ = 'Asia/Tokyo'\n0 5 * * * c\n"
    drafts, remarks = read_crontab(text, "America/New_York", users=False)
    assert [draft.zone for draft in drafts] == ["America/New_York", "Europe/Paris", "Asia/Tokyo"]
    assert remarks == [
        "TZ: for the commands of cron; workers have an environment of their own",
        "CRON_TZ is followed, as cronie does; Debian's cron passes over it",
    ]


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("@reboot x", "the host starts"),
        ("@fortnightly x", "no alias"),
        ("61 * * * * x", "minute field: 61"),
        ("* * * *", "no command"),
        ("0 5 * * *", "no command"),
        ("0~30 5 * * * x", "minute field"),
    ],
)
def test_what_cannot_be(line: str, why: str) -> None:
    (draft,), _ = read_crontab(line, "UTC", users=False)
    assert why in draft.refused


def test_a_mapped_command(found_in: FindIn, written: Callable[[str, str], Path]) -> None:
    file = written("tab", "0 5 13 * 5 /srv/report   --weekly\n0 6 * * * other\n")
    mappings = read_mappings(written("map.toml", MAP))
    found = found_in("crontab", file, mappings, timezone="Europe/Paris")
    schedule = found["line 1"].schedule
    assert schedule is not None
    assert schedule.trigger == Cron("0 5 13 * 5", "Europe/Paris")  # either of the days, as in cron
    assert (schedule.id, schedule.func, schedule.args, schedule.kwargs, schedule.queue_name) == (
        *("report", "shop.jobs.report", ("weekly",), {"to": "ops"}, "reports"),
    )
    assert (schedule.overlap, schedule.catchup, schedule.paused) == ("allow", "none", True)
    assert found["line 2"].unmapped
    assert "no function" in found["line 2"].refused


def test_the_mapping_file_of_the_page(written: Callable[[str, str], Path]) -> None:
    (block,) = re.findall(
        r"^```toml\n(.*?)^```", (ROOT / "docs" / "importing.md").read_text(), re.MULTILINE | re.DOTALL
    )
    mappings = read_mappings(written("map.toml", block))
    assert [*mappings.tasks.values()] == ["shop.tasks.report"]
    assert [called.func for called in mappings.commands.values()] == ["shop.tasks.clean_up", "shop.tasks.report"]


def test_a_mapped_task() -> None:
    mappings = Mappings({"shop.tasks.report": "shop.jobs.report"})
    names = [mappings.called(name, shell=False) for name in ("shop.tasks.report", "shop.tasks.other")]
    assert [each and each.func for each in names] == ["shop.jobs.report", "shop.tasks.other"]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("x", "cannot be read as TOML"),
        ("[task]\n", "did you mean 'tasks'?"),
        ("[commands]\n", "each command as [[commands]]"),
        ("[tasks]\na = 1\n", "tasks: 'a': func=1"),
        ("[tasks]\na = 'report'\n", "names no module"),
        ("[[commands]]\nfunc = 'a.b'\n", "command 1: command=None"),
        ("[[commands]]\ncommand = 'x'\n", "command 1: func=None"),
        ("[[commands]]\ncommand = 'x'\nfunc = 'a.b'\nid = 'a b'\n", "id='a b'"),
        ("[[commands]]\ncommand = 'x'\nfunc = 'a.b'\nqueue = 'b'\n", "did you mean 'queue_name'?"),
        ("[[commands]]\ncommand = 'x'\nfunc = 'a.b'\n[[commands]]\ncommand = ' x'\nfunc = 'a.b'\n", "there already"),
        ("[[commands]]\ncommand = 'x'\nfunc = 'a.b'\nargs = [2026-01-01]\n", "args[0]"),
        ("[[commands]]\ncommand = 'x'\nfunc = 'a.b'\nargs = 'x'\n", "args='x': give a list"),
    ],
)
def test_a_wrong_mapping_file_is_refused(written: Callable[[str, str], Path], text: str, why: str) -> None:
    with pytest.raises(InvalidArgument) as refused:
        read_mappings(written("map.toml", text))
    assert why in str(refused.value)
    assert "map.toml" in str(refused.value)
