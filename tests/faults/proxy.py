"""A network that can be broken at a point: a TCP proxy on loopback that knows where one Redis command ends.

Each command of its clients is a point, also in a pipeline or a MULTI. It is forwarded alone, and the next one of its
connection not before the reply has gone back, so that "before the n-th" and "after the server has done the n-th, before
the reply" are exact.
"""

import asyncio
import socket
import struct
import threading
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, Self
from urllib.parse import urlsplit

from support import PATIENCE

Side = Literal["before", "after"]
SIDES: tuple[Side, Side] = ("before", "after")

HANDSHAKE = frozenset({"HELLO", "AUTH", "CLIENT", "SELECT", "READONLY"})
"""What client libraries say by themselves on a new connection: no points, so that a count repeats."""

_SUBSCRIPTIONS = frozenset({"SUBSCRIBE", "PSUBSCRIBE", "SSUBSCRIBE", "UNSUBSCRIBE", "PUNSUBSCRIBE", "SUNSUBSCRIBE"})
_LINES, _BULKS, _ARRAYS, _MAPS = b"+-:,#(_", b"$=!", b"*~>", b"%|"


class Command(NamedTuple):
    """One command as a client sent it: its name in capitals, and its first argument."""

    name: str
    argument: str


@dataclass
class Hold:
    """A command that the proxy keeps: a client that is frozen there, until `release`."""

    reached: threading.Event = field(default_factory=threading.Event)
    _released: threading.Event = field(default_factory=threading.Event)

    def release(self) -> None:
        """Lets it go on."""
        self._released.set()

    @property
    def released(self) -> bool:
        return self._released.is_set()


@dataclass
class _Plan:
    """What happens at the n-th command from now."""

    at: int
    side: Side
    hold: Hold | None = None
    for_good: bool = False
    reset: bool = True
    then: Callable[[], None] = lambda: None


class _Cut(Exception):  # noqa: N818  no error: it was planned
    """This connection ends here."""


