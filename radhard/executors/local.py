"""How are trials executed in this process?"""

from collections.abc import Generator, Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext

from radhard.engines.base import Session, TrialResults
from radhard.engines.recheck import Recheck
from radhard.executors.base import Executor, Pool
from radhard.spec import component

__all__ = ["Local"]


@component
class Local(Executor):
    """Executes all trials in this process, with the number of threads that torch is set to."""

    @property
    def one_thread(self) -> bool:
        return False

    def open(self) -> AbstractContextManager[Pool]:
        return nullcontext(_ThisProcess())


class _ThisProcess(Pool):
    def parts(self, session: Session, chunks: Iterable[Sequence[int]]) -> Generator[TrialResults]:
        recheck = Recheck(session.campaign)
        for chunk in chunks:
            yield from session.run(chunk)
            recheck.after(len(chunk))
        recheck.finish()
