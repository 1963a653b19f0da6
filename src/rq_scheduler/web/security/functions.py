"""Which functions may be run by way of the web: an allow-list, empty unless its operator fills it.

An entry is a dotted name, or a module and `*`. The star stands for one public function that this very module defines:
not for what it imports (`shop.tasks.os.system`, nor `shop.tasks.system` behind `from os import system`), nor for what
is deeper. Where this process cannot import the module, entries with a star allow nothing.
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from rq_scheduler.errors import InvalidArgument

__all__ = ["AllowedFunctions"]


@dataclass(frozen=True, slots=True)
class AllowedFunctions:
    """The list. `of` raises InvalidArgument for an entry that is none."""

    names: frozenset[str] = frozenset()
    modules: frozenset[str] = frozenset()

    @classmethod
    def of(cls, entries: Iterable[str]) -> AllowedFunctions:
        """From what the operator gave."""
        names, modules = set[str](), set[str]()
        for entry in entries:
            module, _, last = entry.rpartition(".")
            if not module or not all(part.isidentifier() for part in module.split(".")):
                raise InvalidArgument(_no_entry(entry))
            if last == "*":
                modules.add(module)
            elif last.isidentifier():
                names.add(entry)
            else:
                raise InvalidArgument(_no_entry(entry))
        return cls(frozenset(names), frozenset(modules))

    def allows(self, name: str) -> bool:
        """Whether the function of this dotted name may be run. Imports the modules of the list, and no others."""
        if name in self.names:
            return True
        module, _, last = name.rpartition(".")
        return module in self.modules and last.isidentifier() and not last.startswith("_") and _defines(module, last)

    def refusal(self, names: Iterable[str]) -> str | None:
        """Why a job that calls these functions (its own and its callbacks) is refused; None where it is not."""
        refused = next((name for name in names if not self.allows(name)), None)
        if refused is None:
            return None
        allow = f"rqscheduler web --allow {_hint(refused)}; in Django, RQ_SCHEDULER['ALLOW']"
        return f"{refused!r:.200} may not be run by way of the web: whoever starts this site can allow it ({allow})"


@lru_cache(maxsize=4096)
def _defines(module: str, name: str) -> bool:
    try:
        found = inspect.getattr_static(importlib.import_module(module), name, None)
    except (Exception, SystemExit):  # noqa: BLE001  importing runs whatever the module holds
        return False
    return inspect.isfunction(found) and found.__module__ == module


def _hint(name: str) -> str:
    return f"'{name}'" if len(name) <= 100 and name.isascii() and name.replace(".", "_").isidentifier() else "NAME"


def _no_entry(entry: str) -> str:
    return (
        f"allow={entry!r}: give a function's dotted name, such as 'shop.tasks.report', or all public functions that "
        "one module defines, such as 'shop.tasks.*'"
    )
