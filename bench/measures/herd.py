"""The herd: cron schedules of 20 time zones, all due at the same second, served by a real dispatcher process."""

from __future__ import annotations

import time

from rq.utils import utcparse

from bench.sampling import Sample, interleave
from bench.server import DUE_SCHEDULES, INDEX
from bench.stage import Stage, whole_second
from bench.subjects import LIMIT, OURS, PEER
from bench.table import Line, Wanted, compared


def measure(stage: Stage) -> list[Line]:
    many, few = stage.size(100_000, 3_000), stage.size(2_000, 500)
    period = stage.size(30, 5)
    head_start = stage.size(6, 2)  # seconds in which a dispatcher has its first look at everything
    runs = 0

    def herd(who: str) -> Sample:
        nonlocal runs
        runs += 1
        nominal = (int(time.time() + head_start + stage.size(3, 1)) // period + 1) * period
        stage.server.arm(many, nominal)
        time.sleep(max(0.0, nominal - head_start - time.time()))
        if who == LIMIT:
            stage.server.forget_scripts_run()
            before = stage.server.cpu()
            answer = stage[LIMIT].do("fire_at", nominal=nominal, period=period, runs=runs)
            process = answer.cpu
        else:
            with stage.dispatcher() as dispatcher:
                time.sleep(max(0.0, nominal - 0.2 - time.time()))
                stage.server.forget_scripts_run()
                before, process = stage.server.cpu(), dispatcher.cpu()
                stage.server.wait_for(many, 60)
                process = dispatcher.cpu() - process
        redis = stage.server.cpu() - before
        stage.note_scripts(who)
        stage.server.expect(many, who)
        last = stage.server.connection.lindex("rq:queue:default", -1).decode()
        ended = utcparse(stage.server.connection.hget(f"rq:job:{last}", "enqueued_at").decode()).timestamp()
        return Sample(many, ended - nominal, redis, process)

    def peer() -> Sample:
        connection = stage.small.connection
        connection.flushall()
        stage.beside[PEER].do("cron", calls=few, strings=["*/5 * * * *", "0 9 * * 1-5", "30 2 1 * *"])
        connection.zadd(INDEX, dict.fromkeys(connection.zrange(INDEX, 0, -1), whole_second()))
        before = stage.small.cpu()
        answer = stage.beside[PEER].do("enqueue_jobs")
        return Sample(few, answer.seconds, stage.small.cpu() - before, answer.cpu)

    stage.server.empty()
    stage[OURS].do("sync_crons", calls=many, period=period)
    if stage.server.connection.zcard(DUE_SCHEDULES) != many:
        raise SystemExit("not all schedules of the herd have been put")
    series = interleave(stage.size(3, 1), {OURS: lambda: herd(OURS), LIMIT: lambda: herd(LIMIT), PEER: peer})
    return compared("a herd of cron schedules", OURS, series, {LIMIT: Wanted(0.6), PEER: Wanted(20)})
