"""The rules of web security, each by itself: no application, no Redis."""

import sys

import pytest

from rq_scheduler.errors import InvalidArgument
from rq_scheduler.web.security.bodies import is_too_deep
from rq_scheduler.web.security.cross_site import cross_site
from rq_scheduler.web.security.definitions import refusal, refused_fields
from rq_scheduler.web.security.functions import AllowedFunctions
from rq_scheduler.web.security.guesses import ALLOWED, Guesses, network_of
from rq_scheduler.web.security.hosts import Hosts
from rq_scheduler.web.security.rates import MAX_CLIENTS, Rates
from rq_scheduler.web.settings import Settings

pytestmark = pytest.mark.once

MODULE = "web.functions_to_allow"
SITE = Hosts.of(["https://jobs.example.com", "http://inside:8080/ops"])


class FakeClock:
    def __init__(self) -> None:
        self.at = 1000.0

    def monotonic(self) -> float:
        return self.at

    def now_us(self) -> int:
        return int(self.at * 1_000_000)


class TestHosts:
    @pytest.mark.parametrize(
        "host", ["localhost", "LOCALHOST:8000", "127.0.0.1:9", "[::1]:8000", "[::1]", "jobs.example.com", "inside:8080"]
    )
    def test_on_the_list(self, host: str) -> None:
        assert SITE.answers_to(host)

    @pytest.mark.parametrize(
        "host",
        [
            *(
                "evil.com",
                "localhost.evil.com",
                "127.0.0.1.nip.io",
                "jobs.example.com:8443",
                "inside",
                "",
                "localhost:",
            ),
            *("user@localhost", "localhost:8000:9", "localhost:8a", "::1", "127.0.0.2", "jobs.example.com."),
        ],
    )
    def test_a_re_bound_or_strange_name_is_not(self, host: str) -> None:
        assert not SITE.answers_to(host)

    @pytest.mark.parametrize(
        "url", ["jobs.example.com", "ftp://a", "https://", "https://a:b", "https://u@a", "https://a?b"]
    )
    def test_a_public_url_that_is_none(self, url: str) -> None:
        with pytest.raises(InvalidArgument, match="public_url"):
            Hosts.of([url])

    @pytest.mark.parametrize(
        ("origin", "host", "ours"),
        [
            ("https://jobs.example.com", "localhost:8000", True),
            ("https://jobs.example.com", "jobs.example.com", True),
            ("http://jobs.example.com", "jobs.example.com", False),
            ("https://jobs.example.com.evil.com", "jobs.example.com", False),
            ("http://localhost:8000", "localhost:8000", True),
            ("http://localhost:8000", "127.0.0.1:8000", True),
            ("http://localhost:3000", "localhost:8000", False),
            ("http://localhost", "localhost", True),
            ("http://localhost:8000", "jobs.example.com", False),
            ("null", "localhost:8000", False),
            ("http://localhost:8000/", "localhost:8000", False),
            ("http://localhost:x", "localhost:8000", False),
            ("file://", "localhost:8000", False),
        ],
    )
    def test_an_origin_is_held_against_the_list(self, origin: str, host: str, ours: bool) -> None:
        assert SITE.is_ours(origin, host) is ours


class TestCrossSite:
    HOST = {"host": "localhost:8000"}  # noqa: RUF012

    @pytest.mark.parametrize(
        ("method", "headers", "has_session", "refused"),
        [
            ("GET", {}, True, False),
            ("POST", {}, False, False),  # a program with a token
            ("POST", {}, True, True),
            ("POST", {"origin": "http://localhost:8000"}, True, False),
            ("POST", {"origin": "http://localhost:3000"}, True, True),
            ("POST", {"origin": "http://localhost:3000"}, False, True),
            ("POST", {"origin": "null"}, False, True),
            ("POST", {"sec-fetch-site": "same-origin"}, True, False),
            ("POST", {"sec-fetch-site": "none"}, True, False),
            ("POST", {"sec-fetch-site": "same-site"}, True, True),  # another port of this host
            ("GET", {"sec-fetch-site": "same-site"}, True, True),
            ("GET", {"sec-fetch-site": "cross-site"}, True, True),
            ("GET", {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}, True, False),  # a link
            ("POST", {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}, True, True),  # a form
            ("POST", {"sec-fetch-site": "same-origin", "origin": "https://evil.com"}, True, True),
        ],
    )
    def test_what_a_browser_sends(self, method: str, headers: dict[str, str], has_session: bool, refused: bool) -> None:
        assert (cross_site(method, {**self.HOST, **headers}, SITE, has_session=has_session) is not None) is refused


