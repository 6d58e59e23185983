"""At which places of a model can a part act?"""

from dataclasses import dataclass
from typing import Literal

__all__ = ["Spot"]


@dataclass(frozen=True)
class Spot:
    """The output of a module, or its first input."""

    path: str
    """Qualified name of the module."""
    place: Literal["output", "input"] = "output"
