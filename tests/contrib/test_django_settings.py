"""What settings may say, and what is said of mistakes in them."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from rq.job import Job
from rq.serializers import JSONSerializer

from rq_scheduler import Scheduler
from rq_scheduler.contrib.django import get_scheduler
from rq_scheduler.contrib.django.settings import read_settings
from rq_scheduler.errors import InvalidArgument

pytestmark = pytest.mark.once

DAY = timedelta(1)


class OwnJob(Job):
    """The site's."""


def test_what_they_are_unless_given(site: Any) -> None:
    del site.RQ_SCHEDULER
    settings = read_settings()
    assert (settings.queue, settings.module, settings.owner) == ("default", "rq_schedules", "django_shop")
    assert settings.allow == ()
    assert settings.shown == "RQ_QUEUES['default']"


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("RQ_SCHEDULER", {"QUEU": "low"}, "RQ_SCHEDULER has no 'QUEU': did you mean 'QUEUE'?"),
        ("RQ_SCHEDULER", {"TEMPERATURE": 3}, "RQ_SCHEDULER has no 'TEMPERATURE': it has 'URL', 'QUEUE'"),
        ("RQ_SCHEDULER", ["low"], "RQ_SCHEDULER is a list: give a dict, such as {'QUEUE': 'default'}"),
        (
            "RQ_SCHEDULER",
            {"QUEUE": "hihg"},
            "RQ_QUEUES has no queue 'hihg', but 'default', 'low': set RQ_SCHEDULER = {'QUEUE': ...} to one of them",
        ),
        ("RQ_SCHEDULER", {"QUEUE": 3}, "RQ_SCHEDULER['QUEUE'] is 3: give text, such as 'default', or leave it out"),
        ("RQ_SCHEDULER", {"ALLOW": "shop.*"}, "RQ_SCHEDULER['ALLOW'] is 'shop.*': give a list of texts"),
        ("RQ_SCHEDULER", {"HIDE_ARGUMENTS": "no"}, "RQ_SCHEDULER['HIDE_ARGUMENTS'] is 'no': give True or False"),
        ("RQ_QUEUES", {"default": "redis://localhost"}, "RQ_QUEUES['default'] is a str: give a dict, such as {'URL':"),
        ("RQ_SCHEDULER", {"URL": 3}, "RQ_SCHEDULER['URL'] will not do: it is an int"),
        ("RQ_SCHEDULES", ["ship"], "RQ_SCHEDULES is a list: give a dict, such as {'nightly':"),
        ("RQ_QUEUES", {}, "neither RQ_QUEUES nor RQ_SCHEDULER says where Redis is: configure django-rq, or set"),
    ],
)
def test_a_mistake_is_told_with_its_remedy(site: Any, name: str, value: Any, said: str) -> None:
    setattr(site, name, value)
    with pytest.raises(ImproperlyConfigured) as refused:
        read_settings()
    assert str(refused.value).startswith(said)
    assert isinstance(refused.value, InvalidArgument)


def test_a_url_that_will_not_do_is_not_shown(site: Any) -> None:
    site.RQ_SCHEDULER = {"URL": "redis://:se#cret@localhost:6379/0"}
    with pytest.raises(ImproperlyConfigured, match="there is a # in it") as refused:
        read_settings()
    assert "cret" not in str(refused.value)


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({}, "it has no 'HOST': give URL; or HOST and PORT"),
        ({"HOST": "localhost"}, "it has no 'PORT': give URL"),
        ({"SENTINELS": [("localhost", 26379)]}, "it has no 'MASTER_NAME'"),
        ({"URL": "localhost:6379"}, "redis-py cannot read its URL: write redis://"),
        ({"URL": "redis://ann:se/cret@localhost:6379/0"}, "redis-py cannot read its URL: write redis://"),
        ({"USE_REDIS_CACHE": "default"}, "AttributeError: "),
    ],
)
def test_a_queue_without_a_connection_is_told_of(site: Any, config: dict[str, Any], said: str) -> None:
    site.RQ_QUEUES = {"default": config}
    with pytest.raises(ImproperlyConfigured) as refused:
        get_scheduler()
    assert str(refused.value).startswith(f"RQ_QUEUES['default'] makes no connection: {said}")
    assert "cret" not in str(refused.value)


def test_without_django_rq_a_queue_is_where_the_url_says(site: Any, redis_url: str) -> None:
    site.RQ_QUEUES = None
    site.RQ_SCHEDULER = {"URL": redis_url}
    scheduler = get_scheduler("mails")
    assert scheduler.connection.ping()
    assert scheduler.enqueue_in(DAY, "django_shop.orders.tasks.ship").origin == "mails"
    scheduler.connection.close()


def test_with_django_rq_a_queue_is_one_of_its(site: Any, redis_url: str) -> None:
    site.RQ_SCHEDULER = {"URL": "redis://127.0.0.1:1/0"}
    assert get_scheduler("low").connection.ping()
    with pytest.raises(ImproperlyConfigured, match="RQ_QUEUES has no queue 'lwo', but 'default', 'low': name one"):
        get_scheduler("lwo")


def test_without_django_rq_a_url_says_where_redis_is(site: Any, redis_url: str) -> None:
    site.RQ_QUEUES = None
    site.RQ_SCHEDULER = {"URL": redis_url, "DEFAULT_TIMEOUT": 5, "QUEUE": "mails"}
    scheduler = get_scheduler()
    assert scheduler.connection.ping()
    assert scheduler.queue_name == "mails"
    job = scheduler.enqueue_in(DAY, "django_shop.orders.tasks.ship")
    assert (job.timeout, job.origin) == (5, "mails")
    scheduler.connection.close()


def test_a_queue_says_whose_connection_it_is(site: Any, manage: Callable[..., str]) -> None:
    site.RQ_QUEUES = {**site.RQ_QUEUES, "elsewhere": {"URL": "redis://127.0.0.1:1/0"}}
    assert get_scheduler("elsewhere").connection.connection_pool.connection_kwargs["port"] == 1
    site.RQ_SCHEDULER = {"QUEUE": "elsewhere"}
    assert get_scheduler().connection.connection_pool.connection_kwargs["port"] == 1
    assert isinstance(get_scheduler("low"), Scheduler)
    assert "No schedules" in manage("rqschedules", "--queue", "low", "list")


def test_a_queues_serializer_and_the_sites_job_class_are_used(site: Any) -> None:
    site.RQ = {"JOB_CLASS": OwnJob}
    site.RQ_QUEUES = {"default": {**site.RQ_QUEUES["default"], "SERIALIZER": JSONSerializer}}
    job = get_scheduler().enqueue_in(DAY, "django_shop.orders.tasks.ship")
    assert type(job) is OwnJob
    assert job.serializer is JSONSerializer
