"""Which upsets of activations and weights does a reliability study try?"""

from dataclasses import dataclass, replace
from typing import final

__all__ = ["UpsetDesign"]


@final
@dataclass(frozen=True)
class UpsetDesign:
    """Errors of single activations, transients in activations, and errors that stay in weights."""

    rates: tuple[float, ...]
    """Probabilities of an upset of each layer's output in an inference, ascending."""
    activations: int = 1_000_000
    """Activations whose errors are measured, for each number of flips."""
    flips: tuple[int, ...] = (1, 2, 3)
    passes: int = 10
    """Passes over all test images at each rate."""
    layer_passes: int = 5
    """Passes in which every inference has one upset in the output of one layer, for each layer."""
    steps: int = 150
    """Errors that accumulate in all weights."""
    repeats: int = 40
    """Histories of accumulating errors, by default."""
    layer_steps: int = 30
    """Errors that accumulate in the weights of one layer."""
    layer_repeats: int = 60
    images: int = 200
    """Test images on which networks with faulty weights are evaluated, by default."""

    def quick(self) -> "UpsetDesign":
        """A small part of all of it, over the same rates."""
        return replace(
            self,
            rates=(self.rates[0], self.rates[-1]),
            activations=2_000,
            passes=2,
            layer_passes=1,
            steps=10,
            repeats=3,
            layer_steps=5,
            layer_repeats=3,
        )
