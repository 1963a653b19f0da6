"""`healthcheck`: whether one dispatcher is well, as Redis knows it, for probes that run a command.

Owns the exit status: 0 when it is, else 1, with one sentence. It judges as `/health/live` and `/health/ready` do, from
outside: a dispatcher is heard of every five seconds.
"""

from __future__ import annotations

from typing import Any

import click
from redis.exceptions import AuthenticationError, AuthorizationError, RedisError

from rq_scheduler.cli.connections import connect
from rq_scheduler.cli.options import connection_options, gather_connection
from rq_scheduler.cli.redaction import redacted
from rq_scheduler.clock import US
from rq_scheduler.dispatcher.liveness import LONGEST_TURN
from rq_scheduler.store.survey import Survey

__all__ = ["healthcheck"]


@click.command()
@click.option("--name", required=True, help="The dispatcher: its own --name.")
@click.option("--ready", is_flag=True, help="Ask whether it serves, rather than whether it is alive.")
@connection_options
@click.pass_context
def healthcheck(ctx: click.Context, /, name: str, ready: bool, **params: Any) -> None:
    """Say whether one dispatcher is well, for probes.

    The exit status is 0 when it is, else 1.
    A Redis that does not answer is no reason to end a dispatcher: then it counts as alive, and not as ready.
    """
    where = gather_connection(ctx, params)
    try:
        is_well, sentence = _judge(Survey(connect(where, quickly=True)), name, ready=ready)
    except (AuthenticationError, AuthorizationError) as error:
        raise click.ClickException(redacted(f"Redis refuses this user: {error}.")) from None
    except (RedisError, OSError):
        is_well = not ready
        sentence = f"Redis does not answer: nobody can tell how {name} is" + ("" if ready else ", which ends nobody")
    click.echo(f"{sentence}.")
    ctx.exit(0 if is_well else 1)


def _judge(survey: Survey, name: str, *, ready: bool) -> tuple[bool, str]:
    heard = survey.heard_at([name]).get(name)
    if heard is None:
        return False, f"{name} has not been heard of in two days"
    age = (survey.now() - heard) / US
    if age >= LONGEST_TURN:
        return False, f"{name} was last heard of {age:.0f} s ago"
    lock = survey.fence() if ready and survey.keys.fenced else None
    if lock is not None and not lock.is_ours:
        return False, f"{name} is alive, and waits for rq:scheduler_lock, which is held by {lock.value!r}"
    return True, f"{name} was heard of {max(age, 0):.0f} s ago"
