"""Into which sites of a network are which faults injected?"""

from dataclasses import dataclass
from typing import final

from torch import nn

from radhard.faults import FaultModel
from radhard.formats import Float32, Format
from radhard.studies.rate_design import RateDesign
from radhard.targets import Activations, Gradients, HiddenStates, Target, Weights

__all__ = ["SiteDesign", "SiteFault", "TrainingDesign", "sites_of"]


@final
@dataclass(frozen=True)
class SiteFault:
    """A kind of fault, with the rates at which it is tried."""

    name: str
    fault: FaultModel
    design: RateDesign
    training_rates: tuple[float, ...] = ()
    """Probability of each bit, or word, to be faulty in a step of a training; empty: no trainings
    with this kind of fault."""
    training_sites: tuple[str, ...] = ("weights", "activations", "hidden states", "gradients")
    """Those of the sites into which it is injected in training."""
    format: Format = Float32()  # noqa: RUF009
    everywhere: bool = True
    """Whether the fault is injected into hidden states as well as into weights and activations."""
    by_layer: bool = False
    """Whether the weights of each layer are a site of their own as well."""


@final
@dataclass(frozen=True)
class TrainingDesign:
    """How networks are trained with faults: from random weights, by Adam, few steps."""

    runs: int = 8
    """Trainings at each rate."""
    seeds: tuple[int, ...] = (1, 2)
    steps: int = 40
    batch: int = 50
    learning_rate: float = 0.01


@final
@dataclass(frozen=True)
class SiteDesign:
    """Sites of a network, compared by the error rates that they tolerate."""

    faults: tuple[SiteFault, ...]
    training: TrainingDesign
    increases: tuple[float, ...] = (0.005, 0.01, 0.05, 0.1)
    """Tolerated relative increases of the error; the first one decides the claims of inference."""
    training_increase: float = 0.1
    """The one for trainings, in which chance is larger."""


def sites_of(model: nn.Module, fault: SiteFault, *, training: bool) -> dict[str, Target]:
    """The sites into which a kind of fault is injected, by name, those that the model has."""
    sites: dict[str, Target] = {"weights": Weights("*"), "activations": Activations("*")}
    recurrent = any(isinstance(m, nn.RNNBase | nn.RNNCellBase) for m in model.modules())
    if fault.everywhere and recurrent:
        sites["hidden states"] = HiddenStates("*")
    if training:
        sites["gradients"] = Gradients("*")
        return {site: sites[site] for site in fault.training_sites if site in sites}
    if fault.by_layer:
        names = [name for name, _ in Weights("*").candidates(model)]
        layers = dict.fromkeys(name.rpartition(".")[0] for name in names)
        sites.update({f"weights of {layer}": Weights(f"{layer}.*") for layer in layers})
    return sites
