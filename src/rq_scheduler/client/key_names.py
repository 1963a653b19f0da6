"""The class attributes in which 0.14 had the names of its keys, and what becomes of a subclass that has others.

The scripts build all keys under RQ's key prefix, so that one could not be named otherwise for each of them: deployments
that are kept apart by such names would merge.
"""

from __future__ import annotations

from rq_scheduler.errors import InvalidArgument
from rq_scheduler.store.keys import Keys
from rq_scheduler.store.rq_format import KEY_PREFIX

__all__ = ["KeyNames"]

_KEYS = Keys(KEY_PREFIX)


class KeyNames:
    """0.14's attributes, and the look at whether they are still what they were."""

    scheduler_key: str = f"{KEY_PREFIX}:scheduler"
    scheduler_lock_key: str = _KEYS.fence
    scheduled_jobs_key: str = _KEYS.scheduled_jobs
    redis_scheduler_namespace_prefix: str = _KEYS.instance_prefix

    def _require_key_names(self) -> None:
        """Raises InvalidArgument where a subclass, or somebody who sets an attribute, names a key otherwise."""
        for name, own in _NAMES:
            given = getattr(self, name, None)
            if given != own:
                raise InvalidArgument(
                    f"{name}={given!r} of {type(self).__name__}: keys cannot be named one by one; this one is {own!r}. "
                    "Leave the attribute as it is. To keep two deployments on one Redis apart, give each its own "
                    "database (redis://HOST/1), or, from RQ 3 on, its own key prefix: RQ_KEY_PREFIX, the same for "
                    "clients, workers and dispatchers. `rqscheduler check` finds what lies under other keys"
                )


_NAMES = [(name, value) for name, value in vars(KeyNames).items() if isinstance(value, str) and name[0] != "_"]
