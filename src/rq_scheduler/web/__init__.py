"""The HTTP API, as an ASGI application: `create_app` makes one to serve or to mount, `rqscheduler web` serves it.

`settings` says what may be set; `security` has one rule a file; `api` has the calls; `app` puts them together. All
of it stands on `client` and `views`: nothing is decided or worded a second time here. Needs the extra `[web]`.
"""

from rq_scheduler.web.app import create_app
from rq_scheduler.web.settings import Settings

__all__ = ["Settings", "create_app"]