class Proxy:
    """`with Proxy(server.url) as proxy:` and clients of `proxy.url`.

    `commands` are those seen since the last `forget()`, without `ignored` ones, nor what a transaction queues if
    `whole_transactions` is set; `latency` is the seconds that each command and each reply takes. A plan (`cut`, `hold`)
    counts from when it is made, is carried out once, and replaces the one before.
    """

    def __init__(self, target: str, *, ignored: frozenset[str] = HANDSHAKE) -> None:
        parts = urlsplit(target)
        self._target = parts.hostname or "127.0.0.1", parts.port or 6379
        self._parts = parts
        self._ignored = ignored
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)
        self._server: asyncio.Server | None = None
        self._links: set[_Link] = set()
        self._port = 0
        self._plan: _Plan | None = None
        self.latency = 0.0
        self.whole_transactions = False
        self.commands: list[Command] = []

    @property
    def url(self) -> str:
        """Where clients connect: the target's URL with another address."""
        user, _, _ = self._parts.netloc.rpartition("@")
        netloc = f"{user}@127.0.0.1:{self._port}" if user else f"127.0.0.1:{self._port}"
        return self._parts._replace(netloc=netloc).geturl()

    # What can go wrong

    def cut(
        self,
        at: int,
        side: Side = "before",
        *,
        reset: bool = True,
        for_good: bool = False,
        then: Callable[[], None] = lambda: None,
    ) -> None:
        """Ends the connection of the `at`-th command from now (1: the next), before the server has it, or after it has
        done it and before the reply. `reset` is RST, else FIN; `for_good` refuses all others too, as for a client that
        has died: until `accept`. `then` is called at that moment, in the proxy's thread."""
        self._plan = _Plan(at, side, for_good=for_good, reset=reset, then=then)

    def hold(self, at: int, side: Side = "before") -> Hold:
        """Keeps the `at`-th command from now, or its reply, until the hold is released. Others go on."""
        hold = Hold()
        self._plan = _Plan(at, side, hold=hold)
        return hold

    @property
    def carried_out(self) -> bool:
        """Whether the last plan has come to pass."""
        return self._plan is None

    def call_off(self) -> None:
        """No plan any more."""
        self._plan = None

    def reset_all(self) -> None:
        """RST on every connection there is now."""
        self._do(self._end_all())

    def refuse(self) -> None:
        """New connections are refused; those there are stay."""
        self._do(self._close_server())

    def accept(self) -> None:
        """New connections are taken again, at the same address."""
        self._do(self._open_server())

    def forget(self) -> None:
        """Begins to count anew."""
        self.commands = []

    # Life

    def __enter__(self) -> Self:
        self._thread.start()
        self.accept()
        return self

    def __exit__(self, *_: object) -> None:
        self._plan = None
        self.refuse()
        self.reset_all()
        self._do(self._settle())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(PATIENCE)
        self._loop.close()

    def _do(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(PATIENCE)

    async def _open_server(self) -> None:
        if self._server is None:
            # By hand, since start_server would listen on another port after a refusal.
            listening = socket.socket()
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.bind(("127.0.0.1", self._port))
            self._port = listening.getsockname()[1]
            self._server = await asyncio.start_server(self._serve, sock=listening, limit=2**30)

    async def _close_server(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None

    async def _end_all(self) -> None:
        for link in list(self._links):
            link.end(reset=True)

    async def _settle(self) -> None:
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    # One connection

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        _send_at_once(writer)
        try:
            server_reader, server_writer = await asyncio.open_connection(*self._target, limit=2**30)
        except OSError:
            _reset(writer)
            return
        _send_at_once(server_writer)
        link = _Link(reader, writer, server_reader, server_writer)
        self._links.add(link)
        replies = asyncio.ensure_future(link.forward_replies(lambda: self.latency))
        try:
            while True:
                name, argument, data = await _read_command(reader)
                await self._pass_on(link, Command(name, argument), data)
        except (_Cut, OSError, EOFError, asyncio.CancelledError):
            pass
        finally:
            link.end()
            self._links.discard(link)
            replies.cancel()
            with suppress(asyncio.CancelledError, OSError, EOFError):
                await replies

    async def _pass_on(self, link: "_Link", command: Command, data: bytes) -> None:
        queued = link.queues(command.name)
        plan = None if queued and self.whole_transactions else self._count(command)
        if plan is not None and plan.side == "before":
            await self._carry_out(plan, link)
        if self.latency:
            await asyncio.sleep(self.latency)
        reply = await link.ask(data, subscribes=command.name in _SUBSCRIPTIONS)
        if plan is not None and plan.side == "after":
            await self._carry_out(plan, link)
        link.answer(reply)

    def _count(self, command: Command) -> _Plan | None:
        """The plan, if this is the command that it waits for."""
        if command.name in self._ignored:
            return None
        self.commands.append(command)
        plan = self._plan
        if plan is None:
            return None
        plan.at -= 1
        if plan.at > 0:
            return None
        self._plan = None
        return plan

    async def _carry_out(self, plan: _Plan, link: "_Link") -> None:
        if plan.hold is not None:
            plan.hold.reached.set()
            while not plan.hold.released:
                await asyncio.sleep(0.005)  # the thread that tests needs the processor
            return
        plan.then()
        if plan.for_good:
            await self._close_server()
            await self._end_all()
        link.end(reset=plan.reset)
        raise _Cut


@dataclass(eq=False)
class _Link:
    """A client's connection and the one to the server that stands for it."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    server_reader: asyncio.StreamReader
    server_writer: asyncio.StreamWriter
    subscribed: bool = False
    transaction: bool = False
    wanted: "asyncio.Future[bytes] | None" = None
    answered: asyncio.Event = field(default_factory=asyncio.Event)

    def queues(self, name: str) -> bool:
        """Whether the server does nothing with the next command, which has this name, until EXEC."""
        queued = self.transaction and name not in ("EXEC", "DISCARD")
        self.transaction = queued or name == "MULTI"
        return queued

    async def ask(self, data: bytes, *, subscribes: bool) -> bytes:
        """Sends a command and returns its reply."""
        self.subscribed = self.subscribed or subscribes
        self.wanted = asyncio.get_running_loop().create_future()
        self.answered.clear()
        self.server_writer.write(data)
        await self.server_writer.drain()
        return await self.wanted

    def answer(self, reply: bytes) -> None:
        """Lets the client have it."""
        self.writer.write(reply)
        self.answered.set()

    async def forward_replies(self, latency: Callable[[], float]) -> None:
        """Reads all that the server says; what no command waits for goes to the client as it comes."""
        try:
            while True:
                frame = await _read_reply(self.server_reader)
                if seconds := latency():
                    await asyncio.sleep(seconds)
                pushed = frame[:1] == b">" and not self.subscribed
                if self.wanted is None or self.wanted.done() or pushed:
                    self.writer.write(frame)
                else:
                    self.wanted.set_result(frame)
                    await self.answered.wait()  # what follows must not overtake it
        except (OSError, EOFError):
            self.end()
            if self.wanted is not None and not self.wanted.done():
                self.wanted.set_exception(EOFError())

    def end(self, *, reset: bool = False) -> None:
        for writer in (self.writer, self.server_writer):
            if reset:
                _reset(writer)
            else:
                writer.close()


def _reset(writer: asyncio.StreamWriter) -> None:
    """RST, so that the other side learns of it now and not from its next read."""
    connection = writer.get_extra_info("socket")
    if connection is not None and not writer.is_closing():
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


def _send_at_once(writer: asyncio.StreamWriter) -> None:
    writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


# The protocol


async def _line(reader: asyncio.StreamReader) -> bytes:
    return await reader.readuntil(b"\r\n")


async def _read_command(reader: asyncio.StreamReader) -> tuple[str, str, bytes]:
    """Name, first argument and bytes of one request, which is an array of bulk strings."""
    head = await _line(reader)
    if head[:1] != b"*":
        raise EOFError(f"an inline command, or no Redis client at all: {head[:40]!r}")
    parts, words = [head], []
    for _ in range(int(head[1:])):
        length = await _line(reader)
        word = await reader.readexactly(int(length[1:]) + 2)
        parts += [length, word]
        words.append(word)
    texts = [word[:-2].decode("utf-8", "replace") for word in words[:2]]
    return texts[0].upper(), texts[1] if len(texts) > 1 else "", b"".join(parts)


async def _read_reply(reader: asyncio.StreamReader) -> bytes:
    """One reply of any type of RESP2 or RESP3, whole."""
    head = await _line(reader)
    kind = head[:1]
    if kind in _LINES:
        return head
    size = int(head[1:])
    if size < 0:
        return head
    if kind in _BULKS:
        return head + await reader.readexactly(size + 2)
    if kind not in _ARRAYS and kind not in _MAPS:
        raise EOFError(f"no reply of Redis: {head[:40]!r}")
    parts = [head]
    for _ in range(size * (2 if kind in _MAPS else 1)):
        parts.append(await _read_reply(reader))  # noqa: PERF401  one after the other
    if kind == b"|":  # attributes stand before the reply that they are about
        parts.append(await _read_reply(reader))
    return b"".join(parts)
