"""Which engine suits a campaign?"""

from radhard.engines.base import Campaign, Engine
from radhard.engines.serial import Serial

__all__ = ["chosen"]


def chosen(campaign: Campaign) -> Engine:  # noqa: ARG001
    """The engine for ``engine="auto"``."""
    return Serial()
