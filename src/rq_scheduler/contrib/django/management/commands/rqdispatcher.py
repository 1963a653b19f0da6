"""`manage.py rqdispatcher`."""

from rq_scheduler.contrib.django.console import ClickCommand, rqdispatcher


class Command(ClickCommand):
    help = "Hand scheduled jobs to their RQ queues when they are due."
    command = rqdispatcher
