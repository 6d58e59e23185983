"""What does an engine promise?"""

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from radhard.errors import InputError
from radhard.metrics import Panel
from radhard.samplers import Trials
from radhard.space import FaultSpace, Numbers
from radhard.spec import Component, Family
from radhard.workload import Workload

__all__ = ["ENGINES", "Campaign", "Engine", "Figures", "UnsuitableError"]

Figures = npt.NDArray[np.float64]

_CHUNK = 256
"""Trials in a chunk: enough to share passes, few enough to keep several workers busy."""


class UnsuitableError(InputError):
    """The engine cannot take the campaign; the message says why, and which engine can."""


@dataclass(frozen=True)
class Campaign:
    """All that an engine needs to know to execute trials.

    The workload is open; ``panel`` holds its golden outputs, computed with its batches. Every trial
    starts from the state that the model has when this is made.
    """

    workload: Workload
    space: FaultSpace
    trials: Trials
    panel: Panel
    notes: list[str] = field(default_factory=list)
    """What a reader of the results should know of how the trials were executed; engines add."""
    kept: dict[str, Any] = field(default_factory=dict)
    """What engines prepared for all chunks, by their text."""
    audits: dict[str, dict[str, Any]] = field(default_factory=dict)
    """What was found out by trying faults whose figures had been inferred; see `Bracket`."""
    crashes: dict[str, str] = field(default_factory=dict)
    """By the faults of a trial (`of_faults`): the kind of exception in which it ended."""

    def __post_init__(self) -> None:
        _ = self.workload.state  # saved now

    def sample(self, faults: Numbers) -> int | None:
        """The one sample that a trial concerns, or None if it concerns all."""
        if not self.trials.single:
            return None
        place, word, _ = self.space.locate(faults)
        site = self.space.sites[int(place[0])]
        if site.samples is None:
            return None
        return int(word[0]) // (site.words // site.samples)

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
            if not self.whole and campaign.workload.state_between_passes.names:
                names = ", ".join(map(repr, campaign.workload.state_between_passes.names[:5]))
                raise UnsuitableError(
                    f"the forward pass keeps state for later passes ({names}), which only whole "
                    "passes follow; use Serial()"
                )
            try:
                self.prepare(campaign)
            finally:
                campaign.workload.state.restore()
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
        are trials of one tensor, in order of their faults.
        """
        if not campaign.trials.single:
            for at in range(0, len(campaign.trials), _CHUNK):
                yield range(at, min(at + _CHUNK, len(campaign.trials)))
            return
        trials = np.arange(len(campaign.trials))
        faults = campaign.trials.at(trials)
        trials = trials[np.argsort(faults, kind="stable")]
        starts = campaign.space.starts * campaign.space.variants
        edges = np.searchsorted(np.sort(faults), starts)
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
