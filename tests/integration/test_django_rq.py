"""django-rq on this package: `get_scheduler`, its subclass, its management command, the pages of its admin."""

import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from importlib import import_module

import pytest
import redis as redis_py
from django.http import HttpRequest
from django.test import RequestFactory
from rq import Retry
from rq.job import Job

import jobs_for_tests
from integration.helpers import RunWorker, account, ran
from rq_scheduler import Cron, Scheduler
from rq_scheduler.embedded import EmbeddedRedis
from rq_scheduler.guarded_process import GuardedProcess
from support import Peer, Processes, wait_until

NOW = datetime(2040, 1, 1, tzinfo=UTC)


GetScheduler = Callable[..., Scheduler]


@pytest.fixture
def get_scheduler(django_site: None, redis: redis_py.Redis, in_utc: None) -> GetScheduler:
    """django-rq's, in a Django site whose RQ is on the shared server. Nothing of it can be imported sooner."""
    return import_module("django_rq").get_scheduler


@pytest.fixture
def asked(get_scheduler: GetScheduler) -> Callable[..., HttpRequest]:
    """`asked("/path", page=1)`: the request of somebody who may see everything."""
    # Django's models can be imported once there are settings.
    from django.contrib.auth.models import User

    def ask(path: str, **parameters: object) -> HttpRequest:
        request = RequestFactory().get(path, parameters)
        request.user = User(username="ann", is_staff=True, is_superuser=True)
        return request

    return ask


StartRqscheduler = Callable[[str], GuardedProcess]


@pytest.fixture
def start_rqscheduler(processes: Processes, dispatcher_url: str) -> StartRqscheduler:
    """`manage.py rqscheduler`, with its default interval of 60 seconds, on a host in UTC, for a site in that zone."""

    def start(time_zone: str) -> GuardedProcess:
        started = processes.start(
            sys.executable, "-m", "django", "rqscheduler", "--settings", "integration.django_site",
            env={"RQS_TEST_REDIS_URL": dispatcher_url, "RQS_TEST_TIME_ZONE": time_zone, "TZ": "UTC"},
            log="rqscheduler.log",
        )  # fmt: skip
        wait_until(lambda: "serves" in started.output() or not started.running, message=started.output)
        assert started.running, started.output()
        return started

    return start


@pytest.fixture
def rqscheduler(start_rqscheduler: StartRqscheduler) -> GuardedProcess:
    """The same for a site in UTC."""
    return start_rqscheduler("UTC")


class TestScheduler:
    def test_get_scheduler(self, get_scheduler: GetScheduler, redis: redis_py.Redis):
        scheduler = get_scheduler("low", interval=5)
        assert isinstance(scheduler, Scheduler)
        assert type(scheduler).__name__ == "DjangoScheduler"
        assert (scheduler.queue_name, scheduler._interval) == ("low", 5)
        assert scheduler.enqueue_in(timedelta(1), jobs_for_tests.nothing).origin == "low"
        assert redis.zcard(Scheduler.scheduled_jobs_key) == 1

    def test_its_job_creator_fills_in_timeout_and_result_ttl(self, get_scheduler: GetScheduler, redis: redis_py.Redis):
        scheduler = get_scheduler()
        made = {
            "at": scheduler.enqueue_at(NOW, jobs_for_tests.echo, 1, start=2),
            "in": scheduler.enqueue_in(timedelta(1), jobs_for_tests.nothing, queue_name="low"),
            "once": scheduler.schedule(NOW, jobs_for_tests.nothing),
            "own": scheduler.enqueue_at(NOW, jobs_for_tests.nothing, timeout=5, job_result_ttl=6),
            "interval": scheduler.schedule(NOW, jobs_for_tests.nothing, interval=60),
            "cron": scheduler.cron("0 0 * * *", jobs_for_tests.nothing),
        }
        fetched = {name: Job.fetch(job.id, redis) for name, job in made.items()}
        assert {name: (job.timeout, job.result_ttl) for name, job in fetched.items()} == {
            "at": (77, 5000),
            "in": (99, 5000),
            "once": (77, 5000),
            "own": (5, 6),
            "interval": (77, -1),
            "cron": (77, -1),
        }
        assert (fetched["at"].args, fetched["at"].kwargs) == ((1,), {"start": 2})

    def test_its_job_creator_takes_the_newer_options(self, get_scheduler: GetScheduler, redis: redis_py.Redis):
        scheduler = get_scheduler()
        job = scheduler.enqueue_at(NOW, jobs_for_tests.nothing, retry=Retry(3), failure_ttl=60)
        (bulk,) = scheduler.enqueue_many([(NOW, jobs_for_tests.nothing)], queue_name="low")
        assert (Job.fetch(job.id, redis).retries_left, Job.fetch(job.id, redis).failure_ttl) == (3, 60)
        assert Job.fetch(bulk, redis).timeout == 99


