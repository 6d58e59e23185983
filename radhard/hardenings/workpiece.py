"""What does a hardening work on?"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn

from radhard.datasets.data import Data
from radhard.errors import InputError
from radhard.hardenings.part import Part, attach, attach_to_model
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

    def modules(self, kinds: tuple[type[nn.Module], ...]) -> list[tuple[str, nn.Module]]:
        """Name and module of every module of these kinds, in the model's order.

        Raises:
            InputError: there is none; the message says which kinds can be protected.
        """
        found = [(name, m) for name, m in self.model.named_modules() if isinstance(m, kinds)]
        if not found:
            known = ", ".join(kind.__name__ for kind in kinds)
            raise InputError(
                f"{self.by} protects modules of the kinds {known}; this model has none"
            )
        return found

    def attach(self, module: str, name: str, part: Part) -> None:
        """Put a part under a module."""
        attach(self.model, f"{module}.{name}" if module else name, part)

    def attach_to_model(self, name: str, part: Part) -> None:
        """Put a part that concerns the whole model into it."""
        attach_to_model(self.model, name, part)

    def random(self, *purpose: int) -> np.random.Generator:
        """Chance that follows from the seed and the purpose only."""
        return np.random.default_rng((self.seed, *purpose))

    def watch(self, modules: Sequence[str], *, inputs: bool = False) -> Iterator[dict[str, Tensor]]:
        """What flows out of the modules (or into them), one batch of all data after another.

        Calls of a module that is called several times are joined along the samples.
        """
        for _, batch in self.data.batches(self.batch):
            with torch.no_grad(), self.seeing(modules, inputs=inputs) as seen:
                self.call(self.model, batch)
            yield {name: torch.cat(calls) for name, calls in seen.items() if calls}

    @contextmanager
    def seeing(
        self, modules: Sequence[str], *, inputs: bool = False
    ) -> Iterator[dict[str, list[Tensor]]]:
        """While open, what flows out of (or into) the modules, call by call."""
        seen: dict[str, list[Tensor]] = {name: [] for name in modules}

        def hook(name: str) -> Any:
            def see(_: nn.Module, args: Any, output: Any) -> None:
                if inputs and not args:
                    raise InputError(
                        f"{self.by}: {name!r} is given its input by name, not by place"
                    )
                seen[name].append((args[0] if inputs else output).detach())

            return see

        with ExitStack() as hooks:
            for name in modules:
                handle = self.model.get_submodule(name).register_forward_hook(hook(name))
                hooks.callback(handle.remove)
            yield seen

    def ranges(
        self,
        modules: Sequence[str],
        *,
        per: Literal["layer", "channel", "neuron"],
        inputs: bool = False,
        axis: Mapping[str, int] | None = None,
    ) -> dict[str, tuple[Tensor, Tensor]]:
        """Least and greatest value by module: of all (``per="layer"``), by channel, by neuron.

        A neuron is one place of a sample's value. ``axis``: by module the axis of the channels, by
        default 1. Modules that were never called are left out.
        """
        found: dict[str, tuple[Tensor, Tensor]] = {}
        for _, batch in self.data.batches(self.batch):
            with torch.no_grad(), self.seeing(modules, inputs=inputs) as seen:
                self.call(self.model, batch)
            for name, values in ((name, value) for name, calls in seen.items() for value in calls):
                low, high = _extremes(values, per, (axis or {}).get(name, 1))
                if name in found:
                    if low.shape != found[name][0].shape:
                        raise InputError(
                            f"{self.by}: values of different shapes flow through {name!r}, so that "
                            "there is no range for each of their places; take one for the layer, "
                            "or give the model a module for each call"
                        )
                    low = torch.minimum(low, found[name][0])
                    high = torch.maximum(high, found[name][1])
                if low.isnan().any():
                    raise InputError(
                        f"{self.by}: NaN flows through {name!r} without any fault; "
                        "no range follows from that"
                    )
                found[name] = low, high
        return found

    def in_order(self, modules: Sequence[str]) -> list[str]:
        """The modules in the order in which they are called; those that never are, are left out."""
        called: dict[str, None] = {}
        _, batch = next(self.data.batches(1))
        with ExitStack() as hooks, torch.no_grad():
            for name in modules:
                module = self.model.get_submodule(name)
                handle = module.register_forward_hook(lambda *_, name=name: called.setdefault(name))
                hooks.callback(handle.remove)
            self.call(self.model, batch)
        return list(called)


def _extremes(values: Tensor, per: str, axis: int) -> tuple[Tensor, Tensor]:
    if per == "layer":
        return values.amin(), values.amax()
    if per == "neuron":
        return values.amin(0), values.amax(0)
    over = [other for other in range(values.ndim) if other != axis % values.ndim]
    return values.amin(over), values.amax(over)
