"""How are trials executed on the machines of a Ray cluster?"""

import os
from collections import deque
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import torch

from radhard.engines.base import Campaign, Session, TrialResults
from radhard.engines.recheck import Recheck
from radhard.errors import InputError
from radhard.executors.base import Executor, Pool, listed
from radhard.executors.session_recipe import SessionRecipe
from radhard.spec import component

__all__ = ["Ray"]

_ATTEMPTS = 3
"""Number of workers that may be lost at one chunk before it counts as the cause."""

_AHEAD = 2
"""Chunks that are assigned to a worker, so that it never waits for the next one."""


@component
class Ray(Executor):
    """Executes trials in processes of a Ray cluster, with one thread each.

    ``address``: the address of a running cluster, such as ``"auto"`` or ``"ray://head:10001"``; by
    default a cluster is started on this machine for the run. ``workers``: number of processes; by
    default one for each CPU of the cluster. Model, data and golden outputs are put into the object
    store of the cluster once. Only this process writes the run file. The chunks of a lost worker
    are executed again.

    Needs the extra ``ray``: ``pip install 'radhard[ray]'``.
    """

    address: str | None = None
    workers: int | None = None

    def check(self) -> None:
        if self.workers is not None and self.workers < 1:
            raise InputError(f"Ray: workers={self.workers} is not allowed; at least 1")

    def check_possible(self, campaign: Campaign) -> None:  # noqa: ARG002
        _ray()

    @contextmanager
    def open(self) -> Iterator[Pool]:
        pool = _Workers(_ray(), self.address, self.workers)
        try:
            yield pool
        finally:
            pool.close()


class _Workers(Pool):
    """Workers of a cluster, and the chunks that they have not finished."""

    def __init__(self, ray: Any, address: str | None, workers: int | None) -> None:
        self._ray, self._address, self._most = ray, address, workers
        self._connected = ExitStack()
        """Entered when there is something to execute, since a run may already be complete."""
        self._actor = ray.remote(num_cpus=1, max_restarts=0)(_Worker)
        self._actors: list[Any] = []
        self._recipe: Any = None
        self._number = 0
        """Number of workers used in this session."""
        self._waiting: deque[Sequence[int]] = deque()
        self._pending: dict[Any, tuple[Any, Sequence[int]]] = {}
        """The worker and the chunk, by the reference to their result; an empty chunk only checks
        fault-free outputs."""
        self._lost: dict[int, int] = {}
        """Number of workers that were lost at a chunk, by its first trial."""

    def parts(self, session: Session, chunks: Iterable[Sequence[int]]) -> Generator[TrialResults]:
        recipe = SessionRecipe.of(session)
        _check_serializable(self._ray, recipe)
        if self._recipe is None:
            connection = _connection(self._ray, self._address, self._most)
            self._connected.enter_context(connection)
        self._recipe = self._ray.put(recipe)
        self._waiting, self._lost = deque(chunks), {}
        cpus = int(self._ray.cluster_resources().get("CPU", 1))
        self._number = min(self._most or max(1, cpus), len(self._waiting))
        for actor in self._actors:
            actor.prepare.remote(self._recipe)
        try:
            while self._waiting or self._pending:
                self._assign()
                yield from self._receive()
            for actor in self._actors[: self._number]:
                self._send(actor, [])  # no more chunks: fault-free outputs are compared once more
            while self._pending:
                yield from self._receive()
        finally:
            if self._pending:  # closed early
                self._end()

    def close(self) -> None:
        """End all workers and the connection."""
        self._end()
        self._connected.close()

    def _end(self) -> None:
        for actor in self._actors:
            self._ray.kill(actor)
        self._actors.clear()
        self._pending.clear()

    def _assign(self) -> None:
        while len(self._actors) < self._number:
            actor = self._actor.remote()
            actor.prepare.remote(self._recipe)
            self._actors.append(actor)
        busy = [actor for actor, _ in self._pending.values()]
        for fill in range(1, _AHEAD + 1):  # every worker has one before any has two
            for actor in self._actors[: self._number]:
                if self._waiting and busy.count(actor) < fill:
                    self._send(actor, self._waiting.popleft())
                    busy.append(actor)

    def _send(self, actor: Any, chunk: Sequence[int]) -> None:
        self._pending[actor.run.remote(list(chunk))] = actor, chunk

    def _receive(self) -> Iterator[TrialResults]:
        ready, _ = self._ray.wait(list(self._pending), num_returns=1)
        for result in ready:
            if result not in self._pending:
                continue  # its worker was lost meanwhile, at another chunk
            actor, _ = self._pending[result]
            try:
                parts = self._ray.get(result)
            except self._ray.exceptions.RayActorError as error:
                self._replace(actor, error)
                continue
            except self._ray.exceptions.RayTaskError as error:
                if isinstance(error.cause, InputError):
                    raise error.cause from None
                raise RuntimeError(f"in a worker of the cluster:\n{error}") from error
            del self._pending[result]
            yield from parts

    def _replace(self, actor: Any, error: Exception) -> None:
        """Execute the chunks of a lost worker again, in another one."""
        results = [result for result, (one, _) in self._pending.items() if one is actor]
        # In the order in which they were sent: the worker was lost at the first one.
        chunk, *later = [self._pending.pop(result)[1] for result in results]
        if actor in self._actors:
            self._actors.remove(actor)
        if chunk:
            self._lost[chunk[0]] = self._lost.get(chunk[0], 0) + 1
            if self._lost[chunk[0]] == _ATTEMPTS:
                raise InputError(
                    f"{_ATTEMPTS} workers were lost one after another at the same trials: "
                    f"{listed(chunk)} ({str(error).strip().splitlines()[0]}); what is finished is "
                    "kept"
                )
        self._waiting.extendleft(reversed([each for each in (chunk, *later) if each]))