class TestAllowedFunctions:
    def test_nothing_unless_said(self) -> None:
        assert not AllowedFunctions.of([]).allows(f"{MODULE}.report")

    def test_a_name(self) -> None:
        allowed = AllowedFunctions.of(["shop.only_there.report"])
        assert allowed.allows("shop.only_there.report")  # the code may be where only the workers are
        assert not allowed.allows("shop.only_there.reports")

    def test_a_star_is_one_public_function_of_that_very_module(self) -> None:
        allowed = AllowedFunctions.of([f"{MODULE}.*"])
        assert allowed.allows(f"{MODULE}.report")
        for name in ("os.system", "system", "Path", "Report", "Report.make", "_private", "partly", "functools.partial",
                     "no_such", "__import__", "report ", ""):  # fmt: skip
            assert not allowed.allows(f"{MODULE}.{name}"), name
        assert not allowed.allows(MODULE)
        assert not allowed.allows("report")

    def test_a_star_where_the_module_is_not_here(self) -> None:
        allowed = AllowedFunctions.of(["shop.only_there.*"])
        assert not allowed.allows("shop.only_there.report")

    def test_imports_the_modules_of_the_list_alone(self) -> None:
        sys.modules.pop("this", None)
        assert not AllowedFunctions.of([f"{MODULE}.*"]).allows("this.zen")
        assert "this" not in sys.modules

    @pytest.mark.parametrize(
        "entry", ["*", "report", "shop.*.run", "shop.**", "shop.t*", "shop..run", ".run", "shop. *", ""]
    )
    def test_an_entry_that_is_none(self, entry: str) -> None:
        with pytest.raises(InvalidArgument, match="allow="):
            AllowedFunctions.of([entry])

    def test_all_functions_of_a_job_count(self) -> None:
        allowed = AllowedFunctions.of([f"{MODULE}.*"])
        assert refusal([f"{MODULE}.report", f"{MODULE}.told"], None, allowed, ()) is None
        why = refusal([f"{MODULE}.report", "os.system"], None, allowed, ())
        assert why is not None
        assert "'os.system' may not be run" in why
        assert "--allow 'os.system'" in why

    def test_queues(self) -> None:
        allowed = AllowedFunctions.of([f"{MODULE}.report"])
        assert refusal([f"{MODULE}.report"], "mails", allowed, ("mails",)) is None
        assert "--allow-queue" in str(refusal([f"{MODULE}.report"], "other", allowed, ("mails",)))


class TestFields:
    @pytest.mark.parametrize("key", ["queue_class_name", "interval", "cron_string", "repeat"])
    def test_meta_that_does_something(self, key: str) -> None:
        assert key in str(refused_fields({"meta": {key: 1}}))

    def test_webhooks(self) -> None:
        assert "webhooks" in str(refused_fields({"webhooks": [{"url": "http://169.254.169.254/"}]}))

    def test_others(self) -> None:
        assert refused_fields({"meta": {"who": "me"}, "webhooks": None, "args": [1]}) is None


class TestBodies:
    @pytest.mark.parametrize(
        ("body", "deep"),
        [
            (b"[" * 4 + b"]" * 4, False),
            (b"[" * 5, True),
            (b'{"a":' * 5, True),
            (b'["[[[[[[[[[["]', False),
            (b'["\\"[[[[[[[[["]', False),
            (b'["\\\\", [[[[', True),
            (b"[],[],[],[],[],[]", False),
            (b"[" * 100_000, True),
            (b'"' + b"\\" * 100_000, False),
        ],
    )
    def test_depth(self, body: bytes, deep: bool) -> None:
        assert is_too_deep(body, 4) is deep


class TestRates:
    def test_a_bucket_each(self) -> None:
        clock = FakeClock()
        rates = Rates(2, 4, clock)
        assert [rates.wait("a") for _ in range(5)] == [0, 0, 0, 0, 1]
        assert rates.wait("b") == 0
        clock.at += 1
        assert [rates.wait("a") for _ in range(3)] == [0, 0, 1]

    def test_a_bounded_number(self) -> None:
        rates = Rates(1, 1, FakeClock())
        for n in range(MAX_CLIENTS + 10):
            rates.wait(str(n))
        assert len(rates._buckets) == MAX_CLIENTS


class TestGuesses:
    def test_many_are_slowed_and_told_once(self) -> None:
        clock = FakeClock()
        guesses = Guesses(clock)
        told = [guesses.wrong("1.2.3.4", str(n)) for n in range(ALLOWED + 5)]
        assert told == [False] * (ALLOWED - 1) + [True] + [False] * 5
        assert guesses.wait("1.2.3.4", "x") > 0
        assert guesses.wait("1.2.3.5", "x") == 0
        clock.at += 60
        assert guesses.wait("1.2.3.4", "x") == 0

    def test_who_is_at_work_is_not_locked_out(self) -> None:
        guesses = Guesses(FakeClock())
        guesses.right("mine")
        for n in range(ALLOWED + 5):
            guesses.wrong("1.2.3.4", str(n))
        assert guesses.wait("1.2.3.4", "mine") == 0
        guesses.wrong("1.2.3.4", "mine")  # revoked
        assert guesses.wait("1.2.3.4", "mine") > 0

    def test_a_visitor_cannot_change_his_network(self) -> None:
        assert network_of("2001:db8::1") == network_of("2001:db8::2:3%eth0") == "2001:db8::/64"
        assert network_of("::ffff:1.2.3.4") == network_of("1.2.3.4") == "1.2.3.4"
        assert network_of("testclient") == "testclient"


class TestSettings:
    def test_what_cannot_be(self) -> None:
        with pytest.raises(InvalidArgument, match="max_page"):
            Settings(max_page=0)
        with pytest.raises(InvalidArgument, match="auth='password'"):
            Settings(auth="password")  # pyright: ignore[reportArgumentType]
