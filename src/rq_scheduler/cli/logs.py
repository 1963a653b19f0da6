"""How a daemon logs: plain lines with the time, or one JSON object a line. Owns handlers and formats, nothing else."""

from __future__ import annotations

import logging
import sys
from datetime import UTC, datetime
from typing import Any, Literal, TextIO

from rq_scheduler.cli.redaction import redacted
from rq_scheduler.log import log
from rq_scheduler.sanitize import plain_json

__all__ = ["JsonFormatter", "LogFormat", "TextFormatter", "level_for", "setup_logging"]

LogFormat = Literal["text", "json"]

# What every LogRecord carries; whatever else is on one came from `extra=` and belongs in the JSON line.
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class TextFormatter(logging.Formatter):
    """RQ's plain line with a date before the time: a daemon's log is read days later."""

    default_time_format = "%Y-%m-%d %H:%M:%S"
    default_msec_format = "%s.%03d"

    def format(self, record: logging.LogRecord) -> str:
        # INFO is the normal voice and stays bare; the rest says how loud it is.
        level = "" if record.levelno == logging.INFO else f"{record.levelname} "
        line = f"{self.formatTime(record)} {level}{record.getMessage()}"
        if record.exc_info:
            line = f"{line}\n{self.formatException(record.exc_info)}"
        return redacted(line)


class JsonFormatter(logging.Formatter):
    """One object a line: `ts` (UTC, microseconds), `level`, `logger`, `message`, then the record's extras, of which
    `action` is the stable one to alert on."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "ts": datetime.fromtimestamp(record.created, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        line.update((key, value) for key, value in vars(record).items() if key not in _STANDARD and key not in line)
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return redacted(plain_json(line))


def level_for(verbose: bool, quiet: bool) -> int:
    """DEBUG, WARNING or INFO. Verbose wins: whoever asks for both is looking for something."""
    if verbose:
        return logging.DEBUG
    return logging.WARNING if quiet else logging.INFO


def setup_logging(level: int, log_format: LogFormat, stream: TextIO | None = None) -> None:
    """Send this package's log records, and Python's warnings, to `stream` (stderr unless given). Called once, by
    a process of ours: a library never touches an application's handlers.

    What the application's own code has hung on these loggers stays, but for what writes to the same stream.
    """
    target = sys.stderr if stream is None else stream
    handler = logging.StreamHandler(target)
    handler.setFormatter(JsonFormatter() if log_format == "json" else TextFormatter())
    logging.captureWarnings(True)
    for name, threshold in (("rq_scheduler", level), ("py.warnings", logging.WARNING), ("rq", logging.WARNING)):
        logger = logging.getLogger(name)
        logger.handlers[:] = [*_others(logger, target), handler]
        logger.setLevel(threshold)
        logger.propagate = False
    log.handlers[:] = _others(log, target)
    log.setLevel(level)
    log.propagate = True


def _others(logger: logging.Logger, stream: TextIO) -> list[logging.Handler]:
    """The handlers through which no line comes to that stream."""
    return [
        each
        for each in logger.handlers
        if getattr(each, "stream", None) is not stream and not isinstance(each.formatter, JsonFormatter | TextFormatter)
    ]
