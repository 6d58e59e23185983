"""What do the decoders of protected words make of the faults of each trial?"""

from collections.abc import Sequence
from functools import partial

import numpy as np
import torch
from torch import Tensor

from radhard.engines.base import Campaign, Figures
from radhard.formats import ProtectedFormat
from radhard.injection import OUTCOMES, Hits, decode_blocks
from radhard.space import Numbers
from radhard.targets.stored import stored_tensor

__all__ = ["completed"]


def completed(campaign: Campaign, numbers: Sequence[int], figures: Figures) -> Figures:
    """The figures of trials, with those that depend on the decoders' reports.

    Engines compute figures from outputs, which do not show what a decoder reports. It follows from
    the faults and the fault-free words, and costs no forward pass.
    """
    panel = campaign.panel
    if not panel.reads_decoding:
        return figures
    return panel.with_decoding(figures, _shares(campaign, numbers))


def _shares(campaign: Campaign, numbers: Sequence[int]) -> Figures:
    """For each trial the shares of its code words with faults that have each of `OUTCOMES`."""
    trials, faults = _faults(campaign, numbers)
    counts = np.zeros((len(numbers), len(OUTCOMES)))
    words = np.zeros(len(numbers))
    space = campaign.space
    places, inner, variants, owners = space.affected(faults)
    trials = trials[owners]
    protected = np.array(
        [
            isinstance(region.format, ProtectedFormat) and region.plane != "scale"
            for region in space.regions
        ],
        dtype=bool,
    )
    # Regions of one tensor may have different formats, and a block is decoded by one.
    _, formats = np.unique([repr(region.format) for region in space.regions], return_inverse=True)
    for tensor in np.unique(space.tensors[places[protected[places]]]).tolist():
        here = protected[places] & (space.tensors[places] == tensor)
        stored = stored_tensor(campaign.workload.model, space.sites[tensor].name).reshape(-1)
        for kind in np.unique(formats[places[here]]).tolist():
            these = np.flatnonzero(here)[formats[places[here]] == kind]
            hits = Hits(space.regions, places[these], inner[these], variants[these])
            coded = decode_blocks(hits, partial(_read, stored), trials[these])
            # Several faults may lie in one block, which has one outcome: any of them tells its
            # trial.
            first = np.unique(coded.of_fault, return_index=True)[1]
            of_block = trials[these][first]
            np.add.at(counts, of_block, coded.outcomes)
            np.add.at(words, of_block, 1)
    # A trial without a fault in a protected word has shares of 0, not of 0 by 0.
    return counts / np.maximum(words, 1)[:, None]


def _read(stored: Tensor, positions: Numbers) -> Tensor:
    return stored[torch.from_numpy(positions).to(stored.device)]


def _faults(campaign: Campaign, numbers: Sequence[int]) -> tuple[Numbers, Numbers]:
    """The faults of trials, one after another, and the trial of each, counted from 0."""
    if campaign.trials.single:
        return np.arange(len(numbers)), campaign.trials.at(np.asarray(numbers, dtype=np.int64))
    faults = [campaign.trials[trial] for trial in numbers]
    trials = np.repeat(np.arange(len(numbers)), [len(some) for some in faults])
    return trials, np.concatenate([*faults, np.zeros(0, np.int64)])
