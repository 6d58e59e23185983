"""How are trials executed in forked processes?"""

import multiprocessing
import os
import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from multiprocessing.connection import wait
from typing import Any

from radhard.engines.base import Campaign, Session, TrialResults
from radhard.engines.recheck import OutsideStateError
from radhard.errors import InputError
from radhard.executors.base import Executor, Pool, listed
from radhard.executors.worker import Worker
from radhard.spec import component

__all__ = ["MOST_WORKERS", "Forked"]

MOST_WORKERS = max(64, 4 * (os.cpu_count() or 1))
"""Maximum number of workers: more gain nothing, and may exhaust the memory."""

_ATTEMPTS = 3
"""Number of workers that may die at one chunk before it counts as the cause."""

_HANGS = 2
"""Number of times that one chunk may exceed the time limit: once may be due to a busy machine."""

_UNMEASURED, _LEAST, _TIMES = 3600.0, 300.0, 100.0
"""The default time limit: seconds before the first result, minimum in seconds, and multiple of the
longest wait for a result so far."""

_AHEAD = 2
"""Chunks that are assigned to a worker, so that it never waits for the next one."""


@component
class Forked(Executor):
    """Executes trials in processes that are forked from this one, each with one thread.

    They share its memory, so that nothing is copied or serialized. ``timeout``: seconds without a
    result after which a worker is replaced and its trials are executed again; by default 100 times
    the longest wait so far, and at least 5 minutes. A worker that dies is replaced too.
    """

    workers: int
    timeout: float | None = None

    def check(self) -> None:
        if self.workers < 1:
            raise InputError(f"workers={self.workers} is not allowed; at least 1")
        if self.workers > MOST_WORKERS:
            raise InputError(
                f"workers={self.workers} is not allowed; at most {MOST_WORKERS} on this machine, "
                f"which has {os.cpu_count() or 1} processors"
            )

    def check_possible(self, campaign: Campaign) -> None:
        model = campaign.workload.model
        tensors = (*model.parameters(), *model.buffers())
        device = next((t.device.type for t in tensors if t.device.type != "cpu"), None)
        if device is not None:
            raise InputError(
                f"workers={self.workers} needs a model on the CPU, this one is on {device!r}: "
                "processes cannot share a device; use workers=1"
            )
        # macOS has fork, but its system libraries do not work in a child after it.
        if "fork" not in multiprocessing.get_all_start_methods() or sys.platform == "darwin":
            raise InputError(
                f"workers={self.workers} requires the fork start method, which is not supported on "
                f"{sys.platform!r}; use workers=1, or executor='Ray(workers={self.workers})'"
            )

    def open(self) -> AbstractContextManager[Pool]:
        return nullcontext(_Forks(self.workers, self.timeout))


class _Forks(Pool):
    """Workers are forked for each session, so that they share what it has computed."""

    def __init__(self, number: int, timeout: float | None) -> None:
        self._number, self._timeout = number, timeout

    def parts(self, session: Session, chunks: Iterable[Sequence[int]]) -> Generator[TrialResults]:
        yield from _Workers(session, deque(chunks), self._number, self._timeout).parts()


