"""How does a study of pruning read as a page?"""

from collections.abc import Iterator

from radhard.stats import percent
from radhard.studies.findings import short
from radhard.studies.markdown import JUDGED, judged, table
from radhard.studies.networks import Network
from radhard.studies.pruning.drawn import drawn_cuts
from radhard.studies.pruning.findings import Cut, Pair, PruningFindings, pair_of
from radhard.studies.pruning.study import PruningStudy
from radhard.studies.pruning.told import ToldPruning, pruning_numbers

__all__ = ["pruning_texts"]

_LOSSES = (0.0, 1.0, 2.0, 5.0)
"""Points of accuracy given away, for which the smallest network is told."""

_FEW = 0.2
"""Up to this share of the channels a mean is told apart: beyond, most networks are of no use."""


def pruning_texts(told: ToldPruning) -> dict[str, str]:
    """The page (Markdown), its figures (SVG) and every number (JSON), by the name of the file."""
    name = told.study.name
    texts = {f"{name}.md": _page(told), f"{name}.json": pruning_numbers(told)}
    for _, found in told.found:
        texts[_picture(told.study, found)] = drawn_cuts(told.study, found)
    return texts


def _picture(study: PruningStudy, found: PruningFindings) -> str:
    return f"{study.name}-{found.network}.svg"


def _page(told: ToldPruning) -> str:
    study = told.study
    lines = [
        f"# {study.title}",
        "",
        f"`{told.command}`",
        "",
        f"Seed {told.plan.seed}, {told.versions}. Written by this command; not to be edited.",
        "",
        f"{study.about} ({study.source})",
        "",
        "Intervals are of 95 %, over the test images, each of which is a trial; differences are "
        "taken image by image. They say what the networks that were cut do on other images of the "
        f"kind, not what another training or another draw would give. {JUDGED}",
        "",
    ]
    for network, found in told.found:
        lines += _network(study, network, found)
    return "\n".join(lines).rstrip() + "\n"


def _network(study: PruningStudy, network: Network, found: PruningFindings) -> Iterator[str]:
    cost = found.cost
    yield from (
        f"## {found.network}",
        "",
        f"{network.about}; whole it gets {percent(float(found.right.mean()))} of "
        f"{len(found.right):,} test images right with {cost.parameters:,} parameters, "
        f"{cost.bits:,} bits stored and {cost.macs:,} multiply-accumulates a sample.",
        "",
        "### What the paper says",
        "",
    )
    yield from judged(study.claims(found))
    yield from (
        "### Accuracy over the share of channels taken away",
        "",
        f"![Accuracy over the share of channels]({_picture(study, found)})",
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
        _smallest(study, found),
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


def _smallest(study: PruningStudy, found: PruningFindings) -> Iterator[tuple[str, ...]]:
    names = [r.name for r in study.rankings if r.by != "random" and r.name in found.rankings]
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
