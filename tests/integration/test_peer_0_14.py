"""Beside rq-scheduler 0.14: data that its client wrote, its daemon at work next to ours, and the way back to it.

The client's record (ids that it printed) is held against the workers' own (ids that the jobs pushed). The test of both
daemons lasts RQS_BESIDE_SECONDS (12 unless set).
"""

import json
import os
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor, wait
from datetime import UTC, datetime

import pytest
import redis as redis_py
from rq.job import Job

from integration.helpers import IN_PROCESS, INDEX, LOCK, RunWorker, StartDispatcher, account, actions, pushed, ran
from rq_scheduler import Scheduler
from rq_scheduler.store.keys import FENCE_HOLDER
from support import Peer, wait_until

BESIDE_SECONDS = float(os.environ.get("RQS_BESIDE_SECONDS", "12"))

PUSH_ID = '"jobs_for_tests.push_id"'


def ids_of(output: str) -> list[str]:
    """The last line that a peer's script printed: a JSON list of job ids."""
    return json.loads(output.splitlines()[-1])


class TestDataThatItsClientWrote:
    def test_one_offs_run_once(
        self, redis: redis_py.Redis, peer: Peer, start_dispatcher: StartDispatcher, run_worker: RunWorker
    ):
        """Those that were overdue, those to come, and those that are written while we run."""
        write = f"""
now = datetime.utcnow()
jobs = [scheduler.enqueue_at(now - timedelta(hours=n), {PUSH_ID}) for n in range(20)]
jobs += [scheduler.enqueue_at(now + timedelta(seconds=n % 3), {PUSH_ID}, "ran") for n in range(20)]
jobs += [scheduler.enqueue_in(timedelta(seconds=n % 3), {PUSH_ID}, key="ran", meta={{"n": n}}, timeout="1m")
         for n in range(20)]
jobs += [scheduler.enqueue_in(timedelta(0), {PUSH_ID}, queue_name="other", at_front=True, job_result_ttl=90)]
print(json.dumps([job.id for job in jobs]))
"""
        ids = ids_of(peer.script(write))
        start_dispatcher()
        ids += ids_of(peer.script(write))
        run_worker("default", "other", burst=False, args=IN_PROCESS)
        wait_until(lambda: ran(redis).total() >= len(ids))
        wait_until(lambda: Job.fetch(ids[-1], redis).is_finished)
        assert account(ran(redis), ids) == ""
        assert redis.zcard(INDEX) == 0
        last = Job.fetch(ids[-1], redis)
        assert (last.origin, last.result_ttl) == ("other", 90)

    def test_interval_and_repeat(
        self, redis: redis_py.Redis, peer: Peer, start_dispatcher: StartDispatcher, run_worker: RunWorker
    ):
        """`repeat=3` is three runs in all, and what names no repeat goes on."""
        thrice, endless, twice = ids_of(
            peer.script(f"""
now = datetime.utcnow()
jobs = [
    scheduler.schedule(now, {PUSH_ID}, interval=1, repeat=3),
    scheduler.schedule(now, {PUSH_ID}, interval=1),
    scheduler.cron("* * * * * * *", {PUSH_ID}, repeat=2),
]
print(json.dumps([job.id for job in jobs]))
""")
        )
        run_worker(burst=False)
        start_dispatcher()
        wait_until(lambda: ran(redis)[endless] >= 5)
        assert (ran(redis)[thrice], ran(redis)[twice]) == (3, 2)
        assert redis.zrange(INDEX, 0, -1) == [endless.encode()]

    def test_instants_of_an_interval_do_not_drift(
        self, redis: redis_py.Redis, peer: Peer, start_dispatcher: StartDispatcher, run_worker: RunWorker
    ):
        id, due = json.loads(
            peer.script(f"""
job = scheduler.schedule(datetime.utcnow() + timedelta(seconds=2), {PUSH_ID}, interval=1)
print(json.dumps([job.id, connection.zscore(scheduler.scheduled_jobs_key, job.id)]))
""").splitlines()[-1]
        )
        run_worker(burst=False)
        start_dispatcher()
        wait_until(lambda: ran(redis)[id] >= 4)
        schedules = Scheduler(connection=redis).schedules

        def every_second_is_accounted_for() -> bool:
            """A machine that is slow skips one, while the run before it is under way."""
            seen = schedules[id]
            return redis.zscore(INDEX, id) == due + seen.runs + seen.skipped + seen.missed

        wait_until(every_second_is_accounted_for)

    def test_cron_goes_on_in_the_zone_asked_for(
        self, redis: redis_py.Redis, peer: Peer, start_dispatcher: StartDispatcher, run_worker: RunWorker
    ):
        (id,) = ids_of(
            peer.script(f"""
job = scheduler.cron("30 2 * * *", {PUSH_ID})
scheduler.change_execution_time(job, datetime.utcnow())
print(json.dumps([job.id]))
""")
        )
        dispatcher = start_dispatcher("--adopt-timezone", "Asia/Kolkata")
        run_worker(burst=False)
        wait_until(lambda: ran(redis)[id] == 1)
        due = redis.zscore(INDEX, id)
        assert isinstance(due, float)
        comes = datetime.fromtimestamp(due, UTC)
        assert (comes.hour, comes.minute) == (21, 0)  # 02:30 of Kolkata
        zone_is_told = "1 cron string(s) among them run in Asia/Kolkata"
        wait_until(lambda: zone_is_told in dispatcher.output(), message=dispatcher.output)

    def test_deleting_the_job_ends_it(
        self, redis: redis_py.Redis, peer: Peer, start_dispatcher: StartDispatcher, run_worker: RunWorker
    ):
        """The idiom with which applications start: delete all, then schedule anew."""
        schedule = f"""
for job in scheduler.get_jobs():
    job.delete()
job = scheduler.schedule(datetime.utcnow(), {PUSH_ID}, interval=1)
other = scheduler.cron("* * * * * * *", {PUSH_ID})
print(json.dumps([job.id, other.id]))
"""
        old = ids_of(peer.script(schedule))
        run_worker(burst=False)
        dispatcher = start_dispatcher()
        wait_until(lambda: all(ran(redis)[id] >= 2 for id in old))
        new = ids_of(peer.script(schedule))
        wait_until(
            lambda: all(dispatcher.output().count(f"{id} has ended") == 1 for id in old), message=dispatcher.output
        )
        before = ran(redis)
        wait_until(lambda: all(ran(redis)[id] >= 3 for id in new))
        assert all(ran(redis)[id] == before[id] for id in old)
        assert {member.decode() for member in redis.zrange(INDEX, 0, -1)} == set(new)

    def test_an_edited_interval_takes_effect(
        self,
        redis: redis_py.Redis,
        scheduler: Scheduler,
        peer: Peer,
        start_dispatcher: StartDispatcher,
        run_worker: RunWorker,
    ):
        slower, faster = ids_of(
            peer.script(f"""
now = datetime.utcnow()
jobs = [scheduler.schedule(now, {PUSH_ID}, interval=1), scheduler.schedule(now, {PUSH_ID}, interval=3600)]
print(json.dumps([job.id for job in jobs]))
""")
        )
        run_worker(burst=False)
        start_dispatcher()
        wait_until(lambda: ran(redis)[slower] >= 2 and ran(redis)[faster] == 1)
        peer.script(
            """
from rq.job import Job
slower, faster = (Job.fetch(id, connection=connection) for id in sys.argv[1:])
slower.meta["interval"] = 7200
slower.save()
faster.meta["interval"] = 1
faster.save()
scheduler.change_execution_time(faster, datetime.utcnow())
""",
            slower,
            faster,
        )
        wait_until(lambda: ran(redis)[faster] >= 4)
        wait_until(lambda: scheduler.count(until=time.time() + 3600) == 1)
        left = {job.id: job for job in scheduler.get_jobs()}
        assert left[slower].meta["interval"] == 7200
        due = redis.zscore(INDEX, slower)
        assert isinstance(due, float)
        assert 7100 < due - time.time() <= 7200

    def test_the_way_back(
        self, redis: redis_py.Redis, peer: Peer, start_dispatcher: StartDispatcher, run_worker: RunWorker
    ):
        """0.14 finds its counters where we left them, and goes on: five runs in all, of ours and its own."""
        (id,) = ids_of(
            peer.script(f"""
job = scheduler.schedule(datetime.utcnow(), {PUSH_ID}, interval=1, repeat=5)
print(json.dumps([job.id]))
""")
        )
        run_worker(burst=False)
        dispatcher = start_dispatcher()
        wait_until(lambda: ran(redis)[id] >= 2)
        assert dispatcher.terminate() == 0
        runs = wait_until(lambda: (done := ran(redis)[id]) + len(redis.lrange("rq:queue:default", 0, -1)) and done)
        left = json.loads(
            peer.script("""
print(json.dumps([(job.id, job.meta["repeat"], job.meta["interval"]) for job in scheduler.get_jobs()]))
""").splitlines()[-1]
        )
        assert left == [[id, 5 - runs, 1]]
        peer.daemon()
        wait_until(lambda: redis.zcard(INDEX) == 0)
        wait_until(lambda: ran(redis)[id] == 5)

    def test_our_own_data_on_the_way_back(
        self, redis: redis_py.Redis, scheduler: Scheduler, peer: Peer, run_worker: RunWorker
    ):
        """What our client wrote, 0.14's daemon serves: entries and the meta of recurring jobs have its format."""
        now = datetime.now(UTC)
        once = scheduler.enqueue_at(now, "jobs_for_tests.push_id")
        twice = scheduler.schedule(now, "jobs_for_tests.push_id", interval=1, repeat=2)
        cron = scheduler.cron("* * * * *", "jobs_for_tests.push_id", use_local_timezone=True)
        run_worker(burst=False)
        peer.daemon()
        wait_until(lambda: (ran(redis)[once.id], ran(redis)[twice.id]) == (1, 2))
        wait_until(lambda: redis.zrange(INDEX, 0, -1) == [cron.id.encode()])


