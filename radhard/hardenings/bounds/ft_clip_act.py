"""What if bounds are chosen by injecting faults?"""

import numpy as np
import torch

from radhard.campaign import run
from radhard.datasets import Data
from radhard.engines import Serial
from radhard.errors import InputError
from radhard.faults import BitFlip
from radhard.formats import Float32, Format
from radhard.hardenings.base import Hardening
from radhard.hardenings.bounds.activation_functions import spots
from radhard.hardenings.bounds.bound import Bound
from radhard.hardenings.bounds.bound_search import mean_under, searched
from radhard.hardenings.bounds.placing import attached
from radhard.hardenings.bounds.roundoff import widened
from radhard.hardenings.draft import Draft
from radhard.hardenings.profile import profile
from radhard.metrics import Accuracy
from radhard.progress import Progress
from radhard.samplers import ErrorRate
from radhard.space import FaultSpace
from radhard.spec import component
from radhard.targets import Weights

__all__ = ["FTClipAct"]


@component
class FTClipAct(Hardening):
    """Searches for each layer's bound by injecting faults (Hoang et al., DATE 2020).

    Layers are processed one after another, with all other bounds unchanged. Among ``points`` bounds
    between zero and the largest observed value, the best one has the highest accuracy under bit
    flips in all weights, stored in ``format``, at bit error ``rates`` (area under the curve), with
    ``trials`` for each rate, the same for all bounds, on up to ``samples`` samples. The search
    continues between its neighbours, for up to ``rounds`` rounds; from the third round on it stops
    when no two accuracies differ by more than ``close``. Values above a bound become zero.
    ``kinds`` names additional classes of modules to treat as activation functions.

    A search takes up to ``points * rounds * len(rates) * trials`` campaign trials per layer.

    Cost: One number per layer; a campaign for each bound tried; some accuracy.
    """

    rates: tuple[float, ...] = (1e-7, 1e-6, 3e-6, 1e-5, 3e-5)
    trials: int = 5
    points: int = 4
    rounds: int = 4
    close: float = 0.002
    samples: int = 1000
    format: Format = Float32()
    kinds: tuple[str, ...] = ()

    def check(self) -> None:
        ErrorRate(self.rates, trials=self.trials)
        if len(self.rates) == 0 or self.points < 3 or self.rounds < 1 or self.samples < 1:
            raise InputError(
                f"FTClipAct: rates={self.rates}, points={self.points}, rounds={self.rounds}, "
                f"samples={self.samples} are not allowed; give at least 1 rate, 3 points, 1 round "
                "and 1 sample"
            )
        if not 0 <= self.close <= 1:
            raise InputError(
                f"FTClipAct: close={self.close} is not allowed; give a share from 0 to 1"
            )

    def harden(self, draft: Draft) -> None:
        data = self._samples(draft)
        bounded = spots(draft, self.kinds, of="rectifiers")
        seen = profile(draft, bounded, per="layer")
        bounds: list[Bound] = []
        for spot in (spot for spot in bounded if spot in seen.high):
            _, high = seen.of(spot)
            bound = Bound(draft.by, shape=(), mode="zero", place=spot.place, floor=0.0).to(high)
            # If a rectifier follows, all of its inputs may be negative.
            bound.high.copy_(widened(high).clamp_min(0.0))
            bounds.append(attached(draft, spot, "clipped", bound))
        space = FaultSpace.of(draft.model, Weights("*"), BitFlip(), self.format)
        with Progress(len(bounds), 0, None, shown=draft.workload.bar.shown, label="layers") as bar:
            for bound in bounds:
                self._search(draft, data, space, bound)
                bar.advance(np.zeros((1, 0)))

    def _search(self, draft: Draft, data: Data, space: FaultSpace, bound: Bound) -> None:
        def worth(high: float) -> float:
            bound.high.fill_(high)
            return self._surviving(draft, data, space)

        best = searched(
            worth, float(bound.high), points=self.points, rounds=self.rounds, close=self.close
        )
        bound.high.fill_(best)

    def _surviving(self, draft: Draft, data: Data, space: FaultSpace) -> float:
        """Accuracy under faults, as the area under its curve."""
        results = run(
            draft.model,
            data,
            space,
            ErrorRate(self.rates, trials=self.trials),
            metrics=[Accuracy()],
            # One seed: all bounds meet the same faults, so that differences are due to the bounds.
            seed=draft.workload.seed,
            # The bounds change in every run, so that exporting a graph would not pay off.
            engine=Serial(),
            call=draft.workload.steady,
            batch=draft.workload.batch,
            progress=False,
            audit=0,
        )
        by_rate = results.to_frame().groupby("rate", sort=False)[results.column("accuracy")].mean()
        return mean_under(self.rates, tuple(by_rate.tolist()))

    def _samples(self, draft: Draft) -> Data:
        n = len(draft.labels())
        if n <= self.samples:
            return draft.workload.data
        # Not the first ones, since data may be sorted by class.
        rows = torch.from_numpy(
            np.sort(draft.workload.random(0).choice(n, self.samples, replace=False))
        )
        rows = rows.to(draft.labels().device)
        return Data(
            draft.workload.data.rows(rows),
            draft.labels()[rows],
            draft.workload.data.name,
        )
