"""How is selective protection of one network presented?"""

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from radhard.analyses.criticality import TOLERANCES
from radhard.stats import percent
from radhard.studies.claim import estimate_facts
from radhard.studies.guided.guided_ecc_design import GuidedEccDesign
from radhard.studies.guided.guided_ecc_figure import guided_ecc_figure
from radhard.studies.guided.guided_ecc_findings import (
    GuidedEccFindings,
    MeasuredFormat,
    Prediction,
    WordChoice,
)
from radhard.studies.guided.paper_figures import PaperFigures
from radhard.studies.markdown import table
from radhard.studies.networks import Network
from radhard.studies.study import NetworkSection

__all__ = ["guided_ecc_section"]

_FORESTS = {"forest": "random", "balanced": "balanced random"}


def guided_ecc_section(
    study: str, design: GuidedEccDesign, network: Network, findings: GuidedEccFindings
) -> NetworkSection:
    """The section of a page on one network, with a figure and all numbers."""
    picture = f"{study}-{findings.network}.svg"
    flips = len(next(iter(findings.measured.values())).flips)
    return NetworkSection(
        intro=f"{network.about}; {findings.images:,} test images, so that accuracies have steps of "
        f"{percent(1 / findings.images)}. {flips:,} flips to learn from, and {flips:,} others to "
        "verify, in each format.",
        body=[*_body(design, findings, picture)],
        figures={picture: guided_ecc_figure(study, findings)},
        numbers={
            "images": findings.images,
            "formats": [_numbers(name, each) for name, each in findings.measured.items()],
        },
    )


def _body(design: GuidedEccDesign, findings: GuidedEccFindings, picture: str) -> Iterator[str]:
    yield from _critical_bits(design, findings, picture)
    yield from _predictions(design, findings)
    yield from _protected_words(design, findings)
    yield from _left(findings)


def _critical_bits(
    design: GuidedEccDesign, findings: GuidedEccFindings, picture: str
) -> Iterator[str]:
    other, paper = design.paper.get(findings.network, ("", {}))
    yield from ("### Critical bits (table I)", "")
    yield from (f"![Share of critical bits over the tolerated drop]({picture})", "")
    yield from table(
        (
            "format",
            "words",
            f"accuracy, all {findings.tests:,} test images: rounded only",
            "trained in the format",
            *(f"critical at {percent(t)}" for t in (findings.tolerance, findings.loosest)),
            *((f"the paper, {other}",) if paper else ()),
        ),
        (
            (*_critical_cells(findings, name, each), *_paper_critical(paper, name))
            for name, each in findings.measured.items()
        ),
    )


def _predictions(design: GuidedEccDesign, findings: GuidedEccFindings) -> Iterator[str]:
    other, paper = design.paper.get(findings.network, ("", {}))
    yield from ("### Predicted bits (table II)", "")
    yield "Of held-out words; the cells are in % of all bits."
    yield ""
    yield from table(
        (
            "format, forest",
            "tolerance",
            "area under the ROC curve",
            f"mean of {design.folds} folds" + (" (the paper: 10)" if paper else ""),
            "harmless, right",
            "harmless, wrong",
            "critical, missed",
            "critical, right",
            "critical bits missed",
        ),
        (
            row
            for name, each in findings.measured.items()
            for prediction in each.predictions
            for row in _prediction_rows(findings, name, each, prediction, paper.get(name), other)
        ),
    )


def _protected_words(design: GuidedEccDesign, findings: GuidedEccFindings) -> Iterator[str]:
    other, paper = design.paper.get(findings.network, ("", {}))
    yield from ("### Words to protect (table III)", "")
    yield "Check bits are those of a Hamming code; shares are of the memory of the words."
    yield ""
    yield from table(
        (
            "format",
            "words chosen by",
            "words protected",
            "check bits, all words",
            "check bits, protected words",
            "signature",
            "gain",
            *((f"the paper, {other}: words; gain",) if paper else ()),
        ),
        (
            (*_choice_cells(name, each, choice), *_paper_gain(paper, name))
            for name, each in findings.measured.items()
            for choice in each.choices
        ),
    )


def _left(findings: GuidedEccFindings) -> Iterator[str]:
    yield from ("### What is left", "")
    yield from table(
        (
            "format",
            "critical bits before",
            "promised: missed at most",
            "critical faults repeated on the protected memory: still critical",
            "critical faults in words that the ordinary forest at 0.5 leaves unprotected",
            "faults in check bits and signature: critical",
        ),
        (_left_cells(name, each) for name, each in findings.measured.items()),
    )


