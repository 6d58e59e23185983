"""Which names does a pattern match?"""

from collections.abc import Iterable, Mapping

from radhard.errors import InputError
from radhard.globs import matches

__all__ = ["admits", "check_matches", "reasons"]


def admits(layers: str | None, kind: str) -> bool:
    """Whether a layer of this class matches ``layers`` (globs of class names; None: all)."""
    return layers is None or matches(layers, kind)


def check_matches(
    found: list[str],
    spec: object,
    there_is: Iterable[str],
    what: str,
    *,
    left_out: Mapping[str, str] | None = None,
) -> None:
    """Raise `InputError` if nothing was found; it lists what is available and what was left out."""
    if found:
        return
    names = list(there_is)
    if left_out:
        raise InputError(
            f"{spec!r} matches only {reasons(left_out)}, in which no fault can be injected; "
            "convert them to plain floating-point tensors first"
        )
    if not names:
        raise InputError(f"{spec!r}: this model has no {what}")
    shown = ", ".join(names[:12]) + (f", ... ({len(names)} in all)" if len(names) > 12 else "")
    raise InputError(f"{spec!r} matches no {what}; there is: {shown}")


def reasons(left_out: Mapping[str, str]) -> str:
    """What was left out, with the reasons, in one line.

    >>> reasons({"gate": "complex64", "index": "int64"})
    'gate (complex64), index (int64)'
    >>> reasons({"conv1": "not in integers", "conv2": "not in integers"})
    'conv1, conv2 (not in integers)'
    """
    names: dict[str, list[str]] = {}
    for name, why in list(left_out.items())[:12]:
        names.setdefault(why, []).append(name)
    shown = [f"{', '.join(same)} ({why})" for why, same in names.items()]
    more = f", ... ({len(left_out)} in all)" if len(left_out) > 12 else ""
    return ", ".join(shown) + more
