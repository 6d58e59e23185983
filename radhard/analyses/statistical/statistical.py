"""How vulnerable is every parameter, predicted from faults in a few?"""

from dataclasses import replace
from typing import Literal

import numpy as np

from radhard.analyses.base import Analysis, AnalysisResult
from radhard.analyses.statistical.features import NAMES, Features, features
from radhard.analyses.statistical.injected_words import inject_words
from radhard.analyses.statistical.random_forest import FOLDS, learned, quality
from radhard.errors import InputError, check_installed
from radhard.faults import BitFlip, FaultModel
from radhard.formats import Float32, Format
from radhard.space import FaultSpace
from radhard.spec import component
from radhard.targets import Weights
from radhard.workload import Workload

__all__ = ["Statistical"]

_LEAST = 4 * FOLDS


@component
class Statistical(Analysis):
    """Vulnerability of all weights, predicted by a random forest from a few (Zhang et al., 2022).

    Weights are drawn at random and all their faults are injected. From the magnitude of a weight,
    its gradient, how often it is used, and the position of its layer, the forest learns to predict
    the share of critical samples over all its faults. By element of every weight that
    `radhard.targets.Weights` selects, a predicted share of critical faults.

    ``injections``: the maximum number of faults, all of one parameter together: 6,400 are 200 words
    of 32 bits. ``trees``: of the forest. ``leaf``: the minimum number of parameters in a leaf; with
    1 the forest overfits. ``format``, ``fault``: components, or their text. ``of``: the class of
    the cross-entropy for the gradient, the golden prediction (``"answer"``) or the label.

    The facts report the quality of predictions in 5-fold cross-validation, ``r2`` and ``rank``,
    with 95 % intervals (of R2 by bootstrap).

    Cost: A campaign (6,400 injections), 1 forward, 1 backward.

    Raises:
        InputError: too few injections, all parameters tried are equally vulnerable, or scikit-learn
            is not installed.
    """

    injections: int = 6400
    trees: int = 100
    leaf: int = 10
    format: Format = Float32()
    fault: FaultModel = BitFlip()
    of: Literal["answer", "label"] = "answer"

    def check(self) -> None:
        counts = {"injections": self.injections, "trees": self.trees, "leaf": self.leaf}
        for name, value in counts.items():
            if value < 1:
                raise InputError(f"Statistical: {name}={value} is not allowed; give at least 1")

    def find(self, workload: Workload) -> AnalysisResult:
        # Before the injections, which take longer than all else.
        check_installed("sklearn", "scikit-learn", "learning", what="Statistical()")
        space = FaultSpace.of(workload.model, Weights("*"), self.fault, self.format)
        answers = workload.predictions if self.of == "answer" else workload.label_classes
        for tensor, why in space.left_out.items():
            workload.left_out[tensor.rpartition(".")[0]] = f"{tensor}: {why}"
        everything = space.sites
        space, tables = _finite(workload, space, features(workload, everything, answers))
        seen = inject_words(workload, space, self.injections, _LEAST)
        if np.ptp(seen.critical) == 0:
            raise InputError(
                f"{self!r}: all {len(seen.critical)} parameters tried are equally vulnerable "
                f"({seen.critical[0]:g}), so that there is nothing to learn; try more injections, "
                "or more samples"
            )
        rows = [
            tables[p][w] for p, w in zip(seen.places.tolist(), seen.words.tolist(), strict=True)
        ]
        forest = learned(np.stack(rows), seen.critical, self.trees, self.leaf, workload.random(1))
        # Tensors that were left out stay NaN, which is "not analyzed".
        values = {site.name: np.full(site.shape, np.nan) for site in everything}
        for at, site in enumerate(space.sites):
            values[site.name] = forest.predict(tables[at]).reshape(site.shape)
            workload.bar.step(at + 1, len(space.sites))
        weighed = forest.forest.feature_importances_.tolist()
        facts = {
            "parameters tried": len(seen.critical),
            "injections": seen.injections,
            "held out": quality(forest.held_out, seen.critical, workload.random(2)),
            "importance": dict(zip(NAMES, weighed, strict=True)),
        }
        return AnalysisResult("element", values, "share", facts=facts)


def _finite(workload: Workload, space: FaultSpace, tables: Features) -> tuple[FaultSpace, Features]:
    """The tensors with finite features, as a forest requires; the others are left out."""
    kept = [at for at, table in enumerate(tables) if np.isfinite(table).all()]
    for at in set(range(len(tables))) - set(kept):
        site = space.sites[at]
        workload.left_out[site.layer] = f"the values or the gradient of {site.name} are not finite"
    if not kept:
        raise InputError(
            "Statistical: no weight tensor has both finite values and a finite gradient, so that "
            "there is nothing to learn from; check the weights and the data"
        )
    if len(kept) == len(tables):
        return space, tables
    (term,) = space.terms
    narrower = replace(
        term,
        sites=tuple(term.sites[at] for at in kept),
        fitted=tuple(term.fitted[at] for at in kept),
    )
    return FaultSpace([narrower]), [tables[at] for at in kept]
