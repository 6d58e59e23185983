"""How are trials executed of which one crashes the pass that they share?"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import torch

from radhard.engines.base import Figures, TrialResults
from radhard.errors import InputError
from radhard.notes import Note
from radhard.space import Numbers

__all__ = ["parts_of_shared_passes", "shared_crash"]

_FEW = 4
"""So few trials are cheaper one by one than halved again."""


def parts_of_shared_passes(
    trials: Numbers,
    execute: Callable[[Numbers], Figures],
    one_by_one: Callable[[Sequence[int]], Iterator[TrialResults]],
) -> Iterator[TrialResults]:
    """The results of trials that share passes.

    Where a pass crashes, the trials are halved until those that crash it are found; ``one_by_one``,
    by `Serial`, determines what the crash means.
    """
    try:
        with torch.inference_mode():
            figures = execute(trials)
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
    """The note that a shared pass ended in an exception under a fault."""
    return Note("shared crash", {"exception": type(error).__name__})
