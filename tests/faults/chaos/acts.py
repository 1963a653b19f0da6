"""Carries out what `plan` says, one track a thread, and keeps the log of it."""

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from faults import server_faults as faults
from faults.chaos.plan import Fault
from faults.chaos.site import Site, Slot
from faults.proxy import Proxy, Side

Act = Callable[[Fault], None]

NOBODY_SERVES = frozenset(
    {"client pause all", "client pause write", "busy script", "redis sigkill", "redis shutdown", "redis sigstop"}
    | {"out of memory", "misconf", "sigkill all"}
)
"""Faults under which nothing can be on time."""


@dataclass(frozen=True)
class Done:
    """A fault that was carried out, from and until when (microseconds since the epoch)."""

    fault: Fault
    began: int
    ended: int


class Tracks:
    """The faults of a chaos, under way."""

    def __init__(self, site: Site, plan: dict[str, list[Fault]], log: Path) -> None:
        self.done: list[Done] = []
        self.errors: list[str] = []
        self._acts = _acts(site)
        self._log = log
        self._began = time.monotonic()
        self._lock = threading.Lock()
        self._threads = [
            threading.Thread(target=self._carry_out, args=(coming,), name=name, daemon=True)
            for name, coming in plan.items()
        ]
        for thread in self._threads:
            thread.start()

    @property
    def counts(self) -> Counter[str]:
        return Counter(done.fault.name for done in self.done)

    def under_way(self) -> bool:
        """Whether there are more to come."""
        return any(thread.is_alive() for thread in self._threads)

    def _carry_out(self, coming: Iterable[Fault]) -> None:
        for fault in coming:
            time.sleep(max(0.0, self._began + fault.at - time.monotonic()))
            began = time.time_ns() // 1000
            try:
                self._acts[fault.name](fault)
            except Exception as error:  # noqa: BLE001  a fault that cannot be done is a fault of the harness
                self._note(f"{fault.track}: {fault.name} could not be done: {error!r}")
                self.errors.append(f"{fault.name} could not be done: {error!r}")
                continue
            ended = time.time_ns() // 1000
            self.done.append(Done(fault, began, ended))
            self._note(f"{fault.track}: {fault.name}, {(ended - began) / 1e6:.3f} s (pick {fault.pick:.3f})")

    def _note(self, text: str) -> None:
        with self._lock, self._log.open("a") as file:
            file.write(f"{time.strftime('%H:%M:%S')} {time.monotonic() - self._began:9.3f} {text}\n")


def _acts(site: Site) -> dict[str, Act]:
    def one(act: Callable[[Slot, float], None]) -> Act:
        return lambda fault: act(site.dispatchers[int(fault.pick * len(site.dispatchers))], fault.seconds)

    def all_killed(fault: Fault) -> None:
        for slot in site.dispatchers:
            slot.kill()
        time.sleep(fault.seconds)
        for slot in site.dispatchers:
            slot.start()

    def during(fault: Callable[[], AbstractContextManager[Any]]) -> Act:
        return lambda told: site.while_(fault(), told.seconds)

    def plans_lost(fault: Fault) -> None:
        """Of about half of the schedules: what Python has written ahead may be written anew at any time."""
        dice = random.Random(fault.pick)
        for key in sorted(site.admin.scan_iter("rq:scheduler:schedule:*", count=1000)):
            if dice.random() < 0.5:
                site.admin.hdel(key, "plan", "plan_rev", "made_with")

    return {
        "client kill normal": lambda fault: site.client_kill("normal"),
        "client kill pubsub": lambda fault: site.client_kill("pubsub"),
        "client pause all": lambda fault: site.while_(faults.paused(site.admin, fault.seconds, all=True)),
        "client pause write": lambda fault: site.while_(faults.paused(site.admin, fault.seconds, all=False)),
        "script flush": lambda fault: site.admin.script_flush(),
        "busy script": during(lambda: faults.busy(site.server)),
        "redis sigkill": during(lambda: faults.away(site.server)),
        "redis shutdown": during(lambda: faults.away(site.server, killed=False)),
        "redis sigstop": during(lambda: faults.frozen(site.server)),
        "out of memory": during(lambda: faults.out_of_memory(site.admin)),
        "misconf": during(lambda: faults.misconf(site.admin)),
        "plans lost": plans_lost,
        "sigkill": one(Slot.killed),
        "sigkill again": one(Slot.killed),
        "sigstop": one(Slot.stopped),
        "sigstop for long": one(Slot.stopped),
        "sigterm": one(Slot.terminated),
        "sigterm twice": one(partial(Slot.terminated, twice=True)),
        "sigkill all": all_killed,
        **_network("", site.proxy, reach=20),
        **_network("clients: ", site.client_proxy, reach=5),
    }


def _network(prefix: str, proxy: Proxy, *, reach: int) -> dict[str, Act]:
    """A cut ends the connection of one of the next `reach` commands."""

    def latency(fault: Fault) -> None:
        proxy.latency = 0.002 + fault.pick * 0.05
        time.sleep(fault.seconds)
        proxy.latency = 0.0

    def refuse(fault: Fault) -> None:
        proxy.refuse()
        proxy.reset_all()
        time.sleep(fault.seconds)
        proxy.accept()

    def cut(side: Side) -> Act:
        return lambda fault: proxy.cut(1 + int(fault.pick * reach), side)

    acts: dict[str, Act] = {
        "latency": latency,
        "reset": lambda fault: proxy.reset_all(),
        "refuse": refuse,
        "cut before": cut("before"),
        "cut after": cut("after"),
        "cut after again": cut("after"),
    }
    return {prefix + name: act for name, act in acts.items()}
