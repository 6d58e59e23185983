"""How large is the range of a channel's values?"""

from collections.abc import Sequence
from typing import Literal

import numpy as np
from torch import Tensor

from radhard.analyses.base import Analysis, AnalysisResult
from radhard.analyses.channel_statistics import Sums, watch
from radhard.analyses.layer import Layer
from radhard.analyses.layers import layers_of
from radhard.spec import component
from radhard.workload import Workload

__all__ = ["ValueRange"]


@component
class ValueRange(Analysis):
    """Range of every channel's activations (Mahmoud et al., HarDNN, 2020).

    Fast and coarse: one forward pass; later layers are not taken into account. By channel of every
    convolution and linear layer.

    ``over``: the range of the channel's values over all samples (``"data"``), or the mean over the
    samples of the range within the map (``"sample"``). With the latter a channel with one value per
    sample, such as a neuron of a linear layer, has no score. ``kinds`` names further classes of
    layers to evaluate (`MaxValue`).

    Cost: 1 forward.
    """

    over: Literal["data", "sample"] = "data"
    kinds: tuple[str, ...] = ()

    def find(self, workload: Workload) -> AnalysisResult:
        layers = layers_of(workload, repr(self), self.kinds)
        return (_of_samples if self.over == "sample" else _of_all)(workload, layers)


def _of_samples(workload: Workload, layers: Sequence[Layer]) -> AnalysisResult:
    sums = Sums(workload, layers)

    def take(layer: Layer, values: Tensor) -> None:
        if values.shape[2] == 1:
            workload.left_out[layer.name] = "one value a channel and sample, which has no range"
        else:
            sums.add(layer, values.amax(2) - values.amin(2))

    watch(workload, layers, take)
    return sums.means()


def _of_all(workload: Workload, layers: Sequence[Layer]) -> AnalysisResult:
    least: dict[Layer, Tensor] = {}
    largest: dict[Layer, Tensor] = {}

    def take(layer: Layer, values: Tensor) -> None:
        low, high = values.amin((0, 2)), values.amax((0, 2))
        least[layer] = low.minimum(least.get(layer, low))
        largest[layer] = high.maximum(largest.get(layer, high))

    watch(workload, layers, take)
    values = {}
    for layer in layers:
        if layer in least:
            # In double precision, in which the difference of two large values does not overflow.
            values[layer.output_site] = (largest[layer].double() - least[layer]).cpu().numpy()
        else:
            values[layer.output_site] = np.full(len(layer.weight), np.nan)
    return AnalysisResult("channel", values, layers=layers)
