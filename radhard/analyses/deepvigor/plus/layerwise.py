"""What are the scores of the channels of a layer, and their limits?"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from radhard.analyses.deepvigor.plus.products import Products
from radhard.analyses.deepvigor.plus.sampled import (
    BoundedMean,
    MemberSample,
    Sample,
    mean_of,
    student,
)
from radhard.analyses.deepvigor.plus.sampling import Numbers
from radhard.analyses.deepvigor.plus.strata import Strata
from radhard.analyses.deepvigor.plus.verdicts import Verdicts
from radhard.analyses.layer import Layer

__all__ = ["ChannelScores", "of_filters", "of_neurons"]

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class ChannelScores:
    """Scores of the channels of a layer for one kind of fault; NaN where none were drawn."""

    name: str
    values: Array
    low: Array
    high: Array
    ranges: dict[int, tuple[float, float]]
    """For each drawn channel, the critical errors nearest to zero, one per sign."""
    weights: int
    inputs: int
    outputs: int
    """Words of the layer's weight, and of its input and output for a sample."""
    resting: Array
    """The share of errors that depends on inferred predictions, ``(channels, ways)``."""
    whole: BoundedMean
    """The mean over all channels of the layer."""

    @property
    def drawn(self) -> Array:
        """The scores that are not NaN."""
        return self.values[~np.isnan(self.values)]

    def doubt(self, wrong: Array) -> Array:
        """The error of factors if these shares of the inferred predictions, ``(ways,)``, are wrong.

        An upper limit, ``(channels,)``, provided that an inferred prediction is not wrong more
        often if more errors depend on it.
        """
        doubt: Array = self.resting @ wrong
        return doubt

    def widened(self, wrong: Array) -> "ChannelScores":
        """With limits that allow for these shares of wrong inferred predictions, ``(ways,)``."""
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
    results: Sequence[tuple[Verdicts, Strata | None]],
) -> ChannelScores:
    """Channels from their rows, which are a sample if there are strata, and all otherwise."""
    rows = _joined([verdicts for verdicts, _ in results])
    strata = [stratum for _, stratum in results if stratum is not None]
    if strata:
        every = Strata.joined(strata)
        samples = [
            every.sample(at, *factors)
            for at, factors in enumerate(zip(rows.low, rows.middle, rows.high, strict=True))
        ]
    else:
        samples = [Sample(means) for means in rows.means]
    channels = {int(c): (rows.negative[at], rows.positive[at]) for at, c in enumerate(drawn)}
    return _part(f"{layer.name}.weight", products, drawn, samples, rows.resting, channels)


def of_neurons(
    layer: Layer, products: Products, drawn: Numbers, of: Numbers, verdicts: Sequence[Verdicts]
) -> ChannelScores:
    """Channels from their neurons; ``of`` is the channel of each."""
    rows = _joined(verdicts)
    places = math.prod(products.positions)
    factors = np.array(rows.means)
    by_channel = [factors[of == channel] for channel in drawn.tolist()]
    spreads = _spreads([of_channel[:, 1] for of_channel in by_channel], places)
    samples, resting, channels = [], [], {}
    for channel, of_channel, among in zip(drawn.tolist(), by_channel, spreads, strict=True):
        in_channel = of == channel
        low, middle, high = of_channel.T
        # Two independent errors: that neurons are drawn, and that products of a neuron are drawn
        # (`Verdicts.spread`).
        spread = math.hypot(
            among or 0.0, float(np.linalg.norm(rows.spread[in_channel])) / len(of_channel)
        )
        # Too few neurons for Student's t: the bounded factors are a sample of a finite population.
        if among is None:
            cell = MemberSample(low, middle, high, places)
            samples.append(Sample((0.0, 0.0, 0.0), 1.0, (cell,), spread))
        else:
            means = (float(low.mean()), float(middle.mean()), float(high.mean()))
            samples.append(Sample(means, spread=spread))
        resting.append(rows.resting[in_channel].mean(axis=0))
        channels[channel] = (rows.negative[in_channel], rows.positive[in_channel])
    return _part(layer.name, products, drawn, samples, np.array(resting), channels)


def _spreads(groups: Sequence[Array], places: int) -> list[float | None]:
    """Half widths of the 95 % intervals of the means over all neurons of channels.

    By Student's t with the standard deviation of the drawn neurons of the channel, or the pooled
    one of all channels if that is larger: a channel has too few neurons for a small standard
    deviation to be reliable. None if no such interval exists.
    """
    together = np.concatenate([group - group.mean() for group in groups])
    # Every group has lost one degree of freedom to its own mean.
    freedom = len(together) - len(groups)
    pooled = float(together @ together) / freedom if freedom else 0.0
    return [student(group, places, pooled=pooled, freedom=freedom) for group in groups]


def _joined(verdicts: Sequence[Verdicts]) -> Verdicts:
    names = ("low", "high", "middle", "positive", "negative", "resting", "spread")
    return Verdicts(*(np.concatenate([getattr(each, name) for each in verdicts]) for name in names))


def _part(
    name: str,
    products: Products,
    drawn: Numbers,
    samples: Sequence[Sample],
    resting: Array,
    channels: dict[int, tuple[Array, Array]],
) -> ChannelScores:
    means = [mean_of([sample]) for sample in samples]
    values, low, high = np.full((3, products.channels), np.nan)
    values[drawn] = [bounds.value for bounds in means]
    low[drawn], high[drawn] = [bounds.low for bounds in means], [bounds.high for bounds in means]
    mean = mean_of(samples)
    # With all channels drawn, nothing is added for sampling them.
    if len(drawn) < products.channels:
        mean = mean.of_all(values[drawn], products.channels)
    rests = np.full((products.channels, resting.shape[1]), np.nan)
    rests[drawn] = resting
    ranges = {c: (-_nearest(below), _nearest(above)) for c, (below, above) in channels.items()}
    inputs = products.inputs[0].numel()
    outputs = products.channels * math.prod(products.positions)
    words = (products.weight.numel(), inputs, outputs)
    return ChannelScores(name, values, low, high, ranges, *words, rests, mean)


def _nearest(critical: Array) -> float:
    """The smallest critical magnitude, infinite if there is none."""
    # NaN where nothing critical was found.
    finite = critical[~np.isnan(critical)]
    return float(finite.min()) if len(finite) else math.inf
