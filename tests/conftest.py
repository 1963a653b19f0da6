"""Fixtures of the whole suite: real servers, real workers, the 0.14 peer. What is missing is a failure, not a skip."""

import compileall
import fnmatch
import functools
import gc
import logging
import os
import re
import signal
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from importlib import metadata
from pathlib import Path
from typing import Any, Protocol

import pytest
import redis as redis_py
from _pytest.assertion import rewrite
from hypothesis import settings

import acl
from driven import LoopThread, driven, site_of_the_test
from making import Told, dispatcher
from rq_scheduler import warn
from rq_scheduler.aio import awaited
from rq_scheduler.cli import redaction
from rq_scheduler.dispatcher import Dispatcher, batch_size, passes, planner, schedules, waker
from rq_scheduler.embedded import EmbeddedRedis
from rq_scheduler.guarded_process import GuardedProcess
from rq_scheduler.store import scripts
from servers import ClusterSetup, SentinelSetup, default_choice, new_server
from support import PATIENCE, ROOT, Peer, Processes, command, wait_until


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--server",
        default=default_choice(),
        help='which server the tests run on: "6.2", "8", "valkey", "path" (what is installed) or a program file; '
        "RQS_TEST_SERVER sets the default",
    )
    parser.addoption(
        "--acl",
        action="store_true",
        help="dispatchers and applications of the end-to-end tests log in as the users of docs/acl.md, with no right "
        "that is not named there",
    )


def pytest_configure(config: pytest.Config) -> None:
    settings.register_profile("suite", deadline=None)  # a slow machine is no fault of an example
    settings.load_profile("suite")
    # Thousands of collected tests are no garbage: to look through them again and again took a fifth of the time.
    gc.set_threshold(100_000, 20, 20)
    # redis-py reads its own version from the disk for each connection: a quarter of what it costs to make one.
    metadata.version = functools.cache(metadata.version)
    if getattr(config.option, "dist", "no") != "no" and not sys.dont_write_bytecode:
        compile_once(config)
    if hasattr(config, "workerinput"):
        tell_less(config)
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        # So a shell starts what runs in its background, and the processes of tests would not hear Ctrl-C either.
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if int(redis_py.__version__.partition(".")[0]) < 6:
        # It forgets the socket of a connection that failed. What we forget is seen with the newest.
        config.addinivalue_line("filterwarnings", "ignore:unclosed <socket:ResourceWarning")


_WITH_TESTS = re.compile(r"/(?:test_\w+|conftest)\.py$")


def compile_once(config: pytest.Config) -> None:
    """Before there are workers: in a fresh checkout each would compile the same, and rewrite the same asserts."""
    for folder in ("src", "tests"):
        compileall.compile_dir(ROOT / folder, quiet=2, rx=_WITH_TESTS)
    state = config.stash.get(rewrite.assertstate_key, None)  # none with --assert=plain
    for file in (ROOT / "tests").rglob("*.py") if state else ():
        kept = rewrite.get_cache_dir(file) / (file.stem + rewrite.PYC_TAIL)
        if _WITH_TESTS.search(str(file)) and not kept.exists() and not pytest_ignore_collect(file, config):
            rewrite.try_makedirs(kept.parent)
            with suppress(SyntaxError):  # whoever collects it says so
                digest, code = rewrite._rewrite_test(file, config)
                rewrite._write_pyc(state, code, digest, kept)


def tell_less(config: pytest.Config) -> None:
    """A process of pytest-xdist sends six messages for each test, which cost both sides as much as pytest itself does.
    Three of them are shown to nobody, but with -v, --durations or --junitxml: that it begins, and that all went well
    before it and after."""
    option = config.option
    if option.durations is not None or option.verbose > 0 or option.xmlpath:
        return
    interactor = next(each for each in config.pluginmanager.get_plugins() if type(each).__name__ == "WorkerInteractor")
    send = interactor.sendevent

    def send_what_is_shown(name: str, **event: Any) -> None:
        report = event.get("data", {})
        around = report.get("when") in ("setup", "teardown")
        if name != "logstart" and not (around and report["outcome"] == "passed" and not report["sections"]):
            send(name, **event)

    interactor.sendevent = send_what_is_shown


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """A file that says at its top what `-m` leaves out is not imported: each process of each run would do that."""
    left_out = config.option.markexpr.split(" and ")
    if collection_path.suffix != ".py" or not all(word.startswith("not ") for word in left_out):
        return None
    top = re.search("^pytestmark = .*", collection_path.read_text(), re.MULTILINE)
    marks = re.findall(r"pytest\.mark\.(\w+)", top[0]) if top else ()
    return True if any(f"not {mark}" in left_out for mark in marks) else None


