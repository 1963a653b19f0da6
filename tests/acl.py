"""The users of docs/acl.md: what stands there is what the tests log in with."""

from typing import Any, Literal
from urllib.parse import urlsplit

import redis as redis_py

from support import ROOT

Role = Literal["dispatcher", "client"]
ROLES: tuple[Role, ...] = ("dispatcher", "client")
PASSWORD = "a-long-password"

OPTIONAL = frozenset({"config", "info", "publish", "subscribe", "client", "dbsize", "scan"})
"""What the page names as allowed to be refused: then something is not checked, not told or not known."""


def lines(role: Role) -> list[list[str]]:
    """The rules of each `ACL SETUSER` line of the page for this user: its own, what RQ needs, what is optional."""
    begin = f"ACL SETUSER {role} "
    page = (ROOT / "docs" / "acl.md").read_text()
    return [line.removeprefix(begin).split() for line in page.splitlines() if line.startswith(begin)]


def commands(role: Role, line: int) -> set[str]:
    """The commands that one of these lines grants."""
    return {rule[1:] for rule in lines(role)[line] if rule.startswith("+")}


def server_args() -> list[str]:
    """Options of a server that knows both users, without what is optional."""
    options: list[str] = []
    for role in ROLES:
        own, rq, _ = lines(role)
        options += ["--user", role, *own, *rq]
    return options


def login(url: str, role: Role) -> str:
    """The same Redis as that user."""
    parts = urlsplit(url)
    return parts._replace(netloc=f"{role}:{PASSWORD}@{parts.netloc.rpartition('@')[2]}").geturl()


def as_user(client: redis_py.Redis, role: Role) -> redis_py.Redis:
    """A client like this one, but logged in as that user."""
    options: dict[str, Any] = client.connection_pool.connection_kwargs
    return redis_py.Redis.from_url(
        login(f"redis://{options['host']}:{options['port']}/{options['db']}", role), retry=options.get("retry")
    )


def refused(client: redis_py.Redis) -> list[str]:
    """What the users were refused, but for what the page says may be: "the command smembers, of client"."""
    found = []
    for entry in client.acl_log():
        told = {name.decode(): value.decode() for name, value in entry.items() if isinstance(value, bytes)} or entry
        known = {name: value for name, value in told.items() if name in ("reason", "object", "username")}
        command = known["object"].partition("|")[0]
        if known["username"] in ROLES and known["reason"] != "channel" and command not in OPTIONAL:
            found.append(f"the {known['reason']} {known['object']}, of {known['username']}")
    return found
