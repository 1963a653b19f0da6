"""The dashboard as a child of `dev` and `demo`: where it listens, and whether what it needs is installed."""

from __future__ import annotations

import socket
import sys
from importlib.util import find_spec

__all__ = ["HOW_TO_INSTALL", "choose_port", "is_installed", "web_command"]

PORT = 8080
HOW_TO_INSTALL = "pip install jinja2 starlette uvicorn"


def is_installed() -> bool:
    """Whether the extra [web] is."""
    return all(find_spec(name) is not None for name in ("jinja2", "starlette", "uvicorn"))


def choose_port() -> int:
    """The usual one, if it is free; else any."""
    for port in (PORT, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    return PORT


def web_command(url: str, port: int, *args: str) -> list[str]:
    """`rqscheduler web` in this interpreter, for this host alone."""
    bind = f"127.0.0.1:{port}"
    return [sys.executable, "-m", "rq_scheduler.cli", "web", "--url", url, "--bind", bind, "--auth", "none", *args]
