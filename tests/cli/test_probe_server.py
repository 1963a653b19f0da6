"""The small HTTP server of a dispatcher, in this process: what clients do to it, and what it says of that."""

import logging
import socket
import struct
import urllib.request

import click
import pytest

from rq_scheduler.cli.probes import Page, serving
from support import wait_until

pytestmark = pytest.mark.once


def free_port(family: int, host: str) -> int:
    with socket.socket(family) as one:
        one.bind((host, 0))
        return one.getsockname()[1]


def read(host: str, port: int, path: str = "/x") -> bytes:
    with urllib.request.urlopen(f"http://{host}:{port}{path}", timeout=10) as answer:
        return answer.read()


def test_a_client_that_goes_away_is_no_news(capfd: pytest.CaptureFixture[str]) -> None:
    port = free_port(socket.AF_INET, "127.0.0.1")
    asked: list[int] = []

    def page() -> Page:
        asked.append(1)
        raise ConnectionResetError("the client has gone")

    with serving({("127.0.0.1", port): {"/x": lambda: Page(200, b"ok\n"), "/gone": page}}):
        for line in (b"GET /x HTTP/1.0\r\n", b"GET /gone HTTP/1.0\r\n\r\n"):
            client = socket.create_connection(("127.0.0.1", port))
            client.sendall(line)
            if b"gone" in line:
                wait_until(lambda: asked)
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            client.close()
        assert read("127.0.0.1", port) == b"ok\n"
    assert capfd.readouterr().err == ""


def test_a_page_that_cannot_be_made_is_told_in_a_line(
    capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    port = free_port(socket.AF_INET, "127.0.0.1")

    def page() -> Page:
        raise ValueError("no such figure")

    with caplog.at_level(logging.WARNING), serving({("127.0.0.1", port): {"/x": page}}):
        with pytest.raises(OSError):
            read("127.0.0.1", port)
        wait_until(lambda: caplog.messages)
    assert caplog.messages == ["A page could not be made: no such figure"]
    assert "Traceback" not in capfd.readouterr().err


def test_an_address_of_ipv6() -> None:
    try:
        port = free_port(socket.AF_INET6, "::1")
    except OSError:  # a host without IPv6 is told so
        with pytest.raises(click.ClickException, match="cannot listen"), serving({("::1", 9): {}}):
            pass
        return
    with serving({("::1", port): {"/x": lambda: Page(200, b"ok\n")}}):
        assert read("[::1]", port) == b"ok\n"
