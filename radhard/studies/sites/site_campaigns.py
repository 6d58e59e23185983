"""How are the sites of a network hit by faults in inference?"""

from collections.abc import Iterator

from torch import nn

from radhard.comparison import ErrorCurve, tolerable
from radhard.datasets import Data
from radhard.errors import InputError
from radhard.formats import Float32
from radhard.manifest import fingerprint
from radhard.quantization import quantized
from radhard.space import FaultSpace
from radhard.studies.correct_answers import correct_answers
from radhard.studies.networks import Network
from radhard.studies.rate_course import RateCourse
from radhard.studies.sites.site_design import SiteDesign, SiteFault, sites_of
from radhard.studies.sites.site_findings import MeasuredSite, SiteFindings
from radhard.studies.sites.site_trainings import measure_trainings
from radhard.studies.study import Plan

__all__ = ["measure_sites"]


def measure_sites(study: str, design: SiteDesign, network: Network, plan: Plan) -> SiteFindings:
    """Every site of one network with every kind of fault, in inference and in training.

    All test samples are evaluated, or as many as the plan says.

    Raises:
        InputError: a fault-free error of 0, a network that cannot be trained anew, or a store that
            contains another study.
    """
    most = len(network.test)
    data = network.test.first(min(plan.images or most, most))
    measured = list[MeasuredSite]()
    for fault in design.faults:
        model = network.model
        if fault.format != Float32():
            model = quantized(model, network.train, fault.format)
        if correct_answers(model, data).all():
            raise InputError(
                f"{network.name} in {fault.format!r} classifies all {len(data):,} samples "
                "correctly, so a relative increase of its error is undefined; use more samples, as "
                "--images 1000"
            )
        measured += _inference(study, design, fault, network, plan, model, data)
        measured += measure_trainings(study, design.training, fault, network, plan, data)
    return SiteFindings(
        network=network.name,
        images=len(data),
        increases=design.increases,
        training_increase=design.training_increase,
        measured=measured,
        fingerprints={"model": fingerprint(network.model), "data": data.fingerprint()},
    )


def _inference(
    study: str,
    design: SiteDesign,
    fault: SiteFault,
    network: Network,
    plan: Plan,
    model: nn.Module,
    data: Data,
) -> Iterator[MeasuredSite]:
    """Every site with one kind of fault, while samples are classified."""
    for site, target in sites_of(model, fault, training=False).items():
        plan.report(f"{network.name}: {fault.name} in {site}")
        space = FaultSpace.of(model, target, fault.fault, fault.format, data=data)
        name = f"{fault.name} {site}"
        course = RateCourse(study, fault.design, network, plan, name, model, data, space)
        course.sweep()
        if not plan.quick:
            # Refined near both ends of the tolerated increases; those in between lie between.
            ends = (design.increases[0], design.increases[-1])
            found = [tolerable(course.campaigns, increase=increase) for increase in ends]
            course.refine(found, fault.design.near)
        flows = any(each.flows for each in space.sites)
        # Faults in values that flow are those of one inference each.
        size = course.size // len(data) if flows else course.size
        curve = ErrorCurve.of(course.campaigns)
        yield MeasuredSite(site, fault.name, "inference", size, curve)
