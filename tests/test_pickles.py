"""Pickles read as outlines: whatever the standard library has that people put into a job's meta, in every protocol."""

import array
import collections
import datetime as dt
import decimal
import fractions
import functools
import ipaddress
import itertools
import logging
import operator
import os
import pathlib
import pickle
import random
import re
import types
import uuid
import zoneinfo
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import values_for_tests as values
from rq_scheduler.pickles import RECURRENCE, PlainPickles, is_opaque, outline

pytestmark = pytest.mark.once

PARIS = zoneinfo.ZoneInfo("Europe/Paris")
PROTOCOLS = range(pickle.HIGHEST_PROTOCOL + 1)


OBJECTS: dict[str, Any] = {
    "naive datetime": dt.datetime(2026, 11, 28),
    "datetime in UTC": dt.datetime(2026, 11, 28, tzinfo=dt.UTC),
    "datetime at an offset": dt.datetime(2026, 11, 28, tzinfo=dt.timezone(dt.timedelta(hours=2), "CEST")),
    "datetime in a zone": dt.datetime(2026, 11, 28, fold=1, tzinfo=PARIS),
    "zone": PARIS,
    "zone that is not shared": zoneinfo.ZoneInfo.no_cache("Asia/Tokyo"),
    "date": dt.date(2026, 11, 28),
    "time": dt.time(2, 30, tzinfo=PARIS),
    "timedelta": dt.timedelta(hours=1),
    "decimal": decimal.Decimal("1.5"),
    "fraction": fractions.Fraction(1, 3),
    "complex": 1j,
    "uuid": uuid.UUID(int=5),
    "path": pathlib.Path("/srv/shop"),
    "windows path": pathlib.PureWindowsPath("c:/shop"),
    "enum": values.Colour.RED,
    "flag": values.Flags.A | values.Flags.B,
    "text enum": values.Named.INTERVAL,
    "dataclass": values.Order(1, [values.Place(1.0, 2.0)]),
    "typed tuple": values.Point(1, 2),
    "named tuple": values.Pair(1, [2]),
    "defaultdict": collections.defaultdict(list, {"a": [1]}),
    "defaultdict of defaultdicts": collections.defaultdict(functools.partial(collections.defaultdict, int), {"a": {}}),
    "ordered dict": collections.OrderedDict(a=1, b=2),
    "counter": collections.Counter("hello"),
    "chain map": collections.ChainMap({"a": 1}, {"b": 2}),
    "deque": collections.deque([1, 2], maxlen=3),
    "user dict": collections.UserDict({"a": 1}),
    "set": {1, "a"},
    "frozen set": frozenset({1, "a"}),
    "bytes": b"\x00\xff",
    "bytearray": bytearray(b"\x00\xff"),
    "array": array.array("d", [1.0, 2.0]),
    "range": range(3),
    "slice": slice(1, 2),
    "pattern": re.compile("a+", re.IGNORECASE),
    "address": ipaddress.ip_address("::1"),
    "network": ipaddress.ip_network("10.0.0.0/8"),
    "partial": functools.partial(os.path.join, "a"),
    "item getter": operator.itemgetter("a"),
    "attribute getter": operator.attrgetter("a.b"),
    "function": os.path.join,
    "builtin": len,
    "class": dict,
    "nested class": values.Größe.Inner,
    "object of a nested class": values.Größe.Inner(),
    "non-ASCII class": values.Größe(),
    "bound method": values.Method().bound,
    "class method": values.Method.of_the_class,
    "method of a value": "text".upper,
    "exception": ValueError("no"),
    "own exception": values.FailedError("no", code=5),
    "os error": FileNotFoundError(2, "no", "/srv"),
    "exception group": ExceptionGroup("both", [ValueError("a"), TypeError("b")]),
    "namespace": types.SimpleNamespace(a=1, b=types.SimpleNamespace()),
    "mapping proxy's dict": dict(types.MappingProxyType({"a": 1})),
    "generic alias": list[int],
    "log record": logging.makeLogRecord({"msg": "hello"}),
    "random state": random.Random(5),
    "counting": itertools.repeat(1, 2),
    "own dict": values.Members(a=1),
    "own list": values.Rows([1]),
    "own text": values.Texts("interval"),
    "slots": values.Slots(),
    "called": values.Called(),
    "filled": values.Filled(),
    "setter": values.Setter(),
    "made with arguments": values.WithArguments(a=5),
    "ellipsis": ...,
    "not implemented": NotImplemented,
    "type of none": type(None),
    "object": object(),
}

PLAIN = {"interval": 60, "cron_string": "0 9 * * *", "repeat": 3}


