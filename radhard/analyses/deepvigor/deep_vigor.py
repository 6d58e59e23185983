"""Which deviations of each neuron change the prediction, and how many bit flips cause them?"""

import time
from typing import Any, Literal

import numpy as np
from torch import nn

from radhard.analyses.analyzed_layers import covering
from radhard.analyses.base import Analysis, AnalysisResult
from radhard.analyses.classifier_workload import classifier_workload
from radhard.analyses.deepvigor.losses import Loss
from radhard.analyses.deepvigor.neurons import OfLayer, analysed, drawn
from radhard.analyses.deepvigor.probes import Probes
from radhard.analyses.deepvigor.thresholds import Search
from radhard.analyses.layers import torch_layers
from radhard.errors import InputError
from radhard.formats import Float32, Format
from radhard.forward import Forward, plain
from radhard.globs import matches
from radhard.manifest import fingerprint
from radhard.module import usable_module
from radhard.scores import Scores
from radhard.spec import component
from radhard.targets.patterns import check_matches
from radhard.vulnerability_ranges import Ranges, golden_margin
from radhard.workload import Workload

__all__ = ["DeepVigor"]


@component
class DeepVigor(Analysis):
    """Vulnerability value ranges of every neuron (Ahmadilivani et al., ETS 2023).

    For each neuron (an element of the output of a convolution or linear layer, before an activation
    function that is a separate module) and each input: how far may it deviate, upwards and
    downwards, before the class changes? A search with many probes per pass brackets this threshold
    between a deviation that was tried and is safe and one that was tried and is not; for the layer
    that outputs the logits it follows in closed form. `ranges` merges the thresholds by golden
    class. A call returns, from flips of every bit of ``format``, the share of a neuron's flips that
    change the class (NVF), as scores by element; ``at("tensor")`` is that of the layer (LVF), and
    ``facts["BVF"]`` the share by bit.

    Args:
        layers: globs of layer names, joined by ``|``.
        neurons: the number, or the share, of neurons of each layer that are analyzed; drawn from
            the seed. None: all.
        format: how the values are stored.
        epsilon: the deviation that is tried first.
        bound: the largest deviation of the search; if it reaches the logits but changes no class, a
            larger one is tried once.
        tolerance: the width at which a bracket is narrow enough.
        loss: the form of the loss whose gradient at ``epsilon`` determines which neurons can be
            left out; None: no neurons are left out.
        threshold: the share of inputs without gradient above which a neuron is left out, in one
            direction, provided that no input changes its class at the bound.
        outliers: a class keeps its vulnerable range if the share of its inputs whose class no
            deviation changes is below this; 0.02 in the paper; with 0 the range holds for all
            analyzed inputs.
        search: ``"interpolation"`` tries the point where a straight line through the logits
            predicts the change of class, ``"bisection"`` the middle: same brackets, twice the
            passes.

    Cost: About 10 forwards of each neuron's part of the model; none for the logits.

    Raises:
        InputError: sizes that are not above 0, or shares outside [0, 1].
    """

    layers: str = "*"
    neurons: int | float | None = None
    format: Format = Float32()
    epsilon: float = 10_000.0
    bound: float = 500_000.0
    tolerance: float = 0.05
    loss: Loss | None = "per_class"
    threshold: float = 0.98
    outliers: float = 0.0
    search: Literal["interpolation", "bisection"] = "interpolation"

    def check(self) -> None:
        if not 0 < self.tolerance < self.epsilon < self.bound:
            raise InputError(
                f"tolerance={self.tolerance:g}, epsilon={self.epsilon:g}, bound={self.bound:g} are "
                "not allowed together; give 0 < tolerance < epsilon < bound"
            )
        for name, share in (("threshold", self.threshold), ("outliers", self.outliers)):
            if not 0 <= share <= 1:
                raise InputError(
                    f"{name}={share!r} is not allowed; give a share of the inputs, from 0 to 1"
                )
        neurons = self.neurons
        if neurons is not None and not (
            neurons >= 1 if isinstance(neurons, int) else 0 < neurons <= 1
        ):
            raise InputError(
                f"neurons={neurons!r} is not allowed; give an integer from 1, or a share above 0 "
                "and up to 1.0"
            )

    def find(self, workload: Workload) -> AnalysisResult:
        return self._scored(self._looked(workload))

    def ranges(
        self,
        model: nn.Module,
        data: Any,
        *,
        call: Forward = plain,
        batch: int = 100,
        seed: int = 0,
        progress: bool | None = None,
    ) -> Ranges:
        """The ranges of deviations that change no prediction, some, or all; arguments as of a call.

        Raises:
            InputError: the model or the data cannot be used; the message suggests what to do.
        """
        return self.scores_and_ranges(
            model, data, call=call, batch=batch, seed=seed, progress=progress
        )[1]

    def scores_and_ranges(
        self,
        model: nn.Module,
        data: Any,
        *,
        call: Forward = plain,
        batch: int = 100,
        seed: int = 0,
        progress: bool | None = None,
        deterministic: bool = True,
    ) -> tuple[Scores, Ranges]:
        """Scores and ranges from one analysis; arguments as of a call.

        Raises:
            InputError: the model or the data cannot be used; the message suggests what to do.
        """
        began = time.perf_counter()
        model = usable_module(model)
        with classifier_workload(
            repr(self),
            model,
            data,
            call=call,
            batch=batch,
            seed=seed,
            progress=progress,
            deterministic=deterministic,
        ) as workload:
            of_layers = self._looked(workload)
            margins = _margins(workload)
            scored = covering(repr(self), workload, self._scored(of_layers))
        # Outside the workload, where the model is again as the user has it.
        model_fingerprint = fingerprint(model)
        ranges = Ranges(
            repr(self),
            self.format,
            {name: of.limits for name, of in of_layers.items()},
            len(workload.data),
            scored.facts["forwards per neuron"],
            model_fingerprint,
            margins,
        )
        cost = {"seconds": time.perf_counter() - began, "samples": float(workload.samples)}
        scores = Scores(
            repr(self),
            scored.level,
            scored.values,
            scored.unit,
            facts=scored.facts,
            cost=cost,
            model=model_fingerprint,
        )
        return scores, ranges

    def _looked(self, workload: Workload) -> dict[str, OfLayer]:
        names = [layer.name for layer in torch_layers(workload)]
        chosen = [name for name in names if matches(self.layers, name)]
        check_matches(chosen, self, names, "convolution or linear layer")
        probes = Probes(workload, chosen)
        search = Search(
            self.epsilon,
            self.bound,
            self.tolerance,
            self.loss,
            self.threshold,
            self.search == "bisection",
        )
        neurons = {
            name: drawn(self.neurons, int(np.prod(site.shape)), workload.random(at))
            for at, (name, site) in enumerate(probes.sites.items())
        }
        total, done = sum(len(indices) for indices in neurons.values()), 0

        def step(count: int) -> None:
            nonlocal done
            done += count
            workload.bar.step(done, total)

        return {
            name: analysed(probes, name, indices, search, self.format, self.outliers, step)
            for name, indices in neurons.items()
        }

    def _scored(self, of_layers: dict[str, OfLayer]) -> AnalysisResult:
        values = {}
        for name, of in of_layers.items():
            # NaN is "not analyzed": 0 would claim that neurons that were not drawn are safe.
            scores = np.full(of.limits.size, np.nan)
            scores[of.limits.neurons] = of.nvf
            values[name] = scores.reshape(of.limits.shape)
        facts = {
            "LVF": {name: float(of.nvf.mean()) for name, of in of_layers.items()},
            "BVF": {name: of.bvf.tolist() for name, of in of_layers.items()},
            "forwards per neuron": {name: of.forwards for name, of in of_layers.items()},
            "left out by gradient": {name: of.skipped for name, of in of_layers.items()},
            "gradient refuted": {name: of.refuted for name, of in of_layers.items()},
        }
        return AnalysisResult("element", values, "share", facts=facts, chosen=self.layers != "*")


def _margins(workload: Workload) -> dict[int, tuple[float, float]]:
    """By golden class, the smallest and the largest margin of the inputs."""
    margins = golden_margin(workload.logits, workload.predictions).double()
    found = {}
    for answer in sorted(set(workload.predictions.tolist())):
        of_class = margins[(workload.predictions == answer) & margins.isfinite()]
        if len(of_class):
            found[answer] = (float(of_class.min()), float(of_class.max()))
    return found
