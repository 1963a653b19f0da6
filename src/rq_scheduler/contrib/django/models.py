"""What the admin has permissions of: schedules, which live in Redis. There is no table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import models

__all__ = ["Schedule"]

if TYPE_CHECKING:
    _Manager = models.Manager["Schedule"]
else:
    _Manager = models.Manager


class _Nothing(_Manager):
    """Asks no table: `dumpdata` wants the rows of every model."""

    def get_queryset(self) -> models.QuerySet[Schedule]:
        return super().get_queryset().none()


class Schedule(models.Model):
    """Stands for all of them: who may view, and who may change."""

    objects = _Nothing()

    class Meta:
        managed = False
        base_manager_name = "objects"
        default_permissions = ("view", "change")
        verbose_name = "schedule"
        verbose_name_plural = "schedules"
