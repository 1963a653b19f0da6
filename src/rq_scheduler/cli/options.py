"""The options that several subcommands share, with 0.14's names and environment variables.

Owns how they are declared, and how a subcommand's options and those typed before its name come together.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from shlex import quote
from typing import Any, TypeVar

import click
from click.core import ParameterSource

from rq_scheduler.cli.addresses import ConnectionOptions
from rq_scheduler.cli.site import ApplicationOptions, Site

__all__ = [
    "application_options", "connection_options", "gather_application", "gather_connection", "typed_connection",
]  # fmt: skip

_Command = TypeVar("_Command", bound=Callable[..., Any])

_CONNECTION: tuple[Callable[[Any], Any], ...] = (
    click.option(
        "-H", "--host", envvar="RQ_REDIS_HOST", default="localhost", show_default=True, show_envvar=True,
        help="The Redis host.",
    ),
    click.option(
        "-p", "--port", envvar="RQ_REDIS_PORT", type=click.IntRange(1, 65535), default=6379, show_default=True,
        show_envvar=True, help="The Redis port.",
    ),
    click.option(
        "-d", "--db", envvar="RQ_REDIS_DB", type=click.IntRange(0), default=0, show_default=True, show_envvar=True,
        help="The Redis database.",
    ),
    click.option("-P", "--password", envvar="RQ_REDIS_PASSWORD", show_envvar=True, help="The Redis password."),
    click.option(
        "-u", "--url", envvar="RQ_REDIS_URL", show_envvar=True, metavar="URL",
        help="redis://, rediss:// (TLS) or unix:// URL. Wins over host, port, db and password.",
    ),
    click.option("--sentinel", metavar="HOST:PORT,...", help="Sentinels to ask for the master."),
    click.option(
        "--sentinel-master", metavar="NAME", default="mymaster", show_default=True, help="The master to ask them for."
    ),
    click.option("--cluster", is_flag=True, help="A Redis Cluster; needs an RQ_KEY_PREFIX with a {hash tag}."),
)  # fmt: skip

_APPLICATION: tuple[Callable[[Any], Any], ...] = (
    click.option("--path", default=".", show_default=True, help="Import path of the application, colon-separated."),
    click.option("--serializer", metavar="json|pickle|DOTTED.PATH", help="What jobs are serialized with."),
    click.option("-j", "--job-class", metavar="DOTTED.PATH", help="RQ Job class."),
    click.option("-q", "--queue-class", metavar="DOTTED.PATH", help="RQ Queue class."),
    click.option(
        "--as", "act_as", metavar="NAME", envvar="RQS_ACTOR", show_envvar=True,
        help="Who does this, as the audit says it; else user@host.",
    ),
)  # fmt: skip


def connection_options(command: _Command) -> _Command:
    """Declare where Redis is, on any command."""
    for option in reversed(_CONNECTION):
        command = option(command)
    return command


def application_options(command: _Command) -> _Command:
    """Declare the application's import path, serializer and classes, on any subcommand."""
    for option in reversed(_APPLICATION):
        command = option(command)
    return command


def gather_connection(ctx: click.Context, params: dict[str, Any]) -> ConnectionOptions:
    """Take the connection options out of `params`. What was typed after a subcommand wins over what was typed before
    it, and that over the environment; where nothing was typed, the site that the command runs in has it."""
    names = [field.name for field in fields(ConnectionOptions)]
    chosen = _take(ctx, params, names)
    site = Site.of(ctx)
    if site is not None and not any(_was_typed(ctx, name) for name in names):
        return site.connection

    def was_typed(name: str) -> bool:
        return _was_typed(ctx, name)

    if chosen["url"] is not None and chosen["sentinel"] is not None:
        if was_typed("url"):
            raise click.UsageError(
                "--url and --sentinel exclude each other: with Sentinel, the sentinels name the host."
            )
        chosen["url"] = None
    if chosen["url"] is not None and not was_typed("url"):
        overruled = [name for name in ("host", "port", "db", "password") if was_typed(name)]
        if overruled:
            click.echo(
                f"Note: RQ_REDIS_URL is set and wins over --{' and --'.join(overruled)}. Unset it, or use --url.",
                err=True,
            )
    options = ConnectionOptions(**chosen)
    options.check()
    return options


def typed_connection(ctx: click.Context, options: ConnectionOptions) -> tuple[str, ...]:
    """The connection options as a person typed them, for a command line that is shown: without their secrets."""
    words: list[str] = []
    for name in (field.name for field in fields(options) if _was_typed(ctx, field.name)):
        words.append(f"--{name.replace('_', '-')}")
        if name == "password":
            words.append("...")
        elif name == "url":
            words.append(quote(options.address.shown))
        elif name != "cluster":
            words.append(quote(str(getattr(options, name))))
    return tuple(words)


def _was_typed(ctx: click.Context, name: str) -> bool:
    contexts = (ctx, ctx.find_root())
    return any(context.get_parameter_source(name) is ParameterSource.COMMANDLINE for context in contexts)


def gather_application(ctx: click.Context, params: dict[str, Any]) -> ApplicationOptions:
    """Take the application's options out of `params`. What was typed before the subcommand counts where nothing was
    typed after it, and then what the site says that the command runs in."""
    chosen = _take(ctx, params, [field.name for field in fields(ApplicationOptions)])
    site = Site.of(ctx)
    if site is not None:
        chosen = {name: getattr(site.application, name) if value is None else value for name, value in chosen.items()}
    return ApplicationOptions(**chosen)


def _take(ctx: click.Context, params: dict[str, Any], names: list[str]) -> dict[str, Any]:
    own = {name: params.pop(name) for name in names}
    outer = {} if ctx.parent is None else ctx.find_root().params
    return {
        name: outer[name]
        if name in outer and ctx.get_parameter_source(name) is not ParameterSource.COMMANDLINE
        else value
        for name, value in own.items()
    }
