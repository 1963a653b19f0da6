"""The command line of the harness."""

import argparse
import random
import shutil
import signal
import sys
import tempfile
from pathlib import Path

from faults.chaos.run import Settings, run
from faults.injections import SABOTAGE
from servers import default_choice


def main() -> None:
    """Exit status 0 if nothing was lost, doubled, early, stuck or left behind, else 1."""
    parser = argparse.ArgumentParser(prog="python -m faults.chaos", description=main.__doc__)
    parser.add_argument("--minutes", type=float, default=10, help="of faults (10)")
    parser.add_argument("--seed", type=int, help="of the faults and the load; printed, a random one unless given")
    parser.add_argument("--one-offs", type=int, help="1,667 a minute unless given")
    parser.add_argument("--schedules", type=int, help="17 a minute, at least 50, unless given")
    parser.add_argument("--dispatchers", type=int, default=4)
    parser.add_argument("--server", default=default_choice(), help='"6.2", "8", "path" or a program file')
    parser.add_argument("--folder", type=Path, help="for logs and data; else a temporary one, kept if not clean")
    parser.add_argument("--drain", type=float, default=120, help="seconds for what is left when the faults are over")
    parser.add_argument("--sabotage", nargs="*", default=(), choices=SABOTAGE, help="see whether the harness notices")
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    folder = given.folder or Path(tempfile.mkdtemp(prefix="rq-scheduler-chaos-"))
    folder.mkdir(parents=True, exist_ok=True)
    settings = Settings(
        seed=random.randrange(1_000_000) if given.seed is None else given.seed,
        minutes=given.minutes,
        one_offs=round(50_000 * given.minutes / 30) if given.one_offs is None else given.one_offs,
        schedules=max(50, round(500 * given.minutes / 30)) if given.schedules is None else given.schedules,
        dispatchers=given.dispatchers,
        server=given.server,
        folder=folder,
        sabotage=tuple(given.sabotage),
        drain=given.drain,
    )
    keep = given.folder is not None
    try:
        clean = run(settings)
        keep = keep or not clean
    except (KeyboardInterrupt, SystemExit):
        print(f"interrupted: chaos SEED={settings.seed}", flush=True)
        raise
    except BaseException:
        keep = True
        raise
    finally:
        if not keep:
            shutil.rmtree(folder, ignore_errors=True)
    sys.exit(0 if clean else 1)
