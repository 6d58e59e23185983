"""What follows for the channels of a layer, and how sure is it?"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from radhard.analyses.deepvigor.plus.drawing import Numbers
from radhard.analyses.deepvigor.plus.products import Products
from radhard.analyses.deepvigor.plus.strata import Strata
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
    resting: Array
    """The share of errors that rests on inferred answers, ``(channels, ways)``."""

    @property
    def drawn(self) -> Array:
        """The scores there are."""
        return self.values[~np.isnan(self.values)]

    def doubt(self, wrong: Array) -> Array:
        """By how much factors are off if these shares of what was inferred are wrong, ``(ways,)``.

        At most, ``(channels,)``: as far as an inferred answer is no oftener wrong where more rests
        on it.
        """
        doubt: Array = self.resting @ wrong
        return doubt

    def widened(self, wrong: Array) -> "Part":
        """With limits that allow for these shares of what was inferred being wrong, ``(ways,)``."""
        by = self.doubt(wrong)
        return replace(
            self,
            low=np.clip(self.low - by, 0.0, 1.0),
            high=np.clip(self.high + by, 0.0, 1.0),
        )


def of_filters(
    layer: Layer,
    products: Products,
    drawn: Numbers,
    found: Sequence[tuple[Verdicts, Strata | None]],
    population: int | None,
) -> Part:
    """Channels from their rows, a sample of a ``population`` of these unless that is None."""
    rows = _joined([verdicts for verdicts, _ in found])
    strata = [own for _, own in found if own is not None]
    values = rows.factors
    low, high = rows.low.mean(axis=1), rows.high.mean(axis=1)
    if strata:
        every = Strata.joined(strata)
        below, above = values - low, high - values
        means = np.array([every.mean(at, own) for at, own in enumerate(rows.middle)])
        values, low, high = means[:, 0], means[:, 1] - below, means[:, 2] + above
    elif population is not None:
        drawing = [_limits(each, population) for each in rows.middle]
        low = np.array([at[0] for at in drawing]) - (values - low)
        high = np.array([at[1] for at in drawing]) + (high - values)
    channels = {int(c): (rows.negative[at], rows.positive[at]) for at, c in enumerate(drawn)}
    estimates = (values, low, high)
    return _part(f"{layer.name}.weight", products, drawn, estimates, rows.resting, channels)


def of_neurons(
    layer: Layer, products: Products, drawn: Numbers, of: Numbers, found: Sequence[Verdicts]
) -> Part:
    """Channels from their neurons; ``of`` is the channel of each."""
    rows = _joined(found)
    places = math.prod(products.positions)
    values, low, high, resting, channels = [], [], [], [], {}
    for channel in drawn.tolist():
        mine = of == channel
        values.append(rows.factors[mine].mean())
        drawing = _limits(rows.factors[mine], places)
        low.append(drawing[0] - (rows.middle[mine] - rows.low[mine]).mean())
        high.append(drawing[1] + (rows.high[mine] - rows.middle[mine]).mean())
        resting.append(rows.resting[mine].mean(axis=0))
        channels[channel] = (rows.negative[mine], rows.positive[mine])
    estimates = (np.array(values), np.array(low), np.array(high))
    return _part(layer.name, products, drawn, estimates, np.array(resting), channels)


def _limits(values: Array, population: int | None) -> tuple[float, float]:
    """Limits of the mean over the population, at 95 %."""
    mean = mean_share(values, population=population)
    return mean.low, mean.high


def _joined(found: Sequence[Verdicts]) -> Verdicts:
    names = ("low", "high", "middle", "positive", "negative", "resting")
    return Verdicts(*(np.concatenate([getattr(each, name) for each in found]) for name in names))


def _part(
    name: str,
    products: Products,
    drawn: Numbers,
    found: tuple[Array, Array, Array],
    resting: Array,
    channels: dict[int, tuple[Array, Array]],
) -> Part:
    every = np.full((len(found), products.channels), np.nan)
    every[:, drawn] = np.clip(found, 0.0, 1.0)
    values, low, high = every
    rests = np.full((products.channels, resting.shape[1]), np.nan)
    rests[drawn] = resting
    ranges = {
        c: (-float(below.min()), float(above.min())) for c, (below, above) in channels.items()
    }
    inputs = products.inputs[0].numel()
    outputs = products.channels * math.prod(products.positions)
    words = (products.weight.numel(), inputs, outputs)
    return Part(name, values, low, high, ranges, *words, rests)
