"""From a schedule to the job it makes and back, and when two such jobs count as the same. No server is needed."""

import copy
import functools
import inspect
import json
import re
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import redis as redis_py
from hypothesis import given
from hypothesis import strategies as st
from rq import Callback, Retry
from rq.job import Dependency, Job
from rq.serializers import JSONSerializer

import jobs_for_tests as jobs
from rq_scheduler import Scheduler
from rq_scheduler.client.base import context_of
from rq_scheduler.client.prototype import Prototypes
from rq_scheduler.client.schedules import definition, template
from rq_scheduler.client.schedules.definition import same_job, schedule_of
from rq_scheduler.client.schedules.template import template_of
from rq_scheduler.errors import FunctionRefused, InvalidArgument, InvalidType, JobUnreadable, SchedulerWarning
from rq_scheduler.model import RetryFields, Schedule
from rq_scheduler.store.schedules import JobFields
from rq_scheduler.triggers import Cron, Every
from support import environment

NOBODY = redis_py.Redis(port=1)
"""A client of no server: nothing here may send a command."""

AT_FRONT: dict[str, Any] = (
    {"enqueue_at_front": True} if "enqueue_at_front" in inspect.signature(Retry).parameters else {}
)
"""What RQ 2.6 has no word for."""

DAILY = Cron("30 2 * * *", timezone="Europe/Paris")


def label(value: Any) -> str:
    """A test's name that is the same in every process: no addresses, no order of sets."""
    return re.sub(r" at 0x[0-9a-f]+", "", str(value))[:40]


def schedule(func: Any = jobs.echo, **options: Any) -> Schedule:
    return Schedule(id="nightly", trigger=DAILY, func=func, **options)


def scheduler(**options: Any) -> Scheduler:
    return Scheduler(connection=NOBODY, **options)


def fields_of(func: Any = jobs.echo, *, by: Scheduler | None = None, **options: Any) -> Mapping[str, Any]:
    return template_of(context_of(by or scheduler()), schedule(func, **options)).fields


def stored(fields: Mapping[str, Any]) -> dict[bytes, bytes]:
    """A hash as Redis gives it back."""
    return {name.encode(): value if isinstance(value, bytes) else str(value).encode() for name, value in fields.items()}


def same(one: Schedule, other: Schedule, by: Scheduler | None = None) -> bool:
    by = by or scheduler()
    return same_job(
        context_of(by).creator,
        template_of(context_of(by), one).fields,
        stored(template_of(context_of(by), other).fields),
    )


def back(fields: Mapping[str, Any], by: Scheduler | None = None) -> Schedule:
    return schedule_of(context_of(by or scheduler()).creator, "nightly", schedule().spec, stored(fields))


# --- what the job looks like ---


def test_a_template_is_the_job_that_rq_would_make() -> None:
    made = template_of(
        context_of(scheduler()),
        schedule(
            args=("weekly",),
            kwargs={"to": "ops"},
            queue_name="reports",
            job_timeout="10m",
            result_ttl=timedelta(hours=1),
            ttl=90,
            description="the report",
            meta={"team": "billing"},
            at_front=True,
            retry=Retry(max=3, interval=[1, 2]),
            on_success=jobs.on_success,
            on_failure=Callback(jobs.on_failure, timeout=7),
            on_stopped="jobs_for_tests.on_stopped",
        ),
    )
    assert (made.func, made.queue, made.slow) == ("jobs_for_tests.echo", "reports", False)
    assert made.call == "jobs_for_tests.echo('weekly', to='ops')"
    job: Any = Job("a", connection=NOBODY)
    job.restore(stored(made.fields))
    assert (job.args, job.kwargs, job.meta) == (("weekly",), {"to": "ops"}, {"team": "billing"})
    assert (job.timeout, job.result_ttl, job.ttl, job.failure_ttl) == (600, 3600, 90, 7 * 86_400)
    assert (job.origin, job.description, job.enqueue_at_front) == ("reports", "the report", True)
    assert (job.retries_left, job.retry_intervals) == (3, [1, 2])
    assert job.success_callback is jobs.on_success
    assert (job.failure_callback, job.failure_callback_timeout) == (jobs.on_failure, 7)
    assert job.stopped_callback is jobs.on_stopped


