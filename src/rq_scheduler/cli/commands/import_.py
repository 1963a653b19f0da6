"""`import`: schedules of another scheduler, as paused ones of ours. A dry run unless told otherwise."""

from __future__ import annotations

from typing import Any

import click
from redis import Redis, RedisCluster
from redis.exceptions import RedisError

from rq_scheduler.cli.addresses import ConnectionOptions
from rq_scheduler.cli.connections import connect
from rq_scheduler.cli.loading import note_function
from rq_scheduler.cli.output import answer
from rq_scheduler.cli.refusals import of_redis
from rq_scheduler.cli.session import open_session, session_options
from rq_scheduler.cli.times import time_zone
from rq_scheduler.client import importing
from rq_scheduler.clock import to_us
from rq_scheduler.sanitize import plain
from rq_scheduler.views import importing as view

__all__ = ["import_"]


@click.command("import")
@click.argument("place", metavar="FILE_OR_URL")
@click.option("--from", "source", type=click.Choice([*importing.SOURCES]), required=True, help="What it is.")
@click.option("--write", is_flag=True, help="Put what can be carried over, paused; without it nothing is written.")
@click.option("--map", "mapping", metavar="FILE", help="TOML: functions for task names and commands.")
@click.option("--queue", "queue_name", metavar="NAME", help="Queue of what names none there.")
@click.option("--tag", help="Tag of what is put; 'imported-' and the source unless given.")
@click.option("--timezone", metavar="ZONE", help="Zone of times for which the source names none.")
@click.option("--key", metavar="NAME", help="RedBeat's key prefix; key or table of APScheduler's jobs.")
@click.option("--users/--no-users", default=None, help="Whether a crontab has users; else its path says it.")
@session_options
@click.pass_context
def import_(ctx: click.Context, /, **params: Any) -> None:
    """Take over what cron, Celery, APScheduler or rq cron run.

    First a report; then, with --write, paused schedules.

    FILE_OR_URL is a crontab (- is stdin), a Redis or database URL, a file of SQLite, or a Python module, which is
    imported: its code runs. Nothing that a store holds is made or called.

    \b
    rqscheduler import --from celery-beat shop.celery:app
    crontab -l | rqscheduler import --from crontab - --map crontab.toml

    Exit status: 1 when something cannot be carried over.
    """
    zone = params["timezone"] and time_zone(params["timezone"], "--timezone")
    dry_run, tag = not params["write"], params["tag"] or f"imported-{params['source']}"
    with open_session(ctx, params) as session:
        mappings = importing.read_mappings(params["mapping"]) if params["mapping"] else importing.Mappings()
        now = to_us(session.now())
        place, kind = params["place"], params["source"]
        source = importing.Source(kind, place, now, _connect, timezone=zone, key=params["key"], users=params["users"])
        try:
            found = importing.read(source)
        except RedisError as error:
            raise click.ClickException(plain(of_redis(error, _Theirs(url=place)))) from None
        settled = importing.settle(found.drafts, mappings, tag, now, params["queue_name"])
        written = importing.write(session.schedules, settled, dry_run=dry_run)
        report = view.Report(params["source"], settled, written, found.remarks, tag, dry_run)
        if not dry_run:
            for one in settled:
                if one.schedule is not None and one.schedule.id in written.put and isinstance(one.schedule.func, str):
                    note_function(one.schedule.func)
    answer(params["as_json"], lambda: view.serialize(report), lambda: view.render(report, session.typed))
    if not report.whole:
        ctx.exit(1)


def _connect(url: str) -> Redis | RedisCluster:
    """Where the other scheduler keeps its entries."""
    options = _Theirs(url=url)
    try:
        options.check()
    except click.BadParameter as error:
        raise click.BadParameter(error.message, param_hint="FILE_OR_URL") from None
    return connect(options)


class _Theirs(ConnectionOptions):
    """That is no Redis of ours, nor are the options that say where ours is about it."""

    @property
    def remedy(self) -> str:
        return "is FILE_OR_URL right?"

    @property
    def password_remedy(self) -> str:
        return "Give user and password in FILE_OR_URL: redis://user:password@host:port/db"
