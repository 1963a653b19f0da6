"""Sleep, and what ends it: a message, the stop flag, the end of the poll."""

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
import redis as redis_py

from conftest import StartServer
from making import HOUR, INDEX, US, Told, add, entry, now_us, recurring, waiting
from rq_scheduler.dispatcher import Dispatcher
from rq_scheduler.dispatcher.waker import LONGEST_SLEEP, Waker
from rq_scheduler.store import Store
from support import wait_until

Running = Callable[..., Dispatcher]


def _asleep(client: redis_py.Redis) -> bool:
    return client.pubsub_numsub("rq:scheduler:wakeup")[0][1] > 0


class TestALoop:
    @pytest.mark.parametrize("how", ["saved", "recurring", "moved"])
    def test_an_entry_for_soon_wakes_it(
        self, redis: redis_py.Redis, store: Store, running: Running, told: Told, how: str
    ) -> None:
        if how == "moved":
            add(store, entry(redis, "a", now_us(redis) + HOUR))
        running(interval=5)
        wait_until(lambda: _asleep(redis))
        wait_until(lambda: redis.zcard(store.keys.dispatchers) == 1)
        due = now_us(redis) + 50_000
        if how == "moved":
            store.reschedule("a", due)
        else:
            add(store, (entry if how == "saved" else recurring)(redis, "a", due))
        wait_until(lambda: waiting(redis) == ["a"], timeout=3)
        wait_until(lambda: told.jobs)
        ((job, at),) = told.jobs
        assert 0 <= at - job.due < 500_000, "the poll is at 5 s"

    def test_an_entry_that_is_due_already_wakes_it(self, redis: redis_py.Redis, store: Store, running: Running) -> None:
        running(interval=5)
        wait_until(lambda: redis.zcard(store.keys.dispatchers) == 1)
        began = time.monotonic()
        add(store, entry(redis, "a", 5))
        wait_until(lambda: waiting(redis) == ["a"], timeout=3)
        assert time.monotonic() - began < 1

    def test_a_foreign_client_is_served_at_the_next_poll(
        self, redis: redis_py.Redis, store: Store, running: Running
    ) -> None:
        running(interval=0.1)
        wait_until(lambda: redis.zcard(store.keys.dispatchers) == 1)
        redis.hset("rq:job:a", mapping=entry(redis, "a", 0).fields)
        redis.zadd(INDEX, {"a": now_us(redis) / US})
        wait_until(lambda: waiting(redis) == ["a"], timeout=3)

    def test_without_rights_on_the_channel(self, start_server: StartServer, running: Running, told: Told) -> None:
        server = start_server(aof=False)
        with redis_py.Redis(port=server.port) as admin:
            admin.execute_command("ACL", "SETUSER", "app", "on", ">secret", "~*", "+@all", "resetchannels")
            client = redis_py.Redis(port=server.port, username="app", password="secret")
            store = Store(client)
            one = running(client, told, interval=0.1)
            wait_until(lambda: admin.zcard(store.keys.dispatchers) == 1)
            add(store, entry(client, "a", now_us(client) + 20_000), recurring(client, "r", now_us(client) + 20_000))
            store.reschedule("a", now_us(client) + 10_000)
            wait_until(lambda: sorted(waiting(admin)) == ["a", "r"], timeout=3)
            assert [name for name, *_ in told.others].count("channel_refused") == 1
            assert not any(name == "lost" for name, *_ in told.others)
            one.request_stop()
            wait_until(lambda: any(name == "stopped" for name, *_ in told.others))
            client.close()


class TestMessages:
    """A message only when somebody would sleep too long without it."""

    def _heard(self, client: redis_py.Redis, act: Callable[[], Any]) -> int:
        with client.pubsub(ignore_subscribe_messages=True) as channel:
            channel.subscribe("rq:scheduler:wakeup")
            channel.get_message(timeout=1)
            act()
            client.publish("rq:scheduler:wakeup", "end")
            heard = 0
            while True:
                message = channel.get_message(timeout=2)
                assert message is not None
                if message["data"] == b"end":
                    return heard
                heard += 1

    def test_when(self, redis: redis_py.Redis, store: Store) -> None:
        def save(id: str, seconds: float) -> int:
            return self._heard(redis, lambda: add(store, entry(redis, id, now_us(redis) + round(seconds * US))))

        assert save("far", 3600) == 0, "everybody polls before"
        assert save("b", 4) == 1
        assert save("c", 4.5) == 0, "another comes first"
        assert save("d", 3) == 1
        assert save("e", -1) == 1, "due at once"
        assert self._heard(redis, lambda: store.reschedule("far", now_us(redis) + US)) == 1
        assert self._heard(redis, lambda: store.reschedule("far", now_us(redis) + HOUR)) == 0

    def test_one_for_a_batch(self, redis: redis_py.Redis, store: Store) -> None:
        now = now_us(redis)
        batch = [entry(redis, f"j{i}", now + US + i) for i in range(300)]
        assert self._heard(redis, lambda: store.save(batch)) == 1


class TestSleep:
    def _waker(self, store: Store, stop: threading.Event | None = None) -> Waker:
        return Waker(store, Told(), (stop or threading.Event()).is_set)

    def _slept(self, waker: Waker, seconds: float) -> float:
        began = time.monotonic()
        waker.sleep(seconds)
        return time.monotonic() - began

    @pytest.mark.parametrize("subscribed", [False, True])
    @pytest.mark.parametrize("seconds", [0.0, 0.001, 0.03, 0.3])
    def test_as_long_as_told(self, store: Store, redis: redis_py.Redis, subscribed: bool, seconds: float) -> None:
        waker = self._waker(store)
        if subscribed:
            waker.subscribe()
        assert seconds <= self._slept(waker, seconds) < seconds + 0.5
        waker.close()

    def test_a_message_ends_it_and_is_answered_once(self, redis: redis_py.Redis, store: Store) -> None:
        waker = self._waker(store)
        waker.subscribe()
        for _ in range(50):
            redis.publish(store.keys.wakeup, "x")
        assert self._slept(waker, 5) < 1
        wait_until(lambda: self._slept(waker, 0.2) >= 0.2, message="old messages wake it again and again")
        waker.close()

    @pytest.mark.parametrize("subscribed", [False, True])
    def test_the_stop_flag_ends_it(self, redis: redis_py.Redis, store: Store, subscribed: bool) -> None:
        stop = threading.Event()
        waker = self._waker(store, stop)
        if subscribed:
            waker.subscribe()
        timer = threading.Timer(0.1, stop.set)
        timer.start()
        assert self._slept(waker, 5) < 1.5
        timer.join()
        waker.close()

    def test_never_longer_than_the_longest(self, redis: redis_py.Redis, store: Store, monkeypatch: Any) -> None:
        monkeypatch.setattr("rq_scheduler.dispatcher.waker.LONGEST_SLEEP", 0.1)
        assert self._slept(self._waker(store), 3600) < 1
        assert LONGEST_SLEEP == 5

    def test_after_close_it_subscribes_anew(self, redis: redis_py.Redis, store: Store) -> None:
        waker = self._waker(store)
        for _ in range(2):
            waker.subscribe()
            waker.subscribe()
            assert redis.pubsub_numsub(store.keys.wakeup)[0][1] == 1
            waker.close()
            wait_until(lambda: redis.pubsub_numsub(store.keys.wakeup)[0][1] == 0)
