"""What a site declares: found, judged by system checks, put by `sync`."""

from collections.abc import Callable
from typing import Any

import pytest
import redis as redis_py
from django.core.management import CommandError

from rq_scheduler import Cron, Every, Scheduler
from rq_scheduler.contrib.django import checks
from rq_scheduler.contrib.django.declared import look

pytestmark = pytest.mark.once

Application = Callable[..., str]
Manage = Callable[..., str]

TASKS = "django_shop.orders.tasks"


@pytest.fixture
def messages(site: Any) -> Callable[..., dict[str, str]]:
    """What the checks say, by id, without what that begins with."""

    def run(*tags: str) -> dict[str, str]:
        from django.core.checks import run_checks

        found = {each.id: each.msg for each in run_checks(tags=tags or None) if "rq_scheduler" in (each.id or "")}
        return {id.removeprefix("rq_scheduler."): text for id, text in found.items()}

    return run


Messages = Callable[..., dict[str, str]]


class TestFinding:
    def test_settings_and_modules(self, site: Any) -> None:
        site.TIME_ZONE = "Asia/Kolkata"
        found = {each.schedule.id: each for each in look().declarations}
        assert sorted(found) == ["close-books", "invoice", "remind", "ship"]
        assert found["close-books"].schedule.trigger == Cron("30 2 * * *", "Asia/Kolkata")
        assert found["invoice"].schedule.trigger == Cron("0 9 * * mon-fri", "Asia/Kolkata")
        assert found["ship"].where == "RQ_SCHEDULES['ship']"
        assert found["remind"].where == "django_shop.orders.rq_schedules.remind"

    def test_looking_twice_finds_the_same(self, site: Any) -> None:
        assert [each.schedule.id for each in look().declarations] == [each.schedule.id for each in look().declarations]
        assert look().mistakes == []

    def test_another_name_of_the_module(self, site: Any, application: Application) -> None:
        source = """
            from rq_scheduler.contrib.django import register
            register("weekly", "0 9 * * mon", queue_name="low")("django_shop.orders.tasks.ship")
        """
        name = application(source, "timetable")
        site.RQ_SCHEDULER, site.RQ_SCHEDULES = {"MODULE": "timetable"}, {}
        assert look().modules == [f"{name}.timetable"]
        assert [each.schedule.id for each in look().declarations] == ["weekly"]

    def test_a_trigger_as_python_has_it(self, site: Any) -> None:
        site.RQ_SCHEDULES = {"ship": {"func": f"{TASKS}.ship", "trigger": Cron("0 9 * * *"), "tags": ["a"]}}
        (ship,) = [each.schedule for each in look().declarations if each.schedule.id == "ship"]
        assert (ship.trigger, ship.tags) == (Cron("0 9 * * *", "UTC"), ("a",))

    def test_nothing_is_imported_or_asked_until_somebody_looks(self, manage_py: Manage, redis: redis_py.Redis) -> None:
        """The host application, started as its servers start it."""
        code = (
            "import sys, django_shop.wsgi; from django.urls import reverse; reverse('admin:index'); "
            "assert 'django_shop.orders.rq_schedules' not in sys.modules"
        )
        manage_py("shell", "-c", code)
        assert redis.keys() == []


