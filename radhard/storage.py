"""Are the tensors of a model stored in a given format?"""

import torch
from torch import nn

from radhard.errors import InputError
from radhard.formats import Format, Int, ProtectedFormat, check_holds_values, is_stored_as
from radhard.formats.plain.dtype_float import DtypeFloat
from radhard.formats.protected.word_buffer import word_buffers
from radhard.rounding import format_of
from radhard.targets import Site
from radhard.targets.stored import stored_tensor

__all__ = ["fitted"]


def fitted(format: Format, model: nn.Module, site: Site) -> Format:
    """The format with the scale of the site's tensor.

    Raises:
        InputError: the tensor's dtype cannot represent the words of the format, or its values are
            not values of the format.
    """
    dtype = getattr(torch, site.dtype)
    # Words of a buffer are integers; other tensors are not looked for among all modules.
    buffers = {} if dtype.is_floating_point else dict(word_buffers(model))
    if site.name in buffers and (held := buffers[site.name].format) != format:
        raise InputError(
            f"{site.name!r} holds words of {held.bits} bits, not values of {format!r}; give it a "
            f"format of its own, such as {{'{site.layer}': {held!r}, '*': {format!r}}}"
        )
    if dtype.is_floating_point:
        check_holds_values(format)
    if site.role == "register":
        return _of_register(format, site)
    if isinstance(format, ProtectedFormat):
        return _protected(format, model, site)
    _check_dtype(format, site)
    if site.flows:
        return _flowing(format, model, site, computed=_native(format) == dtype)
    tensor = stored_tensor(model, site.name)
    if not is_stored_as(tensor, format):
        raise InputError(
            f"{site.name!r} contains values that {format!r} cannot represent; use a model "
            "stored in this format: "
            f"model = stored_as(model, {format!r})"
        )
    return format.fit(tensor)


def _of_register(format: Format, site: Site) -> Format:
    """The format of a register, whose values are integers."""
    assert site.bits is not None
    if format != Int(site.bits):
        raise InputError(
            f"{site.name!r} is a register of {Int(site.bits)!r}, not of {format!r}; give the "
            "formats of all registers: array.formats"
        )
    return format.scaled(1.0)


def _check_dtype(format: Format, site: Site) -> None:
    """Raise `InputError` unless the site's dtype can represent the words of the format."""
    dtype = getattr(torch, site.dtype)
    if format.bits > 8 * dtype.itemsize:
        own = {"float16": "Float16() or another", "bfloat16": "BFloat16() or another"}
        raise InputError(
            f"{format!r} is wider than {site.name!r}, which is {site.dtype}: the model cannot "
            f"hold its flips; choose {own.get(site.dtype, 'a')} format of {8 * dtype.itemsize} "
            "bits or fewer"
        )
    native = _native(format)
    if dtype.is_floating_point and dtype.itemsize == 1 and native != dtype:
        raise InputError(
            f"{site.name!r} is {site.dtype}, whose words are not those of {format!r}; leave it out "
            "of the pattern, or convert the model to float32 (model.float())"
        )
    if not site.flows and native is not None and not _holds(dtype, native):
        raise InputError(
            f"{site.name!r} is {site.dtype}, which lacks values of {format!r}: the model cannot "
            "hold its flips; choose the format of that dtype, or convert the model to float32"
        )


def _protected(format: ProtectedFormat, model: nn.Module, site: Site) -> Format:
    """The format, with the scale of a stored tensor, whose values a decoder reads."""
    if site.flows:
        raise InputError(
            f"{site.name!r} is computed in every pass, and nothing there decodes words of "
            f"{format!r}; choose {format.inner!r} for activations and inputs"
        )
    tensor = stored_tensor(model, site.name)
    if not format.by_word and any(
        not step and n > 1 for n, step in zip(tensor.shape, tensor.stride(), strict=True)
    ):
        raise InputError(
            f"{site.name!r} is expanded, so that its values share memory; {format!r} needs a "
            "word for each: model = copy.deepcopy(model) after tensor.contiguous()"
        )
    _check_dtype(format.inner, site)
    if not is_stored_as(tensor, format):
        raise InputError(
            f"{site.name!r} contains values that {format!r} cannot represent; use a model "
            f"stored in this format: model = stored_as(model, {format!r})"
        )
    return format.fit(tensor)


def _flowing(format: Format, model: nn.Module, site: Site, *, computed: bool) -> Format:
    """The format, with the scale to which the model rounds the site's activations, if it does."""
    path = tuple(site.name.partition(":")[2].split(".")) if ":" in site.name else ()
    held = format_of(model, site.layer, path) if site.role == "activation" else None
    if held is not None and held != format:
        raise InputError(
            f"{site.name!r} is rounded to {held!r} in every pass, so that its bits are not those "
            f"of {format!r}; choose {held!r}"
        )
    if held is None and not computed:
        raise InputError(
            f"{site.name!r} is computed as {site.dtype} in every pass and never rounded to "
            f"{format!r}, so that its bits are not those; inject into activations of a model that "
            f"rounds them, model = quantized(model, data, {format!r}), choose the format of that "
            "dtype, such as Float32(), or convert model and data (model.bfloat16() and the like)"
        )
    return format if held is None else held


def _holds(dtype: torch.dtype, native: torch.dtype) -> bool:
    """Whether a dtype has all values of another one."""
    if dtype == native:
        return True
    if native.itemsize > 1:
        return torch.promote_types(native, dtype) == dtype
    # torch has no rule for dtypes of one byte, but all of their words can be tried.
    values = torch.arange(256, dtype=torch.uint8).view(native).double()
    same = values.to(dtype).double() == values
    return bool((same | values.isnan()).all())


def _native(format: Format) -> torch.dtype | None:
    """The torch dtype with the same words as the format; None if there is none."""
    if isinstance(format, DtypeFloat):
        return format.dtype
    if format.has_scale:
        return None
    held = format.decode(torch.zeros(1, dtype=torch.int64)).dtype
    return held if 8 * held.itemsize == format.bits else None
