"""How much slower is one model than another?"""

import statistics
import time
from dataclasses import dataclass
from typing import Any, final

import torch
from torch import nn

from radhard.datasets.data import Data
from radhard.errors import InputError
from radhard.evaluation import evaluating
from radhard.forward import Forward, plain
from radhard.workload import device_of

__all__ = ["TimeRatio", "time_ratio"]

_REPEATS = 15
_SECONDS = 0.05
"""Approximate duration of a turn: long enough to hide the clock resolution and the first pass."""


@final
@dataclass(frozen=True, repr=False)
class TimeRatio:
    """The time of a forward pass as a multiple of that of another model.

    Both are timed in turn, and the ratio is the median over the pairs.

    >>> print(TimeRatio(1.2, 1.1, 1.3, turns=15, samples=100))
    1.200x (range 1.100 to 1.300, 15 turns, passes of 100 samples)
    """

    median: float
    low: float
    """The smallest of the paired ratios."""
    high: float
    """The largest of them; with 15 turns, both enclose the true median in 99.99 % of cases."""
    turns: int
    samples: int = 0
    """Samples of a pass, on which the ratio depends; 0 if they were not recorded."""

    @property
    def basis(self) -> str:
        """How it was measured, in words.

        >>> TimeRatio(1.2, 1.1, 1.3, 15, 100).basis
        '15 turns, passes of 100 samples'
        """
        passes = f", passes of {self.samples:,} sample{'s' * (self.samples != 1)}"
        return f"{self.turns} turns{passes if self.samples else ''}"

    def __repr__(self) -> str:
        return f"<TimeRatio {self}>"

    def __str__(self) -> str:
        return f"{self.median:.3f}x (range {self.low:.3f} to {self.high:.3f}, {self.basis})"


def time_ratio(
    model: nn.Module,
    base: nn.Module,
    data: Any,
    *,
    call: Forward = plain,
    batch: int = 100,
    turns: int = _REPEATS,
) -> TimeRatio:
    """The time of ``model`` for a batch, as a multiple of that of ``base``.

    The models alternate, on one thread, so changes in the speed of the machine affect both. On a
    CPU the time is that of the process, so other processes do not affect it.

    The ratio depends on the samples: a hardened model takes longer where one of its bounds acts, so
    on samples whose ranges were profiled it seems cheaper than in use.

    Raises:
        InputError: fewer than 3 turns.
    """
    if turns < 3:
        raise InputError(f"turns={turns} is not allowed; it must be at least 3")
    data = Data.of(data)
    device = device_of(base) or torch.device("cpu")
    samples = min(batch, len(data))
    inputs = data.first(samples).to(device).inputs
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with evaluating(model), evaluating(base), torch.inference_mode():
            passes = max(1, round(_SECONDS / max(_seconds(base, inputs, call, 2, device), 1e-9)))
            # Before the first turn, so that what happens only once is in none; the base was called
            # in the line above.
            _seconds(model, inputs, call, 1, device)
            ratios = []
            for turn in range(turns):
                # In turn, so that being first is no advantage of either.
                pair = (model, base) if turn % 2 else (base, model)
                spent = {id(m): _seconds(m, inputs, call, passes, device) for m in pair}
                # Turn by turn: what slowed one turn slowed both models in it.
                ratios.append(spent[id(model)] / spent[id(base)])
    finally:
        torch.set_num_threads(threads)
    return TimeRatio(statistics.median(ratios), min(ratios), max(ratios), turns, samples)


def _seconds(
    model: nn.Module, inputs: Any, call: Forward, passes: int, device: torch.device
) -> float:
    """Time of one pass."""
    clock = time.process_time if device.type == "cpu" else time.perf_counter
    began = clock()
    for _ in range(passes):
        call(model, inputs)
    if device.type == "cuda":
        # A call on a GPU returns before its work is done.
        torch.cuda.synchronize(device)
    return (clock() - began) / passes
