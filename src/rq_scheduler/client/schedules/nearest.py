"""Which schedules may have been meant by an id that there is not."""

from __future__ import annotations

from difflib import get_close_matches
from itertools import chain

from rq_scheduler.store import Store
from rq_scheduler.store.schedules import Filter

__all__ = ["nearest_ids"]

AMONG = 1_000
"""Schedules whose ids are compared; of those that begin with what was given, the first are always found."""

_MOST = 3


def nearest_ids(store: Store, id: str) -> list[str]:
    """Their ids, the likeliest first: those that begin with it, hold it, or look like it."""
    if not id:
        return []
    begin = chain.from_iterable(store.find_schedules(Filter(starts_with=id), limit=_MOST))
    known = list(chain.from_iterable(store.find_schedules(Filter(), limit=AMONG, page=AMONG)))
    hold = [each for each in known if id.lower() in each.lower()]
    return list(dict.fromkeys([*begin, *hold, *get_close_matches(id, known, n=_MOST)]))[:_MOST]
