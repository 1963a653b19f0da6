"""Tasks of Django's: run by django-tasks-rq's own worker, or by another backend."""

from typing import Any

from django_tasks import task

from jobs_for_tests import push


@task(queue_name="low")
def count(day: str) -> str:
    push("counted", day)
    return f"counted {day}"


@task(takes_context=True)
def attempt(context: Any, number: int = 1) -> int:
    push("attempts", number)
    return int(context.attempt)


@task
def fail() -> None:
    raise ValueError("no stock")


@task(backend="at-once")
def at_once(day: str) -> None:
    push("at-once", day)


def plain(day: str = "") -> None:
    push("plain", day)
