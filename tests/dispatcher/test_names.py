"""A dispatcher killed and restarted under one name: what it waits for, and when it need not."""

import subprocess
import sys
import threading
from collections.abc import Mapping
from typing import Any

import pytest
import redis as redis_py

from making import Told, dispatcher
from rq_scheduler.dispatcher import LogEvents, process
from rq_scheduler.errors import NameTaken
from rq_scheduler.guarded_process import GuardedProcess
from rq_scheduler.store import Store
from support import Processes, wait_until

KEY = "rq:scheduler_instance:me"


def identity_of(child: subprocess.Popen[bytes]) -> dict[str, str]:
    """What this child would tell of itself."""
    return {**process.identity(), "pid": str(child.pid), "started": process._stat(child.pid)[19]}


@pytest.fixture
def ended() -> Mapping[str, str]:
    """What a process of this host told of itself that has ended since."""
    child = subprocess.Popen(["cat"], stdin=subprocess.PIPE)
    told = identity_of(child)
    child.communicate()
    return told


class TestWhetherAProcessIsGone:
    def test_one_that_has_ended(self, ended: Mapping[str, str]) -> None:
        assert process.is_gone(ended)

    def test_one_that_lives(self) -> None:
        assert not process.is_gone(process.identity())
        assert not process.is_gone({**process.identity(), "pid": "1", "started": process._stat(1)[19]})

    @pytest.mark.parametrize(
        "changed",
        [
            {"host": "elsewhere"}, {"boot": "another"}, {"boot": ""}, {"pid": ""}, {"pid": "-1"}, {"pid": "0"},
            {"pid": "9" * 30}, {"pid": "x"},
        ],
        ids=str,
    )  # fmt: skip
    def test_one_that_cannot_be_known(self, ended: Mapping[str, str], changed: Mapping[str, str]) -> None:
        assert not process.is_gone({**ended, **changed})
        assert not process.is_gone({})
        assert not process.is_gone({"host": process.identity()["host"], "pid": ended["pid"]}), "0.14 tells no more"

    def test_where_nothing_tells_the_boot(self, ended: Mapping[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(process, "_boot", lambda: "")
        assert not process.is_gone({**ended, "boot": ""})

    def test_one_whose_id_has_gone_to_another(self, ended: Mapping[str, str]) -> None:
        assert process.is_gone({**process.identity(), "started": "1"})

    def test_one_that_nobody_has_waited_for(self) -> None:
        child = subprocess.Popen(["cat"], stdin=subprocess.PIPE)
        known = identity_of(child)
        assert not process.is_gone(known)
        child.kill()
        wait_until(lambda: process.is_gone(known))
        child.communicate()


class Names(Told):
    def name_taken(self, name: str, holder: Mapping[str, str], ttl_ms: int) -> None:
        self.others.append(("taken", name, holder["pid"], 0 < ttl_ms <= 11_000))

    def name_taken_over(self, name: str, holder: Mapping[str, str]) -> None:
        self.others.append(("taken over", name, holder["pid"]))

    def started(self, name: str) -> None:
        self.others.append(("started", name))


def born(store: Store, told: Mapping[str, str]) -> None:
    """What a dispatcher that was killed leaves behind."""
    store.register_birth("me", told, 11, token="of the dead one")


def test_the_name_of_one_that_is_gone_is_taken_over_at_once(
    redis: redis_py.Redis, store: Store, ended: Mapping[str, str]
) -> None:
    born(store, ended)
    told = Names()
    dispatcher(redis, told, name="me").run(burst=True)
    assert told.others == [("taken over", "me", ended["pid"]), ("started", "me"), ("stopped", 0)]
    assert not redis.exists(KEY)


def test_one_that_may_be_alive_is_waited_for_and_that_is_said_once(
    redis: redis_py.Redis, store: Store, ended: Mapping[str, str]
) -> None:
    """Its host is another, so that nobody here can know."""
    born(store, {**ended, "host": "elsewhere"})
    told = Names()
    one = dispatcher(redis, told, name="me")
    thread = threading.Thread(target=lambda: one.run(burst=True))
    thread.start()
    wait_until(lambda: told.others)
    redis.delete(KEY)  # its time is up
    thread.join(50)
    assert told.others == [("taken", "me", ended["pid"], True), ("started", "me"), ("stopped", 0)]


def test_one_that_waits_for_its_name_ends_when_it_is_told_to(redis: redis_py.Redis, store: Store) -> None:
    """As by SIGTERM: that it has no name yet is no error then."""
    born(store, process.identity())
    told, ended_by = Names(), list[SystemExit]()
    one = dispatcher(redis, told, name="me")

    def run() -> None:
        try:
            one.run()
        except SystemExit as error:
            ended_by.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    wait_until(lambda: told.others)
    one.request_stop()
    thread.join(50)
    assert [repr(error) for error in ended_by] == ["SystemExit(0)"]
    assert [kind for kind, *_ in told.others] == ["taken"]
    assert redis.hget(KEY, "birth_token") == b"of the dead one"


def test_one_that_lives_keeps_its_name(redis: redis_py.Redis, store: Store) -> None:
    born(store, process.identity())
    told = Names()
    with pytest.raises(NameTaken, match="'me'"):
        dispatcher(redis, told, name="me", ttl=0).run(burst=True)
    assert redis.hget(KEY, "birth_token") == b"of the dead one"
    assert [kind for kind, *_ in told.others] == ["taken"]


def test_of_two_restarts_at_once_one_has_the_name(
    redis: redis_py.Redis, store: Store, ended: Mapping[str, str]
) -> None:
    for _ in range(20):
        redis.delete(KEY)
        born(store, ended)
        two = [dispatcher(redis, Names(), name="me") for _ in range(2)]
        begun = threading.Barrier(2)
        outcomes: list[str] = []

        def announce(one: Any, begun: threading.Barrier = begun, outcomes: list[str] = outcomes) -> None:
            one._pause = lambda seconds: setattr(one, "_stop", True)
            begun.wait()
            try:
                one._announce()
            except SystemExit:
                outcomes.append("waits")
            else:
                outcomes.append("serves")

        threads = [threading.Thread(target=announce, args=(one,)) for one in two]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(outcomes) == ["serves", "waits"]


def test_a_daemon_killed_and_restarted_serves_at_once(
    redis: redis_py.Redis, redis_url: str, processes: Processes
) -> None:
    """For real: SIGKILL, and the same command again."""

    def start() -> GuardedProcess:
        started = processes.start(sys.executable, "-m", "rq_scheduler.cli", "--url", redis_url, "--name", "me")
        wait_until(lambda: "serves" in started.output(), message=started.output)
        return started

    first = start()
    first.kill()
    assert redis.exists(KEY)
    second = start()
    assert f"was process {first.pid} on this host, which is gone" in second.output()
    assert "waiting" not in second.output()
    third = processes.start(sys.executable, "-m", "rq_scheduler.cli", "--url", redis_url, "--name", "me")
    wait_until(lambda: "A dispatcher me is known already" in third.output(), message=third.output)
    assert f"process {second.pid})" in third.output()


def test_the_log_says_what_is_waited_for(caplog: pytest.LogCaptureFixture) -> None:
    LogEvents().name_taken("me", {"host": "rome", "pid": "7"}, 8_200)
    said = caplog.records[0].getMessage()
    assert "A dispatcher me is known already (host rome, process 7): waiting until it is heard of no more, 8 s" in said
