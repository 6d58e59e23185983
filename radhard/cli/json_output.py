"""What does a command print as JSON?"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from math import isfinite
from typing import Any

from radhard.comparison import Comparison
from radhard.narrowing import narrowing
from radhard.report.vulnerability.scores_wording import estimate
from radhard.results import Results
from radhard.scores import RankedPart, Scores, agreements
from radhard.stats import Estimate
from radhard.verification import Verification

__all__ = ["comparison_facts", "results_facts", "scores_facts", "verification_facts"]

_GROUPINGS = ("layer", "field", "bit")


def results_facts(results: Results) -> dict[str, Any]:
    """A run: what was tried, every figure with its interval, the headline split, and the notes."""
    facts: dict[str, Any] = {
        "trials": len(results),
        "planned": results.planned,
        "complete": results.complete,
        "faults": len(results.space),
        "space": repr(results.space),
        "sampler": repr(results.sampler),
        "seed": results.seed,
        "headline": results.headline,
        "accuracy without faults": results.fault_free_score,
        "notes": [str(note) for note in results.notes],
    }
    # A figure without bounds has quantiles, and no interval of a mean.
    bounded = [c for c in results.columns if results.has_mean(c)]
    if not len(results) and not bounded:
        return facts
    split = results.usual_split
    facts["figures"] = {
        column: {
            "meaning": results.details.meaning(column),
            "rate" if split is None else f"by {split}": _rates(results, column, split),
        }
        for column in bounded
    }
    others = {c: results.described(c) for c in results.columns if c not in bounded}
    # Figures that caps do not hold for may have bounds, and are not estimated either, nor are those
    # that were measured in none of the trials so far.
    limited = [c for c in others if all(map(isfinite, results.ranges[c]))]
    left = {c: t for c, t in others.items() if results.untried or c in limited}
    if left:
        facts["not estimated"] = left
    if not results.untried:
        facts["unbounded"] = {c: text for c, text in others.items() if c not in left}
    if split is None and results.headline in bounded:
        facts["headline by"] = {by: _rates(results, results.headline, by) for by in _GROUPINGS}
        found = narrowing(results)
        facts["to halve the interval"] = None if found is None else asdict(found)
    return facts


def comparison_facts(comparison: Comparison) -> dict[str, Any]:
    """A comparison: both rates and their difference, overall or for each group."""
    return {
        "figure": comparison.column,
        "by": comparison.by,
        "paired": comparison.paired,
        "why unpaired": comparison.why_unpaired,
        "rows": [asdict(row) for row in comparison.rows],
    }


def verification_facts(verification: Verification) -> dict[str, Any]:
    """A verification: the comparison, the loss of accuracy, what was added, and the cost."""
    counted, tolerated, loss = (
        verification.upsets(),
        verification.tolerable(),
        verification.loss(),
    )
    cost = verification.cost
    return {
        "hardenings": list(verification.by),
        "covers": list(verification.covers),
        "comparison": comparison_facts(verification.comparison),
        "accuracy loss": None if loss is None else {k: asdict(drop) for k, drop in loss.items()},
        "harmful faults": _before_and_after(counted),
        "highest tolerable error rate": _before_and_after(tolerated),
        "cost": None if cost is None else cost.to_dict(),
        "notes": list(verification.notes),
    }


def scores_facts(scores: Scores, results: Results | None, top: int) -> dict[str, Any]:
    """Scores: the most vulnerable parts, their cost, and the agreement with a campaign."""
    facts: dict[str, Any] = {
        "analysis": scores.by,
        "level": scores.level,
        "unit": scores.unit,
        "parts": len(scores),
        "ranking": [_score(scores, part) for part in scores.ranking(top)],
        "cost": dict(scores.cost),
    }
    if results is not None:
        by_level, why = agreements(scores, results)
        facts["agreement"] = [
            {
                **asdict(agreement),
                # Exact limits, at the confidence of the rank correlation.
                "overlap_low": agreement.overlap_limits[0],
                "overlap_high": agreement.overlap_limits[1],
            }
            for agreement in by_level
        ]
        facts["no agreement because"] = list(why)
    return facts


def _rates(results: Results, column: str, by: str | None) -> dict[str, Any]:
    rates: Mapping[str, Estimate] = results.estimates(column, by, 0.95)
    return asdict(rates[""]) if by is None else {key: asdict(rate) for key, rate in rates.items()}


def _score(scores: Scores, part: RankedPart) -> dict[str, Any]:
    """A score, with its limits where the analysis computes any."""
    found = estimate(scores, part)
    limits = {} if found is None else {"low": found.low, "high": found.high, "confidence": 0.95}
    return {**asdict(part), **limits}


def _before_and_after(pair: Sequence[Any] | None) -> dict[str, Any] | None:
    if pair is None:
        return None
    return {name: asdict(part) for name, part in zip(("before", "after"), pair, strict=True)}
