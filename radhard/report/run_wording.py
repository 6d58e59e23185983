"""How does the manifest of a run read as sentences?"""

from radhard.faults import BitFlip, Burst, FaultModel, StuckAt
from radhard.results import Results
from radhard.samplers import ErrorRate, Exhaustive, Given, PerBit, PerTensor, Uniform
from radhard.space import FaultSpace
from radhard.spec import Component
from radhard.stats import percent
from radhard.targets import Target

__all__ = [
    "asked",
    "data_name",
    "faults",
    "given_name",
    "joined",
    "model_name",
    "plurals",
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
    """What the report is about, in a line."""
    text = f"{plurals(results.space)} in {where(results)}"
    return text[0].upper() + text[1:]


def asked(results: Results) -> str:
    """What was asked, in a sentence or two."""
    space, samples = results.space, int(results.manifest.get("samples", 0))
    extent = f"{_words(space)}, "
    extent += f"{len(space):,} possible fault{_s(len(space))}"
    data = data_name(results)
    on = f"{samples:,} sample{_s(samples)}" + (f" of {data}" if data else "")
    was = "was" if _one(results) else "were"
    tried = f"{was} tried" if results.complete else f"{was} to be tried"
    return f"{_drawn(results)} in {where(results)} ({extent}) {tried} on {on}, seed {results.seed}."


def faults(fault: FaultModel, n: int) -> str:
    """So many faults of this kind.

    >>> faults(BitFlip(), 400), faults(BitFlip(bits=30), 1), faults(StuckAt(1), 7)
    ('400 single bit flips', '1 single bit flip of bit 30', '7 bits stuck at 1')
    """
    head, tail = _noun(fault)
    return f"{n:,} {head}{_s(n)}{tail}"


def some_faults(space: FaultSpace, n: int) -> str:
    """So many faults of the kinds that a space has."""
    if len(space.faults) == 1:
        return faults(space.faults[0], n)
    return f"{n:,} fault{_s(n)} ({plurals(space)})"


def plurals(space: FaultSpace) -> str:
    """The kinds of faults that a space has: ``single bit flips and bits stuck at 1``."""
    return joined([_plural(fault) for fault in space.faults])


def _words(space: FaultSpace) -> str:
    """How many words of which formats there are; those of a scale by themselves."""
    counts: dict[str, dict[tuple[object, ...], int]] = {}
    for region in space.regions:
        kind = _bare(region.format)
        kind = kind if region.plane == "codes" else f"{region.plane} of {kind}"
        # Words that several fault models strike are there once.
        key = (region.site.name, repr(region.exposure))
        counts.setdefault(kind, {})[key] = region.words
    parts = []
    for at, (kind, by_tensor) in enumerate(counts.items()):
        n = sum(by_tensor.values())
        parts.append(f"{n:,} word{_s(n)} of {kind}" if not at else f"{n:,} of {kind}")
    return joined(parts)


def where(results: Results) -> str:
    """The struck tensors and the model they belong to."""
    parts = joined([_struck(target) for target in results.space.targets])
    return f"{parts} of {model_name(results)}"


def model_name(results: Results) -> str:
    """What the model was called by whoever ran it."""
    return given_name(results, "model") or "the model"


def data_name(results: Results) -> str:
    """What the data was called; nothing where it had no name."""
    return given_name(results, "data") or given_name(results, "data name")


def given_name(results: Results, key: str) -> str:
    """A name in the manifest, which whoever ran it may have left out."""
    name = results.manifest.get(key)
    return name if isinstance(name, str) else ""


def joined(parts: list[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``.

    >>> joined(["a", "b", "c"])
    'a, b and c'
    """
    return " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)


def _one(results: Results) -> bool:
    return isinstance(results.sampler, Uniform) and results.sampler.n == 1


def _drawn(results: Results) -> str:
    """Which faults were drawn, how."""
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
            f"{some_faults(space, results.planned)}, as many per {part} as hold a margin of "
            f"{percent(sampler.margin)} at {percent(sampler.confidence)} confidence "
            f"for an expected rate of {percent(sampler.p)},"
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
    return f"{results.planned:,} trials of {plurals(space)} that {sampler!r} draws"


def _struck(target: Target) -> str:
    name = _ROLES[target.role]
    whole = repr(target) == f"{type(target).__name__}('*')"
    return f"the {name}" if whole else f"the {name} {target!r}"


def _plural(fault: FaultModel) -> str:
    head, tail = _noun(fault)
    return f"{head}s{tail}"


def _noun(fault: FaultModel) -> tuple[str, str]:
    """What one fault is called, split where the plural's "s" goes."""
    if isinstance(fault, BitFlip):
        chosen = _chosen(fault.bits, fault.field)
        if fault.count == 1:
            return "single bit flip", chosen
        return "flip", f" of {fault.count} bits of a word" + chosen.replace(" of bit", " among bit")
    if isinstance(fault, StuckAt):
        return "bit", f" stuck at {fault.value}" + _chosen(fault.bits, fault.field)
    if isinstance(fault, Burst):
        return "burst", f" of {fault.length} adjacent bit flips"
    return "fault", f" {fault!r}"


def _chosen(bits: int | tuple[int, ...] | None, field: str | tuple[str, ...] | None) -> str:
    text = ""
    if bits is not None:
        many = (bits,) if isinstance(bits, int) else bits
        text += f" of bit{_s(len(many))} " + joined([str(bit) for bit in many])
    if field is not None:
        fields = (field,) if isinstance(field, str) else field
        text += " in the " + joined(list(fields))
    return text


def _bare(part: Component) -> str:
    """A spec as in a sentence: ``Float32``, but ``Int(8)``."""
    return repr(part).removesuffix("()")


def _s(n: int) -> str:
    return "" if n == 1 else "s"
