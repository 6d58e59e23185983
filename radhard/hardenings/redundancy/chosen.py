"""Which channels of which layers are computed again?"""

import torch
from torch import Tensor, nn

from radhard.errors import InputError
from radhard.hardenings.redundancy.copies import LAYERS
from radhard.hardenings.workpiece import Workpiece

__all__ = ["chosen", "outputs", "protected"]


def protected(work: Workpiece) -> list[tuple[str, nn.Module]]:
    """The convolutions and linear layers of a model, by name.

    Raises:
        InputError: there is none.
    """
    return work.modules(LAYERS)


def chosen(
    work: Workpiece, layers: list[tuple[str, nn.Module]], share: float
) -> dict[str, tuple[int, ...]]:
    """By layer the channels to protect: the most vulnerable share, of the last layer all.

    Raises:
        InputError: scores are needed and not there, or are of another size.
    """
    last = _gives_the_logits(work, layers)
    found: dict[str, tuple[int, ...]] = {}
    for name, layer in layers:
        count = len(outputs(layer)[0])
        if share == 0:
            found[name] = ()
        elif share == 1 or name == last:
            found[name] = tuple(range(count))
        else:
            found[name] = _top(work, name, count, share)
    return found


def outputs(layer: nn.Module) -> tuple[Tensor, Tensor | None]:
    """Weight, one row a channel, and bias of a layer."""
    weight, bias = layer.weight, layer.bias
    assert isinstance(weight, Tensor)
    assert bias is None or isinstance(bias, Tensor)
    return weight, bias


def _top(work: Workpiece, name: str, count: int, share: float) -> tuple[int, ...]:
    scores = work.demanded_scores().at("channel")
    known = next((n for n in (f"{name}.weight", name) if n in scores.values), None)
    if known is None:
        raise InputError(
            f"{work.by}: the scores by {scores.by} say nothing about {name!r}; take an analysis "
            "that looks at all convolutions and linear layers"
        )
    if len(scores[known]) != count:
        raise InputError(
            f"{work.by}: {len(scores[known])} scores by {scores.by} for the {count} channels of "
            f"{name!r}"
        )
    return tuple(scores.top(share)[known].tolist())


def _gives_the_logits(work: Workpiece, layers: list[tuple[str, nn.Module]]) -> str | None:
    """The layer whose output is the model's, if one is."""
    _, batch = next(work.data.batches(1))
    names = [name for name, _ in layers]
    with torch.no_grad(), work.seeing(names) as seen:
        logits = work.call(work.model, batch)
    for name in reversed(names):
        if any(out.shape == logits.shape and torch.equal(out, logits) for out in seen[name]):
            return name
    return None
