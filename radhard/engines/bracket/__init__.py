"""The engine that infers the verdicts of all faults in a word from a few of them."""

from radhard.engines.bracket.bracket import Bracket

__all__ = ["Bracket"]
