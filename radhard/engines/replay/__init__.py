"""The engine that starts at the fault and propagates the difference through the model's graph."""

from radhard.engines.replay.replay import Replay, ReplaySession

__all__ = ["Replay", "ReplaySession"]
