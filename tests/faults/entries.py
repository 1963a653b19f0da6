"""All kinds of entries that a dispatcher may find due, each in a world of its own, and what has to come of it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from rq import Queue
from rq.job import Job

from faults.cutting import World
from faults.writes import MINUTE, pending, put, recurring
from jobs_for_tests import nothing
from making import entry
from rq_scheduler import Scheduler
from rq_scheduler.dispatcher import Options
from rq_scheduler.triggers import Cron
from schedules.helpers import START, Worker, after


@dataclass(frozen=True)
class Kind:
    """One kind. `prepare` leaves the clock where it is due; `runs` is how many jobs come, then and in the minutes that
    are served; `world` are options of the World."""

    runs: int
    prepare: Callable[[World], Any]
    finish: Callable[[World], Any] = lambda world: None
    """What happens last: a dependency that ends, for instance."""
    world: dict[str, Any] = field(default_factory=dict)
    serving: Options | None = None
    workers_wait: float = 0
    """Seconds before workers take what is in the queues."""
    books: tuple[str, ...] = ()
    """Keys whose content may differ after a freeze: what is written down is as true, and newer."""
    at_least_once: bool = False
    """Documented so: code of the application hands it off, outside a transaction."""
    newest_only: bool = False


class OwnHandOff(Scheduler):
    """An application's own way to hand a job off."""

    def enqueue_job(self, job: Job) -> Job:
        self.connection.rpush("test:handed", job.id)
        return super().enqueue_job(job)


def one_offs(world: World) -> None:
    pending(world, "a", "b", seconds=MINUTE - 1)
    world.scheduler.enqueue_at(after(MINUTE), nothing, job_id="front", at_front=True)
    world.scheduler.enqueue_at(after(MINUTE), nothing, job_id="mortal", job_ttl=900)
    world.scheduler.enqueue_at(after(MINUTE), nothing, job_id="other", queue_name="other")
    world.clock.move(MINUTE)


def parent(world: World, status: str) -> Job:
    made = Job.create(nothing, id="parent", origin="default", status=status, connection=world.redis)
    made.save()
    return made


def child(world: World, status: str) -> None:
    world.scheduler.enqueue_at(after(MINUTE), nothing, job_id="child", depends_on=parent(world, status))
    pending(world)
    world.clock.move(MINUTE)


def parent_ends(world: World) -> None:
    made = Job.fetch("parent", connection=world.redis)
    made.set_status("finished")
    Queue("default", connection=world.redis).enqueue_dependents(made)
    world.consume()


def limited(world: World) -> None:
    pending(world, "a", "b")
    for id in ("a", "b"):
        world.redis.hset(f"rq:job:{id}", mapping={"rate_limit_key": "k", "rate_limit_concurrency": 2})
    world.clock.move(MINUTE)


def due(*makes: Callable[[World], Any], minutes: float = 1) -> Callable[[World], None]:
    def prepare(world: World) -> None:
        for make in makes:
            make(world)
        world.clock.move(minutes * MINUTE)

    return prepare


def canceled(world: World) -> None:
    pending(world)
    Job.fetch("a", connection=world.redis).cancel()


def planned_again(world: World) -> None:
    """While its earlier job was in its queue."""
    pending(world, seconds=0)
    world.dispatcher.tick()
    pending(world, seconds=MINUTE)


def ends(world: World) -> None:
    """Workers are done with all that is queued."""
    world.consume()
    world.received.clear()


def broken(world: World) -> None:
    pending(world, "gone", "foreign", "fine")
    world.redis.delete("rq:job:gone", "rq:job:foreign")
    world.redis.set("rq:job:foreign", "somebody's")


def of_0_14(world: World, **meta: Any) -> None:
    """As 0.14 writes a recurring job: no record."""
    made = entry(world.redis, "old", 0, meta=meta, result_ttl=-1)
    world.redis.hset(made.key, mapping=dict(made.fields))
    world.redis.zadd("rq:scheduler:scheduled_jobs", {"old": after(MINUTE).timestamp()})


def run_going(world: World, **options: Any) -> None:
    """A schedule whose manual run still waits when the next is due."""
    put(world, queue_name="nobody's", **options)
    assert world.scheduler.schedules.run_now("s") is not None


def remembered(world: World, **options: Any) -> None:
    """One that has remembered a run, and whose earlier one has ended."""
    run_going(world, **options)
    world.dispatcher.tick(MINUTE)
    world.consume()
    world.received.clear()


def recurring_goes_on(world: World, **options: Any) -> None:
    """A recurring job whose last run a worker is busy with."""
    world.scheduler.schedule(START, nothing, interval=MINUTE, id="r", queue_name="nobody's", **options)
    world.dispatcher.tick()
    Worker(world.redis, world.clock.now_us).start("r", "nobody's", seconds=90)


def failing(world: World) -> None:
    put(world, pause_on_failures=1)
    world.dispatcher.tick(MINUTE)
    (id,) = world.redis.lrange("rq:queue:default", 0, -1)
    Worker(world.redis, world.clock.now_us).end(id.decode(), "failed")


def queue_deleted(world: World) -> None:
    """Its last run says that it is queued, and is in no list: skipped once, and looked for at the second time."""
    run_going(world)
    world.redis.delete("rq:queue:nobody's")
    world.dispatcher.tick(MINUTE)


def forget_the_lost(world: World) -> None:
    """Whoever deleted its queue has lost it, and nobody else."""
    (lost,) = world.redis.keys("rq:job:s-*-m1")
    world.redis.delete(lost)


def wait_for_remembered(world: World) -> None:
    """Each starts when the one before has ended, a second later."""
    for _ in range(4):
        world.dispatcher.tick(2)
        world.consume()


