"""What is the mean of a measure of every channel over the samples?"""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from radhard.analyses.base import AnalysisResult
from radhard.analyses.layer import Layer
from radhard.analyses.layer_recorder import layer_calls
from radhard.analyses.logit_gradients import LogitGradients, Pulls, pull, wide
from radhard.workload import Workload

__all__ = ["Sums", "of_activations", "of_gradients", "watch"]


class Sums:
    """A score of every channel of some layers, summed over the samples."""

    def __init__(self, workload: Workload, layers: Sequence[Layer]) -> None:
        self._workload, self._layers = workload, layers
        self._sums: dict[Layer, Tensor] = {}

    def add(self, layer: Layer, measured: Tensor) -> None:
        """Add the scores ``(samples, channels)`` of some samples."""
        # In double precision: single precision would lose digits over many batches.
        total = measured.sum(0, dtype=torch.float64)
        self._sums[layer] = self._sums[layer] + total if layer in self._sums else total

    def means(
        self, site: Callable[[Layer], str] = lambda layer: layer.output_site
    ) -> AnalysisResult:
        """Means over the samples, for the layers' outputs or another ``site`` of each layer.

        NaN if nothing was added, as for a layer that is never called, or if the layer is in
        ``workload.left_out``.
        """
        values = {}
        for layer in self._layers:
            if layer in self._sums and layer.name not in self._workload.left_out:
                # Over all samples and not over the calls: a layer that is called several times has
                # one score from all of its positions.
                mean = (self._sums[layer] / len(self._workload.data)).cpu().numpy()
            else:
                mean = np.full(len(layer.weight), np.nan)
            values[site(layer)] = mean
        return AnalysisResult("channel", values, layers=self._layers)


def watch(
    workload: Workload, layers: Sequence[Layer], take: Callable[[Layer, Tensor], None]
) -> None:
    """Call ``take`` with each layer's output, batch by batch.

    The output is ``(samples, channels, positions)``, at least float32, with the positions of all
    calls. Layers are left out that are not called or whose outputs have no axis of samples.
    """
    with torch.no_grad(), layer_calls(workload, layers) as seen:
        for rows, inputs in workload.batches():
            workload.forward(inputs)
            for layer in dict.fromkeys(passed.layer for passed in seen):
                parts = [wide(p.by_channel(p.outputs)) for p in seen if p.layer == layer]
                take(layer, torch.cat(parts, 2) if len(parts) > 1 else parts[0])
            workload.bar.step(rows.stop, len(workload.data))


def of_activations(
    workload: Workload, layers: Sequence[Layer], measure: Callable[[Tensor], Tensor]
) -> AnalysisResult:
    """Means of a measure of each layer's output.

    ``measure`` maps values ``(samples, channels, positions)`` to ``(samples, channels)``.
    """
    sums = Sums(workload, layers)
    watch(workload, layers, lambda layer, values: sums.add(layer, measure(values)))
    return sums.means()


def of_gradients(
    workload: Workload,
    layers: Sequence[Layer],
    pulls: Pulls,
    measure: Callable[[Tensor], Tensor],
) -> AnalysisResult:
    """Means of a measure of the gradients at the layers' outputs.

    ``measure`` maps ``(pulls, samples, channels, positions)`` to ``(samples, channels)``; the
    values for several parts of the pulls are added.
    """
    sums = Sums(workload, layers)

    def take(pulled: LogitGradients) -> None:
        sums.add(pulled.layer, measure(pulled.gradients))

    pull(workload, layers, pulls, take)
    return sums.means()
