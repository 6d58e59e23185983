"""Try the largest displacements of a word first, and infer what lies between equal answers."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import torch

from radhard.engines.base import Campaign, Engine, Figures, UnsuitableError
from radhard.engines.bracket.figures import figures_of
from radhard.engines.bracket.lines import Flags, settled
from radhard.engines.bracket.words import Block, Words, blocks
from radhard.engines.inferred import Inferred, in_words, to_check
from radhard.engines.replay import Replay
from radhard.engines.replay.crashes import crashed
from radhard.engines.replay.graph import NoGraphError
from radhard.engines.replay.plan import Plan
from radhard.errors import InputError
from radhard.space import Numbers
from radhard.spec import component

__all__ = ["Bracket"]


@component
class Bracket(Engine):
    """Settles all faults of a word from a few: verdicts between two equal ones are inferred.

    What a fault does to a word is a displacement, and all displacements of one word move the
    outputs of its operation along one line. They are tried from the outside in; where a sample's
    answer is the same at two of them, it is taken to be the same between, unless the outputs move
    so far on the way that another answer may come and go. On the side that reaches less far,
    samples are not tried whose outputs moved, under a larger displacement of the other
    side, by less than a 64th of what would change their answer. Infinities and NaN are tried by
    themselves. Values near overflow are added up in another order than the reference has,
    and count as inferred too. A share ``audit`` of the faults with inferred verdicts is tried as
    well; where more than a share ``threshold`` of these verdicts is wrong, all faults of the words
    concerned are tried. What was found is in the results, and widens their intervals.

    Only for metrics that rest on the answers: `Critical`, `Sdc` with ``k=1``, `Accuracy`. Faults in
    words of which fewer than four are tried, and in what flows, go through `Replay`.
    """

    audit: float = 0.02
    threshold: float = 0.001
    memory: int = 2 * 1024**3
    rows: int = 6400

    def check(self) -> None:
        for name in ("audit", "threshold"):
            if not 0 <= getattr(self, name) <= 1:
                raise InputError(
                    f"Bracket: {name}={getattr(self, name)} is not allowed; a share from 0 to 1"
                )

    def prepare(self, campaign: Campaign) -> None:
        for metric in campaign.panel.metrics:
            if not metric.by_answer:
                raise UnsuitableError(
                    f"Bracket infers answers, and {metric!r} rests on more than these; ask for "
                    "Critical(), Sdc() or Accuracy() only, or use Replay()"
                )
        own = replace(campaign, notes=[])
        try:
            self._replay.prepare_graph(own)
        except NoGraphError as error:
            raise UnsuitableError(
                f"Bracket needs the model's graph ({error}); use Replay()"
            ) from None
        # What may overflow is not given to the reference here, but checked; `conclude` says so.
        campaign.notes.extend(note for note in own.notes if "may overflow" not in note)

    def chunks(self, campaign: Campaign) -> Iterator[Sequence[int]]:
        plans = self._plans(campaign)
        found = list(blocks(campaign, range(len(campaign.trials))))
        # All blocks of one plan, then those of the other, whose golden values are others.
        for plan in {id(plan): plan for plan in plans.values()}.values():
            yield from (block.trials.tolist() for block in found if plans[block.place] is plan)

    def run(
        self, campaign: Campaign, todo: Sequence[int]
    ) -> Iterator[tuple[Sequence[int], Figures]]:
        plans = self._plans(campaign)
        for block in blocks(campaign, todo):
            plan = plans[block.place]
            if not (block.whole and plan.takes(block.place)):
                yield from self._replay.run(campaign, block.trials.tolist())
                continue
            for other in plans.values():
                if other is not plan:
                    other.forget()
            try:
                with torch.inference_mode():
                    figures, record = self._settled(plan, block)
            except (InputError, MemoryError, torch.OutOfMemoryError):
                raise
            except Exception as error:  # a fault crashed a pass: nothing is inferred then
                crashed(campaign, error)
                yield from self._replay.run(campaign, block.trials.tolist())
                continue
            campaign.audits[block.name(campaign.space)] = record.to_dict()
            yield block.trials.tolist(), figures

    def conclude(self, campaign: Campaign) -> None:
        campaign.notes.extend(in_words([Inferred.from_dict(a) for a in campaign.audits.values()]))

    @property
    def _replay(self) -> Replay:
        return Replay(memory=self.memory, rows=self.rows)

    def _plans(self, campaign: Campaign) -> dict[int, Plan]:
        key = repr(self._replay)
        if key not in campaign.kept:
            self.prepare(campaign)
        plans: dict[int, Plan] = campaign.kept[key]
        return plans

    def _settled(self, plan: Plan, block: Block) -> tuple[Figures, Inferred]:
        """The figures of all trials of a block, and what came of checking them."""
        space, seed = plan.campaign.space, plan.campaign.trials.seed
        words = Words(plan, block, self.rows)
        answers, known = settled(words.points, words.golden, words.evaluate)
        of_fault = words.points.of_fault
        inferred: Flags = np.asarray(~known.all(axis=1)) | words.extreme
        mine = inferred[of_fault]
        checked = np.flatnonzero(mine & to_check(block.faults, len(space), self.audit, seed))
        # Several faults of a word may come to the same value; it is tried once.
        again = np.unique(of_fault[checked])
        truth = answers.copy()
        truth[again] = words.whole(again)
        shares = (truth[of_fault[checked]] != answers[of_fault[checked]]).mean(axis=1)
        failed = bool(checked.size and shares.mean() > self.threshold)
        if failed:
            rest = np.setdiff1d(np.flatnonzero(inferred), again)
            truth[rest] = words.whole(rest)
        variants = block.faults % space.variants
        wrong = zip(variants[checked].tolist(), shares.tolist(), strict=True)
        record = Inferred(
            space.sites[block.place].name,
            faults=_counts(variants, space.variants),
            inferred=_counts(variants[mine], space.variants),
            checked=_counts(variants[checked], space.variants),
            wrong=tuple((variant, share) for variant, share in wrong if share),
            tried=failed,
        )
        return figures_of(plan.panel, truth[of_fault], words.golden), record


def _counts(variants: Numbers, kinds: int) -> tuple[int, ...]:
    return tuple(np.bincount(variants, minlength=kinds).tolist())
