"""What is a worker, from its first breath to its last?"""

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

from radhard.engines.base import Campaign, Engine
from radhard.engines.recheck import OutsideStateError, Recheck
from radhard.errors import InputError

__all__ = ["Worker"]

_ORPHANED_SECONDS = 0.5


class Worker:
    """A process that executes the chunks it is sent; forked, so that it has all that we have."""

    def __init__(self, campaign: Campaign, engine: Engine) -> None:
        self.chunks: deque[Sequence[int]] = deque()
        """What it was sent and has not finished, in order."""
        self.since = time.monotonic()
        """When it last sent a result, or was given something to do."""
        self.ours, theirs = multiprocessing.Pipe()
        self._process = multiprocessing.get_context("fork").Process(
            target=_serve, args=(theirs, campaign, engine, os.getpid()), daemon=True
        )
        with warnings.catch_warnings():
            # Newer Pythons warn where other threads run. A worker needs none of theirs: it
            # computes with one thread and writes to nothing but its pipe.
            warnings.simplefilter("ignore", DeprecationWarning)
            self._process.start()
        # With the other end in the worker's hands alone, its death ends the pipe.
        theirs.close()

    def send(self, chunk: Sequence[int]) -> None:
        """Give it one more chunk."""
        if not self.chunks:
            self.since = time.monotonic()
        self.chunks.append(chunk)
        with suppress(OSError):  # it died: its end of the pipe will tell
            self.ours.send(chunk)

    def end(self) -> int | None:
        """End it, whatever it is doing; its exit code."""
        self._process.kill()  # it holds nothing that could be left behind
        self._process.join()
        code = self._process.exitcode
        self._process.close()
        self.ours.close()
        return code


def _serve(pipe: Connection, campaign: Campaign, engine: Engine, driver: int) -> None:
    """What a worker does with its life; nothing is left to do after it."""
    notes, audits = len(campaign.notes), len(campaign.audits)
    recheck = Recheck(campaign)

    def tell(kind: str, said: Any) -> None:
        nonlocal notes, audits
        fresh = campaign.notes[notes:], dict(list(campaign.audits.items())[audits:])
        notes, audits = len(campaign.notes), len(campaign.audits)
        crashes = dict(campaign.crashes)
        campaign.crashes.clear()
        try:
            pipe.send((kind, said, *fresh, crashes))
        except OSError:  # nobody listens any more
            os._exit(1)

    try:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the driver to hear
        threading.Thread(target=_leave_with, args=(driver,), daemon=True).start()
        torch.set_num_threads(1)
        while True:
            chunk = _next(pipe)
            for part in engine.run(campaign, chunk) if chunk else ():
                tell("part", part)
            if chunk:
                recheck.after(len(chunk))
            else:
                recheck.finish()
            tell("finished", None)
    except OutsideStateError as error:
        tell("outside", str(error))
    except InputError as error:
        tell("refused", str(error))
    except (MemoryError, torch.OutOfMemoryError):
        tell("refused", "out of memory in a worker; use fewer workers or a smaller batch")
    except Exception:
        tell("failed", traceback.format_exc())
    finally:
        # Without flushing what the driver had not yet printed, and without its exit handlers.
        os._exit(1)


def _next(pipe: Connection) -> Sequence[int]:
    try:
        chunk: Sequence[int] = pipe.recv()
    except (EOFError, OSError):  # nobody asks any more
        os._exit(0)
    return chunk


def _leave_with(driver: int) -> None:
    """A killed driver leaves no orphans: a worker in the middle of a chunk would not notice."""
    while os.getppid() == driver:
        time.sleep(_ORPHANED_SECONDS)
    os._exit(1)