class TestChecks:
    def test_what_is_right(self, messages: Messages) -> None:
        assert messages() == {}

    def test_settings(self, site: Any, messages: Messages) -> None:
        site.RQ_SCHEDULER = {"QUEUE": "hihg"}
        assert messages() == {
            "E001": "RQ_QUEUES has no queue 'hihg', but 'default', 'low': set RQ_SCHEDULER = {'QUEUE': ...} to one of "
            "them."
        }

    def test_a_module_that_fails(self, messages: Messages, application: Application) -> None:
        name = application("import nothing_of_that_name")
        said = messages()["E002"]
        assert said.startswith(f"importing {name}.rq_schedules failed: ModuleNotFoundError: No module named 'nothing")

    def test_a_module_that_ends_the_process(self, messages: Messages, application: Application) -> None:
        name = application("raise SystemExit(0)")
        assert messages()["E002"].startswith(f"importing {name}.rq_schedules failed: SystemExit: 0")

    @pytest.mark.parametrize(
        ("table", "said"),
        [
            ({"func": "a.b", "cron": "61 * * * *"}, "minute"),
            ({"func": "a.b", "cron": "0 9 * * *", "timezone": "Europe/Pari"}, "Europe/Paris"),
            ({"func": "a.b", "cron": "0 9 * * *", "queue": "low"}, "did you mean 'queue_name'?"),
            ({"func": "a.b"}, "give exactly one of trigger, cron, rrule, every, at"),
            ({"cron": "0 9 * * *"}, "func"),
            ({"trigger": Cron("0 9 * * *"), "func": "a.b", "id": "daily"}, "'id' is no field here: 'report' is its id"),
            ("0 9 * * *", "it is a str: give a dict of its fields"),
        ],
    )
    def test_a_table_that_cannot_be(self, site: Any, messages: Messages, table: Any, said: str) -> None:
        site.RQ_SCHEDULES = {"report": table}
        told = messages()["E003"]
        assert told.startswith("RQ_SCHEDULES['report']")
        assert said in told

    def test_a_registration_that_cannot_be(self, messages: Messages, application: Application) -> None:
        source = """
            from rq_scheduler import Cron
            from rq_scheduler.contrib.django import register

            @register("weekly", Cron("0 9 * * mon", timezone="Mars"))
            def weekly(): ...
        """
        name = application(source)
        told = messages()["E003"]
        assert told.startswith(f"{name}.rq_schedules: ")
        assert "Mars" in told

    def test_a_function_that_is_not_there(self, site: Any, messages: Messages) -> None:
        site.RQ_SCHEDULES = {"ship": {"func": f"{TASKS}.shp", "every": 60}}
        assert messages()["E004"] == (
            f"RQ_SCHEDULES['ship']: schedule 'ship': no worker can import {TASKS}.shp: {TASKS} has no 'shp'. Did you "
            f"mean {TASKS}.ship?"
        )

    def test_a_queue_that_is_not_there_or_elsewhere(self, site: Any, messages: Messages) -> None:
        site.RQ_SCHEDULES = {"ship": {"func": f"{TASKS}.ship", "every": 60, "queue_name": "lwo"}}
        assert messages()["E005"] == (
            "RQ_SCHEDULES['ship']: schedule 'ship': RQ_QUEUES has no queue 'lwo', but 'default', 'low'."
        )
        site.RQ_QUEUES = {**site.RQ_QUEUES, "lwo": {"URL": "redis://127.0.0.1:1/0"}}
        assert "is in another Redis than RQ_QUEUES['default']" in messages()["E005"]

    @pytest.mark.parametrize(
        ("default", "low"),
        [
            ({"URL": "redis://localhost:6379/0"}, {"HOST": "127.0.0.1", "PORT": "6379", "DB": "0"}),
            ({"URL": "redis://localhost/"}, {"URL": "redis://:secret@LOCALHOST:6379/0?socket_timeout=5"}),
            ({"URL": "unix:///run/redis.sock?db=2"}, {"UNIX_SOCKET_PATH": "/run/redis.sock", "DB": 2}),
            (
                {"SENTINELS": [("one", 26379), ("two", 26379)], "MASTER_NAME": "shop"},
                {"SENTINELS": [("two", 26379), ("one", 26379)], "MASTER_NAME": "shop", "DB": 0, "PASSWORD": "secret"},
            ),
        ],
    )
    def test_the_same_redis_in_other_words(self, site: Any, default: Any, low: Any) -> None:
        site.RQ_QUEUES = {"default": default, "low": low}
        assert checks.check_declared() == []

    @pytest.mark.parametrize(
        ("default", "low"),
        [
            ({"URL": "redis://localhost:6379/0"}, {"URL": "redis://localhost:6379/1"}),
            ({"URL": "redis://localhost:6379/0"}, {"URL": "redis://localhost:6380/0"}),
            ({"URL": "redis://localhost:6379/0"}, {"URL": "rediss://elsewhere:6379/0"}),
            ({"URL": "redis://localhost:6379/0"}, {"UNIX_SOCKET_PATH": "/run/redis.sock", "DB": 0}),
            (
                {"SENTINELS": [("one", 26379)], "MASTER_NAME": "shop"},
                {"SENTINELS": [("one", 26379)], "MASTER_NAME": "mails"},
            ),
            (
                {"SENTINELS": [("one", 26379)], "MASTER_NAME": "shop"},
                {"SENTINELS": [("two", 26379)], "MASTER_NAME": "shop"},
            ),
        ],
    )
    def test_another_redis(self, site: Any, default: Any, low: Any) -> None:
        site.RQ_QUEUES = {"default": default, "low": low}
        (message,) = checks.check_declared()
        assert message.id == "rq_scheduler.E005"
        assert "the queue 'low' is in another Redis than RQ_QUEUES['default']" in message.msg

    def test_a_queue_that_is_not_where_the_url_is(self, site: Any) -> None:
        site.RQ_SCHEDULER = {"URL": "redis://127.0.0.1:1/0"}
        assert {each.id for each in checks.check_declared()} == {"rq_scheduler.E005"}

    def test_a_queue_without_a_connection(self, site: Any) -> None:
        site.RQ_QUEUES = {**site.RQ_QUEUES, "low": {"HOST": "localhost"}}
        (message,) = checks.check_declared()
        assert message.id == "rq_scheduler.E005"
        assert "RQ_QUEUES['low'] makes no connection: it has no 'PORT'" in message.msg

    @pytest.mark.parametrize(
        ("name", "value", "said"),
        [
            ("RQ_SCHEDULER", {"SERIALIZER": "no.such.thing"}, "serializer='no.such.thing' cannot be imported"),
            ("RQ", {"JOB_CLASS": "no.such.thing"}, "job_class='no.such.thing' cannot be imported"),
            ("RQ_QUEUES", {"default": "redis://localhost"}, "RQ_QUEUES['default'] is a str"),
            ("RQ_QUEUES", {"default": {}}, "RQ_QUEUES['default'] makes no connection"),
        ],
    )
    def test_settings_of_which_no_scheduler_can_be_made(self, site: Any, name: str, value: Any, said: str) -> None:
        setattr(site, name, value)
        (message,) = checks.check_declared()
        assert (message.id, message.msg.startswith(said)) == ("rq_scheduler.E001", True), message.msg

    def test_an_id_twice(self, messages: Messages, application: Application) -> None:
        name = application("""
            from rq_scheduler.contrib.django import register

            @register("ship", "0 9 * * *")
            def ship(): ...
        """)
        assert messages()["E006"] == (
            f"id='ship' is declared 2 times, by RQ_SCHEDULES['ship'] and {name}.rq_schedules.ship: give each its own."
        )

    def test_an_id_twice_of_one_function(self, messages: Messages, application: Application) -> None:
        source = """
            from rq_scheduler.contrib.django import register
            register("nightly", "0 {hour} * * *")("django_shop.orders.tasks.ship")
        """
        one, other = application(source.format(hour=1)), application(source.format(hour=2))
        assert messages()["E006"] == (
            f"id='nightly' is declared 2 times, by {one}.rq_schedules (django_shop.orders.tasks.ship) and "
            f"{other}.rq_schedules (django_shop.orders.tasks.ship): give each its own."
        )

    def test_what_is_no_function(self, messages: Messages, application: Application) -> None:
        application("""
            from rq_scheduler.contrib.django import register
            register("nightly", "0 9 * * *")(None)
        """)
        assert "id='nightly': None is a NoneType: register a function, a Task" in messages()["E003"]

    def test_what_a_worker_does_not_find(self, messages: Messages, application: Application) -> None:
        application("""
            from rq_scheduler.contrib.django import register
            register("nightly", "0 9 * * *")(lambda: None)
        """)
        assert "is a lambda, and workers import functions by name" in messages()["E007"]

    def test_objects_and_methods(self, site: Any, messages: Messages, application: Application) -> None:
        """They travel with the job, as ever."""
        name = application("""
            from functools import partial
            from django_shop.orders import tasks
            from rq_scheduler.contrib.django import register

            class Books:
                @classmethod
                def close(cls): ...

            register("partly", "0 9 * * *")(partial(tasks.close_books, "monday"))
            register("close", "0 9 * * *")(Books.close)
        """)
        assert messages() == {}
        found = {each.schedule.id: each.where for each in look().declarations}
        assert found["partly"] == f"{name}.rq_schedules (functools.partial)"
        assert found["close"] == f"{name}.rq_schedules.Books.close"

    def test_a_call_that_does_not_fit(self, site: Any, messages: Messages) -> None:
        site.RQ_SCHEDULES = {"ship": {"func": f"{TASKS}.ship", "every": 60, "args": [1]}}
        assert "takes 0 positional arguments" in messages()["E007"] or "too many" in messages()["E007"]

    def test_nothing_at_all(self, site: Any, messages: Messages) -> None:
        site.RQ_SCHEDULES, site.RQ_SCHEDULER = {}, {"MODULE": "timetable"}
        assert list(messages()) == ["W001"]

    def test_redis_is_asked_by_tag_only(
        self, site: Any, messages: Messages, manage: Manage, redis: redis_py.Redis
    ) -> None:
        assert messages() == {}
        before = redis.info("stats")["total_commands_processed"]
        assert messages("rq_scheduler") == {}
        assert redis.info("stats")["total_commands_processed"] == before + 1
        found = messages("rq")
        assert sorted(found) == ["W010", "W011"]
        assert "4 declared and not in Redis (close-books, invoice, remind, ship)" in found["W010"]
        manage("rqschedules", "sync")
        assert list(messages("rq")) == ["W011"]
        scheduler = Scheduler(connection=redis)
        scheduler.schedules.update("ship", trigger=Every(5))
        scheduler.schedules.sync([], "shop", dry_run=True)
        assert "1 declared otherwise (ship)" in messages("rq")["W010"]
        assert "W011" in manage_check(manage)

    def test_redis_that_does_not_answer(self, site: Any, messages: Messages) -> None:
        site.RQ_QUEUES = {"default": {"HOST": "127.0.0.1", "PORT": 1, "REDIS_CLIENT_KWARGS": {"retry": None}}}
        site.RQ_SCHEDULES = {}
        said = messages("rq")["E010"]
        assert said.startswith("Redis at RQ_QUEUES['default'] does not answer: ")
        assert said.endswith(("refused.", "127.0.0.1:1."))


