"""`rqscheduler --alert` and `rqscheduler alert` as real processes: what dies, what hangs, what is said."""

import json
import os
import signal
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
import redis as redis_py
from click.testing import CliRunner

import jobs_for_tests
from alerts.inbox import SECRET, Inbox
from rq_scheduler import Scheduler
from rq_scheduler.cli.app import rqscheduler
from rq_scheduler.guarded_process import GuardedProcess
from rq_scheduler.store import Store
from support import PATIENCE, Processes, wait_until

pytestmark = pytest.mark.once

Start = Callable[..., GuardedProcess]


@pytest.fixture
def daemon(processes: Processes, redis_url: str, store: Store) -> Start:
    """Start a dispatcher with these receivers, and wait until it serves."""

    def start(*args: str, env: dict[str, str] | None = None, **files: str) -> GuardedProcess:
        for name, text in files.items():
            (processes.folder / f"{name}.toml").write_text(text)
            args = (*args, "--alert", f"{name}.toml")
        argv = (sys.executable, "-m", "rq_scheduler.scripts.rqscheduler", "--url", redis_url, *args)
        process = processes.start(*argv, env=env)
        wait_until(lambda: "serves" in process.output() or not process.running, message=process.output)
        assert process.running, process.output()
        return process

    return start


def holder(store: Store, name: str = "programs") -> bytes:
    return wait_until(lambda: store.connection.hget(store.keys.alert_receiver(name), "holder") or b"")


def ids_of(inbox: Inbox) -> list[str]:
    return [event["id"] for post in inbox.posts for event in post.data["events"]]


def test_a_holder_that_is_killed_between_sending_and_remembering(daemon: Start, store: Store, inbox: Inbox) -> None:
    first = daemon(receivers=inbox.toml())
    key = store.keys.alert_receiver("programs")
    assert holder(store)
    inbox.before = lambda: os.kill(first.pid, signal.SIGKILL)
    store.note_event("overdue", "a")
    wait_until(lambda: not first.running)
    inbox.before = lambda: None
    store.note_event("overdue", "b")
    wait_until(lambda: inbox.posts)
    store.connection.hset(key, "leased_until", "0")  # as it will be, some seconds later
    daemon(receivers=inbox.toml())
    wait_until(lambda: "b" in ids_of(inbox))
    assert ids_of(inbox) == ["a", "a", "b"]
    once, again, other = inbox.posts
    assert once.id == again.id != other.id
    assert once.body == again.body


def test_one_that_is_killed_is_followed_by_the_other(daemon: Start, store: Store, inbox: Inbox) -> None:
    first, _ = daemon(receivers=inbox.toml(kinds=["overdue"])), daemon(receivers=inbox.toml(kinds=["overdue"]))
    assert holder(store)
    store.note_event("overdue", "a")
    wait_until(lambda: ids_of(inbox) == ["a"])
    wait_until(lambda: store.connection.hget(store.keys.alert_receiver("programs"), "memory"))
    first.kill()  # which has the receiver, unless the other was faster
    store.connection.hset(store.keys.alert_receiver("programs"), "leased_until", "0")  # as it will be, seconds later
    store.note_event("overdue", "b")
    wait_until(lambda: ids_of(inbox) == ["a", "b"])


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_receivers_that_never_answer_hold_up_neither_jobs_nor_the_end(
    daemon: Start, store: Store, redis: redis_py.Redis, inbox: Inbox, number: signal.Signals
) -> None:
    inbox.hang()
    people = f'[receivers.people]\nurl = "json://127.0.0.1:{inbox.port}?rto=600"\nwindow = 0\ntimeout = 120\n'
    process = daemon(programs=inbox.toml(timeout=120), people=people)
    assert holder(store)
    assert holder(store, "people")
    store.note_event("overdue", "a")
    wait_until(lambda: len(inbox.posts) == 2)
    job = Scheduler(connection=redis).enqueue_in(timedelta(0), jobs_for_tests.nothing)
    wait_until(lambda: redis.lrange("rq:queue:default", 0, -1) == [job.id.encode()])
    process.signal(number)
    assert process.wait(PATIENCE) == 0, "it does not wait for them, who never answer"
    assert "Traceback" not in process.output()
    assert store.connection.hget(store.keys.alert_receiver("people"), "holder") == b""


def test_no_secret_is_said(daemon: Start, store: Store, processes: Processes) -> None:
    with Inbox() as gone:
        port = gone.port
    url = f"json://user:pass-word@127.0.0.1:{port}/token-1?+x-key=key-1234"
    people = f'[receivers.people]\nurl = "{url}"\nwindow = 0\n'
    programs = f'[receivers.programs]\nwebhook = "http://127.0.0.1:{port}/token-2"\nsecret = "{SECRET}"\nwindow = 0\n'
    process = daemon("--verbose", "--alert", "ALERTS", people=people, env={"ALERTS": programs})
    assert holder(store)
    assert holder(store, "people")
    store.note_event("overdue", "a")
    wait_until(lambda: process.output().count("Alerts do not reach") == 2, message=process.output)
    keys = [store.keys.alert_receiver(name) for name in ("people", "programs")]
    wait_until(lambda: all(store.connection.hget(key, "error") for key in keys))
    state = [store.connection.hgetall(key) for key in keys]
    wait_until(
        lambda: all(store.connection.hget(store.keys.alert_receiver(name), "error") for name in ("people", "programs"))
    )
    line = Path(f"/proc/{process.pid}/cmdline")
    said = process.output() + repr(state) + (line.read_text() if line.exists() else "")
    for secret in ("pass-word", "token-1", "token-2", "key-1234", SECRET, SECRET.removeprefix("whsec_")):
        assert secret not in said


