"""How are weights in several codes evaluated under single faults and at bit error rates?"""

from functools import partial

from radhard.comparison import fault_free_error
from radhard.faults import BitFlip
from radhard.metrics import Accuracy, Critical
from radhard.samplers import ErrorRate, Uniform
from radhard.space import FaultSpace
from radhard.stats import Estimate
from radhard.studies.codes.code_design import CodeDesign
from radhard.studies.codes.code_findings import CodeFindings
from radhard.studies.codes.decoding_times import decoding_times
from radhard.studies.encodings import EncodingFindings, MeasuredEncoding, stored_weights
from radhard.studies.network_campaign import network_campaign
from radhard.studies.networks import Network
from radhard.studies.study import Plan
from radhard.targets import Weights

__all__ = ["measure_codes"]


def measure_codes(study: str, design: CodeDesign, network: Network, plan: Plan) -> CodeFindings:
    """The weights of one network in every code: campaigns of both kinds, and decoding timed.

    Raises:
        InputError: weights that a code cannot represent, or a store that contains another study.
    """
    images = network.images if plan.images is None else plan.images
    data = network.test.first(min(images, len(network.test)))
    encodings = design.rates.encodings
    runs = design.rates.runs if plan.runs is None else plan.runs
    rates = ErrorRate(design.rates.rates_of(quick=plan.quick), trials=runs)
    flips = Uniform(design.single_of(quick=plan.quick))
    measured: dict[str, MeasuredEncoding] = {}
    single: dict[str, Estimate] = {}
    for encoding in encodings:
        plan.report(f"{network.name}: {encoding.name}")
        model = stored_weights(network.model, encoding.format)
        space = FaultSpace.of(model, Weights("*"), BitFlip(), encoding.format)
        campaign = partial(
            network_campaign, study, network, plan, encoding.name, model, data, space
        )
        at_rates = campaign(rates, Accuracy(), suffix="-rates")
        of_one = campaign(flips, Critical(), suffix="-single")
        measured[encoding.name] = MeasuredEncoding(repr(encoding.format), len(space), at_rates)
        single[encoding.name] = of_one.rate("critical")
    formats = {each.name: each.format for each in encodings}
    times = decoding_times(network.model, formats) if plan.timed else None
    reference = fault_free_error(measured[encodings[0].name].results)
    found = EncodingFindings(
        network.name,
        len(data),
        design.rates.increase,
        measured,
        relative=False,
        reference=reference,
    )
    weights = sum(w.numel() for _, w in Weights("*").candidates(network.model))
    families = {
        name: tuple(each.name for each in family) for name, family in design.families.items()
    }
    return CodeFindings(found, families, single, weights, times)
