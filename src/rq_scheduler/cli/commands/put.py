"""`put`: a schedule from the command line. Owns the way from what is typed to the arguments of `schedules.put`."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import fields
from typing import Any, TypeVar, get_args

import click
from click.core import ParameterSource
from msgspec.structs import replace
from rq import Retry

from rq_scheduler.aliases import Catchup, Excluded, Overlap
from rq_scheduler.cli.addresses import ConnectionOptions
from rq_scheduler.cli.loading import note_function
from rq_scheduler.cli.output import answer
from rq_scheduler.cli.session import open_session, session_options
from rq_scheduler.cli.site import ApplicationOptions
from rq_scheduler.cli.times import read_moment, time_zone, zone_of
from rq_scheduler.client.schedules import StoredSchedule
from rq_scheduler.client.schedules.files import read_shown
from rq_scheduler.humanize import trigger_words, when
from rq_scheduler.model import MAX_KEPT_RUNS, Schedule, Spec
from rq_scheduler.triggers import At, Cron, Dates, Every, Holidays, RRule, Trigger
from rq_scheduler.views import serializers

__all__ = ["put"]

_Command = TypeVar("_Command", bound=Callable[..., Any])

_DURATION = "such as 90s, 10m, 1h or 7d"

_TRIGGER: tuple[Callable[[Any], Any], ...] = (
    click.option("--cron", metavar="EXPRESSION", help="Fire by a cron string, such as '30 2 * * *'."),
    click.option("--every", metavar="DURATION", help=f"Fire at an interval, {_DURATION}."),
    click.option("--at", metavar="MOMENT", help="Fire once (ISO 8601)."),
    click.option("--rrule", metavar="TEXT", help="Fire by an RFC 5545 rule, such as 'FREQ=WEEKLY;BYDAY=MO;BYHOUR=9'."),
    click.option("--timezone", metavar="ZONE", help="The zone of all of it; UTC unless given."),
    click.option("--day-match", type=click.Choice(["either", "both"]), default="either", show_default=True,
                 help="Where both day fields of a cron are restricted: cron's rule, or that both must match."),
    click.option("--anchor", metavar="MOMENT", help="A moment from which --every counts; else the first put."),
)  # fmt: skip

_POLICIES: tuple[Callable[[Any], Any], ...] = (
    click.option("--overlap", type=click.Choice(get_args(Overlap)), help="While the last run is going; else skip."),
    click.option("--catchup", type=click.Choice(get_args(Catchup)), help="Which missed runs still run; else latest."),
    click.option("--catchup-window", metavar="DURATION", help="How old a missed run may be."),
    click.option("--jitter", metavar="DURATION", help="Delay each run by a stable amount, up to this."),
    click.option("--start", metavar="MOMENT", help="No run before."),
    click.option("--end", metavar="MOMENT", help="No run then or later."),
    click.option("--max-runs", type=click.IntRange(min=1), help="End after so many runs."),
    click.option("--exclude", "days", metavar="DATE", multiple=True, help="No run on that day; may be given again."),
    click.option("--holidays", metavar="FR|DE-BY", multiple=True, help="No run on these public holidays; may be given "
                 "again."),
    click.option("--excluded", type=click.Choice([value.replace("_", "-") for value in get_args(Excluded)]),
                 help="What becomes of a run on such a day: none, or one at the same time of the nearest other day; "
                 "else skip."),
    click.option("--pause-on-failures", type=click.IntRange(min=1), help="Pause after so many failed runs in a row."),
    click.option("--expect", metavar="DURATION", help="How soon after its time a run has to have succeeded."),
    click.option("--keep-runs", type=click.IntRange(0, MAX_KEPT_RUNS), help="Runs in the history; 50 unless given."),
)  # fmt: skip

_JOB: tuple[Callable[[Any], Any], ...] = (
    click.option("--arg", "args", metavar="JSON", multiple=True, help="A positional argument; may be given again."),
    click.option("--kwarg", "kwargs", metavar="NAME=JSON", multiple=True, help="A keyword argument; likewise."),
    click.option("--queue", "queue_name", metavar="NAME", help="Where the runs go; default unless given."),
    click.option("--retry", type=click.IntRange(min=1), help="How often a failed run is tried again."),
    click.option("--retry-interval", metavar="SECONDS", type=click.IntRange(min=0), multiple=True,
                 help="The wait before a retry; given again, before the next one."),
    click.option("--job-timeout", metavar="DURATION", help="How long a run may take."),
    click.option("--result-ttl", metavar="DURATION", help="How long a result is kept; -1 for ever."),
    click.option("--ttl", metavar="DURATION", help="How long a run may wait in its queue."),
    click.option("--failure-ttl", metavar="DURATION", help="How long a failed run is kept; 7d unless given."),
    click.option("--meta", metavar="NAME=JSON", multiple=True, help="An entry of each job's meta; may be given again."),
    click.option("--depends-on", metavar="JOB_ID", multiple=True, help="A job to wait for; may be given again."),
    click.option("--on-success", metavar="DOTTED.NAME", help="Called by the worker when a run succeeds."),
    click.option("--on-failure", metavar="DOTTED.NAME", help="Called by the worker when a run fails."),
    click.option("--on-stopped", metavar="DOTTED.NAME", help="Called by the worker when a run is stopped."),
    click.option("--at-front", is_flag=True, help="Runs go to the head of their queue."),
    click.option("--description", metavar="TEXT", help="The jobs' description; else the call."),
    click.option("--tag", "tags", multiple=True, help="A word to find it by; may be given again."),
    click.option("--paused", is_flag=True, help="A new one does not fire until it is resumed."),
    click.option("--note", default="", metavar="TEXT", help="Why a new one is paused."),
)  # fmt: skip

_AS_THEY_ARE = (
    *("overlap", "catchup", "catchup_window", "jitter", "max_runs", "pause_on_failures", "expect", "keep_runs"),
    *("queue_name", "job_timeout", "result_ttl", "ttl", "failure_ttl", "on_success", "on_failure", "on_stopped"),
    *("at_front", "description", "tags", "paused", "note"),
)


def _options(command: _Command) -> _Command:
    for option in reversed((*_TRIGGER, *_POLICIES, *_JOB)):
        command = option(command)
    return command


@click.command(
    epilog="A MOMENT without an offset is a time in --timezone. A DURATION is seconds, or has a unit: 90s, 10m, 1h, 7d."
)
@click.argument("id", required=False)
@click.argument("func", required=False)
@click.option(
    "--file",
    "source",
    metavar="FILE",
    type=click.File(encoding="utf-8"),
    help="Take all of it from what `rqscheduler show ID --json` printed; - is stdin. With an ID: under that one.",
)
@_options
@session_options
@click.pass_context
def put(ctx: click.Context, /, **params: Any) -> None:
    """Create or replace a schedule.

    Workers call FUNC (package.module.function); one of --cron, --every, --at and --rrule says when. The same again
    changes nothing.

    \b
    rqscheduler put nightly shop.reports.send --cron '30 2 * * *' --timezone Europe/Paris \\
        --arg '"weekly"' --kwarg 'to="ops"' --jitter 30s

    \b
    rqscheduler show nightly --json | rqscheduler --url redis://elsewhere put --file -
    """
    time_zone(params["timezone"] or "UTC", "--timezone")
    if params["source"] is not None:
        _nothing_but_an_id(ctx)
    elif params["func"] is None:
        raise click.UsageError("give an ID and a FUNC, or --file.")
    else:
        _one_trigger(params)
    with open_session(ctx, params) as session:
        definition = _from_options(params) if params["source"] is None else _from_file(params)
        note_function(str(definition.func))
        before: StoredSchedule | None = session.schedules.get(definition.id)
        stored = session.schedules.put(definition)
        now = session.now()
        session.note_missing_dispatcher()
    done = "created" if before is None else "unchanged" if before.version == stored.version else "changed"
    which = f" ({_changed(before, stored)})" if before is not None and done == "changed" else ""
    coming = when(stored.next_run_at, now, zone_of(params["timezone"]))
    state = f"paused ({stored.note})" if stored.paused and stored.note else "paused" if stored.paused else coming
    answer(
        params["as_json"],
        lambda: {"outcome": done, **serializers.schedule(stored)},
        lambda: [f"{stored.id}: {done}{which}, {trigger_words(stored.trigger)}; next run: {state}"],
    )


def _nothing_but_an_id(ctx: click.Context) -> None:
    """Refuses options that say something of the schedule, beside --file."""
    others = {"id", "source", "as_json", *_names_of(ConnectionOptions), *_names_of(ApplicationOptions)}
    for param in ctx.command.params:
        name = param.name or ""
        if ctx.get_parameter_source(name) is ParameterSource.COMMANDLINE and name not in others:
            raise click.UsageError(f"--file says all of it: leave out {param.opts[0]}.")


def _names_of(kind: Any) -> set[str]:
    return {field.name for field in fields(kind)}


def _from_file(params: dict[str, Any]) -> Schedule:
    shown = read_shown(params["source"].read())
    return shown if params["id"] is None else replace(shown, id=params["id"])


def _from_options(params: dict[str, Any]) -> Schedule:
    trigger: Any = _trigger(params)
    return Schedule(params["id"], trigger, params["func"], **_schedule_options(params))


def _changed(before: StoredSchedule, stored: StoredSchedule) -> str:
    """The fields that differ, as far as they are seen without loading the arguments."""
    names = [name for name in Spec.__struct_fields__ if getattr(before.spec, name, None) != getattr(stored.spec, name)]
    names += [name for name in ("call", "queue_name", "tags") if getattr(before, name) != getattr(stored, name)]
    return ", ".join(names) or "options of the job"


def _one_trigger(params: dict[str, Any]) -> None:
    given = [f"--{name}" for name in ("cron", "every", "at", "rrule") if params[name] is not None]
    if len(given) != 1:
        found = " and ".join(given) if given else "none"
        raise click.UsageError(f"say when with exactly one of --cron, --every, --at and --rrule; there is {found}.")
    for option, needs in (("anchor", "every"), ("day_match", "cron")):
        if params[option] not in (None, "either") and params[needs] is None:
            raise click.UsageError(f"--{option.replace('_', '-')} goes with --{needs} only.")
    if params["excluded"] and not (params["days"] or params["holidays"]):
        raise click.UsageError("--excluded goes with --exclude or --holidays, which say on which days.")


def _trigger(params: dict[str, Any]) -> Trigger:
    name: str = params["timezone"] or "UTC"
    if params["cron"] is not None:
        return Cron(params["cron"], name, params["day_match"])
    if params["every"] is not None:
        return Every(params["every"], anchor=_moment(params, "anchor"))
    if params["at"] is not None:
        return At(read_moment(params["at"], zone_of(name), "--at"))
    return RRule(params["rrule"], name)


def _schedule_options(params: dict[str, Any]) -> dict[str, Any]:
    """The options that were given: what was not keeps the API's default."""
    options = {name: params[name] for name in _AS_THEY_ARE}
    options["start"], options["end"] = _moment(params, "start"), _moment(params, "end")
    options["args"] = tuple(_json(text, "--arg") for text in params["args"])
    options["kwargs"] = _named(params["kwargs"], "--kwarg")
    options["meta"] = _named(params["meta"], "--meta") or None
    options["depends_on"] = list(params["depends_on"]) or None
    options["retry"] = _retry(params["retry"], params["retry_interval"])
    options["exclude"] = _exclusions(params)
    options["excluded"] = (params["excluded"] or "").replace("-", "_")
    return {name: value for name, value in options.items() if value not in (None, (), {}, "", False)}


