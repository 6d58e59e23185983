"""What does an analysis look at?"""

import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import torch
from rich.console import Console
from rich.progress import Progress, TaskID
from torch import Tensor, nn

from radhard.analyses.layer import WEIGHTED, Layer
from radhard.analyses.layer_call import Passed
from radhard.analyses.layer_recorder import Watch, sample_axes
from radhard.analyses.named import named
from radhard.datasets.batch import mapped, samples
from radhard.datasets.data import Data
from radhard.errors import InputError
from radhard.targets import Forward
from radhard.targets.patterns import reasons
from radhard.tree import leaves

__all__ = ["Layer", "Passed", "Subject"]


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
    deterministic: bool = True
    """Whether fault-free passes that differ are refused."""
    left: dict[str, str] = field(default_factory=dict)
    """Layers that cannot be looked at, by name, and why."""
    sought: list[Layer] | None = None
    """Layers that an analysis looks for that takes classes by name (`layers_of`)."""
    samples: int = 0
    """How many samples passed through the model or part of it, backward passes not counted."""
    _watch: Watch = field(default_factory=Watch, repr=False)
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
    def label_classes(self) -> Tensor:
        """The labels as numbers of classes, ``(samples,)``.

        Raises:
            InputError: the data have none, or they are no classes of this model.
        """
        labels, classes = self.labels, self.logits.shape[1]
        whole = not labels.is_floating_point() and not labels.is_complex() and labels.ndim == 1
        if not whole or bool(((labels < 0) | (labels >= classes)).any()):
            raise InputError(
                f"{self.data.name}: labels {tuple(labels.shape)} of {labels.dtype} are no numbers "
                f"of classes; the model has 0 to {classes - 1}"
            )
        return labels.long()

    @cached_property
    def layers(self) -> list[Layer]:
        """The convolutions and linear layers, in the model's order; a shared one once.

        Raises:
            InputError: there is none.
        """
        found = self._of_torch()
        if not found:
            raise InputError(self._nothing("WeightSensitivity() takes"))
        return found

    def layers_of(self, by: str, kinds: Sequence[str]) -> list[Layer]:
        """`layers`, and those as transformers' ``Conv1D`` or of classes that ``kinds`` names.

        What these compute is seen in a pass over one sample. Those that cannot be looked at are
        noted in ``left``.

        Raises:
            InputError: there is none, or no module with a weight is of a class in ``kinds``.
        """
        found = {layer.name: layer for layer in self._of_torch()}
        others, left = named(by, self.model, kinds)
        self.left |= left
        if others:
            fits = {fit.layer: fit for fit in others}

            def see(layer: Layer, args: Any, given: dict[str, Any], output: Any) -> Any:
                fits[layer].see((args, given), output)
                return output

            with torch.no_grad(), self._watch.over(list(fits), see, lambda: None):
                self.forward(self.data.rows(slice(0, 1)))
        for fit in others:
            found.pop(fit.layer.name, None)
            made = fit.made()
            if isinstance(made, str):
                self.left[fit.layer.name] = made
            else:
                found[made.name] = made
        if not found:
            raise InputError(
                self._nothing("kinds= names more classes, and WeightSensitivity() takes")
            )
        order = {name: at for at, (name, _) in enumerate(self.model.named_modules())}
        self.sought = sorted(found.values(), key=lambda layer: order[layer.name])
        return self.sought

    def _of_torch(self) -> list[Layer]:
        return [Layer(n, m) for n, m in self.model.named_modules() if isinstance(m, WEIGHTED)]

    def _nothing(self, advice: str) -> str:
        kinds = ", ".join(kind.__name__ for kind in WEIGHTED)
        own = {type(m).__name__ for m in self.model.modules() if [*m.parameters(False)]}
        there = ", ".join(sorted(own)) or "no parameters"
        why = f" ({reasons(self.left)})" if self.left else ""
        return (
            f"this model has none of the layers that are looked at: {kinds}; its parameters are in "
            f"{there}{why}; {advice} the weights of layers of every class"
        )

    def random(self, *purpose: int) -> np.random.Generator:
        """Chance that follows from the seed and the purpose only."""
        return np.random.default_rng((self.seed, *purpose))

    def batches(self) -> Iterator[tuple[slice, Any]]:
        """Every sample in order, batch by batch, each with its slice."""
        yield from self.data.batches(self.batch)

    def forward(self, inputs: Any, *, model: nn.Module | None = None) -> Tensor:
        """The logits for a batch, counted; with gradients where these are switched on."""
        self._watch.begin(samples(inputs))
        # What was made in inference mode cannot be differentiated, but a copy of it can.
        given = mapped(inputs, torch.clone) if torch.is_grad_enabled() else inputs
        outputs = self.call(self.model if model is None else model, given)
        self.samples += len(outputs)
        return outputs

    @cached_property
    def axes(self) -> dict[tuple[str, int], int]:
        """The axis that tells samples apart in a layer's output, by its name and the call.

        Calls are left out whose samples cannot be told apart.

        Raises:
            InputError: the model takes another way for some samples than for others.
        """
        self.samples += 7  # two and three copies of a sample, and a pair
        return sample_axes(self.model, self.data.rows(slice(0, self.batch)), self.call)

    @contextmanager
    def traced(self, layers: Sequence[Layer]) -> Iterator[list[Passed]]:
        """While open, the calls of these layers in their order; emptied before every pass.

        Calls are left out whose samples cannot be told apart (`axes`). Where gradients are recorded
        outputs can be differentiated, also of a model whose parameters are frozen.
        """
        axes, seen, counts = self.axes, list[Passed](), Counter[str]()

        def forget() -> None:
            seen.clear()
            counts.clear()

        def see(layer: Layer, args: Any, given: dict[str, Any], output: Any) -> Any:
            axis = axes.get((layer.name, counts[layer.name]))
            counts[layer.name] += 1
            if axis is None or not isinstance(output, Tensor):
                return output
            (_, inputs), *_ = leaves((args, given))
            inputs = inputs.detach().clone()
            if torch.is_grad_enabled() and not output.requires_grad:
                output.requires_grad_()
            seen.append(Passed(layer, inputs, output, self._watch.samples, axis))
            # A copy goes on, so that what comes next may overwrite it; this one stays.
            return output.clone()

        with self._watch.over(layers, see, forget):
            yield seen

    @contextmanager
    def captured(self, layers: Sequence[Layer]) -> Iterator[dict[Layer, list[Tensor]]]:
        """While open, the outputs of these layers, call by call; cleared before every pass."""
        seen: dict[Layer, list[Tensor]] = {layer: [] for layer in layers}

        def forget() -> None:
            for calls in seen.values():
                calls.clear()

        def see(layer: Layer, args: Any, given: Any, output: Tensor) -> Tensor:  # noqa: ARG001
            seen[layer].append(output)
            return output.clone()

        with self._watch.over(layers, see, forget):
            yield seen

    @contextmanager
    def gradients(self) -> Iterator[None]:
        """While open, passes record what gradients need.

        Raises:
            InputError: the model's tensors were made in inference mode.
        """
        named = (*self.model.named_parameters(), *self.model.named_buffers())
        made = [name for name, tensor in named if tensor.is_inference()]
        if made:
            raise InputError(
                f"{made[0]!r} was made in inference mode, so that nothing can be differentiated; "
                "build or load the model outside torch.inference_mode()"
            )
        # Recurrent kernels of cuDNN go backward in training mode only; others do in both.
        recurrent = any(isinstance(module, nn.RNNBase) for module in self.model.modules())
        kernels = torch.backends.cudnn.flags(enabled=False) if recurrent else nullcontext()
        with torch.inference_mode(False), torch.enable_grad(), kernels:
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
