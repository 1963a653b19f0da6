"""Whether a function takes a call, told from its code: to build an `inspect.Signature` costs more than the rest of a
schedule's job.

Reads the function as it is now, so that nothing is kept which could be out of date. Knows nothing of schedules or RQ.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from inspect import CO_VARARGS, CO_VARKEYWORDS
from types import FunctionType, MethodType
from typing import Any

__all__ = ["surely_takes", "surely_takes_any_keyword"]

_OTHERWISE_TOLD = ("__signature__", "_partialmethod", "__partialmethod__")
"""Attributes by which `inspect` goes rather than by the code."""


def surely_takes(target: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> bool:
    """Whether `target(*args, **kwargs)` fits `target` itself, not what it wraps. False too where only `inspect` can
    tell: it is no plain function or method."""
    func, given = target, len(args)
    if type(target) is MethodType:
        func, given = target.__func__, given + 1
    if type(func) is not FunctionType or not func.__dict__.keys().isdisjoint(_OTHERWISE_TOLD):
        return False
    code, has_default = func.__code__, func.__kwdefaults__ or ()
    count, unnamed = code.co_argcount, code.co_posonlyargcount
    positional = code.co_varnames[:count]
    keyword_only = code.co_varnames[count : count + code.co_kwonlyargcount]
    if given > count and not code.co_flags & CO_VARARGS:
        return False
    required = {*positional[given : count - len(func.__defaults__ or ())]}
    required.update(name for name in keyword_only if name not in has_default)
    if not required <= kwargs.keys() or not required.isdisjoint(positional[:unnamed]):
        return False
    if not kwargs.keys().isdisjoint(positional[unnamed:given]):
        return False  # given twice
    return bool(code.co_flags & CO_VARKEYWORDS) or kwargs.keys() <= {*positional[max(given, unnamed) :], *keyword_only}


def surely_takes_any_keyword(target: Any) -> bool:
    """Whether `target` has `**options`, and wraps nothing that has not. False too where only `inspect` can tell."""
    func = target.__func__ if type(target) is MethodType else target
    return (
        type(func) is FunctionType
        and bool(func.__code__.co_flags & CO_VARKEYWORDS)
        and func.__dict__.keys().isdisjoint((*_OTHERWISE_TOLD, "__wrapped__"))
    )
