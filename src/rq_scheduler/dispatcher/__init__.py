"""The dispatcher: the process that hands off what is due. `passes` is one pass, `waker` all sleeping."""

from rq_scheduler.dispatcher.burst import BURST_PATIENCE
from rq_scheduler.dispatcher.dispatcher import Dispatcher
from rq_scheduler.dispatcher.events import Events
from rq_scheduler.dispatcher.listeners import Listeners
from rq_scheduler.dispatcher.liveness import Liveness
from rq_scheduler.dispatcher.log_events import LogEvents
from rq_scheduler.dispatcher.options import Hooks, Options
from rq_scheduler.dispatcher.pass_result import PassResult
from rq_scheduler.dispatcher.previous_runs import end_run, look_for, stop_run
from rq_scheduler.dispatcher.services import Service

__all__ = [
    "BURST_PATIENCE",
    "Dispatcher",
    "Events",
    "Hooks",
    "Listeners",
    "Liveness",
    "LogEvents",
    "Options",
    "PassResult",
    "Service",
    "end_run",
    "look_for",
    "stop_run",
]
