"""With very many pending: listing, memory, and whether a hand-off costs more."""

from __future__ import annotations

import time

from bench.harness import Harness, Place
from bench.sampling import Figure, Sample
from bench.server import Server
from bench.table import Line, Wanted
from bench.targets import OURS, PEER

PAGE = 100
DAY = 86_400


def measure(harness: Harness) -> list[Line]:
    many, few, due = harness.size(1_000_000, 50_000), harness.size(10_000, 5_000), harness.size(10_000, 5_000)
    before = harness.server.memory()
    _give_pending(harness.server, many)
    _give_pending(harness.place("few").server, few)
    size = (harness.server.memory() - before) / many
    lines = [Line("memory of Redis, per pending one-off", OURS, Figure([size]), " bytes"), *_listing(harness, many)]
    lines.append(_dispatcher_memory(harness, many))
    lines += _hand_off(harness, many, few, due)
    return lines


def _give_pending(server: Server, number: int) -> None:
    tomorrow = time.time() + DAY
    server.give_jobs([tomorrow + n / 1_000 for n in range(number)], name="aaaaaaaa")


def _listing(harness: Harness, many: int) -> list[Line]:
    title = f"first {PAGE} of {many:,} entries"
    pages: dict[str, list[float]] = {OURS: [], PEER: []}
    for number in range(harness.rounds + 1):
        for who, times in pages.items():
            answer = harness[who].do("first_page", length=PAGE)
            expect(answer.result, PAGE)
            if number:
                times.append(answer.seconds * 1000)
    ours, theirs = (Figure(times) for times in pages.values())
    return [
        Line(title, OURS, ours, " ms", wanted=Wanted(20, at_most=True, unit=" ms"), judged=ours.median),
        Line(title, PEER, theirs, " ms", ratio=theirs.median / ours.median),
    ]


def expect(found: int, wanted: int) -> None:
    if found != wanted:
        raise SystemExit(f"{found} entries were listed, not {wanted}")


def _dispatcher_memory(harness: Harness, many: int) -> Line:
    with harness.place().dispatchers(OURS) as (dispatcher,):
        time.sleep(harness.size(6, 2))
        return Line(f"memory of a dispatcher, {many:,} pending", OURS, Figure([dispatcher.megabytes()]), " MB")


def _hand_off(harness: Harness, many: int, few: int, due: int) -> list[Line]:
    def draining(place: Place) -> Sample:
        server = place.server
        server.connection.delete("rq:queue:default")
        server.give_jobs([time.time() - 1] * due)
        server.forget_scripts_run()
        before = server.cpu()
        answer = place[OURS].do("drain")
        server.expect(due)
        place.note_scripts(OURS)
        return Sample(due, answer.seconds, server.cpu() - before, answer.cpu)

    at_few, at_many = f"{few:,} pending", f"{many:,} pending"
    series = harness.interleave(
        {
            at_few: lambda: draining(harness.place("few")),
            at_many: lambda: draining(harness.place()),
        },
        harness.size(5, 2),
    )
    small, large = series[at_few], series[at_many]
    title = f"{due:,} one-offs handed off beside"
    return [
        Line(f"{title} {at_few}", OURS, small.rate, "/s", small.redis, small.total),
        Line(
            f"{title} {at_many}: cost", OURS, large.rate, "/s", large.redis, large.total,
            small.rate.median / large.rate.median, large.redis.median / small.redis.median,
            large.total.median / small.total.median, Wanted(1.3, at_most=True),
        ),
    ]  # fmt: skip
