"""How is the share of critical bits over the tolerated drop drawn?"""

from matplotlib.figure import Figure

from radhard.analyses.criticality import TOLERANCES
from radhard.report.figures import svg
from radhard.report.figures.ink import colour, sheet
from radhard.report.figures.legend import legend
from radhard.stats import percent
from radhard.studies.guided.guided_ecc_findings import GuidedEccFindings
from radhard.studies.standalone_svg import standalone

__all__ = ["guided_ecc_figure"]

_WIDTH, _HEIGHT, _ABOVE = 760, 340, 34
_LOOKS = (("critical", "o"), ("field1", "s"), ("field2", "D"), ("field3", "^"))


def guided_ecc_figure(study: str, findings: GuidedEccFindings) -> str:
    """Share of critical bits over the tolerance with intervals, by format, as an SVG file."""
    finding = "; ".join(
        f"{name}: {percent(each.flips.share(findings.tolerance).value)} at "
        f"{percent(findings.tolerance)}, {percent(each.flips.share(findings.loosest).value)} at "
        f"{percent(findings.loosest)}"
        for name, each in findings.measured.items()
    )
    title = f"Critical bits of {findings.network} over the tolerated drop of accuracy"
    name = f"{study}-{findings.network}"
    return standalone(svg(lambda: _figure(findings), name, title, finding))


def _figure(findings: GuidedEccFindings) -> Figure:
    figure, axes = sheet(_WIDTH, _HEIGHT)
    figure.subplots_adjust(
        left=60 / _WIDTH,
        right=1 - 16 / _WIDTH,
        top=1 - (_ABOVE + 6) / _HEIGHT,
        bottom=48 / _HEIGHT,
    )
    drops = [100 * tolerance for tolerance in TOLERANCES]
    for number, (name, each) in enumerate(findings.measured.items()):
        paint, mark = _LOOKS[number % len(_LOOKS)]
        shares = [each.flips.share(tolerance) for tolerance in TOLERANCES]
        low, high = ([100 * getattr(s, end) for s in shares] for end in ("low", "high"))
        axes.fill_between(drops, low, high, color=colour(paint), alpha=0.15, linewidth=0)
        axes.plot(
            drops,
            [100 * share.value for share in shares],
            color=colour(paint),
            marker=mark,
            markersize=5,
            label=name,
        )
    axes.set_ylim(bottom=0)
    axes.set_xlabel("tolerated drop of accuracy in points", color=colour("muted"), fontsize=12)
    axes.set_ylabel("critical bits in %", color=colour("muted"), fontsize=12)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(colour("line"))
    axes.patch.set_alpha(0.0)
    axes.tick_params(length=0, pad=6, colors=colour("muted"), labelsize=12)
    axes.grid(axis="y", color=colour("line"), linewidth=1)
    axes.set_axisbelow(True)
    handles, _ = axes.get_legend_handles_labels()
    legend(figure, handles, columns=len(handles))
    return figure
