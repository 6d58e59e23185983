"""Which faults can strike what a hardening added?"""

import torch
from torch import nn

from radhard.errors import InputError
from radhard.faults import FaultModel
from radhard.formats import BFloat16, Float16, Float32, Float64, Format, is_stored_as
from radhard.hardenings import parts
from radhard.space import FaultSpace
from radhard.targets import Biases, Buffers, Target, Weights
from radhard.targets.stored import stored_tensor

__all__ = ["added_tensors", "stored_space"]

_OWN: dict[torch.dtype, Format] = {
    torch.float64: Float64(),
    torch.float32: Float32(),
    torch.float16: Float16(),
    torch.bfloat16: BFloat16(),
}


def added_tensors(model: nn.Module) -> tuple[str, ...]:
    """Names of the tensors that the parts of a hardened model hold: copies, bounds, check values.

    >>> added_tensors(nn.Linear(2, 2))
    ()
    """
    found = []
    for path, part in parts(model):
        tensors = dict((*part.named_parameters(), *part.named_buffers()))
        found += [f"{path}.{name}" for name in tensors]
    return tuple(dict.fromkeys(found))


def stored_space(
    model: nn.Module, names: tuple[str, ...], fault: FaultModel, format: Format
) -> FaultSpace | None:
    """The faults in some of the tensors that a model stores; None where none holds numbers.

    Words are those of ``format`` where all the tensors are stored so, else those of their dtype, as
    bounds are that a narrow format has no word for.

    Raises:
        InputError: the fault model cannot strike such words.
    """
    held = [n for n in names if stored_tensor(model, n).is_floating_point()]
    held = [name for name in held if stored_tensor(model, name).numel()]
    if not held:
        return None
    if not all(_suits(model, name, format) for name in held):
        kinds = {stored_tensor(model, name).dtype for name in held}
        own = _OWN.get(next(iter(kinds))) if len(kinds) == 1 else None
        if own is None:
            raise InputError(f"what was added is held as {kinds}, for which there is no format")
        format = own
    return FaultSpace.of(model, _named(model, held), fault, format)


def _named(model: nn.Module, names: list[str]) -> list[Target]:
    """The targets that find just these tensors."""
    kinds: tuple[type[Weights] | type[Biases] | type[Buffers], ...] = (Weights, Biases, Buffers)
    found: list[Target] = []
    for kind in kinds:
        own = {name for name, _ in kind("*").candidates(model)}
        if mine := [name for name in names if name in own]:
            found.append(kind("|".join(map(_literal, mine))))
    return found


def _literal(name: str) -> str:
    """A glob that only this name fits."""
    return "".join(f"[{c}]" if c in "*?[" else c for c in name)


def _suits(model: nn.Module, name: str, format: Format) -> bool:
    tensor = stored_tensor(model, name)
    return format.bits <= 8 * tensor.dtype.itemsize and is_stored_as(tensor, format)
