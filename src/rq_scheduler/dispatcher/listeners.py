"""Several listeners to one dispatcher: each is told all that happens, in order."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

from rq_scheduler.dispatcher.events import Events

__all__ = ["Listeners"]


class Listeners(Events):
    """Tells each of them. What one raises ends the dispatcher, as it does with one alone."""

    def __init__(self, *listeners: Events) -> None:
        self._listeners = listeners

    @property
    def wants_each_job(self) -> bool:
        return any(each.wants_each_job for each in self._listeners)

    @property
    def held_up(self) -> Collection[str]:
        return {id for each in self._listeners for id in each.held_up}


def _to_each(name: str) -> Callable[..., None]:
    def tell(self: Listeners, *args: Any, **kwargs: Any) -> None:
        for each in self._listeners:  # pyright: ignore[reportPrivateUsage]
            getattr(each, name)(*args, **kwargs)

    return tell


# All events are told in the same way, those that are added later too.
for _name, _event in vars(Events).items():
    if callable(_event) and not _name.startswith("_"):
        setattr(Listeners, _name, _to_each(_name))
