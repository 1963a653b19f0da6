"""A receiver of alerts: an HTTP server in a thread, which remembers what it is sent, and answers as a test says."""

import base64
import io
import json
import threading
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from standardwebhooks.webhooks import Webhook

SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()


@dataclass(frozen=True)
class Post:
    """What came: headers, body, and how it was answered."""

    headers: dict[str, str]
    body: bytes
    status: int

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def data(self) -> dict[str, Any]:
        """Of a webhook, whose signature the library of the standard verifies."""
        return Webhook(SECRET).verify(self.body, self.headers)["data"]


class Inbox:
    """`status` is what it answers; `before` is called with each request before it answers; `hang()` until `go_on()`."""

    def __init__(self, port: int = 0) -> None:
        self.status = 200
        self.moved_to = ""
        self.before: Callable[[], object] = lambda: None
        self.posts: list[Post] = []
        self._may_answer = threading.Event()
        self._may_answer.set()
        self.port = port
        self._server: ThreadingHTTPServer | None = None

    def __enter__(self) -> Self:
        inbox = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                status = inbox.status
                inbox.posts.append(Post(headers, body, status))
                inbox.before()
                inbox._may_answer.wait()
                self.send_response(status)
                self.send_header("content-length", "0")
                if inbox.moved_to:
                    self.send_header("location", inbox.moved_to)
                self.end_headers()

            def do_GET(self) -> None:  # as which a POST is redirected
                self.rfile = io.BytesIO()
                self.headers["content-length"] = "0"
                self.do_POST()

            def log_message(self, *_: Any) -> None: ...

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            block_on_close = False

            def handle_error(self, *_: Any) -> None: ...  # who asked is gone

        self._server = Server(("127.0.0.1", self.port), Handler)
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._may_answer.set()
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hooks/rq"

    @property
    def taken(self) -> list[Post]:
        """What was answered well."""
        return [post for post in self.posts if post.status == 200]

    def hang(self) -> None:
        self._may_answer.clear()

    def go_on(self) -> None:
        self._may_answer.set()

    def toml(self, name: str = "programs", **options: Any) -> str:
        """A file that names it as a webhook."""
        lines = [f"{key} = {json.dumps(value)}" for key, value in {"window": 0, **options}.items()]
        return "\n".join([f"[receivers.{name}]", f'webhook = "{self.url}"', f'secret = "{SECRET}"', *lines, ""])
