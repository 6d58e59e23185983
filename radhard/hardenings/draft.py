"""What does a hardening add to a model, and what does it cover?"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from torch import Tensor, nn

from radhard.errors import InputError
from radhard.hardenings.coverage import Coverage
from radhard.hardenings.part import Part, attach, attach_to_model
from radhard.hardenings.record import HeldOut
from radhard.scores import Scores
from radhard.workload import Workload

__all__ = ["Draft"]


@dataclass
class Draft:
    """A copy of a model that is being hardened, and a record of what the hardening covers."""

    workload: Workload
    """The copy in evaluation mode, with data and the golden logits from before the hardening."""
    scores: Scores | None
    by: str
    """The hardening, as text."""
    coverage: list[Coverage] = field(default_factory=list)
    held_out: list[HeldOut] = field(default_factory=list)
    """The effect of limits on samples from which they were not derived."""
    profiled: list[str] = field(default_factory=list)
    """Modules whose values were measured to set limits."""

    findings: list[str] = field(default_factory=list)
    """What was measured on the data, each as a clause."""

    @property
    def model(self) -> nn.Module:
        """The copy that is being hardened."""
        return self.workload.model

    def required_scores(self) -> Scores:
        """The scores.

        Raises:
            InputError: there are none.
        """
        if self.scores is None:
            raise InputError(
                f"{self.by} protects the most vulnerable parts first, which requires scores: "
                "scores = analyses.VulnerabilityGain()(model, data) (on the command line: "
                "--scores scores.json)"
            )
        return self.scores

    def labels(self) -> Tensor:
        """The labels.

        Raises:
            InputError: the data have none.
        """
        data = self.workload.data
        if data.labels is None:
            raise InputError(
                f"{self.by} measures the accuracy, but {data.name} has no labels; give data with "
                "labels"
            )
        return data.labels

    def cover(
        self,
        kind: str,
        covered: Collection[str],
        left_out: Mapping[str, str],
        exempt: Mapping[str, str] | None = None,
        *,
        sought: str = "",
        required: bool = True,
    ) -> None:
        """Record which parts of one kind the hardening protects, and which it leaves out and why.

        Args:
            kind: the kind of the parts, in the plural.
            covered: names of the parts that are protected.
            left_out: the reasons for parts that should be protected and are not.
            exempt: the reasons for parts that need no protection.
            sought: a description of such parts, for the message.
            required: whether it is an error if no part is protected.

        Raises:
            InputError: no part is protected.
        """
        coverage = Coverage(kind, tuple(covered), left_out, exempt or {})
        if required and not coverage.covered:
            hint = f"; it acts on {sought}" if sought else ""
            raise InputError(
                f"{self.by} would protect nothing of {type(self.model).__name__}: {coverage}{hint}"
            )
        self.coverage.append(coverage)

    def attach(self, module: str, name: str, part: Part) -> None:
        """Put a part under a module."""
        attach(self.model, f"{module}.{name}" if module else name, part)

    def attach_to_model(self, name: str, part: Part) -> None:
        """Put a part that acts on the whole model into it."""
        attach_to_model(self.model, name, part)
