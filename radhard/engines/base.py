"""What does an engine do, and what does it need?"""

import math
from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from radhard.engines.measured_share import MeasuredShare
from radhard.errors import InputError
from radhard.metrics import Panel
from radhard.notes import Note
from radhard.samplers import Trials
from radhard.space import FaultSpace, Intermittent, Numbers
from radhard.spec import Component, Family
from radhard.workload import Workload

__all__ = ["ENGINES", "Campaign", "Engine", "Figures", "Session", "TrialResults", "UnsuitableError"]

Figures = npt.NDArray[np.float64]

_CHUNK = 256
"""Trials in a chunk: enough to share passes, few enough to keep several workers busy."""


class UnsuitableError(InputError):
    """The engine does not support the campaign; the message names the reason and an alternative."""


@dataclass(frozen=True)
class Campaign:
    """All that an engine needs to execute trials.

    The workload is open; ``panel`` holds its golden outputs, computed with its batches. Every trial
    starts from the state that the model has when the campaign is created.
    """

    workload: Workload
    space: FaultSpace
    trials: Trials
    panel: Panel

    def __post_init__(self) -> None:
        _ = self.workload.state  # saved on first access, which must precede the first trial
        if self._fleeting and not self.trials.single:
            raise InputError(
                f"faults that are {self._fleeting[0]!r} are tried one at a time, as each is "
                "present in other inferences; take Uniform or PerTensor"
            )
        if not self.trials.single and any(s.role == "register" for s in self.space.sites):
            raise InputError(
                "faults in registers are tried one at a time, as what several do together is not "
                "computed; take Uniform or PerTensor"
            )

    # Looked at once: of every trial it would take as long as to inject its fault.

    @cached_property
    def _fleeting(self) -> tuple[Intermittent, ...]:
        return tuple(e for e in self.space.exposures if isinstance(e, Intermittent))

    @cached_property
    def _in_samples(self) -> bool:
        return any(site.samples is not None for site in self.space.sites)

    @cached_property
    def batches(self) -> Sequence[tuple[range, Any]]:
        """The samples of every batch, and its inputs."""
        workload = self.workload
        found = workload.data.batches(workload.batch)
        return [(range(rows.start, rows.stop), batch) for rows, batch in found]

    @cached_property
    def flows(self) -> bool:
        """Whether there are faults in values that flow through the model."""
        return any(site.flows for site in self.space.sites)

    def sample(self, faults: Numbers) -> int | None:
        """The only sample that a trial affects, or None if it affects all."""
        if not (self.trials.single and self._in_samples):
            return None
        place, word, _ = self.space.locate(faults)
        region = self.space.regions[int(place[0])]
        if region.site.samples is None:
            return None
        return int(word[0]) // math.prod(region.shape)

    def absent(self, faults: Numbers) -> Tensor | None:
        """In which samples intermittent faults are not present, ``(faults, samples)``.

        None if all faults are present in every sample that they affect.
        """
        if not self._fleeting:
            return None
        places, _, _ = self.space.locate(faults)
        regions = {int(place): self.space.regions[int(place)] for place in np.unique(places)}
        if not any(isinstance(region.exposure, Intermittent) for region in regions.values()):
            return None
        found = np.zeros((len(faults), len(self.workload.data)), dtype=bool)
        for place, region in regions.items():
            if isinstance(region.exposure, Intermittent):
                mine = places == place
                # Drawn from the fault, not from a state: a continued run, and any worker, finds the
                # same.
                found[mine] = ~region.exposure.present(faults[mine], found.shape[1])
        return torch.from_numpy(found).to(self.panel.golden.outputs.device)

    def left(self, done: Numbers) -> Sequence[int]:
        """The trials still to be executed; a range instead of a list if none are done."""
        planned = len(self.trials)
        if not len(done):
            return range(planned)
        left = np.ones(planned, dtype=bool)
        left[done[(done >= 0) & (done < planned)]] = False
        return np.flatnonzero(left).tolist()

    def rows(self, numbers: Sequence[int], figures: Figures) -> list[tuple[Any, ...]]:
        """For each trial its number, its fault (None if several), their count, and its figures."""
        values = figures.tolist()
        if self.trials.single:
            faults = self.trials.at(np.asarray(numbers, dtype=np.int64)).tolist()
            return [(n, f, 1, *v) for n, f, v in zip(numbers, faults, values, strict=True)]
        counts = [len(self.trials[trial]) for trial in numbers]
        return [(n, None, c, *v) for n, c, v in zip(numbers, counts, values, strict=True)]


