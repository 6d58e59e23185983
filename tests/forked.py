"""How is code run in a process of its own without importing torch again?"""

import multiprocessing
import os
import sys
import traceback
from pathlib import Path

__all__ = ["ForkedPython"]


class ForkedPython:
    """Python code in a fork of this process: a new Python would import torch for seconds.

    Everything else is as in a Python of its own: what the code changes stays there, and what it
    prints comes back. It leads a session, so that a signal for its group reaches nobody else.
    """

    def __init__(self, code: str, *arguments: str | Path, folder: Path) -> None:
        self._out, self._err = folder / "forked.out", folder / "forked.err"
        context = multiprocessing.get_context("fork")
        self._process = context.Process(target=self._run, args=(code, list(map(str, arguments))))
        self._process.start()
        assert self._process.pid is not None
        self.pid = self._process.pid

    def __enter__(self) -> "ForkedPython":
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.join()

    def ended(self) -> bool:
        """Whether it has come to its end."""
        return not self._process.is_alive()

    def kill(self, sent: int) -> None:
        """Send it a signal."""
        os.kill(self.pid, sent)

    def result(self) -> tuple[int, str, str]:
        """Wait for its end: the exit code (less than 0 for a signal), output and errors."""
        self._process.join()
        assert self._process.exitcode is not None
        return self._process.exitcode, self._out.read_text(), self._err.read_text()

    def _run(self, code: str, arguments: list[str]) -> None:
        os.setsid()
        for number, path in ((1, self._out), (2, self._err)):
            os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
        # Not those by which pytest captures.
        sys.stdout = os.fdopen(1, "w", buffering=1)
        sys.stderr = os.fdopen(2, "w", buffering=1)
        sys.argv = ["-c", *arguments]
        status = 0
        try:
            exec(compile(code, "<forked>", "exec"), {"__name__": "__main__"})
        except SystemExit as end:
            status = end.code if isinstance(end.code, int) else int(end.code is not None)
        except BaseException:
            traceback.print_exc()
            status = 1
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)
