"""`create_wsgi_app`: the same application for a WSGI server, to be mounted in Flask or Django. Needs a2wsgi."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from threading import Lock
from typing import Any, TypeAlias, cast

from rq_scheduler import Scheduler
from rq_scheduler.web.app import create_app
from rq_scheduler.web.settings import Settings

__all__ = ["create_wsgi_app"]

_WSGIApp: TypeAlias = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


def create_wsgi_app(scheduler: Scheduler, settings: Settings | None = None) -> _WSGIApp:
    """As `create_app`, for WSGI, which has no event stream: pages and programs ask for `GET /events` again and again.

    It is built when it is first asked in a process, since the loop that it runs in is a thread, and no thread lives on
    in a forked process (`gunicorn --preload`). Raises as `create_app` does, at once.
    """
    return _PerProcess(create_app(scheduler, settings))


class _PerProcess:
    def __init__(self, app: Any) -> None:
        self._app = app
        self._lock = Lock()
        self._built: tuple[int, _WSGIApp] | None = None
        os.register_at_fork(after_in_child=self._forget)

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        return self._of_this_process()(environ, start_response)

    def _of_this_process(self) -> _WSGIApp:
        with self._lock:
            if self._built is None or self._built[0] != os.getpid():
                from a2wsgi import ASGIMiddleware

                self._built = os.getpid(), cast("_WSGIApp", ASGIMiddleware(self._app))
            return self._built[1]

    def _forget(self) -> None:
        self._lock = Lock()  # whoever held it is not here
        self._built = None
