"""Which functions a job may call: those that a worker can import by name, or that travel with the job.

Owns that judgement, so that a mistake is found at the call and not at 02:00. Knows no Redis and no RQ.
"""

from __future__ import annotations

import builtins
import inspect
import sys
from types import FunctionType
from typing import Any, cast

from rq_scheduler.dotted import is_dotted
from rq_scheduler.errors import FunctionRefused, InvalidArgument, InvalidType
from rq_scheduler.warn import warn_once

__all__ = ["TASK_MODULES", "check_function", "function_name", "is_task", "warn_about_function"]

TASK_MODULES = ("django.tasks.base", "django_tasks.base")
"""Where the class of Django's Tasks is, from Django 6 on and in its backport."""


def check_function(func: Any, name: str = "func") -> None:
    """Raise FunctionRefused (or InvalidType) unless a worker can import this function by its name.

    Dotted names are taken as they are: the code may live where only the workers are. A name without a dot is a builtin
    for RQ, or nothing. Bound methods and callable objects travel by value, so nothing is asked of their names here.
    """
    if type(func) is FunctionType and _at(func.__module__, func.__qualname__) is func:
        return  # nearly always
    if isinstance(func, str):
        if not func.strip():
            raise InvalidArgument(
                f"{name}={func!r} is empty: give a function or its dotted name ('package.module.function')"
            )
        if "." not in func and not hasattr(builtins, func):
            raise FunctionRefused(
                f"{name}={func!r} names no module, and workers import functions by name: give the dotted name "
                "('package.module.function')"
            )
        if not is_dotted(func):
            raise FunctionRefused(
                f"{name}={func!r} is no dotted name, so that no worker can import it: give module and function, as in "
                "'package.module.function'"
            )
        return
    if is_task(func):
        raise InvalidType(
            f"{name}={function_name(func)} is a Task of Django's, which is no function: put a schedule of it "
            "(schedules.put), or have it deferred by its own backend (task.using(run_after=...).enqueue())"
        )
    if inspect.isclass(func) or not callable(func):
        raise InvalidType(
            f"{name}={func!r} is not something RQ runs: give a function, a method or a dotted name "
            "('package.module.function')"
        )
    if not (inspect.isfunction(func) or inspect.isbuiltin(func)):
        return
    qualname = func.__qualname__
    if "<lambda>" in qualname:
        raise FunctionRefused(
            f"{name}={func!r} is a lambda, and workers import functions by name: "
            "write it as a function at the top of a module"
        )
    if "<locals>" in qualname:
        raise FunctionRefused(
            f"{name}={func!r} is defined inside another function, and workers import functions by name: move it to the "
            "top of its module"
        )
    module_name = cast("str | None", func.__module__)
    module = sys.modules.get(module_name) if module_name else None
    if module_name is None or (module is not None and not _reaches(module, qualname)):
        raise FunctionRefused(
            f"{name}={func!r} cannot be imported as {module_name}.{qualname}, which is how a worker finds it: give the "
            "dotted name under which it can"
        )


def is_task(func: Any) -> bool:
    """Whether it is a Task of Django's, which stands for a function and cannot be called."""
    return any(kind.__module__ in TASK_MODULES and kind.__name__ == "Task" for kind in type(func).__mro__)


def function_name(func: Any) -> str:
    """The dotted name of a function or a Task, or the one that was given; of another object, that of its class."""
    if isinstance(func, str):
        return func
    if is_task(func):
        return str(func.module_path)
    named = func if hasattr(func, "__qualname__") else cast("Any", type(func))
    return f"{named.__module__}.{named.__qualname__}"


def warn_about_function(func: Any) -> None:
    """Warn, once per call site, about a function of `__main__`: the worker has another `__main__`.

    For functions that have been accepted: one that is refused (a lambda) needs no advice beside the error.
    """
    if getattr(func, "__module__", None) == "__main__" and not inspect.ismethod(func):
        warn_once(
            "main-function",
            f"{getattr(func, '__qualname__', func)!r} lives in __main__, and a worker's __main__ is another "
            "program, so it will not find it there: move the function to a module that both can import",
        )


def _at(module: str | None, name: str) -> Any:
    """What stands at the top of an imported module under that name; None when nothing does, and where the module makes
    its names as they are wanted."""
    return getattr(sys.modules.get(module or ""), "__dict__", {}).get(name)


def _reaches(module: Any, qualname: str) -> bool:
    target = module
    for part in qualname.split("."):
        if not hasattr(target, part):
            return False
        target = getattr(target, part)
    return True
