"""Which deviations of a neuron, a channel or a word change what the model says?"""

from radhard.analyses.deepvigor.deep_vigor import DeepVigor
from radhard.analyses.deepvigor.ranges import Ranges, Vulnerability
from radhard.analyses.deepvigor.validation import Validation, validate

__all__ = ["DeepVigor", "Ranges", "Validation", "Vulnerability", "validate"]
