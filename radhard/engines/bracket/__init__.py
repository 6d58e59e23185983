"""The engine that settles all faults of a word by trying a few of them."""

from radhard.engines.bracket.bracket import Bracket

__all__ = ["Bracket"]
