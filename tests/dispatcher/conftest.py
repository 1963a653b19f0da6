"""Fixtures of the dispatcher's tests."""

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import redis as redis_py

from making import Told, dispatcher
from rq_scheduler.dispatcher import Dispatcher
from rq_scheduler.store import Store


@pytest.fixture
def store(redis: redis_py.Redis) -> Store:
    return Store(redis)


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
def running(redis: redis_py.Redis, told: Told) -> Iterator[Callable[..., Dispatcher]]:
    """Run dispatchers, each in a thread of its own, until the test ends: `running(interval=5)`."""
    started: list[tuple[Dispatcher, threading.Thread, list[BaseException]]] = []

    def run(client: Any = None, events: Any = None, **options: Any) -> Dispatcher:
        made = dispatcher(redis if client is None else client, events or told, **options)
        errors: list[BaseException] = []

        def serve() -> None:
            try:
                made.run()
            except SystemExit:
                pass
            except BaseException as error:  # noqa: BLE001  told below
                errors.append(error)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        started.append((made, thread, errors))
        return made

    yield run
    for made, _, _ in started:
        made.request_stop()
    for _, thread, errors in started:
        thread.join(10)
        assert not thread.is_alive(), "a dispatcher did not stop"
        assert not errors, errors
