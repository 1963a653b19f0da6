"""Subcommands that are imported when they are invoked. RQ and redis-py take a third of a second, and `--help`,
`--version` and a shell's completion need neither. Knows click and nothing else."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import click

__all__ = ["LazyCommand"]


class LazyCommand(click.Command):
    """The name and the one line of help of the command at `home` (`package.module:attribute`), in whose place it
    stands until it is invoked."""

    def __init__(self, name: str, home: str, short_help: str) -> None:
        super().__init__(name, short_help=short_help)
        self.home = home

    def load(self) -> click.Command:
        """The command itself."""
        module, _, attribute = self.home.partition(":")
        return getattr(import_module(module), attribute)

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        """The context of the command itself: click goes on with that."""
        return self.load().make_context(info_name, args, parent, **extra)
