"""How is a campaign of a study run, and continued if it was stopped?"""

from collections.abc import Sequence
from pathlib import Path

from torch import nn

from radhard.campaign import run
from radhard.datasets import Data
from radhard.engines import Engine
from radhard.metrics import Metric
from radhard.results import Results
from radhard.samplers import ErrorRate, FaultCount, Sampler
from radhard.space import FaultSpace
from radhard.studies.networks import Network
from radhard.studies.study import Plan

__all__ = ["BATCH", "network_campaign", "place_in_store"]

BATCH = 100


def network_campaign(
    study: str,
    network: Network,
    plan: Plan,
    variant: str,
    model: nn.Module,
    data: Data,
    space: FaultSpace,
    sampler: Sampler,
    metric: Metric | Sequence[Metric],
    *,
    suffix: str = "",
    engine: Engine | str = "auto",
) -> Results:
    """A campaign on a variant of a network, continued if the store contains part of it.

    Args:
        study: name of the study, for the folder in the store.
        network: the network of which ``model`` is a variant.
        plan: seed, store, number of processes.
        variant: its name; with ``suffix``, it is unique in the study and network.
        model: what the faults are injected into.
        data: on which it is evaluated.
        space: the faults.
        sampler: which of them are tried.
        metric: how their effect is measured, by one metric or several.
        suffix: distinguishes several campaigns on one variant.
        engine: how trials are executed.

    Raises:
        InputError: the store contains another campaign under this name.
    """
    place = place_in_store(study, network, plan, variant)
    if place is not None:
        # The store is a folder of run files, one for each campaign, which is continued if it is
        # there.
        place.parent.mkdir(parents=True, exist_ok=True)
        place = place.with_name(f"{place.name}{suffix}.db")
    return run(
        model,
        data,
        space,
        sampler,
        metrics=[metric] if isinstance(metric, Metric) else list(metric),
        engine=engine,
        seed=plan.seed,
        store=place,
        batch=BATCH,
        progress=plan.progress,
        names={"model": f"{network.name}, {variant}", "data": network.test.name},
        workers=1 if plan.workers is None else plan.workers,
        # Studies evaluate trials of many faults one by one.
        exact=engine == "auto" and isinstance(sampler, ErrorRate | FaultCount),
    )


def place_in_store(study: str, network: Network, plan: Plan, variant: str) -> Path | None:
    """Where the files of a variant are stored, without a suffix; None without a store."""
    if plan.store is None:
        return None
    name = "".join(c if c.isalnum() else "-" for c in variant.lower())
    return plan.store / study / network.name / name
