"""How does a test get a campaign to execute?"""

from collections.abc import Sequence
from typing import Any

from torch import nn

from radhard.datasets.data import Data
from radhard.engines import Campaign
from radhard.faults import BitFlip, FaultModel
from radhard.formats import BFloat16, Float16, Float32, Float64, Format
from radhard.metrics import Distance, Metric, Outcome, Panel
from radhard.samplers import Sampler, Uniform
from radhard.space import FaultSpace
from radhard.targets import Forward, Target
from radhard.workload import Workload
from tests.zoo import Network

__all__ = ["campaign", "campaign_of", "format_of"]


def format_of(model: nn.Module) -> Format:
    """The format whose words the parameters of a model are."""
    names: dict[str, Format] = {
        "torch.float16": Float16(),
        "torch.bfloat16": BFloat16(),
        "torch.float64": Float64(),
    }
    return names.get(str(next(model.parameters()).dtype), Float32())


def campaign(
    network: Network,
    target: Target | Sequence[Target],
    sampler: Sampler | None = None,
    *,
    fault: FaultModel | None = None,
    seed: int = 0,
    batch: int = 2,
) -> Campaign:
    """A campaign on a network of the zoo, which is put in evaluation mode for good."""
    model = network.build().eval()
    return campaign_of(
        model,
        network.inputs(),
        target,
        sampler or Uniform(6),
        fault=fault or BitFlip(),
        call=network.call,
        seed=seed,
        batch=batch,
    )


def campaign_of(
    model: nn.Module,
    inputs: Any,
    target: Target | Sequence[Target],
    sampler: Sampler,
    *,
    fault: FaultModel,
    call: Forward,
    seed: int = 0,
    batch: int = 2,
    metrics: Sequence[Metric] = (Outcome(), Distance()),
    format: Format | None = None,
) -> Campaign:
    """A campaign on a model in evaluation mode, with the golden outputs that suit it."""
    data = Data(inputs)
    format = format_of(model) if format is None else format
    space = FaultSpace.of(model, target, fault, format, data=data, call=call)
    trials = sampler.draw(space, seed)
    # One sample at a time where a trial concerns one, as that is how it will pass.
    single = trials.single and any(site.samples is not None for site in space.sites)
    batch = 1 if single else batch
    workload = Workload(model, data, call, batch, independent=single)
    return Campaign(workload, space, trials, Panel(metrics, workload.golden))
