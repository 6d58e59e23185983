"""Which faults are possible in what a hardening added?"""

from collections.abc import Mapping, Sequence

import torch
from torch import nn

from radhard.errors import InputError
from radhard.formats import BFloat16, Float16, Float32, Float64, Format, is_stored_as
from radhard.formats.protected.word_buffer import word_buffers
from radhard.globs import matches
from radhard.hardenings import parts
from radhard.space import FaultSpace
from radhard.spec import FrozenDict
from radhard.targets import Biases, Buffers, Target, Weights
from radhard.targets.stored import stored_tensor

__all__ = ["added_tensors", "stored_formats", "stored_space", "words_without_faults"]

_OWN: dict[torch.dtype, Format] = {
    torch.float64: Float64(),
    torch.float32: Float32(),
    torch.float16: Float16(),
    torch.bfloat16: BFloat16(),
}


def added_tensors(model: nn.Module) -> tuple[str, ...]:
    """Names of the tensors in the parts of a hardened model: copies, bounds, check values.

    >>> added_tensors(nn.Linear(2, 2))
    ()
    """
    names = []
    for path, part in parts(model):
        tensors = dict((*part.named_parameters(), *part.named_buffers()))
        names += [f"{path}.{name}" for name in tensors]
    return tuple(dict.fromkeys(names))


def stored_space(model: nn.Module, names: tuple[str, ...], space: FaultSpace) -> FaultSpace | None:
    """The faults in some of the tensors that a model stores; None where none holds numbers.

    They are those of the fault models of ``space``. Words are those of its format where all the
    tensors are stored so, else those of their dtype, as bounds are that a narrow format has no word
    for. Where its formats are by pattern, each tensor is looked at by itself. The words of a
    `WordBuffer`, such as check bits, are those of its own format, unless no fault of ``space`` is
    possible in them (`words_without_faults`).

    Raises:
        InputError: a fault model is not possible in words of these formats.
    """
    stored = [n for n in names if stored_tensor(model, n).is_floating_point()]
    stored = [name for name in stored if stored_tensor(model, name).numel()]
    skipped = words_without_faults(model, space)
    apart = {
        name: buffer.format
        for name, buffer in word_buffers(model)
        if name in names and len(buffer.words) and name not in skipped
    }
    if not stored and not apart:
        return None
    patterns = space.formats_by_pattern
    if len(space.formats) == 1:
        patterns = FrozenDict({"*": space.formats[0]})
    words = _words(model, stored, patterns) | apart
    planes = space.planes
    # A campaign on scales has no plane in tensors without one.
    if not any(plane in format.planes for format in words.values() for plane in planes):
        planes = ("codes",)
    exact = {_literal(name): format for name, format in words.items()}
    one_format = next(iter(exact.values()))
    formats_given = one_format if len({*map(repr, exact.values())}) == 1 else exact
    targets = _named(model, list(words))
    usual = len(space.exposures) > 1 or space.exposures[0].always_present
    exposure = None if usual else space.exposures[0]
    return FaultSpace.of(
        model, targets, space.faults, formats_given, planes=planes, exposure=exposure
    )


def stored_formats(model: nn.Module, formats: Mapping[str, Format]) -> dict[str, Format]:
    """The formats by pattern of a hardened model, before them those of what was added, by name.

    What is counted as memory is then what faults are injected into (`stored_space`). Tensors of
    dtypes in which no faults can be injected have the format of their pattern.
    """
    numbers = [n for n in added_tensors(model) if stored_tensor(model, n).dtype in _OWN]
    return {_literal(n): f for n, f in _words(model, numbers, formats).items()} | dict(formats)


def words_without_faults(model: nn.Module, space: FaultSpace) -> dict[str, Format]:
    """The buffers of words in which a fault model of a space is not possible, and their formats.

    An example is a flip of bit 30 in check bits, whose words are narrower.
    """
    found: dict[str, Format] = {}
    for name, buffer in word_buffers(model):
        for fault in space.faults:
            try:
                fault.variants(buffer.format)
            except InputError:
                found[name] = buffer.format
    return found


def _words(
    model: nn.Module, names: Sequence[str], patterns: Mapping[str, Format]
) -> dict[str, Format]:
    """By name the format in which a tensor is stored, or that of its dtype."""
    formats = {name: _format(model, name, patterns) for name in names}
    # One format for all or none: a mixture would count a word of one tensor as narrower than the
    # same word of another.
    if len(patterns) == 1 and None in formats.values():
        formats = dict.fromkeys(names)
    return {name: format or _of_dtype(model, name) for name, format in formats.items()}


def _format(model: nn.Module, name: str, formats: Mapping[str, Format]) -> Format | None:
    """The format by pattern of a tensor; None where none matches, or it is not stored so."""
    names = (name, name.rpartition(".")[0])
    format = next(
        (candidate for pattern, candidate in formats.items() if matches(pattern, *names)), None
    )
    return format if format is not None and _suits(model, name, format) else None


def _of_dtype(model: nn.Module, name: str) -> Format:
    dtype = stored_tensor(model, name).dtype
    if dtype not in _OWN:
        raise InputError(
            f"the hardening added a tensor of {dtype}, for which there is no format; faults can be "
            f"injected into {', '.join(map(str, _OWN))} only: give added=0"
        )
    return _OWN[dtype]


def _named(model: nn.Module, names: list[str]) -> list[Target]:
    """The targets that select exactly these tensors."""
    kinds: tuple[type[Weights] | type[Biases] | type[Buffers], ...] = (Weights, Biases, Buffers)
    targets: list[Target] = []
    for kind in kinds:
        candidates = {name for name, _ in kind("*").candidates(model)}
        if selected := [name for name in names if name in candidates]:
            targets.append(kind("|".join(map(_literal, selected))))
    return targets


def _literal(name: str) -> str:
    """A glob that matches only this name."""
    # In brackets, a special character stands for itself.
    return "".join(f"[{c}]" if c in "*?[" else c for c in name)


def _suits(model: nn.Module, name: str, format: Format) -> bool:
    tensor = stored_tensor(model, name)
    return format.bits <= 8 * tensor.dtype.itemsize and is_stored_as(tensor, format)
