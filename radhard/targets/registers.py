"""Faults in the registers of an accelerator that computes layers of a quantized model."""

from contextlib import AbstractContextManager
from typing import Any, Literal, get_args
from weakref import WeakKeyDictionary

import numpy as np
import torch
from torch import Tensor, nn

from radhard.accelerators import (
    Accelerator,
    IntegerLayer,
    Register,
    integer_layer,
)
from radhard.errors import InputError
from radhard.globs import matches
from radhard.internals import version
from radhard.module import module_at
from radhard.spec import component
from radhard.targets.array_layers import array_layers
from radhard.targets.base import Site, Target, TensorFaults
from radhard.targets.patterns import check_matches, reasons
from radhard.workload import Workload
from radhard.workload.hooks import module_hooks

__all__ = ["REGISTER_AXES", "Registers", "layer_of", "register_of"]

REGISTER_AXES = ("tile", "cycle", "row", "column")
"""The axes of a register's words; only the last two if a fault is permanent."""

_LAYERS: WeakKeyDictionary[nn.Module, tuple[object, IntegerLayer]] = WeakKeyDictionary()
"""The integers of a layer, with what they were computed from: every trial asks for them."""


@component
class Registers(Target):
    """Registers of the processing elements that compute a layer, ``Registers(Systolic(16, 16))``.

    For convolutions and linear layers of a model in integers, ``quantized(model, data, Int(8),
    inputs=True)``. ``array`` says how a layer is computed and which register holds what, in which
    cycle; from this follows in closed form which elements of the layer's output a fault changes,
    and by how much. No cycle is simulated. ``pattern``: globs of names of layers, joined by ``|``;
    ``register``: globs of ``input``, ``weight``, ``sum``, ``output``. Formats are those of the
    array: ``FaultSpace.of(model, target, BitFlip(), array.formats, data=data)``.

    ``duration="transient"``: a fault in one cycle of the computation of one sample; a tensor
    ``conv1:sum`` has the axes tile, cycle, row, column. With ``sample="every"`` the fault is in the
    same cycle of every sample. ``"permanent"``: a fault in a register of the array in every cycle
    of the layer, with the axes row and column; for `StuckAt`. It concerns one layer: what the same
    element computes of other layers is faultless.

    A trial has one fault: what several do together is not computed. The bias is added outside the
    array, without faults; a layer that is called several times in a pass is left out.

    Raises:
        InputError: a register that the array does not have.
    """

    array: Accelerator
    pattern: str = "*"
    register: str = "*"
    duration: Literal["transient", "permanent"] = "transient"
    sample: Literal["one", "every"] = "one"

    def check(self) -> None:
        if not any(matches(self.register, register) for register in self.array.registers):
            raise InputError(
                f"an element of {self.array!r} has no register {self.register!r}; it has "
                f"{', '.join(self.array.registers)}"
            )

    @property
    def role(self) -> Literal["register"]:
        return "register"

    def sites(self, workload: Workload) -> list[Site]:
        found, _ = self.select(workload)
        return found

    def select(self, workload: Workload) -> tuple[list[Site], dict[str, str]]:
        # A defect of the array concerns all samples, whatever `sample` says.
        one = self.sample == "one" and self.duration == "transient"
        layers = array_layers(workload, self.array, self.pattern)
        found, left = list[Site](), layers.left_out
        for name, whole in layers.computed.items():
            geometry = self.array.shape(whole.layer.product)
            found += [
                Site(
                    name=f"{name}:{register}",
                    shape=geometry if self.duration == "transient" else geometry[2:],
                    role="register",
                    layer=name,
                    kind=type(workload.model.get_submodule(name)).__name__,
                    # Sums of 32 bits, which float32 does not hold.
                    dtype="float64",
                    samples=len(workload.data) if one else None,
                    axis=0,
                    grid=whole.grid,
                    bits=self.array.format_of(register).bits,
                )
                for register in self.array.registers
                if matches(self.register, register)
            ]
        if left and not found:
            raise InputError(f"{self!r} matches only {reasons(left)}")
        what = "layer that the array computes"
        check_matches([site.name for site in found], self, layers.names, what)
        return found, left

    def reach(
        self, model: nn.Module, site: Site, faults: TensorFaults
    ) -> AbstractContextManager[None]:
        words = faults.faulty_words
        if len(words) > 1:
            raise InputError(
                f"{site.name!r}: a trial with {len(words)} faults in registers cannot be computed; "
                "take a sampler of single faults, such as Uniform(1000)"
            )
        layer = module_at(model, site.layer)

        def hook(name: str, args: Any, kwargs: Any, output: Tensor) -> Tensor:  # noqa: ARG001
            x = args[0] if args else kwargs["input"]
            integers = layer_of(layer, site, self.array, tuple(x.shape[1:]))
            # So that the fault has arrived also where nothing is ever read from the register.
            faults.corrupted_word(torch.zeros(len(x), dtype=torch.float64), words[0])
            if self.duration == "permanent":
                return self._in_every_cycle(integers, site, words[0], x, faults, output)
            return self._in_one_cycle(integers, site, words[0], x, faults, output)

        # Prepended, so that the module rounds its output afterwards.
        return module_hooks({site.layer: layer}, after=hook, first=True)

    def _in_every_cycle(
        self,
        layer: IntegerLayer,
        site: Site,
        word: int,
        inputs: Tensor,
        faults: TensorFaults,
        output: Tensor,
    ) -> Tensor:
        """The layer's output with a permanent fault."""

        def corrupt(values: Tensor) -> Tensor:
            # As one row, so that each value has the fault once, whatever the batch.
            return faults.corrupted_word(values.reshape(1, -1), word).reshape(values.shape)

        use = self.array.permanent_use(layer.layer.product, register_of(site), word)
        sums = layer.contents(inputs).permanent_differences(use, corrupt)
        return _deviating(output, layer.layer.as_output(sums * layer.step).to(output))

    def _in_one_cycle(
        self,
        layer: IntegerLayer,
        site: Site,
        word: int,
        inputs: Tensor,
        faults: TensorFaults,
        output: Tensor,
    ) -> Tensor:
        """The layer's output with a transient fault."""
        product = layer.layer.product
        use = self.array.use(product, register_of(site), np.array([word]))
        # Most registers hold nothing that is used, in most cycles.
        if not use.live.all():
            return output
        contents, every = layer.contents(inputs), torch.arange(len(inputs))[None]
        before = contents.held(use, every)
        after = faults.corrupted_word(before[0], word)[None]
        by = contents.differences(use, every, before, after)[0]
        group, row, column = int(use.groups[0]), int(use.rows[0][0]), int(use.columns[0][0])
        step = layer.step.expand(product.groups, 1, product.columns)[group, 0]
        found = output.clone(memory_format=torch.contiguous_format)
        sums = layer.layer.as_sums(found)
        if use.content == "input":
            reached, by = sums[:, group, row], by * step
        elif use.content == "weight":
            reached, by = sums[:, group, :, column], by * step[column]
        else:
            reached, by = sums[:, group, row, column], by[:, 0] * step[column]
        reached.copy_(_deviating(reached, by.to(output)))
        # In the memory order of the output, by which the layers that follow choose how to compute.
        return torch.empty_like(output).copy_(found)


