"""Charts, from data to SVG: where marks are, what they say, what is a link, and that nothing breaks out of them."""

import re
from datetime import UTC, date, datetime, timedelta
from xml.etree import ElementTree
from zoneinfo import ZoneInfo

import pytest

from rq_scheduler.web.pages.charts.axis import Axis, Band, axis_strip
from rq_scheduler.web.pages.charts.bars import outcome_bars, spark
from rq_scheduler.web.pages.charts.calendar import month_of
from rq_scheduler.web.pages.charts.histogram import Bar, histogram_plot
from rq_scheduler.web.pages.charts.history import Event, history_plot
from rq_scheduler.web.pages.charts.lanes import caption_strip, lane_strip
from rq_scheduler.web.pages.charts.marks import Mark

pytestmark = pytest.mark.once

NOW = datetime(2026, 11, 28, 22, 0, tzinfo=UTC)
AXIS = Axis(NOW - timedelta(hours=12), NOW + timedelta(hours=2), NOW, ZoneInfo("Europe/Paris"))
HOSTILE = '"><script>alert(1)</script>\u202e\u200b'


def parsed(svg: object) -> ElementTree.Element:
    return ElementTree.fromstring(str(svg))  # noqa: S314  our own


def of_class(name: str, svg: object) -> list[ElementTree.Element]:
    return [one for one in parsed(svg).iter() if one.attrib.get("class") == name]


def mark(kind: str = "ok", ago: float = 1, lasts: float = 0.5, **changes: object) -> Mark:
    begins = NOW - timedelta(hours=ago)
    given = {"due": begins, "begins": begins, "ends": begins + timedelta(hours=lasts), "words": f"{kind} run"}
    return Mark(kind, **{**given, **changes})  # pyright: ignore[reportArgumentType]


class TestAxis:
    def test_a_moment_has_its_place_and_what_is_beyond_is_at_the_end(self) -> None:
        assert AXIS.share(AXIS.since) == 0
        assert AXIS.share(NOW) == pytest.approx(12 / 14)
        assert AXIS.share(NOW + timedelta(days=2)) == 1
        assert AXIS.x(NOW) == "85.71%"

    def test_ticks_are_round_by_the_clock_of_the_zone(self) -> None:
        words = [words for _, words, _ in AXIS.ticks]
        assert words[0] == "12:00"
        assert "Sun 29" in words, "midnight in Paris is 23:00 UTC"

    def test_ticks_stay_round_when_the_clocks_change(self) -> None:
        back = datetime(2026, 10, 25, 6, tzinfo=UTC)
        axis = Axis(back - timedelta(hours=10), back + timedelta(hours=2), back, ZoneInfo("Europe/Paris"))
        words = [words for _, words, _ in axis.ticks]
        assert words == ["23:00", "Sun 25", *(f"{hour:02d}:00" for hour in range(1, 10))]

    def test_a_year_has_as_few_ticks_as_an_hour(self) -> None:
        for minutes in (10, 50, 300, 2_880, 14_400):
            span = timedelta(minutes=minutes)
            axis = Axis(NOW - span, NOW + span / 5, NOW, UTC)
            assert 1 <= len(list(axis.ticks)) <= 15

    def test_the_head_names_bands(self) -> None:
        band = Band(NOW - timedelta(hours=8), NOW - timedelta(hours=7), "Redis")
        axis = Axis(AXIS.since, AXIS.until, NOW, UTC, [band])
        assert "Redis" in "".join(parsed(axis_strip(axis, "Times")).itertext())

    def test_the_name_of_a_band_gives_way_to_now(self) -> None:
        axis = Axis(AXIS.since, AXIS.until, NOW, UTC, [Band(NOW - timedelta(minutes=9), NOW, "no dispatcher")])
        (name,) = [one for one in parsed(axis_strip(axis, "")).iter() if one.text == "no dispatcher"]
        assert "end" in name.attrib["class"].split()
        assert float(name.attrib["x"].rstrip("%")) < 100 * axis.share(NOW) - 2


class TestLanes:
    def test_only_what_needs_explaining_is_a_link(self) -> None:
        marks = [mark("ok", href="/ok"), mark("failed", href="/failed"), mark("skipped", href="/skipped")]
        links = [one.attrib["href"] for one in parsed(lane_strip(AXIS, "x", marks)).iter("a")]
        assert links == ["/failed", "/skipped"]

    def test_a_bar_is_as_long_as_its_run(self) -> None:
        (bar,) = of_class("r ok", lane_strip(AXIS, "x", [mark(lasts=0.7)]))
        assert bar.attrib["width"] == "5.00%"

    def test_a_short_run_is_seen(self) -> None:
        (bar,) = of_class("r ok", lane_strip(AXIS, "x", [mark(lasts=0)]))
        assert bar.attrib["width"] == "3"

    def test_the_line_of_a_late_one_begins_where_it_was_due(self) -> None:
        late = mark("late", due=NOW - timedelta(hours=2), late=3600.0)
        (tail,) = [one for one in parsed(lane_strip(AXIS, "x", [late])).iter("line") if one.attrib["class"] == "tail"]
        assert (tail.attrib["x1"], tail.attrib["x2"]) == (AXIS.x(late.due), AXIS.x(late.begins))

    def test_what_is_not_on_the_axis_is_left_out(self) -> None:
        assert "ok run" not in str(lane_strip(AXIS, "x", [mark(ago=14)]))

    def test_a_dense_schedule_is_one_line(self) -> None:
        coming = [(NOW + timedelta(seconds=each), f"due {each}") for each in range(1, 62)]
        svg = parsed(lane_strip(AXIS, "x", [], coming))
        assert len([one for one in svg.iter("line") if one.attrib["class"] == "dense"]) == 1
        assert not list(svg.iter("circle"))
        assert len(list(parsed(lane_strip(AXIS, "x", [], coming[:3])).iter("circle"))) == 3

    def test_nothing_breaks_out(self) -> None:
        marks = [mark("failed", words=HOSTILE, href=HOSTILE)]
        svg = lane_strip(AXIS, HOSTILE, marks, [(NOW, HOSTILE)], [(NOW, HOSTILE, "#")])
        parsed(svg)
        assert "<script" not in str(svg)
        assert "\u202e" not in str(svg)
        assert "\\u202e" in str(svg)
        parsed(caption_strip(AXIS))