def comparable(made: JobFields) -> JobFields:
    return replace(made, fields={name: value for name, value in made.fields.items() if name != "created_at"})


@pytest.mark.parametrize("func", [jobs.echo, "jobs_for_tests.echo"], ids=["function", "name"])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"queue_name": "q"},
        {"job_timeout": 5, "ttl": "1h", "at_front": True},
        {"failure_ttl": None, "result_ttl": -1},
    ],
    ids=["plain", "queue", "durations", "for ever"],
)
def test_jobs_of_other_arguments_are_like_the_first_and_what_rq_would_make(
    monkeypatch: pytest.MonkeyPatch, func: Any, options: dict[str, Any]
) -> None:
    context, prototypes = context_of(scheduler()), Prototypes()
    calls: list[dict[str, Any]] = [{}, {"args": (1, "x")}, {"args": [None], "kwargs": {"a": {2}}}]
    wanted = [comparable(template_of(context, schedule(func, **call, **options))) for call in calls]
    first = template_of(context, schedule(func, args=("first",), **options), prototypes)
    monkeypatch.setattr(Job, "create", None)
    assert [comparable(template_of(context, schedule(func, **call, **options), prototypes)) for call in calls] == wanted
    assert first.call == "jobs_for_tests.echo('first')"


def test_what_differs_in_more_than_its_arguments_goes_through_rq() -> None:
    by = scheduler()
    context, prototypes = context_of(by), Prototypes()
    template_of(context, schedule(), prototypes)
    for name, value in _EVERYTHING.items():
        one = schedule(**{name: value})
        assert comparable(template_of(context, one, prototypes)) == comparable(template_of(context, one)), name
    template_of(context, schedule(job_timeout=1), prototypes)
    with pytest.raises(InvalidType, match="job_timeout=True"):
        template_of(context, schedule(job_timeout=True), prototypes)
    by.queue_name = "another"
    assert template_of(context, schedule(), prototypes).queue == "another"


def test_a_call_that_does_not_fit_is_refused_of_a_known_function_too() -> None:
    context, prototypes = context_of(scheduler()), Prototypes()
    template_of(context, schedule(jobs.nothing), prototypes)
    with pytest.raises(FunctionRefused, match="cannot be called with the args and kwargs given"):
        template_of(context, schedule(jobs.nothing, args=(1,)), prototypes)


def test_a_template_says_nothing_of_a_single_run() -> None:
    made = fields_of()
    assert not {"status", "enqueued_at", "result"} & set(made)
    assert not any(made[name] for name in ("started_at", "ended_at", "worker_name", "last_heartbeat"))


@pytest.mark.parametrize("failure_ttl", ["7d", 604_800, timedelta(days=7)], ids=str)
def test_durations_are_seconds_or_timedelta_or_text(failure_ttl: Any) -> None:
    assert fields_of(failure_ttl=failure_ttl)["failure_ttl"] == 604_800


def test_rq_keeps_whole_seconds_so_fractions_are_rounded_up() -> None:
    assert fields_of(job_timeout=0.5)["timeout"] == 1
    assert fields_of(job_timeout=-1)["timeout"] == -1


def test_without_a_queue_name_it_is_the_schedulers_own() -> None:
    assert template_of(context_of(scheduler(queue_name="mail")), schedule()).queue == "mail"


def test_the_name_of_a_bound_method_tells_its_class() -> None:
    assert template_of(context_of(scheduler()), schedule(jobs.Greeter("hi").greet, args=("ann",))).func == (
        "jobs_for_tests.Greeter.greet"
    )


