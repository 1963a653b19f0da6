"""Visitors of a web process: requests paced by the clock, on connections that stay open, and watchers of the event
stream. Needs the standard library only, and little time, so that it is not itself what is measured."""

import asyncio
import threading

from protocol import serve

HOST = "127.0.0.1"


class Connection(asyncio.Protocol):
    """One connection, with one request at a time."""

    def connection_made(self, transport):
        self.transport = transport
        self.received, self.answered = b"", None

    def data_received(self, data):
        self.received += data
        head, found, body = self.received.partition(b"\r\n\r\n")
        if found and len(body) >= length_of(head):
            self.received = b""
            self.answered.set_result(int(head[9:12]))

    def connection_lost(self, error):
        if self.answered is not None and not self.answered.done():
            self.answered.set_exception(ConnectionError("the server hung up"))

    async def ask(self, request):
        """The status of its answer."""
        if self.transport.is_closing():
            raise ConnectionError("the server hung up")
        self.answered = asyncio.get_running_loop().create_future()
        self.transport.write(request)
        return await self.answered


def length_of(head):
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return int(line[15:])
    raise ValueError("an answer without content-length")


def request_of(path, token):
    return f"GET {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n\r\n".encode()


def visit(port, token, paths, rate, seconds, connections):
    """So many requests a second. Milliseconds of each, from when it was to be sent: one that waits for a connection is
    late, too. And how many there were of each status, and in how many seconds they were answered."""
    return asyncio.run(visiting(port, token, paths, rate, seconds, connections))


async def visiting(port, token, paths, rate, seconds, connections):
    loop = asyncio.get_running_loop()
    free = asyncio.Queue()  # in turn: the server hangs up on a connection that nobody used for five seconds
    for _ in range(connections):
        free.put_nowait((await loop.create_connection(Connection, HOST, port))[1])
    requests = [request_of(path, token) for path in paths]
    statuses, milliseconds = {}, []
    start = loop.time() + 0.1

    async def one(number, connection):
        status = await connection.ask(requests[number % len(requests)])
        milliseconds.append((loop.time() - start - number / rate) * 1000)
        statuses[status] = statuses.get(status, 0) + 1
        free.put_nowait(connection)

    under_way = []
    for number in range(rate * seconds):
        left = start + number / rate - loop.time()
        if left > 0:
            await asyncio.sleep(left)
        under_way.append(asyncio.create_task(one(number, await free.get())))
    await asyncio.gather(*under_way)
    return {"milliseconds": milliseconds, "statuses": statuses, "seconds": loop.time() - start}


class Watchers:
    """Watchers of the event stream, in a thread of their own."""

    def watch(self, port, token, number):
        """Returns when so many watch."""
        self.places = [[] for _ in range(number)]
        self.loop = asyncio.new_event_loop()
        watching = threading.Semaphore(0)
        self.tasks = [self.loop.create_task(self.watching(port, token, places, watching)) for places in self.places]
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()
        for n in range(number):
            if not watching.acquire(timeout=60):
                raise SystemExit(f"{n} of {number} watch after a minute")

    async def watching(self, port, token, places, watching):
        reader, writer = await asyncio.open_connection(HOST, port)
        try:
            writer.write(request_of("/api/v1/events/stream", token))
            while line := await reader.readline():
                if line.startswith(b": alive"):  # the first one when it has its place in the stream
                    watching.release()
                elif line.startswith(b"id: "):
                    places.append(line[4:].decode().strip())
        finally:
            writer.close()

    def leave(self):
        """All go; the places of the events that each has got, in order."""
        asyncio.run_coroutine_threadsafe(self.leaving(), self.loop).result()
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()
        self.loop.close()
        return self.places

    async def leaving(self):
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)


watchers = Watchers()
serve(visit=visit, watch=watchers.watch, leave=watchers.leave)
