"""The dashboard in the admin: who may come, in which role, what is refused, and that all of it works below its path."""

import sys
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import pytest
import redis as redis_py

from rq_scheduler import Every, Scheduler

pytestmark = pytest.mark.once

ROOT = "/admin/rq_scheduler/schedule"
SHIP = "django_shop.orders.tasks.ship"

Visitor = Callable[..., Any]


@pytest.fixture
def scheduler(redis: redis_py.Redis) -> Scheduler:
    made = Scheduler(connection=redis, actor="me")
    made.schedules.put("ship", Every(60), SHIP)
    return made


@pytest.fixture
def visitor(tables: None, site: Any, scheduler: Scheduler) -> Visitor:
    """A browser of somebody with these permissions: `visitor("view_schedule")`; not of the staff without any."""
    from django.contrib.auth.models import Permission, User
    from django.test import Client

    User.objects.all().delete()

    def log_in(*codenames: str, staff: bool = True) -> Any:
        user = User.objects.create_user("ann", password="secret", is_staff=staff)
        found = Permission.objects.filter(content_type__app_label="rq_scheduler", codename__in=codenames)
        assert len(found) == len(codenames)
        user.user_permissions.set(found)
        client = Client(enforce_csrf_checks=True)
        client.force_login(user)
        return client

    return log_in


def post(client: Any, path: str, fields: dict[str, str] | None = None, **headers: Any) -> Any:
    """A form, as the dashboard's are."""
    body = urlencode(fields or {"note": ""})  # of an empty one, the test client would send no type
    return client.post(f"{ROOT}{path}", body, content_type="application/x-www-form-urlencoded", **headers)


FORM = {"HTTP_SEC_FETCH_SITE": "same-origin", "HTTP_ORIGIN": "http://testserver"}


class TestWho:
    def test_a_stranger_is_sent_to_the_login(self, visitor: Visitor) -> None:
        from django.test import Client

        answer = Client().get(f"{ROOT}/schedules")
        assert answer.status_code == 302
        assert answer["Location"] == f"/admin/login/?next={ROOT}/schedules"
        assert visitor(staff=False).get(f"{ROOT}/").status_code == 302

    def test_nobody_without_a_permission(self, visitor: Visitor) -> None:
        client = visitor()
        assert ROOT not in client.get("/admin/").content.decode()
        for path in ("/", "/schedules", "/api/v1/schedules", "/static/dashboard.js"):
            assert client.get(f"{ROOT}{path}").status_code == 403
        assert post(client, "/schedules/ship/run", **FORM).status_code == 403

    def test_a_viewer_looks(self, visitor: Visitor, scheduler: Scheduler) -> None:
        client = visitor("view_schedule")
        assert f'href="{ROOT}/"' in client.get("/admin/").content.decode()
        page = client.get(f"{ROOT}/schedules/ship")
        assert page.status_code == 200
        assert "web: ann: may look only" in page.content.decode()
        assert '<a href="/admin/">Site administration</a>' in page.content.decode()
        assert client.get(f"{ROOT}/api/v1/schedules/ship").json()["id"] == "ship"
        assert post(client, "/schedules/ship/pause", {"note": "no"}, **FORM).status_code == 403
        assert not scheduler.schedules["ship"].paused

    def test_one_who_may_change_acts_by_his_name(self, visitor: Visitor, scheduler: Scheduler) -> None:
        client = visitor("view_schedule", "change_schedule")
        answer = post(client, "/schedules/ship/pause", {"note": "stock taking"}, **FORM)
        assert (answer.status_code, answer["Location"]) == (303, f"{ROOT}/schedules/ship")
        assert scheduler.schedules["ship"].note == "stock taking"
        assert scheduler.audit.read(limit=1)[0].actor == "web: ann"
        assert post(client, "/schedules/ship/resume", **FORM).status_code == 303
        made = client.put(
            f"{ROOT}/api/v1/schedules/more", {"func": SHIP, "every": "1h"}, content_type="application/json", **FORM
        )
        assert made.status_code == 201, made.content

    def test_only_what_is_allowed_can_be_run(self, visitor: Visitor, scheduler: Scheduler) -> None:
        client = visitor("change_schedule")
        refused = client.put(
            f"{ROOT}/api/v1/schedules/x", {"func": "os.system", "every": 60}, content_type="application/json", **FORM
        )
        assert refused.status_code == 403
        assert "x" not in scheduler.schedules


