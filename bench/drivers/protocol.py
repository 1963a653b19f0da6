"""How the benchmark talks to a target: a line of JSON in, a line of JSON out. Runs in every peer's environment, so it
needs the standard library only."""

import gc
import json
import os
import sys
import time


def serve(**commands):
    """Answer commands until standard input ends. What the libraries print or log goes to standard error."""
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    print(json.dumps({"versions": versions()}), file=answers)
    for line in sys.stdin:
        asked = json.loads(line)
        gc.collect()
        cpu, began = time.process_time(), time.monotonic()
        result = commands[asked["do"]](**asked["with"])
        ended = time.monotonic()
        answer = {"began": began, "ended": ended, "cpu": time.process_time() - cpu, "result": result}
        print(json.dumps(answer), file=answers)


def connection():
    """The server under test, as an application would connect to it."""
    import redis

    return redis.Redis.from_url(os.environ["BENCH_URL"])


def versions():
    """What this target runs with."""
    from importlib.metadata import PackageNotFoundError, version

    found = {}
    for package in ("rq-scheduler", "rq-rediscron", "rq", "redis", "hiredis"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found
