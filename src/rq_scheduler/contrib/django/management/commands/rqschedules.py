"""`manage.py rqschedules`."""

from rq_scheduler.contrib.django.console import ClickCommand, rqschedules


class Command(ClickCommand):
    help = "Declare, see, steer and explain the schedules of this site."
    command = rqschedules
