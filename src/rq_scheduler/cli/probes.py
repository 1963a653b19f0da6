"""A dispatcher's small HTTP server: `/health/live`, `/health/ready` and `/metrics`, from a thread of its own.

Knows paths and addresses; what is answered is asked of others, at each request.
"""

from __future__ import annotations

import socket
import sys
from collections.abc import Callable, Generator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from threading import Thread

import click

from rq_scheduler.dispatcher.liveness import Liveness
from rq_scheduler.log import log

__all__ = ["Page", "Pages", "health_pages", "serving"]

_PATIENCE = 10
"""Seconds for a client to send its request."""


@dataclass(frozen=True, slots=True)
class Page:
    """One answer. `text` ends with a line break."""

    status: int
    text: bytes
    content_type: str = "text/plain; charset=utf-8"


Pages = Mapping[str, Callable[[], Page]]
Address = tuple[str, int]


def health_pages(liveness: Liveness) -> Pages:
    """What probes ask of a dispatcher: 200, or 503, and why in a sentence."""

    def answer(is_well: bool) -> Page:
        return Page(200 if is_well else 503, f"{liveness.sentence}\n".encode())

    return {"/health/live": lambda: answer(liveness.is_alive), "/health/ready": lambda: answer(liveness.is_ready)}


@contextmanager
def serving(pages: Mapping[Address, Pages]) -> Generator[None]:
    """Serves these pages at their addresses, until the block ends. Raises a click error where one is taken."""
    with ExitStack() as stack:
        for address, of_address in pages.items():
            try:
                server = _Server(address, _handler(of_address))
            except OSError as error:
                host, port = address
                raise click.ClickException(
                    f"cannot listen on {host}:{port} ({error.strerror}): give another --health-port or --metrics-port."
                ) from None
            stack.callback(server.server_close)
            stack.callback(server.shutdown)
            Thread(target=server.serve_forever, name=f"http-{address[1]}", daemon=True).start()
        yield


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, address: Address, handler: type[BaseHTTPRequestHandler]) -> None:
        if ":" in address[0]:
            self.address_family = socket.AF_INET6
        super().__init__(address, handler)

    def server_bind(self) -> None:
        """Does not look for this host's name, as HTTPServer does: where no DNS answers, the start would wait."""
        TCPServer.server_bind(self)

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that goes away is no news. What is wrong with a page is told, and ends no more than its answer."""
        error = sys.exception()
        if not isinstance(error, OSError):
            log.warning("A page could not be made: %s", error, extra={"action": "page_failed"})


def _handler(pages: Pages) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = _PATIENCE
        server_version = "rqscheduler"
        sys_version = ""

        def do_GET(self) -> None:
            self._answer(is_head=False)

        def do_HEAD(self) -> None:
            self._answer(is_head=True)

        def _answer(self, *, is_head: bool) -> None:
            make = pages.get(self.path.partition("?")[0])
            others = f"nothing is here; there are: {' '.join(pages)}\n"
            page = Page(404, others.encode()) if make is None else make()
            self.send_response(page.status)
            self.send_header("content-type", page.content_type)
            self.send_header("content-length", str(len(page.text)))
            self.send_header("cache-control", "no-store")
            self.end_headers()
            if not is_head:
                self.wfile.write(page.text)

        def log_message(self, format: str, *args: object) -> None:
            """Nothing: a probe a second is no news."""

    return Handler
