"""Sleep, and what ends it: a message, the stop flag, the end of the poll."""

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
import redis as redis_py

import rq_scheduler.dispatcher.waker as waker_module
from conftest import StartServer
from making import HOUR, INDEX, US, Told, add, entry, now_us, recurring, waiting
from rq_scheduler.dispatcher import Dispatcher
from rq_scheduler.dispatcher.waker import Waker
from rq_scheduler.store import Store
from support import PATIENCE, wait_until

Running = Callable[..., Dispatcher]


def _asleep(client: redis_py.Redis) -> bool:
    return client.pubsub_numsub("rq:scheduler:wakeup")[0][1] > 0


class Clock:
    """A `time` in which nothing takes any, but for sleeping."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


class TestALoop:
    @pytest.mark.parametrize("how", ["saved", "recurring", "moved"])
    def test_an_entry_for_soon_wakes_it(
        self, redis: redis_py.Redis, store: Store, running: Running, told: Told, unwoken: float, how: str
    ) -> None:
        if how == "moved":
            add(store, entry(redis, "a", now_us(redis) + HOUR))
        running(interval=unwoken)
        wait_until(lambda: _asleep(redis))
        wait_until(lambda: redis.zcard(store.keys.dispatchers) == 1)
        due = now_us(redis) + 50_000
        if how == "moved":
            store.reschedule("a", due)
        else:
            add(store, (entry if how == "saved" else recurring)(redis, "a", due))
        wait_until(lambda: waiting(redis) == ["a"])
        wait_until(lambda: told.jobs)
        ((job, at),) = told.jobs
        assert at >= job.due

    def test_an_entry_that_is_due_already_wakes_it(
        self, redis: redis_py.Redis, store: Store, running: Running, unwoken: float
    ) -> None:
        running(interval=unwoken)
        wait_until(lambda: redis.zcard(store.keys.dispatchers) == 1)
        add(store, entry(redis, "a", 5))
        wait_until(lambda: waiting(redis) == ["a"])

    def test_a_foreign_client_is_served_at_the_next_poll(
        self, redis: redis_py.Redis, store: Store, running: Running
    ) -> None:
        running(interval=0.1)
        wait_until(lambda: redis.zcard(store.keys.dispatchers) == 1)
        redis.hset("rq:job:a", mapping=entry(redis, "a", 0).fields)
        redis.zadd(INDEX, {"a": now_us(redis) / US})
        wait_until(lambda: waiting(redis) == ["a"])

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
            wait_until(lambda: sorted(waiting(admin)) == ["a", "r"])
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
            channel.get_message(timeout=PATIENCE)
            act()
            client.publish("rq:scheduler:wakeup", "end")
            heard = 0
            while True:
                message = channel.get_message(timeout=PATIENCE)
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

    @pytest.mark.parametrize("seconds", [0.0, 0.001, 0.03, 0.3, 4.0])
    def test_as_long_as_told(self, store: Store, monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
        clock = Clock()
        monkeypatch.setattr(waker_module, "time", clock)
        self._waker(store).sleep(seconds)
        assert clock.now == pytest.approx(seconds)

    @pytest.mark.parametrize("seconds", [0.0, 0.001, 0.03, 0.3])
    def test_no_shorter_when_it_listens(self, redis: redis_py.Redis, store: Store, seconds: float) -> None:
        waker = self._waker(store)
        waker.subscribe()
        assert self._slept(waker, seconds) >= seconds
        waker.close()

    def test_a_message_ends_it_and_is_answered_once(self, redis: redis_py.Redis, store: Store, unwoken: float) -> None:
        waker = self._waker(store)
        waker.subscribe()
        for _ in range(50):
            redis.publish(store.keys.wakeup, "x")
        waker.sleep(unwoken)
        wait_until(lambda: self._slept(waker, 0.2) >= 0.2, message="old messages wake it again and again")
        waker.close()

    @pytest.mark.parametrize("subscribed", [False, True])
    def test_the_stop_flag_ends_it(self, redis: redis_py.Redis, store: Store, unwoken: float, subscribed: bool) -> None:
        stop = threading.Event()
        waker = self._waker(store, stop)
        if subscribed:
            waker.subscribe()
        timer = threading.Timer(0.1, stop.set)
        timer.start()
        waker.sleep(unwoken)
        timer.join()
        waker.close()

    def test_never_longer_than_the_longest(self, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
        clock = Clock()
        monkeypatch.setattr(waker_module, "time", clock)
        self._waker(store).sleep(3600)
        assert clock.now == pytest.approx(5)

    def test_after_close_it_subscribes_anew(self, redis: redis_py.Redis, store: Store) -> None:
        waker = self._waker(store)
        for _ in range(2):
            waker.subscribe()
            waker.subscribe()
            assert redis.pubsub_numsub(store.keys.wakeup)[0][1] == 1
            waker.close()
            wait_until(lambda: redis.pubsub_numsub(store.keys.wakeup)[0][1] == 0)
