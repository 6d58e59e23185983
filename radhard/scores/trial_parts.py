"""Which part of a model contains the fault of each trial?"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, final

import numpy as np
import numpy.typing as npt

from radhard.errors import InputError
from radhard.results import Results
from radhard.space import Region

__all__ = ["Level", "TrialParts", "Values", "parts_of", "trial_parts"]

Level = Literal["tensor", "channel", "element", "bit"]
"""What a score refers to: a tensor, a channel (of a linear layer, a neuron), a word or a bit."""

Values = Mapping[str, npt.NDArray[np.float64]]
"""Scores by tensor; NaN for parts that the analysis did not cover."""


@final
@dataclass(frozen=True)
class TrialParts:
    """The executed trials with a fault in one region, and the part that contains each fault."""

    place: int
    """The position of the region in the space."""
    scored: str
    """The name under which the tensor or its layer has scores."""
    matched: str
    rows: npt.NDArray[np.int64]
    """Indices into the executed trials."""
    parts: npt.NDArray[np.int64]
    """For each of them, the index of the part in the flattened scores."""


def trial_parts(
    level: Level, scores: Values, results: Results, *, axes: Mapping[str, int] | None = None
) -> Iterator[TrialParts]:
    """For each region of tensors with scores, the scored part that contains each trial's fault.

    Regions without trials are omitted, unless another one of the same scores has some. ``axes``:
    the output-channel axis of each weight for which it is not the first.

    Raises:
        InputError: a campaign at error rates.
    """
    if results.by_rate:
        raise InputError("trials at error rates have faults everywhere; use one fault per trial")
    space = results.space
    places, words, variants = space.locate(results.trials.at(results.numbers))
    # Layers stand in only if no tensor matches, so that a comparison is of one kind.
    by_tensor = {site.name for site in space.sites} & set(scores)
    matched = "tensor" if by_tensor else "layer"
    scored = [
        (site.name if site.name in scores else None) if by_tensor else _of_layer(site.layer, scores)
        for site in space.sites
    ]
    # The score of a channel, a value or a bit is that of codes, not of the scale of all.
    compared = [level == "tensor" or region.plane == "codes" for region in space.regions]
    tried = {scored[place] for place in np.unique(places).tolist() if compared[place]}
    for place, (name, region) in enumerate(zip(scored, space.regions, strict=True)):
        if name is None or name not in tried or not compared[place]:
            continue
        rows = np.flatnonzero(places == place)
        axis = (axes or {}).get(region.site.name)
        parts = parts_of(level, scores[name], words[rows], variants[rows], region, axis)
        yield TrialParts(place, name, matched, rows, parts)


def parts_of(
    level: Level,
    of_part: npt.NDArray[np.float64],
    words: npt.NDArray[np.int64],
    variants: npt.NDArray[np.int64],
    region: Region,
    axis: int | None,
) -> npt.NDArray[np.int64]:
    """For each fault of a region, the index of the score, among those of a tensor, that covers it.

    ``words`` are positions in the tensor, with the samples first if each has its own words.

    Raises:
        InputError: the scores do not fit the tensor, or faults of several bits.
    """
    shape = region.site.shape
    if level == "tensor":
        return np.zeros_like(words)
    # Scores are those of all samples, so that the sample of a word does not matter.
    words = words % max(int(np.prod(shape)), 1)
    if level == "bit":
        bits = [region.bits(variant) for variant in range(region.variants)]
        if any(len(each) != 1 or each[0] >= len(of_part) for each in bits):
            raise InputError(
                "scores by bit can be compared only with faults of one bit each, in words of "
                f"{len(of_part)} bits; use BitFlip() and the same format"
            )
        return np.array([each[0] for each in bits])[variants]
    if level == "element":
        if of_part.shape != shape:
            raise InputError(f"scores of shape {of_part.shape} for a tensor of shape {shape}")
        return words
    if axis is not None and axis < len(shape) and len(of_part) == shape[axis]:
        # Words are numbered in row-major order: the divisor is the stride of the axis.
        return words // max(int(np.prod(shape[axis + 1 :])), 1) % shape[axis]
    # By its length: the first axis of a weight has the output channels.
    if shape and len(of_part) == shape[0]:
        return words // max(int(np.prod(shape[1:])), 1)
    # Outputs of linear layers have their channels on the last axis.
    if shape and len(of_part) == shape[-1]:
        return words % shape[-1]
    raise InputError(f"{len(of_part)} channels have scores, but the tensor has shape {shape}")


def _of_layer(layer: str, scores: Values) -> str | None:
    return next((name for name in (f"{layer}.weight", layer) if name in scores), None)
