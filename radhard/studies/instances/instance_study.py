"""How are instances of a network, trained from several seeds, compared under faults?"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, final

from radhard.comparison import ErrorCurve
from radhard.errors import InputError
from radhard.faults import BitFlip
from radhard.manifest import fingerprint
from radhard.metrics import Accuracy
from radhard.samplers import ErrorRate
from radhard.space import FaultSpace
from radhard.studies.correct_answers import correct_answers
from radhard.studies.encodings import Encoding, stored_weights
from radhard.studies.instances.instance_findings import InstanceFindings
from radhard.studies.instances.instance_section import instance_section
from radhard.studies.instances.instance_training import RECIPE, trained_instance
from radhard.studies.network_campaign import network_campaign, place_in_store
from radhard.studies.networks import Network
from radhard.studies.study import NetworkSection, Plan, Study
from radhard.targets import Weights

__all__ = ["InstanceDesign", "InstanceStudy"]

_TARGET = Weights("*")


@final
@dataclass(frozen=True)
class InstanceDesign:
    """Encodings of the weights of networks that differ in their seed only."""

    encodings: tuple[Encoding, ...]
    rates: tuple[float, ...]
    """Probability of each stored bit of the weights to be flipped; in ascending order."""
    increases: tuple[float, ...]
    """Tolerated relative increases of the error."""
    instances: int = 20
    runs: int = 50
    """Trials at each rate of each instance, by default."""


@final
@dataclass(frozen=True, kw_only=True)
class InstanceStudy(Study[InstanceFindings]):
    """The spread of tolerable error rates over trained instances of a network."""

    design: InstanceDesign

    uses: ClassVar[frozenset[str]] = frozenset({"runs", "images", "store", "workers"})

    def measure(self, network: Network, plan: Plan) -> InstanceFindings:
        most = len(network.test)
        images = (network.images if network.brief else most) if plan.images is None else plan.images
        data = network.test.first(min(images, most))
        curves: dict[str, list[ErrorCurve]] = {each.name: [] for each in self.design.encodings}
        fingerprints = []
        for number in range(1, self.design.instances + 1):
            plan.report(f"{network.name}: instance {number}")
            path = place_in_store(self.name, network, plan, f"instance-{number}")
            weights = None if path is None else path.with_suffix(".safetensors")
            # Seeds of instances do not depend on that of the faults.
            instance = trained_instance(network.model, network.train, seed=number, path=weights)
            fingerprints.append(fingerprint(instance))
            for encoding in self.design.encodings:
                model = stored_weights(instance, encoding.format)
                if correct_answers(model, data).all():
                    raise InputError(
                        f"instance {number} of {network.name} in {encoding.name} classifies all "
                        f"{len(data):,} images correctly, so a relative increase of its error is "
                        "undefined; use more images, as --images 1000"
                    )
                results = network_campaign(
                    self.name,
                    network,
                    plan,
                    f"{encoding.name} {number}",
                    model,
                    data,
                    FaultSpace.of(model, _TARGET, BitFlip(), encoding.format),
                    ErrorRate(self.design.rates, trials=self._runs(plan)),
                    Accuracy(),
                )
                curves[encoding.name].append(ErrorCurve.of(results))
        return InstanceFindings(network.name, len(data), curves, fingerprints)

    def section(self, network: Network, findings: InstanceFindings) -> NetworkSection:
        return instance_section(network, findings, self.design.encodings, self.design.increases)

    def intervals(self) -> str:
        return (
            "Intervals are 95 % confidence intervals "
            "over the instances: they hold for these test samples and this "
            "way of training; the trials counted with the figures of the claims are instances. "
            "Those of standard deviations assume that tolerable rates are "
            "distributed log-normally; those of ratios of two are percentile bootstraps, and those "
            "of mean ratios are Student's t on the logarithms."
        )

    def settings(self, plan: Plan) -> Mapping[str, Any]:
        design = self.design
        return {
            "runs": self._runs(plan),
            "instances": design.instances,
            "increases": list(design.increases),
            "rates": list(design.rates),
            "training": repr(RECIPE),
        }

    def amount(self, plan: Plan) -> str:
        rates = self.design.rates
        return (
            f"{self.design.instances} instances, {self._runs(plan):,} trials of each at each of "
            f"{len(rates)} rates from {rates[0]:g} to {rates[-1]:g}"
        )

    def _runs(self, plan: Plan) -> int:
        return self.design.runs if plan.runs is None else plan.runs
