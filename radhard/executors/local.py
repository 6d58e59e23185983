"""How are trials executed in this process?"""

from collections.abc import Generator, Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from itertools import islice

from radhard.engines.base import Session, TrialResults
from radhard.engines.recheck import Recheck
from radhard.executors.base import Executor, Pool
from radhard.spec import component

__all__ = ["Local"]


@component
class Local(Executor):
    """Executes all trials in this process: the default, and the one for models on a GPU.

    It uses the number of threads that torch is set to. For figures equal to those of other
    executors to the last bit, set it to one (``torch.set_num_threads(1)``), as the command line
    does.
    """

    @property
    def one_thread(self) -> bool:
        return False

    def open(self) -> AbstractContextManager[Pool]:
        return nullcontext(_ThisProcess())


class _ThisProcess(Pool):
    def parts(self, session: Session, chunks: Iterable[Sequence[int]]) -> Generator[TrialResults]:
        recheck = Recheck(session.campaign)
        waiting = iter(chunks)
        while some := list(islice(waiting, session.chunks_together)):
            trials = some[0] if len(some) == 1 else [trial for chunk in some for trial in chunk]
            yield from session.run(trials)
            recheck.after(len(trials))
        recheck.finish()
