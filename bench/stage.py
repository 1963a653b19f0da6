"""What every measurement stands on: servers, the subjects beside them, and how much there is time for."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any, Self

from bench.processes import Dispatcher
from bench.sampling import Round, Sample
from bench.server import Server
from bench.subjects import Subject, Subjects

Longest = dict[str, list[tuple[float, str]]]
"""Milliseconds and name of the longest script of each round, by subject."""


class Stage:
    """A server with its subjects, and a second one for what must not meet the first's data. `quick` makes everything
    smaller."""

    def __init__(self, longest: Longest, versions: dict[str, dict[str, str]], *, quick: bool = False) -> None:
        self.quick = quick
        self.server, self.small = Server(), Server()
        self.subjects, self.beside = Subjects(self.server.url, versions), Subjects(self.small.url, versions)
        self._longest = longest

    def __getitem__(self, who: str) -> Subject:
        return self.subjects[who]

    def size(self, full: int, quick: int) -> int:
        return quick if self.quick else full

    @property
    def rounds(self) -> int:
        return self.size(5, 3)

    def emptying(self, who: str, what: str, jobs: int, give: Callable[[], Any], **options: Any) -> Round:
        """A round in which a subject hands off so many jobs, which `give` has put there; all of them, or it is void."""

        def measure() -> Sample:
            self.server.empty()
            given = give() or {}
            sample = self.measure(who, what, jobs, **options, **given)
            self.server.expect(jobs, who)
            return sample

        return measure

    def measure(self, who: str, what: str, jobs: int, **options: Any) -> Sample:
        """One subject doing one thing, for so many jobs."""
        subject = self[who]
        self.server.forget_scripts_run()
        before = self.server.cpu()
        answer = subject.do(what, **options)
        redis = self.server.cpu() - before
        self.note_scripts(who)
        return Sample(jobs, answer.seconds, redis, answer.cpu)

    def note_scripts(self, who: str, server: Server | None = None) -> None:
        """Keeps how long the longest script was since the last `forget_scripts_run`."""
        self._longest.setdefault(who, []).append((server or self.server).longest_script())

    @contextmanager
    def dispatcher(self) -> Generator[Dispatcher]:
        """A real `rqscheduler`, up and serving."""
        dispatcher = Dispatcher(self.server.url)
        try:
            end = time.monotonic() + 20
            while not self.server.connection.zcard("rq:scheduler:dispatchers"):
                if time.monotonic() > end:
                    raise SystemExit("rqscheduler has not come up within 20 s")
                time.sleep(0.05)
            yield dispatcher
        finally:
            dispatcher.end()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for subjects, server in ((self.subjects, self.server), (self.beside, self.small)):
            subjects.close()
            server.stop()


def whole_second(ago: int = 1) -> int:
    """A second that is over (unix seconds)."""
    return int(time.time()) - ago
