"""Which protections are compared at which bit error rates?"""

from dataclasses import dataclass
from typing import final

from radhard.analyses import Analysis
from radhard.formats import Format
from radhard.hardenings import HARDENINGS, Hardening

__all__ = ["ErrorRateDesign", "Variant"]


@final
@dataclass(frozen=True)
class Variant:
    """A way to protect a network, or none; ``paint`` and ``mark`` are its looks in a figure."""

    name: str
    hardening: str
    """As text; empty for the unprotected network."""
    paint: str
    mark: str

    brief: str = ""
    """The same with less effort, for networks on which each pass takes long; empty: the same."""

    def text(self, *, brief: bool) -> str:
        """The hardening as text, with little effort or not."""
        return (self.brief if brief else "") or self.hardening

    def made(self, *, brief: bool) -> Hardening | None:
        """The hardening that the text names.

        Raises:
            InputError: there is none of that name.
        """
        text = self.text(brief=brief)
        return HARDENINGS.parse(text) if text else None


@final
@dataclass(frozen=True)
class ErrorRateDesign:
    """Ways to protect a network, compared under faults at bit error rates.

    The first variant is the unprotected network.
    """

    variants: tuple[Variant, ...]
    rates: tuple[float, ...]
    """Chance of each stored bit to flip, before the images are evaluated."""
    format: Format
    scores: Analysis | None = None
    """Ranks what is protected first, where the variants need that."""
    scored: int = 200
    """Training images that the scores are made on."""
    runs: int = 200
    """Trials at each rate, by default."""
