"""The headers of the Lua files, as far as a program reads them."""

import re

from rq_scheduler.store import scripts

NAMES = scripts.names()
SOURCES = {name: scripts.load(name).source for name in NAMES}


def header(name: str) -> str:
    lines = []
    for line in SOURCES[name].splitlines():
        if not line.startswith("--"):
            break
        lines.append(line.removeprefix("--").strip())
    return "\n".join(lines)


def section(name: str, word: str) -> str:
    """One part of a header: from its word to the next word of the same kind."""
    found = re.search(rf"^{word}\s+(.*?)(?=^(?:KEYS|ARGV|returns|keeps)|\Z)", header(name), re.DOTALL | re.MULTILINE)
    assert found, f"{name}.lua: its header has no {word!r}"
    return found[1].replace("\n", " ").strip()


def fixed_arguments(name: str) -> int:
    """How many arguments the header numbers, up to a part that repeats ("then ...")."""
    count = 0
    for number in re.findall(r"(?:^|, |,|and )(\d+) ", re.split(r"\bthen\b", section(name, "ARGV"))[0]):
        if int(number) == count + 1:
            count += 1
    return count


def takes(name: str, count: int) -> bool:
    """Whether the script takes so many arguments: those that are numbered, and, behind "then", any number; whole groups
    of them, where it says how many a group has."""
    described, count = section(name, "ARGV"), count - fixed_arguments(name)
    if not re.search(r"\bthen\b", described):
        return count == 0
    width = re.search(r"then (\d+) for each", described)
    return count >= 0 and (width is None or count % int(width[1]) == 0)
