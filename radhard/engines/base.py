"""What does an engine promise?"""

import math
from abc import abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
from torch import nn

from radhard.datasets.data import Data
from radhard.engines.carried import Carried, carried, few_rows
from radhard.errors import InputError
from radhard.metrics import Panel
from radhard.samplers import Trials
from radhard.space import FaultSpace, Numbers
from radhard.spec import Component, Family
from radhard.state import State
from radhard.targets import Forward

__all__ = ["ENGINES", "Campaign", "Engine", "Figures", "UnsuitableError"]

Figures = npt.NDArray[np.float64]

_CHUNK = 256
"""Trials in a chunk: enough to share passes, few enough to keep several workers busy."""


class UnsuitableError(InputError):
    """The engine cannot take the campaign; the message says why, and which engine can."""


@dataclass(frozen=True)
class Campaign:
    """All that an engine needs to know to execute trials.

    The model is in evaluation mode, on one device with the data; ``panel`` holds the golden
    outputs, computed with batches of ``batch`` samples. What it holds when this is made is the
    state from which every trial starts.
    """

    model: nn.Module
    data: Data
    space: FaultSpace
    trials: Trials
    panel: Panel
    call: Forward
    batch: int
    notes: list[str] = field(default_factory=list)
    """What a reader of the results should know of how the trials were executed; engines add."""
    kept: dict[str, Any] = field(default_factory=dict)
    """What engines prepared for all chunks, by their text."""
    audits: dict[str, dict[str, Any]] = field(default_factory=dict)
    """What was found out by trying faults whose figures had been inferred; see `Bracket`."""
    crashes: dict[str, str] = field(default_factory=dict)
    """By the faults of a trial (`of_faults`): the kind of exception in which it ended."""
    deterministic: bool = True
    """Whether two fault-free passes give the same outputs."""
    state: State = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "state", State(self.model))

    @cached_property
    def few_rows(self) -> Any:
        """The samples of a pass that shows what passes read and leave behind."""
        return few_rows(self.model, self.data, self.call, self.batch, self.state)

    @cached_property
    def carried(self) -> Carried:
        """What passes leave behind for later passes."""
        return carried(self.model, self.few_rows, self.call, self.state)

    def sample(self, faults: Numbers) -> int | None:
        """The one sample that a trial concerns, or None if it concerns all."""
        if not self.trials.single:
            return None
        place, word, _ = self.space.locate(faults)
        region = self.space.regions[int(place[0])]
        if region.site.samples is None:
            return None
        return int(word[0]) // math.prod(region.shape)

    def left(self, done: Numbers) -> Sequence[int]:
        """The trials that are still to be executed; without a list where that is all of them."""
        planned = len(self.trials)
        if not len(done):
            return range(planned)
        left = np.ones(planned, dtype=bool)
        left[done[(done >= 0) & (done < planned)]] = False
        return np.flatnonzero(left).tolist()

    def rows(self, numbers: Sequence[int], figures: Figures) -> list[tuple[Any, ...]]:
        """Trial, its fault (None where it has many), how many, and its figures."""
        values = figures.tolist()
        if self.trials.single:
            faults = self.trials.at(np.asarray(numbers, dtype=np.int64)).tolist()
            return [(n, f, 1, *v) for n, f, v in zip(numbers, faults, values, strict=True)]
        counts = [len(self.trials[trial]) for trial in numbers]
        return [(n, None, c, *v) for n, c, v in zip(numbers, counts, values, strict=True)]


class Engine(Component):
    """How trials are executed: the same verdicts as `Serial`, sooner.

    A campaign is cut into ``chunks``; after ``prepare``, ``run`` is called once for each chunk, in
    this process or in workers.
    """

    @property
    def whole(self) -> bool:
        """Whether every trial is a whole pass of the model, so that its state may be anything."""
        return False

    def ready(self, campaign: Campaign) -> None:
        """Prepare, unless that is done already.

        Raises:
            UnsuitableError: the engine cannot take this campaign.
        """
        if repr(self) not in campaign.kept:
            if not self.whole and campaign.carried.names:
                names = ", ".join(map(repr, campaign.carried.names[:5]))
                raise UnsuitableError(
                    f"the forward pass keeps state for later passes ({names}), which only whole "
                    "passes follow; use Serial()"
                )
            try:
                self.prepare(campaign)
            finally:
                campaign.state.restore()
            campaign.kept.setdefault(repr(self), None)

    def prepare(self, campaign: Campaign) -> None:
        """Do once what all chunks need, and keep it in ``campaign.kept[repr(self)]``.

        Called before there are workers, so that they share what is kept.

        Raises:
            UnsuitableError: the engine cannot take this campaign.
        """

    def chunks(self, campaign: Campaign) -> Iterator[Sequence[int]]:
        """All trials in parts that are only ever executed whole.

        The last bits of a figure may depend on the company of a trial; so the parts depend on the
        campaign only, not on what is done already nor on the number of workers. By default they
        are trials of one region, in order of their faults.
        """
        if not campaign.trials.single:
            for at in range(0, len(campaign.trials), _CHUNK):
                yield range(at, min(at + _CHUNK, len(campaign.trials)))
            return
        trials = np.arange(len(campaign.trials))
        faults = campaign.trials.at(trials)
        trials = trials[np.argsort(faults, kind="stable")]
        edges = np.searchsorted(np.sort(faults), campaign.space.starts)
        for part in np.split(trials, edges):
            for at in range(0, len(part), _CHUNK):
                yield part[at : at + _CHUNK].tolist()

    @abstractmethod
    def run(
        self, campaign: Campaign, todo: Sequence[int]
    ) -> Iterator[tuple[Sequence[int], Figures]]:
        """Execute trials in any order; yields their numbers and figures ``(trials, columns)``.

        Whatever happens, the model is left as it was.
        """

    def conclude(self, campaign: Campaign) -> None:
        """Add to ``campaign.notes`` what can be said only once all trials are executed.

        Then ``campaign.audits`` has the entries of all chunks, of earlier sessions and of workers.
        """


ENGINES: Family[Engine] = Family(Engine)
"""The engines that radhard has, and how one is read from text."""
