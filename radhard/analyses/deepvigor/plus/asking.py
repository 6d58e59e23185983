"""Which answers change when channels or neurons are off, and what does it cost to know?"""

from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from radhard.analyses.deepvigor.deviation import Deviation
from radhard.analyses.deepvigor.plus.ladder import LARGEST, Ladder
from radhard.analyses.deepvigor.plus.screening import Screen
from radhard.analyses.deepvigor.plus.search import Settled, settled
from radhard.analyses.deepvigor.probing import Probes

__all__ = ["Asked", "Case", "Cost"]


_AUDIT = 0.005
"""Share of the inferred answers that are passed all the same."""

_FEW = 4
"""Images that have to agree on the answer to a deviation that is far out."""

FAR = 2.0**20
"""Deviations of a neuron from here on are far out."""


@dataclass
class Cost:
    """What was asked of the model."""

    simulations: int = 0
    """Passes of a batch of images for one channel or neuron, as the authors count: those in which
    some image had to be passed."""
    rows: int = 0
    """Images that were passed; those that are settled take no part."""
    inferred: int = 0
    """Images whose answer was inferred: to first order, or as that of others far out."""
    audited: int = 0
    """How many of these were passed all the same."""
    wrong: int = 0
    """How many of the latter gave another answer."""


@dataclass(frozen=True)
class Case:
    """What is off in each row: ``(rows,)`` each.

    ``places`` are channels, or, with ``neurons``, flat positions in the layer's output. ``maps``
    ``(rows, *positions)`` is what one unit of error adds to a channel; None: 1 everywhere.
    """

    samples: Tensor
    places: Tensor
    ladder: Ladder
    maps: Tensor | None = None
    neurons: bool = False


@dataclass
class Asked:
    """Vulnerability factors of rows, from the logits of probes.

    ``chance`` draws the inferred answers that are tried all the same.
    """

    probes: Probes
    tolerance: float
    screen: Screen | None
    threshold: float
    """Shifts of a margin below this part of it are not looked at any closer."""
    chance: np.random.Generator
    cost: Cost = field(default_factory=Cost)
    _known: dict[tuple[str, int, int], int] = field(default_factory=dict)
    """By layer, neuron and sign: the answer far out, -1 where images do not agree."""

    def factors(self, layer: str, case: Case) -> tuple[Tensor, Settled, Settled]:
        """Shares of errors that are critical by definition, and what was settled on either side."""

        def positive(rows: Tensor, sizes: Tensor) -> Tensor:
            return self._changed(layer, case, rows, sizes)

        def negative(rows: Tensor, sizes: Tensor) -> Tensor:
            return self._changed(layer, case, rows, -sizes)

        return (
            case.ladder.sure,
            settled(case.ladder.positive, positive, tolerance=self.tolerance),
            settled(case.ladder.negative, negative, tolerance=self.tolerance),
        )

    def _changed(self, layer: str, case: Case, rows: Tensor, errors: Tensor) -> Tensor:
        """Whether the answer is another one, in some rows that are off by these errors."""
        deviation = self._deviation(layer, case, rows, errors)
        golden = self.probes.subject.answers[case.samples[rows]]
        places = case.places[rows]
        answers = golden.clone()
        known = self._small(layer, deviation)
        open_ = (~known).nonzero().squeeze(1)
        if case.neurons:
            far = open_[errors[open_].abs() >= FAR]
            alike = self._far(layer, deviation, golden, places, far)
            known |= alike >= 0
            answers = torch.where(alike >= 0, alike, answers)
        audited = known & torch.from_numpy(self.chance.random(len(rows)) < _AUDIT).to(known.device)
        asked = (~known | audited).nonzero().squeeze(1)
        self.cost.inferred += int(known.sum())
        self.cost.audited += int(audited.sum())
        inferred = answers != golden
        self.cost.simulations += _distinct(places[~known])
        answers[asked] = self._answers(layer, deviation, asked)
        changed = answers != golden
        self.cost.wrong += int((changed != inferred)[audited].sum())
        return changed

    def _small(self, layer: str, deviation: Deviation) -> Tensor:
        """Which rows keep their answer, to first order."""
        shifts = None if self.screen is None else self.screen.shifts(layer, deviation)
        if shifts is None:
            return torch.zeros_like(deviation.samples, dtype=torch.bool)
        return shifts < self.threshold

    def _far(
        self, layer: str, deviation: Deviation, golden: Tensor, places: Tensor, far: Tensor
    ) -> Tensor:
        """The answers of rows whose neuron alone decides, if a few images agree; else -1.

        Far out nothing else counts: all images give one answer, however far, unless something
        saturates. Only images of different golden answers can tell.
        """
        answers = torch.full_like(places, -1)
        if self.screen is None or not len(far):
            return answers
        sign = int(deviation.by[far[0]].flatten()[0] > 0)
        order = far[torch.argsort(golden[far], stable=True)].cpu().numpy()
        where, truth = places.cpu().numpy(), golden.cpu().numpy()
        chosen = []
        for place in np.unique(where[order]).tolist():
            if (layer, place, sign) not in self._known:
                own = order[where[order] == place]
                chosen.append(own[np.linspace(0, len(own) - 1, min(_FEW, len(own))).astype(int)])
        if chosen:
            self.cost.simulations += len(chosen)
            tried = torch.from_numpy(np.concatenate(chosen)).to(places.device)
            found = self._answers(layer, deviation, tried).cpu().numpy()
            for few in chosen:
                said, found = found[: len(few)], found[len(few) :]
                several = len(np.unique(truth[few])) > 1
                agreed = len(few) == _FEW and several and (said == said[0]).all()
                self._known[layer, int(where[few[0]]), sign] = int(said[0]) if agreed else -1
        known = [self._known[layer, place, sign] for place in where[far.cpu().numpy()].tolist()]
        answers[far] = torch.tensor(known, device=places.device)
        return answers

    def _answers(self, layer: str, deviation: Deviation, asked: Tensor) -> Tensor:
        """The answers of some rows by passes of the model; a number that is no class where NaN."""
        if not len(asked):
            return asked
        self.cost.rows += len(asked)
        found = self.probes.logits(layer, deviation[asked])
        return found.argmax(1).where(~found.isnan().any(1), found.shape[1])

    def _deviation(self, layer: str, case: Case, rows: Tensor, errors: Tensor) -> Deviation:
        """What the layer hands on in some rows, off by these errors."""
        shape, dtype = self.probes.site(layer).shape, self.probes.subject.logits.dtype
        samples, places = case.samples[rows], case.places[rows]
        if case.neurons:
            by = errors.clamp(-LARGEST, LARGEST).to(dtype).reshape(-1, *[1] * len(shape))
            return Deviation(samples, torch.unravel_index(places, shape), by)
        axis, sizes = self.probes.channel_axis(layer), list(shape)
        sizes[axis] = 1
        at: list[Tensor | None] = [None] * len(shape)
        at[axis] = places
        if case.maps is None:
            by = errors.clamp(-LARGEST, LARGEST).to(dtype).reshape(-1, *[1] * len(shape))
        else:
            maps = case.maps[rows].double().flatten(1)
            # Shrunk as a whole where it is too large, so that its shape stays.
            most = LARGEST / maps.abs().amax(1).clamp(min=1e-30)
            size = torch.minimum(errors.abs(), most) * errors.sign()
            by = (maps * size[:, None]).to(dtype).reshape(-1, *sizes)
        return Deviation(samples, tuple(at), by.expand(-1, *sizes))


def _distinct(places: Tensor) -> int:
    return len(np.unique(places.cpu().numpy()))
