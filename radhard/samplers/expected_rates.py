"""How likely is a flip of each bit to do harm, according to how far it moves the values?"""

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from radhard.errors import InputError
from radhard.space import FaultSpace
from radhard.targets.stored import stored_tensor

__all__ = ["expected_rates"]

_LARGEST = 0.5
"""The expected rate of the bit that moves values farthest: the worst case of a sample size."""

_WORDS = 2**16
"""Words whose faults are computed together."""


def expected_rates(model: nn.Module, space: FaultSpace) -> tuple[float, ...]:
    """The expected rate of each variant, from the values of the model ("data-aware").

    The mean distance by which a fault of the variant moves the values of all tensors, over the
    largest such mean, times 0.5 (Ruospo et al., DATE 2023). Distances to infinity and NaN are those
    to the largest finite value.

    Raises:
        InputError: words of different widths, or faults that change several values or values that
            are not stored.
    """
    counts = np.unique(space.variants)
    if len(counts) > 1 or len(space.formats) > 1 or len(space.faults) > 1:
        raise InputError(
            "p='data' needs words of one format with one fault model; make a campaign for each, or "
            "give p as a number"
        )
    sums: npt.NDArray[np.float64] = np.zeros(int(counts[0]))
    for region in space.regions:
        if not region.by_word or region.site.flows or region.site.samples is not None:
            raise InputError(
                f"p='data' needs the stored value of every word, and those of {region.site.name!r} "
                f"({region.plane}) are none; give p as a number"
            )
        values = stored_tensor(model, region.site.name).cpu().reshape(-1)
        most = torch.finfo(torch.float64 if values.dtype == torch.float64 else torch.float32).max
        for begin in range(0, region.words, _WORDS):
            numbers = np.arange(begin, min(begin + _WORDS, region.words))
            at = torch.from_numpy(region.positions_of(numbers))
            before = values[at]
            for variant in range(region.variants):
                after = region.faulty(before, at, torch.full_like(at, variant)).double()
                # NaN is farther away than any number.
                after = after.nan_to_num(nan=most, posinf=most, neginf=-most)
                moved = (after - before.double()).abs().clamp(max=most)
                # Divided before it is summed, as a sum of large distances may be infinite.
                sums[variant] += float((moved / len(space)).sum())
    if not sums.any():
        raise InputError("p='data': no fault moves any value; give p as a number")
    # As texts in a run file, with as many digits as matter.
    return tuple(float(f"{_LARGEST * share:.4g}") for share in (sums / sums.max()).tolist())