def damaged(world: World) -> None:
    put(world, "without-template")
    world.redis.delete("rq:scheduler:template:without-template")
    put(world, "unreadable")
    world.redis.hset("rq:scheduler:schedule:unreadable", mapping={"spec": "{", "plan": ""})
    put(world, "fine")


def rqs_own(world: World) -> None:
    queue = Queue("default", connection=world.redis)
    for id in ("a", "b"):
        queue.enqueue_at(after(MINUTE), nothing, job_id=id)
    world.redis.zadd("rq:scheduled:default", {"gone": after(1).timestamp()})


def some_of_all(world: World) -> None:
    pending(world)
    recurring(world)
    put(world)
    world.scheduler.enqueue_at(after(MINUTE), nothing, job_id="child", depends_on=parent(world, "finished"))


KINDS: dict[str, Kind] = {
    # One-offs
    "one-offs": Kind(5, one_offs),
    "a dependency that has ended": Kind(2, lambda w: child(w, "finished")),
    "a dependency that goes on": Kind(2, lambda w: child(w, "started"), finish=parent_ends),
    "a rate limit": Kind(2, limited, newest_only=True),
    "a queue class": Kind(1, due(pending), world={"queue_class": "queues_for_tests.Noting"}),
    "a queue class that takes no pipeline": Kind(
        1, due(pending), world={"queue_class": "queues_for_tests.WithoutPipeline"}, at_least_once=True
    ),
    "a hand-off of the application's": Kind(1, due(pending), world={"kind": OwnHandOff}, at_least_once=True),
    "a job that RQ canceled": Kind(0, due(canceled)),
    "parked ones": Kind(1, due(planned_again, ends)),
    "parked ones, whose earlier one goes on": Kind(2, due(planned_again)),
    "broken ones": Kind(1, due(broken)),
    # Recurring jobs of the 0.14 API
    "recurring": Kind(4, due(recurring)),
    "recurring, twice": Kind(
        2, due(lambda w: w.scheduler.schedule(after(MINUTE), nothing, interval=MINUTE, id="r", repeat=2))
    ),
    "recurring, by cron": Kind(4, due(lambda w: w.scheduler.cron("* * * * *", nothing, id="c", timezone="UTC"))),
    "recurring, expired and rebuilt": Kind(
        4,
        due(
            lambda w: w.scheduler.schedule(after(MINUTE), nothing, interval=MINUTE, id="r", result_ttl=500),
            lambda w: w.redis.delete("rq:job:r"),
        ),
    ),
    "recurring, late": Kind(4, due(recurring, minutes=3)),
    "recurring, deleted by its caller": Kind(0, due(recurring, lambda w: w.redis.delete("rq:job:r"))),
    "recurring, and skipped": Kind(3, due(recurring_goes_on)),
    "recurring, and remembered": Kind(
        4, due(lambda w: recurring_goes_on(w, overlap="buffer_one")), finish=wait_for_remembered
    ),
    "recurring, with a dependency": Kind(
        4,
        due(
            lambda w: w.scheduler.schedule(
                after(MINUTE), nothing, interval=MINUTE, id="r", repeat=9, depends_on=parent(w, "finished")
            )
        ),
        books=("rq:scheduler:schedule:r",),
    ),
    "recurring, with a queue class": Kind(4, due(recurring), world={"queue_class": "queues_for_tests.Noting"}),
    "recurring, by a hand-off of the application's": Kind(
        4, due(recurring), world={"kind": OwnHandOff}, at_least_once=True
    ),
    "recurring, written by 0.14": Kind(4, due(lambda w: of_0_14(w, interval=MINUTE, repeat=None))),
    "recurring, by cron, written by 0.14": Kind(
        3,
        due(lambda w: of_0_14(w, cron_string="*/2 * * * *", use_local_timezone=False, repeat=3)),
        serving=Options(adopt_timezones=("UTC",), rq_registries=False),
    ),
    # Schedules
    "a schedule": Kind(4, due(put)),
    "a schedule, the latest of what was missed": Kind(4, due(put, minutes=4)),
    "a schedule, all of what was missed": Kind(7, due(lambda w: put(w, catchup="all", overlap="allow"), minutes=4)),
    "a schedule, twice": Kind(2, due(lambda w: put(w, max_runs=2))),
    "a schedule by cron with jitter": Kind(
        3,
        due(lambda w: w.scheduler.schedules.put("s", Cron("* * * * *", timezone="UTC"), nothing, jitter="20s")),
    ),
    "a schedule that skips": Kind(4, due(lambda w: run_going(w, overlap="skip"))),
    "a schedule that remembers one": Kind(
        5, due(lambda w: run_going(w, overlap="buffer_one")), finish=wait_for_remembered
    ),
    "a schedule that remembers all": Kind(
        6, due(lambda w: run_going(w, overlap="buffer_all", catchup="all"), minutes=2), finish=wait_for_remembered
    ),
    "a schedule that replaces": Kind(4, due(lambda w: run_going(w, overlap="replace")), workers_wait=2),
    "a remembered run": Kind(4, due(lambda w: remembered(w, overlap="buffer_one"), minutes=0.5)),
    "a schedule whose runs RQ enqueues": Kind(4, due(lambda w: put(w, depends_on=parent(w, "finished")))),
    "a schedule, with a queue class that takes no pipeline": Kind(
        4, due(put), world={"queue_class": "queues_for_tests.Old"}, at_least_once=True
    ),
    "a schedule that fails": Kind(0, due(failing)),
    "a schedule whose queue was deleted": Kind(4, due(queue_deleted), finish=forget_the_lost),
    "damaged schedules": Kind(4, due(damaged)),
    # RQ's own, and all together
    "RQ's own": Kind(2, due(rqs_own), world={"registries": True}),
    "some of all": Kind(10, due(some_of_all), world={"registries": True}),
}
