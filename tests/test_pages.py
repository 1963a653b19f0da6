"""The pages: every link leads somewhere, an index page has none that cannot, and the README's unit can be enabled."""

import re
import tomllib
from pathlib import Path

import pytest

from support import ROOT

pytestmark = pytest.mark.once

PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
LINK = re.compile(r"\]\(([^)\s]+)\)|^\[[^\]]+\]:\s*(\S+)", re.MULTILINE)


def links(page: Path) -> list[str]:
    text = re.sub(r"```.*?```|`[^`\n]*`", "", page.read_text(), flags=re.DOTALL)
    return [inline or reference for inline, reference in LINK.findall(text)]


def anchors(page: Path) -> set[str]:
    """What a heading is linked by."""
    titles = re.findall(r"^#+ +(.*)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).strip().replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_to_a_page_and_a_heading_of_it(page: Path) -> None:
    for link in links(page):
        if re.match(r"[a-z]+:", link):
            assert link.startswith("https://"), link
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.is_file(), link
        assert not anchor or anchor in anchors(target), link


def test_the_page_of_an_index_has_no_link_that_needs_the_repository() -> None:
    readme = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["readme"]
    found = links(ROOT / readme)
    assert found
    assert all(link.startswith("https://") for link in found)


def test_no_message_proposes_to_install_what_the_index_has_under_this_name() -> None:
    for source in (ROOT / "src").rglob("*.py"):
        assert not re.search(r"pip install [\"']?rq-scheduler", source.read_text()), source


def test_the_unit_can_be_enabled() -> None:
    lines = (ROOT / "deploy/rqscheduler.service").read_text().splitlines()
    unit = "\n".join(line for line in lines if not line.startswith("#"))
    assert re.findall(r"^\[(\w+)\]$", unit, re.MULTILINE) == ["Unit", "Service", "Install"]
    assert "WantedBy=multi-user.target" in unit


def test_every_test_that_the_page_of_threats_names_is_there() -> None:
    named = re.findall(r"\b(?:test_\w+(?!\.py|\w)|Test[A-Z]\w+)", (ROOT / "docs/threats.md").read_text("utf-8"))
    written = "\n".join(path.read_text("utf-8") for path in (ROOT / "tests").rglob("*.py"))
    there = set(re.findall(r"(?:def|class) (\w+)", written)) | {path.stem for path in (ROOT / "tests").rglob("*.py")}
    assert len(named) > 40
    assert [name for name in named if name not in there] == []
