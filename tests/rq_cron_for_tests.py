"""What `rq cron` takes: one job."""

from rq.cron import register

from jobs_for_tests import nothing

register(nothing, "default", interval=60)
