"""How are the results of one pruned network presented?"""

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from radhard.stats import percent
from radhard.studies.claim import estimate_facts
from radhard.studies.error_rates.error_rate_findings import short
from radhard.studies.markdown import table
from radhard.studies.networks import Network
from radhard.studies.pruning.pruning_design import PruningDesign
from radhard.studies.pruning.pruning_figure import pruning_figure
from radhard.studies.pruning.pruning_findings import Cut, Pair, PruningFindings, pair_of
from radhard.studies.study import NetworkSection

__all__ = ["pruning_section"]

_LOSSES = (0.0, 1.0, 2.0, 5.0)
"""Points of accuracy given away, for which the smallest network is told."""

_FEW = 0.2
"""Up to this share of the channels a mean is told apart: beyond, most networks are of no use."""


def pruning_section(
    study: str, design: PruningDesign, network: Network, findings: PruningFindings
) -> NetworkSection:
    """The section of a page on one network, with its figure and all numbers."""
    cost, picture = findings.cost, f"{study}-{findings.network}"
    return NetworkSection(
        intro=f"{network.about}; whole it gets {percent(float(findings.right.mean()))} of "
        f"{len(findings.right):,} test images right with {cost.parameters:,} parameters, "
        f"{cost.bits:,} bits stored and {cost.macs:,} multiply-accumulates per sample.",
        body=[*_body(design, findings, picture)],
        figures={f"{picture}.svg": pruning_figure(picture, design, findings)},
        numbers=_numbers(findings),
    )


def _body(design: PruningDesign, findings: PruningFindings, picture: str) -> Iterator[str]:
    yield from (
        "### Accuracy over the share of channels taken away",
        "",
        f"![Accuracy over the share of channels]({picture}.svg)",
        "",
        "Points of accuracy lost, in the mean over ratios:",
        "",
    )
    yield from table(
        ("layers", "fine-tuned", "over % of the channels", *findings.rankings), _means(findings)
    )
    yield from (
        "### How much smaller within an accuracy loss",
        "",
        "The network with the fewest parameters among all that were tried which loses no more on "
        "half of the test images, drawn by chance, and what it loses on the other half, by which "
        "it was not chosen:",
        "",
    )
    yield from table(
        (
            "within",
            "ranking",
            "fine-tuned",
            "convolutions",
            "linear layers",
            "parameters",
            "bits stored",
            "multiply-accumulates",
            "points lost on the other images",
        ),
        _smallest(design, findings),
    )
    yield from ("### Every figure", "", "Points of accuracy lost on all test images:", "")
    for tuned in (False, True):
        yield from (f"{'Fine-tuned' if tuned else 'Not fine-tuned'}:", "")
        yield from table(
            (
                "convolutions",
                "linear layers",
                "parameters",
                "bits stored",
                "multiply-accumulates",
                *findings.rankings,
            ),
            _every(findings, tuned),
        )


def _means(findings: PruningFindings) -> Iterator[tuple[str, ...]]:
    few = [ratio for ratio in findings.ratios if ratio <= _FEW]
    for place in findings.places:
        for tuned in (False, True):
            for ratios in dict.fromkeys((tuple(few or findings.ratios), findings.ratios)):
                pairs = [pair_of(place, ratio) for ratio in ratios]
                lost = (
                    short(findings.lost(name, pairs, tuned=tuned)) for name in findings.rankings
                )
                over = ", ".join(f"{100 * ratio:g}" for ratio in ratios)
                yield (place, "yes" if tuned else "no", over, *lost)


def _smallest(design: PruningDesign, findings: PruningFindings) -> Iterator[tuple[str, ...]]:
    names = [r.name for r in design.rankings if r.by != "random" and r.name in findings.rankings]
    for loss in _LOSSES:
        for name in names:
            for tuned in (False, True):
                cut = findings.smallest(name, tuned=tuned, loss=loss)
                yield (
                    f"{loss:g} point" + ("" if loss == 1 else "s"),
                    name,
                    "yes" if tuned else "no",
                    *_shares(cut.pair),
                    *_sizes(findings, cut),
                    short(findings.lost_elsewhere(cut)),
                )


def _every(findings: PruningFindings, tuned: bool) -> Iterator[tuple[str, ...]]:
    pairs = dict.fromkeys(pair for _, pair, how in findings.tried if how == tuned)
    for pair in sorted(pairs):
        rankings = [name for name in findings.rankings if (name, pair, tuned) in findings.tried]
        first = findings.of(rankings[0], pair, tuned=tuned)[0]
        lost = (
            short(findings.lost(name, [pair], tuned=tuned)) if name in rankings else ""
            for name in findings.rankings
        )
        yield (*_shares(pair), *_sizes(findings, first), *lost)


def _shares(pair: Pair) -> tuple[str, str]:
    return f"{100 * pair[0]:g} %", f"{100 * pair[1]:g} %"


def _sizes(findings: PruningFindings, cut: Cut) -> tuple[str, str, str]:
    """Each size, and how many times fewer that is."""
    sizes = (
        (findings.cost.parameters, cut.cost.parameters),
        (findings.cost.bits, cut.cost.bits),
        (findings.cost.macs, cut.cost.macs),
    )
    parameters, bits, macs = (f"{after:,} ({before / after:.3f}x fewer)" for before, after in sizes)
    return parameters, bits, macs


def _numbers(findings: PruningFindings) -> dict[str, Any]:
    return {
        "test images": len(findings.right),
        "right": int(findings.right.sum()),
        "cost": asdict(findings.cost),
        "points lost": [
            {
                "ranking": ranking,
                "fine-tuned": tuned,
                "conv": conv,
                "linear": linear,
                "points": estimate_facts(findings.lost(ranking, [(conv, linear)], tuned=tuned)),
                "accuracy": estimate_facts(findings.accuracy(ranking, (conv, linear), tuned=tuned)),
            }
            for ranking, (conv, linear), tuned in findings.tried
        ],
        "cuts": [_cut(cut) for cut in findings.cuts],
    }


def _cut(cut: Cut) -> dict[str, Any]:
    return {
        "ranking": cut.ranking,
        "draw": cut.draw,
        "fine-tuned": cut.tuned,
        "conv": cut.pair[0],
        "linear": cut.pair[1],
        "right": int(cut.right.sum()),
        "cost": asdict(cut.cost),
    }
