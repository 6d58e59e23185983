"""What does an analysis look at?"""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import torch
from rich.console import Console
from rich.progress import Progress, TaskID
from torch import Tensor, nn

from radhard.datasets.data import Data
from radhard.errors import InputError
from radhard.targets import Forward

__all__ = ["Layer", "Subject"]

WEIGHTED = (nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.Linear)
"""Layers whose outputs are sums of products, one channel a row of the weight."""


@dataclass(frozen=True)
class Layer:
    """A convolution or linear layer, by its name in the model."""

    name: str
    module: nn.Module

    def by_channel(self, values: Tensor) -> Tensor:
        """What the layer hands on as ``(samples, channels, positions)``; a view where possible."""
        if isinstance(self.module, nn.Linear):
            return values.reshape(len(values), -1, values.shape[-1]).transpose(1, 2)
        return values.flatten(2)

    @property
    def weight(self) -> Tensor:
        """The weight, ``(channels, inputs, ...)``."""
        weight = self.module.weight
        assert isinstance(weight, Tensor)
        return weight


@dataclass
class Subject:
    """A model in evaluation mode with data, its golden logits, and a count of what it was asked."""

    model: nn.Module
    data: Data
    call: Forward
    batch: int
    seed: int
    logits: Tensor
    """Golden outputs, ``(samples, classes)``."""
    progress: bool | None = None
    samples: int = 0
    """How many samples passed through the model or part of it, backward passes not counted."""
    _bar: Progress | None = field(default=None, repr=False)
    _task: TaskID | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        self.samples += 2 * len(self.data)

    @cached_property
    def answers(self) -> Tensor:
        """Golden answers, ``(samples,)``: the class with the largest logit."""
        return self.logits.argmax(1)

    @cached_property
    def labels(self) -> Tensor:
        """The labels.

        Raises:
            InputError: the data have none.
        """
        if self.data.labels is None:
            raise InputError(f"{self.data.name}: this analysis compares with labels; give some")
        return self.data.labels

    @cached_property
    def layers(self) -> list[Layer]:
        """The convolutions and linear layers, in the model's order; a shared one once.

        Raises:
            InputError: there is none.
        """
        found = [Layer(n, m) for n, m in self.model.named_modules() if isinstance(m, WEIGHTED)]
        if not found:
            kinds = ", ".join(kind.__name__ for kind in WEIGHTED)
            raise InputError(f"this model has none of the layers that are looked at: {kinds}")
        return found

    def random(self, *purpose: int) -> np.random.Generator:
        """Chance that follows from the seed and the purpose only."""
        return np.random.default_rng((self.seed, *purpose))

    def batches(self) -> Iterator[tuple[slice, Any]]:
        """Every sample in order, batch by batch, each with its slice."""
        yield from self.data.batches(self.batch)

    def forward(self, inputs: Any, *, model: nn.Module | None = None) -> Tensor:
        """The logits for a batch, counted; with gradients where these are switched on."""
        outputs = self.call(self.model if model is None else model, inputs)
        self.samples += len(outputs)
        return outputs

    @contextmanager
    def captured(self, layers: Sequence[Layer]) -> Iterator[dict[Layer, list[Tensor]]]:
        """While open, what these layers hand on, call by call; cleared before every pass."""
        seen: dict[Layer, list[Tensor]] = {layer: [] for layer in layers}

        def clear(*_: Any) -> None:
            for calls in seen.values():
                calls.clear()

        handles = [self.model.register_forward_pre_hook(clear)]

        def hook(layer: Layer) -> Any:
            def see(_: nn.Module, args: Any, output: Tensor) -> None:  # noqa: ARG001
                seen[layer].append(output)

            return see

        try:
            for layer in layers:
                handles.append(layer.module.register_forward_hook(hook(layer)))
            yield seen
        finally:
            for handle in handles:
                handle.remove()

    @contextmanager
    def gradients(self) -> Iterator[None]:
        """While open, passes record what gradients need.

        Raises:
            InputError: the model's tensors were made in inference mode.
        """
        made = [name for name, p in self.model.named_parameters() if p.is_inference()]
        if made:
            raise InputError(
                f"{made[0]!r} was made in inference mode, so that nothing can be differentiated; "
                "build or load the model outside torch.inference_mode()"
            )
        with torch.enable_grad():
            yield

    @contextmanager
    def shown(self, what: str) -> Iterator[None]:
        """A progress bar while open, where there is a terminal or one was asked for."""
        on = sys.stderr.isatty() if self.progress is None else self.progress
        with Progress(console=Console(stderr=True), transient=True, disable=not on) as bar:
            self._bar, self._task = bar, bar.add_task(what, total=None)
            try:
                yield
            finally:
                self._bar = self._task = None

    def step(self, done: float, total: float) -> None:
        """Say how far it is."""
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, completed=done, total=total)
