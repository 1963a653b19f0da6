"""What the site's workers run. What they write to Redis is under `test:`."""

from jobs_for_tests import push_id


def ship() -> None:
    push_id("shipped")


def close_books(day: str = "today") -> None:
    push_id("closed")


def invoice(order: int = 0) -> None:
    raise ValueError(f"no such order: {order}")
