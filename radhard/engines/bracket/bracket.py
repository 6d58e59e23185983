"""How can most faults of a word be inferred from its largest displacements?"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np
import torch

from radhard.engines.audit_draw import Draw
from radhard.engines.base import Campaign, Engine, Figures, Session, TrialResults, UnsuitableError
from radhard.engines.bracket.checking import Check, RecordedTrials
from radhard.engines.bracket.figures import figures_of
from radhard.engines.bracket.lines import Predictions, bisect_lines
from radhard.engines.bracket.sample_figures import SampleFigures
from radhard.engines.bracket.word_lines import WordBlock, WordLines, blocks
from radhard.engines.inference import Inference, inference_notes, records_of
from radhard.engines.replay import ReplaySession
from radhard.engines.replay.crashes import shared_crash
from radhard.engines.replay.plan import ReplayPlan
from radhard.engines.sampled_audit import agrees_alone
from radhard.engines.suitability import check_shares, replay_by_graph
from radhard.errors import InputError
from radhard.notes import Note
from radhard.space import Numbers
from radhard.spec import component

__all__ = ["Bracket"]

_WORTH = 16
"""Number of samples from which passing one of them takes clearly less time than passing all."""


@component
class Bracket(Engine):
    """Infers most verdicts of a word's faults: those between two faults with equal predictions.

    A fault changes the value of a word by a displacement, and all displacements of one word move
    the outputs of its operation along one line. The largest are executed first. If the prediction
    of a sample is the same for two displacements, it is inferred to be the same for those in
    between, unless the outputs move so far that another prediction may lie in between.
    For the sign with the smaller displacements, samples are not executed if a larger displacement
    of the other sign moved their outputs by less than a 64th of what would change the prediction.
    Infinities and NaN are always executed. Sums near overflow are computed in an order that differs
    from the reference; these verdicts also count as inferred. Some are checked by the reference, on
    one sample each if the data has at least 16 samples and outputs do not depend on the others.

    A share ``audit`` of the inferred verdicts, pairs of a trial and a sample drawn from the seed,
    is executed as well, at least one per trial up to 10,000 in a campaign. If significantly more
    than a share ``threshold`` of them is wrong, all faults in these words are executed. Rates are
    corrected for wrong verdicts, and their intervals include the remaining uncertainty.

    Only for metrics that depend on predictions alone: `Critical`, `Sdc` with ``k=1``, `Accuracy`.
    Faults in activations, and in words with fewer than four trials, are executed by `Replay`.
    """

    audit: float = 0.02
    threshold: float = 0.001
    memory: int = 2 * 1024**3
    rows: int = 6400

    def check(self) -> None:
        check_shares(self, audit=self.audit, threshold=self.threshold)

    @property
    def infers(self) -> bool:
        return True

    def prepare(self, campaign: Campaign) -> "BracketSession":
        for metric in campaign.panel.metrics:
            if not metric.by_answer:
                raise UnsuitableError(
                    f"Bracket infers predictions, and {metric!r} depends on more than these; ask "
                    "for Critical(), Sdc() or Accuracy() only, or use Replay()"
                )
        replay = replay_by_graph(
            self, campaign, memory=self.memory, rows=self.rows, instead="Replay()"
        )
        return BracketSession(replay, self.audit, self.threshold)


class BracketSession(Session):
    """Evaluates all faults of a word together; `Replay` executes those of words with few faults."""

    def __init__(self, replay: ReplaySession, audit: float, threshold: float) -> None:
        # Unlike in `Replay`, values that may overflow are not all executed by the reference here,
        # but inferred and audited.
        notes = [note for note in replay.notes if note.kind != "overflow"]
        super().__init__(replay.campaign, notes)
        self._replay, self._audit, self._threshold = replay, audit, threshold

    def chunks(self) -> Iterator[Sequence[int]]:
        plans = self._replay.plans
        every = list(blocks(self.campaign, range(len(self.campaign.trials))))
        # All blocks of one plan before those of the next, since each plan has its own golden
        # values, and only those of one plan are kept in memory.
        for plan in {id(plan): plan for plan in plans.values()}.values():
            yield from (block.trials.tolist() for block in every if plans[block.place] is plan)

    def run(self, trials: Sequence[int]) -> Iterator[TrialResults]:
        for block in blocks(self.campaign, trials):
            plan = self._replay.plans[block.place]
            if not (block.whole and plan.replayer.takes(block.place)):
                yield from self._replay.run(block.trials.tolist())
                continue
            self._replay.hold_only(plan)
            try:
                with torch.inference_mode():
                    figures, records = self._run_block(plan, block)
            except (InputError, MemoryError, torch.OutOfMemoryError):
                raise
            except Exception as error:  # a fault crashed a pass: nothing is inferred then
                note = shared_crash(error)
                for part in self._replay.run(block.trials.tolist()):
                    yield replace(part, notes=(note, *part.notes))
                continue
            inferences = {}
            for record in records:
                # A block may have both kinds of records, and their names are keys.
                suffix = "" if record.kind == "pairs" else " overflow"
                inferences[block.name(self.campaign.space) + suffix] = record.to_dict()
            crashes = plan.reference.take_crashes()
            yield TrialResults(
                block.trials.tolist(), figures, inferences=inferences, crashes=crashes
            )

    def conclusions(self, inferences: Mapping[str, dict[str, Any]]) -> list[Note]:
        return inference_notes(records_of(inferences))

    @cached_property
    def _passes_alone(self) -> bool:
        """Whether a sample passed by itself saves time, and comes out as it does among all."""
        workload = self.campaign.workload
        large = len(workload.data) >= _WORTH and workload.deterministic
        return large and agrees_alone(self.campaign, 1)

    def _run_block(self, plan: ReplayPlan, block: WordBlock) -> tuple[Figures, list[Inference]]:
        """The figures of all trials of a block, and the records of their audit."""
        campaign, samples = plan.campaign, SampleFigures(plan.panel)
        words = WordLines(plan, block, self._replay.rows)
        at_points, known = bisect_lines(words.points, words.golden, words.evaluate)
        of_fault = words.points.of_fault
        extreme = words.extreme[of_fault]
        inferred = ~known[of_fault] & ~extreme[:, None]
        predictions = at_points[of_fault]
        draw = Draw(
            len(campaign.space),
            campaign.trials.seed,
            len(words.golden),
            len(campaign.trials),
            self._audit,
        )
        check = Check(draw, self._threshold, samples, words.golden)
        part = RecordedTrials.of_region(campaign.space, block.place, block.faults)

        def execute(trials: Numbers, of: Numbers) -> Predictions:
            return words.pairs(of_fault[trials], of)

        def whole(trials: Numbers) -> Predictions:
            # Faults of a word with the same value are one point, which is executed once.
            points, back = np.unique(of_fault[trials], return_inverse=True)
            found: Predictions = words.whole(points)[back]
            return found

        records = [check.pairs(part, predictions, inferred, execute, whole)]
        if extreme.any():
            own = RecordedTrials.of_region(campaign.space, block.place, block.faults[extreme])
            some = predictions[extreme]
            numbers = np.flatnonzero(extreme)

            def alone(trials: Numbers, of: Numbers) -> Predictions:
                return words.alone(of_fault[numbers[trials]], of)

            records.append(
                check.trials(
                    own,
                    plan.panel,
                    some,
                    lambda trials: whole(numbers[trials]),
                    alone if self._passes_alone else None,
                )
            )
            predictions[extreme] = some
        return figures_of(plan.panel, predictions, words.golden), records
