"""How vulnerable is a neuron to faults in what it is given?"""

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from radhard.analyses.deepvigor.plus.asking import Asked, Case
from radhard.analyses.deepvigor.plus.counting import Shares, joined, settled_shares, shares
from radhard.analyses.deepvigor.plus.displacements import Displacements
from radhard.analyses.deepvigor.plus.drawing import Chance, Numbers, some
from radhard.analyses.deepvigor.plus.ladder import Grid, ladder
from radhard.analyses.deepvigor.plus.products import Products
from radhard.analyses.deepvigor.plus.search import Settled
from radhard.analyses.deepvigor.plus.verdicts import Verdicts
from radhard.analyses.subject import Layer

__all__ = ["Neurons", "moved_inputs"]

_PRODUCTS = 32
"""Inputs of a neuron whose errors stand for all, in an image."""
_ERRORS = 2**22
"""Errors that are counted at a time."""
_HELD = 2**25
"""Displacements of a layer's inputs that are held, at most."""


@dataclass(frozen=True)
class Neurons:
    """Faults in one input of one neuron: a bit flip of it is an error of that neuron's output."""

    asked: Asked
    displacements: Displacements
    grid: Grid
    strict: bool
    own: bool
    moved: Tensor | None
    """By how much flips move what the layer is given, as by `moved_inputs`."""

    def verdicts(
        self,
        layer: Layer,
        products: Products,
        channels: Numbers,
        at: Numbers,
        chance: Chance,
    ) -> Verdicts:
        """Of some neurons, each given by its channel and its flat position in there."""
        channel, position = torch.from_numpy(channels), torch.from_numpy(at)
        if isinstance(layer.module, nn.Linear):
            flat = position * products.channels + channel
        else:
            flat = channel * math.prod(products.positions) + position
        n = products.samples
        samples = torch.arange(n).repeat(len(flat))
        each = channel.repeat_interleave(n)
        drawn = [
            some(products.count, _PRODUCTS, n, chance.of(c, p))
            for c, p in zip(channels.tolist(), at.tolist(), strict=True)
        ]
        which = torch.from_numpy(np.concatenate(drawn))
        where = position.repeat_interleave(n)[:, None]
        met = products.met(samples[:, None], each[:, None], which, where)
        weights = products.weight[each[:, None], which].double()
        errors = self.displacements.of(met) * weights[..., None]
        if self.own:
            steps = ladder(errors.flatten(1), self.grid, strict=self.strict)
        else:
            steps = ladder(errors.reshape(len(flat), -1), self.grid, strict=self.strict)
            steps = steps.of(torch.arange(len(flat)).repeat_interleave(n))
        case = Case(samples, flat.repeat_interleave(n), steps, neurons=True)
        sure, positive, negative = self.asked.factors(layer.name, case)
        if not self.own:
            found = settled_shares(sure, positive, negative)
            return Verdicts.of(positive, negative, found, n)
        if self.moved is not None:
            found = self._every(products, channels, positive, negative, self.moved)
            return Verdicts.of(positive, negative, found, n)
        rows = torch.arange(len(samples))
        found = shares(errors, positive, negative, rows, strict=self.strict)
        return Verdicts.of(positive, negative, found, n, products=products.count)

    def _every(
        self,
        products: Products,
        channels: Numbers,
        positive: Settled,
        negative: Settled,
        moved: Tensor,
    ) -> Shares:
        """From the errors of all products: where a row turns critical does not depend on them."""
        n, step = products.samples, max(1, _ERRORS // moved[0].numel())
        found = []
        for number, channel in enumerate(channels.tolist()):
            weights = products.weight[channel].double()[:, None]
            for samples in torch.split(torch.arange(n), step):
                rows = number * n + samples
                errors = moved[samples] * weights
                found.append(shares(errors, positive, negative, rows, strict=self.strict).mean())
        return joined(found)


def moved_inputs(layer: Layer, products: Products, displacements: Displacements) -> Tensor | None:
    """By how much flips move what a layer is given, ``(samples, products, flips)``.

    None where its channels are not given the same, or where it is too much to hold.
    """
    shared = isinstance(layer.module, nn.Linear) and products.scalar
    if not shared or products.inputs.numel() * displacements.variants > _HELD:
        return None
    return displacements.of(products.inputs.flatten(1))
