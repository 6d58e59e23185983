"""How vulnerable are the layers and the model, from the scores of their channels?"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from radhard.analyses.deepvigor.plus.ladder import BOUND
from radhard.analyses.deepvigor.plus.layerwise import ChannelScores
from radhard.analyses.deepvigor.plus.pass_counts import PassCounts
from radhard.analyses.deepvigor.plus.sampled import BoundedMean, weighted

__all__ = ["summary"]

_WAYS = ("first order", "far out")


def summary(
    parts: Sequence[ChannelScores], costs: Mapping[str, PassCounts], *, images: int, strict: bool
) -> dict[str, Any]:
    """The facts of an analysis, as plain values.

    ``lvf``: layer vulnerability factors, means over the channels, each with ``low`` and ``high``:
    limits at 95 % that allow for the channels, neurons, weights and products that were not drawn,
    for undecided errors, and for inferred predictions. ``mvf``, with limits too: their means over
    the layers; ``total`` weights the activations of a layer with N/(N + W) and its weights with
    W/(N + W), where N is the number of words of its output, or, in ``total_by_inputs``, of its
    input.
    """
    layers = {part.name: part.whole for part in parts}
    doubts = {}
    for part in parts:
        cost = costs["weights" if part.name.endswith(".weight") else "activations"]
        doubts[part.name] = float(np.nanmean(part.doubt(cost.wrong_at_most)))
    models = {
        name: _plain(
            weighted([layers[at] for at in weights_of], list(weights_of.values())),
            sum(weight * doubts[at] for at, weight in weights_of.items()),
        )
        for name, weights_of in _shares(parts).items()
    }
    return {
        "lvf": {name: _plain(mean, doubts[name]) for name, mean in layers.items()},
        "mvf": models,
        "ranges": {part.name: _ranges(part, strict) for part in parts},
        "images": images,
        "simulations": {kind: cost.simulations for kind, cost in costs.items()},
        "rows": {kind: cost.rows for kind, cost in costs.items()},
        "inferred": {kind: int(cost.inferred.sum()) for kind, cost in costs.items()},
        "audited": {kind: int(cost.audited.sum()) for kind, cost in costs.items()},
        "audited_wrong": {kind: int(cost.wrong.sum()) for kind, cost in costs.items()},
        "wrong_at_most": {
            kind: dict(zip(_WAYS, cost.wrong_at_most.tolist(), strict=True))
            for kind, cost in costs.items()
        },
        "channels": {part.name: len(part.drawn) for part in parts},
    }


def _shares(parts: Sequence[ChannelScores]) -> dict[str, dict[str, float]]:
    """How much each part counts in the means of the model, by the name of the mean."""
    weights = {p.name.removesuffix(".weight"): p for p in parts if p.name.endswith(".weight")}
    activations = {p.name: p for p in parts if not p.name.endswith(".weight")}
    shares: dict[str, dict[str, float]] = {}
    for kind, of_kind in (("weights", weights), ("activations", activations)):
        if of_kind:
            shares[kind] = {part.name: 1 / len(of_kind) for part in of_kind.values()}
    if weights and activations:
        for name, by in (("total", "outputs"), ("total_by_inputs", "inputs")):
            weights_of = shares[name] = {}
            for layer, part in weights.items():
                words = getattr(part, by)
                # Words weigh within a layer; layers weigh the same, as in the means of one kind.
                every = (words + part.weights) * len(weights)
                weights_of |= {part.name: part.weights / every, layer: words / every}
    return shares


def _plain(bounds: BoundedMean, doubt: float) -> dict[str, float]:
    """With limits that allow for wrong inferred predictions."""
    low, high = max(0.0, bounds.low - doubt), min(1.0, bounds.high + doubt)
    return {"value": bounds.value, "low": low, "high": high}


def _ranges(part: ChannelScores, strict: bool) -> dict[str, list[float | None]]:
    ranges = {}
    for channel, limits in part.ranges.items():
        # Errors from the bound on are critical by definition, so that no range reaches further.
        bounded = [
            math.copysign(min(abs(end), math.inf if strict else BOUND), end) for end in limits
        ]
        ranges[str(channel)] = [end if math.isfinite(end) else None for end in bounded]
    return ranges
