"""How many bits does a model store, and how many operations does it need?"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, final

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from radhard.datasets.data import Data
from radhard.formats import Format, formats_of
from radhard.formats.protected.word_buffer import word_buffers
from radhard.forward import Forward, plain
from radhard.globs import matches
from radhard.tree import leaves
from radhard.workload import Workload
from radhard.workload.hooks import module_hooks

__all__ = ["Cost", "cost"]


@final
@dataclass(frozen=True, repr=False)
class Cost:
    """The cost of a model: stored bits, and operations for one sample.

    Everything stored is counted, including what a hardening added: copies, bounds, check values.
    """

    parameters: int
    """Elements of parameters; tensors that share memory count once."""
    buffers: int
    """Elements of floating-point buffers, such as running means and bounds."""
    bits: int
    """Stored bits of all tensors, including integer tensors; of a `WordBuffer`, those of its words,
    such as the check bits of an error-correcting code."""
    macs: int
    """Multiply-accumulates for one sample: convolutions, matrix products, recurrent layers."""

    def over(self, base: "Cost") -> "dict[str, float]":
        """Each figure as a multiple of the base's: the relative cost of a hardening.

        >>> Cost(110, 10, 3840, 500).over(Cost(100, 0, 3200, 400))
        {'parameters': 1.1, 'bits': 1.2, 'macs': 1.25}
        """
        return {
            "parameters": self.parameters / max(base.parameters, 1),
            "bits": self.bits / max(base.bits, 1),
            "macs": self.macs / max(base.macs, 1),
        }

    def __repr__(self) -> str:
        return f"<Cost {self}>"

    def __str__(self) -> str:
        return (
            f"{self.parameters:,} parameters, {self.bits:,} bits stored, "
            f"{self.macs:,} multiply-accumulates per sample"
        )


def cost(
    model: nn.Module,
    data: Any,
    *,
    format: Format | Mapping[str, Format] | None = None,
    call: Forward = plain,
) -> Cost:
    """Count what a model stores and what it computes for one sample of the data.

    Args:
        model: any network; it is not changed.
        data: one sample is sufficient.
        format: the format in which floating-point numbers are stored, or formats by pattern over
            the names of tensors and layers; by default, and where no pattern matches, their data
            type.
        call: for models that do not return one tensor.

    >>> cost(nn.Linear(3, 2), torch.zeros(1, 3))
    <Cost 8 parameters, 256 bits stored, 6 multiply-accumulates per sample>
    """
    # One sample, so that a count is that of a sample without a division.
    workload = Workload.of(model, Data.of(data).first(1), call=call)
    formats: Mapping[str, Format] = {} if format is None else formats_of(format)
    named = _distinct(workload.model)
    stored = {name: _bits(t, _format(formats, name)) for name, t in named.items()}
    # Check bits are held as whole integers for speed, and stored as so many bits as they have.
    words = word_buffers(workload.model)
    stored |= {name: b.words.numel() * b.bits for name, b in words if name in stored}
    tensors = list(named.values())
    parameters = [t for t in tensors if isinstance(t, nn.Parameter)]
    return Cost(
        parameters=sum(t.numel() for t in parameters),
        buffers=sum(t.numel() for t in tensors if t.is_floating_point())
        - sum(t.numel() for t in parameters if t.is_floating_point()),
        bits=sum(stored.values()),
        macs=_macs(workload),
    )


def _distinct(model: nn.Module) -> dict[str, Tensor]:
    """Parameters and buffers by name, those that lie in the same memory once."""
    found: dict[object, tuple[str, Tensor]] = {}
    for name, tensor in (*model.named_parameters(), *model.named_buffers()):
        # Tensors without elements all have the address 0.
        found.setdefault((tensor.data_ptr() or id(tensor), tuple(tensor.shape)), (name, tensor))
    return dict(found.values())


def _format(formats: Mapping[str, Format], name: str) -> Format | None:
    """The format of the first pattern that matches; None where none does."""
    names = (name, name.rpartition(".")[0])
    return next((one for pattern, one in formats.items() if matches(pattern, *names)), None)


def _bits(tensor: Tensor, format: Format | None) -> int:
    if format is None or not tensor.is_floating_point():
        return tensor.numel() * tensor.element_size() * 8
    return tensor.numel() * format.bits


def _macs(workload: Workload) -> int:
    """Multiply-accumulates of a pass over all samples, which is one."""
    counter = FlopCounterMode(display=False)
    missed = _missed(workload.model, counter)
    with workload.open(), torch.no_grad(), counter, missed as more:
        workload.faultless(workload.model, workload.data.inputs)
    # torch counts a multiplication and an addition as two operations.
    return int(counter.get_total_flops()) // 2 + sum(more)


@contextmanager
def _missed(model: nn.Module, counter: FlopCounterMode) -> Iterator[list[int]]:
    """Products in recurrent layers that torch's counter misses; it supports only some kernels."""
    missed: list[int] = []
    counts: list[int] = []
    layers = {name: m for name, m in model.named_modules() if isinstance(m, nn.RNNBase)}

    def before(*_: Any) -> None:
        # A stack, as recurrent layers may be within each other.
        counts.append(counter.get_total_flops())

    def after(name: str, args: Any, kwargs: Any, output: Any) -> None:  # noqa: ARG001
        layer = layers[name]
        # Of a packed sequence, all its steps behind each other on the first axis.
        inputs = leaves((args, kwargs))[0][1]
        length = inputs.shape[1 if layer.batch_first and inputs.ndim == 3 else 0]
        weights = sum(
            t.numel() for name, t in layer.named_parameters() if name.startswith("weight_")
        )
        # Every weight is used once in each step; what the counter did see is subtracted.
        missed.append(int(length) * weights - (counter.get_total_flops() - counts.pop()) // 2)

    with module_hooks(layers, before=before, after=after):
        yield missed
