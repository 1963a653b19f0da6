"""Calls that go by what somebody has seen before: a version, a page; and what a schedule calls."""

from datetime import timedelta

import pytest
import redis as redis_py

import jobs_for_tests as jobs
from rq_scheduler import Every, Scheduler
from rq_scheduler.errors import IdTaken, InvalidArgument, ScheduleNotFound, VersionConflict

pytestmark = pytest.mark.once

ADD = "jobs_for_tests.add"


@pytest.fixture
def scheduler(redis: redis_py.Redis) -> Scheduler:
    return Scheduler(connection=redis)


class TestPutOfAVersion:
    def test_of_the_present_one(self, scheduler: Scheduler) -> None:
        schedules = scheduler.schedules
        assert schedules.put("a", Every("1h"), jobs.add, args=(1, 2), version=0).version == 1
        assert schedules.put("a", Every("2h"), jobs.add, args=(1, 2), version=1).version == 2
        assert schedules.put("a", Every("2h"), jobs.add, args=(1, 2), version=1).version == 2  # sent again

    def test_of_another(self, scheduler: Scheduler) -> None:
        schedules = scheduler.schedules
        with pytest.raises(VersionConflict, match="'a' is not there, not at version 1"):
            schedules.put("a", Every("1h"), jobs.add, args=(1, 2), version=1)
        schedules.put("a", Every("1h"), jobs.add, args=(1, 2))
        with pytest.raises(VersionConflict, match="'a' is at version 1, not new"):
            schedules.put("a", Every("2h"), jobs.add, args=(1, 2), version=0)
        with pytest.raises(VersionConflict, match="'a' is at version 1, not at version 3"):
            schedules.put("a", Every("2h"), jobs.add, args=(1, 2), version=3)
        with pytest.raises(InvalidArgument, match="version=-1"):
            schedules.put("a", Every("2h"), jobs.add, args=(1, 2), version=-1)
        assert schedules["a"].version == 1


class TestPages:
    def test_of_schedules(self, scheduler: Scheduler) -> None:
        for id in "abcde":
            scheduler.schedules.put(id, Every("1h"), jobs.add, args=(1, 2), tags=["x"] if id in "bd" else [])
        assert [one.id for one in scheduler.schedules.find(behind="b", limit=2)] == ["c", "d"]
        assert [one.id for one in scheduler.schedules.find(behind="b", tag="x")] == ["d"]
        assert scheduler.schedules.find(behind="e") == []

    def test_of_audit_and_events(self, scheduler: Scheduler) -> None:
        for id in "abc":
            scheduler.schedules.put(id, Every("1h"), jobs.add, args=(1, 2))
        first, second, third = scheduler.audit.read()
        assert scheduler.audit.read(before=first.place) == [second, third]
        assert scheduler.audit.read(before=third.place) == []
        assert scheduler.events.read(before=third.place) == []
        with pytest.raises(InvalidArgument, match="before='soon'"):
            scheduler.events.read(before="soon")


class TestCalled:
    def test_now_and_before(self, scheduler: Scheduler) -> None:
        schedules = scheduler.schedules
        schedules.put("a", Every("1h"), jobs.add, args=(1, 2), on_failure=ADD)
        schedules.put("a", Every("1h"), "os.getpid", queue_name="mails")
        now, before = schedules.called("a"), schedules.called("a", 1)
        assert (now.version, now.functions, now.queue_name) == (2, ["os.getpid"], "mails")
        assert (before.version, before.functions, before.queue_name) == (1, [ADD, ADD], "default")
        assert before.callbacks == {"on_failure": ADD}
        with pytest.raises(VersionConflict, match="version 3"):
            schedules.called("a", 3)
        schedules.delete("a")
        assert schedules.called("a", 2).func == "os.getpid"
        with pytest.raises(ScheduleNotFound):
            schedules.called("a")
        with pytest.raises(ScheduleNotFound):
            schedules.called("b", 1)

    def test_a_job(self, scheduler: Scheduler, redis: redis_py.Redis) -> None:
        job = scheduler.enqueue_in(timedelta(hours=1), jobs.add, 1, 2, on_success=jobs.add)
        assert scheduler.jobs.called(job.id) == [ADD, ADD]
        assert scheduler.jobs.called("nothing") == []
        redis.hset(f"rq:job:{job.id}", "data", b"\x80\x04no pickle")
        assert scheduler.jobs.called(job.id) is None
        recurring = scheduler.cron("0 0 * * *", jobs.add, args=[1, 2])
        with pytest.raises(IdTaken):
            scheduler.schedules.called(recurring.id)
