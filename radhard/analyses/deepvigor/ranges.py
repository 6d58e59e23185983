"""Which deviations of a neuron can change the prediction?"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from pathlib import Path
from typing import Any, final

import numpy as np
import numpy.typing as npt
import pandas as pd
from torch import Tensor, nn

from radhard.analyses.deepvigor.range_files import read, write
from radhard.analyses.deepvigor.range_limits import Limits
from radhard.arguments import component_of
from radhard.errors import InputError
from radhard.formats import FORMATS, Format
from radhard.manifest import fingerprint
from radhard.spec import near

__all__ = ["Ranges", "Vulnerability"]


class Vulnerability(IntEnum):
    """The effect of a deviation according to vulnerability value ranges."""

    NON_VULNERABLE = 0
    """The prediction changes for no analyzed input of the class."""
    SEMI_VULNERABLE = 1
    """It changes for some, or it is not known."""
    VULNERABLE = 2
    """It changes for all."""


@final
@dataclass(frozen=True, eq=False)
class Ranges:
    """Vulnerability value ranges of neurons (Ahmadilivani et al., DeepVigor, ETS 2023).

    For every analyzed neuron and golden class: deviations of the module's output that change the
    prediction for none of the analyzed inputs, for some, or for all. A neuron is an element of the
    module's output, by its flat position; an activation function that is a separate module is not
    included.
    """

    by: str
    """The analysis, as text that can be read back."""
    format: Format
    """How the values were assumed to be stored."""
    layers: Mapping[str, Limits]
    """By the name of the activations in campaigns."""
    samples: int
    """Number of analyzed inputs."""
    forwards: Mapping[str, float] = field(default_factory=dict)
    """By layer, the number of forward passes of all inputs, or parts of them, per neuron."""
    model: str = ""
    """Fingerprint of the analyzed model."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "format", component_of(self.format, FORMATS, "format"))

    def __repr__(self) -> str:
        neurons = sum(len(limits.neurons) for limits in self.layers.values())
        return (
            f"<Ranges by {self.by}: {neurons:,} neurons of {len(self.layers)} layers, "
            f"{self.samples:,} inputs>"
        )

    def __getitem__(self, layer: str) -> Limits:
        """The limits of one layer's neurons.

        Raises:
            InputError: the layer was not analyzed.
        """
        if layer not in self.layers:
            raise InputError(
                f"{layer!r} has no ranges by {self.by}: {near(layer, list(self.layers))}"
                f"there is {', '.join(self.layers)}"
            )
        return self.layers[layer]

    def classify(
        self,
        layer: str,
        neurons: npt.ArrayLike | Tensor,
        deviations: npt.ArrayLike | Tensor,
        golden: npt.ArrayLike | Tensor | None = None,
    ) -> npt.NDArray[np.int8]:
        """The effects of deviations of neurons: `Vulnerability` values, of the arguments' shape.

        A deviation that is NaN counts as vulnerable. Unknown effects count as semi-vulnerable: of
        neurons that were not analyzed, and for classes that no analyzed input had.

        Args:
            layer: its name.
            neurons: flat positions in the layer's output.
            deviations: faulty minus fault-free value; broadcast against ``neurons``.
            golden: the golden predictions; without them a deviation must have the same effect on
                inputs of all classes.

        Raises:
            InputError: no such layer, or no such neuron or class.
        """
        # 0 stands in for predictions that are not given: it is broadcast with the others and not
        # looked at.
        arrays = (np.asarray(x) for x in (neurons, deviations, 0 if golden is None else golden))
        at, by, answers = np.broadcast_arrays(*arrays)
        return self[layer].classified(
            layer, at, by.astype(np.float64), None if golden is None else answers
        )

    def check_model(self, model: nn.Module) -> None:
        """Check that these ranges were computed for this model.

        Raises:
            InputError: the model has other tensors, or other values in them.
        """
        if self.model and self.model != fingerprint(model):
            raise InputError(
                f"the ranges by {self.by} are of another model: structure or values differ; "
                "analyze this model"
            )

    def to_frame(self, layer: str) -> pd.DataFrame:
        """One row per neuron and golden class: the limits of its ranges.

        Vulnerable below ``vulnerable_below`` and above ``vulnerable_above``, non-vulnerable from
        ``safe_from`` to ``safe_to``, semi-vulnerable in between; infinite if there is no limit. If
        deviations reach the logits but change no prediction, the largest value that was tried.

        Raises:
            InputError: the layer was not analyzed.
        """
        limits = self[layer]
        count, classes = limits.safe_up.shape
        return pd.DataFrame(
            {
                "neuron": np.repeat(limits.neurons, classes),
                "golden": np.tile(np.arange(classes), count),
                "vulnerable_below": -limits.unsafe_down.ravel(),
                "safe_from": -limits.safe_down.ravel(),
                "safe_to": limits.safe_up.ravel(),
                "vulnerable_above": limits.unsafe_up.ravel(),
            }
        )

    def save(self, path: str | Path) -> None:
        """Write the ranges as NumPy arrays, ``.npz``, without pickled objects.

        Raises:
            InputError: the file cannot be written.
        """
        plain: dict[str, Any] = {"by": self.by, "format": repr(self.format), "model": self.model}
        arrays = {name: limits.arrays() for name, limits in self.layers.items()}
        shapes = {name: list(limits.shape) for name, limits in self.layers.items()}
        counts = {"samples": self.samples, "forwards": dict(self.forwards)}
        write(path, {**plain, **counts, "shapes": shapes}, arrays)

    @classmethod
    def load(cls, path: str | Path, *, foreign: bool = False) -> "Ranges":
        """The ranges that `save` wrote; nothing in the file is executed.

        ``foreign`` allows the file to name a format of another package, whose module is then
        imported.

        Raises:
            InputError: no such file, or it is not a file of ranges.
        """
        plain, arrays = read(path)
        try:
            layers = {
                name: Limits(tuple(map(int, shape)), **arrays[name])
                for name, shape in plain["shapes"].items()
            }
            forwards = {str(name): float(count) for name, count in plain["forwards"].items()}
            return cls(
                str(plain["by"]),
                FORMATS.parse(str(plain["format"]), foreign=foreign),
                layers,
                int(plain["samples"]),
                forwards,
                str(plain["model"]),
            )
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            raise InputError(f"{str(path)!r} contains no value ranges: {error!r}") from error
