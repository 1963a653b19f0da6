"""The name of this host's zone, from whatever says it; and what is said where nothing does."""

from __future__ import annotations

import shutil
import zoneinfo
from collections.abc import Callable
from pathlib import Path

import pytest

from rq_scheduler import host
from rq_scheduler.host import host_zone, unnamed_zone

pytestmark = pytest.mark.once

ZONES = next(Path(root) for root in zoneinfo.TZPATH if Path(root, "Europe/Paris").is_file())


HostIn = Callable[[str], None]


def read() -> tuple[str, str | None]:
    host._name.cache_clear()
    return host_zone(), unnamed_zone()


@pytest.mark.parametrize(
    ("variable", "name"),
    [
        ("Europe/Paris", "Europe/Paris"),
        (":Europe/Paris", "Europe/Paris"),
        (str(ZONES / "Asia/Tokyo"), "Asia/Tokyo"),
        ("posix/Asia/Tokyo", "Asia/Tokyo"),
        ("EST5EDT", "EST5EDT"),
        ("", "UTC"),
        (":", "UTC"),
        ("UTC", "UTC"),
        ("UTC0", "UTC"),
        ("GMT", "UTC"),
        ("Etc/UTC", "UTC"),
        ("XXX-2", "Etc/GMT-2"),
        ("<-03>3", "Etc/GMT+3"),
        ("Nowhere/Land", "UTC"),  # the C library takes it for UTC too
    ],
)
def test_the_zone_of_the_tz_variable(host_in: HostIn, variable: str, name: str) -> None:
    host_in(variable)
    assert read() == (name, None)


@pytest.mark.parametrize("colon", ["", ":"])
def test_a_file_that_the_tz_variable_names(host_in: HostIn, tmp_path: Path, colon: str) -> None:
    link, copy, link_of_link = tmp_path / "link", tmp_path / "copy", tmp_path / "other"
    link.symlink_to(ZONES / "America/Lima")
    link_of_link.symlink_to(link)
    shutil.copy(ZONES / "Asia/Kathmandu", copy)
    host_in(f"{colon}{link}")
    assert read() == ("America/Lima", None)
    host_in(f"{colon}{link_of_link}")
    assert read() == ("America/Lima", None)
    # Katmandu is its other name.
    host_in(f"{colon}{copy}")
    assert read() in (("Asia/Kathmandu", None), ("Asia/Katmandu", None))
    host_in(f"{colon}{tmp_path}")
    assert read() == ("UTC", None)


@pytest.mark.parametrize(
    "variable",
    ["CET-1CEST,M3.5.0,M10.5.0/3", "CET-1CEST", "GMT0BST,M3.5.0/1,M10.5.0", "IST-5:30", "<+0545>-5:45",
     "EST5EDT4,M3.2.0,M11.1.0"],
)  # fmt: skip
def test_a_rule_without_a_name_is_told(host_in: HostIn, variable: str) -> None:
    host_in(variable)
    name, said = read()
    assert name == "UTC"
    assert said is not None
    assert said.startswith(f"this host's zone, TZ={variable!r}, now UTC")
    assert said.endswith("has no IANA name")


def zone_of(etc: Path) -> str | None:
    host._name.cache_clear()
    return host._name(None, etc)


def test_the_zone_of_a_hosts_files(tmp_path: Path) -> None:
    def made(name: str, link: str = "", copy: str = "", text: str = "") -> str | None:
        etc = tmp_path / name
        etc.mkdir()
        if link:
            (etc / "localtime").symlink_to(link)
        if copy:
            shutil.copy(ZONES / copy, etc / "localtime")
        if text:
            (etc / "timezone").write_text(text)
        return zone_of(etc)

    assert made("link", link=f"{ZONES}/America/Lima") == "America/Lima"
    assert made("relative", link="../usr/share/zoneinfo/Europe/Paris") == "Europe/Paris"
    assert made("text", text="Asia/Kolkata\n") == "Asia/Kolkata"
    assert made("both", link=f"{ZONES}/America/Lima", text="Asia/Kolkata") == "America/Lima"
    assert made("copy", copy="America/Lima") == "America/Lima"
    # Of the names of one zone, the one that is written down; what the clock goes by wins.
    assert made("copy-and-name", copy="Europe/Paris", text="Europe/Paris") == "Europe/Paris"
    assert made("copy-and-other", copy="America/Lima", text="Asia/Kolkata") == "America/Lima"
    assert made("utc", copy="Etc/UTC") == "UTC"


def test_files_that_say_nothing_leave_the_offset(host_in: HostIn, tmp_path: Path) -> None:
    (tmp_path / "timezone").write_text("Nowhere/Land")
    (tmp_path / "localtime").symlink_to("/dev/null")
    for variable, name in (("UTC", "UTC"), ("XXX-2", "Etc/GMT-2"), ("CET-1CEST,M3.5.0,M10.5.0/3", None)):
        host_in(variable)
        assert zone_of(tmp_path) == name