def test_without_alerts_nothing_of_them_is_loaded_or_asked(
    processes: Processes, redis: redis_py.Redis, redis_url: str, store: Store
) -> None:
    store.note_event("overdue", "a")
    source = f"""
import sys
from rq_scheduler.cli.app import rqscheduler
try:
    rqscheduler(["--url", {redis_url!r}, "--burst"])
except SystemExit:
    pass
print([name for name in sys.modules if "alerts" in name and "rq_scheduler.store" not in name
       or name.partition(".")[0] in ("apprise", "requests", "standardwebhooks")])
"""
    assert processes.run(sys.executable, "-c", source).splitlines()[-1] == "[]"
    assert not redis.keys("rq:scheduler:alerts*")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (
            '[receivers.a]\nurl = "slak://x/token-1"',
            "receivers.a: url is of slak://, which apprise does not know; did you",
        ),
        ('[receivers.a]\nurl = "slack://token-1"', "receivers.a: url is no whole address of slack://"),
        ('[receivers.a]\nurl = "token-1"', "receivers.a: url is no address of apprise"),
        ("[receivers.a]\nurl = 3", "receivers.a: url is an int: give text"),
        ('[receivers.a]\nurl = ""', "receivers.a: url is empty"),
        ('[receivers.a]\nurl = {file = "x"}', "receivers.a: url is a table: give text"),
        ('[receivers.a]\nurl = {env = "NOT_THERE"}', "receivers.a: url: the environment has no variable 'NOT_THERE'"),
        ('[receivers.a]\nurl = "json://h/token-1"\nkinds = ["faling"]', "did you mean 'failing'?"),
        ('[receivers.a]\nurl = "json://h/token-1"\nwindow = "x"', "receivers.a: window='x' is not a duration"),
        ('[receivers.a]\nurl = "json://h/token-1"\nwindows = 1', "did you mean 'window'?"),
        ('[receivers.a]\nurl = "json://h/token-1"\nsecret = "x"', "receivers.a: secret goes with webhook"),
        ('[receivers.a]\nurl = "json://h"\nwebhook = "http://h"', "receivers.a: there is both url and webhook"),
        ("[receivers.a]", "receivers.a: there is neither url nor webhook"),
        ('[receivers."a b"]\nurl = "json://h"', "is no name of a receiver"),
        ('[receivers.a]\nwebhook = "http://h/token-1"', "receivers.a: secret is missing"),
        ('[receivers.a]\nwebhook = "ftp://h/token-1"\nsecret = "' + SECRET + '"', "webhook is no address of HTTP"),
        ('[receivers.a]\nwebhook = "http://h:x/token-1"\nsecret = "' + SECRET + '"', "webhook is no address of HTTP"),
        ('[receivers.a]\nwebhook = "http://h"\nsecret = "token-1"', "no secret of Standard Webhooks"),
        ('[receivers.a]\nwebhook = "http://h"\nsecret = "whsec_AAAA"', "is of 3 bytes, and has to be of 24 or more"),
        ("receivers = 3", "receivers is an int: give a table"),
        ("[receivers]\na = 3", "receivers.a: it is an int: give a table"),
        ('site = 3\n[receivers.a]\nurl = "json://h"', "site is an int"),
        ('timezone = "Europe/Pariss"\n[receivers.a]\nurl = "json://h"', "Europe/Paris"),
        ("receiver = {}", "did you mean 'receivers'?"),
        ("", "no receiver is named"),
        ('[receivers.a\nurl = "token-1"', "it is no TOML (at line 1"),
        ("x = " + "[" * 100_000, "it is no TOML"),
    ],
)
def test_mistakes_end_with_advice_before_anything_starts(text: str, says: str, tmp_path: Path) -> None:
    file = tmp_path / "alerts.toml"
    file.write_text(text)
    for args in (["--alert", str(file), "--url", "redis://127.0.0.1:1"], ["alert", "test", str(file)]):
        result = CliRunner().invoke(rqscheduler, args)
        assert result.exit_code == 2, result.output
        assert says in " ".join(result.output.replace(str(tmp_path), "").split()), result.output
        assert "token-1" not in result.output
        assert str(file) in result.output.replace("\n", "")


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["--alert", "slack://x/token-1"], "everybody sees in the list of processes"),
        (["--alert", "NOT_THERE"], "no file and no environment variable of the name NOT_THERE"),
        (["--alert", "not/there.toml"], "there is no file of the name not/there.toml"),
        (["--alert", "x\0y"], "no file"),
        (["--burst", "--alert", "x"], "leave it out with --burst"),
        (["alert", "test"], "Missing argument"),
    ],
)
def test_what_is_no_file(args: list[str], says: str) -> None:
    result = CliRunner().invoke(rqscheduler, args)
    assert result.exit_code == 2, result.output
    assert says in " ".join(result.output.split())
    assert "token-1" not in result.output


