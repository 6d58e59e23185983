"""Which channels are vulnerable, from value ranges and the errors caused by bit flips?"""

import math
from collections.abc import Iterator, Mapping
from typing import Literal

import numpy as np
from torch import Tensor

from radhard.analyses.base import Analysis, AnalysisResult
from radhard.analyses.deepvigor.plus.displacements import Displacements
from radhard.analyses.deepvigor.plus.evaluator import Evaluator
from radhard.analyses.deepvigor.plus.filter_vulnerability import Filters
from radhard.analyses.deepvigor.plus.ladder import Grid
from radhard.analyses.deepvigor.plus.layer_inputs import given
from radhard.analyses.deepvigor.plus.layerwise import ChannelScores, of_filters, of_neurons
from radhard.analyses.deepvigor.plus.neuron_vulnerability import Neurons, moved_inputs
from radhard.analyses.deepvigor.plus.products import Products
from radhard.analyses.deepvigor.plus.sampling import (
    Chance,
    Count,
    Numbers,
    channels_of,
    neurons_of,
    share_of,
    size_of,
)
from radhard.analyses.deepvigor.plus.screening import Screen
from radhard.analyses.deepvigor.plus.summary import summary
from radhard.analyses.deepvigor.probes import Probes
from radhard.analyses.layer import Layer
from radhard.errors import InputError
from radhard.formats import Float32, Format
from radhard.spec import component
from radhard.targets.patterns import reasons
from radhard.workload import Workload

__all__ = ["DeepVigorPlus"]

_DTYPES = ("float32", "float64")
"""Supported types of layer outputs: in narrower types, rounding decides many predictions."""

_ROWS = 6400
"""Approximate number of probes that are searched together."""


