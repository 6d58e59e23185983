"""How are the tensors of a model rounded to a format?"""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from radhard.arguments import component_of
from radhard.errors import InputError
from radhard.formats.base import FORMATS, Format
from radhard.formats.by_pattern import format_for, formats_of
from radhard.formats.plain.dtype_float import DtypeFloat
from radhard.formats.plain.powers import power_of_two
from radhard.formats.protected.check_word import CheckWord
from radhard.formats.protected.protected_format import ProtectedFormat
from radhard.module import copied_module, usable_module

__all__ = ["check_holds_values", "is_stored_as", "round_in_place", "stored_as", "tied"]


def stored_as(model: nn.Module, format: Format | Mapping[str, Format]) -> nn.Module:
    """A copy of the model whose parameters and buffers have been rounded through a format.

    Each floating-point tensor is fitted by itself and keeps its dtype; integer buffers stay as they
    are. Formats may differ: ``{"fc*": Int(8), "*": Float32()}``; the first pattern counts that fits
    the name of a tensor or of its layer. Tied tensors stay tied. Doing it twice changes nothing
    more. A campaign "as Int(8)" asks
    for such a model, so that the fault-free and the faulty run share the rounding.

    Raises:
        InputError: a tensor that cannot be stored, by name: the format has no word for one of its
            values, a finite value would become infinite, or its dtype cannot hold the result.

    >>> from radhard.formats import Fixed
    >>> weight = stored_as(nn.Linear(2, 2), Fixed(1, 2)).weight
    >>> bool((weight * 4 == (weight * 4).round()).all())
    True
    """
    model = usable_module(model)
    formats = formats_of(format)
    stored = copied_module(model)
    # Without duplicates: a tied tensor is rounded once.
    tensors = dict([*stored.named_parameters(), *stored.named_buffers()])
    # Complex tensors are included so that they are refused by name instead of left as they are.
    tensors = {name: x for name, x in tensors.items() if x.is_floating_point() or x.is_complex()}
    by_format: dict[Format, dict[str, Tensor]] = {}
    for names in tied(stored, tensors):
        layers = [name.rpartition(".")[0] for name in names]
        held = format_for(formats, *names, *layers)
        by_format.setdefault(held, {})[names[0]] = tensors[names[0]]
    for held, some in by_format.items():
        round_in_place(some, held)
    return stored


def tied(model: nn.Module, tensors: Mapping[str, Tensor]) -> list[tuple[str, ...]]:
    """All names of each of some tensors of a model, the one that is given first."""
    every = (
        *model.named_parameters(remove_duplicate=False),
        *model.named_buffers(remove_duplicate=False),
    )
    names: dict[int, list[str]] = {}
    for name, tensor in every:
        names.setdefault(id(tensor), []).append(name)
    return [
        (name, *(other for other in names[id(tensor)] if other != name))
        for name, tensor in tensors.items()
    ]


def round_in_place(tensors: Mapping[str, Tensor], format: Format) -> None:
    """Round tensors, given by name, to a format that is fitted to each separately.

    Raises:
        InputError: as for `stored_as`.
    """
    with torch.no_grad():
        for name, x in tensors.items():
            try:
                check_holds_values(format)
                rounded = _through(x, format).to(x.dtype)
            except InputError as error:
                raise InputError(f"tensor {name!r}: {error}") from None
            # As float64, because not every dtype can be inspected itself.
            given = x.double()
            if (rounded.double().isinf() & ~given.isinf()).any():
                raise InputError(
                    f"tensor {name!r}: a magnitude of {given[given.isfinite()].abs().max():g} "
                    f"is beyond what {format!r} in a tensor of {x.dtype} can hold"
                )
            x.copy_(rounded)
        # Checked after rounding all, because tensors that share memory may overwrite each other.
        for name, x in tensors.items():
            if not is_stored_as(x, format):
                raise InputError(
                    f"tensor {name!r}: {x.dtype} cannot hold the values of {format!r}; "
                    "convert the model to a wider dtype first, such as model.double()"
                )


def check_holds_values(format: Format) -> None:
    """Verify that values of a model can be stored as a format.

    Raises:
        InputError: its words are check bits.
    """
    inner = format.inner if isinstance(format, ProtectedFormat) else format
    if isinstance(inner, CheckWord):
        raise InputError(
            f"{inner!r} is the format of check bits, not of values; choose a format of numbers "
            "such as Int(8), and planes='check' for the check bits of a code"
        )


def is_stored_as(x: Tensor, format: Format) -> bool:
    """Whether a tensor contains only values of a format.

    Exactly so, except for formats with a scale of any digits, such as `Int`: there the tensor may
    be off by 4 units in the last place of its dtype, as other tools compute the same scale with
    other roundings.

    >>> from radhard.formats import BFloat16
    >>> [is_stored_as(torch.tensor(x), BFloat16()) for x in (0.5, 0.1)]
    [True, False]
    """
    format = component_of(format, FORMATS, "format")
    if isinstance(format, DtypeFloat) and x.dtype == format.dtype:
        return True
    try:
        found = _through(x, format)
    except InputError:
        return False
    # Without a conversion, where the dtypes are equal and no value is NaN.
    if found.dtype == x.dtype and torch.equal(found, x):
        return True
    y, exact = found.double(), x.detach().double()
    same = (exact == y) | (exact.isnan() & y.isnan())
    if format.has_scale and not format.scale_is_exact:
        same |= (exact - y).abs() <= 4 * _last_place(x)
    return bool(same.all())


def _through(x: Tensor, format: Format) -> Tensor:
    fitted = format.fit(x)
    return fitted.decode(fitted.encode(x))


def _last_place(x: Tensor) -> Tensor:
    """The unit in the last place of each value, as float64."""
    kind = torch.finfo(x.dtype)
    # Subnormal numbers are spaced like the smallest normal ones.
    exponent = torch.frexp(x.detach().double().abs().clamp(min=kind.smallest_normal)).exponent
    return power_of_two(exponent - 1) * kind.eps
