"""How is the configuration of a run described in sentences?"""

from radhard.faults import BitFlip, Burst, FaultModel, StuckAt
from radhard.results import Results
from radhard.samplers import ErrorRate, Exhaustive, Given, PerBit, PerTensor, Uniform
from radhard.space import FaultSpace
from radhard.spec import Component
from radhard.stats import percent
from radhard.targets import Target

__all__ = [
    "data_name",
    "enumeration",
    "faults",
    "model_name",
    "name_of",
    "plurals",
    "summary",
    "title",
    "where",
]

_ROLES = {
    "weight": "weights",
    "bias": "biases",
    "buffer": "buffers",
    "activation": "activations",
    "input": "inputs",
}


def title(results: Results) -> str:
    """The title of the report."""
    text = f"{plurals(results.space)} in {where(results)}"
    return text[0].upper() + text[1:]


def summary(results: Results) -> str:
    """The configuration of the run in a sentence."""
    space, samples = results.space, int(results.manifest.get("samples", 0))
    extent = f"{_words(space)}, "
    extent += f"{len(space):,} possible fault{_s(len(space))}"
    data = data_name(results)
    on = f"{samples:,} sample{_s(samples)}" + (f" of {data}" if data else "")
    was = "was" if _one(results) else "were"
    tried = f"{was} tried" if results.complete else f"{was} to be tried"
    return f"{_drawn(results)} in {where(results)} ({extent}) {tried} on {on}, seed {results.seed}."


def faults(fault: FaultModel, n: int) -> str:
    """A number of faults in words.

    >>> faults(BitFlip(), 400), faults(BitFlip(bits=30), 1), faults(StuckAt(1), 7)
    ('400 single bit flips', '1 single bit flip of bit 30', '7 bits stuck at 1')
    """
    head, tail = _noun(fault)
    return f"{n:,} {head}{_s(n)}{tail}"


def some_faults(space: FaultSpace, n: int) -> str:
    """A number of faults of a space in words."""
    if len(space.faults) == 1:
        return faults(space.faults[0], n)
    return f"{n:,} fault{_s(n)} ({plurals(space)})"


def plurals(space: FaultSpace) -> str:
    """The kinds of faults of a space: ``single bit flips and bits stuck at 1``."""
    return enumeration([_plural(fault) for fault in space.faults])


def _words(space: FaultSpace) -> str:
    """The number of words of each format; words of scales are counted separately."""
    counts: dict[str, dict[tuple[object, ...], int]] = {}
    for region in space.regions:
        kind = _bare(region.format)
        kind = kind if region.plane == "codes" else f"{region.plane} of {kind}"
        # Words in the regions of several fault models count once.
        key = (region.site.name, repr(region.exposure))
        counts.setdefault(kind, {})[key] = region.words
    parts = []
    for at, (kind, by_tensor) in enumerate(counts.items()):
        n = sum(by_tensor.values())
        parts.append(f"{n:,} word{_s(n)} of {kind}" if not at else f"{n:,} of {kind}")
    return enumeration(parts)


def where(results: Results) -> str:
    """The target tensors and their model, in words."""
    parts = enumeration([_target(target) for target in results.space.targets])
    return f"{parts} of {model_name(results)}"


def model_name(results: Results) -> str:
    """The name of the model as specified by the user."""
    return name_of(results, "model") or "the model"


def data_name(results: Results) -> str:
    """The name of the data; empty if it has none."""
    return name_of(results, "data") or name_of(results, "data name")


def name_of(results: Results, key: str) -> str:
    """A name in the manifest; empty if the user did not specify it."""
    name = results.manifest.get(key)
    return name if isinstance(name, str) else ""


def enumeration(parts: list[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``.

    >>> enumeration(["a", "b", "c"])
    'a, b and c'
    """
    return " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)


def _one(results: Results) -> bool:
    return isinstance(results.sampler, Uniform) and results.sampler.n == 1


def _drawn(results: Results) -> str:
    """The faults of the run and how they were drawn, in words."""
    sampler, space = results.sampler, results.space
    if isinstance(sampler, Uniform):
        return f"{some_faults(space, sampler.n)}, drawn uniformly from all faults"
    if isinstance(sampler, Given):
        return f"{some_faults(space, results.planned)}, given as a list,"
    if isinstance(sampler, Exhaustive):
        return f"All {some_faults(space, len(space))}"
    if isinstance(sampler, PerTensor | PerBit):
        part = "tensor" if isinstance(sampler, PerTensor) else "bit position of every tensor"
        if sampler.n is not None:
            return f"{some_faults(space, sampler.n)} per {part}"
        assert sampler.margin is not None
        return (
            f"{some_faults(space, results.planned)}, as many per {part} as needed for a margin of "
            f"{percent(sampler.margin)} at {percent(sampler.confidence)} confidence "
            f"and an expected rate of {percent(sampler.p)},"
        )
    if isinstance(sampler, ErrorRate):
        rates = sampler.each
        span = (
            f"an error rate of {rates[0]:g}"
            if len(rates) == 1
            else f"{len(rates)} error rates from {min(rates):g} to {max(rates):g}"
        )
        text = f"{plurals(space)} at {span} per {sampler.per}, {sampler.trials:,} trials each,"
        return text[0].upper() + text[1:]
    return f"{results.planned:,} trials of {plurals(space)}, drawn by {sampler!r},"


def _target(target: Target) -> str:
    name = _ROLES[target.role]
    whole = repr(target) == f"{type(target).__name__}('*')"
    return f"the {name}" if whole else f"the {name} {target!r}"


def _plural(fault: FaultModel) -> str:
    head, tail = _noun(fault)
    return f"{head}s{tail}"


def _noun(fault: FaultModel) -> tuple[str, str]:
    """The name of one fault, in two parts, because the plural "s" goes between them."""
    if isinstance(fault, BitFlip):
        selection = _selection(fault.bits, fault.field)
        if fault.count == 1:
            return "single bit flip", selection
        return "flip", f" of {fault.count} bits of a word" + selection.replace(
            " of bit", " among bit"
        )
    if isinstance(fault, StuckAt):
        return "bit", f" stuck at {fault.value}" + _selection(fault.bits, fault.field)
    if isinstance(fault, Burst):
        return "burst", f" of {fault.length} adjacent bit flips"
    return "fault", f" {fault!r}"


def _selection(bits: int | tuple[int, ...] | None, field: str | tuple[str, ...] | None) -> str:
    text = ""
    if bits is not None:
        many = (bits,) if isinstance(bits, int) else bits
        text += f" of bit{_s(len(many))} " + enumeration([str(bit) for bit in many])
    if field is not None:
        fields = (field,) if isinstance(field, str) else field
        text += " in the " + enumeration(list(fields))
    return text


def _bare(part: Component) -> str:
    """A spec within a sentence: ``Float32``, but ``Int(8)``."""
    return repr(part).removesuffix("()")


def _s(n: int) -> str:
    return "" if n == 1 else "s"