def _deviating(values: Tensor, by: Tensor) -> Tensor:
    # Not where nothing deviates: -0.0 + 0.0 is 0.0.
    return torch.where(by != 0, values + by, values)


def register_of(site: Site) -> Register:
    """The register of a site, from its name: ``"sum"`` of ``"conv1:sum"``."""
    return next(one for one in get_args(Register) if one == site.name.rpartition(":")[2])


def layer_of(
    layer: nn.Module, site: Site, array: Accelerator, shape: tuple[int, ...]
) -> IntegerLayer:
    """The layer of a site in integers, for samples of a shape.

    Raises:
        InputError: it is no longer what it was when the space was made.
    """
    assert site.grid is not None
    weight = layer.get_parameter("weight")
    key = (id(weight), version(weight), array, shape, site.grid)
    if layer in _LAYERS and _LAYERS[layer][0] == key:
        return _LAYERS[layer][1]
    found = integer_layer(layer, array, shape, site.grid)
    if isinstance(found, str):
        raise InputError(f"{site.layer!r} cannot be computed by {array!r}: {found}")
    if array.shape(found.layer.product)[-len(site.shape) :] != site.shape:
        raise InputError(
            f"{site.layer!r} is given samples of shape {shape}, others than when the space was "
            "made; make the space with the same data"
        )
    _LAYERS[layer] = key, found
    return found