def _pickles(value: Any, protocol: int) -> list[bytes]:
    """Metas that hold the value in every place: before and after what says how the job recurs, shared, and as a key."""
    metas: list[Any] = [{"before": value, **PLAIN, "after": [value, (value, {"deep": value})]}]
    with suppress(TypeError):  # it has no hash
        metas.append({**PLAIN, ("in", "a", value): 2, **({} if value in PLAIN else {value: 1})})
    return [pickle.dumps(meta, protocol) for meta in metas]


@pytest.mark.parametrize("name", OBJECTS)
def test_no_object_hides_how_a_job_recurs(name: str) -> None:
    read = 0
    for protocol in PROTOCOLS:
        try:
            written = _pickles(OBJECTS[name], protocol)
        except (pickle.PicklingError, TypeError):
            continue  # what this protocol cannot write
        for data in written:
            meta, _ = outline(data)
            assert {name: meta[name] for name in RECURRENCE} == PLAIN
            read += 1
    assert read


def test_nothing_is_made_and_nothing_is_called() -> None:
    for protocol in PROTOCOLS:
        for data in _pickles(values.Trap(), protocol):
            meta, named = outline(data)
            assert "values_for_tests.spring" in named
            assert is_opaque(meta.get("before", list(meta)[-1]))
    assert not values.Trap.sprung


def test_objects_that_hold_themselves() -> None:
    shared: dict[str, Any] = {"interval": 60, "list": []}
    order, members, rows, deque = values.Order(1), values.Members(), values.Rows(), collections.deque[Any]()
    order.lines = [order, shared]
    members["me"] = members
    for each in (rows, deque):
        each.append(each)
    shared["list"] += [order, members, rows, deque, shared["list"], shared]
    shared["me"] = shared
    for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
        meta, _ = outline(pickle.dumps(shared, protocol))
        assert meta["interval"] == 60
        assert meta["me"] is meta
        assert meta["list"][-1] is meta


def test_a_pickle_of_python_2() -> None:
    data = b"(dp0\nS'interval'\np1\nI60\nsS'on'\np2\nI01\nsS'big'\np3\nL5L\nsS'o'\np4\n(imod\nOld\np5\n(dp6\nbs."
    meta, named = outline(data)
    assert (meta["interval"], meta["on"], meta["big"], named) == (60, True, 5, ["mod.Old"])
    assert is_opaque(meta, "o")


def test_a_key_may_be_one_of_the_names() -> None:
    """A member of a StrEnum equals its text."""
    meta, _ = outline(pickle.dumps({values.Named.INTERVAL: 60}))
    assert is_opaque(meta, *RECURRENCE)
    meta, _ = outline(pickle.dumps({"interval": 60, "other": values.Named.INTERVAL}))
    assert not is_opaque(meta, *RECURRENCE)


def test_what_comes_after_the_end_is_left_alone() -> None:
    assert outline(pickle.dumps(1) + b"more") == (1, [])


_atoms = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=300)
_plain = st.recursive(
    _atoms | st.binary(max_size=300),
    lambda inner: (
        st.lists(inner, max_size=5)
        | st.lists(inner, max_size=5).map(tuple)
        | st.dictionaries(_atoms, inner, max_size=5)
        | st.sets(_atoms, max_size=5)
        | st.frozensets(_atoms, max_size=5)
        | st.binary(max_size=5).map(bytearray)
    ),
    max_leaves=20,
)
_anything = st.recursive(
    _atoms | st.sampled_from(sorted(OBJECTS)).map(OBJECTS.__getitem__),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=4).map(tuple)
        | st.dictionaries(_atoms, inner, max_size=4)
        | st.lists(inner, max_size=4).map(lambda items: values.Order(1, items))
        | st.dictionaries(_atoms, inner, max_size=4).map(collections.OrderedDict)
        | st.lists(inner, max_size=4).map(lambda items: functools.partial(len, *items))
    ),
    max_leaves=12,
)


@given(_plain, st.sampled_from([4, 5]))
def test_plain_values_are_read_as_pickle_reads_them(value: Any, protocol: int) -> None:
    """From protocol 4 on (RQ writes the highest), in which sets and bytes are no objects; the newest has bytearrays."""
    data = pickle.dumps(value, protocol)
    if not outline(data)[1]:
        assert repr(PlainPickles.loads(data)) == repr(pickle.loads(data))


@given(_anything, st.sampled_from(PROTOCOLS))
def test_anything_nested_in_anything(value: Any, protocol: int) -> None:
    try:
        data = pickle.dumps({"a": value, **PLAIN, "b": value}, protocol)
    except (pickle.PicklingError, TypeError):
        return
    meta, _ = outline(data)
    assert {name: meta[name] for name in RECURRENCE} == PLAIN
