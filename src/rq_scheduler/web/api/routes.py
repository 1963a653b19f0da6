"""The table of the API's calls: all that is served, and all that the document says."""

from __future__ import annotations

from rq_scheduler.client.tokens import Role
from rq_scheduler.web.api import answers, forecast_answers, forecasts, jobs, schedules, system
from rq_scheduler.web.api.control import (
    Backfill,
    Bulk,
    Empty,
    Pause,
    RunNow,
    backfill_schedule,
    change_many,
    pause_schedule,
    resume_schedule,
    run_schedule,
)
from rq_scheduler.web.api.route import Route
from rq_scheduler.web.api.schedules import Definition, Patch

__all__ = ["ROUTES"]

_OPERATOR: Role = "operator"

_SCHEDULES = "/schedules"
_ONE = "/schedules/{id}"
_JOB = "/jobs/{id}"
_HELD = "/quarantine/{id}"

ROUTES: tuple[Route, ...] = (
    Route(method="GET", path=_SCHEDULES, call=schedules.find_schedules, query=schedules.FindQuery,
          answer=answers.SchedulePage),
    Route(method="POST", path=f"{_SCHEDULES}/bulk", call=change_many, role=_OPERATOR, body=Bulk, answer=answers.Count,
          problems=(403, 404, 409), once=True),
    Route(method="POST", path=f"{_SCHEDULES}/preview", call=schedules.preview_schedule, query=schedules.PreviewQuery,
          body=Definition, answer=answers.Instants),
    Route(method="GET", path=_ONE, call=schedules.get_schedule, answer=answers.ScheduleAnswer, statuses=(200, 304),
          problems=(404,), etag=True),
    Route(method="PUT", path=_ONE, call=schedules.put_schedule, role=_OPERATOR, body=Definition,
          answer=answers.ScheduleAnswer, statuses=(200, 201), problems=(403, 404, 409, 412), etag=True),
    Route(method="PATCH", path=_ONE, call=schedules.patch_schedule, role=_OPERATOR, body=Patch, merges=True,
          answer=answers.ScheduleAnswer, problems=(403, 404, 409, 412), etag=True),
    Route(method="DELETE", path=_ONE, call=schedules.delete_schedule, role=_OPERATOR, statuses=(204,), problems=(404,)),
    Route(method="POST", path=f"{_ONE}/pause", call=pause_schedule, role=_OPERATOR, body=Pause,
          answer=answers.ScheduleAnswer, problems=(404, 409), once=True),
    Route(method="POST", path=f"{_ONE}/resume", call=resume_schedule, role=_OPERATOR, body=Empty,
          answer=answers.ScheduleAnswer, problems=(404, 409), once=True),
    Route(method="GET", path=f"{_ONE}/runs", call=schedules.get_runs, query=schedules.LimitQuery,
          answer=answers.RunList, problems=(404,)),
    Route(method="POST", path=f"{_ONE}/runs", call=run_schedule, role=_OPERATOR, body=RunNow, answer=answers.MadeRun,
          statuses=(200, 201), problems=(403, 404, 409), once=True),
    Route(method="POST", path=f"{_ONE}/backfills", call=backfill_schedule, role=_OPERATOR, body=Backfill,
          answer=answers.MadeRuns, statuses=(200, 201), problems=(403, 404, 409), once=True),
    Route(method="POST", path=f"{_ONE}/undo", call=schedules.undo_schedule, role=_OPERATOR, body=schedules.Undo,
          answer=answers.ScheduleAnswer, problems=(403, 404, 409, 412), once=True),
    Route(method="GET", path=f"{_ONE}/versions", call=schedules.get_versions, answer=answers.VersionList,
          problems=(404, 409)),
    Route(method="GET", path=f"{_ONE}/upcoming", call=schedules.get_upcoming, query=schedules.LimitQuery,
          answer=answers.Instants, problems=(404,)),
    Route(method="GET", path=f"{_ONE}/explain", call=schedules.explain_run, query=schedules.ExplainQuery,
          answer=answers.ExplanationAnswer, problems=(404,)),
    Route(method="GET", path="/upcoming", call=jobs.get_coming, query=jobs.UpcomingQuery, answer=answers.ComingRuns),
    Route(method="GET", path="/clock-changes", call=forecasts.get_clock_changes, query=forecasts.ChangesQuery,
          answer=forecast_answers.ClockChangesAnswer),
    Route(method="GET", path="/clock-changes/schedules", call=forecasts.find_touched, query=forecasts.TouchedQuery,
          answer=forecast_answers.TouchedPage),
    Route(method="GET", path="/load", call=forecasts.get_load, query=forecasts.LoadQuery,
          answer=forecast_answers.LoadAnswer),
    Route(method="GET", path="/jobs", call=jobs.find_jobs, query=jobs.JobsQuery, answer=answers.JobPage),
    Route(method="POST", path="/jobs", call=jobs.make_job, role=_OPERATOR, body=jobs.NewJob, answer=answers.Done,
          statuses=(201,), problems=(403, 409), once=True),
    Route(method="GET", path=_JOB, call=jobs.get_job, answer=answers.JobAnswer, problems=(404,)),
    Route(method="GET", path=f"{_JOB}/traceback", call=jobs.get_traceback, answer=answers.Traceback,
          problems=(403, 404)),
    Route(method="DELETE", path=_JOB, call=jobs.cancel_job, role=_OPERATOR, statuses=(204,), problems=(404,)),
    Route(method="POST", path=f"{_JOB}/move", call=jobs.move_job, role=_OPERATOR, body=jobs.Move, answer=answers.Done,
          problems=(403, 404), once=True),
    Route(method="POST", path=f"{_JOB}/stop", call=jobs.stop_run, role=_OPERATOR, body=Empty, answer=answers.Done,
          problems=(404, 409)),
    Route(method="POST", path="/queues/{id}/move", call=jobs.move_queue, role=_OPERATOR, body=jobs.MoveQueue,
          answer=answers.MovedJobs, problems=(403,), once=True),
    Route(method="GET", path="/quarantine", call=jobs.find_held, query=jobs.HeldQuery, answer=answers.HeldPage),
    Route(method="GET", path=_HELD, call=jobs.get_held, answer=answers.HeldAnswer, problems=(404,)),
    Route(method="POST", path=f"{_HELD}/retry", call=jobs.retry_held, role=_OPERATOR, body=Empty, answer=answers.Done,
          problems=(403, 404, 409)),
    Route(method="DELETE", path=_HELD, call=jobs.purge_held, role=_OPERATOR, statuses=(204,), problems=(404,)),
    Route(method="GET", path="/events", call=system.find_events, query=system.EventsQuery, answer=answers.EventPage),
    Route(method="GET", path="/audit", call=system.find_audit, query=system.AuditQuery, answer=answers.AuditPage),
    Route(method="GET", path="/status", call=system.get_status, answer=answers.StatusAnswer),
    Route(method="GET", path="/visitor", call=system.get_visitor, answer=answers.VisitorAnswer),
)  # fmt: skip
