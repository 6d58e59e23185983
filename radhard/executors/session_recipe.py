"""What does a process on another machine need to execute trials of a campaign?"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from radhard.engines.base import Campaign, Engine, Session
from radhard.metrics import Panel
from radhard.samplers import Trials
from radhard.space import FaultSpace
from radhard.workload import Workload

__all__ = ["SessionRecipe"]


@dataclass(frozen=True)
class SessionRecipe:
    """All of a campaign that is sent to other processes, without what can be derived from it."""

    workload: Workload
    space: FaultSpace
    trials: Trials
    panel: Panel
    """The metrics with the golden outputs, which are not computed again."""
    engine: Engine

    @classmethod
    def of(cls, session: Session) -> "SessionRecipe":
        """The recipe of a session."""
        campaign = session.campaign
        workload = replace(campaign.workload)  # without computed values, such as saved state
        return cls(workload, campaign.space, campaign.trials, campaign.panel, session.engine)

    @contextmanager
    def open(self) -> Iterator[Session]:
        """A context with a session like the one from which the recipe was created."""
        with self.workload.open():
            campaign = Campaign(self.workload, self.space, self.trials, self.panel)
            yield self.engine.open(campaign)
