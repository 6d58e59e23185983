"""Which model is evaluated, on which data, and how is it called?"""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor, nn

from radhard.arguments import check_function, check_switch, whole
from radhard.datasets.batch import mapped, samples
from radhard.datasets.data import Data
from radhard.datasets.load_data import load
from radhard.errors import InputError
from radhard.evaluation import evaluating
from radhard.forward import Forward, faultless, plain
from radhard.module import usable_module
from radhard.progress_bar import ProgressBar
from radhard.state import State, Steady
from radhard.workload.calls import ModuleCall, observed
from radhard.workload.device import device_of
from radhard.workload.golden import golden_outputs, repeated_batches
from radhard.workload.recorder import Recorder
from radhard.workload.state_between_passes import (
    StateBetweenPasses,
    few_rows,
    state_between_passes,
)
from radhard.workload.undifferentiable import undifferentiable

__all__ = ["Workload", "fault_free_outputs"]


@dataclass
class Workload:
    """A model being evaluated: with data, the way in which it is called, and its golden outputs.

    Everything that is computed here (golden outputs, state, axes) refers to the model as it is
    while `open` is entered, on first use.
    """

    model: nn.Module
    source: Data | None = None
    """The data, on the model's device; None for what needs only the model."""
    call: Forward = plain
    """``(model, batch) -> outputs``, as the user gave it."""
    batch: int = 100
    """Samples of a forward pass."""
    seed: int = 0
    deterministic: bool = True
    """Whether fault-free passes that differ are an error."""
    independent: bool = True
    """Whether every pass starts from the same state of the model, whatever earlier passes left."""
    fixed: bool = True
    """Whether the model stays as it is; False for one that is changed while it is evaluated."""
    samples: int = field(default=0, init=False)
    """Samples that passed through the model or a part of it, without backward passes."""
    left_out: dict[str, str] = field(default_factory=dict, init=False)
    """Layers that cannot be evaluated, by name, with the reason."""
    bar: ProgressBar = field(default_factory=ProgressBar, repr=False)
    recorder: Recorder = field(default_factory=Recorder, init=False, repr=False)

    @classmethod
    def of(
        cls,
        model: Any,
        data: Any,
        *,
        call: Forward = plain,
        batch: int = 100,
        seed: int = 0,
        deterministic: bool = True,
        differentiable: bool = False,
    ) -> "Workload":
        """A workload from the arguments of users; the data are moved to the device of the model.

        Data may be given as text, as on the command line: ``"mnist(n=100)"``.

        ``differentiable``: copy data that were created in inference mode, so that gradients can be
        computed. ``batch`` is limited to the number of samples.

        Raises:
            InputError: the model, the data or an option cannot be used.
        """
        model = usable_module(model)
        seed, batch = whole(seed, "seed", least=0), whole(batch, "batch", least=1)
        check_function(call, "call")
        check_switch(deterministic, "deterministic")
        data = load(data) if isinstance(data, str) else Data.of(data)
        data = data.differentiable() if differentiable else data
        device = device_of(model)
        data = data if device is None else data.to(device)
        return cls(model, data, call, min(batch, len(data)), seed, deterministic)

    @property
    def data(self) -> Data:
        """Inputs and labels, on the model's device.

        Raises:
            InputError: the workload was made without data.
        """
        if self.source is None:
            raise InputError("this needs the samples that the model is run on: give data=...")
        return self.source

    def with_model(self, model: nn.Module) -> Self:
        """The same workload with another model, such as a quantized copy."""
        other = replace(self, model=model)
        # The same dictionary, so that what is left out of a copy is known here as well.
        other.left_out = self.left_out
        return other

    def first(self, count: int) -> Self:
        """The same workload with its first ``count`` samples; its passes are counted separately."""
        count = min(count, len(self.data))
        part = replace(self, source=self.data.first(count), batch=min(self.batch, count))
        # Taken over instead of computed: the first samples may lie in other batches than before,
        # whose last bits differ.
        part.golden = self.golden[:count]
        part.left_out = self.left_out
        return part

    @contextmanager
    def open(self) -> Iterator[bool]:
        """The model in evaluation mode, restored afterwards; yields whether it was training.

        Nothing is restored of a model that is not `fixed`.
        """
        with evaluating(self.model, keep=self.fixed) as was_training:
            yield was_training

    @cached_property
    def state(self) -> State:
        """The state of the model's modules, to be restored after a faulty pass."""
        return State(self.model)

    @cached_property
    def few_rows(self) -> Any:
        """The samples of a test pass for what passes read and write."""
        return few_rows(self.model, self.data, self.call, self.batch, self.state)

    @cached_property
    def state_between_passes(self) -> StateBetweenPasses:
        """The state that passes leave for later passes."""
        return state_between_passes(self.model, self.few_rows, self.call, self.state)

    @cached_property
    def steady(self) -> Forward:
        """The call, with the model's state restored for every pass; see `Steady`."""
        return Steady(self.call, self.model if self.fixed else None)

    @cached_property
    def faultless(self) -> Forward:
        """The call for fault-free passes, in which an exception means that the input is invalid."""
        call = faultless(self.call)
        return Steady(call, self.model if self.fixed else None) if self.independent else call

    @cached_property
    def golden(self) -> Tensor:
        """Fault-free outputs for all samples, ``(samples, ...)``; some are computed twice.

        Raises:
            InputError: an output is NaN, the batch axis is lost, the model writes into its inputs,
                two passes differ, or the forward pass fails.
        """
        again = repeated_batches(self.data, self.faultless, self.batch)
        self.samples += len(self.data) + sum(rows.stop - rows.start for rows in again)
        return golden_outputs(
            self.model, self.data, self.faultless, self.batch, deterministic=self.deterministic
        )

    @property
    def logits(self) -> Tensor:
        """The golden outputs, if these are ``(samples, classes)``."""
        return self.golden

    @cached_property
    def predictions(self) -> Tensor:
        """The fault-free predictions, ``(samples,)``: the class with the largest logit."""
        return self.logits.argmax(1)

    def check_classifier(self, by: str) -> None:
        """Raise `InputError` unless the outputs are scores of classes, ``(samples, classes)``."""
        if not self.golden.is_floating_point():
            raise InputError(
                f"{by} needs a classifier with scores of classes; this model returns integers "
                f"({self.golden.dtype}), such as token ids or classes; return the scores before "
                "them: call=lambda model, batch: ..."
            )
        if self.golden.ndim != 2 or self.golden.shape[1] < 2:
            raise InputError(
                f"{by} needs a classifier with outputs (samples, classes); this model returns "
                f"{tuple(self.golden.shape)}"
            )

    @cached_property
    def labels(self) -> Tensor:
        """The labels.

        Raises:
            InputError: the data have none.
        """
        if self.data.labels is None:
            raise InputError(f"{self.data.name}: no labels, and predictions are compared with them")
        return self.data.labels

    @cached_property
    def label_classes(self) -> Tensor:
        """The labels as numbers of classes, ``(samples,)``.

        Raises:
            InputError: the data have none, or they are not classes of this model.
        """
        labels, classes = self.labels, self.logits.shape[1]
        integer = not labels.is_floating_point() and not labels.is_complex() and labels.ndim == 1
        if not integer or bool(((labels < 0) | (labels >= classes)).any()):
            raise InputError(
                f"{self.data.name}: labels {tuple(labels.shape)} of {labels.dtype} are no numbers "
                f"of classes; the model has 0 to {classes - 1}"
            )
        return labels.long()

    def random(self, *purpose: int) -> np.random.Generator:
        """A generator of random numbers that depends only on the seed and the purpose."""
        # Purposes are independent of each other, so that one more draw for one of them changes none
        # of the others.
        return np.random.default_rng((self.seed, *purpose))

    def batches(self) -> Iterator[tuple[slice, Any]]:
        """All samples in order, batch by batch, each batch with its slice."""
        yield from self.data.batches(self.batch)

    def forward(self, inputs: Any, *, model: nn.Module | None = None) -> Tensor:
        """The outputs for a batch, counted; with gradients where these are enabled."""
        self.recorder.begin(samples(inputs))
        # Tensors created in inference mode cannot be differentiated, but copies of them can.
        given = mapped(inputs, torch.clone) if torch.is_grad_enabled() else inputs
        outputs = self.steady(self.model if model is None else model, given)
        self.samples += len(outputs)
        return outputs

    def module_calls(self, *, arguments: bool = False) -> list[ModuleCall]:
        """The calls of one forward pass in order, with the outputs (or arguments) of each module.

        Raises:
            InputError: there are no data, or the model computes differently for some samples than
                for others.
        """
        if self.source is None:
            raise InputError(
                "this target's tensors flow through the model: give the data (data=...)"
            )
        return observed(self.model, self.source.inputs, self.call, arguments=arguments)

    @cached_property
    def axes(self) -> dict[tuple[str, int], int]:
        """The axis of the samples in a module's output, by its name and the number of the call.

        Calls whose output has no such axis are missing.

        Raises:
            InputError: the model computes differently for some samples than for others.
        """
        self.samples += 7  # two and three copies of a sample, and a pair
        axes = {}
        for called in self.module_calls():
            flow = next((flow for flow in called.flows if not flow.path), None)
            if flow is not None and flow.axis is not None and not flow.trouble:
                axes[called.module, called.number] = flow.axis
        return axes

    @contextmanager
    def gradients(self) -> Iterator[None]:
        """While open, passes are recorded for autograd.

        Raises:
            InputError: the model's tensors were created in inference mode, or autograd refuses
                what the model does.
        """
        tensors = (*self.model.named_parameters(), *self.model.named_buffers())
        inference = [name for name, tensor in tensors if tensor.is_inference()]
        if inference:
            raise InputError(
                f"{inference[0]!r} was made in inference mode and cannot be differentiated; "
                "build or load the model outside torch.inference_mode()"
            )
        # cuDNN's recurrent kernels compute gradients only in training mode, the native ones in
        # evaluation mode too.
        recurrent = any(isinstance(module, nn.RNNBase) for module in self.model.modules())
        kernels = torch.backends.cudnn.flags(enabled=False) if recurrent else nullcontext()
        with torch.inference_mode(False), torch.enable_grad(), kernels, undifferentiable():
            yield


def fault_free_outputs(
    model: nn.Module,
    data: Any,
    *,
    call: Forward = plain,
    batch: int = 100,
    deterministic: bool = True,
) -> Tensor:
    """The golden outputs of a model for all samples, as a campaign has them; arguments as there.

    Raises:
        InputError: as `Workload.of` and `Workload.golden`.
    """
    workload = Workload.of(model, data, call=call, batch=batch, deterministic=deterministic)
    workload.independent = False
    with workload.open():
        return workload.golden
