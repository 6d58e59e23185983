"""What does a cluster look like, of which every worker is lost at what it is given first?"""

import pickle
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

import ray.exceptions
from ray import cloudpickle

__all__ = ["ShortLivedCluster"]


class _Actor:
    """A worker that is lost with its first chunk, and with it all that it was sent."""

    def __init__(self) -> None:
        self.prepare = SimpleNamespace(remote=lambda recipe: pickle.loads(recipe))
        self.run = SimpleNamespace(remote=lambda chunk: object())


class ShortLivedCluster:
    """As much of the package ray as `radhard.executors.Ray` asks for, without processes."""

    cloudpickle = cloudpickle
    exceptions = ray.exceptions

    def __init__(self) -> None:
        self.started = 0

    def remote(self, **_: Any) -> Callable[[type], Any]:
        """A decorator of actors."""
        return lambda worker: SimpleNamespace(remote=self._start)

    def _start(self) -> _Actor:
        self.started += 1
        return _Actor()

    def put(self, value: object) -> bytes:
        """Send it, as others unpickle it."""
        return cloudpickle.dumps(value)

    def is_initialized(self) -> bool:
        """Whether there is a connection."""
        return True

    def cluster_resources(self) -> dict[str, float]:
        """What there is of each resource."""
        return {"CPU": 1.0}

    def wait(self, pending: Sequence[object], *, num_returns: int) -> tuple[Any, Any]:
        """What has ended, and what has not: here they end all at once, in the order given."""
        return pending[:num_returns], pending[num_returns:]

    def get(self, result: object) -> Any:
        """The result."""
        raise ray.exceptions.ActorDiedError()

    def kill(self, actor: _Actor) -> None:
        """End a worker."""
