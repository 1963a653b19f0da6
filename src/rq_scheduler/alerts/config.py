"""The TOML in which receivers are named (docs/alerts.md): from files and from environment variables. Owns its form, and
errors that show no address and no secret."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from difflib import get_close_matches
from pathlib import Path
from typing import Any, cast

from rq_scheduler.alerts.alerts import Alerts
from rq_scheduler.alerts.apprise_url import AppriseAddress, secrets_of
from rq_scheduler.alerts.receivers import Receiver, mask
from rq_scheduler.alerts.webhook import Webhook
from rq_scheduler.clock import US, duration_us
from rq_scheduler.errors import InvalidArgument, InvalidType, SchedulerError, kind_of

__all__ = ["load_alerts", "read_alerts"]

_TOP = ("site", "timezone", "receivers")
_OPTIONS = ("kinds", "window", "max_per_hour", "timeout")
_FIELDS = ("url", "webhook", "secret", *_OPTIONS)
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_LARGEST = 1_000_000


def load_alerts(*names: str, environment: Mapping[str, str] = os.environ) -> Alerts:
    """The alerts that files, or environment variables which hold what such a file does, name together.

    Raises InvalidArgument or InvalidType, which name the source, the receiver and the field, and show no secret.
    """
    if not names:
        raise InvalidArgument("no file is named")
    return read_alerts([(_shown(name), _source(name, environment)) for name in names], environment)


def read_alerts(sources: Sequence[tuple[str, str]], environment: Mapping[str, str] = os.environ) -> Alerts:
    """The same from texts, each with the name of where it is from."""
    receivers: list[Receiver] = []
    said: dict[str, str] = {}
    for name, text in sources:
        with _naming(name):
            document = _parsed(text)
            _check_names(document, _TOP, "the file")
            for field in ("site", "timezone"):
                if field in document:
                    value = _text(document[field], field)
                    if said.setdefault(field, value) != value:
                        raise InvalidArgument(f"{field} is another than in the file before: give one for all")
            named = _table(document.get("receivers", {}), "receivers")
            if not named:
                raise InvalidArgument("no receiver is named: write [receivers.NAME] and, below it, url or webhook")
            for each, fields in named.items():
                with _naming(f"receivers.{each:.64}"):
                    receivers.append(_receiver(each, _table(fields, "it"), environment))
    with _naming(", ".join(name for name, _ in sources)):
        return Alerts(receivers, site=said.get("site", ""), timezone=said.get("timezone"))


def _receiver(name: str, fields: Mapping[str, Any], environment: Mapping[str, str]) -> Receiver:
    _check_names(fields, _FIELDS, "a receiver")
    if ("url" in fields) == ("webhook" in fields):
        both = "both url and webhook" if "url" in fields else "neither url nor webhook"
        raise InvalidArgument(f"there is {both}: give url, for what apprise has an address for, or webhook")
    options = {field: fields[field] for field in _OPTIONS if field in fields}
    Receiver(name=name, send=_nowhere, **options)  # before libraries are imported, and addresses read
    if "url" in fields:
        if "secret" in fields:
            raise InvalidArgument("secret goes with webhook: an address of apprise has its own in it")
        url = _secret(fields["url"], "url", environment)
        return Receiver(name=name, send=AppriseAddress(url), secrets=secrets_of(url), **options)
    if "secret" not in fields:
        raise InvalidArgument("secret is missing, with which what is sent to a webhook is signed")
    url, secret = (_secret(fields[field], field, environment) for field in ("webhook", "secret"))
    timeout = duration_us(options.get("timeout", 10), "timeout") / US
    hidden = (*secrets_of(url), secret, secret.removeprefix("whsec_"))
    return Receiver(name=name, send=Webhook(url, secret, timeout), secrets=hidden, **options)


def _nowhere(_: object) -> None: ...


def _source(name: str, environment: Mapping[str, str]) -> str:
    if "://" in name:
        raise InvalidArgument(
            "an address itself stands there, which everybody sees in the list of processes: write it into a file, or "
            "into an environment variable, and name that"
        )
    try:
        file = Path(name).expanduser()
        if file.is_file():
            if file.stat().st_size > _LARGEST:
                raise InvalidArgument(f"{_shown(name)} is larger than a megabyte, and so no file of receivers")
            return file.read_text(encoding="utf-8")
    except RuntimeError:
        raise InvalidArgument(f"there is nobody of whom {_shown(name)} could be in the home directory") from None
    except (OSError, UnicodeDecodeError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no text in UTF-8"
        raise InvalidArgument(f"{_shown(name)} cannot be read: {reason}") from None
    if name in environment:
        return environment[name]
    what = "no file and no environment variable" if _VARIABLE.fullmatch(name) else "no file"
    raise InvalidArgument(f"there is {what} of the name {_shown(name)}")


def _shown(name: str) -> str:
    """A name; not what a file holds, or a secret, given in its place."""
    if "\n" in name or len(name) > 200 or "whsec_" in name:
        return "that was given (it is not shown: it looks like what stands in such a file)"
    return name


def _parsed(text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        # Its text may quote what stands there; where it stands is enough.
        place = re.search(r"\(at .*\)$", str(error))
        raise InvalidArgument(f"it is no TOML {place[0] if place else ''}".rstrip()) from None


def _secret(given: Any, field: str, environment: Mapping[str, str]) -> str:
    """Text, or `{ env = "NAME" }`. Never shown in an error."""
    if isinstance(given, dict):
        table = cast("dict[str, Any]", given)
        if list(table) != ["env"] or not isinstance(table["env"], str):
            raise InvalidArgument(f'{field} is a table: give text, or {{ env = "NAME" }}, where the environment has it')
        name: str = table["env"]
        if not environment.get(name):
            shown = repr(name) if _VARIABLE.fullmatch(name) else "of this name"
            raise InvalidArgument(f"{field}: the environment has no variable {shown}, or an empty one")
        return environment[name].strip()
    if not isinstance(given, str):
        raise InvalidType(f'{field} is {kind_of(given)}: give text, or {{ env = "NAME" }}')
    if not given.strip():
        raise InvalidArgument(f"{field} is empty")
    return given.strip()


def _text(given: Any, field: str) -> str:
    if not isinstance(given, str):
        raise InvalidType(f"{field} is {kind_of(given)}: give text")
    return given


def _table(given: Any, field: str) -> dict[str, Any]:
    if not isinstance(given, dict):
        raise InvalidType(f"{field} is {kind_of(given)}: give a table, as [receivers.NAME] begins one")
    return cast("dict[str, Any]", given)


def _check_names(given: Mapping[str, Any], known: tuple[str, ...], where: str) -> None:
    for name in given:
        if name not in known:
            near = get_close_matches(name, known, n=1)
            meant = f"did you mean {near[0]!r}?" if near else f"there may be {', '.join(known)}"
            raise InvalidArgument(f"{where} has a field {mask(repr(name), ()):.64}, which means nothing here; {meant}")


@contextmanager
def _naming(where: str) -> Generator[None]:
    try:
        yield
    except SchedulerError as error:
        kind = InvalidType if isinstance(error, InvalidType) else InvalidArgument
        raise kind(f"{where}: {error}") from None
