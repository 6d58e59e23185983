"""How are the activations and weights of a network hit by upsets?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from torch import Tensor

from radhard.datasets import Data
from radhard.errors import InputError
from radhard.faults import BitFlip
from radhard.formats import Float32
from radhard.metrics import Accuracy, Corneliou, Metric
from radhard.results import Results
from radhard.samplers import Cumulative, Sampler, UpsetRate
from radhard.space import FaultSpace
from radhard.studies.correct_answers import correct_answers
from radhard.studies.network_campaign import network_campaign
from radhard.studies.networks import Network
from radhard.studies.study import Plan
from radhard.studies.upsets.activation_errors import activation_errors
from radhard.studies.upsets.upset_design import UpsetDesign
from radhard.studies.upsets.upset_findings import UpsetFindings
from radhard.targets import Activations, Weights

__all__ = ["design_of", "measure_upsets"]


def design_of(design: UpsetDesign, plan: Plan) -> UpsetDesign:
    """What of a design is tried, after the settings of the plan."""
    tried = design.quick() if plan.quick else design
    if plan.runs is not None:
        tried = replace(tried, repeats=plan.runs, layer_repeats=plan.runs)
    return tried if plan.images is None else replace(tried, images=plan.images)


def measure_upsets(study: str, design: UpsetDesign, network: Network, plan: Plan) -> UpsetFindings:
    """The three experiments on one network: activations by themselves, transients, memory.

    Raises:
        InputError: samples that are not grey images, too few bits for the errors that accumulate,
            or a store that contains another study.
    """
    tried = design_of(design, plan)
    if not isinstance(network.test.inputs, Tensor):
        raise InputError(f"{network.name}: the samples are no images; take a network of images")
    plan.report(f"{network.name}: errors of activations")
    errors = activation_errors(network.test.inputs, tried.flips, tried.activations, seed=plan.seed)
    few = network.test.first(min(tried.images, len(network.test)))
    # With a quick study, transients are measured on few images, too.
    upsets = _Upsets(study, network, plan, few if plan.quick else network.test, few)
    flowing, stored = upsets.activations("*"), upsets.weights("*")
    transients = {
        k: upsets.transients(
            f"transients of {k} flips",
            flowing,
            UpsetRate(tried.rates, count=k, trials=tried.passes),
        )
        for k in tried.flips
    }
    one = UpsetRate(1.0, trials=tried.layer_passes)
    layer_transients = {
        name: upsets.transients(f"a transient in {name}", upsets.activations(name), one)
        for name in (site.name for site in flowing.sites)
    }
    memory = upsets.memory("memory", stored, Cumulative(tried.steps, tried.repeats))
    layers = {site.layer: upsets.weights(site.name) for site in stored.sites}
    flips = Cumulative(tried.layer_steps, tried.layer_repeats)
    layer_memory = {
        layer: upsets.memory(f"memory of {layer}", space, flips) for layer, space in layers.items()
    }
    values: Mapping[str, int] = {
        site.name: _values(region.words, site.samples)
        for site, region in zip(flowing.sites, flowing.regions, strict=True)
    }
    return UpsetFindings(
        network=network.name,
        right=correct_answers(network.model, upsets.images),
        images=len(few),
        errors=errors,
        transients=transients,
        layer_transients=layer_transients,
        values=values,
        memory=memory,
        layer_memory=layer_memory,
        bits={layer: len(space) for layer, space in layers.items()},
    )


@dataclass(frozen=True)
class _Upsets:
    """The campaigns on one network."""

    study: str
    network: Network
    plan: Plan
    images: Data
    """Of the transients."""
    few: Data
    """Of the faults in memory, which take a pass over all images each."""

    def activations(self, pattern: str) -> FaultSpace:
        model, targets = self.network.model, Activations(pattern)
        return FaultSpace.of(model, targets, BitFlip(), Float32(), data=self.images)

    def weights(self, pattern: str) -> FaultSpace:
        return FaultSpace.of(self.network.model, Weights(pattern), BitFlip(), Float32())

    def transients(self, variant: str, space: FaultSpace, sampler: Sampler) -> Results:
        """A campaign of faults in activations."""
        return self._campaign(variant, space, sampler, self.images, [Accuracy(), Corneliou()])

    def memory(self, variant: str, space: FaultSpace, sampler: Sampler) -> Results:
        """A campaign of faults in weights, which stay there."""
        return self._campaign(variant, space, sampler, self.few, [Accuracy()])

    def _campaign(
        self,
        variant: str,
        space: FaultSpace,
        sampler: Sampler,
        data: Data,
        metrics: Sequence[Metric],
    ) -> Results:
        network, plan = self.network, self.plan
        plan.report(f"{network.name}: {variant}")
        return network_campaign(
            self.study, network, plan, variant, network.model, data, space, sampler, metrics
        )


def _values(words: int, samples: int | None) -> int:
    """The number of values of a layer's output in one inference."""
    assert samples is not None  # UpsetRate refuses others
    return words // samples