class TestBars:
    def test_the_newest_is_on_the_right(self) -> None:
        kinds = [one.attrib["class"] for one in parsed(outcome_bars("..f", "x")).iter("rect")]
        assert kinds == ["b none"] * 17 + ["b ok"] * 2 + ["b failed"]

    def test_failed_is_tall_and_what_did_not_run_is_hollow(self) -> None:
        ok, failed, missed = list(parsed(outcome_bars(".fm", "x")).iter("rect"))[-3:]
        assert int(failed.attrib["height"]) > int(ok.attrib["height"])
        assert missed.attrib["class"] == "b missed"

    def test_letters_of_a_newer_version_are_drawn(self) -> None:
        assert len(list(parsed(outcome_bars("?" * 30, "x")).iter("rect"))) == 20

    def test_a_line_has_gaps_where_nothing_was(self) -> None:
        (path,) = parsed(spark([[1.0, None, 2.0, 4.0]], ["p50"], "x")).iter("path")
        assert len(re.findall("M", path.attrib["d"])) == 2

    def test_no_value_at_all(self) -> None:
        parsed(spark([[None, None]], ["p50"], "x"))


class TestHistory:
    def test_each_run_has_its_bar_and_its_dot(self) -> None:
        marks = [mark(took=60.0 * each, late=0.002) for each in range(1, 6)]
        svg = parsed(history_plot(marks, ["1 Nov"] * 5, "x"))
        assert len(list(svg.iter("rect"))) == 5
        assert len(list(svg.iter("circle"))) == 5

    def test_the_longest_is_the_tallest(self) -> None:
        heights = [
            float(one.attrib["height"])
            for one in parsed(history_plot([mark(took=1.0), mark(took=3.0)], ["", ""], "x")).iter("rect")
        ]
        assert heights[1] == pytest.approx(3 * heights[0], rel=0.05)

    def test_events_stand_between_runs(self) -> None:
        events = [Event(1, "clocks", "clocks back"), Event(2, "change", "v2")]
        svg = history_plot([mark(took=1.0)] * 3, [""] * 3, "x", events)
        assert "clocks back" in "".join(parsed(svg).itertext())
        assert "#m-chg" in str(svg)

    def test_none(self) -> None:
        assert str(history_plot([], [], "x")) == ""

    @pytest.mark.parametrize("took", [0.0, 1e-6, 0.5, 59.0, 1e5, 1e8])
    def test_any_length_has_room(self, took: float) -> None:
        for one in parsed(history_plot([mark(took=took)], [""], "x")).iter("rect"):
            assert 0 <= float(one.attrib["y"]) <= 186


class TestHistogram:
    def test_bars_are_links_and_empty_ones_none(self) -> None:
        svg = parsed(histogram_plot([Bar(3, "3 jobs", "/jobs?a=1"), Bar(0, "none", "/"), Bar(6, "6 jobs", "/b")], "x"))
        links = list(svg.iter("a"))
        assert [one.attrib["href"] for one in links] == ["/jobs?a=1", "/b"]
        first, second = (float(next(one.iter("rect")).attrib["height"]) for one in links)
        assert second == pytest.approx(2 * first, rel=0.01)

    def test_nothing_is_no_chart(self) -> None:
        assert not histogram_plot([Bar(0, "none", "/")] * 96, "x")

    @pytest.mark.parametrize("most", [1, 7, 31_840, 10**9])
    def test_any_number_has_room(self, most: int) -> None:
        (bar,) = parsed(histogram_plot([Bar(most, "", "/")], "x")).iter("rect")
        assert 14 <= float(bar.attrib["y"]) < 92


class TestCalendar:
    def test_a_day_shows_its_worst_run(self) -> None:
        day = date(2026, 11, 13)
        month = month_of(date(2026, 11, 1), day, {day: [("ok", "a ok"), ("failed", "b failed")]}, {}, {})
        (found,) = [one for week in month.weeks for one in week if one.number == 13]
        assert (found.kind, found.today) == ("failed", True)
        assert found.words == "13 November: a ok; b failed"

    def test_weeks_begin_on_monday_and_days_of_other_months_are_none(self) -> None:
        month = month_of(date(2026, 11, 1), date(2026, 11, 5), {}, {date(2026, 11, 11): "day off"}, {})
        assert [day.number for day in month.weeks[0]] == [None] * 6 + [1]
        assert [day.number for week in month.weeks for day in week if day.off] == [11]
