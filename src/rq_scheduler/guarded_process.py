"""A child process that does not outlive the process that started it. POSIX only: it leans on ``/bin/sh``."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

__all__ = ["GuardedProcess"]

# The guard reads a process id, then waits for the end of the pipe: it comes when every holder of the other end, the
# parent alone, is gone, however it went. A parent-death signal (prctl) would be Linux only, and follows the thread
# that forked, not the process.
_GUARD = """
IFS= read -r pid || exit 0
IFS= read -r _
kill -9 "$pid" 2>/dev/null
[ -z "$1" ] || rm -rf -- "$1"
"""

# The child itself tells the guard its id and only then becomes the program, so no moment is unguarded. The pipe travels
# as standard input (dash knows single-digit descriptors only), which the program then gets from /dev/null.
_CHILD = 'echo "$$" >&0 && exec "$@" </dev/null'


class GuardedProcess:
    """A child process that ends when this process ends, in whatever way: SIGKILL too.

    It has a session of its own, so Ctrl-C in the terminal reaches the parent only, which then decides.
    `remove` names a folder that goes with it if this process dies first.
    """

    def __init__(
        self,
        command: Sequence[str | os.PathLike[str]],
        *,
        log: Path | None = None,
        env: Mapping[str, str] | None = None,
        cwd: str | os.PathLike[str] | None = None,
        remove: Path | None = None,
    ) -> None:
        self.command: list[str] = [os.fspath(part) for part in command]
        self.log = log
        reading, writing = os.pipe()
        self._leash: int | None = writing
        try:
            self._guard = subprocess.Popen(
                ["/bin/sh", "-c", _GUARD, "guard", remove or ""],
                stdin=reading,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
        finally:
            os.close(reading)
        try:
            self._process = self._spawn(writing, env, cwd)
        except BaseException:
            self._release()
            raise

    def _spawn(
        self, leash: int, env: Mapping[str, str] | None, cwd: str | os.PathLike[str] | None
    ) -> subprocess.Popen[bytes]:
        with open(self.log or os.devnull, "ab") as output:
            return subprocess.Popen(
                ["/bin/sh", "-c", _CHILD, "child", *self.command],
                stdin=leash,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=env,
                cwd=cwd,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        """Its process id; another process may have it once this one has ended."""
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether it has not ended yet."""
        return self.returncode is None

    @property
    def returncode(self) -> int | None:
        """None while it runs; negative: the signal that ended it."""
        code = self._process.poll()
        if code is not None:
            self._release()
        return code

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end, and return its exit status; subprocess.TimeoutExpired after `timeout` seconds."""
        code = self._process.wait(timeout)
        self._release()
        return code

    def signal(self, number: int) -> None:
        """Send a signal, if it still runs."""
        self._process.send_signal(number)

    def terminate(self, timeout: float = 10) -> int:
        """SIGTERM, and SIGKILL if it is still there after `timeout` seconds. Returns the exit status."""
        self.signal(signal.SIGTERM)
        try:
            return self.wait(timeout)
        except subprocess.TimeoutExpired:
            return self.kill()

    def kill(self) -> int:
        """SIGKILL; returns its exit status when it is gone."""
        self.signal(signal.SIGKILL)
        return self.wait()

    def output(self) -> str:
        """What it has written to its log so far."""
        return self.log.read_text(errors="replace") if self.log and self.log.exists() else ""

    def _release(self) -> None:
        # The process has been waited for, so its id may go to another: the guard must not fire any more.
        if self._leash is not None:
            self._guard.kill()
            self._guard.wait()
            os.close(self._leash)
            self._leash = None
