"""How does a model compute with faulty weights while the fault-free ones are trained?"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor, nn

from radhard.injection import Hits, write_faults
from radhard.space import FaultSpace, Numbers
from radhard.targets.stored import stored_tensor

__all__ = ["FaultyWeights"]


@dataclass(frozen=True)
class FaultyWeights:
    """The stored tensors of a fault space in a model whose weights are trained.

    Training gives a tensor values that its format lacks. Passes read these rounded to the format,
    with faults; the tensors themselves keep them, so that small updates add up.
    """

    model: nn.Module
    space: FaultSpace

    @contextmanager
    def faulty(self, numbers: Numbers) -> Iterator[None]:
        """The tensors rounded to their formats and with faults, while open."""
        places, words, variants = self.space.locate(numbers)
        saved = {name: tensor.clone() for name, tensor in self._tensors().items()}
        try:
            self.round()
            regions = [
                # Fitted to the unrounded weights, as in `round`: rounded ones may have another
                # scale.
                replace(region, format=region.format.fit(saved[region.site.name]))
                for region in self.space.regions
            ]
            tensors = self.space.tensors[places]
            # All faults of a tensor at once, as several may hit one word.
            for tensor in dict.fromkeys(tensors.tolist()):
                here = np.flatnonzero(tensors == tensor)
                hits = Hits(regions, places[here], words[here], variants[here])
                write_faults(stored_tensor(self.model, hits.regions[tensor].site.name), hits)
            yield
        finally:
            for name, tensor in self._tensors().items():
                tensor.copy_(saved[name])

    def round(self) -> None:
        """Round the tensors to their formats, as `radhard.stored_as` does."""
        formats = {region.site.name: region.format for region in self.space.regions}
        for name, tensor in self._tensors().items():
            format = formats[name].fit(tensor)
            tensor.copy_(format.decode(format.encode(tensor)).to(tensor.dtype))

    def _tensors(self) -> dict[str, Tensor]:
        """The tensors by name, without their autograd history."""
        names = dict.fromkeys(site.name for site in self.space.sites)
        with torch.no_grad():
            return {name: stored_tensor(self.model, name) for name in names}