class _Workers:
    """Workers and the chunks that are assigned to them."""

    def __init__(
        self,
        session: Session,
        chunks: deque[Sequence[int]],
        number: int,
        timeout: float | None,
    ) -> None:
        self._session, self._waiting = session, chunks
        self._number = min(number, len(chunks))
        self._workers: list[Worker] = []
        self._lost: dict[int, int] = {}
        """Number of workers that died at a chunk, by its first trial."""
        self._hung: dict[int, int] = {}
        """Number of times that a chunk exceeded the time limit, by its first trial."""
        self._timeout, self._longest = timeout, 0.0

    def parts(self) -> Generator[TrialResults]:
        """The results of all workers, until no chunk is left."""
        try:
            while self._waiting or any(worker.chunks for worker in self._workers):
                self._employ()
                yield from self._hear_some()
            for worker in self._workers:
                worker.send([])  # no more chunks: fault-free outputs are compared once more
            while any(worker.chunks for worker in self._workers):
                yield from self._hear_some()
        finally:
            while self._workers:
                self._workers[-1].end()
                self._workers.pop()

    def _hear_some(self) -> Iterator[TrialResults]:
        busy = [worker for worker in self._workers if worker.chunks]
        limit = self._limit
        left = min(worker.since for worker in busy) + limit - time.monotonic()
        for pipe in wait([worker.ours for worker in self._workers], max(left, 0.0)):
            worker = next(w for w in self._workers if w.ours is pipe)
            yield from self._hear(worker)
        now = time.monotonic()
        for worker in busy:
            # Neither a worker that was replaced meanwhile, nor one whose result is in the pipe.
            late = worker in self._workers and worker.chunks and now - worker.since > limit
            if late and not worker.ours.poll():
                self._give_up(worker, limit)

    @property
    def _limit(self) -> float:
        """Seconds without a result after which a worker counts as hanging."""
        if self._timeout is not None:
            return self._timeout
        return max(_LEAST, _TIMES * self._longest) if self._longest else _UNMEASURED

    def _give_up(self, worker: Worker, limit: float) -> None:
        """Replace a worker that hangs; its chunk is executed once more.

        Raises:
            InputError: the chunk hangs for the second time.
        """
        chunk = worker.chunks[0]
        key = chunk[0] if chunk else -1  # -1: the fault-free passes at the end
        self._hung[key] = self._hung.get(key, 0) + 1
        if self._hung[key] == _HANGS:
            where = f"trials {listed(chunk)}" if chunk else "the fault-free passes after all trials"
            raise InputError(
                f"no result for {limit:g} seconds, twice, in {where}: a fault may keep the forward "
                "pass from ending; what is finished is kept. If passes do take that long, raise "
                "worker_timeout (radhard run --worker-timeout)"
            )
        self._workers.remove(worker)
        worker.end()
        if not chunk:
            self._employ()
            self._workers[-1].send(chunk)
        self._waiting.extendleft(reversed([part for part in worker.chunks if part]))

    def _employ(self) -> None:
        while len(self._workers) < self._number:
            with _uninterrupted():
                try:
                    self._workers.append(Worker(self._session))
                except OSError as error:
                    raise InputError(
                        f"a worker cannot be started ({error.strerror}); use fewer workers"
                    ) from error
        for fill in range(1, _AHEAD + 1):  # every worker has one before any has two
            for worker in self._workers:
                if self._waiting and len(worker.chunks) < fill:
                    worker.send(self._waiting.popleft())

    def _hear(self, worker: Worker) -> Iterator[TrialResults]:
        try:
            kind, said = worker.ours.recv()
        except (EOFError, OSError):
            self._replace(worker)
            return
        if kind == "refused":
            raise InputError(said)
        if kind == "outside":
            raise OutsideStateError(said)
        if kind == "failed":
            raise RuntimeError(f"in a worker:\n{said}")
        now = time.monotonic()
        self._longest, worker.since = max(self._longest, now - worker.since), now
        if kind == "finished":
            worker.chunks.popleft()
        else:
            yield said

    def _replace(self, worker: Worker) -> None:
        self._workers.remove(worker)
        code = worker.end()
        # The first chunk is the one that it was executing.
        worker.chunks = deque(chunk for chunk in worker.chunks if chunk)
        if worker.chunks:
            chunk = worker.chunks[0]
            self._lost[chunk[0]] = self._lost.get(chunk[0], 0) + 1
            if self._lost[chunk[0]] == _ATTEMPTS:
                raise InputError(self._epitaph(chunk, code))
        self._waiting.extendleft(reversed(worker.chunks))

    def _epitaph(self, chunk: Sequence[int], code: int | None) -> str:
        how = f"exit code {code}"
        if code is not None and code < 0:
            how = signal.Signals(-code).name
        memory = "; out of memory? use fewer workers" if code == -signal.SIGKILL else ""
        return (
            f"{_ATTEMPTS} workers died one after another ({how}) at the same trials: "
            f"{listed(chunk)}{memory}; what is finished is kept"
        )


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Delay Ctrl-C: between the fork and its registration, a worker would never be ended."""
    if threading.current_thread() is not threading.main_thread():
        yield  # Python delivers Ctrl-C to the main thread only
        return
    heard: list[tuple[int, Any]] = []
    before = signal.signal(signal.SIGINT, lambda number, frame: heard.append((number, frame)))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if heard and callable(before):
        before(*heard[0])
