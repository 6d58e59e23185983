"""Settle what a fault is too small to change from gradients, and execute the rest."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import torch

from radhard.engines.base import Campaign, Engine, Figures, UnsuitableError
from radhard.engines.bracket.words import Block
from radhard.engines.first_order import samples, words
from radhard.engines.first_order.bounds import Bounds
from radhard.engines.first_order.outlook import Outlook, outlooks
from radhard.engines.first_order.parts import parts
from radhard.engines.inference import Inference, in_words, records_of
from radhard.engines.pairs import Draw
from radhard.engines.replay import Replay
from radhard.engines.replay.graph import NoGraphError
from radhard.errors import InputError
from radhard.space import Numbers
from radhard.spec import component

__all__ = ["FirstOrder"]


@component
class FirstOrder(Engine):
    """Settles faults whose first-order effect is much too small to change an answer.

    The gradients of the golden answer's leads over its rivals say, for every element of every
    value, by which part of its lead a unit moves an answer; they are computed once. What a fault
    makes of the output of the operation that it strikes, and of the rectifier or pool behind it, is
    followed exactly and weighed by them, regardless of signs. Where that, times ``safety``, is less
    than the lead, and the difference as a vector is not longer than ``reach`` times the value of
    that sample, the answer is taken to stay. Every other sample goes through `Replay`.

    A share ``audit`` of these verdicts, pairs of a trial and a sample drawn by the seed, is tried
    as well (at least one a trial up to 10,000 in all, unless each concerns one sample). Where
    surely more than a share ``threshold`` of them is wrong in a tensor, all of its trials that are
    concerned are executed. Single values near overflow are added up in another order than the
    reference has, and count as inferred too. Rates are corrected by what was found, and their
    intervals allow for the rest.

    ``rivals`` backward passes are made for the gradients: one for each rival class, or, where there
    are more, half for the nearest and half for random sums of the others. At most ``memory`` bytes
    of golden values and gradients are kept.

    Only for metrics that rest on the answers: `Critical`, `Sdc` with ``k=1``, `Accuracy`.
    """

    safety: float = 8.0
    reach: float = 0.02
    audit: float = 0.02
    threshold: float = 0.001
    rivals: int = 4
    memory: int = 2 * 1024**3
    rows: int = 6400

    def check(self) -> None:
        for name in ("audit", "threshold"):
            if not 0 <= getattr(self, name) <= 1:
                raise InputError(
                    f"FirstOrder: {name}={getattr(self, name)} is not allowed; a share from 0 to 1"
                )
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

    def prepare(self, campaign: Campaign) -> None:
        for metric in campaign.panel.metrics:
            if not metric.by_answer:
                raise UnsuitableError(
                    f"FirstOrder predicts answers, and {metric!r} rests on more than these; ask "
                    "for Critical(), Sdc() or Accuracy() only, or use Replay()"
                )
        if not campaign.trials.single:
            raise UnsuitableError(
                "FirstOrder takes trials of one fault each; at error rates use Folded()"
            )
        own = replace(campaign, notes=[])
        try:
            self._replay.prepare_graph(own)
        except NoGraphError as error:
            raise UnsuitableError(
                f"FirstOrder needs the model's graph ({error}); use Replay()"
            ) from None
        # Single values that may overflow are not given to the reference, but checked.
        alone = any(site.flows for site in campaign.space.sites)
        campaign.notes.extend(note for note in own.notes if not (alone and "may overflow" in note))
        plans = campaign.kept[repr(self._replay)]
        found = outlooks(plans, most=self.rivals, memory=self.memory // 4)
        campaign.kept[repr(self)] = found
        unknown = [
            campaign.space.name(place)
            for place, outlook in found.items()
            if place not in outlook.goals
        ]
        if unknown:
            more = f" and {len(unknown) - 5} more" if len(unknown) > 5 else ""
            campaign.notes.append(
                f"FirstOrder has no gradient for faults in {', '.join(unknown[:5])}{more}: they "
                "were executed."
            )
        first = found[min(found)]
        if len(first.plan.pieces) == 1:
            with torch.inference_mode():
                first.weights(first.plan.pieces[0])  # now, so that workers share it

    def chunks(self, campaign: Campaign) -> Iterator[Sequence[int]]:
        yield from parts(campaign, self._outlooks(campaign))

    def run(
        self, campaign: Campaign, todo: Sequence[int]
    ) -> Iterator[tuple[Sequence[int], Figures]]:
        known = self._outlooks(campaign)
        trials = np.asarray(todo, dtype=np.int64)
        faults = campaign.trials.at(trials)
        order = np.argsort(faults, kind="stable")
        trials, faults = trials[order], faults[order]
        places, _, _ = campaign.space.locate(faults)
        alone: dict[int, list[Numbers]] = {}
        for place in np.unique(places).tolist():
            outlook, mine = known[place], trials[places == place]
            if outlook.plan.flows(place):
                alone.setdefault(id(outlook), []).append(mine)
            elif place in outlook.goals:
                self._only(known, outlook)
                block = Block(place, mine, faults[places == place], whole=True)
                with torch.inference_mode():
                    figures, record = words.settled(
                        outlook,
                        block,
                        self._bounds,
                        self._draw(campaign),
                        self.threshold,
                        self.rows,
                    )
                _note(campaign, record, mine)
                yield mine.tolist(), figures
            else:
                yield from self._replay.run(campaign, mine.tolist())
        for outlook in {id(one): one for one in known.values()}.values():
            if id(outlook) in alone:
                self._only(known, outlook)
                mine = np.concatenate(alone[id(outlook)])
                with torch.inference_mode():
                    figures, records = samples.settled(
                        outlook,
                        mine,
                        self._bounds,
                        self._draw(campaign, 1),
                        self.threshold,
                        self.rows,
                    )
                for record in records:
                    _note(campaign, record, mine)
                yield mine.tolist(), figures

    def conclude(self, campaign: Campaign) -> None:
        records = records_of(campaign.audits)
        campaign.notes.extend(in_words(records, "predicted from gradients"))

    @property
    def _replay(self) -> Replay:
        return Replay(memory=self.memory // 2, rows=self.rows)

    @property
    def _bounds(self) -> Bounds:
        return Bounds(self.safety, self.reach)

    def _draw(self, campaign: Campaign, samples: int | None = None) -> Draw:
        many = len(campaign.data) if samples is None else samples
        trials = campaign.trials
        return Draw(len(campaign.space), trials.seed, many, len(trials), self.audit)

    def _outlooks(self, campaign: Campaign) -> dict[int, Outlook]:
        """What is known beforehand, for every site."""
        if repr(self) not in campaign.kept:
            self.prepare(campaign)
        found: dict[int, Outlook] = campaign.kept[repr(self)]
        return found

    def _only(self, known: dict[int, Outlook], outlook: Outlook) -> None:
        """Golden values and gradients of one plan at a time are what ``memory`` allows."""
        for other in known.values():
            if other is not outlook:
                other.forget()


def _note(campaign: Campaign, record: Inference, trials: Numbers) -> None:
    if record.harmless.inferred or record.harmful.inferred:
        campaign.audits[f"{record.tensor} {int(trials[0])}"] = record.to_dict()
