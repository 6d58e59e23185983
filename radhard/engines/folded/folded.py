"""How are trials executed that strike many words of the model at once?"""

from collections.abc import Iterator, Sequence

import numpy as np
import torch

from radhard.engines.base import Campaign, Engine, Figures, Session, TrialResults, UnsuitableError
from radhard.engines.folded.struck import StruckModel
from radhard.engines.replay.plan import ReplayPlan
from radhard.engines.serial import SerialSession
from radhard.errors import InputError
from radhard.notes import Note
from radhard.replay.graph import NoGraphError, graph_of
from radhard.spec import component

__all__ = ["Folded"]


@component
class Folded(Engine):
    """One pass a trial, from the first struck operation on, batch normalisation folded.

    For trials of many faults in stored tensors, as error rates bring them. Words are struck in a
    private copy of the tensors and restored; struck channels are normalised apart, so that they
    overflow where they do in the model. The golden value of every operation is kept (at most
    ``memory`` bytes; more samples are taken in pieces). Trials that strike flowing values, or
    tensors that the graph does not know, go through `Serial`; so do trials whose outputs are not
    finite, as where sums overflow depends on their order.
    """

    memory: int = 2 * 1024**3

    def prepare(self, campaign: Campaign) -> "FoldedSession":
        try:
            with torch.inference_mode():
                graph = graph_of(
                    campaign.workload.model, campaign.workload.call, campaign.workload.data
                )
                dtypes = {tensor.dtype for tensor in graph.constants.values()}
                # A folded weight is rounded once more: too coarsely where it is a half.
                coarse = bool(dtypes & {torch.float16, torch.bfloat16})
                places = range(len(campaign.space.sites)) if coarse else ()
                plan = ReplayPlan.of(campaign, graph, places, self.memory)
                model = StruckModel(plan, graph)
        except NoGraphError as error:
            raise UnsuitableError(
                f"Folded needs the model's graph ({error}); use Serial()"
            ) from None
        return FoldedSession(campaign, plan, model)


class FoldedSession(Session):
    """Executes trials through the graph, one pass each."""

    def __init__(self, campaign: Campaign, plan: ReplayPlan, model: StruckModel) -> None:
        unknown = {"tensors": list(model.unknown)}
        super().__init__(campaign, [Note("unfollowed", unknown)] if model.unknown else [])
        self._plan, self._model = plan, model
        self._serial = SerialSession(campaign)

    def run(self, trials: Sequence[int]) -> Iterator[TrialResults]:
        campaign = self.campaign
        taken = [trial for trial in trials if self._model.takes(campaign.trials[trial])]
        others = set(trials) - set(taken)
        if taken:
            with torch.inference_mode():
                done, figures = _executed(campaign, self._plan, self._model, taken)
            others |= set(taken) - set(done)
            yield TrialResults(done, figures)
        if others:
            yield from self._serial.run([trial for trial in trials if trial in others])


def _executed(
    campaign: Campaign, plan: ReplayPlan, model: StruckModel, trials: list[int]
) -> tuple[list[int], Figures]:
    """The trials whose pass neither crashed nor overflowed, and their figures.

    Where sums become infinite hangs on their order: what is not finite is left to the reference.
    """
    replayer = plan.replayer
    outputs = replayer.golden_outputs.expand(len(trials), *replayer.golden_outputs.shape).clone()
    crashed = set()
    for piece in replayer.pieces:
        golden = replayer.golden(piece)
        for row, trial in enumerate(trials):
            try:
                outputs[row, piece] = model.outputs(campaign.trials[trial], golden)
            except (InputError, MemoryError, torch.OutOfMemoryError):
                raise
            except Exception:  # the fault is to blame: the reference says what that means
                crashed.add(row)
    finite = outputs.reshape(len(trials), -1).isfinite().all(dim=1).tolist()
    rows = [row for row in range(len(trials)) if row not in crashed and finite[row]]
    if not rows:
        return [], np.zeros((0, len(plan.panel.columns)))
    return [trials[row] for row in rows], plan.panel.score(outputs[rows])
