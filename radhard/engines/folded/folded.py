"""How are trials with many faulty words executed?"""

import itertools
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from radhard.engines.base import Campaign, Engine, Figures, Session, TrialResults, UnsuitableError
from radhard.engines.folded.faulty_model import FaultyModel
from radhard.engines.folded.hit_samples import HitSamples
from radhard.engines.folded.sample_passes import SamplePasses
from radhard.engines.folded.stacked_trials import StackedTrials
from radhard.engines.folded.word_writes import FaultyWords
from radhard.engines.replay.plan import ReplayPlan
from radhard.engines.serial import SerialSession, faulty_outputs
from radhard.errors import InputError
from radhard.notes import Note
from radhard.replay.graph import NoGraphError, graph_of
from radhard.replay.overflow import may_overflow
from radhard.replay.recurrent import separate_recurrent_layers
from radhard.replay.replayer import ELEMENTS
from radhard.samplers import Trials
from radhard.space import Numbers
from radhard.spec import component

__all__ = ["Folded"]


_CHUNK = 256
"""Trials of histories in a chunk: most continue the one before."""


@component
class Folded(Engine):
    """One pass per trial, starting at the first faulty operation, with folded batch normalisation.

    For trials with many faults in stored tensors, such as those of error rates. Faults are injected
    into a private copy of the tensors and removed again. Faulty channels are not folded but
    normalised separately, so that they overflow exactly where they do in the model. The golden
    value of every operation is kept, in at most ``memory`` bytes; if more are needed, the samples
    are processed in pieces. Where faults accumulate (`Cumulative`), the values of a trial are kept
    as well, and the next one starts at the fault that it adds. Trials of a network that is a small
    LSTM and few layers behind it share passes, each with its own weights, on processors without
    AVX-512. If all faults of a
    campaign are in activations of single samples, only the samples with faults are computed.

    `Serial` executes trials with faults in activations of all samples, or in tensors that are not
    in the graph, and trials (or samples) whose outputs are not finite, since overflow depends on
    the order of summation.
    """

    memory: int = 2 * 1024**3

    def prepare(self, campaign: Campaign) -> "FoldedSession":
        try:
            with torch.inference_mode():
                graph = graph_of(
                    campaign.workload.model, campaign.workload.call, campaign.workload.data
                )
                dtypes = {tensor.dtype for tensor in graph.constants.values()}
                # Folding rounds weights once more, which is too coarse in 16-bit formats.
                coarse = bool(dtypes & {torch.float16, torch.bfloat16})
                sites = campaign.space.sites
                places = [place for place, site in enumerate(sites) if coarse or site.flows]
                # Of a history, the values of a trial are kept beside the golden ones.
                memory = self.memory // 2 if campaign.trials.histories else self.memory
                plan = ReplayPlan.of(campaign, graph, places, memory)
                model = FaultyModel(plan, graph)
                stacked = StackedTrials.of(plan, separate_recurrent_layers(graph))
        except NoGraphError as error:
            raise UnsuitableError(
                f"Folded needs the model's graph ({error}); use Serial()"
            ) from None
        return FoldedSession(campaign, plan, model, stacked)


