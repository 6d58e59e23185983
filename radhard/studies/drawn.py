"""How does a figure of a study look, in a file of its own?"""

import re
from importlib import resources

from radhard.report.figures import Curve, curves, svg
from radhard.studies.findings import Findings, short
from radhard.studies.study import Study

__all__ = ["alone", "drawn"]


def drawn(study: Study, found: Findings, *, common: bool) -> str:
    """Accuracy over the error rate with intervals, a curve for each variant, as an SVG file."""
    lines = [
        Curve(
            variant.name,
            variant.paint,
            variant.mark,
            [(rate, found.accuracy(variant.name, [rate], common=common)) for rate in found.rates],
        )
        for variant in study.variants
    ]
    faults = "the same faults" if common else "all that each network stores is struck"
    title = f"Accuracy of {found.network} under faults, {faults}"
    finding = "; ".join(
        f"{line.name}: "
        + ", ".join(f"{short(at)} at {rate:g}" for rate, at in (line.points[0], line.points[-1]))
        for line in lines
    )
    name = f"{study.name}-{found.network}-{'common' if common else 'own'}"
    return alone(svg(lambda: curves(lines, "bit", narrow=False), name, title, finding))


def alone(text: str) -> str:
    """A picture that lives in a page, with the page's colours, as a file."""
    sheet = resources.files("radhard.report").joinpath("templates/style.css").read_text("utf-8")
    light, dark = re.findall(r":root \{(.*?)\}", sheet, re.DOTALL)[:2]
    style = (
        f"svg {{{light}font-family: system-ui, sans-serif; background: var(--card)}}\n"
        f"@media (prefers-color-scheme: dark) {{ svg {{{dark}}} }}"
    )
    head, _, rest = text.partition(">")
    return f'{head} xmlns="http://www.w3.org/2000/svg">\n<style>{style}</style>{rest}\n'
