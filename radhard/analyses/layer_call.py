"""What did a layer receive and return in one call?"""

from dataclasses import dataclass

from torch import Tensor

from radhard.analyses.layer import Layer
from radhard.analyses.receptive_field import windows

__all__ = ["LayerCall"]


@dataclass(frozen=True)
class LayerCall:
    """One call of a layer within a forward pass."""

    layer: Layer
    inputs: Tensor
    """A copy of the input."""
    outputs: Tensor
    """The layer's output, before any other hook; not affected by later in-place operations."""
    samples: int
    axis: int
    """The axis of the samples in the outputs."""

    def by_channel(self, values: Tensor) -> Tensor:
        """Values in the shape of the outputs as ``(samples, channels, positions)``."""
        rows = self._rows(values)
        if self.layer.channels_last:
            return rows.flatten(1, -2).transpose(1, 2)
        # The rows of a sample count as positions, in front of those of the map.
        return rows.movedim(2, 1).flatten(2)

    def windows(self, rows: slice = slice(None)) -> Tensor:
        """The inputs summed for each output, ``(samples, groups, taps, positions)``.

        ``rows`` selects some samples.
        """
        rows_of = self._rows(self.inputs)[rows]
        patches = windows(self.layer.module, rows_of.flatten(0, 1))
        # (samples x rows, groups, taps, positions) to (samples, groups, taps, rows x positions)
        patches = patches.reshape(len(rows_of), -1, *patches.shape[1:])
        return patches.permute(0, 2, 3, 1, 4).flatten(3)

    def _rows(self, values: Tensor) -> Tensor:
        """``(samples, rows, ...)``: a layer may be called with several rows of each sample."""
        first = values.movedim(self.axis, 0)
        return first.reshape(self.samples, -1, *first.shape[1:])