class TestManagementCommand:
    def test_it_serves(
        self, get_scheduler: GetScheduler, redis: redis_py.Redis, rqscheduler: GuardedProcess, run_worker: RunWorker
    ):
        scheduler = get_scheduler()
        ids = [scheduler.enqueue_in(timedelta(seconds=n / 10), jobs_for_tests.push_id).id for n in range(10)]
        ids += [scheduler.enqueue_in(timedelta(0), jobs_for_tests.push_id, queue_name="low").id]
        often = scheduler.schedule(datetime.now(UTC), jobs_for_tests.push_id, args=("often",), interval=1, repeat=2)
        run_worker("default", "low", burst=False)
        wait_until(lambda: ran(redis).total() == len(ids) and ran(redis, "often") == {often.id: 2})
        assert account(ran(redis), ids) == ""
        assert scheduler.count() == 0
        assert rqscheduler.terminate() == 0
        assert "has left" in rqscheduler.output()

    def test_its_interval_of_a_minute_keeps_nobody_waiting(
        self, redis: redis_py.Redis, rqscheduler: GuardedProcess, peer: Peer
    ):
        """What a 0.14 client writes, without a word on our channel, is seen by a poll of a second."""
        peer.script('scheduler.enqueue_in(timedelta(0), "jobs_for_tests.nothing")')
        wait_until(lambda: redis.llen("rq:queue:default") == 1, timeout=40)
        assert rqscheduler.running

    def test_it_reads_what_0_14_wrote_in_the_zone_of_the_site(
        self, redis: redis_py.Redis, start_rqscheduler: StartRqscheduler, peer: Peer
    ):
        """Under Django, 0.14 ran in that zone, and so did what it was asked for."""
        peer.script('scheduler.cron("30 2 * * *", "jobs_for_tests.nothing", id="nightly")', env={"TZ": "Asia/Kolkata"})
        started = start_rqscheduler("Asia/Kolkata")
        said = "1 cron string(s) among them run in Asia/Kolkata"
        wait_until(lambda: said in started.output(), message=started.output)
        nightly = Scheduler(connection=redis).schedules["nightly"]
        assert nightly.trigger == Cron("30 2 * * *", "Asia/Kolkata", "both")
        assert nightly.next_run_at is not None
        assert (nightly.next_run_at.hour, nightly.next_run_at.minute) == (21, 0)


class TestAdmin:
    @pytest.fixture(autouse=True)
    def _as_default_user(self, django_site: None, server: EmbeddedRedis, monkeypatch: pytest.MonkeyPatch) -> None:
        """Its pages show all of RQ, which is more than the scheduler's applications have to see."""
        from django.conf import settings

        for queue in settings.RQ_QUEUES.values():
            monkeypatch.setitem(queue, "URL", server.url)

    def test_its_statistics_count(self, get_scheduler: GetScheduler, asked: Callable[..., HttpRequest]):
        from django_rq.stats_views import stats
        from django_rq.utils import get_scheduler_statistics

        get_scheduler().enqueue_many([(NOW, jobs_for_tests.nothing)] * 3)
        (counted,) = get_scheduler_statistics()["schedulers"].values()
        assert counted == {"count": 3, "index": 0}
        page = stats(asked("/django-rq/")).content.decode()
        assert ">3</a>" in page.partition("<h2>RQ Scheduler</h2>")[2]

    def test_its_page_of_scheduled_jobs(self, get_scheduler: GetScheduler, asked: Callable[..., HttpRequest]):
        from django_rq.views import scheduler_jobs

        scheduler = get_scheduler()
        ids = scheduler.enqueue_many((NOW + timedelta(seconds=n), jobs_for_tests.nothing) for n in range(102))
        ids += [
            scheduler.schedule(NOW + timedelta(1), jobs_for_tests.nothing, interval=60, repeat=3, id="by-interval").id,
            scheduler.cron("0 0 1 1 *", jobs_for_tests.nothing, id="by-cron").id,
        ]
        scheduler.change_execution_time("by-cron", NOW + timedelta(2))
        shown = []
        for number in (1, 2):
            answer = scheduler_jobs(asked("/django-rq/schedulers/0/", page=number), 0)
            assert answer.status_code == 200
            page = answer.content.decode()
            shown += [id for id in ids if f"\n                                        {id}\n" in page]
        assert shown == ids
        assert "104 jobs" in page
        assert "interval: 60 repeat: 3" in page
        assert "cron: &#x27;0 0 1 1 *&#x27;" in page
        assert "jobs_for_tests.nothing" in page
