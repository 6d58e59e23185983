"""Which bits lower the accuracy by more than can be tolerated?"""

from radhard.analyses.criticality.bit_features import FEATURES, BitFeatures, bit_features
from radhard.analyses.criticality.bit_table import BitTable, bit_table
from radhard.analyses.criticality.criticality import Criticality
from radhard.analyses.criticality.criticality_forest import CriticalityForest, cross_validate
from radhard.analyses.criticality.measurements import TOLERANCES, Measurements, measurements
from radhard.analyses.criticality.miss_limit import MissLimit, miss_limit, words_needed
from radhard.analyses.criticality.prediction_quality import PredictionQuality, prediction_quality
from radhard.analyses.criticality.selective_memory import (
    SelectiveMemory,
    hamming_bits,
    selective_memory,
)

__all__ = [
    "FEATURES",
    "TOLERANCES",
    "BitFeatures",
    "BitTable",
    "Criticality",
    "CriticalityForest",
    "Measurements",
    "MissLimit",
    "PredictionQuality",
    "SelectiveMemory",
    "bit_features",
    "bit_table",
    "cross_validate",
    "hamming_bits",
    "measurements",
    "miss_limit",
    "prediction_quality",
    "selective_memory",
    "words_needed",
]
