"""Which channels of which layers are computed redundantly?"""

import torch
from torch import Tensor, nn

from radhard.errors import InputError
from radhard.hardenings.draft import Draft
from radhard.hardenings.part import Part
from radhard.hardenings.redundancy.copies import (
    Copies,
    channel_axis,
    described,
    duplicable,
    matrices,
)
from radhard.hardenings.redundancy.edac import ROUNDING
from radhard.workload.hooks import module_hooks

__all__ = ["chosen", "protected"]


def protected(draft: Draft) -> list[tuple[str, nn.Module]]:
    """The layers whose channels can be computed redundantly, by name; the others are recorded.

    These are convolutions and linear layers, including ``Conv1D`` of transformers, whose output is
    reproduced by a copy of all their channels.

    Raises:
        InputError: there is no such layer.
    """
    layers, left_out = [], {}
    seen = _passed(draft)
    for name, module in draft.model.named_modules():
        if isinstance(module, Part) or not _is_layer(name, module):
            continue
        kind = type(module).__name__
        if not duplicable(module):
            left_out[name or kind] = f"channels of {kind} cannot be computed again"
        elif name not in seen:
            left_out[name or kind] = f"a pass calls {kind} in no way that a hook can follow"
        elif not _repeats(module, *seen[name]):
            left_out[name or kind] = f"{kind} computes something else than its weights say"
        else:
            layers.append((name, module))
    sought = "Conv1d, Conv2d, Conv3d, Linear, and Conv1D of transformers"
    draft.cover("layers", [name or "the model" for name, _ in layers], left_out, sought=sought)
    return layers


def chosen(
    draft: Draft, layers: list[tuple[str, nn.Module]], share: float
) -> dict[str, tuple[int, ...]]:
    """The channels to protect in each layer: the most vulnerable share; all of the last layer.

    Raises:
        InputError: scores are needed and missing, or have another size.
    """
    last = _gives_the_logits(draft, layers)
    channels_of: dict[str, tuple[int, ...]] = {}
    for name, layer in layers:
        count = len(matrices(layer)[0])
        if share == 0:
            channels_of[name] = ()
        elif share == 1 or name == last:
            channels_of[name] = tuple(range(count))
        else:
            channels_of[name] = _top(draft, name, count, share)
    return channels_of


def _is_layer(name: str, module: nn.Module) -> bool:
    """Whether a module itself has a weight matrix."""
    # These compute the weight of a layer and are none themselves.
    if ".parametrizations." in f".{name}.":
        return False
    return duplicable(module) or any(p.ndim >= 2 for p in module.parameters(recurse=False))


def _passed(draft: Draft) -> dict[str, tuple[Tensor, Tensor]]:
    """First input and output of every module in a pass over one sample, if both are tensors."""
    calls_of: dict[str, tuple[Tensor, Tensor]] = {}

    def see(name: str, args: tuple[object, ...], kwargs: object, output: object) -> None:  # noqa: ARG001
        if args and isinstance(args[0], Tensor) and isinstance(output, Tensor):
            # Copies, as later operations may write into both in place.
            calls_of.setdefault(name, (args[0].clone(), output.clone()))

    modules = {name: m for name, m in draft.model.named_modules() if duplicable(m)}
    _, batch = next(draft.workload.data.batches(1))
    with torch.no_grad(), module_hooks(modules, after=see):
        draft.workload.steady(draft.model, batch)
    return calls_of


def _repeats(layer: nn.Module, argument: Tensor, output: Tensor) -> bool:
    """Whether copies of all channels reproduce the output of the layer.

    They do not if a user-defined class has another ``forward``, or modifies its weights.
    """
    weight, bias = matrices(layer)
    geometry = described(layer)
    channels = tuple(range(len(weight)))
    copies = Copies(geometry, channels).to(weight)
    copies.fill(weight, bias, channels)
    with torch.no_grad():
        again = copies(argument)
    if again.shape != output.shape or channel_axis(geometry, output) < 0:
        return False
    # Wider than what counts as an error between copies: another ``forward`` is off by far more, and
    # a layer must not be left out for its rounding.
    room = max(100 * ROUNDING, 8 * torch.finfo(output.dtype).eps) * output.abs().amax()
    return bool(((again - output).abs() <= room).all())


def _top(draft: Draft, name: str, count: int, share: float) -> tuple[int, ...]:
    scores = draft.required_scores().at("channel")
    key = next((n for n in (f"{name}.weight", name) if n in scores.values), None)
    if key is None:
        raise InputError(
            f"{draft.by}: there are no scores by {scores.by} for {name!r}; use an analysis that "
            "scores all convolutions and linear layers"
        )
    if len(scores[key]) != count:
        raise InputError(
            f"{draft.by}: there are {len(scores[key])} scores by {scores.by} for the {count} "
            f"channels of {name!r}; use scores of channels"
        )
    return tuple(scores.top(share)[key].tolist())


def _gives_the_logits(draft: Draft, layers: list[tuple[str, nn.Module]]) -> str | None:
    """The layer whose output is the output of the model, if there is one."""
    _, batch = next(draft.workload.data.batches(1))
    names = [name for name, _ in layers]
    with (
        torch.no_grad(),
        draft.workload.recorder.outputs(dict(layers)) as seen,
    ):
        logits = draft.workload.forward(batch)
    for name in reversed(names):
        # To the last bit: a layer with something behind it, if only a softmax, is not the last.
        if any(out.shape == logits.shape and torch.equal(out, logits) for out in seen[name]):
            return name
    return None
