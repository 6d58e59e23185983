"""How are faults settled by the vulnerability value ranges of the neuron that deviates?"""

import math
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch

from radhard.engines.audit_draw import Draw
from radhard.engines.base import Campaign, Engine, Figures, Session, TrialResults, UnsuitableError
from radhard.engines.hybrid.layer_verdicts import run_trials
from radhard.engines.hybrid.range_lookup import RangeLookup
from radhard.engines.inference import inference_notes, records_of
from radhard.engines.replay import ReplaySession
from radhard.engines.replay.activation_faults import flowing
from radhard.engines.replay.plan import ReplayPlan
from radhard.engines.replay.trial_groups import by_site
from radhard.engines.suitability import check_shares, check_single, replay_by_graph
from radhard.errors import InputError
from radhard.internals import hook_count
from radhard.notes import Note
from radhard.rounding import rounding_of
from radhard.space import Numbers
from radhard.spec import component
from radhard.stats import wilson
from radhard.vulnerability_ranges import Ranges

__all__ = ["Hybrid", "HybridSession"]


@component
class Hybrid(Engine):
    """Settles faults at the output of the faulty layer, by ranges of deviations (QDeepVigor).

    A fault in a register or in an activation is computed up to the output of its layer, in closed
    form, as the model rounds it. If no neuron deviates there, it is masked. If one does, its
    deviation is looked up in the value ranges of the neuron, for the golden class of the sample:
    where all deviations of this size left the prediction of the analyzed inputs unchanged, or where
    all changed it, the trial ends there. Otherwise, in the grey zone, and whenever several neurons
    deviate, `Replay` goes on. (Of several deviations that are harmless one by one the effects may
    add up; harmful ones may cancel. Nothing follows from ranges of single neurons.)

    In the grey zone are also deviations within a factor ``guard`` of the end of a range, as an
    effect need not grow with a deviation that is rounded several times on its way; samples whose
    prediction is more easily changed, or less easily, than those of all analyzed inputs of their
    class, by the margin of the logits; and those whose margin is at most ``guard`` times what
    rounding can make of two logits, a step of each.

    ``ranges``: a file that `radhard.vulnerability_ranges.Ranges.save` wrote, of the same model:
    ``DeepVigor().ranges(model, data).save("ranges.npz")``. What was found on the inputs that were
    analyzed need not hold for others. Therefore a share ``audit`` of the settled trials, drawn from
    the seed, is executed as well; if significantly more than a share ``threshold`` of them is wrong
    in a tensor, all of its trials are executed. Rates are corrected for wrong verdicts, and their
    intervals include the remaining uncertainty.

    Only for metrics that depend on whether predictions change: `Critical` and `Sdc` with ``k=1``.
    `Replay` executes faults in all samples, and those in other tensors (Ahmadilivani, TalTech 2025,
    4.3.2; Taheri et al., DDECS 2024).
    """

    ranges: str
    guard: float = 3.0
    audit: float = 0.02
    threshold: float = 0.001
    memory: int = 2 * 1024**3
    rows: int = 6400

    def check(self) -> None:
        check_shares(self, audit=self.audit, threshold=self.threshold)
        if not 1 <= self.guard < math.inf:
            raise InputError(
                f"Hybrid: guard={self.guard:g} is not allowed; give a factor from 1 on"
            )

    @property
    def infers(self) -> bool:
        return True

    def prepare(self, campaign: Campaign) -> "HybridSession":
        for metric in campaign.panel.metrics:
            if not metric.by_change:
                raise UnsuitableError(
                    f"Hybrid infers whether predictions change, and {metric!r} depends on more; "
                    "ask for Critical() or Sdc() only, or use Replay()"
                )
        check_single(self, campaign)
        ranges = Ranges.load(self.ranges)
        ranges.check_model(campaign.workload.model)
        replay = replay_by_graph(
            self, campaign, memory=self.memory, rows=self.rows, instead="Serial()"
        )
        return HybridSession(self, replay, ranges)


