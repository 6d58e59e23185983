"""How is the configuration of a run described in sentences?"""

from radhard.faults import faults_in_words
from radhard.results import Results
from radhard.space import FaultSpace
from radhard.spec import Component
from radhard.targets import Registers, Target

__all__ = [
    "data_name",
    "enumeration",
    "model_name",
    "name_of",
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
    "gradient": "gradients",
    "optimizer state": "optimizer state",
    "hidden state": "hidden states",
    "attention": "attention",
    "key-value cache": "key-value cache",
    "register": "registers",
}


def title(results: Results) -> str:
    """The title of the report."""
    text = f"{faults_in_words(results.space.faults, None)} in {where(results)}"
    return text[0].upper() + text[1:]


def summary(results: Results) -> str:
    """The configuration of the run in a sentence."""
    space, samples = results.space, int(results.manifest.get("samples", 0))
    extent = f"{_words(space)}, "
    extent += f"{len(space):,} possible fault{_s(len(space))}"
    data = data_name(results)
    on = f"{samples:,} sample{_s(samples)}" + (f" of {data}" if data else "")
    was = "was" if results.planned == 1 and not results.by_rate else "were"
    tried = f"{was} tried" if results.complete else f"{was} to be tried"
    drawn = results.sampler.in_words(results.space.faults, results.planned)
    return f"{drawn} in {where(results)} ({extent}) {tried} on {on}, seed {results.seed}."


def _words(space: FaultSpace) -> str:
    """The number of words of each format; words of scales are counted separately."""
    counts: dict[str, dict[tuple[object, ...], int]] = {}
    for region in space.regions:
        kind = _bare(region.format)
        kind = kind if region.plane == "codes" else f"{region.plane} of {kind}"
        # Words in the regions of several fault models count once.
        key = (region.site.name, repr(region.exposure))
        counts.setdefault(kind, {})[key] = region.all_words
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


def _target(target: Target) -> str:
    name = _ROLES[target.role]
    everything = repr(target) == f"{type(target).__name__}('*')"
    if everything:
        return f"the {name}"
    if isinstance(target, Registers):
        which = "" if target.register == "*" else f"{target.register} "
        layers = "" if target.pattern == "*" else f" in the layers {target.pattern}"
        return f"the {which}registers of {_bare(target.array)}{layers}"
    return f"the {name} {target!r}"


def _bare(part: Component) -> str:
    """A spec within a sentence: ``Float32``, but ``Int(8)``."""
    return repr(part).removesuffix("()")


def _s(n: int) -> str:
    return "" if n == 1 else "s"
