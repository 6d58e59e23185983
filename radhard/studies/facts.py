"""How do an estimate and a claim read for a program?"""

from typing import Any

from radhard.stats import Estimate
from radhard.studies.claim import Claim

__all__ = ["claim_facts", "estimate_facts"]


def claim_facts(claim: Claim) -> dict[str, Any]:
    """A claim with its verdict and figure, as plain values."""
    return {
        "text": claim.text,
        "verdict": claim.verdict,
        "figure": None if claim.figure is None else estimate_facts(claim.figure),
        claim.sense: claim.limit,
        "note": claim.note,
    }


def estimate_facts(estimate: Estimate) -> dict[str, Any]:
    """A figure with its interval, as plain values."""
    return {
        "value": estimate.value,
        "low": estimate.low,
        "high": estimate.high,
        "confidence": estimate.confidence,
        "trials": estimate.trials,
        "unit": estimate.unit,
    }
