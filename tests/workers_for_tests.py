"""Worker classes that tests run with `rq worker --worker-class`."""

import time
from typing import Any

from rq import Worker


class ShortBreath(Worker):
    """A worker whose runs RQ gives up three seconds after its last sign of life, not after more than a minute."""

    def get_heartbeat_ttl(self, *args: Any, **kwargs: Any) -> int:
        return 3


class LateHeartbeat(Worker):
    """A worker that gives one more sign of life of each job, when the job has ended and the test says so: as one does
    whose monitor was on the way to Redis at that moment."""

    def monitor_work_horse(self, *args: Any, **kwargs: Any) -> None:
        super().monitor_work_horse(*args, **kwargs)
        job, _, *execution = args
        self.connection.rpush("test:ended", job.id)
        while self.connection.lpop("test:heartbeats") is None:
            time.sleep(0.01)
        self.maintain_heartbeats(job, *execution)
