"""Which predictions change if channels or neurons deviate, and at what cost?"""

from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from radhard.analyses.deepvigor.plus.ladder import HUGE, Ladder
from radhard.analyses.deepvigor.plus.pass_counts import Counts, PassCounts
from radhard.analyses.deepvigor.plus.screening import Screen
from radhard.analyses.deepvigor.plus.search import WAYS, Judgements, SearchResult, bisect_candidates
from radhard.analyses.deepvigor.probes import Probes
from radhard.replay import Deviation

__all__ = ["Case", "Evaluator"]


_AUDITS = (0.005, 0.1)
"""Minimum and maximum share of the inferred predictions that are executed nevertheless."""

_ENOUGH = 600
"""Number of these that suffices to estimate how often the others are wrong."""

_FIRST_ORDER, _FAR_OUT = range(WAYS)
"""The ways in which predictions are inferred."""

_FEW = 4
"""Number of images that must have the same prediction under a deviation that is far out."""

FAR = 2.0**20
"""Deviations of a neuron from this magnitude on are far out."""

_OCTAVES = 4
"""Deviations beyond `HUGE`, which may overflow, are equivalent within this many powers of two."""


@dataclass(frozen=True)
class Case:
    """The deviation of each row: ``(rows,)`` each.

    ``places`` are channels, or, with ``neurons``, flat positions in the layer's output. ``maps``
    ``(rows, *positions)`` is what one unit of error adds to a channel; None: 1 everywhere.
    """

    samples: Tensor
    places: Tensor
    ladder: Ladder
    maps: Tensor | None = None
    neurons: bool = False


