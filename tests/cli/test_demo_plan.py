"""The demo's script: nothing falls due just before Redis is killed, and the slow job is idle then."""

import pytest

from rq_scheduler.cli.demo.plan import QUIET, SLOW_SECONDS, make_plan

pytestmark = pytest.mark.once


@pytest.mark.parametrize("seconds", [8.0, 10.0, 20.0, 33.0])
@pytest.mark.parametrize("seed", range(5))
def test_the_quiet_before_the_kill(seconds: float, seed: int) -> None:
    plan = make_plan(seconds, 200, seed)
    assert len(plan.ahead) + len(plan.live) == 200
    dues = [*plan.ahead, *(call + ahead for call, ahead in plan.live)]
    assert not [due for due in dues if plan.kill_redis - QUIET < due < plan.kill_redis]
    assert all(ahead > 0 for _, ahead in plan.live)
    assert (
        0 < plan.kill_dispatcher < plan.new_dispatcher < plan.kill_redis < plan.kill_redis + plan.redis_away < seconds
    )


@pytest.mark.parametrize("seconds", [8.0, 9.0, 10.0, 12.0, 20.0, 30.0])
def test_no_slow_run_is_going_when_redis_is_killed(seconds: float) -> None:
    plan = make_plan(seconds)
    slow = next(one for one in plan.recurring if one.id == "slow")
    busy_until, kill = 0.0, plan.kill_redis
    skipped = 0
    instant = slow.first
    while instant < kill:
        if instant < busy_until:
            skipped += 1
        else:
            busy_until = instant + SLOW_SECONDS
        instant += slow.interval
    assert busy_until < kill - 0.5
    assert skipped >= 1


def test_the_same_seed_gives_the_same_script() -> None:
    assert make_plan(seed=4) == make_plan(seed=4)
    assert make_plan(seed=4) != make_plan(seed=5)
