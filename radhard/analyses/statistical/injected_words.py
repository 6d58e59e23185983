"""How vulnerable are the parameters that were drawn?"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from radhard.campaign import run
from radhard.errors import InputError
from radhard.metrics import Outcome
from radhard.samplers import Words
from radhard.space import FaultSpace, Numbers
from radhard.workload import Workload

__all__ = ["InjectedWords", "inject_words"]


@dataclass(frozen=True)
class InjectedWords:
    """Parameters that were drawn, and the effects of their faults."""

    places: Numbers
    """Positions of their tensors among the sites of the space."""
    words: Numbers
    """The word of each in its tensor."""
    critical: npt.NDArray[np.float64]
    """For each, the mean share of critical samples over all its faults."""
    injections: int


def inject_words(
    workload: Workload, space: FaultSpace, injections: int, least: int
) -> InjectedWords:
    """Draw parameters at random and inject all their faults.

    Raises:
        InputError: too few injections for ``least`` parameters.
    """
    ways = int(space.variants[0])
    # Whole words only: the mean over all faults of a word has no sampling error.
    words = min(injections // ways, int(space.word_starts[-1]))
    if words < least:
        raise InputError(
            f"{injections:,} injections cover all {ways} faults of {words:,} parameters, but at "
            f"least {least} parameters are required to learn from; give at least {least * ways:,} "
            "injections"
        )
    results = run(
        workload.model,
        workload.data,
        space,
        Words(words),
        metrics=[Outcome()],
        seed=workload.seed,
        # What is learned from has no inferred verdicts in it.
        exact=True,
        call=workload.steady,
        batch=workload.batch,
        progress=False,
        audit=0,
    )
    workload.samples += len(results) * len(workload.data)
    # `Words` tries all faults of a word one after another, so a row is one word.
    faults = results.trials.at(results.numbers).reshape(words, ways)
    places, within, _ = space.locate(faults[:, 0])
    critical = results.values("critical").reshape(words, ways).mean(axis=1)
    return InjectedWords(places, within, critical, len(results))
