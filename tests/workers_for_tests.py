"""Worker classes that tests run with `rq worker --worker-class`."""

from typing import Any

from rq import Worker


class ShortBreath(Worker):
    """A worker whose runs RQ gives up three seconds after its last sign of life, not after more than a minute."""

    def get_heartbeat_ttl(self, *args: Any, **kwargs: Any) -> int:
        return 3
