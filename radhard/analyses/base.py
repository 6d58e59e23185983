"""What does an analysis provide?"""

import time
from abc import abstractmethod
from typing import Any

from torch import nn

from radhard.analyses.analysis_result import AnalysisResult
from radhard.analyses.analyzed_layers import covering
from radhard.analyses.classifier_workload import classifier_workload
from radhard.forward import Forward, plain
from radhard.manifest import fingerprint
from radhard.module import check_order, usable_module
from radhard.scores import Scores
from radhard.spec import Component, Family
from radhard.workload import Workload

__all__ = ["ANALYSES", "Analysis", "AnalysisResult"]


class Analysis(Component):
    """Which parts of a model are vulnerable, predicted from the model and some data.

    ``analysis(model, data)`` returns `Scores`; the model is restored bit for bit, including its
    gradients and flags. The facts report how many of the model's layers with weights were
    evaluated (``"analyzed"``), and the reasons for the others (``"not analyzed"``), about which a
    `RadhardWarning` is issued. Subclasses define `find`.
    """

    def __call__(
        self,
        model: nn.Module,
        data: Any,
        *,
        call: Forward = plain,
        batch: int = 100,
        seed: int = 0,
        progress: bool | None = None,
        deterministic: bool = True,
    ) -> Scores:
        """Analyze the model.

        Args:
            model: a classifier; it is in evaluation mode in the meantime.
            data: inputs, with labels if the analysis requires them, as for `radhard.run`.
            call: for models that do not return one tensor.
            batch: samples per forward pass.
            seed: of all random draws.
            progress: show a progress bar; by default on a terminal.
            deterministic: reject a model whose fault-free passes differ.

        Raises:
            InputError: the model or the data cannot be used, or the analysis can evaluate none of
                the model's layers; the message suggests what to do.
        """
        began = time.perf_counter()
        check_order(model, data)
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
            result = covering(repr(self), workload, self.find(workload))
        return Scores(
            repr(self),
            result.level,
            result.values,
            result.unit,
            low=result.low,
            high=result.high,
            facts=result.facts,
            cost={"seconds": time.perf_counter() - began, "samples": float(workload.samples)},
            model=fingerprint(model),
        )

    @abstractmethod
    def find(self, workload: Workload) -> AnalysisResult:
        """The scores of the model in ``workload``, which is in evaluation mode.

        Random draws must depend only on ``workload.seed``; passes must be made by ``workload``,
        which counts them.
        """


ANALYSES: Family[Analysis] = Family(Analysis)
"""The analyses of radhard, and how one is read from text."""