class FoldedSession(Session):
    """Executes trials in the graph, one pass each."""

    def __init__(
        self,
        campaign: Campaign,
        plan: ReplayPlan,
        model: FaultyModel,
        stacked: StackedTrials | None,
    ) -> None:
        # With stored tensors in the space as well, most trials have faults in both.
        alone = all(site.flows for site in campaign.space.sites)
        self._hits = HitSamples(plan) if alone else None
        known = self._hits.names if self._hits is not None else set()
        unknown = [name for name in model.unknown if name not in known]
        notes = [Note("unfollowed", {"tensors": unknown})] if unknown else []
        # Trials of histories continue the one before instead.
        self._stacked = None if campaign.trials.histories else stacked
        if self._stacked is not None:
            notes.append(Note("stacked", {"trials": self._stacked.size}))
        super().__init__(campaign, notes)
        self.plan, self._model = plan, model
        self._serial = SerialSession(campaign)
        # The trial that each continues, with one more fault.
        self._before = _predecessors(campaign.trials)
        self._together = max(1, ELEMENTS // plan.replayer.golden_outputs.numel())

    @cached_property
    def sample_passes(self) -> SamplePasses:
        """Passes of some samples of a trial."""
        return SamplePasses(self.plan, self._model)

    def takes(self, trials: Sequence[Numbers]) -> list[bool]:
        """Whether all faults of each trial are in stored tensors of the graph."""
        return self._model.takes(trials)

    def large(self, trials: Numbers) -> npt.NDArray[np.bool_]:
        """Which of the trials have a word so large that sums may overflow; no guess is False."""
        found = np.zeros(len(trials), dtype=bool)
        words = self._model.words([self.campaign.trials[trial] for trial in trials.tolist()])
        for part in [] if words is None else words.parts:
            found[part.trial[may_overflow(part.faulty).cpu().numpy()]] = True
        return found

    def chunks(self) -> Iterator[Sequence[int]]:
        if not self.campaign.trials.histories:
            yield from super().chunks()
            return
        chunk: list[int] = []
        # In the order in which faults accumulate, as every trial continues the one before.
        for history in self.campaign.trials.histories:
            for trial in history:
                chunk.append(trial)
                if len(chunk) == _CHUNK:
                    yield chunk
                    chunk = []
        if chunk:
            yield chunk

    def run(self, trials: Sequence[int]) -> Iterator[TrialResults]:
        campaign = self.campaign
        known = self._model.takes([campaign.trials[trial] for trial in trials])
        taken = [trial for trial, here in zip(trials, known, strict=True) if here]
        others = set(trials) - set(taken)
        hits = self._hits
        hit = [] if hits is None else [t for t in sorted(others) if hits.takes(campaign.trials[t])]
        for at in range(0, len(hit), self._together):
            assert hits is not None
            some = hit[at : at + self._together]
            done, figures = self._upset(hits, some)
            others -= set(done)
            yield TrialResults(done, figures)
        if taken:
            with torch.inference_mode():
                done, figures = self._executed(taken)
            others |= set(taken) - set(done)
            yield TrialResults(done, figures)
        if others:
            yield from self._serial.run([trial for trial in trials if trial in others])

    def _upset(self, hits: HitSamples, trials: list[int]) -> tuple[list[int], Figures]:
        """As `_executed`, for trials with faults in flowing values of some samples."""
        golden = self.plan.replayer.golden_outputs
        outputs = golden.expand(len(trials), *golden.shape).clone()
        try:
            with torch.inference_mode():
                hits.write([self.campaign.trials[trial] for trial in trials], outputs)
        except (InputError, MemoryError, torch.OutOfMemoryError):
            raise
        except Exception:  # probably due to a fault, which the reference decides
            return [], np.zeros((0, len(self.plan.panel.columns)))
        crashed = set()
        finite = (
            outputs.flatten(2).isfinite().all(dim=2) if outputs.ndim > 2 else outputs.isfinite()
        )
        for row in (~finite).any(dim=1).nonzero().squeeze(1).tolist():
            # Overflow depends on the order of summation: these samples are computed by the model,
            # in the batches of the golden outputs.
            needed = (~finite[row]).nonzero().squeeze(1).tolist()
            faults = self.campaign.trials[trials[row]]
            found, crash = faulty_outputs(self.campaign, faults, needed=needed)
            if crash is not None:
                crashed.add(row)
            outputs[row, needed] = found[needed].to(outputs)
        rows = [row for row in range(len(trials)) if row not in crashed]
        if not rows:
            return [], np.zeros((0, len(self.plan.panel.columns)))
        done = [trials[row] for row in rows]
        return done, self._figures(done, outputs[rows])

    def _figures(self, trials: list[int], outputs: torch.Tensor) -> Figures:
        """The figures of trials from ``(trials, samples, ...)`` outputs.

        A trial of one fault in one sample is judged by that sample, as `Serial` judges it.
        """
        campaign, panel = self.campaign, self.plan.panel
        figures = np.zeros((len(trials), len(panel.columns)))
        own = [campaign.sample(campaign.trials[trial]) for trial in trials]
        rows = [row for row, sample in enumerate(own) if sample is not None]
        if rows:
            samples = torch.tensor([sample for sample in own if sample is not None])
            figures[rows] = panel.score_samples(outputs[rows, samples], samples)
        others = [row for row, sample in enumerate(own) if sample is None]
        if others:
            figures[others] = panel.score(outputs[others])
        return figures

    def _executed(self, trials: list[int]) -> tuple[list[int], Figures]:
        """The trials whose pass neither crashed nor overflowed, and their figures.

        Overflow depends on the order of summation: trials with outputs that are not finite are left
        to the reference.
        """
        campaign, panel = self.campaign, self.plan.panel
        golden = self.plan.replayer.golden_outputs
        drawn = [campaign.trials[trial] for trial in trials]
        words = None if self._before else self._model.words(drawn)
        outputs = golden.expand(len(trials), *golden.shape).clone()
        together = set()
        if self._stacked is not None and words is not None:
            together = _write_together(self._stacked, words, outputs)
        apart = [row for row in range(len(trials)) if row not in together]
        crashed = self._write_apart(trials, drawn, apart, words, outputs)
        if campaign.trials.single:
            absent = campaign.absent(campaign.trials.at(np.array(trials)))
            outputs = self.plan.golden_where(absent, outputs)
        finite = outputs.reshape(len(trials), -1).isfinite().all(dim=1).tolist()
        rows = [row for row in range(len(trials)) if row not in crashed and finite[row]]
        if not rows:
            return [], np.zeros((0, len(panel.columns)))
        return [trials[row] for row in rows], panel.score(outputs[rows])

    def _write_apart(
        self,
        trials: Sequence[int],
        drawn: Sequence[Numbers],
        rows: Sequence[int],
        words: FaultyWords | None,
        outputs: torch.Tensor,
    ) -> set[int]:
        """Write the outputs of trials in some rows, a pass for each; return those that crash.

        ``drawn`` are the faults of each trial, and ``words`` the words that differ due to them.
        """
        crashed, before = set(), self._before
        writes = None if words is None else words.by_trial(len(drawn))
        for piece in self.plan.replayer.pieces:
            golden = self.plan.replayer.golden(piece)
            held: dict[int, Any] | None = {} if before else None
            last: int | None = None
            for row in rows:
                trial, faults, added = trials[row], drawn[row], None
                if held is not None and before.get(trial, -1) == last:
                    added = faults[-1:]
                # Another history begins, or the trial before is missing: its values are not those
                # of this one.
                elif held is not None:
                    held.clear()
                try:
                    mine = None if writes is None else writes[row]
                    outputs[row, piece] = self._model.outputs(faults, golden, held, added, mine)
                    last = trial
                except (InputError, MemoryError, torch.OutOfMemoryError):
                    raise
                except Exception:  # probably due to the fault, which the reference decides
                    crashed.add(row)
                    last = None
        return crashed


def _write_together(stacked: StackedTrials, words: FaultyWords, outputs: torch.Tensor) -> set[int]:
    """Write the outputs of trials, several in a pass; return the rows that this is sure of."""
    sure = set()
    for at in range(0, len(outputs), stacked.size):
        end = min(at + stacked.size, len(outputs))
        try:
            outputs[at:end], unsure = stacked.outputs(words, at, end)
        except (InputError, MemoryError, torch.OutOfMemoryError):
            raise
        except Exception:  # probably due to a fault: each has a pass of its own
            unsure = torch.ones(end - at, dtype=torch.bool)
        sure |= {at + row for row in (~unsure).nonzero().squeeze(1).tolist()}
    return sure


def _predecessors(trials: Trials) -> dict[int, int]:
    """For each trial that adds one fault to those of another, that other trial."""
    pairs = (pair for history in trials.histories for pair in itertools.pairwise(history))
    return {later: earlier for earlier, later in pairs}
