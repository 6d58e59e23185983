"""From where can a model be replayed when a layer's output deviates?"""

from collections.abc import Sequence

import torch

from radhard.analyses.subject import Subject
from radhard.datasets.data import Data
from radhard.engines.base import Campaign
from radhard.engines.replay.exported import traced
from radhard.engines.replay.graph import NoGraphError
from radhard.engines.replay.plan import Plan
from radhard.engines.replay.sequences import stepwise
from radhard.faults import BitFlip
from radhard.formats import Float32
from radhard.metrics import Outcome, Panel
from radhard.samplers import Trials
from radhard.space import FaultSpace
from radhard.state import unwrapped
from radhard.targets import Activations, Site
from radhard.targets.geometry import repeated

__all__ = ["replay"]


def replay(
    subject: Subject, sites: Sequence[Site], target: Activations, memory: int
) -> tuple[Plan | None, str]:
    """The model's graph with its golden values, and where these sites are in it; or why not.

    ``memory`` bounds the golden values in bytes; the samples are taken in pieces that fit.
    """
    # Which format the faults of this space are in does not matter: none is drawn from it.
    space = FaultSpace.of_sites(sites, BitFlip(), Float32(), targets=[target])
    data = Data(subject.data.inputs, name=subject.data.name)
    campaign = Campaign(
        subject.model,
        data,
        space,
        Trials([], 0),
        Panel([Outcome()], subject.logits),
        unwrapped(subject.call),
        subject.batch,
    )
    if names := campaign.carried.names:
        return None, f"passes keep state for later ones ({', '.join(map(repr, names[:5]))})"
    try:
        graph = stepwise(traced(subject.model, campaign.call, repeated(data.rows(slice(0, 1)), 3)))
        with torch.no_grad():
            plan = Plan.of(campaign, graph, range(len(sites)), memory)
    except NoGraphError as error:
        return None, f"no graph could be had ({error})"
    subject.samples += len(data)
    left = [f"{site.name!r}: {plan.why_not(at)}" for at, site in enumerate(sites)]
    return plan, "; ".join(line for line in left if not line.endswith(": "))