class TestRules:
    """Those of the web application hold, with Django's session in the place of its own."""

    @pytest.mark.parametrize(
        "headers",
        [
            {"HTTP_SEC_FETCH_SITE": "cross-site", "HTTP_ORIGIN": "https://evil.example"},
            {"HTTP_SEC_FETCH_SITE": "same-site", "HTTP_ORIGIN": "http://testserver:8000"},
            {"HTTP_ORIGIN": "https://evil.example"},
            {"HTTP_ORIGIN": "null"},
            {},
        ],
    )
    def test_a_form_of_another_site_is_refused(
        self, visitor: Visitor, scheduler: Scheduler, headers: dict[str, str]
    ) -> None:
        client = visitor("change_schedule")
        answer = post(client, "/schedules/ship/pause", {"note": ""}, **headers)
        assert answer.status_code == 403
        assert not scheduler.schedules["ship"].paused

    def test_a_call_that_says_not_where_it_comes_from_is_refused(self, visitor: Visitor, scheduler: Scheduler) -> None:
        """Browsers say it; programs have no session of Django's."""
        client = visitor("change_schedule")
        call = f"{ROOT}/api/v1/schedules/ship/pause"
        refused = client.post(call, {}, content_type="application/json")
        assert (refused.status_code, refused.json()["code"]) == (403, "cross-site")
        assert client.post(call, {}, content_type="application/json", **FORM).status_code == 200

    def test_hosts_are_those_of_django(self, visitor: Visitor) -> None:
        client = visitor("change_schedule")
        assert client.get(f"{ROOT}/", HTTP_HOST="shop.example").status_code == 200
        assert client.get(f"{ROOT}/", HTTP_HOST="evil.example").status_code == 400
        form = {"HTTP_HOST": "shop.example", "HTTP_ORIGIN": "https://shop.example"}
        assert post(client, "/schedules/ship/resume", **form).status_code == 403
        assert post(client, "/schedules/ship/resume", secure=True, **form).status_code == 303

    @pytest.mark.parametrize(
        ("trusted", "origin", "status"),
        [
            ([], "https://shop.example", 403),
            (["https://shop.example"], "https://shop.example", 303),
            (["https://*.example"], "https://shop.example", 303),
            (["https://shop.example:8443"], "https://shop.example:8443", 303),
            (["https://shop.example:8443"], "https://shop.example", 403),
            (["https://other.example"], "https://other.example", 403),  # it has no token of this site
            (["https://shop.example"], "https://shop.example.evil", 403),
            (["https://shop.example"], "https://[", 403),
        ],
    )
    def test_behind_a_proxy_that_ends_tls(
        self, site: Any, visitor: Visitor, trusted: list[str], origin: str, status: int
    ) -> None:
        """Django is not told of TLS, and knows the address from CSRF_TRUSTED_ORIGINS alone, as its own forms do."""
        client = visitor("change_schedule")
        site.CSRF_TRUSTED_ORIGINS = trusted
        answer = post(client, "/schedules/ship/resume", HTTP_HOST="shop.example", HTTP_ORIGIN=origin)
        assert answer.status_code == status
        answer = post(
            client, "/schedules/ship/resume", HTTP_HOST="shop.example", HTTP_ORIGIN=origin,
            HTTP_SEC_FETCH_SITE="cross-site",
        )  # fmt: skip
        assert answer.status_code == 403

    def test_a_session_is_no_program_whatever_else_it_sends(self, visitor: Visitor, scheduler: Scheduler) -> None:
        """A browser sends a password of HTTP by itself, also for a page of another site."""
        call = f"{ROOT}/api/v1/schedules/ship/pause"
        answer = visitor("change_schedule").post(
            call, {}, content_type="application/json", HTTP_AUTHORIZATION="Basic YW5uOnNlY3JldA=="
        )
        assert answer.status_code == 403
        assert not scheduler.schedules["ship"].paused

    def test_one_who_is_not_any_more(self, visitor: Visitor, scheduler: Scheduler) -> None:
        """While the page with the form is open."""
        from django.contrib.auth.models import User

        client = visitor("change_schedule")
        assert client.get(f"{ROOT}/schedules/ship").status_code == 200
        user = User.objects.get(username="ann")
        user.user_permissions.clear()
        assert post(client, "/schedules/ship/pause", **FORM).status_code == 403
        User.objects.filter(username="ann").update(is_active=False)
        assert post(client, "/schedules/ship/pause", **FORM)["Location"].startswith("/admin/login/")
        assert not scheduler.schedules["ship"].paused

    @pytest.mark.parametrize("id", ["..%2F..%2F", "%00", "%0a", "a%2Fb", "%ff", "%F0%9F%92%A3", "<script>", "a" * 5000])
    def test_ids_that_are_none(self, visitor: Visitor, id: str) -> None:
        client = visitor("change_schedule")
        assert client.get(f"{ROOT}/schedules/{id}").status_code == 404
        assert client.get(f"{ROOT}/api/v1/schedules/{id}").status_code == 404
        assert "<script>" not in client.get(f"{ROOT}/schedules/{id}").content.decode()

    def test_the_headers_stay(self, visitor: Visitor) -> None:
        answer = visitor("view_schedule").get(f"{ROOT}/")
        assert "default-src 'none'" in answer["Content-Security-Policy"]
        assert (answer["X-Frame-Options"], answer["X-Content-Type-Options"]) == ("DENY", "nosniff")
        assert "no-store" in answer["Cache-Control"]

    def test_a_body_that_is_too_large(self, visitor: Visitor) -> None:
        client = visitor("change_schedule")
        body = b'{"note": "' + b"x" * 300_000 + b'"}'
        answer = client.put(f"{ROOT}/api/v1/schedules/x", body, content_type="application/json", **FORM)
        assert answer.status_code == 413

    def test_cookies_are_kept_below_its_path(self, visitor: Visitor) -> None:
        answer = post(visitor("view_schedule"), "/preferences", {"theme": "dark", "back": "/"}, **FORM)
        assert answer.status_code == 303
        (cookie,) = [each for name, each in answer.cookies.items() if name != "sessionid"]
        assert cookie["path"] == ROOT

    def test_there_is_no_stream_and_programs_are_told(self, visitor: Visitor) -> None:
        answer = visitor("view_schedule").get(f"{ROOT}/api/v1/events/stream")
        assert (answer.status_code, answer.json()["code"]) == (404, "no-stream")

    def test_nothing_is_at_other_addresses(self, visitor: Visitor) -> None:
        client = visitor("view_schedule")
        assert client.get(f"{ROOT}/nothing").status_code == 404
        assert client.get(f"{ROOT}/schedules/nothing").status_code == 404