@component
class DeepVigorPlus(Analysis):
    """Vulnerability factors of channels, from value ranges and real bit flips.

    (Ahmadilivani et al., DeepVigor+, 2024). For every convolution and linear layer, by channel: the
    share of single bit flips that change a prediction, in the channel's weights (as
    ``conv1.weight``) or in one input of one of its neurons (as ``conv1``). The errors caused by
    flips are computed, not injected; the magnitude from which they are critical is found by
    bisection for every image, with common passes.

    Args:
        of: faults in weights, in activations, or both.
        channels: the share of each layer's channels that is analyzed, drawn at random; the others
            have no score.
        neurons: the number of neurons of each such channel, for activations: ``"log2"`` of all,
            ``"all"``, or a number.
        error: ``"uniform"``, as published: one distribution of errors for all images, with the same
            error at all positions of a channel. ``"pattern"``: each image has its own errors at
            their positions: that of a weight is ``error * input`` at every position, for one weight
            per image and draw.
        grid: ``"powers"`` of two from 2^-10 on, as published: errors between two of them remain
            undecided; ``"refined"``: powers of two first, then these errors; ``"adaptive"``: the
            errors themselves from the start, for values of any magnitude.
        strict: also try errors beyond 2^10, which are critical by definition as published. NaN is
            always critical.
        tolerance: end a search once the undecided errors are at most this share of all.
        screen: do not execute images whose margins change by less than this share of themselves, to
            first order; nor those in which the deviation of a neuron is so large that it alone
            decides, once a few images have the same prediction. A share of the inferred predictions
            is executed nevertheless, and the facts report how often the prediction differed. 0:
            execute all.
        draws: weights for each image, with ``error="pattern"``.
        images: the number of samples that are analyzed, from the first on.
        format: how the faulty words are stored.

    ``low`` and ``high`` are limits at 95 %, for the sampling of neurons, weights and products, for
    searches that ended early, and for inferred predictions; the latter with the upper limit of the
    share that were wrong. The assumption of ``error="uniform"`` that all images are alike is not
    included. The facts contain the factors of the layers and of the model (``lvf``, ``mvf``), with
    limits that also allow for the channels that were not drawn; the ranges of harmless errors; and
    the number of passes.

    Cost: 4 to 8 forwards of the part behind each analyzed channel, for images whose prediction is
    not inferred.
    """

    of: Literal["weights", "activations", "both"] = "both"
    channels: float = 1.0
    neurons: Count = "log2"
    error: Literal["uniform", "pattern"] = "pattern"
    grid: Grid = "refined"
    strict: bool = True
    tolerance: float = 0.0005
    screen: float = 0.3
    draws: int = 1
    images: int = 100
    format: Format = Float32()

    def check(self) -> None:
        if not 0 < self.channels <= 1:
            raise InputError(
                f"DeepVigorPlus: channels={self.channels} is not allowed; give a share above 0 and "
                "up to 1"
            )
        for name in ("tolerance", "screen"):
            if not 0 <= getattr(self, name) < 1:
                raise InputError(
                    f"DeepVigorPlus: {name}={getattr(self, name)} is not allowed; give a share "
                    "from 0"
                )
        for name in ("draws", "images", "neurons"):
            value = getattr(self, name)
            if isinstance(value, int) and value < 1:
                raise InputError(f"DeepVigorPlus: {name}={value} is not allowed; give at least 1")

    def find(self, workload: Workload) -> AnalysisResult:
        first_images = workload.first(self.images)
        inputs, left_out = given(first_images)
        workload.left_out.update(left_out)
        if not inputs:
            raise InputError(f"{self!r} cannot analyze any layer: {reasons(left_out)}")
        names = [layer.name for layer in inputs]
        probes = Probes(first_images, names, rows=_ROWS, replay_extremes=True, dtypes=_DTYPES)
        screen = Screen.of(probes, list(probes.sites)) if self.screen else None
        parts: list[ChannelScores] = []
        costs = {}
        for kind in ("weights", "activations"):
            if self.of not in (kind, "both"):
                continue
            of_layers: list[ChannelScores] = []
            # A number that no layer has, so that audits and channels are drawn independently.
            audits = workload.random(len(inputs), kind == "weights")
            rows = self._rows(kind, probes, inputs)
            evaluator = Evaluator(probes, self.tolerance, screen, self.screen, rows, audits)
            for number, (layer, values) in enumerate(inputs.items()):
                products = Products(layer, values)
                purpose = (number, kind == "weights")
                drawn = channels_of(products.channels, self.channels, workload.random(*purpose))
                rng = Chance(workload, products.weight, *purpose)
                if kind == "weights":
                    of_layers.append(self._filters(evaluator, layer, products, drawn, rng))
                else:
                    of_layers.append(self._neurons(evaluator, layer, products, drawn, rng))
                workload.bar.step(number + 1, len(inputs))
            # After the last layer, as the audits of all layers together say how often inference is
            # wrong.
            parts += [part.widened(evaluator.cost.wrong_at_most) for part in of_layers]
            costs[kind] = evaluator.cost
        workload.samples += first_images.samples
        facts = summary(parts, costs, images=len(first_images.data), strict=self.strict)
        scores = {part.name: part.values for part in parts}
        low, high = (
            {part.name: part.low for part in parts},
            {part.name: part.high for part in parts},
        )
        return AnalysisResult("channel", scores, "share", low, high, facts)

    def _rows(self, kind: str, probes: Probes, inputs: Mapping[Layer, Tensor]) -> int:
        """The approximate number of rows."""
        rows = 0
        for layer in inputs:
            channels = len(layer.weight)
            places = math.prod(probes.site(layer.name).shape) // channels
            each = self.draws if kind == "weights" else size_of(places, self.neurons)
            rows += share_of(channels, self.channels) * each * len(probes.workload.data)
        return rows

    def _filters(
        self,
        evaluator: Evaluator,
        layer: Layer,
        products: Products,
        drawn: Numbers,
        rng: Chance,
    ) -> ChannelScores:
        by_pattern = self.error == "pattern"
        displacements = Displacements(self.format)
        faults = Filters(evaluator, displacements, self.grid, self.strict, by_pattern, self.draws)
        size = max(1, _ROWS // (products.samples * (self.draws if by_pattern else 1)))
        verdicts = [
            faults.verdicts(layer, products, channels, rng)
            # Without patterns the errors of thousands of products are in memory for every channel.
            for channels in _chunks(drawn, size if by_pattern else min(size, 16))
        ]
        return of_filters(layer, products, drawn, verdicts)

    def _neurons(
        self,
        evaluator: Evaluator,
        layer: Layer,
        products: Products,
        drawn: Numbers,
        rng: Chance,
    ) -> ChannelScores:
        displacements = Displacements(self.format).fitted(products.inputs)
        by_pattern = self.error == "pattern"
        moved = moved_inputs(layer, products, displacements) if by_pattern else None
        faults = Neurons(evaluator, displacements, self.grid, self.strict, by_pattern, moved)
        places = math.prod(products.positions)
        positions = [neurons_of(places, self.neurons, rng.of(c)) for c in drawn.tolist()]
        channels = np.repeat(drawn, [len(at) for at in positions])
        flat = np.concatenate(positions)
        verdicts = []
        for chunk in _chunks(np.arange(len(flat)), max(1, _ROWS // products.samples)):
            verdicts.append(faults.verdicts(layer, products, channels[chunk], flat[chunk], rng))
        return of_neurons(layer, products, drawn, channels, verdicts)


def _chunks(numbers: Numbers, size: int) -> Iterator[Numbers]:
    for start in range(0, len(numbers), size):
        yield numbers[start : start + size]
