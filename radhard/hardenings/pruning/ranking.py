"""Which channels of a group are the least important?"""

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from radhard.errors import InputError
from radhard.hardenings.draft import Draft
from radhard.hardenings.pruning.channel_groups import ChannelGroup
from radhard.scores import Scores

__all__ = ["by_l1", "by_scores", "least"]

Values = npt.NDArray[np.float64]


def by_scores(draft: Draft, group: ChannelGroup) -> Values:
    """The scores of a group's channels, summed over the layers; NaN if one of them has no score.

    Raises:
        InputError: there are no scores, or no suitable ones.
    """
    scores = draft.required_scores().at("channel")
    total = np.zeros(group.channels)
    for layer, places in group.makers.items():
        total += _of(draft, scores, layer, group)[list(places)]
    return total


def by_l1(draft: Draft, group: ChannelGroup) -> Values:
    """The L1 norms of the weights of a group's channels, summed over the layers."""
    total = np.zeros(group.channels)
    for layer, places in group.makers.items():
        weight = draft.model.get_submodule(layer).weight
        assert isinstance(weight, Tensor)
        norms = weight.detach().flatten(1).abs().sum(1, dtype=torch.float64)
        total += norms.cpu().numpy()[list(places)]
    return total


def least(values: Values, ratio: float) -> list[int]:
    """A share of the channels, those with the least values; never all, and none without a value.

    The number is rounded to the nearest integer, which may be 0 for a small layer.

    >>> least(np.array([0.3, 0.1, np.nan, 0.2]), 0.5)
    [1, 3]
    """
    n_scored = int((~np.isnan(values)).sum())
    # The share is one of all channels, also if some have no score.
    count = min(round(ratio * len(values)), n_scored, len(values) - 1)
    order = np.argsort(values, kind="stable")  # NaN last
    return sorted(order[:count].tolist())


def _of(draft: Draft, scores: Scores, layer: str, group: ChannelGroup) -> Values:
    values = scores.of(layer)
    if values is None:
        raise InputError(
            f"{draft.by}: there are no scores by {scores.by} for {layer!r}; use an analysis that "
            "scores all convolutions and linear layers, or by='l1'"
        )
    if len(values) <= max(group.makers[layer]):
        raise InputError(
            f"{draft.by}: there are only {len(values)} scores by {scores.by} for the channels of "
            f"{layer!r}"
        )
    return values
