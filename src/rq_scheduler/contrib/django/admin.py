"""The admin's entry: the dashboard of `rq_scheduler.web`, below the admin's own address, for the admin's own users."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path, re_path, reverse
from django.views.decorators.csrf import csrf_exempt

from rq_scheduler.contrib.django.models import Schedule

__all__ = ["ScheduleAdmin"]


_ENTRY = "rq_scheduler_schedule_changelist"
"""What the admin's index links to."""

if TYPE_CHECKING:
    _ModelAdmin = admin.ModelAdmin[Schedule]
else:
    _ModelAdmin = admin.ModelAdmin  # which has no types of its own


@admin.register(Schedule)
class ScheduleAdmin(_ModelAdmin):
    """Who may view schedules sees the dashboard; who may change them acts there, by the name that the site knows."""

    def get_urls(self) -> list[URLPattern]:
        # Exempt from Django's tokens, which the dashboard's forms have not: it goes by Origin and Sec-Fetch-Site.
        view = csrf_exempt(self.admin_site.admin_view(csrf_exempt(self.dashboard)))
        return [path("", view, name=_ENTRY), re_path("^(?P<path>.+)$", view)]

    def dashboard(self, request: HttpRequest, path: str = "") -> HttpResponse:
        """Any of its pages, and any call of the HTTP API."""
        # The web application, which few processes of a site show, takes a third of a second to import.
        from rq_scheduler.contrib.django.bridge import answer

        if not self.has_view_permission(request):
            raise PermissionDenied
        home, root = (reverse(f"{self.admin_site.name}:{name}") for name in ("index", _ENTRY))
        user: Any = request.user
        role = "operator" if self.has_change_permission(request) else "viewer"
        return answer(request, home, root.rstrip("/"), f"/{path}", (user.get_username(), role))

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Schedule | None = None) -> bool:
        return False
