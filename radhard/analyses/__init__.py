"""What is predicted to be vulnerable?"""

from radhard.analyses.average_l2 import AverageL2
from radhard.analyses.base import ANALYSES, Analysis
from radhard.analyses.bit_wise import BitWise
from radhard.analyses.constant_bits import constant_bits
from radhard.analyses.criticality.criticality import Criticality
from radhard.analyses.deepvigor.deep_vigor import DeepVigor
from radhard.analyses.deepvigor.plus.deep_vigor_plus import DeepVigorPlus
from radhard.analyses.deepvigor.quantized import QDeepVigor, nvf_table
from radhard.analyses.deepvigor.validation import Validation, validate
from radhard.analyses.gain import Gain
from radhard.analyses.gradient import Gradient
from radhard.analyses.max_value import MaxValue
from radhard.analyses.modified_gain import ModifiedGain
from radhard.analyses.relevance.layerwise_relevance import Relevance
from radhard.analyses.relevance.saliency import Saliency
from radhard.analyses.sern import Sern
from radhard.analyses.statistical.statistical import Statistical
from radhard.analyses.value_range import ValueRange
from radhard.analyses.vulnerability_gain import VulnerabilityGain
from radhard.analyses.weight_sensitivity import WeightSensitivity
from radhard.vulnerability_ranges import Ranges, Vulnerability

__all__ = [
    "ANALYSES",
    "Analysis",
    "AverageL2",
    "BitWise",
    "Criticality",
    "DeepVigor",
    "DeepVigorPlus",
    "Gain",
    "Gradient",
    "MaxValue",
    "ModifiedGain",
    "QDeepVigor",
    "Ranges",
    "Relevance",
    "Saliency",
    "Sern",
    "Statistical",
    "Validation",
    "ValueRange",
    "Vulnerability",
    "VulnerabilityGain",
    "WeightSensitivity",
    "constant_bits",
    "nvf_table",
    "validate",
]
