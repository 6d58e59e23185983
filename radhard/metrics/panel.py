"""How are several metrics evaluated for the same trials?"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from radhard.errors import InputError
from radhard.metrics.base import Metric, SampleMetric, kind_of
from radhard.metrics.logits import real
from radhard.metrics.outputs import Faulty, Golden

__all__ = ["Panel"]


class Panel:
    """Metrics that are evaluated together: one call returns every figure of a chunk of trials.

    ``golden`` are the outputs of the fault-free model, ``(samples, ...)``; ``labels`` is
    ``(samples, ...)``, required by metrics that compare with them; ``alone``: each trial affects
    one sample (`score_samples`), which determines the ranges of the figures. What the metrics share
    (the top class, NaN, the softmax) is computed once, that of ``golden`` once for all calls.

    Raises:
        InputError: no metric, a metric twice, or a metric that cannot judge these outputs.

    >>> from radhard.metrics import Outcome, Sdc
    >>> golden = torch.tensor([[2.0, 1.0], [0.0, 3.0]])
    >>> faulty = torch.tensor([[[2.0, 1.0], [4.0, 3.0]], [[2.0, 1.5], [0.0, torch.nan]]])
    >>> Panel([Outcome(), Sdc()], golden).score(faulty)
    array([[0.5, 0. , 0.5, 0. , 0.5],
           [0. , 0.5, 0. , 0.5, 0. ]])
    >>> Panel([Sdc(k=2)], golden).columns
    ('Sdc(k=2).sdc',)
    """

    def __init__(
        self,
        metrics: Sequence[Metric],
        golden: Tensor,
        labels: Tensor | None = None,
        *,
        alone: bool = False,
    ) -> None:
        self.metrics = tuple(metrics)
        if not self.metrics:
            raise InputError("no metric was given; give at least one, such as Outcome()")
        for metric in self.metrics:
            if self.metrics.count(metric) > 1:
                raise InputError(f"{metric!r} is given more than once; give each metric once")
        # One for all metrics, so that what several of them need is computed once.
        self.golden = Golden(golden, labels, alone=alone, kind=kind_of(self.metrics))
        for metric in self.metrics:
            metric.admit(self.golden)
        self._judges = [metric.against(self.golden) for metric in self.metrics]

    def check_scores(self) -> None:
        """Check that metrics of classes are applied to scores of classes.

        Not part of the constructor, as the outputs of a panel made by hand are known; those of any
        model may be token ids or amounts, whose argmax is meaningless.

        Raises:
            InputError: integers, or one output per sample, and ``outputs`` is not given.
        """
        for metric in self.metrics:
            metric.check_scores(self.golden)

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the figures: the metric as text, a dot, the metric's column."""
        return tuple(f"{metric!r}.{c.name}" for metric in self.metrics for c in metric.figures)

    @property
    def beyond_answer(self) -> tuple[int, ...] | None:
        """Positions of the columns that depend on more than predictions; None if any may.

        None also if there are such columns and a metric that has no figures of single samples, as
        they are measured on these. See `Metric.beyond_answer`.
        """
        positions: list[int] = []
        at = 0
        for metric in self.metrics:
            if (beyond := metric.beyond_answer) is None:
                return None
            positions += [at + n for n, c in enumerate(metric.figures) if c.name in beyond]
            at += len(metric.figures)
        by_sample = all(isinstance(metric, SampleMetric) for metric in self.metrics)
        return tuple(positions) if by_sample or not positions else None

    @property
    def main(self) -> tuple[int, str] | None:
        """Position and name of the first figure that measures harm; None if none does."""
        columns = [column for metric in self.metrics for column in metric.figures]
        harms = {n: column.harm.order for n, column in enumerate(columns) if column.harm}
        if not harms:
            return None
        first = min(harms, key=harms.__getitem__)
        return first, columns[first].name

    @property
    def ranges(self) -> tuple[tuple[float, float], ...]:
        """The minimum and maximum of every column."""
        return tuple(bounds for metric in self.metrics for bounds in metric.ranges(self.golden))

    def score(self, faulty: Tensor) -> np.ndarray:
        """The figures of trials with the outputs ``(trials, samples, ...)``: ``(trials, columns)``.

        Raises:
            InputError: outputs of another shape.
        """
        shape = self.golden.outputs.shape
        if faulty.shape[1:] != shape or faulty.ndim != len(shape) + 1:
            raise InputError(
                f"faulty outputs of shape {tuple(faulty.shape)} do not match golden outputs of "
                f"shape {tuple(shape)}; give the shape (trials, *{tuple(shape)})"
            )
        return self._figures(Faulty(self._beside(faulty), self.golden))

    def score_samples(self, faulty: Tensor, rows: Tensor) -> np.ndarray:
        """The figures of trials that affect one sample each: ``(trials, columns)``.

        ``faulty`` is ``(trials, ...)``, the output for one sample of each trial; ``rows``
        ``(trials,)`` are the indices of these samples. A share is then 0 or 1.

        Raises:
            InputError: outputs of another shape, rows outside the samples, or a metric that
                requires the outputs of all samples.
        """
        for metric in self.metrics:
            if not isinstance(metric, SampleMetric):
                raise InputError(
                    f"{metric!r} cannot be computed from one sample; it requires the outputs of "
                    "all samples in each trial"
                )
        shape = self.golden.outputs.shape
        if faulty.ndim != len(shape) or faulty.shape[1:] != shape[1:]:
            raise InputError(
                f"faulty outputs of shape {tuple(faulty.shape)} are not one sample per trial; for "
                f"golden outputs of shape {tuple(shape)} give (trials, *{tuple(shape[1:])})"
            )
        if rows.shape != faulty.shape[:1] or rows.dtype != torch.int64:
            raise InputError(
                f"rows of shape {tuple(rows.shape)} and {rows.dtype} do not determine the sample "
                f"of each of {len(faulty)} trials; give int64 of shape ({len(faulty)},)"
            )
        if rows.numel() and not 0 <= int(rows.min()) <= int(rows.max()) < self.golden.samples:
            raise InputError(
                f"rows run from {int(rows.min())} to {int(rows.max())}, but the samples are "
                f"0 to {self.golden.samples - 1}"
            )
        rows = rows.to(self.golden.outputs.device)
        return self._figures(Faulty(self._beside(faulty).unsqueeze(1), self.golden, rows))

    @property
    def reads_decoding(self) -> bool:
        """Whether any figure depends on what the decoders of protected words report."""
        return any(metric.reads_decoding for metric in self.metrics)

    def with_decoding(self, figures: np.ndarray, decoding: np.ndarray) -> np.ndarray:
        """The figures of trials with those that depend on decoders (`Metric.with_decoding`)."""
        figures, at = figures.copy(), 0
        for metric in self.metrics:
            mine = slice(at, at + len(metric.figures))
            if metric.reads_decoding:
                figures[:, mine] = metric.with_decoding(figures[:, mine], decoding)
            # Columns stand metric by metric.
            at = mine.stop
        return figures

    def _beside(self, faulty: Tensor) -> Tensor:
        return real(faulty).to(self.golden.outputs.device)

    def _figures(self, faulty: Faulty) -> np.ndarray:
        figures = [judge(faulty) for judge in self._judges]
        # On the device until here: one transfer for all figures of a chunk.
        joined = figures[0] if len(figures) == 1 else torch.cat(figures, dim=-1)
        return joined.cpu().numpy()
