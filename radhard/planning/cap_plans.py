"""What does a margin cost with caps, and how long does it take to find them?"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from radhard.caps import Caps, CapTable, Certified, Stated
from radhard.errors import InputError
from radhard.planning.pilot_clock import clock
from radhard.planning.precision import Precision
from radhard.space import FaultSpace
from radhard.stats import floor_size
from radhard.workload import Workload

__all__ = ["CapPlan", "cap_plans"]

_LONGEST = 10.0
"""Seconds that finding the caps of a sample may be expected to take in a pilot."""

_PASSES, _COST = 68, 1.0
"""Passes of bounds for each channel of a convolution: two signs and the powers of two; and how
many times as long as a forward pass each takes, roughly."""


@dataclass(frozen=True)
class CapPlan:
    """A source of caps, and what a campaign with it costs."""

    caps: Caps
    trials: int | None
    """The floor that the caps leave; None if they were not computed."""
    seconds: float
    """To find the caps of all samples."""
    measured: bool
    """Whether the time was measured, or estimated from the sizes of layers."""


def cap_plans(
    few: Workload,
    samples: int,
    space: FaultSpace,
    table: Sequence[str],
    precision: Precision,
    left_out: dict[str, str],
) -> Iterator[CapPlan]:
    """The plans of all sources of caps that apply.

    Args:
        few: the model and the first samples of the data, whose caps tell what those of all are
            like, and how long they take.
        samples: the number of all samples.
        space: the faults.
        table: the group of every variant of every region.
        precision: of each group.
        left_out: to which sources that do not apply are added, with the reason.
    """
    for source in (Stated(audit=1), Certified()):
        caps = Stated() if isinstance(source, Stated) else source
        try:
            # A proof may take hours, which would be a long pilot; assumptions take seconds.
            expected = _expected(few, space) if isinstance(source, Certified) else 0.0
            if expected > _LONGEST:
                yield CapPlan(caps, None, expected * samples, measured=False)
                continue
            with few.open():
                start = clock()
                found = source.find(few, space)
                seconds = clock() - start
        except InputError as error:
            left_out[repr(caps)] = str(error)
            continue
        assert isinstance(found, CapTable)
        if len(found.left_out) == len(space.regions):
            reason = next(iter(found.left_out.values()))
            left_out[repr(caps)] = f"it caps no fault of {len(space.regions)} tensors: {reason}"
            continue
        trials = _floor(found, space, table, precision)
        yield CapPlan(caps, trials, seconds * samples / len(few.data), measured=True)


def _expected(few: Workload, space: FaultSpace) -> float:
    """About how many seconds the proof for one sample takes."""
    with few.open():
        start = clock()
        for _, inputs in few.batches():
            few.forward(inputs)
        forward = (clock() - start) / len(few.data)
    channels = sum(s.shape[0] for s in space.sites if s.role == "weight" and len(s.shape) == 4)
    return _PASSES * _COST * channels * forward


def _floor(caps: CapTable, space: FaultSpace, table: Sequence[str], precision: Precision) -> int:
    """The trials below which no group can have the margin, with the caps of some samples."""
    sums: dict[str, float] = {}
    sizes: dict[str, int] = {}
    for place, region in enumerate(space.regions):
        own = caps.caps[int(space.starts[place]) : int(space.starts[place + 1])]
        # Faults of a region are numbered word by word, and a group has variants of all words.
        means = own.reshape(region.words, region.variants).mean(axis=0, dtype=np.float64)
        for variant, mean in enumerate(means.tolist()):
            group = table[int(space.variant_starts[place]) + variant]
            sums[group] = sums.get(group, 0.0) + mean * region.words
            sizes[group] = sizes.get(group, 0) + region.words
    return sum(
        min(
            sizes[group],
            math.ceil(floor_size(total / sizes[group], precision.margin, precision.confidence)),
        )
        for group, total in sums.items()
    )
