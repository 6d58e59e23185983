"""Which channels are vulnerable, from value ranges and the errors that bit flips really cause?"""

import math
from collections.abc import Iterator, Mapping
from typing import Literal

import numpy as np
from torch import Tensor

from radhard.analyses.base import Analysis, Found
from radhard.analyses.deepvigor.plus.displacements import Displacements
from radhard.analyses.deepvigor.plus.evaluator import Asked
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
"""Of the layers' outputs: in narrower types rounding decides many answers."""

_ROWS = 6400
"""Probes that are searched in step, about."""


@component
class DeepVigorPlus(Analysis):
    """Vulnerability factors of channels, from value ranges and real bit flips.

    (Ahmadilivani et al., DeepVigor+, 2024). For every convolution and linear layer, by channel: the
    share of single bit flips that change an answer, in the channel's weights (as ``conv1.weight``)
    or in one input of one of its neurons (as ``conv1``). The errors that flips cause are computed,
    not injected; which of them are critical is bisected for every image, one pass serving all.

    Args:
        of: faults in weights, in activations, or both.
        channels: the share of each layer's channels that is looked at, drawn at random; the others
            have no score.
        neurons: of each such channel, for activations: ``"log2"`` of their number, ``"all"``, or
            so many.
        error: ``"uniform"``, as published: one distribution of errors for all images, each the same
            all over a channel. ``"pattern"``: each image meets its own errors, where they are: that
            of a weight is ``error * input`` at every position, for one weight an image and draw.
        grid: ``"powers"`` of two from 2^-10 on, as published: the errors between two of them stay
            open; ``"refined"``: powers of two first, then those errors; ``"adaptive"``: the errors
            themselves from the start, for values of any size.
        strict: try also errors beyond 2^10, which as published are critical by definition. NaN is
            so always.
        tolerance: leave a search once the errors that are still open are this share of all.
        screen: do not pass images whose margins shift by less than this part of themselves, to
            first order; nor those in which a neuron is so far off that it alone decides, once a few
            images agree on the answer. A share of what was inferred so is passed all the same, and
            the facts say how often the answer was another one. 0: pass all.
        draws: weights for each image, with ``error="pattern"``.
        images: samples that are looked at, from the first on.
        format: how the faulty words are stored.

    ``low`` and ``high`` are limits at 95 %: of what drawing neurons, weights and products, leaving
    a search, and inferring answers have left open; the last at the upper limit of the share that
    proved wrong. That ``error="uniform"`` takes all images alike is not in them. The facts have the
    layers' and the model's factors (``lvf``, ``mvf``), with limits that allow for the channels that
    were not drawn too; the ranges of harmless errors, and what was asked of the model.
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
                f"DeepVigorPlus: channels={self.channels} is not allowed; a share above 0, up to 1"
            )
        for name in ("tolerance", "screen"):
            if not 0 <= getattr(self, name) < 1:
                raise InputError(
                    f"DeepVigorPlus: {name}={getattr(self, name)} is not allowed; a share from 0"
                )
        for name in ("draws", "images", "neurons"):
            value = getattr(self, name)
            if isinstance(value, int) and value < 1:
                raise InputError(f"DeepVigorPlus: {name}={value} is not allowed; at least 1")

    def find(self, workload: Workload) -> Found:
        own = workload.first(self.images)
        inputs, left = given(own)
        workload.left_out.update(left)
        if not inputs:
            raise InputError(f"{self!r} can look at no layer: {reasons(left)}")
        names = [layer.name for layer in inputs]
        probes = Probes(own, names, rows=_ROWS, replay_extremes=True, dtypes=_DTYPES)
        screen = Screen.of(probes, list(probes.sites)) if self.screen else None
        parts: list[ChannelScores] = []
        costs = {}
        for kind in ("weights", "activations"):
            if self.of not in (kind, "both"):
                continue
            found: list[ChannelScores] = []
            audits = workload.random(len(inputs), kind == "weights")
            rows = self._rows(kind, probes, inputs)
            asked = Asked(probes, self.tolerance, screen, self.screen, rows, audits)
            for number, (layer, values) in enumerate(inputs.items()):
                products = Products(layer, values)
                purpose = (number, kind == "weights")
                drawn = channels_of(products.channels, self.channels, workload.random(*purpose))
                chance = Chance(workload, products.weight, *purpose)
                if kind == "weights":
                    found.append(self._filters(asked, layer, products, drawn, chance))
                else:
                    found.append(self._neurons(asked, layer, products, drawn, chance))
                workload.bar.step(number + 1, len(inputs))
            parts += [part.widened(asked.cost.wrong_at_most) for part in found]
            costs[kind] = asked.cost
        workload.samples += own.samples
        facts = summary(parts, costs, images=len(own.data), strict=self.strict)
        scores = {part.name: part.values for part in parts}
        low, high = (
            {part.name: part.low for part in parts},
            {part.name: part.high for part in parts},
        )
        return Found("channel", scores, "share", low, high, facts)

    def _rows(self, kind: str, probes: Probes, inputs: Mapping[Layer, Tensor]) -> int:
        """How many rows there will be, about."""
        rows = 0
        for layer in inputs:
            channels = len(layer.weight)
            places = math.prod(probes.site(layer.name).shape) // channels
            each = self.draws if kind == "weights" else size_of(places, self.neurons)
            rows += share_of(channels, self.channels) * each * len(probes.workload.data)
        return rows

    def _filters(
        self,
        asked: Asked,
        layer: Layer,
        products: Products,
        drawn: Numbers,
        chance: Chance,
    ) -> ChannelScores:
        own = self.error == "pattern"
        displacements = Displacements(self.format)
        faults = Filters(asked, displacements, self.grid, self.strict, own, self.draws)
        size = max(1, _ROWS // (products.samples * (self.draws if own else 1)))
        found = [
            faults.verdicts(layer, products, channels, chance)
            for channels in _chunks(drawn, size if own else min(size, 16))
        ]
        return of_filters(layer, products, drawn, found)

    def _neurons(
        self,
        asked: Asked,
        layer: Layer,
        products: Products,
        drawn: Numbers,
        chance: Chance,
    ) -> ChannelScores:
        displacements = Displacements(self.format).fitted(products.inputs)
        own = self.error == "pattern"
        moved = moved_inputs(layer, products, displacements) if own else None
        faults = Neurons(asked, displacements, self.grid, self.strict, own, moved)
        places = math.prod(products.positions)
        some = [neurons_of(places, self.neurons, chance.of(c)) for c in drawn.tolist()]
        channels = np.repeat(drawn, [len(at) for at in some])
        flat = np.concatenate(some)
        found = []
        for chunk in _chunks(np.arange(len(flat)), max(1, _ROWS // products.samples)):
            found.append(faults.verdicts(layer, products, channels[chunk], flat[chunk], chance))
        return of_neurons(layer, products, drawn, channels, found)


def _chunks(numbers: Numbers, size: int) -> Iterator[Numbers]:
    for start in range(0, len(numbers), size):
        yield numbers[start : start + size]
