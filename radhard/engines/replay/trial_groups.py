"""Which trials are executed together?"""

import math
from collections.abc import Collection, Iterator, Sequence

import numpy as np

from radhard.engines.base import Campaign
from radhard.engines.replay.plan import ReplayPlan
from radhard.space import Numbers

__all__ = ["apart", "by_sample", "by_site", "place_of"]


def place_of(campaign: Campaign, chunk: Sequence[int]) -> int:
    """The site of a chunk, all trials of which are in one site."""
    return int(campaign.space.locate(campaign.trials[chunk[0]])[0][0])


def by_site(campaign: Campaign, todo: Sequence[int]) -> dict[int, Numbers]:
    """The trials of each site."""
    trials = np.asarray(todo, dtype=np.int64)
    places, _, _ = campaign.space.locate(campaign.trials.at(trials))
    return {place: trials[places == place] for place in np.unique(places).tolist()}


def apart(campaign: Campaign, places: list[int]) -> list[list[int]]:
    """Sites for which batch normalisation may be folded, and those in normalisation layers.

    All activations are in the same plan: sharing passes among them saves more than folding does.
    """
    sites = campaign.space.sites
    # A folded normalisation has no weights of its own left in which a fault could lie.
    norms = [p for p in places if "Norm" in sites[p].kind and not sites[p].flows]
    others = [p for p in places if p not in norms]
    return [group for group in (others, norms) if group]


def by_sample(
    campaign: Campaign, plan: ReplayPlan, places: Collection[int]
) -> Iterator[Sequence[int]]:
    """Chunks of trials of single samples, one piece of the samples after another."""
    trials = np.arange(len(campaign.trials))
    faults = campaign.trials.at(trials)
    found, words, _ = campaign.space.locate(faults)
    mine = np.isin(found, list(places))
    trials, faults, found, words = (part[mine] for part in (trials, faults, found, words))
    if not len(trials):
        return
    inner = np.array([math.prod(site.shape) for site in campaign.space.sites])[found]
    # The first piece that ends behind the sample contains it.
    pieces = np.searchsorted(
        [piece.stop for piece in plan.replayer.pieces], words // inner, side="right"
    )
    for piece in np.unique(pieces).tolist():
        own = trials[pieces == piece]
        # Each chunk contains faults in all tensors, since their rows are joined on the way.
        for at in range(0, len(own), plan.together):
            yield own[at : at + plan.together].tolist()
