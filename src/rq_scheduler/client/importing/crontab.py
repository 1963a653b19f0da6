"""A crontab: what `crontab -l` prints, or a file with users, such as /etc/crontab. Pure: text in, drafts out.

The times are those of Debian's cron, which our `Cron` has too. `CRON_TZ` sets the zone of the lines below it, as
cronie has it; `TZ` is only for the commands.
"""

from __future__ import annotations

import re
from typing import Final

from rq_scheduler.client.importing.draft import Draft, NotCarried, drafted
from rq_scheduler.triggers import Cron

__all__ = ["read_crontab"]

_VARIABLE: Final = re.compile(r"""\s*(?:"([^"]+)"|'([^']+)'|(\w+))\s*=\s*(.*)""", re.DOTALL)
_BOOT: Final = "it runs when the host starts, and a dispatcher knows no such moment; systemd does"


def read_crontab(text: str, timezone: str, *, users: bool) -> tuple[list[Draft], list[str]]:
    """The entries, each named by its line; and what is said of the whole file. `users`: a user stands before each
    command. timezone: of the host that cron runs on."""
    drafts: list[Draft] = []
    variables: list[str] = []
    zone = timezone
    for number, line in enumerate(text.split("\n"), start=1):  # nothing else ends a line of cron
        stripped = line.strip()
        if not stripped or stripped.startswith("#"):
            continue
        variable = _VARIABLE.fullmatch(line)
        if variable is None:
            name = f"line {number}"
            drafts.append(drafted(name, lambda draft, line=stripped, zone=zone: _fill(draft, line, zone, users=users)))
        elif (name := next(filter(None, variable.groups()))) == "CRON_TZ":
            zone = _unquoted(variable[4]) or timezone
        else:
            variables.append(name)
    remarks: list[str] = []
    if variables:
        named = ", ".join(dict.fromkeys(variables))
        remarks.append(f"{named}: for the commands of cron; workers have an environment of their own")
    if zone != timezone:
        remarks.append("CRON_TZ is followed, as cronie does; Debian's cron passes over it")
    return drafts, remarks


def _fill(draft: Draft, line: str, zone: str, *, users: bool) -> None:
    draft.shell = True
    line = line.removeprefix("-")  # cronie's: do not log
    times, rest = _split(line, 1 if line.startswith("@") else 5)
    draft.when = f"{times}{'' if zone == 'UTC' else f' in {zone}'}"
    if users:
        user, rest = _split(rest, 1)
        draft.notes.append(f"it runs as {user}; workers run as whoever starts them")
    draft.task, standard_input = _command(rest)
    if not draft.task:
        raise NotCarried("it has no command")
    if standard_input:
        draft.lost.append("what stands behind % is standard input, which no function gets; pass it as an argument")
    if times.lower() == "@reboot":
        raise NotCarried(_BOOT)
    # cron makes up for nothing, and never looks at the last run.
    draft.options.update(overlap="allow", catchup="none")
    trigger = Cron(times, zone)
    draft.trigger, draft.instants, draft.zone = trigger, trigger.after, zone


def _split(text: str, count: int) -> tuple[str, str]:
    """So many words, and what follows them."""
    words = text.split(None, count)
    return " ".join(words[:count]), words[count] if len(words) > count else ""


def _command(text: str) -> tuple[str, str]:
    """The command, and what the first % that has no backslash cuts off: each further % is a new line there."""
    command, *rest = re.split(r"(?<!\\)%", text)
    return command.replace("\\%", "%").strip(), "\n".join(rest)


def _unquoted(text: str) -> str:
    text = text.strip()
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'" else text
