"""How much does each part of a model contribute to its answers?"""

from radhard.analyses.relevance.layerwise_relevance import Relevance
from radhard.analyses.relevance.saliency import Saliency

__all__ = ["Relevance", "Saliency"]
