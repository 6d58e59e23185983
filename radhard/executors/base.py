"""What does an executor do?"""

from abc import ABC, abstractmethod
from collections.abc import Generator, Iterable, Sequence
from contextlib import AbstractContextManager

from radhard.engines.base import Campaign, Session, TrialResults
from radhard.spec import Component, Family

__all__ = ["EXECUTORS", "Executor", "Pool", "listed"]


class Pool(ABC):
    """The open processes of an executor, to which the chunks of a campaign are given."""

    @abstractmethod
    def parts(self, session: Session, chunks: Iterable[Sequence[int]]) -> Generator[TrialResults]:
        """Execute chunks in any order, each as a whole, possibly more than once.

        Yields results as they arrive. The generator may be closed early.

        Raises:
            InputError: a chunk cannot be executed.
        """


class Executor(Component):
    """Where trials are executed: in this process, in several, or on the machines of a cluster.

    Figures do not depend on it, to the last bit. To write an executor, define `open`, which returns
    the `Pool` that executes chunks of trials.
    """

    @property
    def one_thread(self) -> bool:
        """Whether torch uses one thread, since the order of summation depends on their number."""
        return True

    def check_possible(self, campaign: Campaign) -> None:
        """Check, before anything is computed, that the campaign can be executed here.

        Raises:
            InputError: it cannot.
        """

    @abstractmethod
    def open(self) -> AbstractContextManager[Pool]:
        """The processes that execute chunks; they end when the context is closed.

        Raises:
            InputError: no process can be started.
        """


EXECUTORS: Family[Executor] = Family(Executor)
"""The executors of radhard, and how they are read from text."""


def listed(chunk: Sequence[int]) -> str:
    """The trials of a chunk for a message: all if they are few, otherwise the first ones."""
    trials = ", ".join(str(trial) for trial in sorted(chunk)[:8])
    return trials + (f", ... ({len(chunk)} in all)" if len(chunk) > 8 else "")
