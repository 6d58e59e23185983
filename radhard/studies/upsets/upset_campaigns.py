"""How are the activations and weights of a network hit by upsets?"""

from collections.abc import Mapping
from dataclasses import replace

from torch import Tensor

from radhard.errors import InputError
from radhard.faults import BitFlip
from radhard.formats import Float32
from radhard.metrics import Accuracy, Corneliou
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
    tried, model = design_of(design, plan), network.model
    if not isinstance(network.test.inputs, Tensor):
        raise InputError(f"{network.name}: the samples are no images; take a network of images")
    plan.report(f"{network.name}: errors of activations")
    errors = activation_errors(network.test.inputs, tried.flips, tried.activations, seed=plan.seed)
    few = network.test.first(min(tried.images, len(network.test)))
    # With a quick study, transients are measured on few images, too.
    data = few if plan.quick else network.test

    def campaign(variant: str, space: FaultSpace, sampler: Sampler, *, flowing: bool) -> Results:
        plan.report(f"{network.name}: {variant}")
        on, metrics = (data, [Accuracy(), Corneliou()]) if flowing else (few, [Accuracy()])
        return network_campaign(study, network, plan, variant, model, on, space, sampler, metrics)

    def activations(pattern: str) -> FaultSpace:
        return FaultSpace.of(model, Activations(pattern), BitFlip(), Float32(), data=data)

    def weights(pattern: str) -> FaultSpace:
        return FaultSpace.of(model, Weights(pattern), BitFlip(), Float32())

    flowing, stored = activations("*"), weights("*")
    transients = {
        k: campaign(
            f"transients of {k} flips",
            flowing,
            UpsetRate(tried.rates, count=k, trials=tried.passes),
            flowing=True,
        )
        for k in tried.flips
    }
    one = UpsetRate(1.0, trials=tried.layer_passes)
    layer_transients = {
        name: campaign(f"a transient in {name}", activations(name), one, flowing=True)
        for name in (site.name for site in flowing.sites)
    }
    memory = campaign("memory", stored, Cumulative(tried.steps, tried.repeats), flowing=False)
    layers = {site.layer: weights(site.name) for site in stored.sites}
    flips = Cumulative(tried.layer_steps, tried.layer_repeats)
    layer_memory = {
        layer: campaign(f"memory of {layer}", space, flips, flowing=False)
        for layer, space in layers.items()
    }
    values: Mapping[str, int] = {
        site.name: _values(region.words, site.samples)
        for site, region in zip(flowing.sites, flowing.regions, strict=True)
    }
    return UpsetFindings(
        network=network.name,
        right=correct_answers(model, data),
        images=len(few),
        errors=errors,
        transients=transients,
        layer_transients=layer_transients,
        values=values,
        memory=memory,
        layer_memory=layer_memory,
        bits={layer: len(space) for layer, space in layers.items()},
    )


def _values(words: int, samples: int | None) -> int:
    """The number of values of a layer's output in one inference."""
    assert samples is not None  # UpsetRate refuses others
    return words // samples