@pytest.mark.parametrize(
    ("retry", "expected"),
    [(2, (2, [0])), (RetryFields(max=2, interval=5), (2, [5])), (RetryFields(max=3, interval=[1, 9]), (3, [1, 9]))],
    ids=str,
)
def test_retry_is_a_number_or_what_a_file_says(retry: Any, expected: Any) -> None:
    made = fields_of(retry=retry)
    assert (made["retries_left"], json.loads(made["retry_intervals"])) == expected


@pytest.mark.newest_only
def test_webhooks_and_rate_limits_of_files_become_rqs() -> None:
    hook = {"url": "https://example.org/x", "job_status": "failed"}
    made = template_of(context_of(scheduler()), schedule(webhooks=[hook], rate_limit={"key": "api", "concurrency": 2}))
    assert json.loads(str(made.fields["webhooks"]))[0].items() >= hook.items()
    assert (made.fields["rate_limit_key"], made.fields["rate_limit_concurrency"]) == ("api", 2)
    assert made.slow


def test_dependencies_and_queue_classes_make_a_schedule_slow() -> None:
    assert template_of(context_of(scheduler()), schedule(depends_on=["a", "b"])).slow
    assert template_of(context_of(scheduler(queue_class="queues_for_tests.Noting")), schedule()).slow
    assert template_of(context_of(scheduler()), schedule(meta={"queue_class_name": "rq.Queue"})).slow
    assert not template_of(context_of(scheduler()), schedule(meta={"other": 1})).slow


def test_the_callers_meta_stays_the_callers() -> None:
    meta = {"mine": 1}
    made = template_of(context_of(scheduler(queue_class="queues_for_tests.Noting")), schedule(meta=meta))
    assert b"queue_class_name" in bytes(made.fields["meta"])
    assert meta == {"mine": 1}


# --- overrides of the Job Creator ---


class Defaults(Scheduler):
    """As django-rq does it."""

    def _create_job(self, *args: Any, **kwargs: Any) -> Job:
        self.seen = kwargs
        kwargs["timeout"] = kwargs.get("timeout") or 42
        return super()._create_job(*args, **kwargs)


class Fixed(Scheduler):
    """The signature of 0.14, and no other keyword."""

    def _create_job(  # type: ignore[override]
        self,
        func: Any,
        args: Any = None,
        kwargs: Any = None,
        commit: bool = True,
        result_ttl: Any = None,
        ttl: Any = None,
        id: Any = None,
        description: Any = None,
        queue_name: Any = None,
        timeout: Any = None,
        meta: Any = None,
        depends_on: Any = None,
        on_success: Any = None,
        on_failure: Any = None,
    ) -> Job:
        return super()._create_job(func, args, kwargs, commit, queue_name=queue_name, timeout=44)


def test_an_override_of_create_job_fills_in_its_defaults() -> None:
    by = Defaults(connection=NOBODY)
    assert fields_of(by=by)["timeout"] == 42
    assert by.seen["commit"] is False
    assert not by.seen.keys() & {"retry", "on_stopped", "webhooks", "rate_limit", "repeat"}
    assert by.seen["failure_ttl"] == 604_800


def test_an_override_with_0_14s_signature_keeps_working_and_the_failure_ttl_too() -> None:
    made = fields_of(by=Fixed(connection=NOBODY), failure_ttl="1h")
    assert (made["timeout"], made["failure_ttl"]) == (44, 3600)


def test_what_such_an_override_does_not_take_is_refused_by_name() -> None:
    with pytest.raises(InvalidType, match=r"retry=.*Fixed\._create_job does not take it"):
        fields_of(by=Fixed(connection=NOBODY), retry=2)


# --- wrong calls are found now ---


@pytest.mark.once
@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({}, "missing a required argument: 'a'"),
        ({"args": (1, 2, 3)}, "too many positional arguments"),
        ({"args": (1,), "kwargs": {"c": 2}}, "unexpected keyword argument 'c'"),
    ],
    ids=str,
)
@pytest.mark.parametrize("func", [jobs.add, "jobs_for_tests.add"], ids=["function", "name"])
def test_arguments_that_do_not_fit_the_signature_are_refused(func: Any, options: Any, said: str) -> None:
    with pytest.raises(FunctionRefused, match=r"jobs_for_tests\.add\(a: int, b: int = 1\)") as caught:
        fields_of(func, **options)
    assert said in str(caught.value)
    assert isinstance(caught.value, TypeError)
    assert isinstance(caught.value, InvalidArgument)


