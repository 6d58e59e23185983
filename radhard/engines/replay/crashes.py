"""What becomes of trials of which one crashes the pass that they share?"""

from collections.abc import Callable, Iterator, Sequence

import torch

from radhard.engines.base import Campaign, Figures
from radhard.engines.serial import Serial
from radhard.errors import InputError
from radhard.space import Numbers

__all__ = ["crashed", "tried"]

_FEW = 4
"""So few trials are cheaper one by one than halved again."""


def tried(
    campaign: Campaign, trials: Numbers, execute: Callable[[Numbers], Figures]
) -> Iterator[tuple[Sequence[int], Figures]]:
    """The figures of trials that share passes; `Serial` says what a crash means.

    Where a pass crashes, the trials are halved until those to blame are found.
    """
    try:
        with torch.inference_mode():
            figures = execute(trials)
    except (InputError, MemoryError, torch.OutOfMemoryError):
        raise
    except Exception as error:
        crashed(campaign, error)
        if len(trials) <= _FEW:
            yield from Serial().run(campaign, trials.tolist())
            return
        half = len(trials) // 2
        for some in (trials[:half], trials[half:]):
            yield from tried(campaign, some, execute)
        return
    yield trials.tolist(), figures


def crashed(campaign: Campaign, error: Exception) -> None:
    """Note that a pass ended in an exception under a fault."""
    kind = type(error).__name__
    note = f"Trials sharing a pass with one that crashed ({kind}) went through Serial()."
    if note not in campaign.notes:
        campaign.notes.append(note)
