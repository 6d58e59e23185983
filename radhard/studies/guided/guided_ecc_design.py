"""Which words are protected in which formats, and by how many flips are they found?"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import final

from radhard.analyses.criticality import TOLERANCES
from radhard.formats import Format
from radhard.studies.guided.paper_figures import PaperFigures
from radhard.studies.networks import Network
from radhard.studies.pruning import Tuning
from radhard.studies.study import Plan

__all__ = ["GuidedEccDesign"]

_QUICK = 20
"""A quick study tries one in so many flips."""


@final
@dataclass(frozen=True)
class GuidedEccDesign:
    """Formats of weights, and how their critical words are found and protected."""

    formats: Mapping[str, Format]
    """By name; the first is that in which the network was trained, networks in the others are
    fine-tuned."""
    paper: Mapping[str, tuple[str, Mapping[str, PaperFigures]]]
    """By network, the name of the paper's network, and its figures by format."""
    tuning: Tuning
    tolerance: float = 0.005
    """The drop of accuracy that is tolerated where words are protected."""
    loosest: float = TOLERANCES[-1]
    flips: int = 20_000
    """Bits that are flipped to find the critical ones, and as many others to verify the result."""
    brief_flips: int = 2_000
    """The same for large networks (``brief``)."""
    images: int = 200
    brief_images: int = 100
    promises: tuple[float, ...] = (0.05, 0.1, 0.2, 0.3, 0.5)
    """Miss rates; the smallest one for which there are enough critical words is promised."""
    repeated: int = 100
    """Critical faults that are repeated on the protected memory, at most, and other faults in its
    check bits and signature."""
    brief_repeated: int = 50
    trees: int = 30
    folds: int = 5

    def flips_of(self, network: Network, plan: Plan) -> int:
        """How many bits of a network are flipped in a campaign."""
        if plan.runs is not None:
            return plan.runs
        flips = self.brief_flips if network.brief else self.flips
        return flips // _QUICK if plan.quick else flips

    def repeated_of(self, network: Network) -> int:
        """How many faults are injected into the protected memory of a network."""
        return self.brief_repeated if network.brief else self.repeated

    def images_of(self, network: Network, plan: Plan) -> int:
        """How many test images of a network are evaluated."""
        images = self.brief_images if network.brief else self.images
        return min(images if plan.images is None else plan.images, len(network.test))
