"""Which engine suits a campaign?"""

from dataclasses import dataclass

from radhard.engines.base import Campaign, Engine, UnsuitableError
from radhard.engines.folded import Folded
from radhard.engines.replay import Replay
from radhard.engines.replay.modules import Modules
from radhard.engines.serial import Serial

__all__ = ["Choice", "chosen"]

_PASS = 1_000_000
"""What a pass costs beside its arithmetic, in multiplications."""

_SMALL = 1_000_000_000
"""Multiplications, about a second's work: so long it takes to find and prepare a graph."""


@dataclass(frozen=True)
class Choice:
    """An engine, and why this one."""

    engine: Engine
    why: str

    def __str__(self) -> str:
        return f"engine='auto' chose {self.engine!r}: {self.why}."


def chosen(campaign: Campaign, *, deterministic: bool = True, worth: float | None = None) -> Choice:
    """The engine for ``engine="auto"``, prepared.

    It follows from the campaign, never from a clock: the same campaign gets the same engine.
    ``deterministic``: whether two fault-free passes are the same. ``worth``: from how many
    multiplications on a faster engine is worth its preparation; by default a second's work.
    """
    if not deterministic:
        return Choice(Serial(), "fault-free passes may differ, so that none can stand for another")
    if _work(campaign) < (_SMALL if worth is None else worth):
        return Choice(Serial(), "a faster one takes longer to prepare than these trials take")
    single = campaign.trials.single
    if not single and all(site.flows for site in campaign.space.sites):
        return Choice(Serial(), "trials of many faults in values that flow leave nothing to spare")
    engine = Replay() if single else Folded()
    try:
        engine.ready(campaign)
    except UnsuitableError as error:
        return Choice(Serial(), str(error).rpartition("; use ")[0] or str(error))
    if isinstance(campaign.kept[repr(engine)], Modules):
        return Choice(engine, "each trial strikes one word, before which modules need not run")
    strikes = "one word" if single else "many words"
    why = f"the model's graph is known, and each trial strikes {strikes}"
    if single and all(metric.by_answer for metric in campaign.panel.metrics):
        why += "; FirstOrder() could settle most trials without executing them, and check a share"
    return Choice(engine, why)


def _work(campaign: Campaign) -> float:
    """About how many multiplications whole passes would take; convolutions take more."""
    trials = campaign.trials
    alone = trials.single and any(site.samples is not None for site in campaign.space.sites)
    samples = 1 if alone else len(campaign.data)
    parameters = sum(tensor.numel() for tensor in campaign.model.parameters())
    return len(trials) * (_PASS + float(parameters) * samples)
