"""Which bits does the naive loop flip, for the same trials as the engine?"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from torch import nn

from benchmarks.naive import Flip, SampleFlip, words
from radhard.samplers import Trials
from radhard.space import FaultSpace, Numbers
from radhard.targets import Site

__all__ = ["flips", "sample_flips", "sites_hit"]


def flips(
    model: nn.Module, space: FaultSpace, trials: Trials, numbers: Sequence[int]
) -> list[list[Flip]]:
    """For every trial its faulty words in parameters, tensor by tensor."""
    views = [words(model.get_parameter(site.name)) for site in space.sites]
    masks = _masks(space)
    found = []
    for number in numbers:
        places, at, variants = space.locate(trials[number])
        if len(places) == 1:
            flip = Flip(views[int(places[0])], int(at[0]), masks[int(variants[0])])
            found.append([flip])
            continue
        trial = []
        for place in np.unique(places).tolist():
            here = places == place
            # Two bits of one word become one mask: each index may occur only once.
            indices, which = np.unique(at[here], return_inverse=True)
            joined = np.zeros(len(indices), dtype=np.int32)
            np.bitwise_xor.at(joined, which, masks[variants[here]])
            trial.append(Flip(views[place], indices, joined))
        found.append(trial)
    return found


def sample_flips(
    model: nn.Module, space: FaultSpace, trials: Trials, numbers: Sequence[int]
) -> list[SampleFlip]:
    """For every trial the module, the sample and the bit of its fault."""
    masks = _masks(space)
    places, at, variants = space.locate(trials.at(np.asarray(numbers, dtype=np.int64)))
    found = []
    for place, word, variant in zip(places.tolist(), at.tolist(), variants.tolist(), strict=True):
        site = space.sites[place]
        sample, inner = divmod(word, _inner(site))
        found.append(SampleFlip(model.get_submodule(site.layer), sample, inner, masks[variant]))
    return found


def sites_hit(space: FaultSpace, trials: Trials) -> dict[int, float]:
    """The share of faults that each site gets, over all trials."""
    if trials.single:
        faults: Numbers = trials.at(np.arange(len(trials), dtype=np.int64))
    else:
        faults = np.concatenate([trials[number] for number in range(len(trials))])
    places, counts = np.unique(space.locate(faults)[0], return_counts=True)
    return dict(zip(places.tolist(), (counts / counts.sum()).tolist(), strict=True))


def _masks(space: FaultSpace) -> Any:
    """The mask of every variant; bit 31 is the sign of the integer too."""
    bits = [space.regions[0].bits(variant) for variant in range(space.regions[0].variants)]
    totals = [sum(1 << bit for bit in some) for some in bits]
    return np.array(totals, dtype=np.uint32).view(np.int32)


def _inner(site: Site) -> int:
    assert site.samples is not None
    return site.words // site.samples
