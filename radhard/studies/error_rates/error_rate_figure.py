"""How does accuracy over the bit error rate look?"""

from radhard.report.figures import Curve, curves, svg
from radhard.studies.error_rates.error_rate_design import ErrorRateDesign
from radhard.studies.error_rates.error_rate_findings import ErrorRateFindings, short
from radhard.studies.standalone_svg import standalone

__all__ = ["error_rate_figure"]


def error_rate_figure(
    name: str, design: ErrorRateDesign, found: ErrorRateFindings, *, common: bool
) -> str:
    """Accuracy over the error rate with intervals, a curve for each variant, as an SVG file."""
    lines = [
        Curve(
            variant.name,
            variant.paint,
            variant.mark,
            [(rate, found.accuracy(variant.name, [rate], common=common)) for rate in found.rates],
        )
        for variant in design.variants
    ]
    faults = "the same faults" if common else "all that each network stores is struck"
    title = f"Accuracy of {found.network} under faults, {faults}"
    finding = "; ".join(
        f"{line.name}: "
        + ", ".join(f"{short(at)} at {rate:g}" for rate, at in (line.points[0], line.points[-1]))
        for line in lines
    )
    return standalone(svg(lambda: curves(lines, "bit", narrow=False), name, title, finding))
