"""A module of an application, as somebody puts it on the allow-list."""

import functools
import os
from os import system as system
from pathlib import Path as Path


def report(name: str = "daily") -> str:
    return f"{name} of {os.getpid()}"


def told(*args: object) -> None:
    pass


def anything(*args: object, **kwargs: object) -> None:
    pass


def _private() -> None:
    pass


class Report:
    @staticmethod
    def make() -> None:
        pass


partly = functools.partial(report, "weekly")


MADE: list[str] = []
"""Objects that were made of a pickle, in this process."""


def note_that_it_was_made() -> str:
    MADE.append("made")
    return "daily"
