"""How is the accuracy lost by faults in each set of weights drawn?"""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from radhard.report.figures import svg
from radhard.report.figures.ink import colour, sheet
from radhard.report.figures.legend import legend
from radhard.stats import Estimate
from radhard.studies.standalone_svg import standalone
from radhard.studies.weight_groups.weight_group_findings import WeightGroupFindings

__all__ = ["weight_group_figure"]

_WIDTH, _ABOVE, _BELOW, _ROW = 760, 34, 48, 30
_LOOKS = (("field2", "o"), ("field4", "D"), ("critical", "s"))
"""Colours and markers for the numbers of flips, ascending."""


def weight_group_figure(study: str, findings: WeightGroupFindings) -> str:
    """Points lost by flips in the exposed field, set by set, with and without the code, as SVG."""
    design = findings.design
    worst = [
        f"{group.name} {found.value:.1f}"
        for group in findings.groups
        if (found := findings.drop([group.name], design.exposed, findings.most)) is not None
    ]
    title = f"Points of accuracy that {findings.network} loses, by set of weights"
    finding = f"At {findings.most} flips in the {design.exposed}: " + ", ".join(worst)
    name = f"{study}-{findings.network}"
    return standalone(svg(lambda: _figure(findings), name, title, finding))


def _figure(findings: WeightGroupFindings) -> Figure:
    design, names = findings.design, [group.name for group in findings.groups]
    height = _ABOVE + _BELOW + _ROW * len(names)
    figure, axes = sheet(_WIDTH, height)
    left = 24 + 6.6 * max(map(len, names))
    figure.subplots_adjust(
        left=left / _WIDTH, right=1 - 16 / _WIDTH, top=1 - _ABOVE / height, bottom=_BELOW / height
    )
    handles = []
    rows = [
        (
            f"{count} flip{'s' if count > 1 else ''}",
            *look,
            [findings.drop([name], design.exposed, count) for name in names],
        )
        for count, look in zip(design.counts, _LOOKS, strict=False)
    ]
    coded = [findings.drop_protected(name) for name in names]
    rows.append((f"{design.judged} flips, with the code", "field3", "^", coded))
    for number, (text, paint, mark, found) in enumerate(rows):
        # Above one another, so that intervals do not hide each other.
        shift = (number - (len(rows) - 1) / 2) * 0.17
        _dots(axes, found, shift, colour(paint), mark)
        handles.append(Line2D([], [], marker=mark, linestyle="", color=colour(paint), label=text))
    axes.axvline(design.tolerated, color=colour("muted"), linewidth=1, linestyle=(0, (4, 3)))
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.tick_params(axis="y", colors=colour("ink"))
    axes.set_xlabel(
        f"points lost by flips in the {design.exposed}; dashed: more is selected",
        color=colour("muted"),
        fontsize=12,
    )
    axes.grid(axis="x", color=colour("line"), linewidth=0.8)
    legend(figure, handles, columns=len(handles))
    return figure


def _dots(
    axes: Axes, found: Sequence[Estimate | None], shift: float, paint: str, mark: str
) -> None:
    for row, each in enumerate(found):
        if each is None:
            continue
        axes.hlines(row + shift, each.low, each.high, color=paint, linewidth=1.2, alpha=0.6)
        axes.plot(each.value, row + shift, mark, color=paint, markersize=5, linestyle="")
