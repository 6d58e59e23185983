"""What happens if one bit position is flipped in all words of a tensor at once?"""

from collections.abc import Sequence

import numpy as np

from radhard.analyses.base import Analysis, AnalysisResult
from radhard.analyses.constant_bits import constant_bits
from radhard.analyses.left_out_layers import record_left_out
from radhard.analyses.stored_targets import check_stored_targets
from radhard.engines import Campaign, Serial
from radhard.faults import BitFlip
from radhard.formats import Float32, Format
from radhard.metrics import Accuracy, Metric, Outcome, Panel
from radhard.metrics.column import Role
from radhard.metrics.run_columns import RunColumns
from radhard.samplers import Stratum, Trials
from radhard.space import FaultSpace, Numbers
from radhard.spec import component
from radhard.targets import Target, Weights
from radhard.workload import Workload

__all__ = ["BitWise"]

_ROLES: dict[str, Role] = {"critical": "critical", "due": "due", "accuracy": "score"}
"""The figures in the facts, and their roles among those of the metrics."""


@component
class BitWise(Analysis):
    """Flips of one bit position in all words of a tensor at once (Parchekani et al., DFT 2024).

    By bit of every selected tensor: the share of samples whose prediction changes, or whose output
    is NaN, if this bit is flipped in all words of the tensor; for a ranking of bit positions, not
    as a rate of single faults. Check bits that are stored apart have their own scores, under the
    name ``"fc.weight check"``. One forward pass for each bit of each tensor, and one for each bit
    of all tensors.

    The facts contain the share of changed predictions (``"critical"``), of outputs with NaN
    (``"due"``) and, if the data have labels, the accuracy (``"accuracy"``), by tensor and by bit
    from bit 0 on; the same for flips in the values of all tensors together (``"all tensors"``), if
    their words have the same width; and the bits that have the same value in all words of a tensor
    (``"constant bits"``), which can be corrected without check bits.

    There is no run file, as there are few passes: `Scores.save` keeps the figures, and an analysis
    that is interrupted starts again.

    ``format``: of the words. ``targets``: the stored tensors, by default all weights.
    """

    format: Format = Float32()
    targets: tuple[Target, ...] = (Weights("*"),)

    def check(self) -> None:
        check_stored_targets(self.targets, "BitWise")

    def find(self, workload: Workload) -> AnalysisResult:
        space = FaultSpace.of(workload.model, self.targets, BitFlip(), self.format)
        record_left_out(workload, space)
        metrics: list[Metric] = [Outcome()]
        if workload.data.labels is not None:
            metrics.append(Accuracy())
        panel = Panel(metrics, workload.golden, workload.data.labels)
        trials = _BitTrials(space)
        session = Serial().open(Campaign(workload, space, trials, panel))
        figures = np.zeros((len(trials), len(panel.columns)))
        for at in range(len(trials)):
            (part,) = session.run([at])
            figures[at] = part.figures[0]
            workload.samples += len(workload.data)
            workload.bar.step(at + 1, len(trials))
        columns = RunColumns(dict(zip(panel.columns, panel.ranges, strict=True)), foreign=True)
        names = {
            name: panel.columns.index(full)
            for name, role in _ROLES.items()
            if (full := columns.with_role(role)) is not None
        }
        by_tensor, scores = {}, {}
        for place, region in enumerate(space.regions):
            start, end = space.variant_starts[place : place + 2].tolist()
            rows = figures[start:end]
            # Scores of values have the name of their tensor, as in campaigns; check bits that are
            # stored apart, and sections of a tensor, have their own.
            name = space.name(place)
            name = region.site.name if name == f"{region.site.name} codes" else name
            by_tensor[name] = _by_bit(rows, names)
            # No sample is both critical and NaN (`Outcome`), so the shares add up.
            scores[name] = rows[:, names["critical"]] + rows[:, names["due"]]
        together = figures[space.variant_starts[-1] :]
        facts = {
            "by tensor": by_tensor,
            "all tensors": _by_bit(together, names) if len(together) else None,
            "constant bits": {
                name: {str(bit): value for bit, value in bits.items()}
                for name, bits in constant_bits(space, workload.model).items()
            },
        }
        return AnalysisResult("bit", scores, facts=facts, chosen=self.targets != (Weights("*"),))


class _BitTrials(Trials):
    """One bit of all words: of each region, region by region, and then of all regions together."""

    single = False

    def __init__(self, space: FaultSpace) -> None:
        self._space = space
        # Bits of words of different widths have nothing in common, nor have values and check bits.
        self._values = [at for at, region in enumerate(space.regions) if region.plane == "codes"]
        widths = set(space.variants[self._values].tolist())
        self._together = widths.pop() if len(widths) == 1 else 0
        n = int(space.variant_starts[-1]) + self._together
        # In order, as the figures are read by position afterwards.
        super().__init__([Stratum("bits", 0, 1, n, n)], 0, shuffled=False)

    def __getitem__(self, trial: int) -> Numbers:  # type: ignore[override]
        space = self._space
        places: Sequence[int] = self._values
        variant = trial - int(space.variant_starts[-1])
        if variant < 0:
            # Trial numbers run through the variants of one region after another; those behind the
            # last are the bits of all regions together.
            place = int(np.searchsorted(space.variant_starts, trial, side="right")) - 1
            places, variant = [place], trial - int(space.variant_starts[place])
        return np.concatenate([self._all_words(place, variant) for place in places])

    def _all_words(self, place: int, variant: int) -> Numbers:
        space = self._space
        words: Numbers = np.arange(space.words[place], dtype=np.int64)
        # Faults are numbered word by word, and within a word by variant.
        numbers: Numbers = space.starts[place] + words * space.variants[place] + variant
        return numbers


def _by_bit(figures: np.ndarray, names: dict[str, int]) -> dict[str, list[float]]:
    return {name: figures[:, at].tolist() for name, at in names.items()}
