"""The application: `INSTALLED_APPS = [..., "rq_scheduler.contrib.django"]`."""

from django.apps import AppConfig

__all__ = ["RqSchedulerConfig"]


class RqSchedulerConfig(AppConfig):
    """Brings the commands, the checks and the admin's entry. Imports no `rq_schedules`, and asks Redis nothing."""

    name = "rq_scheduler.contrib.django"
    label = "rq_scheduler"
    verbose_name = "Scheduler"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from rq_scheduler.contrib.django import checks

        checks.register_checks()