@pytest.mark.once
@pytest.mark.long
class TestItsDaemonBesideOurs:
    @pytest.mark.timeout(300 + 2 * BESIDE_SECONDS)
    def test_none_is_lost_or_doubled(
        self, redis: redis_py.Redis, peer: Peer, start_dispatcher: StartDispatcher, run_worker: RunWorker
    ):
        """0.14's daemon all the time, ours coming and going beside it, and a client of 0.14 that goes on writing."""
        write = f"""
import random, time
seconds, seed = float(sys.argv[1]), int(sys.argv[2])
dice, began = random.Random(seed), time.time()
once, often = [], []
for n in range(40):
    start = datetime.utcnow() + timedelta(seconds=dice.uniform(0, seconds / 3))
    often.append(scheduler.schedule(start, {PUSH_ID}, args=("often",), interval=dice.choice([1, 2]), repeat=5).id)
    often.append(scheduler.cron("*/2 * * * * * *", {PUSH_ID}, args=("often",), repeat=5).id)
def write_one():
    due = datetime.utcnow() + timedelta(seconds=dice.uniform(-1, max(1, began + seconds - time.time())))
    once.append(scheduler.enqueue_at(due, {PUSH_ID}).id)
for n in range(int(seconds * 25)):
    write_one()
while time.time() - began < seconds - 1:
    write_one()
    time.sleep(0.02)
print(json.dumps([once, often]))
"""
        for _ in range(2):
            run_worker(burst=False, args=IN_PROCESS)
        theirs = peer.daemon()
        by_us: Counter[str] = Counter()
        with ThreadPoolExecutor(1) as beside:
            client = beside.submit(peer.script, write, str(BESIDE_SECONDS), "11", timeout=2 * BESIDE_SECONDS + 30)
            while not client.done():
                dispatchers = [start_dispatcher("-v", "--log-format", "json", wait=False) for _ in range(2)]
                for one in dispatchers:  # a signal finds its handler
                    wait_until(lambda one=one: "serves" in one.output(), message=one.output)
                # Each kind is on long enough to serve, and off long enough for the other's pass.
                wait_until(lambda: redis.get(LOCK) == FENCE_HOLDER.encode())
                wait([client], 2.5)
                for dispatcher in dispatchers:
                    assert dispatcher.terminate() == 0, dispatcher.output()
                    by_us.update(id for said in actions(dispatcher, "handed_off") for id, *_ in said["handed_off"])
                wait([client], 2.5)
            once, often = json.loads(client.result().splitlines()[-1])
        start_dispatcher()
        wait_until(lambda: redis.zcard(INDEX) == 0)
        wait_until(lambda: redis.llen("rq:queue:default") == 0)
        wait_until(lambda: ran(redis).total() >= len(once) and ran(redis, "often").total() >= 5 * len(often))
        assert account(ran(redis), once) == ""
        assert {id: times for id, times in ran(redis, "often").items() if times != 5} == {}
        assert set(ran(redis, "often")) == set(often)
        assert theirs.running, theirs.output()
        share = sum(by_us[id] for id in once)
        print(f"{len(once)} one-offs, {share} of them handed off by ours; {len(often)} recurring jobs, five runs each")
        assert 0 < share < len(once), f"both were to serve: {share} of {len(once)} were ours"

    def test_the_lock_of_a_killed_one_is_waited_out(
        self, redis: redis_py.Redis, peer: Peer, start_dispatcher: StartDispatcher
    ):
        ids = self._killed_in_its_pass(redis, peer)
        redis.expire(LOCK, 3600)
        dispatcher = start_dispatcher()
        wait_until(lambda: "rq:scheduler_lock is held by" in dispatcher.output(), message=dispatcher.output)
        before = pushed(redis)
        assert redis.get(LOCK) != FENCE_HOLDER.encode()
        assert pushed(redis) == before
        redis.pexpire(LOCK, 500)  # and not the 11 seconds that it would take
        wait_until(lambda: redis.zcard(INDEX) == 0)
        wait_until(lambda: "rq:scheduler_lock is free again" in dispatcher.output(), message=dispatcher.output)
        self._check(pushed(redis), ids)

    def test_take_fence_does_not_wait(self, redis: redis_py.Redis, peer: Peer, start_dispatcher: StartDispatcher):
        ids = self._killed_in_its_pass(redis, peer)
        redis.expire(LOCK, 3600)
        start_dispatcher("--take-fence")
        wait_until(lambda: redis.zcard(INDEX) == 0)
        self._check(pushed(redis), ids)

    @staticmethod
    def _killed_in_its_pass(redis: redis_py.Redis, peer: Peer) -> list[str]:
        ids = ids_of(
            peer.script(f"""
jobs = [scheduler.enqueue_at(datetime.utcnow(), {PUSH_ID}) for n in range(2000)]
print(json.dumps([job.id for job in jobs]))
""")
        )
        daemon = peer.daemon()
        wait_until(lambda: redis.llen("rq:queue:default") > 10, interval=0.001, message=daemon.output)
        daemon.kill()
        assert redis.zcard(INDEX) > 0
        assert redis.exists(LOCK)
        return ids

    @staticmethod
    def _check(counted: Counter[str], ids: list[str]) -> None:
        """Ours are there once. 0.14 pushes and removes in two steps: the one it was at when it died may be twice."""
        assert set(counted) == set(ids)
        assert counted.total() - len(ids) <= 1
