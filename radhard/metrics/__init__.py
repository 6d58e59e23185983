"""How much harm does a fault cause?"""

from radhard.metrics.accuracy import Accuracy, TopK
from radhard.metrics.auroc import Auroc
from radhard.metrics.base import METRICS, Metric, SampleMetric
from radhard.metrics.class_harm import ClassHarm
from radhard.metrics.column import Column, Harm
from radhard.metrics.confidence import ConfidenceShift, ObservedSafe
from radhard.metrics.corneliou import Corneliou
from radhard.metrics.corrections import Corrections
from radhard.metrics.critical import Critical
from radhard.metrics.detected import Detected
from radhard.metrics.distance import Distance
from radhard.metrics.each_step import EachStep
from radhard.metrics.f1 import F1
from radhard.metrics.mismatch import Mismatch
from radhard.metrics.open_set import open_set_score
from radhard.metrics.outcome import Outcome
from radhard.metrics.outputs import Faulty, Golden
from radhard.metrics.panel import Panel
from radhard.metrics.sample_harm import SampleHarm
from radhard.metrics.sdc import Sdc

__all__ = [
    "F1",
    "METRICS",
    "Accuracy",
    "Auroc",
    "ClassHarm",
    "Column",
    "ConfidenceShift",
    "Corneliou",
    "Corrections",
    "Critical",
    "Detected",
    "Distance",
    "EachStep",
    "Faulty",
    "Golden",
    "Harm",
    "Metric",
    "Mismatch",
    "ObservedSafe",
    "Outcome",
    "Panel",
    "SampleHarm",
    "SampleMetric",
    "Sdc",
    "TopK",
    "open_set_score",
]
