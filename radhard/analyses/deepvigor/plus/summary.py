"""How vulnerable are the layers, and the model, once their channels are known?"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from radhard.analyses.deepvigor.plus.cost import Cost
from radhard.analyses.deepvigor.plus.ladder import BOUND
from radhard.analyses.deepvigor.plus.layerwise import Part
from radhard.stats import mean_share

__all__ = ["summary"]

_WAYS = ("first order", "far out")


def summary(
    parts: Sequence[Part], costs: Mapping[str, Cost], *, images: int, strict: bool
) -> dict[str, Any]:
    """The facts of an analysis, as plain values.

    ``lvf``: layer vulnerability factors, means over the channels that were drawn, with limits for
    those that were not, and for answers that were inferred. ``mvf``: their means over the layers;
    ``total`` weighs the activations of a layer with N/(N + W) and its weights with W/(N + W), N
    being the words that it hands on, or, in ``total_by_inputs``, those that it is given.
    """
    layers = {}
    for part in parts:
        mean = mean_share(part.drawn, population=len(part.values))
        cost = costs["weights" if part.name.endswith(".weight") else "activations"]
        doubt = float(np.nanmean(part.doubt(cost.wrong_at_most)))
        layers[part.name] = {
            "value": mean.value,
            "low": max(0.0, mean.low - doubt),
            "high": min(1.0, mean.high + doubt),
        }
    weights = {p.name.removesuffix(".weight"): p for p in parts if p.name.endswith(".weight")}
    activations = {p.name: p for p in parts if not p.name.endswith(".weight")}
    models = {
        kind: float(np.mean([layers[part.name]["value"] for part in own.values()]))
        for kind, own in (("weights", weights), ("activations", activations))
        if own
    }
    if weights and activations:
        for name, by in (("total", "outputs"), ("total_by_inputs", "inputs")):
            shares = []
            for layer, part in weights.items():
                words = getattr(part, by)
                stored = layers[part.name]["value"] * part.weights
                flowing = layers[layer]["value"] * words
                shares.append((stored + flowing) / (words + part.weights))
            models[name] = float(np.mean(shares))
    return {
        "lvf": layers,
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


def _ranges(part: Part, strict: bool) -> dict[str, list[float | None]]:
    found = {}
    for channel, limits in part.ranges.items():
        known = [math.copysign(min(abs(end), math.inf if strict else BOUND), end) for end in limits]
        found[str(channel)] = [end if math.isfinite(end) else None for end in known]
    return found
