"""How vulnerable is each part of a model, as an analysis predicts it?"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, final

import numpy as np
import numpy.typing as npt
import pandas as pd
from torch import nn

from radhard.errors import InputError
from radhard.escaping import printable
from radhard.manifest import fingerprint
from radhard.results import Results
from radhard.scores.agreement import Agreement, Level, Unit, Values, agreement
from radhard.scores.score_files import read, write
from radhard.spec import near

__all__ = ["Ranked", "Scores"]

_DIMENSIONS = {"tensor": 0, "channel": 1, "bit": 1}


@final
@dataclass(frozen=True)
class Ranked:
    """A part of a model and its score."""

    tensor: str
    index: tuple[int, ...]
    """Of the channel, element or bit; empty where the whole tensor is meant."""
    value: float


@final
@dataclass(frozen=True, eq=False)
class Scores:
    """What an analysis predicts: a score, never negative, for parts of a model; more is worse.

    Tensors have the names that campaigns give them: ``conv1.weight`` for a parameter, ``conv1`` for
    a module's activations. Their scores have the shape ``()`` at the level
    "tensor", ``(channels,)``, ``(bits,)`` with bit 0 the least, or, at the level "element", the
    tensor's own (for activations one sample's).

    Raises:
        InputError: no scores, a negative or infinite one, or a shape that is not the level's.
    """

    by: str
    """The analysis, as text that can be read back."""
    level: Level
    values: Values
    unit: Unit = "relative"
    low: Values | None = None
    """Lower limits of 95 % intervals, where the analysis knows them, in the shape of ``values``."""
    high: Values | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)
    """What else came out, as plain values."""
    cost: Mapping[str, float] = field(default_factory=dict)
    """``seconds``, and ``samples``: how many samples passed through the model, or part of it."""
    model: str = ""
    """Fingerprint of the model that was looked at."""
    names: Mapping[str, Any] = field(default_factory=dict)
    """Where model and data came from, as whoever asked called them: ``model``, ``data``, ..."""

    def __post_init__(self) -> None:
        if not self.values:
            raise InputError(f"{self.by}: no scores; the model has nothing that it looks at")
        for name, value in self.values.items():
            known = value[~np.isnan(value)]
            if (known < 0).any() or np.isinf(known).any():
                raise InputError(f"{self.by}: {name!r} has a score that is negative or infinite")
            if value.ndim != _DIMENSIONS.get(self.level, value.ndim):
                raise InputError(
                    f"{self.by}: scores of {name!r} have shape {value.shape}, which is not one a "
                    f"{self.level}"
                )
        for limits in (self.low, self.high):
            if limits is not None and {n: v.shape for n, v in limits.items()} != self._shapes:
                raise InputError(f"{self.by}: limits have not the shape of the scores")

    def __len__(self) -> int:
        """How many parts have a score."""
        return sum(int((~np.isnan(value)).sum()) for value in self.values.values())

    def __repr__(self) -> str:
        worst = "; ".join(f"{_named(r)} {r.value:.3g}" for r in self.ranked(3))
        tensors = "1 tensor" if len(self.values) == 1 else f"{len(self.values)} tensors"
        return f"<Scores by {self.by}: {len(self):,} of level {self.level!r}, {tensors}; {worst}>"

    @property
    def _shapes(self) -> dict[str, tuple[int, ...]]:
        return {name: value.shape for name, value in self.values.items()}

    @property
    def channel_axes(self) -> dict[str, int]:
        """By weight the axis that counts its output channels, where that is not the first.

        Raises:
            InputError: the facts have something else there.
        """
        known = self.facts.get("channel axis", {})
        if not isinstance(known, Mapping) or not all(axis in (0, 1) for axis in known.values()):
            raise InputError(
                f"{self.by}: 'channel axis' among the facts is the number of an axis, 0 or 1, by "
                f"weight, not {known!r}"
            )
        return {str(name): int(axis) for name, axis in known.items()}

    def ranked(self, k: int | None = None) -> list[Ranked]:
        """All parts with a score, or the first ``k``; the most vulnerable first.

        Equal ones are in the model's order.

        >>> scores = Scores("Mine()", "channel", {"fc.weight": np.array([0.1, 0.3, np.nan])})
        >>> scores.ranked()
        [Ranked(tensor='fc.weight', index=(1,), value=0.3), Ranked(tensor='fc.weight', \
index=(0,), value=0.1)]
        """
        names = list(self.values)
        flat = np.concatenate([value.ravel() for value in self.values.values()])
        starts = np.cumsum([0, *(value.size for value in self.values.values())])
        order = np.argsort(-flat, kind="stable")
        order = order[~np.isnan(flat[order])][:k]
        places = np.searchsorted(starts, order, side="right") - 1
        found = []
        for at, place in zip(order.tolist(), places.tolist(), strict=True):
            name = names[place]
            index = np.unravel_index(at - int(starts[place]), self.values[name].shape)
            found.append(Ranked(name, tuple(map(int, index)), float(flat[at])))
        return found

    def top(self, share: float) -> dict[str, npt.NDArray[np.int64]]:
        """The most vulnerable share of the channels of every tensor, as ascending numbers.

        At least one of each tensor, unless ``share`` is 0; channels without a score are the last.

        Raises:
            InputError: a share outside [0, 1], or scores that cannot be had by channel.

        >>> scores = Scores("Mine()", "channel", {"fc.weight": np.array([0.1, 0.3, 0.2, 0.0])})
        >>> scores.top(0.5)
        {'fc.weight': array([1, 2])}
        """
        if not 0 <= share <= 1:
            raise InputError(f"share={share!r} is not allowed; a share of the channels, 0 to 1")
        found = {}
        for name, value in self.at("channel").values.items():
            count = max(1, round(share * value.size)) if share else 0
            order = np.argsort(-np.nan_to_num(value, nan=-1.0), kind="stable")
            found[name] = np.sort(order[:count]).astype(np.int64)
        return found

    def at(self, level: Level) -> "Scores":
        """The same scores at a coarser level: the means of the elements, channels or bits.

        Raises:
            InputError: the level is finer than what is known.
        """
        if level == self.level:
            return self
        possible = {"element": ("channel", "tensor"), "channel": ("tensor",), "bit": ("tensor",)}
        if level not in possible.get(self.level, ()):
            raise InputError(f"{self.by} scores by {self.level}, from which none by {level} follow")
        axes = self.channel_axes
        values = {n: _mean(v, level, axes.get(n, 0)) for n, v in self.values.items()}
        return replace(self, level=level, values=values, low=None, high=None)

    def of(self, layer: str) -> npt.NDArray[np.float64] | None:
        """The scores of a module's weights or, where there are none, of its activations."""
        return self.values.get(f"{layer}.weight", self.values.get(layer))

    def agreement(
        self,
        results: Results,
        *,
        column: str | None = None,
        level: Level | None = None,
        confidence: float = 0.95,
        least: int = 1,
    ) -> Agreement:
        """How far a campaign on the same model bears these scores out.

        Args:
            column: the figure of the campaign; by default critical silent data corruption.
            level: compare at this level; by default that of the scores.
            confidence: of the interval of the rank correlation.
            least: trials that a part must have to be compared.

        Raises:
            InputError: a campaign at error rates, or too little in common.
        """
        scores = self if level is None else self.at(level)
        return agreement(
            scores.by,
            scores.level,
            scores.unit,
            scores.values,
            results,
            column=column,
            confidence=confidence,
            least=least,
            axes=scores.channel_axes,
        )

    def demand_suit(self, model: nn.Module) -> None:
        """See to it that these scores were made for this model.

        Raises:
            InputError: the model has other tensors, or other values in them.
        """
        if self.model and self.model != fingerprint(model):
            raise InputError(
                f"the scores by {self.by} were made for another model: structure or values differ; "
                "analyse this one"
            )

    def demand_same_model(self, results: Results) -> None:
        """See to it that a campaign was made on the model that these scores were made for.

        Raises:
            InputError: on another one, as far as both say.
        """
        struck = results.manifest.get("model fingerprint")
        if self.model and isinstance(struck, str) and struck != self.model:
            raise InputError(
                f"the scores by {self.by} and the campaign are of different models (structure or "
                "values); take the same model, weights and format for both"
            )

    def to_frame(self) -> pd.DataFrame:
        """One row a part: tensor, index, score, and low and high where known."""
        rows: dict[str, list[Any]] = {"tensor": [], "index": [], "score": []}
        limits = {"low": self.low, "high": self.high}
        for name, value in self.values.items():
            rows["tensor"] += [name] * value.size
            rows["index"] += [tuple(map(int, at)) for at in np.ndindex(*value.shape)]
            rows["score"] += value.ravel().tolist()
            for column, known in limits.items():
                if known is not None:
                    rows.setdefault(column, []).extend(known[name].ravel().tolist())
        return pd.DataFrame(rows)

    def save(self, path: str | Path) -> None:
        """Write the scores as JSON.

        Raises:
            InputError: the file cannot be written.
        """
        arrays = {"values": self.values, "low": self.low, "high": self.high}
        plain = {name: getattr(self, name) for name in ("by", "level", "unit", "model")}
        kept = {"cost": dict(self.cost), "facts": dict(self.facts), "names": dict(self.names)}
        write(path, {**plain, **kept}, arrays)

    @classmethod
    def load(cls, path: str | Path) -> "Scores":
        """The scores that `save` wrote; nothing in the file is executed.

        Raises:
            InputError: no such file, or it holds something else.
        """
        plain, arrays = read(path)
        return cls(**plain, **arrays)

    def __getitem__(self, tensor: str) -> npt.NDArray[np.float64]:
        """The scores of one tensor.

        Raises:
            InputError: it has none.
        """
        if tensor not in self.values:
            raise InputError(
                f"{tensor!r} has no scores by {self.by}: {near(tensor, list(self.values))}"
                f"there is {', '.join(self.values)}"
            )
        return self.values[tensor]


def _mean(value: npt.NDArray[np.float64], level: Level, axis: int) -> npt.NDArray[np.float64]:
    first = np.moveaxis(value, axis, 0) if axis < value.ndim else value
    rows = value.reshape(1, -1) if level == "tensor" else first.reshape(len(first), -1)
    known = ~np.isnan(rows)
    count = known.sum(axis=1)
    # Divided first: the sum of finite scores may be too large for a number.
    shares = np.where(known, rows, 0.0) / np.maximum(count, 1)[:, None]
    means: npt.NDArray[np.float64] = np.where(count > 0, shares.sum(axis=1), np.nan)
    return means.reshape(()) if level == "tensor" else means


def _named(ranked: Ranked) -> str:
    name = printable(ranked.tensor)
    return f"{name}{list(ranked.index)}" if ranked.index else name
