"""Which values of attention does a target select?"""

from collections.abc import Callable, Iterable

from radhard.errors import InputError
from radhard.globs import matches
from radhard.targets.attention_mode import Part
from radhard.targets.attention_values import ModuleAttention
from radhard.targets.base import Site, Target
from radhard.targets.patterns import check_matches, reasons

__all__ = ["check_part", "select_values"]


def check_part(part: str, parts: tuple[str, ...], target: str) -> None:
    """Raise `InputError` unless a pattern matches one of the parts that there are."""
    if not any(matches(part, one) for one in parts):
        raise InputError(f"{target}: part={part!r} is not allowed; choose of {', '.join(parts)}")


def select_values(
    target: Target,
    values: Iterable[tuple[ModuleAttention, Part, str]],
    site_of: Callable[[ModuleAttention, Part], Site],
    *,
    pattern: str,
    part: str,
    what: str,
    advice: str,
) -> tuple[list[Site], dict[str, str]]:
    """The sites of the values that are selected, and why others that match are left out.

    Args:
        target: for messages.
        values: all of the model: the attention, the part of it, and the name of its site.
        site_of: the site of one that is selected.
        pattern, part: globs that select.
        what: what is selected, in messages.
        advice: what to do instead where attention is computed with a softmax.

    Raises:
        InputError: the model has no attention, or nothing matches.
    """
    found, left, there_is = list[Site](), dict[str, str](), list[str]()
    names = set()
    for one, this, name in values:
        names.add(name)
        if this in one.flows:
            there_is.append(name)
        if not matches(part, this):
            continue
        if not matches(pattern, name, one.call.name, one.call.module):
            continue
        if this in one.flows:
            found.append(site_of(one, this))
        else:
            left[name] = (
                f"{one.call.name!r} computes attention with a softmax, beside which its {this} is "
                f"not known; {advice}"
            )
    if not names:
        raise InputError(
            f"{target!r}: no attention is computed in this model by nn.MultiheadAttention, "
            "scaled_dot_product_attention or a softmax of torch that weighs values; exponentials "
            "of its own, flex_attention and kernels of other packages are not seen: choose "
            "Activations of the modules that compute it"
        )
    if left and not found:
        raise InputError(f"{target!r} matches only {reasons(left)}")
    check_matches([site.name for site in found], target, there_is, what)
    return found, left
