"""Is a campaign one that an engine can execute which infers verdicts?"""

from radhard.engines.base import Campaign, Engine, UnsuitableError
from radhard.engines.replay import Replay, ReplaySession
from radhard.errors import InputError
from radhard.replay.graph import NoGraphError

__all__ = ["check_many_faults", "check_shares", "check_single", "replay_by_graph"]


def check_shares(engine: Engine, **shares: float) -> None:
    """Raise `InputError` unless the arguments of an engine that are shares are from 0 to 1."""
    for name, value in shares.items():
        if not 0 <= value <= 1:
            raise InputError(
                f"{type(engine).__name__}: {name}={value} is not allowed; a share from 0 to 1"
            )


def check_single(engine: Engine, campaign: Campaign) -> None:
    """Raise `UnsuitableError` unless every trial has one fault."""
    if not campaign.trials.single:
        raise UnsuitableError(
            f"{type(engine).__name__} takes trials of one fault each; at error rates use Folded()"
        )


def check_many_faults(campaign: Campaign) -> None:
    """Raise `UnsuitableError` unless trials of many faults are in stored tensors, independently."""
    if any(site.flows for site in campaign.space.sites):
        raise UnsuitableError(
            "FirstOrder takes trials of many faults in stored tensors only; use Folded()"
        )
    if campaign.trials.histories:
        raise UnsuitableError(
            "FirstOrder takes no faults that accumulate, as a trial continues the one before it; "
            "use Folded()"
        )


def replay_by_graph(
    engine: Engine, campaign: Campaign, *, memory: int, rows: int, instead: str
) -> ReplaySession:
    """The session of `Replay` that executes what the engine does not infer.

    Raises:
        UnsuitableError: there is no graph of the model; the message names the engine ``instead``.
    """
    try:
        return Replay(memory=memory, rows=rows).prepare_graph(campaign)
    except NoGraphError as error:
        raise UnsuitableError(
            f"{type(engine).__name__} needs the model's graph ({error}); use {instead}"
        ) from None