@dataclass(frozen=True)
class TrialResults:
    """The results of some trials: all that a session returns, so that workers can send it."""

    numbers: Sequence[int]
    """The trials, in any order."""
    figures: Figures
    """Their figures, ``(trials, columns)``."""
    notes: Sequence[Note] = ()
    inferences: Mapping[str, dict[str, Any]] = field(default_factory=dict)
    """Records of inferred verdicts (`Inference.to_dict`), by a unique name."""
    crashes: Mapping[str, str] = field(default_factory=dict)
    """The type of the exception, for trials that raised one, by their faults (`of_faults`)."""


class Session:
    """An engine prepared to execute the trials of one campaign.

    The model is always restored, also after exceptions. Forked processes share the memory of a
    session; therefore everything that all chunks need is computed when the session is created.
    """

    engine: "Engine"
    """The engine that opened it."""

    chunks_together: int = 1
    """Number of chunks that `run` may be given as one, if no trial depends on the others."""

    measured: MeasuredShare | None = None
    """Figures that are measured on a share of the verdicts only; None if all are known."""

    def __init__(self, campaign: Campaign, notes: Sequence[Note] = ()) -> None:
        self.campaign = campaign
        self.notes = tuple(notes)
        """What readers of the results should know about how the trials are executed."""

    def chunks(self) -> Iterator[Sequence[int]]:
        """All trials, divided into chunks that are only executed as a whole.

        The last bits of a figure may depend on the other trials of a pass. Therefore the chunks
        depend on the campaign only, neither on the trials that are already done nor on the number
        of workers. By default they contain trials of one region, in the order of their faults.
        """
        trials = self.campaign.trials
        if not trials.single:
            for at in range(0, len(trials), _CHUNK):
                yield range(at, min(at + _CHUNK, len(trials)))
            return
        numbers = np.arange(len(trials))
        faults = trials.at(numbers)
        numbers = numbers[np.argsort(faults, kind="stable")]
        # The faults of a region have consecutive numbers.
        edges = np.searchsorted(np.sort(faults), self.campaign.space.starts)
        for chunk in np.split(numbers, edges):
            for at in range(0, len(chunk), _CHUNK):
                yield chunk[at : at + _CHUNK].tolist()

    @abstractmethod
    def run(self, trials: Sequence[int]) -> Iterator[TrialResults]:
        """Execute trials, in any order."""

    def continued(self, campaign: Campaign) -> "Session":
        """A session for other trials of the same space, such as those of the next stage.

        Sessions that hold what does not depend on the trials share it.
        """
        return self.engine.open(campaign)

    def conclusions(self, inferences: Mapping[str, dict[str, Any]]) -> list[Note]:  # noqa: ARG002
        """Notes that require the records of all chunks, including chunks executed earlier."""
        return []


class Engine(Component):
    """Determines how trials are executed: with the same verdicts as `Serial`, but faster."""

    @property
    def whole(self) -> bool:
        """Whether every trial is a complete forward pass, so that the model may keep state."""
        return False

    @property
    def infers(self) -> bool:
        """Whether some verdicts are inferred, and a share of these audited."""
        return False

    def open(self, campaign: Campaign) -> Session:
        """Prepare a session that can execute the trials of a campaign.

        Raises:
            UnsuitableError: the engine does not support this campaign.
        """
        self.check_state(campaign)
        try:
            session = self.prepare(campaign)
        finally:
            campaign.workload.state.restore()
        session.engine = self
        return session

    def check_state(self, campaign: Campaign) -> None:
        """Raise `UnsuitableError` if the model keeps state, which only complete passes follow."""
        workload = campaign.workload
        # A faster engine leaves out operations, and with them what they would have written.
        if not self.whole and workload.state_between_passes.names:
            names = ", ".join(map(repr, workload.state_between_passes.names[:5]))
            raise UnsuitableError(
                f"the forward pass keeps state for later passes ({names}), which only whole "
                "passes follow; use Serial()"
            )

    @abstractmethod
    def prepare(self, campaign: Campaign) -> Session:
        """Compute once what all trials need, and return the session that holds it.

        Raises:
            UnsuitableError: the engine does not support this campaign.
        """


ENGINES: Family[Engine] = Family(Engine)
"""The engines of radhard, and how they are read from text."""
