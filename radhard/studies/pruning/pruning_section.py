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
    study: str, design: PruningDesign, network: Network, found: PruningFindings
) -> NetworkSection:
    """The section of a page on one network, with its figure and all numbers."""
    cost, picture = found.cost, f"{study}-{found.network}"
    return NetworkSection(
        intro=f"{network.about}; whole it gets {percent(float(found.right.mean()))} of "
        f"{len(found.right):,} test images right with {cost.parameters:,} parameters, "
        f"{cost.bits:,} bits stored and {cost.macs:,} multiply-accumulates per sample.",
        body=[*_body(design, found, picture)],
        figures={f"{picture}.svg": pruning_figure(picture, design, found)},
        numbers=_numbers(found),
    )


def _body(design: PruningDesign, found: PruningFindings, picture: str) -> Iterator[str]:
    yield from (
        "### Accuracy over the share of channels taken away",
        "",
        f"![Accuracy over the share of channels]({picture}.svg)",
        "",
        "Points of accuracy lost, in the mean over ratios:",
        "",
    )
    yield from table(
        ("layers", "fine-tuned", "over % of the channels", *found.rankings), _means(found)
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
        _smallest(design, found),
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
                *found.rankings,
            ),
            _every(found, tuned),
        )


def _means(found: PruningFindings) -> Iterator[tuple[str, ...]]:
    few = [ratio for ratio in found.ratios if ratio <= _FEW]
    for place in found.places:
        for tuned in (False, True):
            for ratios in dict.fromkeys((tuple(few or found.ratios), found.ratios)):
                pairs = [pair_of(place, ratio) for ratio in ratios]
                lost = (short(found.lost(name, pairs, tuned=tuned)) for name in found.rankings)
                over = ", ".join(f"{100 * ratio:g}" for ratio in ratios)
                yield (place, "yes" if tuned else "no", over, *lost)


def _smallest(design: PruningDesign, found: PruningFindings) -> Iterator[tuple[str, ...]]:
    names = [r.name for r in design.rankings if r.by != "random" and r.name in found.rankings]
    for loss in _LOSSES:
        for name in names:
            for tuned in (False, True):
                cut = found.smallest(name, tuned=tuned, loss=loss)
                yield (
                    f"{loss:g} point" + ("" if loss == 1 else "s"),
                    name,
                    "yes" if tuned else "no",
                    *_shares(cut.pair),
                    *_sizes(found, cut),
                    short(found.lost_elsewhere(cut)),
                )


def _every(found: PruningFindings, tuned: bool) -> Iterator[tuple[str, ...]]:
    pairs = dict.fromkeys(pair for _, pair, how in found.tried if how == tuned)
    for pair in sorted(pairs):
        known = [name for name in found.rankings if (name, pair, tuned) in found.tried]
        first = found.of(known[0], pair, tuned=tuned)[0]
        lost = (
            short(found.lost(name, [pair], tuned=tuned)) if name in known else ""
            for name in found.rankings
        )
        yield (*_shares(pair), *_sizes(found, first), *lost)


def _shares(pair: Pair) -> tuple[str, str]:
    return f"{100 * pair[0]:g} %", f"{100 * pair[1]:g} %"


def _sizes(found: PruningFindings, cut: Cut) -> tuple[str, str, str]:
    """Each size, and how many times fewer that is."""
    sizes = (
        (found.cost.parameters, cut.cost.parameters),
        (found.cost.bits, cut.cost.bits),
        (found.cost.macs, cut.cost.macs),
    )
    one, two, three = (f"{after:,} ({before / after:.3f}x fewer)" for before, after in sizes)
    return one, two, three


def _numbers(found: PruningFindings) -> dict[str, Any]:
    return {
        "test images": len(found.right),
        "right": int(found.right.sum()),
        "cost": asdict(found.cost),
        "points lost": [
            {
                "ranking": ranking,
                "fine-tuned": tuned,
                "conv": conv,
                "linear": linear,
                "points": estimate_facts(found.lost(ranking, [(conv, linear)], tuned=tuned)),
                "accuracy": estimate_facts(found.accuracy(ranking, (conv, linear), tuned=tuned)),
            }
            for ranking, (conv, linear), tuned in found.tried
        ],
        "cuts": [_cut(cut) for cut in found.cuts],
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
