"""How vulnerable is a neuron to faults in what it is given?"""

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from radhard.analyses.deepvigor.plus.asking import Asked, Case
from radhard.analyses.deepvigor.plus.displacements import Displacements
from radhard.analyses.deepvigor.plus.drawing import Chance, Numbers, some
from radhard.analyses.deepvigor.plus.ladder import Grid, ladder
from radhard.analyses.deepvigor.plus.products import Products
from radhard.analyses.deepvigor.plus.verdicts import Verdicts
from radhard.analyses.subject import Layer

__all__ = ["Neurons"]

_PRODUCTS = 32
"""Inputs of a neuron whose errors stand for all, in an image."""


@dataclass(frozen=True)
class Neurons:
    """Faults in one input of one neuron: a bit flip of it is an error of that neuron's output."""

    asked: Asked
    displacements: Displacements
    grid: Grid
    strict: bool
    own: bool

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
        errors = (self.displacements.of(met) * weights[..., None]).flatten(1)
        if self.own:
            steps = ladder(errors, self.grid, strict=self.strict)
        else:
            steps = ladder(errors.reshape(len(flat), -1), self.grid, strict=self.strict)
            steps = steps.of(torch.arange(len(flat)).repeat_interleave(n))
        case = Case(samples, flat.repeat_interleave(n), steps, neurons=True)
        return Verdicts.of(*self.asked.factors(layer.name, case), n)
