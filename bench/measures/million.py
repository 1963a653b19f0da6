"""With very many pending: listing, memory, and whether a hand-off costs more."""

from __future__ import annotations

import time

from bench.sampling import Figure, Sample, interleave
from bench.server import Server
from bench.stage import Stage
from bench.subjects import OURS, PEER, Subjects
from bench.table import Line, Wanted

PAGE = 100
DAY = 86_400


def measure(stage: Stage) -> list[Line]:
    many, few, due = stage.size(1_000_000, 50_000), stage.size(10_000, 5_000), stage.size(10_000, 5_000)
    lines = _per_schedule(stage)
    before = stage.server.memory()
    _give_pending(stage.server, many)
    _give_pending(stage.small, few)
    size = (stage.server.memory() - before) / many
    lines.append(Line("memory of Redis, per pending one-off", OURS, Figure([size]), " bytes"))
    lines += _listing(stage, many)
    lines.append(_dispatcher_memory(stage, many))
    lines += _hand_off(stage, many, few, due)
    return lines


def _give_pending(server: Server, number: int) -> None:
    tomorrow = time.time() + DAY
    server.give_jobs([tomorrow + n / 1_000 for n in range(number)], name="aaaaaaaa")


def _per_schedule(stage: Stage) -> list[Line]:
    number = stage.size(2_000, 500)
    stage.server.empty()
    before = stage.server.memory()
    stage[OURS].do("sync", calls=number)
    size = (stage.server.memory() - before) / number
    stage.server.empty()
    return [Line("memory of Redis, per schedule", OURS, Figure([size]), " bytes")]


def _listing(stage: Stage, many: int) -> list[Line]:
    title = f"first {PAGE} of {many:,} entries"
    pages: dict[str, list[float]] = {OURS: [], PEER: []}
    for number in range(stage.rounds + 1):
        for who, times in pages.items():
            answer = stage[who].do("first_page", length=PAGE)
            expect(answer.result, PAGE)
            if number:
                times.append(answer.seconds * 1000)
    ours, theirs = (Figure(times) for times in pages.values())
    everything = stage[OURS].do("every_page")
    expect(everything.result, many)
    return [
        Line(title, OURS, ours, " ms", wanted=Wanted(20, at_most=True, unit=" ms"), judged=ours.median),
        Line(title, PEER, theirs, " ms", ratio=theirs.median / ours.median),
        Line(f"all of {many:,} entries", OURS, Figure([everything.seconds]), " s"),
    ]


def expect(found: int, wanted: int) -> None:
    if found != wanted:
        raise SystemExit(f"{found} entries were listed, not {wanted}")


def _dispatcher_memory(stage: Stage, many: int) -> Line:
    with stage.dispatcher() as dispatcher:
        time.sleep(stage.size(15, 2))
        return Line(f"memory of a dispatcher, {many:,} pending", OURS, Figure([dispatcher.megabytes()]), " MB")


def _hand_off(stage: Stage, many: int, few: int, due: int) -> list[Line]:
    def draining(server: Server, subjects: Subjects) -> Sample:
        server.connection.delete("rq:queue:default")
        server.give_jobs([time.time() - 1] * due)
        server.forget_scripts_run()
        before = server.cpu()
        answer = subjects[OURS].do("drain")
        server.expect(due)
        stage.note_scripts(OURS, server)
        return Sample(due, answer.seconds, server.cpu() - before, answer.cpu)

    at_few, at_many = f"{few:,} pending", f"{many:,} pending"
    series = interleave(
        stage.size(7, 3),
        {at_few: lambda: draining(stage.small, stage.beside), at_many: lambda: draining(stage.server, stage.subjects)},
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
