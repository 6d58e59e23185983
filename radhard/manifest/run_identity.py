"""Which run is this?"""

import json
from typing import Any

from radhard.engines import Campaign
from radhard.fingerprint import fingerprint
from radhard.samplers import Sampler, StagedSampler

__all__ = ["identity"]


def identity(campaign: Campaign, sampler: Sampler, seed: int) -> dict[str, Any]:
    """All that the results depend on: two runs with equal identities are the same run."""
    # Causes precede their consequences, so that a difference is reported by its cause.
    asked = {
        "space": campaign.space.to_dict(),
        "samples": len(campaign.workload.data),
        "model fingerprint": fingerprint(campaign.workload.model),
        "data fingerprint": campaign.workload.data.fingerprint(),
        "sampler": repr(sampler),
        "seed": seed,
        "batch": campaign.workload.batch,
        "metrics": [repr(metric) for metric in campaign.panel.metrics],
        "columns": list(campaign.panel.columns),
        "ranges": [list(bounds) for bounds in campaign.panel.ranges],
        "planned": len(campaign.trials),
    }
    # The trials of later stages are not known before.
    if isinstance(sampler, StagedSampler):
        del asked["planned"]
    # As it will be read from the file, with lists instead of tuples.
    read: dict[str, Any] = json.loads(json.dumps(asked))
    return read
