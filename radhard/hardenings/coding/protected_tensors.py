"""Which tensors of a model can a code protect?"""

import json
import math

import torch
from torch import Tensor, nn

from radhard.errors import InputError
from radhard.formats import Format, ProtectedFormat, is_stored_as
from radhard.formats.protected.oracle import Oracle
from radhard.formats.protected.zero_space import ZeroSpace
from radhard.globs import matches
from radhard.hardenings.coding.coded_tensor import is_native
from radhard.hardenings.coding.stored_code import code_of
from radhard.hardenings.coverage import Coverage
from radhard.hardenings.draft import Draft
from radhard.hardenings.part import parts
from radhard.targets.patterns import check_matches

__all__ = ["check_code", "protected_tensors", "scale_of", "selected_tensors"]

_TRIED = 1000
"""About how many words of a tensor show whether its dtype holds words with a flipped bit."""


def check_code(whole: object, format: Format) -> None:
    """Verify that a format is a code that a memory can implement.

    Raises:
        InputError: it has no check bits, or none that are stored beside or inside the values.
    """
    if not isinstance(format, ProtectedFormat):
        raise InputError(
            f"{whole!r}: {format!r} has no check bits; give a protected format around it, such as "
            f"SecDed({format!r})"
        )
    if isinstance(format, Oracle):
        raise InputError(
            f"{whole!r}: {format!r} is an ideal that no memory implements; give a code such as "
            f"SecDed({format.inner!r})"
        )
    if isinstance(format, ZeroSpace):
        raise InputError(
            f"{whole!r}: {format!r} stores check bits where numbers have their bit 6, so that a "
            "model cannot compute with the words as they are; inject faults into the format "
            "itself (FaultSpace.of), or give SecDed(Int(8), block=8)"
        )


def protected_tensors(
    whole: object, format: ProtectedFormat, pattern: str, model: nn.Module, draft: Draft | None
) -> dict[str, Tensor]:
    """The tensors that a pattern selects and that hold words of the inner format, by name.

    Those that do not are recorded in the draft, with the reason.

    Raises:
        InputError: the pattern matches nothing, or no tensor that matches holds such words.
    """
    asked = selected_tensors(whole, pattern, model)
    left_out = {name: _unfit(tensor, format) for name, tensor in asked.items()}
    left_out = {name: reason for name, reason in left_out.items() if reason}
    found = {name: tensor for name, tensor in asked.items() if name not in left_out}
    if draft is not None:
        draft.cover("tensors", found, left_out)
    elif not found:
        raise InputError(f"{whole!r} would protect nothing: {Coverage('tensors', (), left_out)}")
    return found


def selected_tensors(whole: object, pattern: str, model: nn.Module) -> dict[str, Tensor]:
    """The floating-point parameters and buffers that a pattern selects, by name.

    Raises:
        InputError: there are none.
    """
    added = tuple(f"{path}." for path, _ in parts(model))
    every = {
        name: tensor
        for name, tensor in (*model.named_parameters(), *model.named_buffers())
        if tensor.is_floating_point() and tensor.numel() and not name.startswith(added)
    }
    asked = {n: t for n, t in every.items() if matches(pattern, n, n.rpartition(".")[0])}
    check_matches(list(asked), whole, every, "floating-point parameter or buffer")
    return asked


def scale_of(format: ProtectedFormat, x: Tensor) -> str:
    """The scale of a tensor in the inner format, as JSON."""
    return json.dumps(format.inner.fit(x.detach()).scales())


def _unfit(x: Tensor, format: ProtectedFormat) -> str:
    """Why a code cannot protect a tensor; empty if it can."""
    inner, dtype = format.inner, str(x.dtype).removeprefix("torch.")
    if x.layout != torch.strided:
        return str(x.layout).removeprefix("torch.")
    # A stride of 0: many positions are one word.
    if any(not step and n > 1 for n, step in zip(x.shape, x.stride(), strict=True)):
        return "expanded, so that its values share memory"
    if inner.bits > 8 * x.element_size():
        return f"{dtype}, which is narrower than {inner!r}"
    if code_of(format).embedded and not is_native(inner, x):
        return f"{dtype}, whose words are not those of {inner!r}"
    if not is_stored_as(x, inner):
        return f"values that {inner!r} has no words for; stored_as(model, {inner!r}) rounds them"
    if not is_native(inner, x) and not _holds_flips(x, inner):
        # The mantissa of a dtype, with the bit in front of it that is not stored.
        digits = 1 - round(math.log2(torch.finfo(x.dtype).eps))
        return (
            f"{dtype}, which rounds words of {inner.bits} bits of {inner!r} after a flip, so that "
            "the decoder would see other errors; convert the model with model.double(), or choose "
            f"a format of at most {digits} bits"
        )
    return ""


def _holds_flips(x: Tensor, inner: Format) -> bool:
    """Whether a word of the tensor with a flipped bit is the same word after it was stored in it.

    Tried for every bit of some words, as formats differ in the digits of their values.
    """
    known = x.detach().reshape(-1)
    at = torch.arange(0, len(known), max(1, len(known) // _TRIED), device=x.device)
    format = inner.fit(x.detach()).take(at, tuple(x.shape))
    codes = format.encode(known[at])
    for bit in range(inner.bits):
        values = format.decode(codes ^ (1 << bit))
        stored = values.to(x.dtype).to(values.dtype)
        finite = values.isfinite()
        if not torch.equal(stored.isfinite(), finite):
            return False
        # Not every format has a word for NaN and infinities, which all dtypes hold.
        wanted, found = (format.encode(y.where(finite, 0.0)) for y in (values, stored))
        if not torch.equal(wanted, found):
            return False
    return True