def _critical_cells(
    findings: GuidedEccFindings, name: str, each: MeasuredFormat
) -> tuple[str, ...]:
    trained = "as it is" if name == findings.first else percent(each.accuracy)
    shares = (str(each.flips.share(t)) for t in (findings.tolerance, findings.loosest))
    return name, each.format, percent(each.rounded), trained, *shares


def _paper_critical(paper: Any, name: str) -> tuple[str, ...]:
    if not paper:
        return ()
    return ("; ".join(percent(s) for s in paper[name].critical) if name in paper else "",)


def _prediction_rows(
    findings: GuidedEccFindings,
    name: str,
    each: MeasuredFormat,
    found: Prediction,
    paper: PaperFigures | None,
    other: str,
) -> Iterator[tuple[str, ...]]:
    quality, tolerance = found.quality, percent(found.tolerance)
    area, mean = quality.area, None
    # Cross-validation is at the strictest tolerance only, at which words are chosen.
    if (choice := each.choice(found.forest)) is not None and found.tolerance == findings.tolerance:
        mean = choice.area
    yield (
        f"{name}, {_FORESTS[found.forest]}",
        tolerance,
        "" if area is None else f"{area.value:.4f} [{area.low:.4f}, {area.high:.4f}]",
        "" if mean is None else f"{mean:.4f}",
        *map(_cell, (quality.true_negative, quality.false_positive)),
        *map(_cell, (quality.false_negative, quality.true_positive)),
        f"{found.missed} of {found.critical}",
    )
    if paper and found.tolerance == findings.tolerance and found.forest in paper.cells:
        of_paper, *cells = paper.cells[found.forest]
        yield (f"the paper, {other}", tolerance, "", f"{of_paper:.4f}", *map(_cell, cells), "")


def _cell(share: float) -> str:
    return f"{100 * share:.2f}"


def _choice_cells(name: str, each: MeasuredFormat, choice: WordChoice) -> tuple[str, ...]:
    memory = choice.memory(each.bits)
    by = f"{_FORESTS[choice.forest]} forest, {choice.threshold:.3g}"
    if choice is each.promised:
        by += ", verified below"
    shares = (choice.share, memory.every_word, memory.critical_words, memory.signature, memory.gain)
    return name, by, *map(percent, shares)


def _paper_gain(paper: Any, name: str) -> tuple[str, ...]:
    if not paper:
        return ()
    return (f"{percent(paper[name].words)}; {percent(paper[name].gain)}" if name in paper else "",)


def _left_cells(name: str, each: MeasuredFormat) -> tuple[str, ...]:
    choice, left, ordinary = each.promised, each.left, each.choice("forest")
    before = str(each.fresh)
    if choice is None:
        return name, before, "too few critical bits to learn from", "", "", ""
    promise = percent(choice.promise) if choice.promise is not None else "nothing: too few"
    missed = "" if ordinary is None else f"{ordinary.missed} of {ordinary.critical}"
    if left is None:
        return name, before, promise, "none found to repeat", missed, ""
    still = f"{left.critical} of {left.repeated}: {left.missed}"
    return name, before, promise, still, missed, str(left.in_added)


def _numbers(name: str, each: MeasuredFormat) -> dict[str, Any]:
    left = each.left
    return {
        "name": name,
        "format": each.format,
        "accuracy rounded": each.rounded,
        "accuracy trained": each.accuracy,
        "critical bits": {
            f"{100 * t:g} %": estimate_facts(each.flips.share(t)) for t in TOLERANCES
        },
        "critical bits, flips to verify": estimate_facts(each.fresh),
        "predictions": [
            {
                **{k: v for k, v in asdict(found).items() if k != "quality"},
                **{k: v for k, v in asdict(found.quality).items() if k != "area"},
                "held-out area": found.quality.area and estimate_facts(found.quality.area),
            }
            for found in each.predictions
        ],
        "words to protect": [
            {
                "forest": choice.forest,
                "threshold": choice.threshold,
                "promise": choice.promise,
                "words": choice.words,
                "share": choice.share,
                "area in cross-validation": choice.area,
                "missed": choice.missed,
                "critical": choice.critical,
                **asdict(choice.memory(each.bits)),
                "gain": choice.memory(each.bits).gain,
            }
            for choice in each.choices
        ],
        "left": None if left is None else asdict(left),
        "campaigns": each.notes,
    }
