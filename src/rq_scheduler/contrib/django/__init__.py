"""At home in Django: schedules declared in settings and in each application's `rq_schedules.py`, the commands
`rqschedules` and `rqdispatcher`, system checks, and the dashboard in the admin. docs/django.md is its page.

`settings` reads the settings, `declared` finds what is declared, `checks` judges it; `console` hands the commands to
`rq_scheduler.cli`, `bridge` hands requests of the admin to `rq_scheduler.web`: nothing is decided a second time here.
"""

from rq_scheduler.contrib.django.registry import register
from rq_scheduler.contrib.django.scheduler import DjangoScheduler, get_scheduler

__all__ = ["DjangoScheduler", "get_scheduler", "register"]
