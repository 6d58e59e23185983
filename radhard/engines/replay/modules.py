"""How does a trial start at the fault if the model has no graph?"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import numpy as np
import torch
from torch import nn

from radhard.datasets.batch import mapped
from radhard.engines.base import Campaign, Session, TrialResults
from radhard.engines.exceptions import NOT_BY_FAULTS
from radhard.engines.replay.module_recording import Recording, copied, forwards, recorded
from radhard.engines.replay.trial_groups import by_site
from radhard.engines.serial import Passed, SerialSession, faulty_outputs, judged
from radhard.notes import Note
from radhard.replay.graph import NoGraphError
from radhard.targets import Site
from radhard.workload.geometry import repeated

__all__ = ["ModulesSession"]

_CALL = 100_000
"""Cost of intercepting the call of a module, in multiplications."""

_CHECKS = 3
"""Number of passes needed to check whether a pass may start at a site."""


class ModulesSession(Session):
    """Modules that are called before the fault return their outputs of the fault-free pass.

    All others run unchanged, so that the outputs are bitwise equal to those of complete passes.
    """

    def __init__(self, campaign: Campaign, memory: int, why: str) -> None:
        """Record a pass over every batch; ``why`` is the reason that there is no graph.

        Raises:
            NoGraphError: the outputs of the modules take more than ``memory`` bytes.
        """
        super().__init__(campaign)
        self._serial = SerialSession(campaign)
        self._recordings: list[Recording] = []
        left = memory
        for _, batch in campaign.workload.data.batches(campaign.workload.batch):
            # A copy, since some models write into their inputs.
            given = mapped(batch, torch.clone)
            self._recordings.append(
                recorded(campaign.workload.model, campaign.workload.call, given)
            )
            # The recordings of all batches are kept, as the trials go over all of them again and
            # again.
            left -= self._recordings[-1].nbytes
            if left < 0:
                raise NoGraphError(f"what its modules give takes more than memory={memory:,}")
        self._known: dict[int, bool] = {}
        faults = campaign.trials.at(np.arange(len(campaign.trials)))
        places, _, _ = campaign.space.locate(faults)
        self._trials = np.bincount(places, minlength=len(campaign.space.sites))
        notes = [Note("no graph", {"why": why})]
        if names := self._worthless():
            notes.append(Note("leaving out", {"tensors": names}))
        self.notes = tuple(notes)

    def run(self, trials: Sequence[int]) -> Iterator[TrialResults]:
        for place, mine in by_site(self.campaign, trials).items():
            if self.takes(place):
                for trial in mine.tolist():
                    yield self._trial(trial, place)
            else:
                yield from self._serial.run(mine.tolist())

    def takes(self, place: int) -> bool:
        """Whether starting at a site saves time and gives the same outputs as complete passes.

        The outputs differ if modules communicate through state besides their outputs.
        """
        if place not in self._known:
            self._known[place] = self.gain(place) > 0 and self._repeats(place)
        return self._known[place]

    def _trial(self, trial: int, place: int) -> TrialResults:
        """Execute a trial with a fault in a site."""
        campaign = self.campaign
        faults = campaign.trials[trial]
        sample = campaign.sample(faults)

        def around(number: int) -> AbstractContextManager[None]:
            return self._replayed(number if sample is None else sample, place)

        outputs, crash = faulty_outputs(campaign, faults, sample, around=around)
        return judged(campaign, [Passed(trial, sample, outputs, crash)])

    def _repeats(self, place: int) -> bool:
        campaign = self.campaign
        data = campaign.workload.data
        if len(data) == 1:
            return False  # there is no other sample to check with
        rows, batch = next(data.batches(campaign.workload.batch))
        many = rows.stop - rows.start
        with torch.no_grad():
            # A pass over other data, so that no state of this batch remains: state that skipped
            # modules do not write would then differ.
            campaign.workload.call(
                campaign.workload.model, repeated(data.rows(slice(len(data) - 1, None)), many)
            )
            try:
                with self._replayed(0, place):
                    outputs = campaign.workload.call(
                        campaign.workload.model, mapped(batch, torch.clone)
                    )
            except NOT_BY_FAULTS:
                raise
            except Exception:
                # As where the model computes gradients, which recorded outputs do not have.
                return False
            return torch.equal(
                outputs, campaign.workload.call(campaign.workload.model, mapped(batch, torch.clone))
            )

    def gain(self, place: int) -> float:
        """What starting at the fault saves in all trials of a site, in multiplications.

        It is counted in the recorded pass. Negative if the passes with which `takes` checks the
        site cost more than is saved.
        """
        site, recording = self.campaign.space.sites[place], self._recordings[0]
        when = recording.begins(self.campaign.workload.model, site)
        skipped, until = 0.0, 0.0
        for at, one in enumerate(recording.calls):
            # Calls inside a call that is left out are left out with it, and are not counted twice.
            if one.begin >= until and self._is_skipped(recording, at, when, site):
                skipped += recording.before(one.end) - recording.before(one.begin)
                until = one.end
        alone = site.samples is not None and self.campaign.trials.single
        passes = int(self._trials[place]) * (1 if alone else len(self._recordings))
        # Every call is intercepted, also those that run.
        each = skipped - _CALL * len(recording.calls)
        return passes * each - _CHECKS * recording.spent[-1]

    def _worthless(self) -> list[str]:
        """Names of the sites with trials for which skipping modules saves nothing."""
        space = self.campaign.space
        return [
            space.name(place)
            for place in range(len(space.regions))
            if self._trials[place] and self.gain(place) <= 0
        ]

    def cost(self) -> float:
        """The cost of complete passes for all trials, in multiplications."""
        total = 0.0
        for place, site in enumerate(self.campaign.space.sites):
            alone = site.samples is not None and self.campaign.trials.single
            passes = 1 if alone else len(self._recordings)
            total += int(self._trials[place]) * passes * self._recordings[0].spent[-1]
        return total

    def _is_skipped(self, recording: Recording, at: int, when: float, site: Site) -> bool:
        one = recording.calls[at]
        # A call that is still running when the tensor is first used contains the fault; one whose
        # output cannot be copied has to run.
        if one.end >= when or one.output is None:
            return False
        if not site.flows:
            return True
        # The fault is in one call of the module, which is identified by counting calls; therefore
        # none of them may be skipped.
        module = self.campaign.workload.model.get_submodule(site.layer)
        return all(call.module is not module for call in recording.calls[at : one.last + 1])

    @contextmanager
    def _replayed(self, number: int, place: int) -> Iterator[None]:
        recording, site = self._recordings[number], self.campaign.space.sites[place]
        when = recording.begins(self.campaign.workload.model, site)
        calls: dict[int, list[int]] = {}
        for at, one in enumerate(recording.calls):
            calls.setdefault(id(one.module), []).append(at)
        seen: dict[int, int] = {}

        def instead(module: nn.Module, forward: Callable[..., Any]) -> Callable[..., Any]:
            def run(*args: Any, **kwargs: Any) -> Any:
                number = seen.get(id(module), 0)
                seen[id(module)] = number + 1
                mine = calls.get(id(module), [])
                if number < len(mine) and self._is_skipped(recording, mine[number], when, site):
                    one = recording.calls[mine[number]]
                    # The calls inside did not happen, but count: later calls of these modules keep
                    # their numbers.
                    for call in recording.calls[mine[number] + 1 : one.last + 1]:
                        seen[id(call.module)] = seen.get(id(call.module), 0) + 1
                    # A copy, as what follows may write into it.
                    return copied(one.output, torch.clone)
                return forward(*args, **kwargs)

            return run

        with forwards(self.campaign.workload.model, instead):
            yield
