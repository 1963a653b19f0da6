"""The dashboard in Django's admin, in a real browser: three users, and the script and the forms below its path."""

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest
import redis as redis_py

from rq_scheduler import Every, Scheduler
from rq_scheduler.embedded import EmbeddedRedis
from support import Processes, wait_until
from web.browser.conftest import Site, Visit, answers, free_port, visiting

pytestmark = [pytest.mark.once, pytest.mark.newest_only]

ROOT = "/admin/rq_scheduler/schedule"

USERS = """
from django.contrib.auth.models import Permission, User
for name, codenames in (("nobody", ()), ("vera", ("view",)), ("carl", ("view", "change"))):
    user = User.objects.create_user(name, password="secret", is_staff=True)
    for codename in codenames:
        user.user_permissions.add(Permission.objects.get(codename=f"{codename}_schedule"))
"""


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """`manage.py runserver`, with three users of the staff, a dispatcher, and no worker."""
    folder = tmp_path_factory.mktemp("shop")
    with ExitStack() as stack:
        server = stack.enter_context(EmbeddedRedis())
        client = stack.enter_context(redis_py.Redis.from_url(server.url))
        processes = Processes(folder)
        stack.callback(processes.end_all)
        env = {
            "DJANGO_SETTINGS_MODULE": "django_shop.settings",
            "RQS_TEST_REDIS_URL": server.url,
            "RQS_TEST_FOLDER": str(folder),
            "RQS_TEST_TIME_ZONE": "Europe/Berlin",
        }
        manage = (sys.executable, "-m", "django")
        processes.run(*manage, "migrate", "--run-syncdb", "-v0", env=env)
        processes.run(*manage, "shell", "-c", USERS, env=env)
        scheduler = Scheduler(connection=client, actor="deploy")
        scheduler.schedules.put("ship", Every("1h"), "django_shop.orders.tasks.ship")
        processes.start(*manage, "rqdispatcher", env=env)
        url = f"http://127.0.0.1:{free_port()}"
        web = processes.start(
            *manage, "runserver", "--noreload", "--insecure", url.removeprefix("http://"), env=env, log="runserver.log"
        )
        wait_until(lambda: answers(f"{url}/admin/login/"), message=web.output)
        wait_until(lambda: client.zcard("rq:scheduler:dispatchers"))
        yield Site(url, client, scheduler)


@contextmanager
def logged_in(browser: Any, shop: Site, name: str) -> Iterator[Visit]:
    with visiting(browser, shop) as visit:
        page = visit.go("/admin/login/?next=/admin/")
        page.fill("#id_username", name)
        page.fill("#id_password", "secret")
        page.click("input[type=submit]")
        page.wait_for_url(f"{shop.url}/admin/")
        yield visit


def test_one_without_a_permission_sees_nothing_of_it(browser: Any, shop: Site) -> None:
    with logged_in(browser, shop, "nobody") as visit:
        assert not visit.page.get_by_role("link", name="Schedules").count()
        answer = visit.page.goto(f"{shop.url}{ROOT}/")
        assert answer.status == 403
        visit.wrong = [each for each in visit.wrong if "403" not in each]


def test_one_who_may_view_looks_and_finds_no_button(browser: Any, shop: Site) -> None:
    with logged_in(browser, shop, "vera") as visit:
        page = visit.page
        page.get_by_role("link", name="Schedules", exact=True).first.click()
        page.wait_for_url(f"{shop.url}{ROOT}/")
        page.get_by_role("navigation").get_by_role("link", name="Schedules").click()
        page.get_by_role("link", name="ship").first.click()
        page.wait_for_url(f"{shop.url}{ROOT}/schedules/ship")
        assert "web: vera: may look only" in page.content()
        assert not page.get_by_role("button", name="Run now").count()


def test_one_who_may_change_acts_and_is_named(browser: Any, shop: Site) -> None:
    with logged_in(browser, shop, "carl") as visit:
        page = visit.go(f"{ROOT}/schedules/ship")
        page.get_by_role("button", name="Run now").click()
        wait_until(lambda: shop.redis.llen("rq:queue:default") == 1)
        assert shop.scheduler.audit.read(limit=1)[0].actor == "web: carl"
        page.get_by_role("link", name="Pause").first.click()
        page.fill("input[name=note]", "stock taking")
        page.get_by_role("button", name="Pause").click()
        page.wait_for_url(f"{shop.url}{ROOT}/schedules/ship")
        assert shop.scheduler.schedules["ship"].note == "stock taking"


def test_one_whose_session_ends_is_led_to_the_login(browser: Any, shop: Site) -> None:
    """The script, which asks again and again, does not take the login page for an answer."""
    with logged_in(browser, shop, "vera") as visit:
        page = visit.go(f"{ROOT}/schedules")
        page.context.clear_cookies(name="sessionid")
        page.wait_for_url(f"{shop.url}/admin/login/?next={ROOT}/schedules")


def test_what_changes_there_changes_here(browser: Any, shop: Site) -> None:
    """Without a stream, the script asks again and again, below the admin's path."""
    with logged_in(browser, shop, "vera") as visit:
        page = visit.go(f"{ROOT}/schedules")
        shop.scheduler.schedules.put("newcomer", Every("2h"), "django_shop.orders.tasks.ship")
        page.get_by_role("link", name="newcomer").first.wait_for()
