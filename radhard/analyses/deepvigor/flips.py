"""By how much does a flip of each bit change a value?"""

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from radhard.analyses.deepvigor.thresholds import Thresholds
from radhard.errors import InputError
from radhard.faults import BitFlip
from radhard.formats import Format
from radhard.rounding import format_of
from radhard.storage import fitted
from radhard.targets import Site

__all__ = ["deviations", "fitted_as_one", "held_in", "vulnerable_bits"]


def held_in(format: Format, model: nn.Module, site: Site, golden: Tensor) -> Format:
    """The format with its scale, if it has one, for a layer's output.

    The scale is that of the model if the model rounds its activations; else it is fitted to the
    fault-free values.

    Raises:
        InputError: the model rounds to another format, or the words are wider than the values.
    """
    path = tuple(site.name.partition(":")[2].split(".")) if ":" in site.name else ()
    dtype: torch.dtype = getattr(torch, site.dtype)
    if format_of(model, site.layer, path) is not None or format.bits > 8 * dtype.itemsize:
        return fitted(format, model, site)
    return fitted_as_one(format, golden)


def fitted_as_one(format: Format, values: Tensor) -> Format:
    """The format with its scale, if it has one, fitted to all values of an activation at once.

    Raises:
        InputError: the format has several scales, whose values differ between samples.
    """
    found = format.fit(values.detach())
    if found.scale is not None and found.scale.numel() > 1:
        raise InputError(
            f"{format!r} has several scales for the values of one activation, and this analysis "
            "assumes one; choose a format with one scale for each tensor, such as Int(8)"
        )
    return found


def deviations(values: Tensor, format: Format) -> Iterator[Tensor]:
    """For every bit, from bit 0, by how much its flip changes each value, as float64.

    >>> from radhard.formats import Float32
    >>> found = [by.item() for by in deviations(torch.tensor([1.5]), Float32())]
    >>> found[22], found[31]
    (-0.5, -3.0)
    """
    codes, flip = format.encode(values), BitFlip()
    stored = format.decode(codes).double()
    for bit in range(format.bits):
        faulty = flip.corrupt(codes, torch.full_like(codes, bit), format)
        yield format.decode(faulty).double() - stored


def vulnerable_bits(
    values: Tensor, format: Format, up: Thresholds, down: Thresholds
) -> tuple[Tensor, Tensor]:
    """Number of flips that change the class, by neuron ``(neurons,)`` and by bit ``(bits,)``.

    ``values`` are fault-free, ``(samples, neurons)``; each input has its own thresholds. A flip
    that results in NaN counts as a change, and so does one that results in an infinity, unless no
    deviation reaches the logits.
    """
    # Thresholds are ``(neurons, samples)``, values ``(samples, neurons)``.
    above, below = up.middle().T, down.middle().T
    # An infinite deviation reaches every limit, also the infinite one of an input whose class no
    # finite deviation changed. It is harmless only where nothing reaches the logits, which ``safe``
    # tells.
    deaf_above, deaf_below = up.safe.isinf().T, down.safe.isinf().T
    by_neuron = torch.zeros(values.shape[1], dtype=torch.int64, device=values.device)
    by_bit = []
    for off in deviations(values, format):
        limit = torch.where(off > 0, above, below)
        deaf = torch.where(off > 0, deaf_above, deaf_below)
        harmful = ((off.abs() >= limit) & ~deaf) | off.isnan()
        by_neuron += harmful.sum(0)
        by_bit.append(harmful.sum())
    return by_neuron.cpu(), torch.stack(by_bit).cpu()
