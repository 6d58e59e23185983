"""Which faults are too small to change a prediction, judged by gradients?"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch

from radhard.engines.audit_draw import Draw, Starts
from radhard.engines.base import Campaign, Engine, Figures, Session, TrialResults, UnsuitableError
from radhard.engines.bracket.word_lines import WordBlock
from radhard.engines.first_order import sample_trials, word_trials
from radhard.engines.first_order.bounds import Bounds
from radhard.engines.first_order.many_faults_session import ManyFaultsSession
from radhard.engines.first_order.outlook import Outlook, outlooks
from radhard.engines.first_order.trial_chunks import parts
from radhard.engines.folded import Folded
from radhard.engines.folded.folded import FoldedSession
from radhard.engines.inference import Inference, inference_notes, records_of
from radhard.engines.measured_share import MeasuredShare
from radhard.engines.replay import Replay, ReplaySession
from radhard.engines.suitability import check_many_faults, check_shares, replay_by_graph
from radhard.errors import InputError
from radhard.notes import Note
from radhard.samplers import StagedTrials
from radhard.space import Numbers, Region
from radhard.spec import component

__all__ = ["FirstOrder"]


_LEAST = 0.01
"""Minimum share of the trials for which gradients of a plan are computed, which cost about as much
as ten trials with complete passes. Normalisations have a plan of their own, in which they are not
folded, and few words."""


@component
class FirstOrder(Engine):
    """Infers that faults whose first-order effect is far too small do not change a prediction.

    The gradients of the golden margins over rival classes give, for every element of every value,
    the change of a margin per unit of the element; they are computed once. The difference that a
    fault causes is computed exactly at the output of the faulty operation and of the activation
    function or pooling that follows, and multiplied by the gradients in absolute value. If the sum,
    times ``safety``, is less than the margin, and the norm of the difference is at most ``reach``
    times that of the golden value of the sample, the prediction is inferred to be unchanged. All
    other samples are executed by `Replay`.

    A share ``audit`` of these verdicts, pairs of a trial and a sample drawn from the seed, is
    executed as well (at least one per trial up to 10,000 in all, unless each trial affects one
    sample). If significantly more than a share ``threshold`` of them is wrong in a tensor, all its
    trials with inferred verdicts are executed. Trials with activations near overflow are executed
    with another order of summation than that of the reference, and count as inferred too. Rates are
    corrected for wrong verdicts, and their intervals include the remaining uncertainty.

    Of trials of many faults in stored tensors, the effects of all faulty words are added up, and
    `Folded` executes trials with words that are too large for this. Of the others, only samples
    that are not inferred are executed.

    ``rivals`` is the number of backward passes for the gradients: one for each rival class or, if
    there are more classes, half for the nearest and half for random sums of the others. At most
    ``memory`` bytes of golden values and gradients are kept.

    Only for metrics that depend on predictions, `Critical`, `Sdc` with ``k=1`` and `Accuracy`, and
    `Outcome`, of which masked and non-critical are measured on one sample of each trial, or in a
    share of the trials of one sample.
    """

    safety: float = 8.0
    reach: float = 0.02
    audit: float = 0.02
    threshold: float = 0.001
    rivals: int = 4
    memory: int = 2 * 1024**3
    rows: int = 6400

    def check(self) -> None:
        check_shares(self, audit=self.audit, threshold=self.threshold)
        if not self.safety >= 1:
            raise InputError(
                f"FirstOrder: safety={self.safety} is not allowed; a factor from 1, 8 is usual"
            )
        if not self.reach > 0:
            raise InputError(
                f"FirstOrder: reach={self.reach} is not allowed; a factor above 0, 0.02 is usual"
            )
        if self.rivals < 2:
            raise InputError(f"FirstOrder: rivals={self.rivals} is not allowed; at least 2 passes")

    @property
    def infers(self) -> bool:
        return True

    def prepare(self, campaign: Campaign) -> "FirstOrderSession | ManyFaultsSession":
        self.check_campaign(campaign)
        if not campaign.trials.single:
            return self.beside_folded(self.folded.prepare(campaign))
        replay = replay_by_graph(
            self, campaign, memory=self.replay.memory, rows=self.rows, instead="Replay()"
        )
        return self.beside(replay)

    def check_campaign(self, campaign: Campaign) -> None:
        """Raise `UnsuitableError` for metrics and trials that the engine does not support."""
        for metric in campaign.panel.metrics:
            if metric.beyond_answer is None:
                raise UnsuitableError(
                    f"FirstOrder infers predictions, and {metric!r} depends on more than these; "
                    "ask for Outcome(), Critical(), Sdc() or Accuracy() only, or use Replay()"
                )
        if campaign.panel.beyond_answer is None:
            raise UnsuitableError(
                "FirstOrder measures some figures on single samples, and a metric of whole trials "
                "has none; leave out Outcome(), or use Replay()"
            )
        if not campaign.trials.single:
            check_many_faults(campaign)
        alone = any(site.samples is not None for site in campaign.space.sites)
        trials = campaign.trials
        staged, together = isinstance(trials, StagedTrials), trials.together > 1
        if (staged or together) and campaign.panel.beyond_answer and alone:
            which = "draws in stages" if staged else "draws whole words"
            raise UnsuitableError(
                "FirstOrder measures some figures in a share of the trials of one sample each, and "
                f"a sampler that {which} needs them of all; ask for Critical() and Accuracy() "
                "only, or use Replay()"
            )

    @property
    def folded(self) -> Folded:
        """The engine of what is not inferred of trials of many faults."""
        return Folded(memory=self.memory // 2)

    def beside_folded(self, folded: FoldedSession) -> ManyFaultsSession:
        """The session that infers verdicts of trials of many faults, given one of `folded`."""
        return ManyFaultsSession(
            folded,
            Outlook.of_parameters(folded.plan, most=self.rivals, memory=self.memory // 4),
            Bounds(self.safety, self.reach),
            audit=self.audit,
            threshold=self.threshold,
            rows=self.rows,
        )

    @property
    def replay(self) -> Replay:
        """The engine of what is not inferred."""
        return Replay(memory=self.memory // 2, rows=self.rows)

    def beside(self, replay: ReplaySession) -> "FirstOrderSession":
        """The session that infers verdicts, given one that executes the others (`replay`)."""
        found = outlooks(replay.plans, most=self.rivals, memory=self.memory // 4)
        return FirstOrderSession(self, replay, found)


class FirstOrderSession(Session):
    """Evaluates faults with a gradient by their first-order effect, and others with `Replay`."""

    def __init__(
        self, engine: FirstOrder, replay: ReplaySession, outlooks: dict[int, Outlook]
    ) -> None:
        campaign = replay.campaign
        # Unlike in `Replay`, activations that may overflow are not all executed by the reference,
        # but inferred and audited.
        alone = any(site.flows for site in campaign.space.sites)
        notes = [note for note in replay.notes if not (alone and note.kind == "overflow")]
        names = [
            campaign.space.name(place)
            for place, outlook in outlooks.items()
            if place not in outlook.goals
        ]
        if names:
            notes.append(Note("no gradient", {"tensors": names}))
        super().__init__(campaign, notes)
        self._engine, self._replay, self._outlooks = engine, replay, outlooks
        trials = campaign.trials
        self._starts = Starts(len(campaign.space), trials.seed, trials.at(np.arange(len(trials))))
        if beyond := campaign.panel.beyond_answer:
            columns = tuple(campaign.panel.columns[at] for at in beyond)
            samples = len(campaign.workload.data)
            self.measured = MeasuredShare(columns, samples, self._draw(1).measured_share)
            notes.append(Note("measured", self._measured_facts(self.measured)))
            self.notes = tuple(notes)
        self._bounds = Bounds(engine.safety, engine.reach)
        self._used = _used(campaign, outlooks)
        first = outlooks[min(outlooks)]
        if len(first.plan.replayer.pieces) == 1:
            with torch.inference_mode():
                first.weights(first.plan.replayer.pieces[0])  # shared with forked workers

    def chunks(self) -> Iterator[Sequence[int]]:
        yield from parts(self.campaign, self._outlooks)

    def run(self, trials: Sequence[int]) -> Iterator[TrialResults]:
        engine, campaign = self._engine, self.campaign
        numbers = np.asarray(trials, dtype=np.int64)
        faults = campaign.trials.at(numbers)
        order = np.argsort(faults, kind="stable")
        numbers, faults = numbers[order], faults[order]
        places, _, _ = campaign.space.locate(faults)
        alone: dict[int, list[Numbers]] = {}
        for place in np.unique(places).tolist():
            outlook, mine = self._outlooks[place], numbers[places == place]
            if outlook.plan.replayer.flows(place):
                alone.setdefault(id(outlook), []).append(mine)
            elif (
                place in outlook.goals
                and id(outlook) in self._used
                and _is_known(campaign.space.regions[place])
            ):
                self._hold_only(outlook)
                block = WordBlock(place, mine, faults[places == place], whole=True)
                with torch.inference_mode():
                    figures, record = word_trials.run_trials(
                        outlook, block, self._bounds, self._draw(), engine.threshold, engine.rows
                    )
                yield _part(mine, figures, [record], outlook)
            else:
                yield from self._replay.run(mine.tolist())
        for outlook in {id(one): one for one in self._outlooks.values()}.values():
            if id(outlook) in alone:
                self._hold_only(outlook)
                mine = np.concatenate(alone[id(outlook)])
                with torch.inference_mode():
                    figures, records = sample_trials.run_trials(
                        outlook, mine, self._bounds, self._draw(1), engine.threshold, engine.rows
                    )
                yield _part(mine, figures, records, outlook)

    def conclusions(self, inferences: Mapping[str, dict[str, Any]]) -> list[Note]:
        return inference_notes(records_of(inferences), "predicted from gradients")

    def _draw(self, samples: int | None = None) -> Draw:
        campaign = self.campaign
        many = len(campaign.workload.data) if samples is None else samples
        trials = campaign.trials
        audit, measures = self._engine.audit, bool(campaign.panel.beyond_answer)
        space, starts = len(campaign.space), self._starts
        return Draw(space, trials.seed, many, len(trials), audit, measures, starts)

    def _measured_facts(self, measured: MeasuredShare) -> dict[str, Any]:
        """What a reader should know of the figures that are measured."""
        space, facts = self.campaign.space, measured.to_dict()
        if all(site.samples is None for site in space.sites):
            del facts["share"]
        elif all(site.samples is not None for site in space.sites):
            del facts["samples"]
        return facts

    def _hold_only(self, outlook: Outlook) -> None:
        """Discard golden values and gradients of other plans, since ``memory`` is for one plan."""
        for other in self._outlooks.values():
            if other is not outlook:
                other.forget()


def _part(
    trials: Numbers, figures: Figures, records: Sequence[Inference], outlook: Outlook
) -> TrialResults:
    inferences = {
        f"{record.tensor} {int(trials[0])}": record.to_dict()
        for record in records
        if record.harmless.inferred or record.harmful.inferred
    }
    crashes = outlook.plan.reference.take_crashes()
    return TrialResults(trials.tolist(), figures, inferences=inferences, crashes=crashes)


def _used(campaign: Campaign, outlooks: Mapping[int, Outlook]) -> set[int]:
    """The outlooks whose gradients are worth computing, by their identities."""
    places, _, _ = campaign.space.locate(campaign.trials.at(np.arange(len(campaign.trials))))
    counts = np.bincount(places, minlength=len(campaign.space.regions))
    found: dict[int, int] = {}
    for place, outlook in outlooks.items():
        found[id(outlook)] = found.get(id(outlook), 0) + int(counts[place])
    return {key for key, trials in found.items() if trials >= _LEAST * len(campaign.trials)}


def _is_known(region: Region) -> bool:
    """Whether a fault changes one value, in every sample."""
    return region.by_word and region.exposure.always_present
