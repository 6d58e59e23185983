"""What if critical neurons are split into two halves that correct each other?"""

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor, nn

from radhard.errors import InputError
from radhard.formats import Fixed, Format, Int
from radhard.hardenings.base import Hardening
from radhard.hardenings.bounds.pass_events import Event
from radhard.hardenings.draft import Draft
from radhard.hardenings.redundancy.critical_neurons import (
    check_threshold,
    critical_neurons,
    record_effect,
)
from radhard.hardenings.redundancy.neuron_split import NeuronSplit
from radhard.hardenings.redundancy.split_layers import SPLITTING, check_splittable
from radhard.rounding import format_of, rounding_of
from radhard.spec import component

__all__ = ["NeuronSplitting"]

_POOLS = tuple(f"{kind}_pool{n}d" for kind in ("avg", "adaptive_avg") for n in (1, 2, 3))

_SUMS = {"linear", "conv1d", "conv2d", "conv3d", "matmul", "addmm", "add", "sub", "mean", "sum"}
"""Functions that add up what they are given."""

_HOMOGENEOUS = {"relu", "leaky_relu", "prelu", *_POOLS}
"""Other functions of halves that are halves of the function of the whole."""

_PASSING = {
    "__get__",
    "__getitem__",
    "cat",
    "clone",
    "contiguous",
    "detach",
    "dropout",
    "flatten",
    "max_pool1d",
    "max_pool2d",
    "max_pool3d",
    "pad",
    "permute",
    "reshape",
    "squeeze",
    "transpose",
    "unsqueeze",
    "view",
}
"""Functions whose outputs are some of their inputs: what follows them counts."""

_ROUNDING = {"to", "div", "__truediv__", "round", "clamp", "mul"}
"""Functions by which a module rounds its output to words."""


@component
class NeuronSplitting(Hardening):
    """Splits critical neurons in two, and corrects the halves (Ahmadilivani et al., AICAS 2023).

    For models of `radhard.quantization.quantized` in two's complement, `Int` or `Fixed`. A neuron
    is an element of the output of a convolution, a linear layer, a ReLU or a leaky ReLU, critical
    if its score is at least ``threshold``; scores are those of `QDeepVigor`. Those of
    ``QDeepVigor("relu*|fc3", None)`` are of neurons after their activation function, as hardware
    stores them that fuses both.

    A split neuron is computed twice with half the value; weights stay as they are, and the scale of
    the result is doubled. The lightweight correction unit takes both words bit by bit AND, and
    resets the top magnitude bit, which half a value does not need. This masks every bit that a
    fault sets in one of the copies; a bit that it clears is lost, which decreases the value. It
    takes one additional neuron for each critical one, where `Triplication` takes two. Faults in
    inputs and weights concern both copies, and stay.

    In a negative word the reset would be an error. Only after a ReLU is it known that there are
    none. ``signed``: ``"mirror"`` corrects other neurons by a unit that takes negative words bit by
    bit OR, which is not in the paper; ``"leave"`` leaves them unprotected.

    A neuron is left out if what follows it is not linear from 0 on, such as a sigmoid or a batch
    normalization that is not folded: two halves behind it would not add up to the whole.
    Values are multiples of two steps afterwards, and saturate one step earlier.

    Cost: One more neuron for each critical one, half of what ``Triplication`` takes.

    Raises:
        InputError: a threshold that is no share; no scores of neurons; no neuron that can be split.
    """

    threshold: float = 0.2
    signed: Literal["mirror", "leave"] = "mirror"

    def check(self) -> None:
        check_threshold(self.threshold, "NeuronSplitting")

    def harden(self, draft: Draft) -> None:
        def why_not(name: str, events: Sequence[Event]) -> str:
            module = draft.model.get_submodule(name)
            try:
                check_splittable(module)
                _words_of(draft.model, name)
            except InputError as error:
                return str(error)
            if self.signed == "leave" and not isinstance(module, nn.ReLU):
                return "they may be negative; score those after a ReLU, or give signed='mirror'"
            return _why_not_whole(draft.model, events, name)

        found = critical_neurons(draft, self.threshold, why_not)
        for one in found:
            module = draft.model.get_submodule(one.module)
            bits, scale = _words_of(draft.model, one.module)
            unit: Literal["and", "sign"] = "and" if isinstance(module, nn.ReLU) else "sign"
            part = NeuronSplit(
                draft.by, shape=one.shape, elements=one.elements, bits=bits, unit=unit
            )
            part.scale = scale
            draft.attach(one.module, SPLITTING, part)
        record_effect(draft, found, copies=2)


def _words_of(model: nn.Module, name: str) -> tuple[int, Tensor]:
    """The width of the words that a module outputs, and their scale.

    Raises:
        InputError: it does not output integers in two's complement.
    """
    format: Format | None = format_of(model, name)
    if not isinstance(format, Int | Fixed) or format.code != "twos_complement" or format.bits < 3:
        raise InputError(
            f"it outputs {'no words' if format is None else repr(format)}, not integers in two's "
            "complement: model = quantized(model, data, Int(8), inputs=True)"
        )
    if isinstance(format, Fixed):
        return format.bits, torch.tensor(2.0**-format.fraction)
    scale: Tensor = model.get_submodule(name).activation_scale  # type: ignore[assignment]
    return format.bits, scale.detach().clone()


def _why_not_whole(model: nn.Module, events: Sequence[Event], name: str) -> str:
    """Why two halves of a module's output would not add up in what uses it; empty if they do."""
    at = next(n for n, event in enumerate(events) if event.what == "exit" and event.path == name)
    if not events[at].single:
        return "the module does not output one tensor"
    values = list(events[at].made)
    for event in events[at + 1 :]:
        if event.what != "function":
            continue
        if not any(value is given for value in values for given in (*event.taken, *event.others)):
            continue
        function = event.name.rstrip("_")
        rounds = rounding_of(model.get_submodule(event.path)) is not None
        if function in _PASSING or (rounds and function in _ROUNDING):
            values += event.made
        elif function not in _SUMS | _HOMOGENEOUS:
            return f"{function}() follows, behind which two halves do not add up to the whole"
    return ""
