"""The options of a schedule, with the types in which callers give them: what type checkers and editors see of
`**options`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, TypedDict

from rq_scheduler.aliases import (
    Args,
    CallbackLike,
    Catchup,
    DependsOn,
    DurationLike,
    Excluded,
    FunctionOrTask,
    Overlap,
    RateLimitLike,
    RetryLike,
    Tags,
    Webhooks,
)
from rq_scheduler.triggers import AnyExclusion, AnyTrigger

__all__ = ["Changes", "Options", "Policies"]


class Policies(TypedDict, total=False):
    """The options that say when and whether a run happens, as callers give them."""

    overlap: Overlap
    catchup: Catchup
    catchup_window: DurationLike | None
    jitter: DurationLike | None
    start: datetime | None
    end: datetime | None
    max_runs: int | None
    exclude: Sequence[AnyExclusion] | AnyExclusion
    excluded: Excluded
    pause_on_failures: int | None
    expect: DurationLike | None
    keep_runs: int


class _JobOptions(Policies, total=False):
    args: Args | None
    kwargs: Mapping[str, Any] | None
    queue_name: str | None
    job_timeout: DurationLike | None
    result_ttl: DurationLike | None
    ttl: DurationLike | None
    failure_ttl: DurationLike | None
    description: str | None
    meta: dict[Any, Any] | None
    at_front: bool
    retry: RetryLike | None
    depends_on: DependsOn | None
    on_success: CallbackLike | None
    on_failure: CallbackLike | None
    on_stopped: CallbackLike | None
    webhooks: Webhooks | None
    rate_limit: RateLimitLike | None
    tags: Tags


class Options(_JobOptions, total=False):
    """All options of `Schedule` and `schedules.put`, as callers give them."""

    paused: bool
    note: str


class Changes(_JobOptions, total=False):
    """What `schedules.update` changes, as callers give it."""

    trigger: AnyTrigger
    func: FunctionOrTask
