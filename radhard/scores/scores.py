"""Which scores does an analysis give to the parts of a model?"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, final

import numpy as np
import numpy.typing as npt
import pandas as pd
from torch import nn

from radhard.arguments import path_of
from radhard.errors import InputError
from radhard.escaping import printable
from radhard.manifest import fingerprint
from radhard.notebook import html_table
from radhard.plots import plot_scores
from radhard.results import Results
from radhard.scores.agreement import Agreement, Unit, agreement
from radhard.scores.score_files import read, write
from radhard.scores.trial_parts import Level, Values
from radhard.spec import near

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["RankedPart", "Scores"]

_DIMENSIONS = {"tensor": 0, "channel": 1, "bit": 1}


@final
@dataclass(frozen=True)
class RankedPart:
    """A part of a model and its score."""

    tensor: str
    index: tuple[int, ...]
    """The index of the channel, element or bit; empty for a whole tensor."""
    value: float


@final
@dataclass(frozen=True, eq=False)
class Scores:
    """The prediction of an analysis: a non-negative score for each part of a model.

    A higher score means more vulnerable. Tensors have the same names as in campaigns:
    ``conv1.weight`` for a parameter, ``conv1`` for the activations of a module. The scores of a
    tensor have the shape ``()`` at the level "tensor", ``(channels,)`` at "channel", ``(bits,)``
    at "bit", with bit 0 the least significant, and the shape of the tensor at "element" (for
    activations, that of one sample).

    Raises:
        InputError: no scores, a negative or infinite score, or a shape that does not fit the level.
    """

    by: str
    """The spec of the analysis."""
    level: Level
    values: Values
    unit: Unit = "relative"
    low: Values | None = None
    """Lower limits of 95 % intervals in the shape of ``values``, if the analysis computes them."""
    high: Values | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)
    """Further results, as plain values."""
    cost: Mapping[str, float] = field(default_factory=dict)
    """``seconds``, and ``samples``: the number of samples in all (partial) forward passes."""
    model: str = ""
    """Fingerprint of the analysed model."""
    names: Mapping[str, Any] = field(default_factory=dict)
    """Names of model, data, ... as the user specified them: ``model``, ``data``, ..."""

    def __post_init__(self) -> None:
        if not self.values:
            raise InputError(f"{self.by}: no scores; the model has no part that it can score")
        for name, value in self.values.items():
            scores = value[~np.isnan(value)]
            if (scores < 0).any() or np.isinf(scores).any():
                raise InputError(f"{self.by}: {name!r} has a score that is negative or infinite")
            if value.ndim != _DIMENSIONS.get(self.level, value.ndim):
                raise InputError(
                    f"{self.by}: scores of {name!r} have shape {value.shape}, which is not one "
                    f"score per {self.level}"
                )
        for limits in (self.low, self.high):
            if limits is not None and {n: v.shape for n, v in limits.items()} != self._shapes:
                raise InputError(f"{self.by}: the limits do not have the shape of the scores")

    def __len__(self) -> int:
        """The number of parts with a score."""
        return sum(int((~np.isnan(value)).sum()) for value in self.values.values())

    def __repr__(self) -> str:
        worst = "; ".join(f"{_part_name(r)} {r.value:.3g}" for r in self.ranking(3))
        tensors = "1 tensor" if len(self.values) == 1 else f"{len(self.values)} tensors"
        return f"<Scores by {self.by}: {len(self):,} of level {self.level!r}, {tensors}; {worst}>"

    def _repr_html_(self) -> str:
        rows = [(_part_name(part), f"{part.value:.3g}") for part in self.ranking(10)]
        title = f"{self.by}: {len(self):,} scores of level {self.level}, the highest"
        return html_table([self.level, "score"], rows, title=title)

    def plot(self, axes: "Axes | None" = None, *, k: int = 20) -> "Axes":
        """Draw the ``k`` highest scores into axes of matplotlib, and return them.

        Without ``axes``, the current ones of ``matplotlib.pyplot`` are used.
        """
        parts = self.ranking(k)
        return plot_scores([_part_name(part) for part in parts], [p.value for p in parts], axes)

    @property
    def _shapes(self) -> dict[str, tuple[int, ...]]:
        return {name: value.shape for name, value in self.values.items()}

    @property
    def channel_axes(self) -> dict[str, int]:
        """The output-channel axis of each weight for which it is not the first.

        Raises:
            InputError: the fact ``channel axis`` has another form.
        """
        axes = self.facts.get("channel axis", {})
        if not isinstance(axes, Mapping) or not all(axis in (0, 1) for axis in axes.values()):
            raise InputError(
                f"{self.by}: the fact 'channel axis' must map names of weights to an axis, 0 or 1; "
                f"it is {axes!r}"
            )
        return {str(name): int(axis) for name, axis in axes.items()}

    def ranking(self, k: int | None = None) -> list[RankedPart]:
        """All parts with a score, or the first ``k``, the most vulnerable first.

        Parts with equal scores are in the order of the model.

        >>> scores = Scores("Mine()", "channel", {"fc.weight": np.array([0.1, 0.3, np.nan])})
        >>> scores.ranking()
        [RankedPart(tensor='fc.weight', index=(1,), value=0.3), RankedPart(tensor='fc.weight', \
index=(0,), value=0.1)]
        """
        names = list(self.values)
        flat = np.concatenate([value.ravel() for value in self.values.values()])
        starts = np.cumsum([0, *(value.size for value in self.values.values())])
        order = np.argsort(-flat, kind="stable")
        # Parts without a score are no part of the ranking.
        order = order[~np.isnan(flat[order])][:k]
        # The tensor of each flat position: the last that starts at or before it.
        tensors = np.searchsorted(starts, order, side="right") - 1
        parts = []
        for position, tensor in zip(order.tolist(), tensors.tolist(), strict=True):
            name = names[tensor]
            index = np.unravel_index(position - int(starts[tensor]), self.values[name].shape)
            parts.append(RankedPart(name, tuple(map(int, index)), float(flat[position])))
        return parts

    def top(self, share: float) -> dict[str, npt.NDArray[np.int64]]:
        """The most vulnerable share of the channels of every tensor, as ascending indices.

        At least one channel of each tensor, unless ``share`` is 0. Channels without a score are
        ranked last.

        Raises:
            InputError: a share outside [0, 1], or scores that cannot be computed by channel.

        >>> scores = Scores("Mine()", "channel", {"fc.weight": np.array([0.1, 0.3, 0.2, 0.0])})
        >>> scores.top(0.5)
        {'fc.weight': array([1, 2])}
        """
        if not 0 <= share <= 1:
            raise InputError(
                f"share={share!r} is not allowed; it must be a share of the channels, from 0 to 1"
            )
        channels = {}
        for name, value in self.at("channel").values.items():
            count = max(1, round(share * value.size)) if share else 0
            # Scores are never negative, so that those without one come last.
            order = np.argsort(-np.nan_to_num(value, nan=-1.0), kind="stable")
            channels[name] = np.sort(order[:count]).astype(np.int64)
        return channels

    def at(self, level: Level) -> "Scores":
        """The scores at a coarser level: means over elements, channels or bits.

        Raises:
            InputError: the level is not coarser than that of the scores.
        """
        if level == self.level:
            return self
        possible = {"element": ("channel", "tensor"), "channel": ("tensor",), "bit": ("tensor",)}
        if level not in possible.get(self.level, ()):
            raise InputError(f"{self.by} scores by {self.level}, so there are no scores by {level}")
        axes = self.channel_axes
        values = {n: _mean(v, level, axes.get(n, 0)) for n, v in self.values.items()}
        # Limits of a mean do not follow from those of its parts, whose errors may be correlated.
        return replace(self, level=level, values=values, low=None, high=None)

    def of(self, layer: str) -> npt.NDArray[np.float64] | None:
        """The scores of the weights of a module or, without these, of its activations."""
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
        """How well the scores agree with a campaign on the same model.

        Args:
            column: the figure of the campaign; by default critical silent data corruption.
            level: compare at this level; by default that of the scores.
            confidence: of the interval of the rank correlation.
            least: minimum number of trials of a part to be compared.

        Raises:
            InputError: a campaign at error rates, or too few common parts.
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

    def check_model(self, model: nn.Module) -> None:
        """Check that the scores were computed for this model.

        Raises:
            InputError: the model has other tensors or other values.
        """
        if self.model and self.model != fingerprint(model):
            raise InputError(
                f"the scores by {self.by} are those of another model, with another structure or "
                "other values; analyze this model"
            )

    def check_campaign(self, results: Results) -> None:
        """Check that the campaign was run on the model of the scores.

        Raises:
            InputError: both contain a fingerprint of their model, and these differ.
        """
        campaign_model = results.manifest.get("model fingerprint")
        if self.model and isinstance(campaign_model, str) and campaign_model != self.model:
            raise InputError(
                f"the scores by {self.by} and the campaign are of different models (structure or "
                "values); use the same model, weights and format for both"
            )

    def to_frame(self) -> pd.DataFrame:
        """One row per part: tensor, index, score, and low and high if available."""
        rows: dict[str, list[Any]] = {"tensor": [], "index": [], "score": []}
        limits = {"low": self.low, "high": self.high}
        for name, value in self.values.items():
            rows["tensor"] += [name] * value.size
            rows["index"] += [tuple(map(int, index)) for index in np.ndindex(*value.shape)]
            rows["score"] += value.ravel().tolist()
            for column, limit in limits.items():
                if limit is not None:
                    rows.setdefault(column, []).extend(limit[name].ravel().tolist())
        return pd.DataFrame(rows)

    def save(self, path: str | Path) -> None:
        """Write the scores as JSON.

        Raises:
            InputError: the file cannot be written.
        """
        arrays = {"values": self.values, "low": self.low, "high": self.high}
        plain = {name: getattr(self, name) for name in ("by", "level", "unit", "model")}
        plain |= {"cost": dict(self.cost), "facts": dict(self.facts), "names": dict(self.names)}
        write(path_of(path, "path"), plain, arrays)

    @classmethod
    def load(cls, path: str | Path) -> "Scores":
        """Read scores that `save` wrote; nothing in the file is executed.

        Raises:
            InputError: the file does not exist, or does not contain scores.
        """
        plain, arrays = read(path_of(path, "path"))
        return cls(**plain, **arrays)

    def __getitem__(self, tensor: str) -> npt.NDArray[np.float64]:
        """The scores of one tensor.

        Raises:
            InputError: the tensor has no scores.
        """
        if tensor not in self.values:
            raise InputError(
                f"{tensor!r} has no scores by {self.by}: {near(tensor, list(self.values))}"
                f"tensors with scores: {', '.join(self.values)}"
            )
        return self.values[tensor]


def _mean(value: npt.NDArray[np.float64], level: Level, axis: int) -> npt.NDArray[np.float64]:
    first = np.moveaxis(value, axis, 0) if axis < value.ndim else value
    rows = value.reshape(1, -1) if level == "tensor" else first.reshape(len(first), -1)
    valid = ~np.isnan(rows)
    count = valid.sum(axis=1)
    # Divided before summing, because the sum of finite scores may overflow.
    shares = np.where(valid, rows, 0.0) / np.maximum(count, 1)[:, None]
    means: npt.NDArray[np.float64] = np.where(count > 0, shares.sum(axis=1), np.nan)
    return means.reshape(()) if level == "tensor" else means


def _part_name(ranked: RankedPart) -> str:
    name = printable(ranked.tensor)
    return f"{name}{list(ranked.index)}" if ranked.index else name