def test_several_files_have_one_name_for_each(inbox: Inbox, tmp_path: Path) -> None:
    files = [tmp_path / "a.toml", tmp_path / "b.toml"]
    for file in files:
        file.write_text('site = "shop"\n' + inbox.toml())
    result = CliRunner().invoke(rqscheduler, ["alert", "test", *map(str, files)])
    assert "two receivers are named 'programs'" in " ".join(result.output.split())
    files[1].write_text('site = "other"\n' + inbox.toml("others"))
    result = CliRunner().invoke(rqscheduler, ["alert", "test", *map(str, files)])
    assert "site is another than in the file before" in " ".join(result.output.split())


@pytest.mark.parametrize("missing", ["apprise", "requests", "standardwebhooks"])
def test_a_library_that_is_missing(missing: str, inbox: Inbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (missing, f"{missing}.webhooks"):
        monkeypatch.setitem(sys.modules, name, None)  # type: ignore[arg-type]
    file = tmp_path / "alerts.toml"
    file.write_text('[receivers.people]\nurl = "json://h/token-1"\n' if missing == "apprise" else inbox.toml())
    result = CliRunner().invoke(rqscheduler, ["alert", "test", str(file)])
    assert result.exit_code == 2
    said = " ".join(result.output.split())
    assert "of the extra [alerts]: pip install" in said
    assert missing in said


class TestAlertTest:
    def test_says_what_each_answered(self, inbox: Inbox, other_inbox: Inbox, tmp_path: Path) -> None:
        other_inbox.status = 503
        file = tmp_path / "alerts.toml"
        people = f'[receivers.people]\nurl = "json://127.0.0.1:{inbox.port}"\n'
        file.write_text('site = "shop"\n' + inbox.toml("good") + other_inbox.toml("bad") + people)
        result = CliRunner().invoke(rqscheduler, ["alert", "test", str(file)])
        assert result.exit_code == 1
        assert result.output.splitlines() == [
            "ok     good: HTTP 200 OK",
            "wrong  bad: HTTP 503 Service Unavailable",
            "ok     people: taken by JSON",
        ]
        (post,) = [post for post in inbox.posts if "webhook-id" in post.headers]
        assert post.data["test"] is True
        assert post.data["title"] == "[shop] rq-scheduler: a test"
        other_inbox.status = 204
        result = CliRunner().invoke(rqscheduler, ["alert", "test", "FILE", "--json"], env={"FILE": file.read_text()})
        assert result.exit_code == 0, result.output
        assert json.loads(result.output)["receivers"][1] == {
            "name": "bad",
            "arrived": True,
            "answer": "HTTP 204 No Content",
        }

    def test_one_that_never_answers(self, inbox: Inbox, tmp_path: Path) -> None:
        inbox.hang()
        file = tmp_path / "alerts.toml"
        file.write_text(inbox.toml(timeout=1))
        result = CliRunner().invoke(rqscheduler, ["alert", "test", str(file)])
        assert result.exit_code == 1
        assert "wrong  programs: no answer" in result.output


def test_forget(redis: redis_py.Redis, redis_url: str, store: Store) -> None:
    store.take_alerts("old", "token", 1)
    result = CliRunner().invoke(rqscheduler, ["alert", "forget", "old", "--url", redis_url])
    assert result.output == "old is forgotten\n"
    (left,) = redis.keys("rq:scheduler:alerts*")
    assert 0 < redis.ttl(left) <= 60
    result = CliRunner().invoke(rqscheduler, ["alert", "forget", "old", "--url", redis_url])
    assert result.exit_code == 1
    assert "no receiver is named 'old'" in result.output


def test_an_application_that_runs_a_dispatcher(
    processes: Processes, redis: redis_py.Redis, redis_url: str, store: Store
) -> None:
    source = f"""
from redis import Redis
from rq_scheduler import Scheduler
from rq_scheduler.alerts import Alerts, Message, Receiver

def send(message: Message) -> None:
    print("TOLD", message.title, flush=True)

alerts = Alerts([Receiver(name="own", send=send, kinds=["quarantined"], window=0)], site="shop")
Scheduler(connection=Redis.from_url({redis_url!r})).run(alerts=alerts)
"""
    process = processes.start(sys.executable, "-c", source)
    assert holder(store, "own")
    store.note_event("overdue", "a")
    store.note_event("quarantined", "b", reason="its job is gone")
    wait_until(
        lambda: "TOLD [shop] b went into quarantine: its job is gone" in process.output(), message=process.output
    )
    os.kill(process.pid, signal.SIGTERM)
    assert process.wait(PATIENCE) == 0
    assert process.output().count("TOLD") == 1
