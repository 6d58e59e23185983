"""How are the neurons of one layer analyzed?"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from radhard.analyses.deepvigor.class_ranges import merged
from radhard.analyses.deepvigor.flips import held_in, vulnerable_bits
from radhard.analyses.deepvigor.last_layer import thresholds_of_logits
from radhard.analyses.deepvigor.probes import Probes
from radhard.analyses.deepvigor.thresholds import Search, Thresholds, searched
from radhard.formats import Format
from radhard.vulnerability_ranges import Limits

__all__ = ["OfLayer", "analysed", "drawn"]

_TOGETHER = 2**19
"""Neurons times inputs that are searched together: limits the memory, and fills the passes."""


@dataclass
class OfLayer:
    """The analyzed neurons of one layer."""

    limits: Limits
    nvf: npt.NDArray[np.float64]
    """Share of the flips of each neuron's bits, over all inputs, that change the class."""
    bvf: npt.NDArray[np.float64]
    """Share of the flips of each bit, over all neurons and inputs, that change the class."""
    skipped: int
    """Neurons and signs left out because of the gradient."""
    refuted: int
    """Neurons and signs with the same gradient, but with a change of class at the bound."""
    forwards: float
    """Forward passes of all inputs per neuron, or the equivalent number of partial passes."""


def drawn(
    neurons: int | float | None, size: int, rng: np.random.Generator
) -> npt.NDArray[np.int64]:
    """The neurons of a layer that are analyzed, ascending: all, a share, or a number of them."""
    if neurons is None:
        return np.arange(size, dtype=np.int64)
    count = neurons if isinstance(neurons, int) else max(1, round(neurons * size))
    return np.sort(rng.choice(size, min(count, size), replace=False)).astype(np.int64)


def analysed(
    probes: Probes,
    layer: str,
    neurons: npt.NDArray[np.int64],
    search: Search,
    format: Format,
    outliers: float,
    step: Callable[[int], None],
) -> OfLayer:
    """Thresholds of some neurons, block by block; merged by class, and compared with bit flips."""
    workload, site = probes.workload, probes.site(layer)
    golden = probes.golden(layer).flatten(1)
    fitted = held_in(format, workload.model, site, golden.reshape(-1, *site.shape))
    n, classes = workload.logits.shape
    before, skipped, refuted = workload.samples, 0, 0
    ends: list[list[torch.Tensor]] = [[], [], [], []]
    counts, bits = [], torch.zeros(fitted.bits, dtype=torch.int64)
    numbers = torch.from_numpy(neurons).to(golden.device)
    # Each neuron is searched on all inputs, so that the more of these there are, the fewer neurons
    # fit.
    for block in torch.split(numbers, max(1, _TOGETHER // n)):
        down, up = (_thresholds(probes, layer, block, sign, search) for sign in (-1, 1))
        skipped += down.skipped + up.skipped
        refuted += down.refuted + up.refuted
        # In the order of the fields of `Limits`.
        for at, thresholds in ((0, down), (2, up)):
            safe, unsafe = merged(thresholds, workload.predictions, classes, outliers)
            ends[at].append(safe.cpu())
            ends[at + 1].append(unsafe.cpu())
        words = fitted.take(block, site.shape)
        # From the thresholds of each input and not from the merged ranges, which have no verdict
        # for flips that change only some inputs.
        by_neuron, by_bit = vulnerable_bits(golden[:, block], words, up, down)
        counts.append(by_neuron)
        bits += by_bit
        step(len(block))
    limits = Limits(site.shape, neurons, *(torch.cat(parts).numpy() for parts in ends))
    return OfLayer(
        limits,
        # All flips of a neuron: each of its bits on each input.
        torch.cat(counts).double().numpy() / (n * fitted.bits),
        bits.double().numpy() / (n * len(neurons)),
        skipped,
        refuted,
        (workload.samples - before) / (n * len(neurons)),
    )


def _thresholds(
    probes: Probes, layer: str, neurons: torch.Tensor, sign: int, search: Search
) -> Thresholds:
    if probes.gives_logits(layer):
        workload = probes.workload
        return thresholds_of_logits(workload.logits, workload.predictions, neurons, sign)
    return searched(probes, layer, neurons, sign, search)
