"""The engine for many faults at once: only struck channels are computed as they stand."""

from radhard.engines.folded.folded import Folded

__all__ = ["Folded"]
