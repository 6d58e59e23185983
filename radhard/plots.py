"""How are estimates drawn into axes of matplotlib?"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from radhard.notebook import usual_axes
from radhard.stats import Estimate

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["plot_course", "plot_estimates", "plot_pairs", "plot_scores"]

_APART = 0.18
"""Distance of the two marks of a pair from the line of their group."""


def plot_estimates(
    estimates: Mapping[str, Estimate], axes: "Axes | None", *, what: str, by: str = ""
) -> "Axes":
    """One mark with its interval for each group, from top to bottom; shares in percent."""
    axes = usual_axes(axes)
    _marks(axes, list(estimates.values()), 0.0, label=None)
    _name_groups(axes, list(estimates), by)
    axes.set_xlabel(_with_unit(what, list(estimates.values())))
    return axes


def plot_course(
    estimates: Mapping[str, Estimate], axes: "Axes | None", *, what: str, over: str
) -> "Axes":
    """Estimates over a number that the names of the groups are, such as an error rate."""
    axes = usual_axes(axes)
    found = sorted((float(name), estimate) for name, estimate in estimates.items())
    numbers, rates = [number for number, _ in found], [estimate for _, estimate in found]
    values, below, above = _scaled(rates)
    axes.errorbar(numbers, values, yerr=[below, above], fmt="o-", capsize=2)
    if min(numbers) > 0 and max(numbers) >= 10 * min(numbers):
        axes.set_xscale("log")
    axes.set_xlabel(over)
    axes.set_ylabel(_with_unit(what, rates))
    return axes


def plot_pairs(
    before: Mapping[str, Estimate], after: Mapping[str, Estimate], axes: "Axes | None", *, what: str
) -> "Axes":
    """Two marks for each group, one above the other, with their intervals."""
    axes = usual_axes(axes)
    _marks(axes, list(before.values()), -_APART, label="before")
    _marks(axes, list(after.values()), _APART, label="after")
    _name_groups(axes, list(before), "")
    axes.set_xlabel(_with_unit(what, list(before.values())))
    axes.legend()
    return axes


def plot_scores(names: Sequence[str], scores: Sequence[float], axes: "Axes | None") -> "Axes":
    """One bar for each part, from top to bottom."""
    axes = usual_axes(axes)
    axes.barh(range(len(names)), list(scores))
    _name_groups(axes, names, "")
    axes.set_xlabel("score")
    return axes


def _marks(axes: "Axes", estimates: list[Estimate], offset: float, label: str | None) -> None:
    values, below, above = _scaled(estimates)
    at = [number + offset for number in range(len(estimates))]
    axes.errorbar(values, at, xerr=[below, above], fmt="o", capsize=2, label=label)


def _scaled(estimates: Sequence[Estimate]) -> tuple[list[float], list[float], list[float]]:
    """Values and the distances of both limits, shares in percent."""
    rows = []
    for estimate in estimates:
        scale = 100.0 if estimate.unit == "share" else 1.0
        value = scale * estimate.value
        rows.append((value, value - scale * estimate.low, scale * estimate.high - value))
    return ([v for v, _, _ in rows], [b for _, b, _ in rows], [a for _, _, a in rows])


def _name_groups(axes: "Axes", names: Sequence[str], by: str) -> None:
    axes.set_yticks(range(len(names)), labels=list(names))
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.set_ylabel(by)


def _with_unit(what: str, estimates: Sequence[Estimate]) -> str:
    units = {estimate.unit for estimate in estimates} - {""}
    unit = "%" if units == {"share"} else ", ".join(sorted(units))
    return f"{what} ({unit})" if unit else what