def manage_check(manage: Manage) -> str:
    return manage("check", "--tag", "rq")


class TestSync:
    def test_a_run_of_ci_writes_nothing(self, manage: Manage, redis: redis_py.Redis) -> None:
        said = manage("rqschedules", "sync", "--dry-run", "--strict")
        assert "shop: 4 added, 0 changed, 0 removed, 0 unchanged (dry run: nothing was written)" in said
        assert redis.keys() == []

    def test_it_puts_what_is_declared_and_prunes_what_is_not(
        self, site: Any, manage: Manage, redis: redis_py.Redis
    ) -> None:
        schedules = Scheduler(connection=redis).schedules
        schedules.put("by-hand", Every(60), f"{TASKS}.ship")
        manage("rqschedules", "sync")
        assert [each.id for each in schedules.find(owner="shop")] == ["close-books", "invoice", "remind", "ship"]
        assert (schedules["close-books"].queue_name, schedules["ship"].definition.job_timeout) == ("low", 77)
        assert schedules["close-books"].definition.job_timeout == 99
        assert "4 unchanged" in manage("rqschedules", "sync")
        assert "so nothing is handed off: manage.py rqdispatcher" in manage("rqschedules", "upcoming")
        site.RQ_SCHEDULES = {}
        assert "2 removed" in manage("rqschedules", "sync")
        assert "by-hand" in schedules

    def test_mistakes_are_refused_whole(self, site: Any, manage: Manage, redis: redis_py.Redis) -> None:
        site.RQ_SCHEDULES = {"a": {"func": "a.b", "cron": "61 * * * *"}, "b": {"func": "a.b"}}
        with pytest.raises(CommandError, match=r"RQ_SCHEDULES\['a'\].*RQ_SCHEDULES\['b'\]"):
            manage("rqschedules", "sync")
        assert redis.keys() == []

    def test_a_function_that_is_missing_is_a_note_and_refused_by_strict(self, site: Any, manage: Manage) -> None:
        site.RQ_SCHEDULES = {"ship": {"func": f"{TASKS}.shp", "every": 60}}
        assert "Note: schedule 'ship': " in manage("rqschedules", "sync", "--dry-run")
        with pytest.raises(CommandError, match="Did you mean") as refused:
            manage("rqschedules", "sync", "--dry-run", "--strict")
        assert refused.value.returncode == 1

    def test_nothing_declared_deletes_nothing(self, site: Any, manage: Manage) -> None:
        manage("rqschedules", "sync")
        site.RQ_SCHEDULES, site.RQ_SCHEDULER = {}, {"MODULE": "timetable", "OWNER": "shop"}
        from rq_scheduler.contrib.django import registry

        registry._registered.clear()
        with pytest.raises(CommandError, match="nothing is declared, so this would delete all schedules of 'shop'"):
            manage("rqschedules", "sync")

    def test_a_file_needs_an_owner(self, manage: Manage) -> None:
        with pytest.raises(CommandError, match="Missing option '--owner'") as refused:
            manage("rqschedules", "sync", "schedules.toml")
        assert refused.value.returncode == 2
