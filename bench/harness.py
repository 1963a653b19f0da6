"""What every measurement stands on: servers, the programs at work on each, and how much there is time for."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any, Self

from bench.processes import Dispatcher
from bench.sampling import Round, Sample, Series, interleave
from bench.server import Server
from bench.targets import Target, Targets

Longest = dict[str, list[tuple[float, str]]]
"""Milliseconds and name of the longest script of each round, by target."""


class Place:
    """A server, and the targets at work on it: each is started when it is first asked for."""

    def __init__(self, longest: Longest, versions: dict[str, dict[str, str]]) -> None:
        self.server = Server()
        self.targets = Targets(self.server.url, versions)
        self._longest = longest

    def __getitem__(self, who: str) -> Target:
        return self.targets[who]

    def measure(self, who: str, what: str, jobs: int, **options: Any) -> Sample:
        """One target doing one thing, for so many jobs."""
        target = self[who]
        self.server.forget_scripts_run()
        before = self.server.cpu()
        answer = target.do(what, **options)
        redis = self.server.cpu() - before
        self.note_scripts(who)
        return Sample(jobs, answer.seconds, redis, answer.cpu)

    def note_scripts(self, who: str) -> None:
        """Keeps how long the longest script was since the last `forget_scripts_run`."""
        self._longest.setdefault(who, []).append(self.server.longest_script())

    @contextmanager
    def dispatchers(self, who: str, count: int = 1) -> Generator[list[Dispatcher]]:
        """So many real `rqscheduler` processes of OURS or BEFORE, up and serving."""
        with ExitStack() as stack:
            started = [Dispatcher(self.server.url, who) for _ in range(count)]
            for dispatcher in started:
                stack.callback(dispatcher.end)
            end = time.monotonic() + 20 + 10 * count
            while self.server.connection.zcard("rq:scheduler:dispatchers") < count:
                if time.monotonic() > end:
                    raise SystemExit(f"{who}: no {count} dispatcher(s) within {20 + 10 * count} s")
                time.sleep(0.05)
            yield started

    def close(self) -> None:
        self.targets.close()
        self.server.stop()


class Harness:
    """Places by name, the first of them at hand; `quick` makes everything smaller."""

    warm_up = True
    """Whether each measurement begins with a round that does not count."""

    def __init__(self, longest: Longest, versions: dict[str, dict[str, str]], *, quick: bool = False) -> None:
        self.quick = quick
        self._places: dict[str, Place] = {}
        self._longest, self._versions = longest, versions

    def place(self, name: str = "") -> Place:
        """The place of that name: what measures with data that others must not meet has one of its own."""
        if name not in self._places:
            self._places[name] = Place(self._longest, self._versions)
        return self._places[name]

    @property
    def server(self) -> Server:
        return self.place().server

    def __getitem__(self, who: str) -> Target:
        return self.place()[who]

    def size(self, full: int, quick: int) -> int:
        return quick if self.quick else full

    @property
    def rounds(self) -> int:
        return self.size(3, 2)

    def interleave(
        self, targets: Mapping[str, Round], rounds: int | None = None, *, warm_up: bool = True
    ) -> dict[str, Series]:
        """All targets in turn, round after round."""
        return interleave(rounds or self.rounds, targets, warm_up=warm_up and self.warm_up)

    def emptying(self, who: str, what: str, jobs: int, give: Callable[[], Any], **options: Any) -> Round:
        """A round in which a target hands off so many jobs, which `give` has put there; all of them, or it is void."""

        def measure() -> Sample:
            self.server.empty()
            given = give() or {}
            sample = self.place().measure(who, what, jobs, **options, **given)
            self.server.expect(jobs, who)
            return sample

        return measure

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for place in self._places.values():
            place.close()


def whole_second(ago: int = 1) -> int:
    """A second that is over (unix seconds)."""
    return int(time.time()) - ago
