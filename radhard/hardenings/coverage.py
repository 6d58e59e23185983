"""How much of a model does a hardening protect, and what does it leave out?"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from radhard.errors import InputError

__all__ = ["Coverage"]

_SHOWN = 4
"""Number of parts left out that are named in a line of text; the others are counted."""


@dataclass(frozen=True)
class Coverage:
    """Which parts of one kind, such as activation functions, a hardening protects.

    >>> print(Coverage("activation functions", ("1",), {"3": "GELU is no rectifier"}))
    1 of 2 activation functions, not: 3 (GELU is no rectifier)
    """

    kind: str
    """The kind of the parts, in the plural."""
    covered: tuple[str, ...] = ()
    left_out: Mapping[str, str] = field(default_factory=dict)
    """The reasons for parts that should be protected and are not."""
    exempt: Mapping[str, str] = field(default_factory=dict)
    """The reasons for parts that need no protection, such as bounded activation functions."""

    @property
    def total(self) -> int:
        """Number of parts that should be protected."""
        return len(self.covered) + len(self.left_out)

    def __str__(self) -> str:
        text = f"{len(self.covered):,} of {self.total:,} {self.kind}"
        if self.left_out:
            text += f", not: {_listed(self.left_out)}"
        if self.exempt:
            text += f", apart from: {_listed(self.exempt)}"
        return text

    def to_dict(self) -> dict[str, Any]:
        """The coverage as plain values."""
        return {
            "kind": self.kind,
            "covered": list(self.covered),
            "left_out": dict(self.left_out),
            "exempt": dict(self.exempt),
        }

    @classmethod
    def from_dict(cls, values: Any) -> "Coverage":
        """The coverage from the result of `to_dict`.

        Raises:
            InputError: the values are not such a result.
        """
        entries = values if isinstance(values, dict) else {}
        kind, covered = entries.get("kind"), entries.get("covered")
        reasons = [entries.get(name) for name in ("left_out", "exempt")]
        if not (isinstance(kind, str) and isinstance(covered, list) and _texts(covered)):
            raise InputError(
                f"the recipe cannot be read: {values!r:.80} is not the coverage of a hardening"
            )
        if not all(isinstance(r, dict) and _texts([*r, *r.values()]) for r in reasons):
            raise InputError(
                f"the recipe cannot be read: {values!r:.80} are not the parts that a hardening "
                "leaves out"
            )
        left_out, exempt = (dict(r or {}) for r in reasons)
        return cls(kind, tuple(covered), left_out, exempt)


def _texts(values: list[Any]) -> bool:
    return all(isinstance(value, str) for value in values)


def _listed(reasons: Mapping[str, str]) -> str:
    shown = [f"{name} ({reason})" for name, reason in list(reasons.items())[:_SHOWN]]
    more = len(reasons) - len(shown)
    return ", ".join(shown) + (f" and {more:,} more" if more else "")
