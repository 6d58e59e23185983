"""Which words contain a critical bit, predicted from flips of a few bits?"""

from dataclasses import asdict
from typing import Any

import numpy as np
import numpy.typing as npt

from radhard.analyses.base import Analysis, AnalysisResult
from radhard.analyses.criticality.bit_features import BitFeatures, FeatureSet, bit_features
from radhard.analyses.criticality.bit_table import BitTable, bit_table
from radhard.analyses.criticality.criticality_forest import (
    CriticalityForest,
    ForestKind,
    cross_validate,
)
from radhard.analyses.criticality.measurements import (
    TOLERANCES,
    Measurements,
    check_tolerance,
    measurements,
)
from radhard.analyses.criticality.miss_limit import miss_limit, words_needed
from radhard.analyses.criticality.prediction_quality import prediction_quality
from radhard.analyses.criticality.selective_memory import selective_memory
from radhard.analyses.left_out_layers import record_left_out
from radhard.analyses.stored_targets import check_stored_targets
from radhard.campaign import run
from radhard.errors import InputError, check_installed
from radhard.faults import BitFlip
from radhard.formats import Float32, Format
from radhard.manifest import fingerprint
from radhard.metrics import Accuracy
from radhard.results import Results
from radhard.samplers import Exhaustive, Sampler, Uniform
from radhard.space import FaultSpace
from radhard.spec import component
from radhard.stats import Estimate
from radhard.targets import Target, Weights
from radhard.workload import Workload

__all__ = ["Criticality"]

_HALF = 0.5
_WORDS_AT_ONCE = 2**15

_DRAWN = Uniform(20_000)
"""The bits that are flipped by default."""


@component
class Criticality(Analysis):
    """Critical words, predicted by a random forest from flips of a few bits (Traiola et al., 2023).

    A bit is critical if its flip lowers the accuracy by more than ``tolerance``; a word is critical
    if one of its bits is. Some bits are flipped, one by one, and a forest learns from the features
    of these bits (`BitFeatures`) whether a bit is critical. By element of every selected tensor:
    the largest score of the bits of the word, from 0 to 1; 1 if a bit was measured to be critical.
    Words with at least the score ``threshold``, which is in the facts, are to be protected.

    Bits of 30 % of the words measured are held out. On these, the facts report the area under the
    ROC curve and the shares of wrong predictions; on the others, the area in cross-validation. All
    bits of a word are always in the same part. Other facts are the shares of critical bits at 20
    tolerances, the additional memory of a Hamming code of all words and of those to be protected,
    and what was not measured.

    ``tolerance``: a drop of accuracy; 0.005 is half a percent. ``model``: a random forest whose
    trees see as many critical as harmless bits (``"balanced"``; requires the extra ``learning``),
    which misses few critical bits and protects more words in vain, or an ordinary one
    (``"forest"``). ``features``: ``"structural"`` as in the paper (sign, bit, layer, output and
    input channel), ``"all"`` with values, gradients and first-order changes of the loss, or
    ``"general"``, those with the same meaning in every network. ``miss_rate``: choose the
    threshold on the held-out words so that, with 97.5 % confidence, at most this share of the words
    with critical bits is missed; otherwise the threshold is 0.5. ``run``: a run file with flips of
    single bits of this model; without one, bits are drawn by ``sampler`` in the words of
    ``targets`` stored in ``format``; by default 20,000, or all if there are fewer. ``trees``,
    ``folds``: of the forest and the cross-validation.

    Cost: A campaign (20,000 flips, or a run file) and a forest.

    Raises:
        InputError: a run of another model or of other faults, too few critical bits to learn from,
            or too few held-out words for the miss rate (the message says how many are needed).
    """

    tolerance: float = 0.005
    model: ForestKind = "balanced"
    features: FeatureSet = "structural"
    miss_rate: float | None = None
    run: str | None = None
    sampler: Sampler = _DRAWN
    targets: tuple[Target, ...] = (Weights("*"),)
    format: Format = Float32()
    trees: int = 100
    folds: int = 10

    def check(self) -> None:
        check_tolerance(self.tolerance)
        check_stored_targets(self.targets, "Criticality")
        if self.miss_rate is not None:
            words_needed(self.miss_rate)
        for name, value, least in (("trees", self.trees, 1), ("folds", self.folds, 2)):
            if value < least:
                raise InputError(f"Criticality: {name}={value} is not allowed; at least {least}")

    def find(self, workload: Workload) -> AnalysisResult:
        # Before the campaign, which takes longer than all else.
        check_installed("sklearn", "scikit-learn", "learning", what="Criticality(...)")
        measured = measurements(self._results(workload))
        space = measured.space
        record_left_out(workload, space)
        known = bit_features(space, self.features, workload.model, workload)
        bits = bit_table(measured, known, self.tolerance)
        if self.miss_rate is not None and np.ptp(bits.weights) > 1e-6 * bits.weights.max():
            raise InputError(
                "a miss rate can be guaranteed only if all bits were drawn with the same "
                f"probability; draw them with Uniform(n), not with {measured.results.sampler!r}"
            )
        # The forest is never refitted to all bits: the threshold and its limit hold for the one
        # that did not see these words.
        train, held_out = bits.split(workload.random(1))
        seeds = workload.random(2).integers(2**31, size=2).tolist()
        areas = cross_validate(train, self.model, trees=self.trees, folds=self.folds, seed=seeds[0])
        forest = CriticalityForest.of(train, self.model, trees=self.trees, seed=seeds[1])
        # Chosen on words that the forest has not seen, as its scores of its own words are too good.
        threshold, limit = self._threshold(forest, known, space, held_out)
        scores = self._word_scores(workload, forest, known, measured, bits)
        protected = {name: value >= threshold for name, value in scores.items()}
        quality = prediction_quality(
            forest.scores(held_out.features),
            held_out,
            threshold=threshold,
            rng=workload.random(3),
        )
        facts = _measured_facts(measured, self.tolerance) | {
            "words to protect": int(sum(words.sum() for words in protected.values())),
            "memory": _memory(space, protected),
            "threshold": threshold,
            "guarantee": limit,
            "held out": asdict(quality),
            "cross-validation": _validation(areas),
            "importance": dict(zip(known.names, forest.importance, strict=True)),
            "critical bits by tolerance": {
                f"{100 * each:g} %": _plain(measured.share(each)) for each in TOLERANCES
            },
        }
        chosen = self.run is not None or self.targets != (Weights("*"),)
        return AnalysisResult("element", scores, facts=facts, chosen=chosen)

    def _results(self, workload: Workload) -> Results:
        if self.run is not None:
            results = Results.open(self.run)
            if results.manifest.get("model fingerprint") != fingerprint(workload.model):
                raise InputError(
                    f"{self.run!r} is a run of another model (structure or values); give a run of "
                    "this model, stored in the same format"
                )
            return results
        space = FaultSpace.of(workload.model, self.targets, BitFlip(), self.format)
        workload.label_classes  # noqa: B018 (raises if the data have no labels)
        few = self.sampler == _DRAWN and len(space) <= _DRAWN.n
        results = run(
            workload.model,
            workload.data,
            space,
            Exhaustive() if few else self.sampler,
            metrics=[Accuracy()],
            seed=workload.seed,
            # What is learned from has no inferred verdicts in it.
            exact=True,
            call=workload.steady,
            batch=workload.batch,
            progress=False,
            audit=0,
        )
        workload.samples += len(results) * len(workload.data)
        return results

    def _threshold(
        self, forest: CriticalityForest, known: BitFeatures, space: FaultSpace, held_out: BitTable
    ) -> tuple[float, dict[str, Any] | None]:
        """The threshold, and what is guaranteed of it."""
        if self.miss_rate is None:
            return _HALF, None
        words = held_out.critical_words
        places = np.searchsorted(space.word_starts, words, side="right") - 1
        scores = np.zeros(len(words))
        for place in np.unique(places).tolist():
            # Of all bits of the word, also those that were not flipped: this is the score by which
            # words are protected.
            here = places == place
            scores[here] = _largest(forest, known, place, words[here] - space.word_starts[place])
        limit = miss_limit(scores, self.miss_rate)
        return limit.threshold, asdict(limit)

    def _word_scores(
        self,
        workload: Workload,
        forest: CriticalityForest,
        known: BitFeatures,
        measured: Measurements,
        bits: BitTable,
    ) -> dict[str, npt.NDArray[np.float64]]:
        """By tensor, the largest score of the bits of each word."""
        space, scores = measured.space, {}
        critical = bits.critical_words
        for place, region in enumerate(space.regions):
            words = np.arange(region.words)
            parts = np.array_split(words, range(_WORDS_AT_ONCE, len(words), _WORDS_AT_ONCE))
            found = np.concatenate([_largest(forest, known, place, part) for part in parts])
            start, end = space.word_starts[place : place + 2].tolist()
            # What was measured overrides the forest.
            # Words are numbered over all tensors, and from 0 within one.
            found[critical[(critical >= start) & (critical < end)] - start] = 1.0
            scores[region.site.name] = found.reshape(region.shape)
            workload.bar.step(place + 1, len(space.regions))
        return scores