@pytest.mark.parametrize("hidden", [False, True])
def test_arguments_may_be_hidden(site: Any, visitor: Visitor, scheduler: Scheduler, hidden: bool) -> None:
    scheduler.schedules.put("secret", Every(60), "django_shop.orders.tasks.invoice", args=(4711,))
    site.RQ_SCHEDULER = {"HIDE_ARGUMENTS": hidden}
    page = visitor("change_schedule").get(f"{ROOT}/schedules/secret").content.decode()
    assert ("4711" not in page) is hidden


def test_no_locale_changes_a_number(site: Any, visitor: Visitor, scheduler: Scheduler) -> None:
    site.LANGUAGE_CODE, site.USE_I18N, site.USE_THOUSAND_SEPARATOR = "de", True, True
    scheduler.schedules.put("often", Every(123456), SHIP)
    page = visitor("change_schedule").get(f"{ROOT}/schedules/often/edit").content.decode()
    assert "123456" in page
    assert "123.456" not in page


def test_redis_that_is_away_breaks_no_other_page(site: Any, visitor: Visitor) -> None:
    site.RQ_QUEUES = {"default": {"HOST": "127.0.0.1", "PORT": 1, "REDIS_CLIENT_KWARGS": {"retry": None}}}
    client = visitor("change_schedule")
    assert "Schedules" in client.get("/admin/").content.decode()
    assert client.get("/admin/rq_scheduler/").status_code == 200
    assert client.get(f"{ROOT}/").status_code == 503


