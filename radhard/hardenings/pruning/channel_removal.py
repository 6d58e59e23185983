"""How are the least vulnerable channels of a model removed?"""

from typing import Literal

import torch

from radhard.errors import InputError
from radhard.hardenings.draft import Draft
from radhard.hardenings.part import parts
from radhard.hardenings.pruning.channel_groups import ChannelGroup, groups
from radhard.hardenings.pruning.pruned_channels import Pruned
from radhard.hardenings.pruning.ranking import by_l1, by_scores, least

__all__ = ["cut"]


def cut(draft: Draft, conv: float, linear: float, by: Literal["scores", "l1"]) -> None:
    """Remove a share of the channels of every layer, and record which.

    Raises:
        InputError: the model is already hardened, cannot be pruned, or does not run when pruned.
    """
    if earlier := list(dict.fromkeys(part.by for _, part in parts(draft.model))):
        raise InputError(
            f"{draft.by}: the model is already hardened ({', '.join(earlier)}); prune first, then "
            "harden the pruned model"
        )
    channel_groups, left_whole = groups(draft)
    rank = by_scores if by == "scores" else by_l1
    # All groups are ranked before any is pruned, since pruning one shortens the weights of others.
    chosen = [
        (group, least(rank(draft, group), linear if group.linear else conv))
        for group in channel_groups
        if (linear if group.linear else conv) > 0
    ]
    removed: dict[str, list[int]] = {}
    for group, gone in chosen:
        for layer, places in group.makers.items():
            if gone:
                removed[layer] = sorted(places[at] for at in gone)
    _note(draft, channel_groups, removed, left_whole)
    # Pruning replaces parameters, whose flags are then those of new ones.
    asking = {name: p.requires_grad for name, p in draft.model.named_parameters()}
    for group, gone in chosen:
        if gone:
            group.prune(gone)
    for name, parameter in draft.model.named_parameters():
        parameter.requires_grad_(asking[name])
    _check_forward(draft)
    draft.attach_to_model("pruned", Pruned(draft.by, removed=removed))


def _note(
    draft: Draft,
    channel_groups: list[ChannelGroup],
    removed: dict[str, list[int]],
    left_whole: dict[str, str],
) -> None:
    """Record which layers lose channels; the share of a small layer may be rounded to none."""
    # A layer that is not pruned is no less protected, hence exempt rather than left out.
    rounded = {
        layer: f"the share of its {group.channels} channels is none"
        for group in channel_groups
        for layer in group.makers
        if layer not in removed
    }
    draft.cover(
        "layers that lose channels", list(removed), {}, left_whole | rounded, required=False
    )


def _check_forward(draft: Draft) -> None:
    # A reshape to a fixed number of features is found only by a pass.
    _, batch = next(draft.workload.data.batches(1))
    try:
        with torch.no_grad():
            logits = draft.workload.steady(draft.model, batch)
    except Exception as error:  # a forward may raise anything with fewer channels
        raise InputError(
            f"{draft.by}: the forward of {type(draft.model).__name__} requires a fixed number of "
            f"channels, so it cannot be pruned ({(str(error).strip() or '-').splitlines()[0]})"
        ) from error
    if logits.shape[1:] != draft.workload.logits.shape[1:]:
        raise InputError(
            f"{draft.by}: after pruning, {type(draft.model).__name__} has outputs of shape "
            f"{tuple(logits.shape[1:])} per sample instead of "
            f"{tuple(draft.workload.logits.shape[1:])}; choose smaller ratios or another model"
        )
