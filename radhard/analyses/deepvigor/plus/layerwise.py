"""What follows for the channels of a layer, and how sure is it?"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from radhard.analyses.deepvigor.plus.drawing import Numbers
from radhard.analyses.deepvigor.plus.products import Products
from radhard.analyses.deepvigor.plus.verdicts import Verdicts
from radhard.analyses.subject import Layer
from radhard.stats import mean_share

__all__ = ["Part", "of_filters", "of_neurons"]

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Part:
    """Scores of the channels of a layer for one kind of fault; NaN where none were drawn."""

    name: str
    values: Array
    low: Array
    high: Array
    ranges: dict[int, tuple[float, float]]
    """For each drawn channel the errors nearest to zero, on either side, that were critical."""
    weights: int
    inputs: int
    outputs: int
    """Words of the layer's weight, and of what it is given and hands on for a sample."""

    @property
    def drawn(self) -> Array:
        """The scores there are."""
        return self.values[~np.isnan(self.values)]


def of_filters(
    layer: Layer,
    products: Products,
    drawn: Numbers,
    found: Sequence[Verdicts],
    population: int | None,
) -> Part:
    """Channels from their rows, a sample of a ``population`` of these unless that is None."""
    rows = _joined(found)
    values = rows.factors
    low, high = rows.low.mean(axis=1), rows.high.mean(axis=1)
    if population is not None:
        drawing = [_limits(each, population) for each in rows.middle]
        low = np.array([at[0] for at in drawing]) - (values - low)
        high = np.array([at[1] for at in drawing]) + (high - values)
    channels = {int(c): (rows.negative[at], rows.positive[at]) for at, c in enumerate(drawn)}
    return _part(f"{layer.name}.weight", products, drawn, (values, low, high), channels)


def of_neurons(
    layer: Layer, products: Products, drawn: Numbers, of: Numbers, found: Sequence[Verdicts]
) -> Part:
    """Channels from their neurons; ``of`` is the channel of each."""
    rows = _joined(found)
    places = math.prod(products.positions)
    values, low, high, channels = [], [], [], {}
    for channel in drawn.tolist():
        mine = of == channel
        values.append(rows.factors[mine].mean())
        drawing = _limits(rows.factors[mine], places)
        low.append(drawing[0] - (rows.middle[mine] - rows.low[mine]).mean())
        high.append(drawing[1] + (rows.high[mine] - rows.middle[mine]).mean())
        channels[channel] = (rows.negative[mine], rows.positive[mine])
    found_here = (np.array(values), np.array(low), np.array(high))
    return _part(layer.name, products, drawn, found_here, channels)


def _limits(values: Array, population: int | None) -> tuple[float, float]:
    """Limits of the mean over the population, at 95 %."""
    mean = mean_share(values, population=population)
    return mean.low, mean.high


def _joined(found: Sequence[Verdicts]) -> Verdicts:
    names = ("low", "high", "middle", "positive", "negative")
    return Verdicts(*(np.concatenate([getattr(each, name) for each in found]) for name in names))


def _part(
    name: str,
    products: Products,
    drawn: Numbers,
    found: tuple[Array, Array, Array],
    channels: dict[int, tuple[Array, Array]],
) -> Part:
    every = np.full((len(found), products.channels), np.nan)
    every[:, drawn] = np.clip(found, 0.0, 1.0)
    values, low, high = every
    ranges = {
        c: (-float(below.min()), float(above.min())) for c, (below, above) in channels.items()
    }
    inputs = products.inputs[0].numel()
    outputs = products.channels * math.prod(products.positions)
    return Part(name, values, low, high, ranges, products.weight.numel(), inputs, outputs)