def _largest(
    forest: CriticalityForest, known: BitFeatures, place: int, words: npt.NDArray[np.int64]
) -> npt.NDArray[np.float64]:
    """The largest score of the bits of each word."""
    # Words of one filter that agree in the structural features have one score.
    # The rows of all bits of a word side by side, so that words can be compared as a whole.
    rows = known.of_words(place, words).reshape(len(words), -1)
    distinct, which = np.unique(rows, axis=0, return_inverse=True)
    scores = forest.scores(distinct.reshape(-1, len(known.names)))
    found: npt.NDArray[np.float64] = scores.reshape(len(distinct), -1).max(axis=1)[which.ravel()]
    return found


def _measured_facts(measured: Measurements, tolerance: float) -> dict[str, Any]:
    return {
        "tolerance": tolerance,
        "bits measured": len(measured),
        "bits of the space": len(measured.space),
        "words measured": len(np.unique(measured.word_numbers)),
        "critical bits": _plain(measured.share(tolerance)),
    }


def _validation(areas: list[float]) -> dict[str, float] | None:
    """The areas under the ROC curve of all folds that have one, or None if there is none."""
    if not areas:
        return None
    mean = float(np.mean(areas))
    return {"folds": len(areas), "area": mean, "least": min(areas), "most": max(areas)}


def _plain(share: Estimate) -> dict[str, float]:
    return {"value": share.value, "low": share.low, "high": share.high}


def _memory(
    space: FaultSpace, protected: dict[str, npt.NDArray[np.bool_]]
) -> dict[str, dict[str, float]]:
    """By width of the words: the share to be protected, and the additional memory."""
    found: dict[str, dict[str, float]] = {}
    for width in dict.fromkeys(region.word.bits for region in space.regions):
        names = [r.site.name for r in space.regions if r.word.bits == width]
        share = float(np.concatenate([protected[name].ravel() for name in names]).mean())
        memory = selective_memory(width, share)
        found[f"{width} bits"] = {"share": share, **asdict(memory), "gain": memory.gain}
    return found
