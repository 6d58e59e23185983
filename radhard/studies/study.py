"""What is the contract of a study?"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Generic, TypeVar, final

from radhard.errors import InputError
from radhard.studies.claim import Claim
from radhard.studies.networks import Network

__all__ = ["NetworkSection", "Plan", "Study"]

Findings = TypeVar("Findings")
"""What a kind of study measures on one network."""


@final
@dataclass(frozen=True)
class Plan:
    """How much of a study is done, and where it is kept; None: as the study or the network says.

    Raises:
        InputError: a number below 1.
    """

    runs: int | None = None
    """Trials at each error rate, or of single faults in each format."""
    images: int | None = None
    """Test images in a campaign."""
    seed: int = 0
    store: Path | None = None
    """Folder of run files and hardened models; a stopped study continues from there."""
    timed: bool = True
    """Whether the time of an inference is measured."""
    quick: bool = False
    """Whether only a few of the error rates or faults are tried."""
    workers: int | None = None
    """Processes that execute trials; None: one."""
    progress: bool | None = None
    report: Callable[[str], None] = field(default=lambda _: None)
    """Called with a line whenever the next part begins."""

    def __post_init__(self) -> None:
        for name in ("runs", "images", "workers"):
            number = getattr(self, name)
            if number is not None and number < 1:
                raise InputError(f"{name}={number} is not allowed; give at least 1")

    @property
    def options(self) -> frozenset[str]:
        """Names of the settings that differ from their default and that not every study uses."""
        names = ("runs", "images", "store", "timed", "quick", "workers")
        defaults = Plan()
        return frozenset(n for n in names if getattr(self, n) != getattr(defaults, n))


@final
@dataclass(frozen=True)
class NetworkSection:
    """What a page contains about one network, beside the verdicts on the claims."""

    intro: str
    """A sentence on the network, as Markdown."""
    body: Sequence[str]
    """Lines of Markdown that follow the claims."""
    figures: Mapping[str, str]
    """SVG, by the name of the file."""
    numbers: Mapping[str, Any]
    """All of it for programs, as plain values."""


@dataclass(frozen=True, kw_only=True)
class Study(ABC, Generic[Findings]):
    """A comparison from a paper: measured on networks, with a verdict on every claim.

    A kind of study is a subclass: it says how a network is measured and how a page shows that.
    A study is an instance of a kind, and stands in one file with its claims.
    """

    name: str
    title: str
    source: str
    about: str
    """A few sentences: what is done, and how the figures are to be read."""
    networks: tuple[str, ...]
    """Names of the networks that are measured unless others are named."""
    claims: Callable[[Findings], Sequence[Claim]]
    """The statements of the paper, from what was measured on one network."""
    across: Callable[[Sequence[Findings]], Sequence[Claim]] = field(default=lambda _: ())
    """The statements that compare networks, from what was measured on all of them, in order."""

    uses: ClassVar[frozenset[str]] = frozenset()
    """Settings of a `Plan` that this kind of study uses, beside ``seed`` and ``report``."""

    @abstractmethod
    def measure(self, network: Network, plan: Plan) -> Findings:
        """Measure one network, which stays as it is.

        Raises:
            InputError: the network cannot be measured, or the store belongs to another study.
        """

    @abstractmethod
    def section(self, network: Network, findings: Findings) -> NetworkSection:
        """What the page, the figures and the numbers contain about one network."""

    @abstractmethod
    def intervals(self) -> str:
        """A sentence on what the intervals cover, and over what."""

    @abstractmethod
    def settings(self, plan: Plan) -> Mapping[str, Any]:
        """What beside the seed decides the figures, as plain values."""

    def amount(self, plan: Plan) -> str:
        """How much is tried, such as ``200 trials at each rate``; empty where nothing is drawn."""
        del plan
        return ""
