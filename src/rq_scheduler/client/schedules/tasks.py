"""Tasks of Django (`django.tasks`, and its backport `django_tasks`) in the place of functions: what is told RQ of one.

Knows them by what they offer, and imports neither Django nor a backend: where a Task is, these are imported already.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from typing import Any

from msgspec.structs import replace
from rq.utils import import_attribute

from rq_scheduler.aside import aside
from rq_scheduler.functions import TASK_MODULES, is_task
from rq_scheduler.model import Schedule

__all__ = ["expand_task"]

_RQ_BACKEND = "django_tasks_rq.backend"


def expand_task(schedule: Schedule) -> tuple[Schedule, Any]:
    """A schedule of a Task, or of its name, as one of what a worker runs; and what is called in the end, or its name.

    With the backend of django-tasks-rq, its own worker runs the Task, as if that backend had enqueued it, in the Task's
    queue unless the schedule names another. With any other, a run enqueues the Task there.
    """
    task: Any = _task_of(schedule.func)
    if task is None:
        return schedule, schedule.func
    target: Callable[..., Any] = partial(task.func, None) if task.takes_context else task.func
    if not any(kind.__module__ == _RQ_BACKEND for kind in type(task.get_backend()).__mro__):
        return replace(schedule, func=f"{task.module_path}.enqueue"), target
    changed = replace(
        schedule,
        func=task.module_path,
        queue_name=schedule.queue_name or task.queue_name,
        meta={**(schedule.meta or {}), "backend_name": task.backend},
        on_success=schedule.on_success or f"{_RQ_BACKEND}.success_callback",
        on_failure=schedule.on_failure or f"{_RQ_BACKEND}.failed_callback",
    )
    return changed, target


def _task_of(func: Any) -> Any:
    if not isinstance(func, str):
        return func if is_task(func) else None
    if not any(name in sys.modules for name in TASK_MODULES):
        return None
    try:
        found = aside(import_attribute, func)
    except (Exception, SystemExit):  # noqa: BLE001  importing runs whatever the module holds
        return None  # code that only workers have
    return found if is_task(found) else None
