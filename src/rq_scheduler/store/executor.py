"""Runs commands on redis-py's synchronous clients.

Knows no operation. On an event loop it runs on a client that answers as a synchronous one does (`loop_client`).
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from functools import partial
from time import monotonic
from typing import Any, TypeVar, cast

from redis.client import NEVER_DECODE
from redis.exceptions import NoScriptError, ResponseError

from rq_scheduler.errors import SchedulerError
from rq_scheduler.store import scripts
from rq_scheduler.store.command import Command, Commands, Listing, Pipeline, Step, Steps
from rq_scheduler.store.keys import Keys
from rq_scheduler.store.rq_format import KEY_PREFIX

Connection = Any
"""`redis.Redis` (standalone, or a master that Sentinel names), `redis.RedisCluster` or a `LoopClient`; redis-py's own
types of replies do not say what a synchronous client returns."""

MAX_PIPELINED = 1_000
"""Commands in one round trip."""

T = TypeVar("T")

_STEPS = (Command, Pipeline)

# Bytes come back even through a client that decodes: what a job holds is no text.
_AS_BYTES = {NEVER_DECODE: True}


class Executor:
    """One connection, under one key prefix (RQ's unless `keys` have another). `clock` names the include from which
    scripts have the time, `actor` who does what is done; `makes` is the group of operations that a class with this one
    runs."""

    makes: type[Commands] = Commands

    def __init__(
        self, connection: Connection, keys: Keys | None = None, clock: str = scripts.SERVER_CLOCK, actor: str = ""
    ) -> None:
        self.connection = connection
        self.keys: Keys = keys or Keys(KEY_PREFIX)
        self.clock = clock
        self.actor = actor
        self.commands: Commands = self.makes(self.keys, actor)
        self.calling_since: float | None = None

    def run(self, steps: Steps[T]) -> T:
        """Goes through the steps to their answer. Raises redis-py's errors, and those of `Command.read`."""
        if isinstance(steps, Command):
            return self.execute(steps)  # what follows would come to the same, some microseconds later
        try:
            self._advance(iter(steps))
        except StopIteration as end:
            return end.value
        raise TypeError(f"{steps!r} is a listing: iterate it")

    def iterate(self, listing: Listing[T]) -> Iterator[T]:
        """What a listing lists, read as it is used."""
        while True:
            try:
                item = self._advance(listing)
            except StopIteration:
                return
            yield item

    def load_scripts(self) -> None:
        """Reads the scripts from this installation's files now, before an upgrade replaces them."""
        scripts.load_all(self.clock)

    def execute(self, step: Step) -> Any:
        """The answer to one step. Meanwhile `calling_since` is the monotonic instant at which it was sent."""
        self.calling_since = monotonic()
        try:
            return self._answer_to(step)
        finally:
            self.calling_since = None

    def _answer_to(self, step: Step) -> Any:
        if isinstance(step, Command):
            return step.read(self._reply_to(step))
        answers: list[Any] = []
        for first in range(0, len(step.commands), MAX_PIPELINED):
            commands = step.commands[first : first + MAX_PIPELINED]
            pipe = self.connection.pipeline(transaction=False)
            for command in commands:
                pipe.execute_command(command.name, *command.arguments, **_AS_BYTES)
            for command, reply in zip(commands, pipe.execute(raise_on_error=False), strict=True):
                answers.append(reply if isinstance(reply, Exception) else command.read(reply))
        return answers

    def add_script(self, pipe: Any, command: Command[Any]) -> None:
        """Adds a script to a transaction, in which nobody can send its text once more: with its text."""
        script = scripts.load(command.name, self.clock, msgpack=not _is_fake(self.connection))
        pipe.execute_command("EVAL", script.source, len(command.keys), *command.keys, *command.arguments)

    def _advance(self, steps: Generator[Any, Any, Any]) -> Any:
        """Executes steps until something else is yielded, which is returned. Raises StopIteration at the end."""
        go_on = steps.__next__
        while isinstance(step := go_on(), _STEPS):
            try:
                go_on = partial(steps.send, self.execute(cast("Step", step)))
            except Exception as error:  # noqa: BLE001  for the procedure to handle, as after `await`
                go_on = partial(steps.throw, error)
        return step

    def _reply_to(self, command: Command[Any]) -> Any:
        """A server that has not seen a script, or has lost it (restart, failover, SCRIPT FLUSH), is sent its text."""
        send = self.connection.execute_command
        if not command.is_script:
            return send(command.name, *command.arguments, **_AS_BYTES)
        fake = _is_fake(self.connection)
        script, sent = scripts.load(command.name, self.clock, msgpack=not fake), (*command.keys, *command.arguments)
        try:
            return send("EVALSHA", script.digest, len(command.keys), *sent, **_AS_BYTES)
        except NoScriptError:
            return send("EVAL", script.source, len(command.keys), *sent, **_AS_BYTES)
        except ResponseError as error:
            if fake and "unknown command" in str(error).lower():
                raise SchedulerError(
                    f"fakeredis lacks what the scripts need ({error}): install 'fakeredis[lua]', or test on a real "
                    "server, which rq_scheduler.embedded.EmbeddedRedis starts"
                ) from error
            raise


def _is_fake(connection: Any) -> bool:
    """Whether this is fakeredis, on which applications test: alone of all servers it has no MessagePack."""
    kind = getattr(getattr(connection, "connection_pool", None), "connection_class", None)
    return str(getattr(kind, "__module__", "")).startswith("fakeredis")
