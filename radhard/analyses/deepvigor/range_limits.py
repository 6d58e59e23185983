"""What are the limits of the ranges of a layer's neurons?"""

import math
from dataclasses import dataclass, fields
from typing import Any, final

import numpy as np
import numpy.typing as npt

from radhard.errors import InputError

__all__ = ["Limits"]

Ends = npt.NDArray[np.float64]


@final
@dataclass(frozen=True, eq=False)
class Limits:
    """Magnitudes of deviation of each analyzed neuron and golden class, ``(neurons, classes)``.

    Non-vulnerable from ``-safe_down`` to ``safe_up``, vulnerable from ``unsafe_up`` upwards and
    from ``-unsafe_down`` downwards. ``unsafe`` is infinite if there is no vulnerable range;
    ``safe`` is the largest magnitude that was tried if none changed a prediction, and infinite if
    deviations do not reach the logits. NaN for classes that no analyzed input had.

    Raises:
        ValueError: arrays with inconsistent shapes or values.
    """

    shape: tuple[int, ...]
    """The shape of the layer's output for one sample."""
    neurons: npt.NDArray[np.int64]
    """Flat positions of the analyzed neurons, ascending."""
    safe_down: Ends
    unsafe_down: Ends
    safe_up: Ends
    unsafe_up: Ends

    def __post_init__(self) -> None:
        sizes = {getattr(self, name).shape for name in _ENDS}
        if len(sizes) != 1 or sizes.pop()[:1] != self.neurons.shape or self.safe_up.ndim != 2:
            raise ValueError("limits are one for each neuron and class")
        if self.neurons.dtype != np.int64 or (np.diff(self.neurons) <= 0).any():
            raise ValueError("neurons are ascending whole numbers")
        if len(self.neurons) and not 0 <= self.neurons[0] <= self.neurons[-1] < self.size:
            raise ValueError(f"neurons are positions below {self.size}")

    @property
    def size(self) -> int:
        """Number of neurons of the layer."""
        return math.prod(self.shape)

    @property
    def classes(self) -> int:
        """Number of classes of the model."""
        return int(self.safe_up.shape[1])

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """All but the shape, by name."""
        return {field.name: getattr(self, field.name) for field in fields(self)[1:]}

    def classified(
        self,
        layer: str,
        neurons: npt.NDArray[np.int64],
        deviations: Ends,
        golden: npt.NDArray[np.int64] | None,
    ) -> npt.NDArray[np.int8]:
        """0 non-vulnerable, 1 semi-vulnerable, 2 vulnerable; arguments of one shape.

        Raises:
            InputError: no such neuron or class.
        """
        _within(layer, "neurons", neurons, self.size)
        # The nearest analyzed neuron; ``scored`` tells whether it is the one that is looked for.
        rows = np.searchsorted(self.neurons, neurons).clip(max=max(len(self.neurons) - 1, 0))
        if not len(self.neurons):
            return np.ones(neurons.shape, dtype=np.int8)
        scored = self.neurons[rows] == neurons
        if golden is None:
            ends = self._of_all()
            chosen = {name: ends[name][rows] for name in _ENDS}
        else:
            _within(layer, "classes", golden, self.classes)
            chosen = {name: getattr(self, name)[rows, golden] for name in _ENDS}
        upwards, size = deviations > 0, np.abs(deviations)
        safe = np.where(upwards, chosen["safe_up"], chosen["safe_down"])
        unsafe = np.where(upwards, chosen["unsafe_up"], chosen["unsafe_down"])
        classes = np.ones(neurons.shape, dtype=np.int8)
        # Limits of classes that no input had are NaN, which compares false: their effect stays
        # unknown.
        classes[scored & (size <= safe)] = 0
        # Without the second condition, an infinite deviation would reach a limit that does not
        # exist.
        classes[scored & (size >= unsafe) & np.isfinite(unsafe)] = 2
        classes[scored & np.isnan(deviations)] = 2
        return classes

    def _of_all(self) -> dict[str, Ends]:
        """The limits that hold for the inputs of every class."""
        ends = {}
        for name in _ENDS:
            all_: Ends = getattr(self, name)
            least = name.startswith("safe")
            # The neutral element of the minimum or maximum, so that classes without inputs have no
            # say.
            filled = np.where(np.isnan(all_), np.inf if least else -np.inf, all_)
            ends[name] = filled.min(1) if least else filled.max(1)
        return ends


_ENDS = ("safe_down", "unsafe_down", "safe_up", "unsafe_up")


def _within(layer: str, what: str, indices: npt.NDArray[np.int64], size: int) -> None:
    if not np.issubdtype(indices.dtype, np.integer):
        raise InputError(f"{what} must be integers, not {indices.dtype}")
    if indices.size and not 0 <= indices.min() <= indices.max() < size:
        wrong = indices[(indices < 0) | (indices >= size)].flat[0]
        raise InputError(f"{layer!r} has {size:,} {what}, numbered from 0; there is no {wrong}")
