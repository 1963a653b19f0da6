"""Whether a function takes a call is told as Python takes it; what is not plain is left to `inspect`."""

import functools
import inspect
from collections.abc import Callable
from types import MethodType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rq_scheduler.signatures import surely_takes, surely_takes_any_keyword

pytestmark = pytest.mark.once

NAMES = ("a", "b", "c", "d")

calls = st.tuples(
    st.lists(st.none(), max_size=5),
    st.dictionaries(st.sampled_from((*NAMES, "e")), st.none(), max_size=4),
)


@st.composite
def functions(draw: st.DrawFn) -> Callable[..., Any]:
    """A function of up to four parameters of any kinds, written out."""
    kinds = sorted(draw(st.lists(st.sampled_from(("only by position", "either", "only by name")), max_size=4)), key=len)
    kinds.sort(key=("only by position", "either", "only by name").index)
    optional_from = draw(st.integers(0, 4))
    parameters: list[str] = []
    for n, kind in enumerate(kinds):
        if kind == "only by name" and "only by name" not in kinds[:n]:
            parameters.append(draw(st.sampled_from(("*", "*rest"))))
        has_default = draw(st.booleans()) if kind == "only by name" else n >= optional_from
        parameters.append(f"{NAMES[n]}=0" if has_default else NAMES[n])
        if kind == "only by position" and kinds[n + 1 : n + 2] != [kind]:
            parameters.append("/")
    if "only by name" not in kinds and draw(st.booleans()):
        parameters.append("*rest")
    if draw(st.booleans()):
        parameters.append("**options")
    made: dict[str, Any] = {}
    exec(f"def function({', '.join(parameters)}): pass", made)  # noqa: S102
    return made["function"]


def fits(target: Any, args: Any, kwargs: Any) -> bool:
    try:
        target(*args, **kwargs)
    except TypeError:
        return False
    return True


@given(functions(), calls)
def test_what_is_taken_is_what_python_takes(function: Any, call: Any) -> None:
    args, kwargs = call
    assert surely_takes(function, args, kwargs) == fits(function, args, kwargs)


@given(functions(), calls)
def test_of_methods_too(function: Any, call: Any) -> None:
    args, kwargs = call
    method = MethodType(function, object())
    assert surely_takes(method, args, kwargs) == fits(method, args, kwargs)


def test_a_function_is_read_as_it_is_now() -> None:
    def function(a: int, *, b: int) -> None: ...

    assert not surely_takes(function, (1,), {})
    function.__kwdefaults__ = {"b": 1}
    assert surely_takes(function, (1,), {})
    assert not surely_takes(function, (), {})
    function.__defaults__ = (1,)
    assert surely_takes(function, (), {})
    function.__code__ = (lambda: None).__code__
    assert not surely_takes(function, (1,), {})


def told_otherwise(a: int) -> None: ...


vars(told_otherwise)["__signature__"] = inspect.Signature()


def open_(**options: Any) -> None: ...


def closed(a: int) -> None: ...


class Site:
    def __call__(self, a: int) -> None: ...
    def method(self, *args: Any, **kwargs: Any) -> None: ...


@functools.wraps(closed)
def wraps_closed(**options: Any) -> None: ...


@pytest.mark.parametrize(
    "target",
    [told_otherwise, Site, Site(), print, functools.partial(fits, 1)],
    ids=["another signature", "class", "object", "builtin", "partial"],
)
def test_what_is_not_plain_is_left_to_inspect(target: Any) -> None:
    assert not surely_takes(target, (1,), {})
    assert not surely_takes_any_keyword(target)


@pytest.mark.parametrize(
    ("target", "told"),
    [(open_, True), (Site().method, True), (closed, False), (wraps_closed, False)],
    ids=["function", "method", "closed", "wraps closed"],
)
def test_any_keyword_is_taken_by_what_has_options_and_wraps_nothing(target: Any, told: bool) -> None:
    assert surely_takes_any_keyword(target) == told
