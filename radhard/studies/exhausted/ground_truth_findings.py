"""What is known of the estimators of exhausted networks?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, final

from radhard.stats import Estimate

__all__ = ["CapScore", "EstimatorScore", "GroundTruthFindings", "PredictedRate", "TableFindings"]


@final
@dataclass(frozen=True)
class EstimatorScore:
    """Campaigns of one estimator on one table, by their seeds."""

    question: str
    estimator: str
    """As text, with its interval if there are several."""
    groups: int
    margin: float
    confidence: float
    trials: float
    """Of a campaign, on average."""
    most: int
    """Of the longest campaign."""
    half_width: float
    """Half the width of the widest interval of a campaign, on average."""
    held: Estimate
    """Share of the intervals that hold the true rate; over groups and campaigns."""
    all_held: Estimate
    """Share of the campaigns in which those of all groups do."""
    near: Estimate
    """Share of the estimates that are within the margin of the true rate."""


@final
@dataclass(frozen=True)
class CapScore:
    """Caps of all faults, beside their true harm."""

    caps: str
    samples: int
    """For which the caps hold: all of the table, or the first ones."""
    harmless: float
    """Share of the faults with a cap of 0."""
    mean: float
    contradictions: int
    """Faults that harm more samples than their cap."""
    seconds: float
    """Processor time that it took to find them."""
    shares: Mapping[str, float]
    """By tensor, the share of its faults with a cap of 0."""
    truly: Mapping[str, float]
    """By tensor, the share of its faults that harm no sample."""
    pairs: Mapping[str, float]
    """By tensor, the share of the pairs of a fault and a sample without harm by the caps."""
    misses: Mapping[str, int]
    """By tensor, its faults that harm more samples than their cap."""
    left_out: Mapping[str, str]
    """Tensors whose faults all have a cap of 1, with the reason."""


@final
@dataclass(frozen=True)
class PredictedRate:
    """A rate that an analysis predicts without injecting faults."""

    analysis: str
    true: float
    values: Sequence[tuple[float, float, float]]
    """With each seed: the value and its limits."""
    seconds: float
    """Processor time of one of them."""


@final
@dataclass(frozen=True)
class TableFindings:
    """One exhausted table, and how well it is estimated."""

    index: Mapping[str, Any]
    scores: Sequence[EstimatorScore]
    caps: Sequence[CapScore]
    predicted: Sequence[PredictedRate]
    left_out: Mapping[str, str]
    """Estimators that do not apply, with the reason."""
    seconds: Mapping[str, float] = field(default_factory=dict)
    """Processor time of a campaign with `Replay`, by estimator, caps included; where it is told."""


@final
@dataclass(frozen=True)
class GroundTruthFindings:
    """All tables of a network."""

    network: str
    images: int
    tables: Sequence[TableFindings]