def test_no_table_is_asked(tables: None, site: Any, manage: Callable[..., str]) -> None:
    """Of those that there are not."""
    assert manage("dumpdata", "rq_scheduler").strip() == "[]"
    assert manage("dumpdata", "--all", "rq_scheduler").strip() == "[]"
    assert "No changes" in manage("makemigrations", "--check", "--dry-run", "rq_scheduler")


def test_a_process_that_shows_no_page_does_not_import_them(manage_py: Callable[..., str]) -> None:
    code = "import sys; from django.urls import reverse; reverse('admin:index'); print('starlette' in sys.modules)"
    assert manage_py("shell", "-v0", "-c", code).strip().endswith("False")


def test_another_admin_at_another_prefix(site: Any, visitor: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    """A site of one's own, with the entry registered there, below a path that the server takes away."""
    from types import SimpleNamespace

    from django.contrib.admin import AdminSite
    from django.urls import clear_url_caches, path, set_script_prefix

    from rq_scheduler.contrib.django.admin import ScheduleAdmin
    from rq_scheduler.contrib.django.models import Schedule

    office = AdminSite(name="office")
    office.register(Schedule, ScheduleAdmin)
    urls = SimpleNamespace(urlpatterns=[path("back/office/", office.urls)])
    monkeypatch.setitem(sys.modules, "office_urls", urls)
    client = visitor("change_schedule")
    site.ROOT_URLCONF = "office_urls"
    clear_url_caches()
    set_script_prefix("/shop/")  # as Django's handlers do for each request, but not that of its tests
    try:
        root = "/shop/back/office/rq_scheduler/schedule"
        page = client.get("/back/office/rq_scheduler/schedule/schedules/ship")
        assert page.status_code == 200
        assert f'href="{root}/schedules"' in page.content.decode()
        assert '<a href="/shop/back/office/">Site administration</a>' in page.content.decode()
        path_of = "/back/office/rq_scheduler/schedule/schedules/ship/resume"
        answer = client.post(path_of, "note=", content_type="application/x-www-form-urlencoded", **FORM)
        assert (answer.status_code, answer["Location"]) == (303, f"{root}/schedules/ship")
    finally:
        set_script_prefix("/")
        clear_url_caches()


def test_all_of_it_is_linked_below_its_path(visitor: Visitor) -> None:
    """The pages name no address beside it, and those that they name are there."""
    import re

    client = visitor("change_schedule")
    for path in ("/", "/schedules", "/schedules/ship", "/jobs", "/audit", "/load"):
        page = client.get(f"{ROOT}{path}").content.decode()
        named = set(re.findall(r'(?:href|action|formaction|src)="(/[^"#?]*)', page))
        assert named
        assert [each for each in named if not each.startswith(f"{ROOT}/")] == ["/admin/"]
        linked = set(re.findall(r'(?:href|src)="(/[^"#?]*)', page))
        assert [each for each in linked if client.get(each).status_code != 200] == []


def test_django_rqs_own_pages_stay(visitor: Visitor) -> None:
    from django.contrib.auth.models import User

    client = visitor()
    User.objects.filter(username="ann").update(is_superuser=True)
    page = client.get("/django-rq/").content.decode()
    assert "RQ Scheduler" in page
    assert "Django-RQ" in client.get("/admin/").content.decode()


def test_under_asgi(site: Any, visitor: Visitor, scheduler: Scheduler) -> None:
    """Django's handler runs the view in a thread, and what that hands on in its own loop."""
    import asyncio

    from django.test import AsyncClient

    session = visitor("change_schedule").cookies["sessionid"].value

    async def ask() -> list[int]:
        client = AsyncClient()
        client.cookies["sessionid"] = session
        form = {"origin": "http://testserver", "sec-fetch-site": "same-origin"}
        paused = await post(client, "/schedules/ship/pause", {"note": "by asgi"}, headers=form)
        return [(await client.get(f"{ROOT}/schedules")).status_code, paused.status_code]

    assert asyncio.run(ask()) == [200, 303]
    assert scheduler.schedules["ship"].note == "by asgi"