def _moment(params: dict[str, Any], name: str) -> Any:
    text: str | None = params[name]
    return None if text is None else read_moment(text, zone_of(params["timezone"]), f"--{name}")


def _json(text: str, option: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        raise click.BadParameter(
            f"{text!r} is no JSON value. A text has quotes of its own: {option} "
            f"""'{"NAME=" if option != "--arg" else ""}{json.dumps(text)}'; others are 3, 0.5, true, null, [1, 2].""",
            param_hint=option,
        ) from None


def _named(texts: Sequence[str], option: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise click.BadParameter(f"{text!r} is not NAME=JSON, such as {option} count=3.", param_hint=option)
        if name in found:
            raise click.BadParameter(f"{name!r} is given twice.", param_hint=option)
        found[name] = _json(value, option)
    return found


def _retry(times: int | None, intervals: Sequence[int]) -> Retry | None:
    if times is None:
        if intervals:
            raise click.UsageError("--retry-interval goes with --retry, which says how often.")
        return None
    return Retry(max=times, interval=list(intervals) if len(intervals) > 1 else (intervals or (0,))[0])


def _exclusions(params: dict[str, Any]) -> tuple[Dates | Holidays, ...]:
    # A trigger that reads no clock has no zone whose days could count.
    zone: str | None = params["timezone"] if params["every"] or params["at"] else None
    found: list[Dates | Holidays] = [Dates(*params["days"], timezone=zone)] if params["days"] else []
    for name in params["holidays"]:
        country, _, subdivision = name.partition("-")
        found.append(Holidays(country, subdivision or None, zone))
    return tuple(found)