def supplies_its_own(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        return function("session", *args, **kwargs)

    return wrapper


@supplies_its_own
def with_session(session: str, x: int) -> None:
    """Takes one argument from its callers."""


def test_a_decorator_may_supply_arguments_of_its_own() -> None:
    fields_of(with_session, args=(1,))


def test_code_that_only_workers_have_is_not_checked() -> None:
    assert fields_of("workers.only.task", args=(1, 2))["description"] == "workers.only.task(1, 2)"


def test_functions_that_workers_cannot_import_are_refused() -> None:
    with pytest.raises(FunctionRefused, match="lambda"):
        fields_of(lambda: None)

    def nested() -> None: ...

    with pytest.raises(FunctionRefused, match="inside another function"):
        fields_of(nested)


def test_a_function_of_main_warns(monkeypatch: pytest.MonkeyPatch) -> None:
    def task() -> None: ...

    task.__module__, task.__qualname__ = "__main__", "task"
    monkeypatch.setattr(sys.modules["__main__"], "task", task, raising=False)
    with pytest.warns(SchedulerWarning, match="__main__"):
        fields_of(task)


@pytest.mark.parametrize(
    ("options", "error", "said"),
    [
        ({"args": 3}, InvalidType, "args=3"),
        ({"kwargs": [1]}, InvalidType, r"kwargs=\[1\]"),
        ({"job_timeout": "soon"}, InvalidArgument, "job_timeout='soon'"),
        ({"result_ttl": -2}, InvalidArgument, "result_ttl=-2 is negative"),
        ({"ttl": float("nan")}, InvalidArgument, "ttl=nan"),
        ({"meta": {"interval": 5}}, InvalidArgument, "'interval' marks a job as a recurring one"),
        ({"meta": {"cron_string": "* * * * *"}}, InvalidArgument, "'cron_string' marks"),
        ({"meta": [1]}, InvalidType, "meta="),
        ({"retry": 0}, InvalidArgument, "retry=0"),
        ({"retry": True}, InvalidType, "retry=True"),
        ({"retry": "often"}, InvalidType, "retry='often'"),
        ({"queue_name": 5}, InvalidType, "queue_name=5"),
        ({"on_success": 5}, InvalidArgument, "on_success=5"),
        ({"depends_on": [5]}, InvalidType, "depends_on="),
        ({"args": (lambda: None,)}, InvalidArgument, "argument 0"),
        ({"meta": {"lock": lambda: None}}, InvalidArgument, "meta="),
    ],
    ids=label,
)
def test_an_option_that_cannot_be_is_refused_by_name(options: Any, error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        fields_of(**options)


@pytest.mark.newest_only
def test_webhooks_and_rate_limits_that_cannot_be_are_refused_by_name() -> None:
    with pytest.raises(InvalidArgument, match=r"webhooks=.*job_status"):
        fields_of(webhooks=[{"url": "https://example.org"}])
    with pytest.raises(InvalidArgument, match=r"rate_limit=.*concurency"):
        fields_of(rate_limit={"key": "a", "concurency": 2})


# --- back again ---

_EVERYTHING: dict[str, Any] = {
    "args": (1, "two", {"three": [3]}),
    "kwargs": {"four": 4},
    "queue_name": "q",
    "job_timeout": 5,
    "result_ttl": 6,
    "ttl": 7,
    "failure_ttl": 8,
    "description": "nine",
    "meta": {"ten": {10}},
    "at_front": True,
    "retry": Retry(max=2, interval=[1, 2], **AT_FRONT),
    "on_success": Callback(jobs.on_success, timeout=11),
    "on_failure": Callback("jobs_for_tests.on_failure"),
    "on_stopped": jobs.on_stopped,
}


@pytest.mark.parametrize(
    "options",
    [
        {},
        _EVERYTHING,
        {"depends_on": "a"},
        {"depends_on": ["a", "b"]},
        {"depends_on": Dependency(["a"], allow_failure=True, enqueue_at_front=True)},
        {"failure_ttl": None},
        {"job_timeout": -1, "result_ttl": 0},
        pytest.param({"rate_limit": {"key": "k", "concurrency": 1}}, marks=pytest.mark.newest_only),
        pytest.param(
            {"webhooks": [{"url": "https://a.example", "job_status": "failed"}]}, marks=pytest.mark.newest_only
        ),
    ],
    ids=lambda options: ",".join(options)[:40],
)
def test_the_definition_that_is_read_back_makes_the_same_job(options: dict[str, Any]) -> None:
    by, made = scheduler(), fields_of(**options)
    again = back(made)
    assert same_job(context_of(by).creator, template_of(context_of(by), again).fields, stored(made))
    assert (again.id, again.spec) == ("nightly", schedule().spec)
    assert again.func == "jobs_for_tests.echo"
    for name in ("args", "kwargs", "queue_name", "description", "meta"):
        if name in options:
            assert getattr(again, name) == options[name]


def test_tags_note_and_paused_are_read_back_too() -> None:
    made = stored(fields_of())
    again = schedule_of(scheduler()._creator, "a", schedule().spec, made, ["x"], "why", True)
    assert (again.tags, again.note, again.paused) == (("x",), "why", True)


def test_a_bound_method_is_read_back_with_its_object() -> None:
    again = back(fields_of(jobs.Greeter("hi").greet, args=("ann",)))
    assert again.func("bob") == "hi bob"
    assert same(again, schedule(jobs.Greeter("hi").greet, args=("ann",)))


def test_a_description_that_rq_made_of_the_call_is_none_when_read_back() -> None:
    assert back(fields_of(args=(1,))).description is None


@pytest.mark.parametrize("damaged", [{"data": b"\x00nonsense"}, {"data": None}, {"meta": b"\x00nonsense"}], ids=str)
def test_what_cannot_be_loaded_is_unreadable_and_not_the_same(damaged: dict[str, Any]) -> None:
    made = fields_of(args=(1,), meta={"a": 1})
    broken = {name: value for name, value in {**made, **damaged}.items() if value is not None}
    with pytest.raises(JobUnreadable):
        back(broken)
    assert not same_job(scheduler()._creator, made, stored(broken))


def test_unreadable_arguments_are_the_same_as_their_own_bytes() -> None:
    """A scheduler with another serializer can put its own definition again."""
    made = {**fields_of(), "data": b"\x00nonsense"}
    assert same_job(scheduler()._creator, made, stored(made))


# --- sameness ---


def test_the_same_schedule_made_again_is_the_same() -> None:
    assert same(schedule(**_EVERYTHING), schedule(**_EVERYTHING))


@pytest.mark.parametrize(
    "changed",
    [
        {"func": jobs.nothing, "args": (), "kwargs": {}},
        {"args": (1, "two", {"three": [4]})},
        {"args": (True, "two", {"three": [3]})},
        {"args": (1.0, "two", {"three": [3]})},
        {"args": (1, "two", {"three": (3,)})},
        {"kwargs": {"four": 5}},
        {"kwargs": {}},
        {"queue_name": "r"},
        {"job_timeout": 50},
        {"result_ttl": None},
        {"ttl": 70},
        {"failure_ttl": "8d"},
        {"description": "other"},
        {"description": None},
        {"meta": None},
        {"meta": {"ten": {11}}},
        {"at_front": False},
        {"retry": None},
        {"retry": Retry(max=3, interval=[1, 2], **AT_FRONT)},
        {"retry": Retry(max=2, interval=[1, 3], **AT_FRONT)},
        pytest.param({"retry": Retry(max=2, interval=[1, 2])}, marks=pytest.mark.newest_only),
        {"depends_on": ["x"]},
        {"depends_on": Dependency(["x"], allow_failure=True)},
        {"on_success": None},
        {"on_success": Callback(jobs.on_success, timeout=12)},
        {"on_failure": jobs.on_success},
        {"on_stopped": jobs.on_failure},
        pytest.param({"rate_limit": {"key": "k", "concurrency": 1}}, marks=pytest.mark.newest_only),
        pytest.param(
            {"webhooks": [{"url": "https://a.example", "job_status": "failed"}]}, marks=pytest.mark.newest_only
        ),
    ],
    ids=label,
)
def test_a_change_of_any_one_option_is_a_change(changed: dict[str, Any]) -> None:
    one = schedule(**_EVERYTHING)
    other = schedule(**{**_EVERYTHING, **changed})
    assert not same(one, other)
    assert not same(other, one)


def test_when_it_was_made_and_how_it_ran_are_no_change() -> None:
    made = fields_of()
    ran = {**made, "status": "finished", "enqueued_at": "x", "started_at": "y", "worker_name": "w", "created_at": "z"}
    assert same_job(scheduler()._creator, made, stored(ran))


def test_a_hash_that_another_rq_wrote_with_other_empty_fields_is_the_same() -> None:
    made = fields_of()
    assert same_job(scheduler()._creator, made, {name: value for name, value in stored(made).items() if value})


class Plain:
    """Has no __eq__, and an address in its repr."""

    def __init__(self, value: Any) -> None:
        self.value = value


class Untrue(Plain):
    """As an array: comparing two says nothing true or false."""

    def __eq__(self, other: object) -> Any:
        return self

    __hash__ = None  # type: ignore[assignment]

    def __bool__(self) -> bool:
        raise ValueError("ambiguous")


@pytest.mark.parametrize("kind", [Plain, Untrue])
def test_objects_that_do_not_compare_are_compared_by_their_bytes(kind: type[Plain]) -> None:
    # The order of the dict makes the bytes of the whole differ.
    one = schedule(args=({"a": kind(1), "b": 2},))
    assert same(one, schedule(args=({"b": 2, "a": kind(1)},)))
    assert not same(one, schedule(args=({"b": 2, "a": kind(3)},)))


def test_arguments_that_contain_themselves_do_not_hang() -> None:
    def ring() -> list[Any]:
        made: list[Any] = [1]
        made.append(made)
        return made

    assert same(schedule(args=(ring(),)), schedule(args=(ring(),)))


def test_bound_methods_of_equal_objects_are_the_same() -> None:
    one = schedule(jobs.Greeter("hi").greet, args=("a",))
    assert same(one, schedule(jobs.Greeter("hi").greet, args=("a",)))
    assert not same(one, schedule(jobs.Greeter("ho").greet, args=("a",)))


ELSEWHERE = """
import sys, pickle
from redis import Redis
from rq_scheduler import Scheduler
from rq_scheduler.model import Schedule
from rq_scheduler.client.base import context_of
from rq_scheduler.client.schedules.template import template_of
from rq_scheduler.triggers import Every

names = ["al" + "pha", "".join(["be", "ta"]), "gamma", "delta", "epsilon"]
made = Schedule(
    id="a", trigger=Every(60), func="jobs_for_tests.echo",
    args=(set(names), frozenset(names)), kwargs={"x": {"k": names[0], "j": names[0]}}, meta={"s": set(names)},
)
sys.stdout.buffer.write(pickle.dumps(template_of(context_of(Scheduler(connection=Redis(port=1))), made).fields))
"""


def test_other_processes_make_the_same_job_whatever_their_hash_seed() -> None:
    """Orders of sets, interned strings: neither pickle nor RQ's description is stable across processes."""
    import pickle

    made = [
        pickle.loads(
            subprocess.run(
                [sys.executable, "-c", ELSEWHERE],
                env=environment({"PYTHONHASHSEED": str(seed)}),
                stdout=subprocess.PIPE,
                check=True,
            ).stdout
        )
        for seed in range(1, 5)
    ]
    assert len({fields["data"] for fields in made}) > 1, "the seeds chosen make no difference"
    assert len({fields["description"] for fields in made}) > 1
    for fields in made[1:]:
        assert same_job(scheduler()._creator, made[0], stored(fields))


# --- properties ---

_SCALARS = st.none() | st.booleans() | st.integers(-3, 3) | st.floats(width=16) | st.text("ab", max_size=2)
_JSON = st.recursive(
    _SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab", max_size=2), inner, max_size=3),
    max_leaves=8,
)
_HASHABLE = st.recursive(_SCALARS, lambda inner: st.lists(inner, max_size=2).map(tuple), max_leaves=4)
_PICKLED = st.recursive(
    _SCALARS | st.binary(max_size=2) | st.timedeltas() | st.frozensets(_HASHABLE, max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(_HASHABLE, inner, max_size=3)
    ),
    max_leaves=8,
)


def spelled(value: Any) -> str:
    """The value in words, types told and orders that mean nothing sorted: an oracle of sameness."""
    kind = type(value).__name__
    if isinstance(value, dict):
        return f"{kind}({sorted((spelled(key), spelled(each)) for key, each in value.items())})"
    if isinstance(value, set | frozenset):
        return f"{kind}({sorted(map(spelled, value))})"
    if isinstance(value, list | tuple):
        return f"{kind}({[spelled(each) for each in value]})"
    return f"{kind}({value!r})"


def turned(value: Any) -> Any:
    """An equal value built afresh: dicts the other way round, no string or list shared."""
    if isinstance(value, dict):
        return {turned(key): turned(each) for key, each in reversed(list(value.items()))}
    if isinstance(value, list | tuple | frozenset):
        return type(value)(turned(each) for each in value)
    if isinstance(value, str):
        return "".join(list(value))
    return copy.copy(value)


_BY = {"pickle": scheduler(), "json": scheduler(serializer=JSONSerializer)}


@pytest.mark.once
@given(args=st.lists(_PICKLED, max_size=3), meta=st.dictionaries(st.text("xy", max_size=2), _PICKLED, max_size=3))
def test_equal_arguments_built_afresh_are_the_same(args: list[Any], meta: dict[str, Any]) -> None:
    one = schedule(args=args, kwargs={"k": args}, meta=meta)
    other = schedule(args=turned(args), kwargs={"k": turned(args)}, meta=turned(meta))
    assert same(one, other, _BY["pickle"])


@pytest.mark.once
@given(one=_PICKLED, other=_PICKLED)
def test_arguments_are_the_same_exactly_if_they_spell_the_same(one: Any, other: Any) -> None:
    expected = spelled(one) == spelled(other)
    assert same(schedule(args=(one,)), schedule(args=(other,)), _BY["pickle"]) is expected
    assert same(schedule(kwargs={"k": one}), schedule(kwargs={"k": other}), _BY["pickle"]) is expected
    assert same(schedule(meta={"k": one}), schedule(meta={"k": other}), _BY["pickle"]) is expected


@pytest.mark.once
@given(one=_JSON, other=_JSON)
def test_the_same_holds_for_the_json_serializer(one: Any, other: Any) -> None:
    by = _BY["json"]
    assert same(schedule(args=(one,)), schedule(args=(turned(one),)), by)
    assert same(schedule(args=(one,)), schedule(args=(other,)), by) is (spelled(one) == spelled(other))


@pytest.mark.once
@given(args=st.lists(_PICKLED, max_size=3))
def test_arguments_come_back_as_they_were_given(args: list[Any]) -> None:
    assert spelled(back(fields_of(args=args)).args) == spelled(tuple(args))


def test_nothing_is_sent_to_redis(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("a command was sent")

    monkeypatch.setattr(redis_py.Redis, "execute_command", refuse)
    by = scheduler()
    made = template_of(context_of(by), schedule(**_EVERYTHING))
    assert same_job(context_of(by).creator, made.fields, stored(made.fields))
    assert {*definition.__all__, *template.__all__} == {"as_stored", "same_job", "schedule_of", "template_of"}
    assert Every(60)
