"""What a dotted name stands for, by the rules by which RQ's workers find a function, and which part of it could not be
found. Knows nothing of Redis, nor of RQ."""

from __future__ import annotations

import builtins
import importlib
import pkgutil
import re
import sys
import traceback
from difflib import get_close_matches
from functools import lru_cache
from types import ModuleType
from typing import Any

from rq_scheduler.errors import InvalidArgument

__all__ = ["find", "is_dotted", "told"]

_MAX_ATTRIBUTES = 2
"""Names behind the module: a function of it, or a method of a class of it."""


def is_dotted(name: str) -> bool:
    """Whether there can be anything under this name anywhere. A file, and so a module, may have a dash in its name."""
    *modules, last = name.split(".")
    return last.isidentifier() and all(re.fullmatch(r"[\w-]+", part) for part in modules)


def find(name: str) -> Any:
    """The object; InvalidArgument that says which part is at fault, and the nearest name. Runs what is imported."""
    if not is_dotted(name):
        raise InvalidArgument(f"{name!r} is not a dotted path: give module and name, as in 'shop.tasks.report'")
    if "." not in name:
        if hasattr(builtins, name):
            return getattr(builtins, name)
        raise InvalidArgument(f"{name!r} is not a dotted path: give its module too, as in 'shop.tasks.{name}'")
    module, rest = _module(name)
    if len(rest) > _MAX_ATTRIBUTES:
        raise InvalidArgument(f"{name!r} is nested too deep: workers find functions of a module or of a class in it")
    found: Any = module
    where = module.__name__
    for part in rest:
        try:
            found = getattr(found, part)
        except AttributeError:
            near = _did_you_mean(part, dir(found), where)
            raise InvalidArgument(f"{where} has no {part!r}.{near}") from None
        except Exception as error:
            raise InvalidArgument(f"{where}.{part} cannot be had: {type(error).__name__}: {error}") from error
        where = f"{where}.{part}"
    return found


def _module(name: str) -> tuple[ModuleType, list[str]]:
    """The longest beginning that is a module, and what is left."""
    parts = name.split(".")
    module: ModuleType | None = None
    for end in range(1, len(parts)):
        candidate = ".".join(parts[:end])
        try:
            module = importlib.import_module(candidate)
        except ModuleNotFoundError as error:
            if error.name != candidate:
                raise InvalidArgument(f"{candidate} imports {error.name!r}, which is missing") from error
            if module is None:
                near = _near_top_level(candidate, tuple(sys.path))
                raise InvalidArgument(f"no module {candidate!r} (for {name!r}).{near}") from None
            if not hasattr(module, parts[end - 1]) and hasattr(module, "__path__"):
                inside = {each.name for each in pkgutil.iter_modules(module.__path__)}
                near = _did_you_mean(parts[end - 1], inside.union(dir(module)), module.__name__)
                raise InvalidArgument(f"no module {candidate!r} (for {name!r}).{near}") from None
            return module, parts[end - 1 :]
        except (Exception, SystemExit) as error:
            raise InvalidArgument(f"importing {candidate} failed: {told(error)}") from error
    return importlib.import_module(".".join(parts[:-1])), parts[-1:]


def told(error: BaseException) -> str:
    """What went wrong while a module was imported, and where."""
    if isinstance(error, SyntaxError) and error.filename:
        return f"SyntaxError: {error.msg} ({error.filename}:{error.lineno})"
    where = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__}: {error} ({where.filename}:{where.lineno})"


@lru_cache(maxsize=128)
def _near_top_level(name: str, path: tuple[str, ...]) -> str:
    """Kept: looking through the path takes some 10 ms, and thousands of jobs may name one that is missing."""
    return _did_you_mean(name, {each.name for each in pkgutil.iter_modules(path)}.union(sys.builtin_module_names), "")


def _did_you_mean(name: str, known: Any, where: str) -> str:
    near = get_close_matches(name, [each for each in known if not each.startswith("_")], 1)
    return f" Did you mean {where}{'.' if where else ''}{near[0]}?" if near else ""
