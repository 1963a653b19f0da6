"""Edit: the form holds what is stored, whole, and of the version that it began with; what it does not change, stays."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import redis as redis_py
from starlette.testclient import TestClient

from rq_scheduler import AnyOf, At, Cron, Every, RRule, Schedule, Scheduler
from web.conftest import MODULE, REPORT
from web.pages.filled_in import form_of
from web.pages.test_forms import send
from web.pages.test_pages import text_of

pytestmark = pytest.mark.once

CALLED = f"{MODULE}.anything"
DAILY = Cron("0 3 * * *", "Europe/Paris")
RULE = "DTSTART:20260101T090000\nRRULE:FREQ=DAILY;COUNT=2000\nEXDATE:20261201T090000"
EDIT, PAGE = "/schedules/daily/edit", "/schedules/daily"


def save(pages: TestClient, **changes: str) -> str:
    """The form, with these changes only; what it says that it did."""
    return send(pages, EDIT, PAGE, **{**form_of(pages, EDIT), **changes, "do": "save"})


class TestWholeAndAsItIs:
    @pytest.mark.parametrize(
        ("trigger", "options"),
        [
            (DAILY, {"tags": tuple(f"tag{number:02}{'z' * 60}" for number in range(60))}),
            (DAILY, {"args": ("y" * 3_000,), "kwargs": {"x": "y" * 3_000}}),
            (DAILY, {"args": ("a\u00a0b", "\U000e0041", "a\nb\u2028c\x00"), "kwargs": {"a\u200bb": "\u202e"}}),
            (DAILY, {"args": (2**70, 0.1, True, None, {"a": [1, {"b": []}]})}),
            (DAILY, {"tags": ("a, b", "c")}),
            (RRule(RULE, "Europe/Paris"), {}),
            (RRule("FREQ=DAILY;BYHOUR=2", "Europe/Paris"), {}),
            (AnyOf(Cron("0 1 * * *"), Every("5h")), {}),
            (Every("90s"), {"start": datetime(2030, 1, 1, 0, 0, 0, 123456, tzinfo=UTC)}),
            (At(datetime(2030, 1, 1, 0, 0, 0, 123456, tzinfo=UTC)), {}),
        ],
    )
    def test_a_form_that_is_not_touched_changes_nothing(
        self, pages: TestClient, scheduler: Scheduler, trigger: Any, options: dict[str, Any]
    ) -> None:
        scheduler.schedules.put("daily", trigger, CALLED, **options)
        before = scheduler.schedules["daily"].definition
        assert "hold can be written in no form" not in pages.get(EDIT).text
        assert save(pages) == "Nothing is changed: daily is as it was."
        assert save(pages, pause_on_failures="3").startswith("daily is changed: pause_on_failures.")
        after = scheduler.schedules["daily"].definition
        assert (after.args, after.kwargs, after.tags) == (before.args, before.kwargs, before.tags)
        assert (after.trigger, after.start) == (before.trigger, before.start)

    @pytest.mark.parametrize(
        ("args", "kwargs"),
        [((b"x", 1), {"a": 1}), (({1, 2},), {}), (((1, 2), "x"), {}), ((float("inf"),), {}), (("\ud800",), {})],
    )
    def test_what_no_text_says_is_kept(
        self, pages: TestClient, scheduler: Scheduler, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> None:
        scheduler.schedules.put("daily", DAILY, CALLED, args=args, kwargs=kwargs)
        assert "Arguments: what they hold can be written in no form" in text_of(pages.get(EDIT).text)
        assert "args" not in form_of(pages, EDIT)
        save(pages, tags="a", args="[1]")
        found = scheduler.schedules["daily"].definition
        assert (found.args, found.kwargs, found.tags) == (args, kwargs, ("a",))

    def test_keys_that_are_no_text_are_kept(self, pages: TestClient, scheduler: Scheduler) -> None:
        scheduler.schedules.put("daily", DAILY, CALLED, kwargs={"m": {1: "one"}})
        save(pages, tags="a", args="[1]")
        found = scheduler.schedules["daily"].definition
        assert (found.args, found.kwargs) == ((1,), {"m": {1: "one"}})

    def test_a_rule_of_several_lines_can_be_changed(self, pages: TestClient, scheduler: Scheduler) -> None:
        scheduler.schedules.put("daily", RRule(RULE, "Europe/Paris"), REPORT)
        save(pages, when=RULE.replace("DAILY", "WEEKLY").replace("\n", "\r\n"))
        trigger = scheduler.schedules["daily"].trigger
        assert isinstance(trigger, RRule)
        assert trigger.text == RULE.replace("DAILY", "WEEKLY")

    def test_keywords_are_those_of_the_form(self, pages: TestClient, scheduler: Scheduler) -> None:
        scheduler.schedules.put("daily", DAILY, CALLED, kwargs={"a": {"x": 1, "y": 2}, "b": 2})
        for text, value in (
            ('{"a": {"x": 1}, "b": 2}', {"a": {"x": 1}, "b": 2}),
            ('{"a": null}', {"a": None}),
            ("", {}),
        ):
            save(pages, kwargs=text)
            assert (scheduler.schedules["daily"].definition.kwargs or {}) == value

    @pytest.mark.parametrize("path", [EDIT, "/new"])
    @pytest.mark.parametrize("do", ["save", "preview"])
    @pytest.mark.parametrize(
        ("name", "text"),
        [
            ("exclude", '[{"type": "dates", "days": ["\\ud800"]}]'),
            *(("exclude", '"\\ud800"'), ("args", '["\\ud800"]'), ("args", "[NaN]"), ("kwargs", '{"a": 1e400}')),
            *(("args", "[" * 900 + "]" * 900), ("tags", "[1"), ("kwargs", "[" * 5_000)),
        ],
    )
    def test_what_is_no_json_is_said(
        self, pages: TestClient, scheduler: Scheduler, path: str, do: str, name: str, text: str
    ) -> None:
        scheduler.schedules.put("daily", DAILY, REPORT)
        form = {"when_kind": "cron", "when": "0 3 * * *", "version": "1", "new_id": "x", "func": REPORT, "do": do}
        answer = pages.post(path, data={**form, name: text})
        assert answer.status_code == (422 if do == "save" else 200)
        assert f"{name.capitalize()}=" in answer.text or f"{name}=" in answer.text
        assert scheduler.schedules["daily"].version == 1


class TestAChangeOfSomebodyElse:
    def test_is_not_undone_by_a_preview_and_a_save(self, pages: TestClient, scheduler: Scheduler) -> None:
        scheduler.schedules.put("daily", DAILY, REPORT)
        form = form_of(pages, EDIT)
        Scheduler(connection=scheduler.connection, actor="anna").schedules.update("daily", trigger=Cron("0 5 * * *"))
        for do in ("preview", "save", "save"):
            answer = pages.post(EDIT, data={**form, "tags": "mine", "do": do})
            assert answer.status_code == (200 if do == "preview" else 422)
            said = text_of(answer.text)
            assert "Somebody has changed it since you began: it was at version 1, and is at 2" in said
            assert "by anna" in said
            assert "0 5 * * *" in said
            assert f'<a href="{EDIT}">read it anew</a>' in answer.text
            assert 'name="version" value="1"' in answer.text
            assert 'value="mine"' in answer.text, "what was typed stays"
        stored = scheduler.schedules["daily"]
        assert (stored.trigger, stored.version, stored.tags) == (Cron("0 5 * * *"), 2, ())
        assert save(pages, tags="mine").startswith("daily is changed: tags.")
        assert scheduler.schedules["daily"].trigger == Cron("0 5 * * *")

    def test_a_form_without_a_version_saves_nothing(self, pages: TestClient, scheduler: Scheduler) -> None:
        scheduler.schedules.put("daily", DAILY, REPORT)
        answer = pages.post(EDIT, data={"do": "save", "tags": "x"})
        assert answer.status_code == 400
        assert scheduler.schedules["daily"].version == 1

    def test_one_that_was_deleted_and_made_anew_is_another(self, pages: TestClient, scheduler: Scheduler) -> None:
        scheduler.schedules.put("daily", DAILY, REPORT)
        form = form_of(pages, EDIT)
        scheduler.schedules.delete("daily")
        scheduler.schedules.put("daily", Cron("0 5 * * *"), REPORT)
        pages.post(EDIT, data={**form, "tags": "mine", "do": "save"})
        assert scheduler.schedules["daily"].trigger == Cron("0 5 * * *")


class TestPreview:
    def rows(self, html: str) -> tuple[int, int, int]:
        """New, dropped, all."""
        return html.count('class="adds"'), html.count('class="drops"'), len(re.findall(r'<tr class="\w*"><td', html))

    def test_runs_that_were_made_count(self, pages: TestClient, scheduler: Scheduler, redis: redis_py.Redis) -> None:
        scheduler.schedules.put(Schedule("daily", DAILY, REPORT, max_runs=12))
        redis.hset("rq:scheduler:schedule:daily", "runs", 9)
        assert len(scheduler.schedules["daily"].upcoming(20)) == 3
        assert self.rows(pages.get(EDIT).text) == (0, 0, 3)
        more = pages.post(EDIT, data={**form_of(pages, EDIT), "max_runs": "14", "do": "preview"}).text
        assert self.rows(more) == (2, 0, 5)
        none = pages.post(EDIT, data={**form_of(pages, EDIT), "max_runs": "9", "do": "preview"}).text
        assert self.rows(none) == (0, 3, 3)

    def test_what_does_not_say_when_changes_no_instant(self, pages: TestClient, scheduler: Scheduler) -> None:
        scheduler.schedules.put("daily", Every("7m"), REPORT)
        assert self.rows(pages.get(EDIT).text) == (0, 0, 10)
        html = pages.post(EDIT, data={**form_of(pages, EDIT), "tags": "x", "do": "preview"}).text
        assert self.rows(html) == (0, 0, 10)
        assert "Changed: tags" in html

    def test_of_one_that_is_paused_says_so(self, pages: TestClient, scheduler: Scheduler) -> None:
        scheduler.schedules.put("daily", Every("1h"), REPORT)
        scheduler.schedules.pause("daily")
        assert "It is paused: it has none of these until somebody resumes it." in text_of(pages.get(EDIT).text)
        scheduler.schedules.pause("daily", until=timedelta(days=2))
        said = text_of(pages.get(EDIT).text)
        assert "It is paused until" in said
        assert "in 1 day" not in said.partition("Preview")[2].partition("Beside others")[0]
