"""How a visitor wants pages: by which clock, and light or dark. Kept by his browser."""

from __future__ import annotations

from urllib.parse import quote

from rq_scheduler.errors import SchedulerError
from rq_scheduler.triggers.zone_names import zone_name
from rq_scheduler.triggers.zones import zone
from rq_scheduler.web.pages.login import own_path
from rq_scheduler.web.pages.page import THEME, ZONE, Asked, Went

__all__ = ["set_preferences"]


def set_preferences(asked: Asked) -> Went:
    """What the form says, and back to where it was sent from."""
    back = asked.link()[:-1] + own_path(asked.form.get("back"))
    if "theme" in asked.form:
        theme = asked.form["theme"]
        return Went(back, cookies={THEME: theme if theme in ("light", "dark") else "system"})
    given = asked.form.get("zone", "").strip()
    try:
        name = zone(zone_name(given)).name if given else ""
    except SchedulerError as error:
        return Went(back, str(error), wrong=True)
    return Went(back, f"Times are those of {name or 'this host'} now.", cookies={ZONE: quote(name, safe="")})
