"""What is a study made of?"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import final

from radhard.analyses import Analysis
from radhard.formats import Format
from radhard.hardenings import Hardening
from radhard.spec import parse
from radhard.studies.claim import Claim
from radhard.studies.findings import Findings

__all__ = ["Study", "Variant"]


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
        return parse(text, Hardening) if text else None  # type: ignore[type-abstract]


@final
@dataclass(frozen=True)
class Study:
    """A paper's comparison: networks, ways to protect them, bit error rates, and what it claims.

    The first variant is the unprotected network.
    """

    name: str
    title: str
    source: str
    about: str
    """A few sentences: what is struck, and how the figures are to be read."""
    networks: tuple[str, ...]
    variants: tuple[Variant, ...]
    rates: tuple[float, ...]
    format: Format
    claims: Callable[[Findings], Sequence[Claim]]
    scores: Analysis | None = None
    """Ranks what is protected first, where the variants need that."""
    scored: int = 200
    """Images that the scores are made on."""
    runs: int = 200
    """Trials at each rate, by default."""
