"""How are trials executed if one of them crashes the pass that they share?"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import torch

from radhard.engines.base import Figures, TrialResults
from radhard.errors import InputError
from radhard.notes import Note
from radhard.space import Numbers

__all__ = ["parts_of_shared_passes", "shared_crash"]

_FEW = 4
"""Number of trials up to which executing them one by one is cheaper than halving again."""


def parts_of_shared_passes(
    trials: Numbers,
    execute: Callable[[Numbers], Figures],
    one_by_one: Callable[[Sequence[int]], Iterator[TrialResults]],
) -> Iterator[TrialResults]:
    """The results of trials that share passes.

    If a pass crashes, the trials are halved until those that crash it are isolated; ``one_by_one``
    executes these with `Serial`, which determines whether the fault is the cause.
    """
    try:
        with torch.inference_mode():
            figures = execute(trials)
    # Not the work of a fault: a smaller pass would hide a shortage of memory, not mend it.
    except (InputError, MemoryError, torch.OutOfMemoryError):
        raise
    except Exception as error:
        note = shared_crash(error)
        if len(trials) <= _FEW:
            for part in one_by_one(trials.tolist()):
                yield replace(part, notes=(note, *part.notes))
            return
        half = len(trials) // 2
        for some in (trials[:half], trials[half:]):
            yield from parts_of_shared_passes(some, execute, one_by_one)
        return
    yield TrialResults(trials.tolist(), figures)


def shared_crash(error: Exception) -> Note:
    """The note that a shared pass raised an exception due to a fault."""
    return Note("shared crash", {"exception": type(error).__name__})
