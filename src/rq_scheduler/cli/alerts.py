"""Receivers of alerts as the command line names them: what is wrong with them, as a usage error without any secret."""

from __future__ import annotations

from collections.abc import Sequence

import click

from rq_scheduler.alerts import Alerts, load_alerts
from rq_scheduler.cli.redaction import redact
from rq_scheduler.errors import SchedulerError
from rq_scheduler.sanitize import plain

__all__ = ["read_alert_option"]


def read_alert_option(names: Sequence[str], hint: str) -> Alerts:
    """The receivers that these files, or environment variables, name. From now on nothing that this process says has
    their secrets in it."""
    redact(*(name for name in names if "://" in name))
    try:
        alerts = load_alerts(*names)
    except SchedulerError as error:
        raise click.BadParameter(f"{plain(str(error))}.".replace("?.", "?"), param_hint=hint) from None
    for receiver in alerts.receivers:
        redact(*receiver.secrets)
    return alerts