@dataclass
class Evaluator:
    """Computes vulnerability factors of rows from the logits of probes.

    ``rng`` draws the inferred predictions that are executed nevertheless.
    """

    probes: Probes
    tolerance: float
    screen: Screen | None
    threshold: float
    """Changes of a margin below this share of it are not executed."""
    rows: int
    """The approximate total number of rows: the fewer, the larger the share of inferred predictions
    that are executed."""
    rng: np.random.Generator
    cost: PassCounts = field(default_factory=PassCounts)
    _known: dict[tuple[str, int, int, int], int] = field(default_factory=dict)
    """By layer, neuron, sign and size: the prediction far out, -1 if images do not agree."""

    def factors(self, layer: str, case: Case) -> tuple[Tensor, SearchResult, SearchResult]:
        """The share of errors critical by definition, and the search results of both signs."""

        def positive(rows: Tensor, sizes: Tensor) -> Judgements:
            return self._changed(layer, case, rows, sizes)

        def negative(rows: Tensor, sizes: Tensor) -> Judgements:
            return self._changed(layer, case, rows, -sizes)

        return (
            case.ladder.sure,
            bisect_candidates(case.ladder.positive, positive, tolerance=self.tolerance),
            bisect_candidates(case.ladder.negative, negative, tolerance=self.tolerance),
        )

    def _changed(self, layer: str, case: Case, rows: Tensor, errors: Tensor) -> Judgements:
        """Whether the predictions of some rows change under these errors."""
        deviation = self._deviation(layer, case, rows, errors)
        golden = self.probes.workload.predictions[case.samples[rows]]
        places = case.places[rows]
        predictions = golden.clone()
        # `WAYS` stands for a prediction that is executed.
        way = torch.where(self._small(layer, deviation), _FIRST_ORDER, WAYS)
        open_ = (way == WAYS).nonzero().squeeze(1)
        if case.neurons:
            far = open_[errors[open_].abs() >= FAR]
            alike = self._far(layer, deviation, golden, places, errors, far)
            way = torch.where(alike >= 0, _FAR_OUT, way)
            predictions = torch.where(alike >= 0, alike, predictions)
        inferred = way < WAYS
        # Drawn without regard to the deviation, so that the audited share is a random sample of all
        # inferred predictions.
        chosen = torch.from_numpy(self.rng.random(len(rows)) < self._audit)
        audited = inferred & chosen.to(inferred.device)
        executed = (~inferred | audited).nonzero().squeeze(1)
        self.cost.inferred += _counted(way)
        self.cost.audited += _counted(way[audited])
        self.cost.simulations += _distinct(places[~inferred])
        before_audit = predictions != golden
        predictions[executed] = self._predictions(layer, deviation, executed)
        changed = predictions != golden
        # What counts is whether the prediction changed, not to which class.
        self.cost.wrong += _counted(way[audited & (changed != before_audit)])
        # An audited prediction is as certain as any that is executed.
        return Judgements(changed, way.where(~audited, WAYS))

    @property
    def _audit(self) -> float:
        """Share of the inferred predictions that are executed, with about two inferred per row."""
        least, most = _AUDITS
        return min(most, max(least, _ENOUGH / max(1, 2 * self.rows)))

    def _small(self, layer: str, deviation: Deviation) -> Tensor:
        """Which rows keep their prediction, to first order."""
        shifts = None if self.screen is None else self.screen.shifts(layer, deviation)
        if shifts is None:
            return torch.zeros_like(deviation.samples, dtype=torch.bool)
        return shifts < self.threshold

    def _far(
        self,
        layer: str,
        deviation: Deviation,
        golden: Tensor,
        places: Tensor,
        errors: Tensor,
        far: Tensor,
    ) -> Tensor:
        """The predictions of rows whose neuron alone decides, if a few images agree; else -1.

        Far out, the deviation dominates everything else: all images have the same prediction,
        whatever its magnitude, unless something saturates or overflows. Only images with different
        golden predictions can confirm this.
        """
        answers = torch.full_like(places, -1)
        if self.screen is None or not len(far):
            return answers
        # The errors of one call all have the same sign (`factors`).
        sign = int(errors[far[0]] > 0)
        # Sorted by golden prediction, so that a few evenly spaced images have different ones.
        order = far[torch.argsort(golden[far], stable=True)].cpu().numpy()
        truth, where = golden.cpu().numpy(), places.cpu().tolist()
        sizes = _sizes(errors)
        groups: dict[tuple[str, int, int, int], list[int]] = {}
        for row in order.tolist():
            key = layer, where[row], sign, sizes[row]
            if key not in self._known:
                groups.setdefault(key, []).append(row)
        if groups:
            few = {key: _spread(members) for key, members in groups.items()}
            self.cost.simulations += len(few)
            tried = torch.tensor(
                [row for members in few.values() for row in members], device=places.device
            )
            found = self._predictions(layer, deviation, tried).cpu().numpy()
            # The predictions of all groups are in one tensor, group after group.
            ends = np.cumsum([len(members) for members in few.values()])
            for (key, members), own in zip(few.items(), np.split(found, ends[:-1]), strict=True):
                # Images that had the same prediction before would agree anyway.
                several = len(np.unique(truth[members])) > 1
                agreed = len(members) == _FEW and several and (own == own[0]).all()
                self._known[key] = int(own[0]) if agreed else -1
        rows = far.cpu().tolist()
        classes = [self._known[layer, where[row], sign, sizes[row]] for row in rows]
        answers[far] = torch.tensor(classes, device=places.device)
        return answers

    def _predictions(self, layer: str, deviation: Deviation, rows: Tensor) -> Tensor:
        """The predictions of some rows by passes of the model; the number of classes if NaN."""
        if not len(rows):
            return rows
        self.cost.rows += len(rows)
        logits = self.probes.logits(layer, deviation[rows])
        # The number of classes is no golden prediction, so that NaN counts as a change.
        return logits.argmax(1).where(~logits.isnan().any(1), logits.shape[1])

    def _deviation(self, layer: str, case: Case, rows: Tensor, errors: Tensor) -> Deviation:
        """The deviation of the layer's output in some rows, for these errors."""
        shape, dtype = self.probes.site(layer).shape, self.probes.workload.logits.dtype
        samples, places = case.samples[rows], case.places[rows]
        if case.neurons:
            by = errors.to(dtype).reshape(-1, *[1] * len(shape))
            return Deviation(samples, torch.unravel_index(places, shape), by)
        axis, sizes = self.probes.channel_axis(layer), list(shape)
        sizes[axis] = 1
        at: list[Tensor | None] = [None] * len(shape)
        at[axis] = places
        if case.maps is None:
            by = errors.to(dtype).reshape(-1, *[1] * len(shape))
        else:
            maps = case.maps[rows].double().flatten(1)
            # Multiplied in double precision, and rounded once.
            by = (maps * errors[:, None]).to(dtype).reshape(-1, *sizes)
        return Deviation(samples, tuple(at), by.expand(-1, *sizes))


def _spread(rows: list[int]) -> list[int]:
    """A few rows, evenly spaced."""
    return [rows[at] for at in np.linspace(0, len(rows) - 1, min(_FEW, len(rows))).astype(int)]


def _sizes(errors: Tensor) -> list[int]:
    """A key for deviations that are equivalent far out: all, except those that may overflow."""
    octaves = errors.abs().log2().div(_OCTAVES).floor()
    # The logarithm of an infinite error would not fit into an integer.
    huge = octaves.where(errors.abs() > HUGE, 0.0).clamp(max=2.0**20)
    return huge.long().cpu().tolist()


def _counted(way: Tensor) -> Counts:
    counts: Counts = np.bincount(way.cpu().numpy(), minlength=WAYS)[:WAYS]
    return counts


def _distinct(places: Tensor) -> int:
    return len(np.unique(places.cpu().numpy()))
