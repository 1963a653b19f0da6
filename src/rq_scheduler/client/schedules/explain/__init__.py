"""Why a schedule ran, or did not: `scheduler.schedules.explain`.

`evidence.py` is what is known, `gather.py` reads it, `asked.py` says which instant is meant; `timing.py` (is it one of
the schedule?), `serving.py` (was it served?) and `jobs.py` (how does its job stand?) are the checks, `verdict.py` puts
them together; `explanation.py` is what callers get. But for `gather.py`, all of it is pure.
"""

from rq_scheduler.client.schedules.explain.explanation import Explanation, Fact, Remedy

__all__ = ["Explanation", "Fact", "Remedy"]
