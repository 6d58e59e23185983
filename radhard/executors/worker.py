"""How does a forked process receive chunks and send results?"""

import multiprocessing
import os
import signal
import threading
import time
import traceback
import warnings
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from multiprocessing.connection import Connection
from typing import Any

import torch

from radhard.engines.base import Session
from radhard.engines.recheck import OutsideStateError, Recheck
from radhard.errors import InputError

__all__ = ["Worker"]

_ORPHANED_SECONDS = 0.5


class Worker:
    """A forked process that executes chunks; it shares the memory of its parent."""

    def __init__(self, session: Session) -> None:
        self.chunks: deque[Sequence[int]] = deque()
        """The chunks that were sent to it and are not finished, in order."""
        self.since = time.monotonic()
        """The time of its last result, or when it was last sent a chunk while idle."""
        self.ours, theirs = multiprocessing.Pipe()
        self._process = multiprocessing.get_context("fork").Process(
            target=_serve, args=(theirs, session, os.getpid()), daemon=True
        )
        with warnings.catch_warnings():
            # Newer versions of Python warn if other threads are running, whose locks a child may
            # find held. A worker computes with one thread and writes to its pipe only.
            warnings.simplefilter("ignore", DeprecationWarning)
            self._process.start()
        # Only the worker has the other end now, so that its death closes the pipe.
        theirs.close()

    def send(self, chunk: Sequence[int]) -> None:
        """Send it one more chunk."""
        if not self.chunks:
            self.since = time.monotonic()
        self.chunks.append(chunk)
        with suppress(OSError):  # it died, which is noticed when its end of the pipe is read
            self.ours.send(chunk)

    def end(self) -> int | None:
        """Kill it, whatever it is doing, and return its exit code."""
        self._process.kill()  # it holds no resources that need to be released
        self._process.join()
        code = self._process.exitcode
        self._process.close()
        self.ours.close()
        return code


def _serve(pipe: Connection, session: Session, driver: int) -> None:
    """The main function of a worker, which never returns."""
    recheck = Recheck(session.campaign)

    def send(kind: str, value: Any) -> None:
        try:
            pipe.send((kind, value))
        except OSError:  # the driver has closed the pipe
            os._exit(1)

    try:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is handled by the driver
        threading.Thread(target=_leave_with, args=(driver,), daemon=True).start()
        torch.set_num_threads(1)
        while True:
            chunk = _next(pipe)
            for part in session.run(chunk) if chunk else ():
                send("part", part)
            if chunk:
                recheck.after(len(chunk))
            else:
                recheck.finish()
            send("finished", None)
    except OutsideStateError as error:
        send("outside", str(error))
    except InputError as error:
        send("refused", str(error))
    except (MemoryError, torch.OutOfMemoryError):
        send("refused", "out of memory in a worker; use fewer workers or a smaller batch")
    except Exception:
        send("failed", traceback.format_exc())
    finally:
        # Ends without flushing output buffers inherited from the driver, which would print their
        # contents twice, and without running its exit handlers.
        os._exit(1)


def _next(pipe: Connection) -> Sequence[int]:
    try:
        chunk: Sequence[int] = pipe.recv()
    except (EOFError, OSError):  # the driver has closed the pipe
        os._exit(0)
    return chunk


def _leave_with(driver: int) -> None:
    """End with the driver, even if it is killed, which a worker would not notice in a chunk."""
    while os.getppid() == driver:
        time.sleep(_ORPHANED_SECONDS)
    os._exit(1)
