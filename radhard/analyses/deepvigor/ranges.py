"""Which deviations of a neuron can change what the model says?"""

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
    """What a deviation does, as far as vulnerability value ranges tell."""

    NON_VULNERABLE = 0
    """No analysed input of the class changes its answer."""
    SEMI_VULNERABLE = 1
    """Some do, some do not, or it is not known."""
    VULNERABLE = 2
    """All do."""


@final
@dataclass(frozen=True, eq=False)
class Ranges:
    """Vulnerability value ranges of neurons (Ahmadilivani et al., DeepVigor, ETS 2023).

    For every analysed neuron and golden class: deviations of the module's output that change
    no answer of the analysed inputs, some, or all. A neuron is an element of that output, by its
    flat position; the module's output is what is meant, so before an activation function that is
    a module of its own.
    """

    by: str
    """The analysis, as text that can be read back."""
    format: Format
    """How the values were taken to be stored."""
    layers: Mapping[str, Limits]
    """By the name that campaigns give the activations."""
    samples: int
    """How many inputs were analysed."""
    forwards: Mapping[str, float] = field(default_factory=dict)
    """By layer, how many forward passes of all inputs, or parts of them, each neuron took."""
    model: str = ""
    """Fingerprint of the model that was looked at."""

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
            InputError: it was not looked at.
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
        """What deviations of neurons do: values of `Vulnerability`, of the arguments' shape.

        A deviation that is NaN counts as vulnerable. Semi-vulnerable is also what nothing is known
        of: neurons that were not analysed, classes that no analysed input had.

        Args:
            layer: its name.
            neurons: flat positions in the layer's output.
            deviations: erroneous less fault-free value; broadcast against ``neurons``.
            golden: the fault-free answers; without them a deviation must do the same to inputs of
                all classes.

        Raises:
            InputError: no such layer, or no such neuron or class.
        """
        given = (np.asarray(x) for x in (neurons, deviations, 0 if golden is None else golden))
        at, by, answers = np.broadcast_arrays(*given)
        return self[layer].classified(
            layer, at, by.astype(np.float64), None if golden is None else answers
        )

    def demand_suit(self, model: nn.Module) -> None:
        """See to it that these ranges were made for this model.

        Raises:
            InputError: the model has other tensors, or other values in them.
        """
        if self.model and self.model != fingerprint(model):
            raise InputError(
                f"the ranges by {self.by} were made for another model: structure or values "
                "differ; analyse this one"
            )

    def to_frame(self, layer: str) -> pd.DataFrame:
        """One row a neuron and golden class: the limits of its ranges.

        Vulnerable below ``vulnerable_below`` and above ``vulnerable_above``, non-vulnerable from
        ``safe_from`` to ``safe_to``, semi-vulnerable in between; infinite where there is no limit.
        Where something gets through but changes no answer, the largest number that was tried.

        Raises:
            InputError: the layer was not looked at.
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
        """Write the ranges as NumPy arrays, ``.npz``, without anything that could be executed.

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
            InputError: no such file, or it holds something else.
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
            raise InputError(f"{str(path)!r} holds no ranges: {error!r}") from error
