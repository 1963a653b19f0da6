"""`web`: the dashboard and the HTTP API, served by uvicorn. Owns where it listens and who may then come;
`rq_scheduler.web` owns all else."""

from __future__ import annotations

import ipaddress
import logging
from typing import Any, Literal

import click
from click.core import ParameterSource
from redis.exceptions import RedisError

from rq_scheduler.cli.dashboard import HOW_TO_INSTALL
from rq_scheduler.cli.logs import setup_logging
from rq_scheduler.cli.session import open_session, session_options, timezone_option
from rq_scheduler.cli.site import program
from rq_scheduler.client.scheduler import Scheduler
from rq_scheduler.errors import SchedulerError

__all__ = ["web"]

_SHUTDOWN_SECONDS = 3


@click.command()
@click.option("--bind", metavar="HOST:PORT", default="127.0.0.1:8080", show_default=True, help="Where to listen.")
@click.option(
    "--auth",
    type=click.Choice(["tokens", "none"]),
    help="Who may come: bearers of tokens (`rqscheduler token make`), or whoever reaches it. By default none at "
    "127.0.0.1, and tokens elsewhere, where none is refused.",
)
@click.option("--public-url", metavar="URL", multiple=True, help="Where people reach it, if not there. Any number.")
@click.option(
    "--allow",
    metavar="NAME",
    multiple=True,
    help="A function that may be run by way of it, or all public functions that a module defines: shop.tasks.*. Any "
    "number; none unless given.",
)
@click.option("--allow-queue", metavar="NAME", multiple=True, help="A queue that may be named. Any number.")
@click.option(
    "--metrics-tag",
    metavar="TAG",
    multiple=True,
    help="Have /metrics tell of each schedule that has this tag, of 500 at most. Any number.",
)
@click.option("--read-only", is_flag=True, help="Let nothing be changed.")
@click.option("--hide-arguments", is_flag=True, help="Show nobody the arguments of calls; viewers never see them.")
@timezone_option
@session_options
@click.pass_context
def web(ctx: click.Context, /, **params: Any) -> None:
    """Serve the dashboard, for people, and the HTTP API, for programs.

    Nothing can be run by way of it unless --allow names it.
    """
    if params["url"] and ctx.get_parameter_source("port") is ParameterSource.COMMANDLINE:
        raise click.UsageError(
            "--port is the port of Redis, which --url names already. For the address of the pages say --bind "
            f"127.0.0.1:{params['port']}."
        )
    host, port = _address(params["bind"])
    auth = _auth(params["auth"], host, params["public_url"])
    try:
        import uvicorn

        from rq_scheduler.web import Settings, create_app
        from rq_scheduler.web.process import serve_alone
    except ModuleNotFoundError as error:
        raise click.ClickException(f"{error.name} is missing, of the extra [web]: {HOW_TO_INSTALL}.") from None
    try:
        settings = Settings(
            allow=params["allow"],
            allow_queues=params["allow_queue"],
            public_urls=params["public_url"],
            auth=auth,
            read_only=params["read_only"],
            hide_arguments=params["hide_arguments"],
            metrics_tags=params["metrics_tag"],
            timezone=params["timezone"],
        )
    except SchedulerError as error:
        raise click.UsageError(f"{error}.") from None
    setup_logging(logging.INFO, "text")
    with open_session(ctx, params, plain_arguments=True) as session:
        _warn_without_tokens(session.scheduler, auth)
        app = create_app(session.scheduler, settings)
        serve_alone()
        # No log of requests: their addresses may hold what somebody took for a place of secrets.
        config = uvicorn.Config(
            app,
            host=host,
            port=port,
            access_log=False,
            log_config=None,
            server_header=False,
            proxy_headers=False,  # whoever sends them could give himself any address
            lifespan="off",
            timeout_graceful_shutdown=_SHUTDOWN_SECONDS,
        )
        click.echo(f"The dashboard: http://{params['bind']}/", err=True)
        click.echo(f"The HTTP API: http://{params['bind']}/api/v1 (its calls: /api/v1/openapi.json)", err=True)
        uvicorn.Server(config).run()


def _address(bind: str) -> tuple[str, int]:
    host, _, port = bind.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not host or not port.isascii() or not port.isdigit() or int(port) > 65535:
        raise click.BadParameter(
            f"{bind!r} is no address: give host and port, as in 127.0.0.1:8080.", param_hint="--bind"
        )
    return host, int(port)


def _auth(given: str | None, host: str, public_urls: tuple[str, ...]) -> Literal["tokens", "none"]:
    alone = _is_local(host) and not public_urls
    if given == "none" and not alone:
        raise click.UsageError(
            "--auth none is for 127.0.0.1 without --public-url: elsewhere others would run jobs here. Make tokens "
            "(rqscheduler token make NAME), and leave out --auth none."
        )
    return "none" if given == "none" or (given is None and alone) else "tokens"


def _is_local(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _warn_without_tokens(scheduler: Scheduler, auth: str) -> None:
    if auth != "tokens":
        return
    try:
        has_none = next(iter(scheduler.tokens), None) is None
    except (RedisError, OSError):
        return  # it serves once Redis is back, as it does when Redis goes away later
    if has_none:
        click.echo(f"Note: there are no tokens yet, so that nobody may come: {program()} token make NAME.", err=True)
