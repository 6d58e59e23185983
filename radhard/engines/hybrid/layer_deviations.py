"""Which neurons of the faulty layer deviate, and by how much?"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from radhard.engines.replay.faulty_values import faulty_values
from radhard.engines.replay.plan import ReplayPlan
from radhard.engines.replay.register_faults import deviations
from radhard.formats import Format
from radhard.replay.crop import crop
from radhard.replay.deviation import Deviation
from radhard.rounding import format_of
from radhard.space import Numbers

__all__ = ["LayerDeviations", "of_activations", "of_registers"]


@dataclass(frozen=True)
class LayerDeviations:
    """What trials of one sample each change in the output of a layer, as the model rounds it."""

    counts: Numbers
    """How many neurons deviate, ``(trials,)``."""
    neurons: Numbers
    """The flat position of one of them, ``(trials,)``; 0 if there is none."""
    by: npt.NDArray[np.float64]
    """Faulty minus golden value of this neuron, ``(trials,)``."""


def of_activations(
    plan: ReplayPlan, place: int, words: Numbers, variants: Numbers, samples: Numbers
) -> LayerDeviations:
    """The deviations of faults in activations; ``words`` are those of a sample."""
    replayer = plan.replayer
    (slot,) = replayer.slots[place]
    by = np.zeros(len(words))
    for piece in replayer.pieces:
        here = np.flatnonzero((samples >= piece.start) & (samples < piece.stop))
        if not len(here):
            continue
        golden = replayer.golden(piece)[slot].flatten(1)
        at = torch.from_numpy(samples[here] - piece.start), torch.from_numpy(words[here])
        before = golden[at]
        after = faulty_values(plan.campaign.space, place, before, words[here], variants[here])
        # Equal infinities do not differ, and their difference is NaN.
        moved = torch.where(after == before, 0.0, after.double() - before.double())
        by[here] = moved.cpu().numpy()
    return LayerDeviations((by != 0).astype(np.int64), words, by)


def of_registers(
    plan: ReplayPlan, place: int, words: Numbers, variants: Numbers, samples: Numbers
) -> LayerDeviations:
    """The deviations of faults in registers of an array that computes the layer."""
    replayer = plan.replayer
    site = plan.campaign.space.sites[place]
    (slot,) = replayer.slots[place]
    # The registers hold exact sums, which the model rounds when the layer is done.
    format = format_of(plan.campaign.workload.model, site.layer)
    shape = tuple(replayer.shapes[slot])
    found = LayerDeviations(*(np.zeros(len(words), kind) for kind in (np.int64, np.int64, float)))
    for piece in replayer.pieces:
        here = np.flatnonzero((samples >= piece.start) & (samples < piece.stop))
        if not len(here):
            continue
        golden = replayer.golden(piece)
        one = torch.from_numpy(samples[here] - piece.start)
        found_here = deviations(plan, place, golden, words[here], variants[here], one)
        for which, deviation in found_here:
            before = crop(golden[slot], deviation.samples, deviation.at, deviation.by)
            # Rounded apart, as the model does: a small deviation may round to none, or to a whole
            # step.
            moved = _rounded(before + deviation.by, format) - _rounded(before, format)
            flat = moved.flatten(1)
            trials = here[which.numpy()]
            found.counts[trials] = flat.ne(0).sum(1).cpu().numpy()
            # Only where a single neuron deviates do ranges tell; any of several will do.
            largest = flat.abs().argmax(1)
            found.by[trials] = flat[torch.arange(len(flat)), largest].cpu().numpy()
            found.neurons[trials] = _positions(deviation, largest, shape).cpu().numpy()
    return found


def _rounded(values: Tensor, format: Format | None) -> Tensor:
    """The values as words, if the model rounds them, float64."""
    if format is None:
        return values.double()
    return format.decode(format.encode(values)).double()


def _positions(deviation: Deviation, flat: Tensor, shape: tuple[int, ...]) -> Tensor:
    """The flat positions in the layer's output of elements of the windows that deviate."""
    window = deviation.by.shape[1:]
    position = torch.zeros_like(flat)
    for axis, index in enumerate(torch.unravel_index(flat, window)):
        start = deviation.at[axis]
        position += (index if start is None else start + index) * math.prod(shape[axis + 1 :])
    return position
