"""How precisely is a rate to be known, and which sampler was begun for it?"""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from radhard.caps import Caps, Certified
from radhard.errors import InputError
from radhard.samplers import SAMPLERS, Adaptive, Exhaustive, Sampler
from radhard.stats import percent
from radhard.store import Store

__all__ = ["Precision"]

_KEY = "precision"
"""The entry of a run file: of a run whose sampler was chosen for a margin."""


@dataclass(frozen=True)
class Precision:
    """A margin at a confidence, of the rate of the whole or of that of every group.

    >>> print(Precision(0.005, 0.95, by="tensor"))
    0.5 % of every tensor at 95 % confidence
    """

    margin: float
    confidence: float
    by: str | None = None

    def __str__(self) -> str:
        of = "" if self.by is None else f" of every {self.by}"
        return f"{percent(self.margin)}{of} at {percent(self.confidence)} confidence"

    @property
    def names(self) -> dict[str, Any]:
        """The entry of a run file that says what its sampler was chosen for."""
        return {_KEY: asdict(self)}

    def sampler_of(self, path: Path | None) -> Sampler | None:
        """The sampler of a run file that was begun for this precision; None if there is no run.

        Another pilot might choose another sampler, as it measures times.

        Raises:
            InputError: the file was begun with a sampler that was not chosen for this precision and
                does not reach it whatever the rate is.
        """
        if path is None or not path.exists():
            return None
        with Store(path) as file:
            if file.empty:
                return None
            found = file.manifest()
        text = str(found.get("sampler"))
        try:
            sampler = SAMPLERS.parse(text)
        except InputError:
            sampler = None
        if sampler is not None and (found.get(_KEY) == asdict(self) or sampler in self._reaching):
            return sampler
        raise InputError(
            f"{str(path)!r} was begun with {text}, which is not for a margin of {self}; choose "
            "another file, or give the sampler instead of the margin"
        )

    def adaptive(self, caps: Caps | None = None) -> Adaptive:
        """The sampler that goes on until it is this precise."""
        return Adaptive(self.margin, confidence=self.confidence, by=self.by, caps=caps)

    @property
    def _reaching(self) -> tuple[Sampler, ...]:
        """The samplers that are this precise whatever the rate is, without an assumption."""
        return self.adaptive(), self.adaptive(Certified()), Exhaustive()
