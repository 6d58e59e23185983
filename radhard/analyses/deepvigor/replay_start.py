"""From where can a model be replayed when a layer's output deviates?"""

from collections.abc import Sequence

import torch

from radhard.engines.base import Campaign
from radhard.engines.replay.plan import Plan
from radhard.faults import BitFlip
from radhard.formats import Float32
from radhard.metrics import Outcome, Panel
from radhard.replay.exported import traced
from radhard.replay.graph import NoGraphError
from radhard.replay.sequences import stepwise
from radhard.samplers import Trials
from radhard.space import FaultSpace
from radhard.targets import Activations, Site
from radhard.targets.geometry import repeated
from radhard.workload import Workload

__all__ = ["replay"]


def replay(
    workload: Workload, sites: Sequence[Site], target: Activations, memory: int
) -> tuple[Plan | None, str]:
    """The model's graph with its golden values, and where these sites are in it; or why not.

    ``memory`` bounds the golden values in bytes; the samples are taken in pieces that fit.
    """
    # Which format the faults of this space are in does not matter: none is drawn from it.
    space = FaultSpace(sites, BitFlip(), Float32(), targets=[target])
    campaign = Campaign(workload, space, Trials([], 0), Panel([Outcome()], workload.logits))
    if names := workload.state_between_passes.names:
        return None, f"passes keep state for later ones ({', '.join(map(repr, names[:5]))})"
    try:
        graph = stepwise(
            traced(workload.model, workload.call, repeated(workload.data.rows(slice(0, 1)), 3))
        )
        with torch.no_grad():
            plan = Plan.of(campaign, graph, range(len(sites)), memory)
    except NoGraphError as error:
        return None, f"no graph could be had ({error})"
    workload.samples += len(workload.data)
    left = [f"{site.name!r}: {plan.why_not(at)}" for at, site in enumerate(sites)]
    return plan, "; ".join(line for line in left if not line.endswith(": "))
