"""Calls on an event loop: many at once, in threads, in the wrong place."""

import asyncio
import contextvars
import gc
import sys
import threading
import warnings
from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import redis as redis_py
from rq.job import Job

import jobs_for_tests as jobs
from aio.conftest import Made
from rq_scheduler import AsyncScheduler, Every, Schedule, Scheduler, greenlets
from rq_scheduler.errors import (
    InvalidArgument,
    InvalidType,
    NameTaken,
    SchedulerError,
    SchedulerWarning,
)
from rq_scheduler.store import batches, loop_client

HOUR = timedelta(hours=1)
THREAD: contextvars.ContextVar[str] = contextvars.ContextVar("tests_thread", default="")


class Shop(Scheduler):
    """An application's, whose hook asks Redis, and says where it ran."""

    def _create_job(self, *args: Any, **options: Any) -> Job:
        options["meta"] = {
            "thread": threading.current_thread() is threading.main_thread(),
            "said": THREAD.get(),
            "timeout": self.connection.get("shop:timeout"),
        }
        return super()._create_job(*args, **options)


class TestManyAtOnce:
    def test_they_interleave_and_each_has_its_own_answer(self, scheduler: Made, redis: redis_py.Redis) -> None:
        async def main() -> None:
            async with scheduler() as made:
                many = await asyncio.gather(*(made.enqueue_in(HOUR, jobs.echo, n, job_id=f"j{n}") for n in range(1000)))
                assert [job.args for job in many] == [(n,) for n in range(1000)]
                assert await made.count() == 1000
                found = await asyncio.gather(*(made.get_job(f"j{n}") for n in range(1000)))
                assert [job and job.args for job in found] == [(n,) for n in range(1000)]
                assert len({id(job) for job in found}) == 1000

        before = redis.info("stats")["total_connections_received"]
        asyncio.run(main())
        opened = redis.info("stats")["total_connections_received"] - before
        assert opened <= batches.UNDER_WAY + 1, "a thousand calls need no thousand connections"

    def test_the_loop_is_not_held_up(self, scheduler: Made, monkeypatch: pytest.MonkeyPatch) -> None:
        """In steps, not in seconds: between two turns of the loop no more calls begin than may, and no more commands go
        out than fit into the batches. What a call, or a command, takes is the same for a synchronous client."""
        turns = [Counter[str]()]
        run = greenlets.run

        async def counted(*args: Any) -> Any:
            turns[-1]["begun"] += 1
            return await run(*args)

        monkeypatch.setattr(greenlets, "run", counted)

        async def tick() -> None:
            while True:
                turns.append(Counter())
                await asyncio.sleep(0)

        async def main() -> None:
            async with scheduler() as made:
                await made.count()
                turns.append(Counter())
                ticking = asyncio.create_task(tick())
                await asyncio.gather(*(made.enqueue_in(HOUR, jobs.echo, n) for n in range(1000)))
                ticking.cancel()

        asyncio.run(main())
        assert sum(turn["begun"] for turn in turns[1:]) == 1000
        # What the pace told one turn to begin may begin in the next, beside that one's own.
        assert max(turn["begun"] for turn in turns[1:]) <= 2 * greenlets.AT_ONCE

    def test_no_turn_of_the_loop_is_as_long_as_a_few_calls_of_a_synchronous_client(
        self, scheduler: Made, redis: redis_py.Redis
    ) -> None:
        """CPU time of this thread, so that nobody else's work counts: a ratio in one run."""
        import time

        spent: list[float] = []

        class Loop(asyncio.SelectorEventLoop):
            def _run_once(self) -> None:
                began = time.thread_time()
                super()._run_once()  # type: ignore[misc]
                spent.append(time.thread_time() - began)

        async def main() -> None:
            async with scheduler() as made:
                await made.enqueue_in(HOUR, jobs.echo, 0)
                spent.clear()
                await asyncio.gather(*(made.enqueue_in(HOUR, jobs.echo, n) for n in range(1000)))

        synchronous = Scheduler(connection=redis)
        gc.collect()
        gc.disable()
        try:
            with asyncio.Runner(loop_factory=Loop) as runner:
                runner.run(main())
            began = time.thread_time()
            for n in range(300):
                synchronous.enqueue_in(HOUR, jobs.echo, n)
            call = (time.thread_time() - began) / 300
        finally:
            gc.enable()
        # A thousand calls in one turn would be a hundred times that, and more.
        assert max(spent) < 100 * call

    def test_a_bulk_lets_the_loop_have_its_turns(self, scheduler: Made, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(greenlets, "LONGEST", 0)
        turns = 0

        async def tick() -> None:
            nonlocal turns
            while True:
                await asyncio.sleep(0)
                turns += 1

        async def main() -> None:
            async with scheduler() as made:
                ticking = asyncio.create_task(tick())
                assert len(await made.enqueue_many([(HOUR, jobs.echo, (n,)) for n in range(200)])) == 200
                assert turns >= 200
                definitions = [Schedule(f"s{n}", Every(60), jobs.nothing) for n in range(30)]
                await made.schedules.sync(definitions=definitions, owner="shop")
                assert turns >= 230
                ticking.cancel()
                with pytest.raises(InvalidType, match="items=5"):
                    await made.enqueue_many(5)  # type: ignore[arg-type]

        asyncio.run(main())

    def test_what_a_scheduler_keeps_for_itself_is_right_when_calls_interleave(self, scheduler: Made) -> None:
        async def main() -> None:
            async with scheduler(name="me") as made:
                taken = await asyncio.gather(*(made.acquire_lock() for _ in range(5)))
                assert sorted(taken) == [False] * 4 + [True]
                await made.remove_lock()
                assert await made.acquire_lock()
                await asyncio.gather(made.remove_lock(), made.remove_lock())
                born = await asyncio.gather(*(made.register_birth() for _ in range(3)), return_exceptions=True)
                assert Counter(type(each) for each in born) == {type(None): 1, NameTaken: 2}
                await made.register_death()
                # One function, other options: each is like its own prototype.
                puts = (
                    made.schedules.put(f"s{n}", Every(60), jobs.echo, args=(n,), queue_name=f"q{n % 3}")
                    for n in range(60)
                )
                for n, stored in enumerate(await asyncio.gather(*puts)):
                    assert (stored.queue_name, stored.definition.args) == (f"q{n % 3}", (n,))
                both = await asyncio.gather(
                    *(made.schedules.put("one", Every(60), jobs.echo, args=(n,)) for n in range(20))
                )
                assert {stored.version for stored in both} == set(range(1, 21))

        asyncio.run(main())


class TestThreads:
    def test_an_overridden_hook_runs_in_one(self, scheduler: Made, redis: redis_py.Redis) -> None:
        redis.set("shop:timeout", "77")

        async def main() -> None:
            THREAD.set("hello")
            async with scheduler(scheduler_class=Shop) as made:
                job = await made.enqueue_in(HOUR, jobs.nothing)
                assert job.meta == {"thread": False, "said": "hello", "timeout": b"77"}
                stored = await made.acting_as("somebody").schedules.put("s", Every(60), jobs.nothing, retry=3)
                assert stored.definition.meta == job.meta
                plain = await AsyncScheduler(connection=made.connection).enqueue_in(HOUR, jobs.nothing)
                assert plain.meta == {}

        asyncio.run(main())
        redis.delete("shop:timeout")

    def test_files_are_read_and_modules_imported_in_one(
        self, scheduler: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "imported_aside.py").write_text(
            "import threading\nWHERE = threading.current_thread()\ndef f(): ..."
        )
        monkeypatch.syspath_prepend(tmp_path)
        monkeypatch.setitem(sys.modules, "django_tasks.base", sys)  # where there are Tasks, names are looked at for one
        path = tmp_path / "s.toml"
        path.write_text('[schedules.a]\nevery = 60\nfunc = "imported_aside.f"\n')

        async def main() -> None:
            async with scheduler() as made:
                result = await made.schedules.sync(path, owner="shop")
                assert result.added == ("a",)
                import imported_aside  # type: ignore[import-not-found]

                assert imported_aside.WHERE is not threading.main_thread()
                with pytest.raises(InvalidArgument, match=r"nowhere\.toml"):
                    await made.schedules.sync(tmp_path / "nowhere.toml", owner="shop")

        asyncio.run(main())

    def test_one_for_which_nobody_waits_any_more_asks_nothing_more(
        self, scheduler: Made, redis: redis_py.Redis
    ) -> None:
        entered, go_on = threading.Event(), threading.Event()
        done: list[Any] = []

        class Slow(Scheduler):
            def _create_job(self, *args: Any, **options: Any) -> Job:
                entered.set()
                go_on.wait()
                try:
                    self.connection.set("shop:written", 1)
                except BaseException as error:
                    done.append(error)
                    raise
                return super()._create_job(*args, **options)

        async def main() -> None:
            async with scheduler(scheduler_class=Slow) as made:
                call = asyncio.create_task(made.enqueue_in(HOUR, jobs.nothing))
                await asyncio.to_thread(entered.wait)
                call.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await call
                go_on.set()
                assert await made.count() == 0

        asyncio.run(main())
        assert [type(error) for error in done] == [asyncio.CancelledError]
        assert redis.exists("shop:written") == 0

    def test_rqs_own_methods_of_a_job(self, scheduler: Made) -> None:
        async def main() -> None:
            async with scheduler() as made:
                job = await made.enqueue_in(HOUR, jobs.nothing)
                with pytest.raises(SchedulerError, match="run_sync"):
                    job.get_status()
                assert await made.run_sync(job.get_status) == "scheduled"
                assert await asyncio.to_thread(job.get_status) == "scheduled"
                assert await made.run_sync(lambda: job.id in made.sync_scheduler)
                await made.schedules.put("s", Every(60), jobs.nothing)
                (found,) = await made.schedules.find()
                with pytest.raises(SchedulerError, match=r"schedules\.get\(id\)"):
                    _ = found.definition
                assert (await made.schedules["s"]).definition.func == "jobs_for_tests.nothing"
            return job

        job = asyncio.run(main())
        with pytest.raises(SchedulerError, match="no event loop runs"):
            job.get_status()


class TestListings:
    def test_one_is_dropped_half_way(self, scheduler: Made) -> None:
        async def main() -> None:
            async with scheduler() as made:
                await made.enqueue_many([(HOUR + timedelta(seconds=n), jobs.echo, (n,)) for n in range(300)])
                async for job in made.get_jobs():
                    assert job.args == (0,)
                    break
                await made.schedules.put("s", Every(60), jobs.nothing)
                await made.run_sync(made.sync_scheduler._store.note_event, "overdue", "s")
                async for _ in made.events.follow("0-0"):
                    break
                gc.collect()
                assert [job.args[0] async for job in made.get_jobs()] == list(range(300))

        asyncio.run(main())

    def test_each_task_steps_through_it_as_it_likes(self, scheduler: Made) -> None:
        async def main() -> None:
            async with scheduler() as made:
                await made.enqueue_many([(HOUR + timedelta(seconds=n), jobs.echo, (n,)) for n in range(5)])
                listing = aiter(made.get_jobs(with_times=True))
                found = [await asyncio.create_task(anext(listing)) for _ in range(5)]  # type: ignore[arg-type]
                assert [job.args[0] for job, _ in found] == list(range(5))
                assert isinstance(found[0][1], datetime)
                with pytest.raises(StopAsyncIteration):
                    await anext(listing)

        asyncio.run(main())

    def test_what_cannot_be_is_refused_when_the_first_is_asked_for(self, scheduler: Made) -> None:
        async def main() -> None:
            async with scheduler() as made:
                listing = made.get_jobs(offset=1)
                with pytest.raises(InvalidArgument, match="go together"):
                    await anext(aiter(listing))
                assert [each async for each in made.schedules.touched_by_clocks()] == []

        asyncio.run(main())

    def test_events_are_followed_while_others_work(self, scheduler: Made) -> None:
        async def main() -> None:
            async with scheduler() as made:
                seen = asyncio.create_task(anext(aiter(made.events.follow())))  # type: ignore[arg-type]
                await asyncio.sleep(0)
                while not seen.done():
                    await made.schedules.put("s", Every(60), jobs.nothing)
                    await made.schedules.delete("s")
                    await made.quarantine.length()
                    await made.tokens.make("ci")
                    await made.run_sync(made.sync_scheduler._store.note_event, "overdue", "s")
                assert (await seen).kind == "overdue"

        asyncio.run(main())


class TestOperators:
    def test_each_says_what_to_await(self, scheduler: Made) -> None:
        async def main() -> None:
            async with scheduler() as made:
                job = await made.enqueue_in(HOUR, jobs.nothing)
                assert await made.contains(job)
                assert await made.schedules.length() == 0
                assert not await made.quarantine.contains("s")
                for wrong, remedy in (
                    (lambda: job in made, "await contains"),
                    (lambda: "s" in made.schedules, "await contains"),
                    (lambda: len(made.schedules), "await length"),
                    (lambda: list(made.quarantine), "async for"),
                ):
                    with pytest.raises(InvalidType, match=remedy):
                        wrong()
                assert made.schedules
                with pytest.raises(SchedulerError, match="`rqscheduler`"):
                    made.run(burst=True)

        asyncio.run(main())


class TestWarnings:
    def test_they_point_at_the_line_that_calls(self, scheduler: Made) -> None:
        async def main() -> None:
            async with scheduler() as made:
                with warnings.catch_warnings(record=True) as told:
                    warnings.simplefilter("always")
                    for _ in range(2):
                        await made.enqueue_in(HOUR, jobs.nothing, ttl=5)
                    await asyncio.create_task(made.enqueue_in(HOUR, jobs.nothing, ttl=5))
                assert [(each.filename, each.category) for each in told] == [(__file__, SchedulerWarning)] * 2
                assert told[0].lineno != told[1].lineno

        asyncio.run(main())

    def test_a_call_that_nobody_awaits_has_its_name(self, scheduler: Made) -> None:
        async def main() -> None:
            async with scheduler() as made:
                with pytest.warns(RuntimeWarning, match=r"'AsyncScheduler\.enqueue_in' was never awaited"):
                    made.enqueue_in(HOUR, jobs.nothing)  # type: ignore[unused-coroutine]

        asyncio.run(main())


def test_what_waits_in_redis_has_a_connection_of_its_own() -> None:
    assert "XREAD" in loop_client.WAITING


def test_a_call_that_is_dropped_half_way_is_unwound() -> None:
    """By its end: also where that would have to wait for something, which nobody awaits any more."""
    steps: list[str] = []

    def act() -> None:
        try:
            greenlets.wait(asyncio.sleep(60))
        finally:
            steps.append("ends")
            try:
                greenlets.wait(asyncio.sleep(60))
            finally:
                steps.append("has ended")

    async def main() -> None:
        call = greenlets.run(act)
        call.send(None)
        call.close()

    asyncio.run(main())
    assert steps == ["ends", "has ended"]


def test_items_that_a_thread_goes_through_hold_up_no_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(greenlets, "LONGEST", 0)
    assert list(greenlets.breathing([1, 2, 3])) == [1, 2, 3]
