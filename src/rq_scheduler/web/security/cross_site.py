"""Whether a browser sends a request on behalf of another site, or of another application at this host.

Cookies know no ports, and a page of another port is "same-site": so that is refused as well.
"""

from __future__ import annotations

from collections.abc import Mapping

from rq_scheduler.web.security.hosts import Hosts

__all__ = ["SAFE", "cross_site"]

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
"""Methods that change nothing."""


def cross_site(method: str, headers: Mapping[str, str], hosts: Hosts, *, has_session: bool) -> str | None:
    """Why a request is refused; None where it is not. `headers` by their names in lower case, Host among them, which is
    on the list; `has_session`: it comes with a session cookie."""
    site, origin = headers.get("sec-fetch-site"), headers.get("origin")
    followed = method in SAFE and headers.get("sec-fetch-mode") == "navigate" and origin is None
    if site is not None and site not in ("same-origin", "none") and not followed:
        return f"a page of another site or port sent it (Sec-Fetch-Site: {site[:20]!r}): use a page of this application"
    if origin is not None and not hosts.is_ours(origin, headers["host"]):
        return (
            "its Origin is no page of this application: add the address under which people use it (public_url; in "
            "Django, CSRF_TRUSTED_ORIGINS)"
        )
    if method not in SAFE and has_session and site is None and origin is None:
        return "a session is used by browsers, and this request has no Origin: programs send a token (Authorization)"
    return None
