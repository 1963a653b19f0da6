"""Values that no parameter was made for."""

import math
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from decimal import Decimal
from fractions import Fraction
from typing import Any, NoReturn
from zoneinfo import ZoneInfo

from hypothesis import strategies as st


class NotMe(Exception):  # noqa: N818  as the package names its own
    """What hostile objects raise: it reaches the caller, whose object it is."""


class Hostile:
    """Raises whatever is asked of it."""

    def _refuse(self, *args: Any) -> NoReturn:
        raise NotMe(*args)

    __eq__ = __hash__ = __bool__ = __len__ = __iter__ = __int__ = __float__ = __index__ = __call__ = _refuse  # type: ignore[assignment]
    __reduce__ = __getattr__ = _refuse  # type: ignore[assignment]

    def __repr__(self) -> str:
        return "<hostile>"


class Mute(Hostile):
    """Cannot even be shown."""

    __repr__ = __str__ = Hostile._refuse  # type: ignore[assignment]


class Text(str):
    """Text, and yet not."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "<text>"


class NoOffset(tzinfo):
    """Says that it knows no offset: such a datetime is naive, though it has a tzinfo."""

    def utcoffset(self, dt: datetime | None) -> timedelta | None:
        return None

    dst = utcoffset

    def tzname(self, dt: datetime | None) -> str | None:
        return None


def _generator() -> Any:
    yield 1
    raise NotMe


def _nested(depth: int) -> Any:
    made: Any = []
    for _ in range(depth):
        made = [made]
    return made


_itself: list[Any] = []
_itself.append(_itself)

PLAIN: list[Any] = [
    None, True, False, 0, 1, -1, 2**31, 2**63, 2**64, -(2**63), 10**18, 10**30, 10**400, -(10**400), 0.0, -0.0, 0.5,
    -1.5, 1e-300, 1e15, 1e300, -1e300, 1.7e308, math.nan, math.inf, -math.inf, Decimal("NaN"), Decimal("sNaN"),
    Decimal("1e999"), Decimal("Infinity"), Fraction(1, 3), Fraction(10**400), 1j, 10**5000,
    datetime(2026, 3, 2, 13), datetime(2026, 3, 2, 13, tzinfo=UTC), datetime.min, datetime.max,
    datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC), datetime(1, 1, 1,
        tzinfo=timezone(timedelta(hours=14))),
    datetime.max.replace(tzinfo=timezone(timedelta(hours=-12))), datetime(2026, 3, 29, 2, 30,
        tzinfo=ZoneInfo("Europe/Paris")),
    datetime(1, 1, 1, tzinfo=ZoneInfo("Asia/Tokyo")), datetime.max.replace(tzinfo=ZoneInfo("America/New_York")),
    datetime(2026, 1, 1, tzinfo=NoOffset()), date(2026, 3, 2), date.min, date.max, time(12), timedelta(0), timedelta(1),
    timedelta(microseconds=1), timedelta(-1), timedelta.max, timedelta.min, UTC, ZoneInfo("Europe/Paris"),
    ZoneInfo.no_cache("UTC"), NoOffset(),
    "", " ", "\n", "\t", "\0", "a\0b", "a", "no-such-id", "a:b", "a b", "a\nb", "*", "?[a-z]*", "..",
    "../../etc/passwd", "/", "{tag}",
    "\ud800", "a.\udfff", "é", "🎉", "١٢", "０", "NaN", "inf", "-inf", "1e5", "1e400", "1e400.", ".", "-5", "5", "1_0",
    "10m", "1y", "9" * 400, "9" * 5000,
    "9" * 30 + "d", "∞", "x" * 100_000, "%s%n", "{0}", "' OR 1=1", "None", "json", "jobs_for_tests",
    "jobs_for_tests.nothing",
    "jobs_for_tests.no_such", "os.system", "builtins.print", "print", ".a", "a.", "a..b", "UTC", "Europe/Paris",
    "Nowhere/At_All",
    "* * * * *", "FREQ=DAILY", "@daily", Text("x"),
    b"", b"x", b"\xff\xfe", b"\0", bytearray(b"x"), memoryview(b"x"), [], (), {}, set(), frozenset(), [None], [[]],
        {"a": None}, {1: 2}, {None: None},
    {"\ud800": "\ud800"}, {"": ""}, ["a", "a"], ("a", 1), range(3), range(10**12), _nested(50), _nested(100_000),
    _itself,
    object(), object, int, type, len, print, lambda: None, NotImplemented, Ellipsis, Exception("x"), KeyError,
        Hostile(), Hostile, Mute(),
]  # fmt: skip
"""Each of them meets each parameter sooner or later."""

texts = st.text(alphabet=st.characters(codec=None, categories=None), max_size=30) | st.sampled_from(
    [value for value in PLAIN if isinstance(value, str)]
)

# By number: Hypothesis would ask the objects themselves for a hash.
plain: st.SearchStrategy[Any] = st.integers(0, len(PLAIN) - 1).map(lambda number: PLAIN[number])

values: st.SearchStrategy[Any] = st.one_of(
    plain,
    plain,
    texts,
    st.integers(),
    st.floats(),
    st.timedeltas(),
    st.datetimes(),
    st.datetimes(timezones=st.just(UTC)),
    st.binary(max_size=20),
    st.builds(lambda value: [value], plain),
    st.builds(lambda value: (value, value), plain),
    st.builds(lambda value: {"a": value}, plain),
    st.builds(lambda value: {"a": [{"b": value}]}, plain),
    st.builds(lambda _: _generator(), st.none()),
    st.builds(lambda value: iter([value]), plain),
)


def nested(leaves: st.SearchStrategy[Any], keys: st.SearchStrategy[str] = texts) -> st.SearchStrategy[Any]:
    """These, and lists and dicts of them, two deep."""
    inside = leaves | st.lists(leaves, max_size=3) | st.dictionaries(keys, leaves, max_size=3)
    return inside | st.lists(inside, max_size=3) | st.dictionaries(keys, inside, max_size=3)