class _Worker:
    """A process of the cluster: prepares a session once, and executes its chunks."""

    def __init__(self) -> None:
        torch.set_num_threads(1)  # as in the process that computed the golden outputs
        self._stack = ExitStack()
        self._recipe: SessionRecipe | None = None
        self._session: Session | None = None

    def prepare(self, recipe: SessionRecipe) -> None:
        """Close the last session and prepare another, which is opened by its first chunk.

        Thus errors are raised where results are received.
        """
        self._stack.close()
        self._recipe, self._session = recipe, None

    def run(self, chunk: Sequence[int]) -> list[TrialResults]:
        """The results of a chunk."""
        if self._session is None:
            assert self._recipe is not None
            self._session = self._stack.enter_context(self._recipe.open())
            self._recheck = Recheck(self._session.campaign)
        if not chunk:
            self._recheck.finish()
            return []
        parts = list(self._session.run(chunk))
        self._recheck.after(len(chunk))
        return parts


def _ray() -> Any:
    # By default, Ray reports usage statistics over the network.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        import ray
        import ray.exceptions
    except ImportError:
        raise InputError(
            "Ray() needs the package ray: pip install 'radhard[ray]'; on one machine, workers=N "
            "(--workers N) needs none"
        ) from None
    return ray


@contextmanager
def _connection(ray: Any, address: str | None, workers: int | None) -> Iterator[None]:
    """A connection to Ray: an existing one, the cluster at an address, or a new local one."""
    if ray.is_initialized():
        yield
        return
    options = {"log_to_driver": False, "logging_level": "ERROR"}
    try:
        if address is None:
            ray.init(num_cpus=workers, include_dashboard=False, **options)
        else:
            ray.init(address=address, **options)
    except (ConnectionError, RuntimeError, ValueError, OSError) as error:
        where = "on this machine" if address is None else f"at {address!r}"
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise InputError(f"no Ray cluster can be reached {where}: {reason}") from error
    try:
        yield
    finally:
        ray.shutdown()


def _check_serializable(ray: Any, recipe: SessionRecipe) -> None:
    """Raise `InputError` naming what cannot be sent to another process."""
    workload = recipe.workload
    for name, value in (
        ("model", workload.model),
        ("data", workload.data),
        ("call", workload.call),
        ("metrics", recipe.panel),
        ("space", recipe.space),
        ("sampler", recipe.trials),
        ("engine", recipe.engine),
    ):
        try:
            ray.cloudpickle.dumps(value)
        except Exception as error:  # pickling user-defined objects may raise anything
            reason = (str(error).strip() or type(error).__name__).splitlines()[0]
            raise InputError(
                f"Ray() sends the {name} to other processes, and {type(value).__name__} cannot be "
                f"serialized: {reason}; define it in a module, without open files, locks or "
                "connections, or use workers=N (--workers N) on one machine"
            ) from None