def pytest_collection_finish() -> None:
    # What was collected stays to the end, and is no garbage: pytest looks for that twice when it ends, in each process.
    gc.freeze()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Each process begins with its share of the long tests: none is left to one of them at the end."""
    processes: int = getattr(config, "workerinput", {}).get("workercount", 1)
    long: list[pytest.Item] = []
    others: list[pytest.Item] = []
    for item in items:
        (long if item.get_closest_marker("long") else others).append(item)
    # Each is given a piece of the list, as long as those of the others.
    size = len(items) / processes
    items.clear()
    for process in range(processes):
        items += long[process::processes]
        missing = round(size * (process + 1)) - len(items)
        items += others[:missing]
        del others[:missing]


# --- servers ---


@pytest.fixture(scope="session")
def server_choice(request: pytest.FixtureRequest) -> str:
    """What --server says."""
    return request.config.getoption("--server")


@pytest.fixture(scope="session")
def acl_args(request: pytest.FixtureRequest) -> list[str]:
    """Options with which a server knows the users of docs/acl.md, if --acl says so."""
    return acl.server_args() if request.config.getoption("--acl") else []


@pytest.fixture(scope="session")
def server(server_choice: str, acl_args: list[str]) -> Iterator[EmbeddedRedis]:
    """The server that most tests share. Do not restart it: `own_server` is for that."""
    with new_server(server_choice, args=acl_args) as running:
        yield running


@pytest.fixture
def redis(server: EmbeddedRedis) -> Iterator[redis_py.Redis]:
    """A client of the shared server, which is empty and has its default settings when the test starts. It may know
    scripts: to compile them anew for each test was a third of its work."""
    client = redis_py.Redis.from_url(server.url)
    with client.pipeline(transaction=False) as pipe:
        pipe.flushall().acl_log_reset()
        pipe.execute()
    yield client
    refused = acl.refused(client)
    client.close()
    assert not refused, f"docs/acl.md leaves out what is needed: {refused}"


@pytest.fixture
def redis_url(redis: redis_py.Redis, server: EmbeddedRedis) -> str:
    """The shared server's URL, for processes."""
    return server.url


@pytest.fixture
def as_role(acl_args: list[str]) -> Callable[[str, acl.Role], str]:
    """The URL with which an application ("client") or a dispatcher reaches a server: `as_role(url, "dispatcher")`."""
    return acl.login if acl_args else lambda url, role: url


@pytest.fixture
def as_client(acl_args: list[str]) -> Iterator[Callable[[redis_py.Redis], redis_py.Redis]]:
    """A connection like this one, for an application's Scheduler: `Scheduler(connection=as_client(redis))`."""
    with ExitStack() as clients:
        yield lambda client: clients.enter_context(acl.as_user(client, "client")) if acl_args else client


@pytest.fixture
def dispatcher_url(redis_url: str, as_role: Callable[[str, acl.Role], str]) -> str:
    """The shared server's URL, for dispatchers."""
    return as_role(redis_url, "dispatcher")


FACES = ("Scheduler", pytest.param("AsyncScheduler", marks=pytest.mark.once))
"""For fixtures of which both have to behave the same."""


