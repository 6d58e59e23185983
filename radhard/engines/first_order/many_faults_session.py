"""How are trials of many faults executed, if most predictions are inferred?"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from radhard.engines.audit_draw import Draw, Starts
from radhard.engines.base import Figures, Session, TrialResults
from radhard.engines.bracket.checking import Check, RecordedTrials
from radhard.engines.bracket.figures import figures_of
from radhard.engines.bracket.lines import Flags, Predictions
from radhard.engines.bracket.passes import predictions_of
from radhard.engines.bracket.sample_figures import SampleFigures
from radhard.engines.first_order.bounds import Bounds
from radhard.engines.first_order.executed_pairs import DrawnPairs, ExecutedPairs
from radhard.engines.first_order.outlook import Outlook
from radhard.engines.first_order.unchanged_by_words import unchanged_by_words
from radhard.engines.folded.folded import FoldedSession
from radhard.engines.inference import Inference, inference_notes, records_of
from radhard.engines.measured_share import MeasuredShare
from radhard.engines.serial import faulty_outputs
from radhard.notes import Note
from radhard.space import Numbers

__all__ = ["ManyFaultsSession"]

_CHUNK = 64
"""Trials in a chunk. Each has a pass of its own; together, only their effects are computed."""


class ManyFaultsSession(Session):
    """Evaluates trials of many small faults by their first-order effects, others with `Folded`.

    A record of the audit is of trials of one stratum, such as those at one error rate.
    """

    def __init__(
        self,
        folded: FoldedSession,
        outlook: Outlook,
        bounds: Bounds,
        *,
        audit: float,
        threshold: float,
        rows: int,
    ) -> None:
        campaign, trials = folded.campaign, folded.campaign.trials
        notes = list(folded.notes)
        names = [
            campaign.space.name(place)
            for place in range(len(campaign.space.regions))
            if place not in outlook.goals
        ]
        if names:
            notes.append(Note("no gradient", {"tensors": names}))
        self._folded, self._outlook, self._bounds = folded, outlook, bounds
        self._threshold, self._rows = threshold, rows
        samples, measures = len(campaign.workload.data), bool(campaign.panel.beyond_answer)
        # Trials, not faults, are drawn for the audit: a fault may be in several.
        starts = Starts(len(trials), trials.seed, np.arange(len(trials)))
        self._draw = Draw(len(trials), trials.seed, samples, len(trials), audit, measures, starts)
        if beyond := campaign.panel.beyond_answer:
            columns = tuple(campaign.panel.columns[at] for at in beyond)
            self.measured = MeasuredShare(columns, samples, 1.0)
            facts = self.measured.to_dict()
            del facts["share"]
            notes.append(Note("measured", facts))
        super().__init__(campaign, notes)
        pieces = outlook.plan.replayer.pieces
        if len(pieces) == 1:
            with torch.inference_mode():
                outlook.weights(pieces[0])  # shared with forked workers

    def chunks(self) -> Iterator[Sequence[int]]:
        trials = self.campaign.trials
        strata = trials.strata_of(np.arange(len(trials)))
        for stratum in np.unique(strata).tolist():
            mine = np.flatnonzero(strata == stratum)
            for at in range(0, len(mine), _CHUNK):
                yield mine[at : at + _CHUNK].tolist()

    def run(self, trials: Sequence[int]) -> Iterator[TrialResults]:
        numbers = np.sort(np.asarray(trials, dtype=np.int64))
        strata = self.campaign.trials.strata_of(numbers)
        for stratum in np.unique(strata).tolist():
            mine = numbers[strata == stratum]
            stays = self.settled(mine)
            some = stays.any(axis=1)
            left = mine[~some]
            if some.any():
                with torch.inference_mode():
                    part, more = self._inferred(stratum, mine[some], stays[some])
                yield part
                left = np.concatenate([left, more])
            if len(left):
                yield from self._folded.run(np.sort(left).tolist())

    def settled(self, trials: Numbers) -> Flags:
        """Which predictions are inferred to be unchanged, ``(trials, samples)``."""
        drawn = [self.campaign.trials[trial] for trial in trials.tolist()]
        with torch.inference_mode():
            stays = unchanged_by_words(self._outlook, drawn, self._bounds, self._rows)
        # Faults of which the passes of some samples know nothing.
        stays[~np.array(self._folded.takes(drawn), dtype=bool)] = False
        return stays

    def conclusions(self, inferences: Mapping[str, dict[str, Any]]) -> list[Note]:
        return inference_notes(records_of(inferences), "predicted from gradients")

    def _inferred(
        self, stratum: int, trials: Numbers, stays: Flags
    ) -> tuple[TrialResults, Numbers]:
        """The results of trials of a stratum, and the trials that have to be executed whole."""
        drawn = [self.campaign.trials[trial] for trial in trials.tolist()]
        requested = ~stays
        audit = DrawnPairs.of(self._draw, trials)
        codes = audit.codes(stays, np.ones(len(trials), dtype=bool))
        requested[np.divmod(codes, stays.shape[1])] = True
        outputs, unknown = self._folded.sample_passes.outputs(drawn, requested)
        kept = np.flatnonzero(~unknown)
        figures, record = self._figures(
            self.campaign.trials.strata[stratum].name,
            trials[kept],
            [drawn[at] for at in kept.tolist()],
            stays[kept],
            outputs[torch.from_numpy(kept)],
        )
        inferences = {f"{record.tensor} {int(trials[0])}": record.to_dict()}
        part = TrialResults(trials[kept].tolist(), figures, inferences=inferences)
        return part, trials[unknown]

    def _figures(
        self,
        name: str,
        trials: Numbers,
        drawn: Sequence[Numbers],
        stays: Flags,
        outputs: Tensor,
    ) -> tuple[Figures, Inference]:
        """The figures of trials, and the record of their audit.

        ``outputs`` are those of the samples that have to be executed, ``(trials, samples, ...)``.
        """
        plan = self._outlook.plan
        panel = plan.panel
        golden = predictions_of(plan.replayer.golden_outputs, panel.golden)
        predictions = np.tile(golden, (len(trials), 1))
        todo = np.nonzero(~stays)
        rows, samples = (torch.from_numpy(axis) for axis in todo)
        predictions[todo] = predictions_of(outputs[rows, samples], panel.golden, samples)
        # The same pairs as before, without those of trials that have to be executed whole.
        audit = DrawnPairs.of(self._draw, trials)
        codes = audit.codes(stays, np.ones(len(trials), dtype=bool))
        at, of = (torch.from_numpy(axis) for axis in np.divmod(codes, len(golden)))
        executed = outputs[at, of].to(panel.golden.outputs.dtype)
        pairs = ExecutedPairs(panel, codes, executed, audit.measured)

        def whole(some: Numbers) -> Predictions:
            return np.stack([self._whole(drawn[at]) for at in some.tolist()])

        check = Check(self._draw, self._threshold, SampleFigures(panel), golden)
        part = RecordedTrials.of_stratum(name, trials)
        drawn_pairs = audit.pilot, audit.sample
        record = check.pairs(part, predictions, stays, pairs.predictions, whole, drawn_pairs)
        figures = figures_of(panel, predictions, golden)
        if beyond := list(panel.beyond_answer or ()):
            figures[:, beyond] = pairs.figures()[:, beyond]
        return figures, record

    def _whole(self, faults: Numbers) -> Predictions:
        """The predictions of all samples; the reference's if sums overflow."""
        plan = self._outlook.plan
        every = np.ones((1, len(plan.replayer.golden_outputs)), dtype=bool)
        outputs, unknown = self._folded.sample_passes.outputs([faults], every)
        found = faulty_outputs(self.campaign, faults)[0] if unknown[0] else outputs[0]
        return predictions_of(found, plan.panel.golden)