class HybridSession(Session):
    """Settles trials of single samples in layers with ranges; `Replay` executes the others."""

    def __init__(self, engine: Hybrid, replay: ReplaySession, ranges: Ranges) -> None:
        self._engine, self._replay = engine, replay
        self._lookup = RangeLookup(ranges, replay.campaign.workload, engine.guard)
        self.settling = frozenset(
            place for place in replay.plans if _settles(replay, ranges, place)
        )
        """The places whose faults may be settled."""
        space = replay.campaign.space
        names = [space.name(place) for place in replay.plans if place not in self.settling]
        notes = [*replay.notes, *([Note("no ranges", {"tensors": names})] if names else [])]
        super().__init__(replay.campaign, notes)

    def chunks(self) -> Iterator[Sequence[int]]:
        yield from self._replay.chunks()

    def run(self, trials: Sequence[int]) -> Iterator[TrialResults]:
        campaign = self.campaign
        draw = Draw(
            len(campaign.space),
            campaign.trials.seed,
            1,
            len(campaign.trials),
            self._engine.audit,
        )
        others: list[int] = []
        for place, mine in by_site(campaign, trials).items():
            if place not in self.settling:
                others += mine.tolist()
                continue
            plan = self._replay.plans[place]
            self._replay.hold_only(plan)
            executed: list[TrialResults] = []
            mine = mine[np.argsort(campaign.trials.at(mine), kind="stable")]
            with torch.inference_mode():
                figures, record = run_trials(
                    plan,
                    self._lookup,
                    place,
                    mine,
                    partial(self._execute, plan, executed),
                    draw,
                    self._engine.threshold,
                )
            yield TrialResults(
                mine.tolist(),
                figures,
                notes=[note for part in executed for note in part.notes],
                inferences={f"{record.tensor} {int(mine[0])}": record.to_dict()},
                crashes={at: kind for part in executed for at, kind in part.crashes.items()},
            )
        if others:
            yield from self._replay.run(others)

    def _execute(self, plan: ReplayPlan, executed: list[TrialResults], trials: Numbers) -> Figures:
        """The figures of trials executed to the end; their results are added to ``executed``."""
        execute = partial(flowing, plan, rows=self._engine.rows)
        parts = list(self._replay.shared(plan, trials, execute))
        executed += parts
        numbers = np.concatenate([part.numbers for part in parts])
        # Trials that crash a pass come one by one, and trials are in the order of their faults.
        order = np.argsort(numbers)
        rows = order[np.searchsorted(numbers, trials, sorter=order)]
        figures: Figures = np.concatenate([part.figures for part in parts])[rows]
        return figures

    def conclusions(self, inferences: Mapping[str, dict[str, Any]]) -> list[Note]:
        records = records_of(inferences)
        of = sum(sum(record.trials) for record in records)
        settled = sum(record.harmless.inferred + record.harmful.inferred for record in records)
        notes = inference_notes(records, "looked up in value ranges of the layer's neurons")
        if of:
            low, high = wilson(settled / of, of)
            facts = {"trials": settled, "of": of, "share": settled / of, "low": low, "high": high}
            notes.insert(0, Note("stopped early", facts))
        return notes


def _settles(replay: ReplaySession, ranges: Ranges, place: int) -> bool:
    """Whether faults of a place are those of a layer whose output has ranges."""
    campaign, replayer = replay.campaign, replay.plans[place].replayer
    region, site = campaign.space.regions[place], campaign.space.sites[place]
    if site.samples is None or site.layer not in ranges.layers or not region.by_word:
        return False
    if not region.exposure.always_present:
        return False
    shape = ranges[site.layer].shape
    if replayer.flows(place):
        return site.name == site.layer and site.shape == shape
    if not replayer.has_registers(place):
        return False
    # Hooks other than that which rounds might change a deviation on the way.
    layer = campaign.workload.model.get_submodule(site.layer)
    alone = hook_count(layer) == (rounding_of(layer) is not None)
    (slot,) = replayer.slots[place]
    return alone and tuple(replayer.shapes[slot]) == shape
