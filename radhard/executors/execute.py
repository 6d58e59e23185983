"""How are the remaining trials of a campaign executed?"""

from collections.abc import Collection, Generator
from contextlib import ExitStack, closing
from dataclasses import replace

import numpy as np

from radhard.engines.base import Session, TrialResults
from radhard.executors.base import Pool
from radhard.executors.local import Local

__all__ = ["execute"]


def execute(
    session: Session, todo: Collection[int], pool: Pool | None = None
) -> Generator[TrialResults]:
    """Execute some of the trials, and yield each of them once, as results arrive.

    Chunks are always executed as a whole, and trials that are not in ``todo`` are discarded
    afterwards. Therefore the figures depend neither on the executor of the pool nor on the trials
    that were executed before. Close the generator (`contextlib.closing`) to stop early.

    Raises:
        InputError: a chunk cannot be executed.
    """
    # An array of flags, since a set of all trial numbers may not fit in memory.
    left = np.zeros(len(session.campaign.trials), dtype=bool)
    if isinstance(todo, range):
        left[todo.start : todo.stop : todo.step] = True
    else:
        left[np.fromiter(todo, np.int64, len(todo))] = True
    if not left.any():
        return
    # One by one: of millions of trials, a list of all chunks would not fit in memory either.
    # Of chunks of one trial there may be as many, of which an audit repeats few: their flags are
    # looked up one by one, as an index by a list takes ten times as long.
    chunks = (
        chunk
        for chunk in session.chunks()
        if (left[chunk[0]] if len(chunk) == 1 else left[chunk].any())
    )
    with ExitStack() as stack:
        pool = stack.enter_context(Local().open()) if pool is None else pool
        parts = stack.enter_context(closing(pool.parts(session, chunks)))
        for part in parts:
            numbers = np.asarray(part.numbers, dtype=np.int64)
            # A chunk may be executed again after its worker was lost; its results are used once.
            fresh = np.flatnonzero(left[numbers])
            left[numbers] = False
            if len(fresh):
                yield replace(part, numbers=numbers[fresh].tolist(), figures=part.figures[fresh])
