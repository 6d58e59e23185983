"""The engine for many faults at once, with batch normalisation folded except in faulty channels."""

from radhard.engines.folded.folded import Folded

__all__ = ["Folded"]
