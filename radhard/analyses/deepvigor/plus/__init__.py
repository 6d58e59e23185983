"""The semi-analytical analysis of layers and models, from value ranges and real bit flips."""

from radhard.analyses.deepvigor.plus.deep_vigor_plus import DeepVigorPlus

__all__ = ["DeepVigorPlus"]
