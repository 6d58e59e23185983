"""Which trials are executed together?"""

import math
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from radhard.engines.base import Campaign
from radhard.engines.first_order.outlook import Outlook
from radhard.space import Numbers

__all__ = ["parts"]

_FEW, _MANY = 256, 1024
"""Limits of the number of trials in words of a parameter per chunk; within them, one `_PARTS`-th of
all trials, which keeps several workers busy."""

_PARTS = 10

_VERDICTS = 2**24
"""Verdicts in a chunk if gradients are computed anew for every chunk."""

_TOGETHER = 8192
"""Trials of single samples in a chunk; they share passes, whichever tensors are faulty."""


def parts(campaign: Campaign, outlooks: Mapping[int, Outlook]) -> Iterator[Sequence[int]]:
    """All trials in chunks: of one parameter, or of samples whose golden values fit in memory."""
    trials = np.arange(len(campaign.trials))
    faults = campaign.trials.at(trials)
    trials = trials[np.argsort(faults, kind="stable")]
    places, words, _ = campaign.space.locate(np.sort(faults))
    inner = np.array([math.prod(site.shape) for site in campaign.space.sites])
    for outlook in {id(one): one for one in outlooks.values()}.values():
        plan = outlook.plan
        own = [place for place, one in outlooks.items() if one is outlook]
        verdicts = _VERDICTS // len(campaign.workload.data)
        # In several pieces, each chunk computes the gradients of all samples again: as few chunks
        # as their verdicts allow.
        most = max(_FEW, verdicts)
        if len(plan.replayer.pieces) == 1:
            most = max(_FEW, min(_MANY, len(trials) // _PARTS, verdicts))
        for place in own:
            if not plan.replayer.flows(place):
                yield from _cut(trials[places == place], most)
        mine = np.isin(places, [place for place in own if plan.replayer.flows(place)])
        samples = words[mine] // inner[places[mine]]
        pieces = np.searchsorted(
            [piece.stop for piece in plan.replayer.pieces], samples, side="right"
        )
        for piece in range(len(plan.replayer.pieces)):
            yield from _cut(trials[mine][pieces == piece], _TOGETHER)


def _cut(trials: Numbers, size: int) -> Iterator[Sequence[int]]:
    for at in range(0, len(trials), size):
        yield trials[at : at + size].tolist()
