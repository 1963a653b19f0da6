"""People who are told: whatever apprise has an address for (https://github.com/caronc/apprise). Owns what apprise says
meanwhile: its log names addresses."""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from typing import Any
from urllib.parse import unquote, urlsplit

from rq_scheduler.alerts.receivers import Message
from rq_scheduler.errors import InvalidArgument, NotDelivered

__all__ = ["AppriseAddress", "secrets_of"]

_LONG = 16
"""Characters of a part of an address that hides a secret, if it has no digit in it."""

_SCHEME = re.compile(r"([A-Za-z0-9]{1,20})://")


class AppriseAddress:
    """Sends messages to one address of apprise. Raises InvalidArgument, which shows no more of the address than its
    scheme, for what apprise does not know, and where apprise is missing."""

    def __init__(self, url: str) -> None:
        try:
            import apprise
        except ModuleNotFoundError as error:
            raise InvalidArgument(f"url: {error.name} is missing, of the extra [alerts]: pip install apprise") from None
        self._format = apprise.NotifyFormat.TEXT
        with _silent():
            # Not an Apprise, which sends from threads that end only when they are done: a process would wait for them.
            kind: Any = apprise.Apprise  # its types are not complete
            plugin = kind.instantiate(url)
        if plugin is None:
            raise InvalidArgument(_no_address(url))
        self._plugin = plugin

    def __call__(self, message: Message) -> str:
        """What came of it. Raises NotDelivered, with what apprise says of it."""
        with _silent() as said:
            if not self._plugin.notify(body=message.text, title=message.title, body_format=self._format):
                raise NotDelivered(said[-1] if said else "apprise could not send it, and does not say why")
        return f"taken by {self._plugin.service_name}"


def secrets_of(url: str) -> Iterator[str]:
    """The address, and of its parts those that may be secrets: to hide each word of it would hide words of any text."""
    yield url
    try:
        parts = urlsplit(url)
        name, password, host = parts.username or "", parts.password, parts.hostname or ""
    except ValueError:
        return
    if password:
        yield password
        yield unquote(password)
    # Where others have a host, many services have a token.
    others = (name, "" if "." in host else parts.netloc.rpartition("@")[2], *parts.path.split("/"))
    query = (pair.partition("=")[2] for pair in parts.query.split("&"))
    for part in (*others, *query):
        if any(one.isdigit() for one in part) or len(part) >= _LONG:
            yield part
            yield unquote(part)


def _no_address(url: str) -> str:
    scheme = _SCHEME.match(url)
    if scheme is None:
        return "url is no address of apprise: those begin with a service, as in slack://... or mailto://..."
    known = _schemes()
    if scheme[1].lower() in known:
        return f"url is no whole address of {scheme[1]}://: apprise lacks a part of it, or cannot read it"
    near = get_close_matches(scheme[1].lower(), known, n=1)
    meant = f"did you mean {near[0]}://?" if near else "its documentation lists those there are"
    return f"url is of {scheme[1]}://, which apprise does not know; {meant}"


def _schemes() -> list[str]:
    """What addresses may begin with. Loads all that apprise knows, which takes seconds."""
    import apprise

    details: Any = apprise.Apprise().details()
    return sorted(
        {name for each in details["schemas"] for kind in ("protocols", "secure_protocols") for name in each[kind] or ()}
    )


class _Capture(logging.Filter):
    """Takes what apprise says in a thread of ours out of the logs, and keeps what may be an error."""

    def __init__(self) -> None:
        super().__init__()
        self._of_thread = threading.local()

    @contextmanager
    def capture(self) -> Generator[list[str]]:
        said: list[str] = []
        self._of_thread.said = said
        try:
            yield said
        finally:
            del self._of_thread.said

    def filter(self, record: logging.LogRecord) -> bool:
        said: list[str] | None = getattr(self._of_thread, "said", None)
        if said is not None and record.levelno >= logging.WARNING:
            said.append(record.getMessage())
        return said is None


_CAPTURE = _Capture()


@contextmanager
def _silent() -> Generator[list[str]]:
    logger = logging.getLogger("apprise")
    logger.addFilter(_CAPTURE)  # once, however often
    with _CAPTURE.capture() as said:
        yield said