@pytest.fixture(autouse=True)
def _warned_of_nothing_yet(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """A line of a test is a call site of each of its runs."""
    if "scheduler" in request.fixturenames:
        monkeypatch.setattr(warn, "_given", set())


@pytest.fixture(scope="session")
def loop_thread() -> Iterator[LoopThread]:
    """An event loop in a thread, for the calls of AsyncSchedulers in tests that are no coroutines."""
    thread = LoopThread()
    yield thread
    thread.end()


@pytest.fixture
def async_scheduler(
    redis: redis_py.Redis, server: EmbeddedRedis, loop_thread: LoopThread, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Any]:
    """An AsyncScheduler that is called as a Scheduler is (`driven`)."""
    monkeypatch.setattr(awaited, "_site", site_of_the_test)
    client = loop_thread.client(server.url)
    yield driven(loop_thread, client)
    loop_thread.run(client.aclose() if hasattr(client, "aclose") else client.close())


class StartServer(Protocol):
    def __call__(self, choice: str | None = None, *, aof: bool = True, **options: Any) -> EmbeddedRedis: ...


@pytest.fixture
def start_server(server_choice: str, acl_args: list[str]) -> Iterator[StartServer]:
    """Start servers of this test's own: `start_server()`, `start_server("6.2", args=["--maxmemory", "5mb"])`."""
    started: list[EmbeddedRedis] = []

    def start(choice: str | None = None, *, aof: bool = True, **options: Any) -> EmbeddedRedis:
        options = {"fsync": "always", **options, "args": [*acl_args, *options.get("args", ())]}
        made = new_server(choice or server_choice, aof=aof, **options)
        started.append(made)
        return made.start()

    yield start
    for made in started:
        made.stop()


@pytest.fixture
def own_server(start_server: StartServer) -> EmbeddedRedis:
    """A server with AOF of this test's own, to kill, restart and misconfigure."""
    return start_server()


@pytest.fixture
def sentinel(server_choice: str) -> Iterator[SentinelSetup]:
    """A master, a replica and one sentinel, of this test's own: `.option`, `.client()`, `.fail_over()`."""
    with SentinelSetup(server_choice) as setup:
        yield setup


@pytest.fixture(scope="session")
def _cluster(server_choice: str) -> Iterator[ClusterSetup]:
    with ClusterSetup(server_choice) as setup:
        yield setup


@pytest.fixture
def cluster(_cluster: ClusterSetup) -> ClusterSetup:
    """Three cluster masters, empty: `.url`, `.client()`, `.node_of(key)`, `.keys()`."""
    _cluster.flush()
    return _cluster


@pytest.fixture(scope="session")
def django_site(server: EmbeddedRedis, acl_args: list[str], tmp_path_factory: pytest.TempPathFactory) -> None:
    """The Django site of a process, of which there can be one: `django_shop`, whose RQ is on the shared server. Nothing
    of Django's applications can be imported sooner."""
    import django

    os.environ["RQS_TEST_REDIS_URL"] = acl.login(server.url, "client") if acl_args else server.url
    os.environ["RQS_TEST_FOLDER"] = str(tmp_path_factory.mktemp("databases"))
    os.environ["DJANGO_SETTINGS_MODULE"] = "django_shop.settings"
    django.setup()


# --- nothing unexpected stays in Redis ---

# RQ's keys and ours, after the prefix. What is not here is a bug, or belongs into this table.
_EXPECTED = re.compile(
    rb"""^(?:rq|\{[^{}]+\}):(?:
      job:.+ | queues | queue:.+ | results:.+ | executions?:.+ | wip:.+ | finished:.+ | failed:.+ | deferred:.+
    | scheduled:.+ | canceled:.+ | workers(?::.+)? | worker:.+ | scheduler-lock:.+ | clean_registries:.+
    | clean_groups | groups | group:.+ | suspended | pubsub:.+ | rl-keys | rl:.+ | cron_(?:jobs | schedulers)
    | cron_(?:job | scheduler):.+
    | scheduler | scheduler_lock | scheduler_instance:.+
    | scheduler:(?:scheduled_jobs | due_schedules | to_plan | unplanned | via_rq | buffered | schedules | rev
        | pause_ends | quarantine | claims | rq_claims | rq_since | dispatchers | clock | ended | parked | parked_due
        | audit | events | deleted_schedules | tokens | alerts
        | heartbeats | run_id | outages | lock_held | last_look | workers_seen | workers_left | unserved)
    | scheduler:(?:ended | planned | schedule | history | template | tombstone | buffer | quarantine | saved
        | versions | session | request | alerts):.+
    | scheduler:(?:new_runs | open_runs | missing_runs | unread_errors | expected | not_run | names | counters)
    | scheduler:lateness:.+
    | scheduler:schedules:(?:jobs | paused | failing | late | running | (?:tag | owner | queue):.*)
    )$""",
    re.VERBOSE | re.DOTALL,
)
# What stands for a living process has to die with it.
_MORTAL = re.compile(rb"^(?:rq|\{[^{}]+\}):scheduler_(?:instance:.+|lock)$", re.DOTALL)


@pytest.fixture(autouse=True)
def _output_as_before() -> Iterator[None]:
    """Whatever sets up logging, the command line for one, leaves nothing of it to the next test; and what one test has
    hidden, the next one may say."""
    loggers = [logging.getLogger(name) for name in ("rq_scheduler", "rq_scheduler.scheduler", "py.warnings", "rq")]
    before = [(logger.handlers[:], logger.level, logger.propagate) for logger in loggers]
    yield
    logging.captureWarnings(False)
    for logger, (handlers, level, propagate) in zip(loggers, before, strict=True):
        logger.handlers[:], logger.propagate = handlers, propagate
        logger.setLevel(level)
    redaction._forms.clear()


@pytest.fixture(autouse=True)
def _no_unexpected_keys(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fail a test that leaves a key nobody expects, or a live-process key that would never expire.

    Free for tests' own use: keys under `test:`, and what a `leaves` marker names.
    """
    clients: list[Any] = []
    if "redis" in request.fixturenames:
        clients.append(request.getfixturevalue("redis"))
    yield
    allowed = ["test:*"]
    for marker in request.node.iter_markers("leaves"):
        allowed.extend(marker.args)
    for client in clients:
        keys: list[bytes] = client.keys()
        stray = [
            key
            for key in keys
            if not _EXPECTED.match(key)
            and not any(fnmatch.fnmatchcase(key.decode(errors="replace"), pattern) for pattern in allowed)
        ]
        assert not stray, f"unexpected keys are left in Redis: {stray[:10]}"
        immortal = [key for key in keys if _MORTAL.match(key) and client.ttl(key) == -1]
        assert not immortal, f"these keys stand for a process and would never expire: {immortal[:10]}"


# --- dispatchers in this process ---


@pytest.fixture(scope="session", autouse=True)
def _whole_passes() -> Iterator[None]:
    """A pass serves all that is due, in commits that are full, also on a machine that is slow just now."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passes, "LONGEST_PASS", PATIENCE)
        patch.setattr(batch_size, "BUDGET", PATIENCE)
        patch.setattr(schedules, "PLANNING", PATIENCE)
        patch.setattr(planner, "TAKEN_FOR", PATIENCE)
        yield


read_as_is = scripts._read
LONGEST_LOOK = re.compile(r"^( *local LONGEST[A-Z_, ]* = )0\.004\b", re.MULTILINE)


def read_whole(name: str) -> str:
    """The text of a script that takes all the time it wants."""
    text, limits = LONGEST_LOOK.subn(rf"\g<1>{PATIENCE}", read_as_is(name))
    assert limits == text.count("os.clock"), f"{name}.lua ends by its own clock in a way that is not known here"
    return text


@contextmanager
def scripts_read_by(read: Callable[[str], str]) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scripts, "_read", functools.cache(read))
        scripts._load.cache_clear()
        yield
    scripts._load.cache_clear()


@pytest.fixture(scope="session", autouse=True)
def _whole_scripts() -> Iterator[None]:
    """A script does all that it is given, also on a machine that is slow just now: nothing but numbers limits it."""
    with scripts_read_by(read_whole):
        yield


@pytest.fixture
def scripts_as_is() -> Iterator[None]:
    """For a test that shows how a script ends by its own clock, or reads the text of one."""
    with scripts_read_by(read_as_is):
        yield


@pytest.fixture
def unwoken(monkeypatch: pytest.MonkeyPatch) -> float:
    """Seconds, an hour, that a dispatcher of this interval sleeps if nobody wakes it: whatever a test waits for has not
    come of a poll."""
    monkeypatch.setattr(waker, "LONGEST_SLEEP", 3600.0)
    return 3600.0


@pytest.fixture
def host_in(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """Puts this host in a time zone until the test ends: `host_in("Europe/Paris")`."""

    def move(zone: str) -> None:
        monkeypatch.setenv("TZ", zone)
        time.tzset()

    yield move
    monkeypatch.undo()
    time.tzset()


@pytest.fixture
def told() -> Told:
    """What the dispatchers of `running` tell."""
    return Told()


@pytest.fixture
def running(request: pytest.FixtureRequest, told: Told) -> Iterator[Callable[..., Dispatcher]]:
    """Run dispatchers, each in a thread of its own, until the test ends: `running(interval=5)`, `running(client)`."""
    started: list[tuple[Dispatcher, threading.Thread, list[BaseException]]] = []

    def run(client: Any = None, events: Any = None, **options: Any) -> Dispatcher:
        where = request.getfixturevalue("redis") if client is None else client
        made = dispatcher(where, events or told, **options)
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
        thread.join(PATIENCE)
        assert not thread.is_alive(), "a dispatcher did not stop"
        assert not errors, errors


# --- processes ---


@pytest.fixture
def processes(tmp_path: Path) -> Iterator[Processes]:
    """Start programs: `.start(*argv)`, `.run(*argv)`. Whatever still runs when the test ends is killed."""
    running = Processes(tmp_path)
    yield running
    running.end_all()


class RunWorker(Protocol):
    def __call__(
        self,
        *queues: str,
        burst: bool = True,
        url: str | None = None,
        args: tuple[str, ...] = (),
        timeout: float = PATIENCE,
    ) -> GuardedProcess: ...


@pytest.fixture
def run_worker(processes: Processes, request: pytest.FixtureRequest) -> RunWorker:
    """Run a real `rq worker` that can import tests' modules.

    `run_worker("default")` works off the queue and returns when the worker has ended well. With `burst=False` it
    returns when the worker listens, and the worker runs until the test ends or is killed. `url` is for another server
    than the shared one; `args` are more of the worker's options.
    """

    def run(
        *queues: str, burst: bool = True, url: str | None = None, args: tuple[str, ...] = (), timeout: float = PATIENCE
    ) -> GuardedProcess:
        where: str = url or request.getfixturevalue("redis_url")
        name = f"worker-{uuid.uuid4().hex}"  # a killed worker's name may outlive its test
        mode = ["--burst"] if burst else []
        argv = [command("rq"), "worker", "--url", where, "--name", name, *mode, *args, *(queues or ("default",))]
        worker = processes.start(*argv, log=f"{name}.log")
        if burst:
            status = worker.wait(timeout)
            assert status == 0, f"the worker's exit status is {status}\n{worker.output()}"
        else:
            wait_until(lambda: "Listening on" in worker.output() or not worker.running, message=worker.output)
            assert worker.running, worker.output()
        return worker

    return run


@pytest.fixture(scope="session")
def peer_python() -> Path:
    """The Python of the environment that holds rq-scheduler 0.14."""
    python = Path(os.environ.get("RQS_PEER_PYTHON", ROOT / ".venvs" / "peer" / "bin" / "python"))
    assert python.is_file(), f"No rq-scheduler 0.14 at {python}: `make setup` makes that environment."
    return python


@pytest.fixture
def peer(peer_python: Path, processes: Processes, redis_url: str) -> Peer:
    """rq-scheduler 0.14 on the shared server: `.script(source)` for its client, `.daemon()` for its daemon."""
    return Peer(peer_python, redis_url, processes)


@pytest.fixture
def peer_on(peer_python: Path, processes: Processes) -> Callable[[str], Peer]:
    """The same on another server: `peer_on(own_server.url)`."""
    return lambda url: Peer(peer_python, url, processes)
