"""How well are critical bits predicted, and which words does that protect?"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from torch import nn

from radhard.analyses import Criticality
from radhard.analyses.criticality import (
    TOLERANCES,
    BitTable,
    CriticalityForest,
    Measurements,
    bit_features,
    bit_table,
    prediction_quality,
    words_needed,
)
from radhard.analyses.criticality.criticality_forest import ForestKind
from radhard.datasets import Data
from radhard.manifest import fingerprint
from radhard.scores import Scores
from radhard.space import Numbers
from radhard.studies.guided.guided_ecc_design import GuidedEccDesign
from radhard.studies.guided.guided_ecc_findings import Prediction, WordChoice

__all__ = ["predictions_of", "word_choices"]

_HALF = 0.5
_KINDS: tuple[ForestKind, ...] = ("forest", "balanced")

_LEAST = 10
"""Words with critical bits without which nothing is learned at a tolerance."""


def predictions_of(
    design: GuidedEccDesign, model: nn.Module, measured: Measurements, seed: int
) -> Iterator[Prediction]:
    """The quality of both forests at the strictest and the loosest tolerance.

    The loosest is the largest at which at least ten words measured have critical bits. If there are
    fewer at the strictest, nothing can be learned.
    """
    known = bit_features(measured.space, "structural", model)
    between = [t for t in TOLERANCES if design.tolerance < t <= design.loosest]
    learned = [
        (tolerance, table)
        for tolerance in (design.tolerance, *between)
        if len((table := bit_table(measured, known, tolerance)).critical_words) >= _LEAST
    ]
    # One if both are the same.
    for tolerance, table in dict(learned[:1] + learned[-1:]).items():
        for kind in _KINDS:
            yield _prediction(design, table, kind, tolerance, seed)


def word_choices(
    design: GuidedEccDesign,
    model: nn.Module,
    data: Data,
    flips: Measurements,
    run: Path,
    fresh: Measurements,
    seed: int,
) -> tuple[WordChoice, ...]:
    """The words that both forests protect at a threshold of 0.5, and those of the promise.

    Empty if there are too few critical words to learn from. ``run``: the run file of ``flips``;
    scores are kept beside it, and read from there if they are the same.
    """
    critical = flips.critical(design.tolerance)
    words = len(np.unique(flips.word_numbers[critical]))
    if words < _LEAST:
        return ()
    promise = _promise(design, words)
    found: dict[ForestKind, Scores] = {}
    for kind in _KINDS:
        analysis = Criticality(
            design.tolerance,
            model=kind,
            miss_rate=promise if kind == "balanced" else None,
            run=str(run),
            trees=design.trees,
            folds=design.folds,
        )
        kept = run.with_name(f"{run.stem}-{kind}-seed{seed}.json")
        found[kind] = _scores(analysis, model, data, seed, kept)
    threshold = float(found["balanced"].facts["threshold"])
    return (
        _choice(found["forest"], "forest", _HALF, None, fresh, design.tolerance),
        _choice(found["balanced"], "balanced", _HALF, None, fresh, design.tolerance),
        _choice(found["balanced"], "balanced", threshold, promise, fresh, design.tolerance),
    )


def _scores(analysis: Criticality, model: nn.Module, data: Data, seed: int, kept: Path) -> Scores:
    """The scores by an analysis, from a file if it has those of this analysis and model."""
    if kept.is_file():
        known = Scores.load(kept)
        # The weights themselves are part of the key, as a model of the same name may have been
        # trained anew.
        if (known.by, known.model) == (repr(analysis), fingerprint(model)):
            return known
    scores = analysis(model, data, seed=seed, progress=False)
    scores.save(kept)
    return scores


def _promise(design: GuidedEccDesign, words: int) -> float | None:
    """The smallest miss rate for which enough words with critical bits are held out."""
    held_out = round(0.3 * words)  # as in `BitTable.split`
    return next((rate for rate in design.promises if words_needed(rate) <= held_out), None)


def _prediction(
    design: GuidedEccDesign, table: BitTable, kind: ForestKind, tolerance: float, seed: int
) -> Prediction:
    # By word, not by bit: bits of one word are alike, and would give the answer away.
    train, held_out = table.split(np.random.default_rng((seed, 1)))
    scores = CriticalityForest.of(train, kind, trees=design.trees, seed=seed).scores(
        held_out.features
    )
    quality = prediction_quality(
        scores, held_out, threshold=_HALF, rng=np.random.default_rng((seed, 2))
    )
    critical, predicted = held_out.critical, scores >= _HALF
    return Prediction(
        kind,
        tolerance,
        quality,
        missed=int((critical & ~predicted).sum()),
        critical=int(critical.sum()),
        alarms=int((~critical & predicted).sum()),
        harmless=int((~critical).sum()),
    )


def _choice(
    scores: Scores,
    kind: ForestKind,
    threshold: float,
    promise: float | None,
    fresh: Measurements,
    tolerance: float,
) -> WordChoice:
    masks = {name: value >= threshold for name, value in scores.values.items()}
    critical = fresh.critical(tolerance)
    # Judged by faults that were drawn independently of those from which was learned.
    flat = [masks[region.site.name].ravel() for region in fresh.space.regions]
    places: Numbers = fresh.places[critical]
    protected = [
        bool(flat[place][word])
        for place, word in zip(places.tolist(), fresh.words[critical].tolist(), strict=True)
    ]
    missed = len(protected) - sum(protected)
    folds = scores.facts["cross-validation"]
    area = None if folds is None else float(folds["area"])
    return WordChoice(kind, threshold, promise, masks, missed, len(protected), area)
