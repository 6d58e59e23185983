"""What does a hardening work on?"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from torch import Tensor, nn

from radhard.datasets.data import Data
from radhard.errors import InputError
from radhard.hardenings.coverage import Coverage
from radhard.hardenings.part import Part, attach, attach_to_model
from radhard.hardenings.record import HeldOut
from radhard.scores import Scores
from radhard.targets import Forward

__all__ = ["Workpiece"]


@dataclass
class Workpiece:
    """A copy of a model in evaluation mode, with data, its golden logits, and scores if given."""

    model: nn.Module
    data: Data
    scores: Scores | None
    call: Forward
    batch: int
    seed: int
    logits: Tensor
    by: str
    """The hardening, as text."""
    progress: bool | None = None
    deterministic: bool = True
    """Whether fault-free passes that differ are refused."""
    coverage: list[Coverage] = field(default_factory=list)
    held_out: list[HeldOut] = field(default_factory=list)
    """What limits changed on samples that they did not come from."""
    profiled: list[str] = field(default_factory=list)
    """Modules whose values were looked at to set limits."""

    def demanded_scores(self) -> Scores:
        """The scores.

        Raises:
            InputError: none were given.
        """
        if self.scores is None:
            raise InputError(
                f"{self.by} protects the most vulnerable parts first, so it needs scores: "
                "scores = analyses.VulnerabilityGain()(model, data) "
                "(on the command line: --scores scores.json)"
            )
        return self.scores

    def labels(self) -> Tensor:
        """The labels.

        Raises:
            InputError: the data have none.
        """
        if self.data.labels is None:
            raise InputError(f"{self.by} looks at the accuracy: {self.data.name} needs labels")
        return self.data.labels

    def cover(
        self,
        kind: str,
        covered: Collection[str],
        left_out: Mapping[str, str],
        exempt: Mapping[str, str] | None = None,
        *,
        sought: str = "",
        demanded: bool = True,
    ) -> None:
        """Note which parts of one kind the hardening protects, and which it leaves out and why.

        Args:
            kind: the kind of the parts, in the plural.
            covered: names of the parts that are protected.
            left_out: by part that is not, and should be, the reason.
            exempt: by part that needs no protection, the reason.
            sought: what counts as such a part, for the message.
            demanded: whether it is an error that no part is protected.

        Raises:
            InputError: no part is protected.
        """
        coverage = Coverage(kind, tuple(covered), left_out, exempt or {})
        if demanded and not coverage.covered:
            hint = f"; there are {sought}" if sought else ""
            raise InputError(
                f"{self.by} would protect nothing of {type(self.model).__name__}: {coverage}{hint}"
            )
        self.coverage.append(coverage)

    def attach(self, module: str, name: str, part: Part) -> None:
        """Put a part under a module."""
        attach(self.model, f"{module}.{name}" if module else name, part)

    def attach_to_model(self, name: str, part: Part) -> None:
        """Put a part that concerns the whole model into it."""
        attach_to_model(self.model, name, part)

    def random(self, *purpose: int) -> np.random.Generator:
        """Chance that follows from the seed and the purpose only."""
        return np.random.default_rng((self.seed, *purpose))

    @contextmanager
    def seeing(self, modules: Sequence[str]) -> Iterator[dict[str, list[Tensor]]]:
        """While open, what flows out of the modules, call by call."""
        seen: dict[str, list[Tensor]] = {name: [] for name in modules}

        def hook(name: str) -> Any:
            def see(_: nn.Module, args: Any, output: Any) -> None:  # noqa: ARG001
                seen[name].append(output.detach())

            return see

        with ExitStack() as hooks:
            for name in modules:
                handle = self.model.get_submodule(name).register_forward_hook(hook(name))
                hooks.callback(handle.remove)
            yield seen
