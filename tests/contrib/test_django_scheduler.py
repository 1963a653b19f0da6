"""`get_scheduler`: what datetimes mean, jobs that wait for a transaction, and that 0.14's callers get what they got."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import redis as redis_py
from rq.job import Job

from jobs_for_tests import nothing
from rq_scheduler import Scheduler
from rq_scheduler.contrib.django import DjangoScheduler, get_scheduler
from rq_scheduler.errors import InvalidArgument

KOLKATA = ZoneInfo("Asia/Kolkata")
NOON = datetime(2040, 1, 1, 12)
NOON_IN_UTC = NOON.replace(tzinfo=KOLKATA).astimezone(UTC)


@pytest.fixture
def scheduler(site: Any) -> DjangoScheduler:
    site.TIME_ZONE = "Asia/Kolkata"
    return get_scheduler()


@pytest.mark.parametrize("use_tz", [True, False])
class TestTimes:
    @pytest.fixture(autouse=True)
    def _as(self, site: Any, use_tz: bool) -> None:
        site.USE_TZ = use_tz

    def test_naive_is_the_zone_of_the_site_and_aware_is_what_it_says(
        self, scheduler: DjangoScheduler, redis: redis_py.Redis
    ) -> None:
        scheduler.enqueue_at(NOON, nothing, job_id="at")
        scheduler.schedule(NOON, nothing, id="schedule")
        scheduler.enqueue_many([(NOON, nothing)])
        scheduler.enqueue_at(datetime(2041, 1, 1), nothing, job_id="moved")
        scheduler.change_execution_time("moved", NOON)
        scheduler.enqueue_at(NOON.replace(tzinfo=UTC), nothing, job_id="aware")
        times = {job.id: due for job, due in Scheduler(connection=redis).get_jobs(with_times=True)}
        assert times.pop("aware") == NOON
        assert len(times) == 4
        assert set(times.values()) == {NOON_IN_UTC.replace(tzinfo=None)}
        assert scheduler.count(NOON) == 4
        assert len(list(scheduler.get_jobs(until=NOON))) == 4

    def test_what_is_given_back_can_be_given_again(self, scheduler: DjangoScheduler, use_tz: bool) -> None:
        scheduler.enqueue_at(NOON, nothing)
        ((job, due),) = scheduler.get_jobs(with_times=True)
        assert due == (NOON_IN_UTC if use_tz else NOON)
        scheduler.change_execution_time(job, due)
        ((_, again),) = scheduler.get_jobs(with_times=True)
        assert again == due

    def test_callers_of_django_rqs_get_scheduler_get_utc_as_ever(
        self, site: Any, host_in: Callable[[str], None], redis: redis_py.Redis
    ) -> None:
        import django_rq

        host_in("UTC")  # elsewhere they are warned
        site.TIME_ZONE = "Asia/Kolkata"
        theirs = django_rq.get_scheduler()
        theirs.enqueue_at(NOON, nothing)
        ((_, due),) = theirs.get_jobs(with_times=True)
        assert due == NOON
        assert (
            redis.zscore(Scheduler.scheduled_jobs_key, next(iter(theirs.get_jobs())).id)
            == NOON.replace(tzinfo=UTC).timestamp()
        )


def test_jobs_have_what_the_settings_have_for_their_queue(site: Any) -> None:
    site.RQ = {"DEFAULT_RESULT_TTL": 5000}
    jobs = [
        get_scheduler().enqueue_in(timedelta(1), nothing),
        get_scheduler("low").enqueue_in(timedelta(1), nothing),
        get_scheduler().enqueue_in(timedelta(1), nothing, queue_name="low"),
        get_scheduler().enqueue_in(timedelta(1), nothing, timeout=5, job_result_ttl=6),
    ]
    assert [(job.origin, job.timeout, job.result_ttl) for job in jobs] == [
        ("default", 77, 5000), ("low", 99, 5000), ("low", 99, 5000), ("default", 5, 6),
    ]  # fmt: skip


def test_the_actor(site: Any) -> None:
    assert get_scheduler(actor="deploy 4711").actor == "deploy 4711"


class TestOnCommit:
    @pytest.fixture
    def atomic(self, site: Any) -> Iterator[Callable[..., Any]]:
        from django.db import connections, transaction

        yield transaction.atomic
        connections.close_all()

    def test_it_is_saved_when_the_transaction_commits(
        self, scheduler: DjangoScheduler, atomic: Callable[..., Any], redis: redis_py.Redis
    ) -> None:
        with atomic():
            job = scheduler.enqueue_in(timedelta(1), nothing, commit="on_commit")
            at = scheduler.enqueue_at(NOON, nothing, job_id="at-noon", commit="on_commit")
            assert isinstance(job, Job)
            assert redis.keys() == []
        assert job in scheduler
        assert at.id == "at-noon"
        assert "at-noon" in scheduler

    def test_and_never_when_it_is_rolled_back(
        self, scheduler: DjangoScheduler, atomic: Callable[..., Any], redis: redis_py.Redis
    ) -> None:
        with suppress(LookupError), atomic():
            scheduler.enqueue_in(timedelta(1), nothing, commit="on_commit")
            raise LookupError
        assert redis.keys() == []

    def test_the_time_is_that_of_the_call(
        self, scheduler: DjangoScheduler, atomic: Callable[..., Any], redis: redis_py.Redis
    ) -> None:
        with atomic():
            before = datetime.now(UTC)
            job = scheduler.enqueue_in(timedelta(hours=1), nothing, commit="on_commit")
            after = datetime.now(UTC)
        score = redis.zscore(Scheduler.scheduled_jobs_key, job.id)
        assert before.timestamp() <= score - 3600 <= after.timestamp()

    def test_of_another_database(
        self, scheduler: DjangoScheduler, atomic: Callable[..., Any], redis: redis_py.Redis
    ) -> None:
        with atomic(), atomic(using="ledger"):
            scheduler.enqueue_in(timedelta(1), nothing, commit="on_commit", using="ledger", job_id="ledger")
            scheduler.enqueue_in(timedelta(1), nothing, commit="on_commit", job_id="default")
            with suppress(LookupError), atomic(using="ledger"):
                scheduler.enqueue_in(timedelta(1), nothing, commit="on_commit", using="ledger", job_id="lost")
                raise LookupError
            assert scheduler.count() == 0
        assert sorted(job.id for job in scheduler.get_jobs()) == ["default", "ledger"]

    def test_without_a_transaction_at_once(self, scheduler: DjangoScheduler, site: Any) -> None:
        assert scheduler.enqueue_in(timedelta(1), nothing, commit="on_commit") in scheduler

    def test_never_unless_asked(self, scheduler: DjangoScheduler, atomic: Callable[..., Any]) -> None:
        import django_rq

        with atomic():
            assert scheduler.enqueue_in(timedelta(1), nothing) in scheduler
            assert django_rq.get_scheduler().enqueue_in(timedelta(1), nothing) in scheduler

    def test_a_function_may_have_a_commit_of_its_own(self, scheduler: DjangoScheduler) -> None:
        job = scheduler.enqueue_in(timedelta(1), nothing, commit=True, using="x")
        assert job.kwargs == {"commit": True, "using": "x"}

    def test_django_rqs_word_for_it_is_not_taken_for_an_argument(self, scheduler: DjangoScheduler) -> None:
        with pytest.raises(InvalidArgument, match="give commit='on_commit'"):
            scheduler.enqueue_in(timedelta(1), nothing, commit="on_db_commit")

    def test_a_mistake_is_told_at_the_call(self, scheduler: DjangoScheduler, atomic: Callable[..., Any]) -> None:
        with atomic(), pytest.raises(TypeError, match="lambda"):
            scheduler.enqueue_in(timedelta(1), lambda: None, commit="on_commit")
