"""Alerts on a real Redis and to real receivers, in this process: what arrives, how often, and what is remembered."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
import redis as redis_py

from alerts.inbox import SECRET, Inbox, Post
from making import now_us
from rq_scheduler import Every, Scheduler
from rq_scheduler.alerts import Alerts, Message, Receiver, load_alerts, sender
from rq_scheduler.alerts.apprise_url import secrets_of
from rq_scheduler.client.health import read_health
from rq_scheduler.embedded import EmbeddedRedis
from rq_scheduler.errors import InvalidArgument, NotDelivered
from rq_scheduler.store import Store
from rq_scheduler.store.alerts import AlertPage, Held
from rq_scheduler.store.survey import Survey
from rq_scheduler.views.problems import problems
from support import PATIENCE, wait_until

Start = Callable[..., Alerts]


def receiver(inbox: Inbox, name: str = "programs", **options: Any) -> Receiver:
    (made,) = load_alerts("FILE", environment={"FILE": inbox.toml(name, **options)}).receivers
    return made


def happen(store: Store, kind: Any, *ids: str) -> None:
    for id in ids:
        assert store.note_event(kind, id)


def ids_of(*posts: Post) -> list[str]:
    return [event["id"] for post in posts for event in post.data["events"]]


def told(inbox: Inbox, *ids: str) -> list[Post]:
    """Wait until these are what was told, in this order."""
    wait_until(lambda: ids_of(*inbox.taken) == [*ids], message=lambda: str(ids_of(*inbox.taken)))
    return inbox.taken


def remembered(store: Store, name: str = "programs") -> dict[str, str]:
    found = store.connection.hgetall(store.keys.alert_receiver(name))
    return {field.decode(): value.decode() for field, value in found.items()}


class TestWhatArrives:
    def test_one_event_in_the_words_of_the_events(self, store: Store, inbox: Inbox, alerting: Start) -> None:
        alerting(receiver(inbox), site="shop")
        happen(store, "dispatcher_left", "quiet")
        store.note_event("quarantined", "job-1", queue="mail", reason="its job is gone")
        (post,) = told(inbox, "job-1")
        sentence = "job-1 went into quarantine (queue mail): its job is gone"
        assert post.data["title"] == f"[shop] {sentence}"
        assert post.data["text"].endswith(f"Z  {sentence}")
        assert post.data["counts"] == {"quarantined": 1}
        assert post.data["events"][0]["text"] == sentence
        assert post.headers["content-type"] == "application/json"

    def test_what_happened_before_a_receiver_was_known_is_not_told(
        self, store: Store, inbox: Inbox, alerting: Start
    ) -> None:
        happen(store, "overdue", "old")
        alerting(receiver(inbox))
        happen(store, "overdue", "new")
        told(inbox, "new")

    def test_a_recovery_closes_it_once(self, store: Store, inbox: Inbox, alerting: Start) -> None:
        alerting(receiver(inbox))
        happen(store, "recovered", "never-told")
        happen(store, "failing_began", "a")
        told(inbox, "a")
        happen(store, "recovered", "a", "a")
        happen(store, "overdue", "b")
        assert [event["kind"] for post in told(inbox, "a", "a", "b") for event in post.data["events"]] == [
            "failing_began",
            "recovered",
            "overdue",
        ]

    def test_a_failure_after_a_resume_is_told(
        self, redis: redis_py.Redis, store: Store, inbox: Inbox, alerting: Start
    ) -> None:
        """A resume ends the row of failures without an event."""
        alerting(receiver(inbox))
        scheduler = Scheduler(connection=redis)
        scheduler.schedules.put("a", Every("1h"), "jobs_for_tests.nothing")
        for _ in range(2):
            run = scheduler.schedules.run_now("a")
            assert run is not None
            redis.hset(f"rq:job:{run.id}", mapping={"status": "failed", "ended_at": "2026-11-29T10:00:00.000000Z"})
            wait_until(lambda: store.settle_runs(100).settled)
            scheduler.schedules.pause("a")
            scheduler.schedules.resume("a")
        told(inbox, "a", "a")

    def test_ten_thousand_failures_are_one_message(self, store: Store, inbox: Inbox, alerting: Start) -> None:
        alerting(receiver(inbox, window=1))
        pipe = store.connection.pipeline(transaction=False)
        for number in range(10_000):
            pipe.xadd(store.keys.events, {"kind": "failing_began", "id": f"s{number}", "job_id": f"s{number}-x"})
        pipe.execute()
        wait_until(lambda: inbox.taken)
        (post,) = inbox.taken
        assert post.data["title"] == "10,000 events: failing began 10,000"
        assert post.data["text"].endswith("... and 9,995 more: failing began")
        assert len(post.data["events"]) == 100
        assert post.data["events"][0]["text"] == "s0 began to fail: its run failed"
        wait_until(lambda: remembered(store)["settled"] == "")
        assert int(remembered(store)["position"] or 10_000) == 10_000

    def test_apprise_tells_people(self, store: Store, inbox: Inbox, alerting: Start, caplog: Any) -> None:
        file = f'[receivers.people]\nurl = "json://user:pass-word@127.0.0.1:{inbox.port}/token-1"\nwindow = 0\n'
        (people,) = load_alerts("FILE", environment={"FILE": file}).receivers
        inbox.status = 500
        alerting(people)
        happen(store, "overdue", "a")
        wait_until(lambda: remembered(store, "people").get("error"))
        inbox.status = 200
        wait_until(lambda: inbox.taken)
        assert b"a had not succeeded" in inbox.taken[0].body
        assert inbox.taken[0].headers["authorization"].startswith("Basic")
        told_of_it = " ".join(record.getMessage() for record in caplog.records)
        assert "Alerts do not reach people" in told_of_it
        assert "error=500" in told_of_it
        assert [record for record in caplog.records if record.name == "apprise"] == []
        assert not any(secret in told_of_it for secret in ("pass-word", "token-1"))

    def test_a_function_is_called(self, store: Store, alerting: Start) -> None:
        got: list[Message] = []

        def send(message: Message) -> None:
            if not got:
                got.append(message)
                raise RuntimeError("see https://x.example/token")
            got.append(message)

        alerting(Receiver(name="own", send=send, window=0))
        happen(store, "overdue", "a")
        wait_until(lambda: len(got) == 2)
        assert got[0] == got[1]
        assert got[0].told.events[0].id == "a"
        assert got[0].told.counts == {"overdue": 1}

    def test_text_from_redis_steers_nothing(self, store: Store, inbox: Inbox, alerting: Start) -> None:
        alerting(receiver(inbox))
        store.note_event("quarantined", "a\nb\x1b[31m", reason="x" * 5000)
        wait_until(lambda: inbox.taken)
        assert "a\\nb\\x1b[31m" in inbox.taken[0].data["title"]
        assert "\n" not in inbox.taken[0].data["text"]
        assert len(inbox.taken[0].data["text"]) <= 300


class TestAReceiverThatFails:
    def test_that_is_down_is_told_all_in_order_once_it_is_up(
        self, store: Store, redis: redis_py.Redis, alerting: Start, other_inbox: Inbox
    ) -> None:
        with Inbox() as gone:
            port = gone.port
        inbox = Inbox(port)
        alerting(receiver(inbox), receiver(other_inbox, "others"))
        happen(store, "overdue", "a")
        wait_until(lambda: remembered(store).get("failing_since"))
        told(other_inbox, "a")
        happen(store, "overdue", "b", "c")
        told(other_inbox, "a", "b", "c")
        wait_until(lambda: remembered(store)["waiting"] == "3")
        assert "refused" in remembered(store)["error"]
        with inbox:
            told(inbox, "a", "b", "c")
            wait_until(lambda: remembered(store)["failing_since"] == "")
            assert len(inbox.taken) == 2
        assert ids_of(*other_inbox.posts) == ["a", "b", "c"]

    def test_that_answers_500_is_sent_the_same_again(
        self, store: Store, inbox: Inbox, alerting: Start, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level("INFO")
        inbox.status = 500
        alerting(receiver(inbox))
        happen(store, "overdue", "a")
        wait_until(lambda: len(inbox.posts) > 2)
        inbox.status = 200
        told(inbox, "a")
        assert len({post.id for post in inbox.posts}) == 1
        assert len({post.body for post in inbox.posts}) == 1
        wait_until(lambda: remembered(store)["error"] == "")

        def logged() -> list[str]:
            return [record.action for record in caplog.records if hasattr(record, "action")]  # type: ignore[attr-defined]

        # What is remembered is logged next.
        wait_until(lambda: logged() == ["alerts_failing", "alerts_reach_again"], message=logged)

    @pytest.mark.parametrize("status", [302, 307])
    def test_that_moves_is_not_followed(
        self, store: Store, inbox: Inbox, other_inbox: Inbox, alerting: Start, status: int
    ) -> None:
        inbox.status, inbox.moved_to = status, other_inbox.url
        alerting(receiver(inbox))
        happen(store, "overdue", "a")
        wait_until(lambda: "the address has moved" in remembered(store).get("error", ""))
        assert other_inbox.posts == []

    def test_that_never_answers_holds_up_nobody(
        self, store: Store, inbox: Inbox, other_inbox: Inbox, alerting: Start
    ) -> None:
        inbox.hang()
        alerts = alerting(receiver(inbox, timeout=1), receiver(other_inbox, "others"))
        happen(store, "overdue", "a")
        told(other_inbox, "a")
        wait_until(lambda: "no answer" in remembered(store).get("error", ""))
        happen(store, "overdue", "b")
        told(other_inbox, "a", "b")
        alerts.stop()
        names = [thread.name for thread in threading.enumerate()]
        assert "alerts to others" not in names
        assert "alerts to programs" not in names

    def test_that_hangs_for_ever_gets_few_threads(self, store: Store, alerting: Start) -> None:
        never, calls = threading.Event(), []

        def hang(_: Message) -> None:
            calls.append(1)
            never.wait()

        alerting(Receiver(name="own", send=hang, window=0, timeout=1))
        happen(store, "overdue", "a")
        wait_until(lambda: "earlier tries still hang" in remembered(store, "own").get("error", ""))
        assert len(calls) == sender.MOST_HANGING
        never.set()
        wait_until(lambda: remembered(store, "own")["error"] == "")

    def test_status_says_so(self, store: Store, inbox: Inbox, alerting: Start, redis: redis_py.Redis) -> None:
        inbox.status = 503
        alerting(receiver(inbox))
        happen(store, "overdue", "a", "b")
        wait_until(lambda: remembered(store).get("waiting") == "2")
        said = [str(problem) for problem in problems(read_health(Survey(redis), "here")) if "alerts" in problem.code]
        assert len(said) == 1
        assert said[0].startswith("alerts have not reached 'programs' for ")
        assert "(HTTP 503 Service Unavailable); 2 events wait; " in said[0]
        inbox.status = 200
        told(inbox, "a", "b")
        wait_until(lambda: remembered(store)["error"] == "")
        assert not [each for each in problems(read_health(Survey(redis), "here")) if "alerts" in each.code]

    def test_status_says_that_nobody_serves_one(self, store: Store, redis: redis_py.Redis) -> None:
        assert isinstance(store.take_alerts("forgotten", "token", 1), AlertPage)
        store.heartbeat("live", {"host": "h"}, 60, dispatcher=True)
        survey = Survey(redis)
        assert not [each for each in problems(read_health(survey, "here")) if "alerts" in each.code]
        redis.zincrby(store.keys.alert_receivers, -3600, "forgotten")
        (problem,) = [each for each in problems(read_health(survey, "here")) if "alerts" in each.code]
        assert "no dispatcher has sent alerts to 'forgotten' for 1h" in str(problem)
        assert problem.command == "rqscheduler alert forget forgotten"


class TestOneAtATime:
    def test_two_dispatchers_send_one_message(self, store: Store, inbox: Inbox, alerting: Start) -> None:
        alerting(receiver(inbox))
        alerting(receiver(inbox))
        for number in range(20):
            happen(store, "overdue", f"s{number}")
        told(inbox, *(f"s{number}" for number in range(20)))
        assert len(inbox.posts) == len({post.id for post in inbox.posts})

    def test_the_other_goes_on_when_the_first_leaves(self, store: Store, inbox: Inbox, alerting: Start) -> None:
        first = alerting(receiver(inbox))
        holder = remembered(store)["holder"]
        alerting(receiver(inbox))
        happen(store, "overdue", "a")
        told(inbox, "a")
        wait_until(lambda: remembered(store).get("memory"))
        first.stop()
        wait_until(lambda: remembered(store)["holder"] not in ("", holder))
        happen(store, "overdue", "b")
        told(inbox, "a", "b")

    def test_what_arrives_as_a_dispatcher_leaves_is_not_sent_again(
        self, store: Store, inbox: Inbox, alerting: Start, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(sender, "LAST_WAIT", PATIENCE)
        inbox.hang()
        first = alerting(receiver(inbox, timeout=120))
        happen(store, "overdue", "a")
        wait_until(lambda: inbox.posts)
        first.stop()
        inbox.go_on()
        wait_until(lambda: remembered(store)["holder"] == "")
        alerting(receiver(inbox))
        happen(store, "overdue", "b")
        told(inbox, "a", "b")

    def test_who_has_lost_the_receiver_sends_no_more(self, store: Store, inbox: Inbox, alerting: Start) -> None:
        inbox.status = 500
        alerting(receiver(inbox))
        happen(store, "overdue", "a")
        wait_until(lambda: len(inbox.posts) > 2)
        key, held = store.keys.alert_receiver("programs"), str(2**53)
        store.connection.hset(key, mapping={"holder": "another", "leased_until": held})
        wait_until(lambda: not any(each.name.startswith("alert to") for each in threading.enumerate()))
        before, fields = len(inbox.posts), remembered(store)
        inbox.status = 200
        asked = store.connection.info("commandstats")["cmdstat_evalsha"]["calls"]
        wait_until(lambda: store.connection.info("commandstats")["cmdstat_evalsha"]["calls"] > asked + 5)
        assert len(inbox.posts) <= before + 1, "one may have been on its way"
        assert remembered(store) == fields
        store.connection.hset(key, "leased_until", "0")
        wait_until(lambda: ids_of(*inbox.taken)[-1:] == ["a"])
        assert len({post.id for post in inbox.posts}) == 1

    def test_the_lease(self, store: Store) -> None:
        first = store.take_alerts("r", "one", 60)
        assert isinstance(first, AlertPage)
        held = store.take_alerts("r", "two", 60)
        assert isinstance(held, Held)
        assert 0 < held.seconds <= 60
        assert isinstance(store.take_alerts("r", "one", 60, first.remembered["place"]), AlertPage)
        assert store.note_alerts("r", "one", error="x")
        assert not store.note_alerts("r", "two", error="y")
        store.connection.hset(store.keys.alert_receiver("r"), "leased_until", "0")
        assert store.take_alerts("r", "two", 60, "1-0") is None, "it never had it"
        second = store.take_alerts("r", "two", 60)
        assert isinstance(second, AlertPage)
        assert second.remembered["error"] == "x"
        assert isinstance(store.take_alerts("r", "one", 60, "1-0"), Held)
        assert not store.note_alerts("r", "one", error="")
        assert 0 < store.connection.ttl(store.keys.alert_receiver("r")) <= 7 * 86_400


class TestWhatIsLost:
    def test_a_place_that_was_trimmed_away_is_told(
        self, store: Store, redis: redis_py.Redis, inbox: Inbox, alerting: Start
    ) -> None:
        happen(store, "overdue", "told")
        alerting(receiver(inbox)).stop()
        happen(store, "overdue", "a", "b", "c", "d")
        redis.xtrim(store.keys.events, maxlen=1, approximate=False)
        alerting(receiver(inbox))
        (post,) = told(inbox, "d")
        (lost,) = post.data["lost"]
        if int(redis.info("server")["redis_version"].partition(".")[0]) >= 7:
            assert lost["count"] == 3
            assert "3 events are lost, " in post.data["text"]
        else:
            assert lost["count"] is None
        happen(store, "overdue", "e")
        assert told(inbox, "d", "e")[-1].data["lost"] == []

    def test_where_the_server_does_not_count_it_may_be_lost(
        self, store: Store, redis: redis_py.Redis, inbox: Inbox, alerting: Start
    ) -> None:
        happen(store, "overdue", "begin")
        alerting(receiver(inbox)).stop()
        redis.hset(store.keys.alert_receiver("programs"), "position", "")
        happen(store, "overdue", "a", "b")
        redis.xtrim(store.keys.events, maxlen=1, approximate=False)
        alerting(receiver(inbox))
        (post,) = told(inbox, "b")
        assert post.data["lost"][0]["count"] is None
        assert "may be lost" in post.data["text"]
        assert post.data["title"] == "1 event: overdue 1; some were lost"


def test_a_redis_that_was_restarted(own_server: EmbeddedRedis, inbox: Inbox, alerting: Start) -> None:
    with redis_py.Redis.from_url(own_server.url) as client:
        store = Store(client)
        inbox.status = 500
        alerting(receiver(inbox), on=store)
        happen(store, "overdue", "a")
        wait_until(lambda: inbox.posts)
        own_server.kill()
        inbox.status = 200
        own_server.restart()
        happen(store, "overdue", "b")
        told(inbox, "a", "b")


def test_a_redis_that_has_lost_its_data(redis: redis_py.Redis, store: Store, inbox: Inbox, alerting: Start) -> None:
    inbox.status = 500
    alerting(receiver(inbox))
    happen(store, "overdue", "a")
    wait_until(lambda: len(inbox.posts) > 1)
    redis.flushall()
    happen(store, "overdue", "b")
    inbox.status = 200
    told(inbox, "a", "b")


def test_a_redis_that_loses_its_data_between_a_look_and_a_note(redis: redis_py.Redis, store: Store) -> None:
    store.note_event("overdue", "a")
    page = store.take_alerts("programs", "token", 15)
    assert isinstance(page, AlertPage)
    redis.flushall()
    assert store.note_alerts("programs", "token", error="HTTP 500")
    assert redis.ttl(store.keys.alert_receiver("programs")) > 60
    place = page.remembered["place"]
    # In the same millisecond, a stream that is new would give the event the place of the one that was lost.
    wait_until(lambda: now_us(redis) // 1000 > int(place.partition("-")[0]))
    store.note_event("overdue", "b")
    page = store.take_alerts("programs", "token", 15, place)
    assert isinstance(page, AlertPage)
    assert [entry.fields["id"] for entry in page.entries] == ["b"]


def test_a_message_that_is_always_refused_ends_when_the_receiver_is_forgotten(
    redis: redis_py.Redis, store: Store, inbox: Inbox, alerting: Start
) -> None:
    inbox.status = 500
    alerting(receiver(inbox))
    happen(store, "overdue", "a")
    wait_until(lambda: remembered(store).get("error"))
    assert store.forget_alert_receiver("programs")
    assert 0 < redis.ttl(store.keys.alert_receiver("programs")) <= 60
    wait_until(lambda: remembered(store).get("holder"))
    inbox.status = 200
    happen(store, "overdue", "b")
    told(inbox, "b")


def test_a_key_of_a_wrong_type_is_said_and_waited_for(
    store: Store, redis: redis_py.Redis, inbox: Inbox, alerting: Start, caplog: Any
) -> None:
    redis.set(store.keys.alert_receiver("programs"), "x")
    alerting(receiver(inbox), wait=False)
    wait_until(lambda: "since Redis refuses them" in caplog.text)
    redis.delete(store.keys.alert_receiver("programs"))
    wait_until(lambda: remembered(store).get("holder"))
    happen(store, "overdue", "a")
    told(inbox, "a")


def test_alerts_belong_to_one_dispatcher(store: Store, inbox: Inbox, alerting: Start) -> None:
    alerts = alerting(receiver(inbox))
    with pytest.raises(InvalidArgument, match="make them once for each"):
        alerts.start(store)


def test_a_burst_has_none(redis: redis_py.Redis, inbox: Inbox) -> None:
    with pytest.raises(InvalidArgument, match="leave it out with burst=True"):
        Scheduler(connection=redis).run(burst=True, alerts=Alerts([receiver(inbox)]))


def test_errors_of_a_receiver_show_no_secret() -> None:
    from rq_scheduler.alerts.receivers import words_of

    assert words_of(ValueError("see https://h/x?y=z now"), ()) == "ValueError: see *** now"
    assert words_of(NotDelivered(f"bad {SECRET}"), [SECRET]) == "bad ***"
    assert words_of(KeyError(), ()) == "KeyError"
    assert len(words_of(ValueError("x" * 1000), ())) == 200


def test_secrets_of_an_address() -> None:
    found = set(secrets_of("slack://bot@T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ?key=k%2F1234&to=team"))
    assert {"T1JJ3T3L2", "A1BRTD4JD", "TIiajkdnlazkcOXrIdevi7FQ"} <= found
    assert not found & {"general", "team", "bot", ""}
    assert {"pass", "token-1", "k/1234"} <= set(secrets_of("json://me:pass@example.com/hooks/token-1?key=k%2F1234"))
    assert not {"example.com", "hooks"} & set(secrets_of("https://example.com/hooks"))
    assert list(secrets_of("http://[x/token")) == ["http://[x/token"]


@pytest.mark.parametrize(
    "given",
    [f'[receivers.x]\nsecret = "{SECRET}"', SECRET, f'secret = "{SECRET}" ' + " " * 200],
    ids=["file", "secret", "long"],
)
def test_what_was_given_in_place_of_a_name_is_not_shown(given: str) -> None:
    with pytest.raises(InvalidArgument) as refused:
        load_alerts(given, environment={})
    assert SECRET.removeprefix("whsec_")[:10] not in str(refused.value)


def test_a_home_of_nobody() -> None:
    with pytest.raises(InvalidArgument, match="there is nobody of whom ~nobody-here/x"):
        load_alerts("~nobody-here/x", environment={})
