"""By how much do the sums of a layer differ when a register holds another word?"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from radhard.accelerators.accumulator import added_up, wrapped
from radhard.accelerators.base import Accelerator
from radhard.accelerators.layer_product import LayerProduct
from radhard.accelerators.register_use import Numbers, PermanentUse, RegisterUse

__all__ = ["RegisterContents"]


@dataclass(frozen=True)
class RegisterContents:
    """The operands of a layer for some samples, in an accelerator that computes the layer.

    All numbers are integers, in float64, which is exact up to 2**53. Without faults no sum may
    overflow, in any order of the products: then the sums are those of the layer.
    """

    accelerator: Accelerator
    layer: LayerProduct
    inputs: Tensor
    """The layer's inputs ``(samples, ...)``, in steps of their scale."""
    weight: Tensor
    """The layer's weight, in steps of its scale."""

    @cached_property
    def _padded(self) -> Tensor:
        return self.layer.pad(self.inputs)

    @cached_property
    def _weights(self) -> Tensor:
        """``(groups, depth, columns)``."""
        return self.layer.weights(self.weight)

    @cached_property
    def _bound(self) -> float:
        """What no fault-free sum exceeds, whatever the inputs."""
        largest = 2.0 ** (self.accelerator.format_of("input").bits - 1)
        return float(self._weights.abs().sum(1).max()) * largest

    @cached_property
    def sums(self) -> Tensor:
        """The fault-free sums, ``(samples, groups, rows, columns)``."""
        return self.layer.as_sums(self.layer.multiply(self.inputs, self.weight))

    @cached_property
    def magnitudes(self) -> Tensor:
        """The sums of the products' magnitudes, ``(samples, groups, rows, columns)``."""
        return self.layer.as_sums(self.layer.multiply(self.inputs.abs(), self.weight.abs()))

    @property
    def _bits(self) -> int:
        return self.accelerator.format_of("sum").bits

    @property
    def _block(self) -> int:
        return self.accelerator.block(self.layer.product)

    # Faults that are there in one cycle

    def held(self, use: RegisterUse, samples: Tensor) -> Tensor:
        """What each register holds of some samples, ``(faults, samples)``.

        ``samples`` are the indices of the samples, of this shape or one that broadcasts to it.
        """
        groups, rows, columns, depth = _columns(use.groups, use.rows[0], use.columns[0], use.depth)
        if use.content == "input":
            return self._padded[samples, self.layer.positions(groups, rows, depth)]
        if use.content == "weight":
            held = self._weights[groups, depth, columns]
            return held.expand(len(held), samples.shape[1])
        every = np.arange(self.layer.product.depth)
        added = (every >= use.first[:, None]) & (every <= use.depth[:, None])
        products = self._products(samples, groups, rows, columns)
        return (products * torch.from_numpy(added)[:, None]).sum(-1)

    def differences(
        self, use: RegisterUse, samples: Tensor, before: Tensor, after: Tensor
    ) -> Tensor:
        """By how much the sums of the layer differ, ``(faults, samples, outputs)``.

        ``before`` and ``after`` are what the registers hold, ``(faults, samples)``. The outputs are
        those of all columns for an input, of all rows for a weight, and the one of a sum.
        """
        product, by = self.layer.product, (after - before)[..., None]
        groups, rows, columns, depth = _columns(use.groups, use.rows[0], use.columns[0], use.depth)
        samples = samples.expand(before.shape)[..., None]
        if use.content == "input":
            columns = torch.arange(product.columns)[None]
            reached = _between(use.columns, columns)
            by = by * (self._weights[groups, depth, columns] * reached)[:, None]
        elif use.content == "weight":
            rows = torch.arange(product.rows)[None]
            at = self.layer.positions(groups, rows, depth)[:, None]
            by = by * self._padded[samples, at] * _between(use.rows, rows)[:, None]
        # Most faults are far from an overflow, and then the sums themselves are not needed.
        if not by.numel() or float(by.abs().max()) + self._bound < 2.0 ** (self._bits - 1):
            return by
        # Of shape (faults, 1, outputs), so that they broadcast with the samples.
        where = groups[:, None], rows[:, None], columns[:, None]
        golden = self.sums[samples, *where]
        if not self.accelerator.saturates:
            # Wrapping commutes with addition: where a sum wraps does not matter.
            return wrapped(golden + by, self._bits) - golden
        # No running sum, in any order, exceeds the magnitudes and the change.
        swing = self.magnitudes[samples, *where] + by.abs()
        beyond = (swing >= 2.0 ** (self._bits - 1)) & (by != 0)
        if not beyond.any():
            return by
        fault, sample, _ = beyond.nonzero(as_tuple=True)
        products = self._elements(*(axis.expand(by.shape)[beyond] for axis in (samples, *where)))
        at, new = depth[fault, 0], after[fault, sample]
        if use.content == "sum":
            total = self._total(products, lambda k, part: torch.where(at == k, new, part))
        else:
            products[torch.arange(len(at)), at] += by[beyond]
            total = self._total(products)
        by[beyond] = total - golden[beyond]
        return by

    # A fault that is there in every cycle

    def permanent_differences(
        self, use: PermanentUse, corrupt: Callable[[Tensor], Tensor]
    ) -> Tensor:
        """By how much the sums differ, ``(samples, groups, rows, columns)``.

        ``corrupt`` makes of a word that is written to the register the one that it holds.
        """
        rows, depths, columns = (
            torch.from_numpy(np.flatnonzero(mask)) for mask in (use.rows, use.depths, use.columns)
        )
        by = torch.zeros_like(self.sums)
        if not (len(rows) and len(depths) and len(columns)):
            return by
        samples, groups = torch.arange(len(by)), torch.arange(by.shape[1])
        block = torch.meshgrid(samples, groups, rows, columns, indexing="ij")
        golden = self.sums[block]
        if use.content == "sum":
            products = (
                self._grid(rows, torch.arange(self.layer.product.depth)).unsqueeze(3)
                * (self._weights[:, :, columns].transpose(1, 2)[None, :, None])
            )
            held = set(depths.tolist())
            total = self._total(
                products, lambda k, part: corrupt(part) if use.every or k in held else part
            )
            by[block] = total - golden
            return by
        inputs, weights = self._grid(rows, depths), self._weights[:, depths][:, :, columns]
        if use.content == "input":
            changed, other = corrupt(inputs) - inputs, weights
        else:
            changed, other = inputs, corrupt(weights) - weights
        some = changed @ other
        if not self.accelerator.saturates:
            by[block] = wrapped(golden + some, self._bits) - golden
            return by
        by[block] = some
        swing = self.magnitudes[block] + changed.abs() @ other.abs()
        beyond = swing >= 2.0 ** (self._bits - 1)
        if beyond.any():
            where = [axis[beyond] for axis in block]
            products = self._elements(*where)
            s, g, r, c = where
            a = self._padded[s[:, None], self.layer.positions(g[:, None], r[:, None], depths[None])]
            w = self._weights[g[:, None], depths[None], c[:, None]]
            products[:, depths] = corrupt(a) * w if use.content == "input" else a * corrupt(w)
            by[tuple(where)] = self._total(products) - golden[beyond]
        return by

    def _grid(self, rows: Tensor, depths: Tensor) -> Tensor:
        """Elements of the inputs, ``(samples, groups, rows, depths)``."""
        groups = torch.arange(self.layer.product.groups)
        return self.layer.inputs(
            self._padded, groups[:, None, None], rows[None, :, None], depths[None, None]
        )

    def _products(self, samples: Tensor, groups: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
        """All products of some outputs, ``(outputs, samples, depth)``."""
        depth = torch.arange(self.layer.product.depth)[None]
        inputs = self._padded[
            samples[..., None], self.layer.positions(groups, rows, depth)[:, None]
        ]
        return inputs * self._weights[groups, depth, columns][:, None]

    def _elements(self, samples: Tensor, groups: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
        """All products of some outputs of one sample each, ``(outputs, depth)``."""
        depth = torch.arange(self.layer.product.depth)[None]
        at = self.layer.positions(groups[:, None], rows[:, None], depth)
        weights = self._weights[groups[:, None], depth, columns[:, None]]
        return self._padded[samples[:, None], at] * weights

    def _total(
        self, products: Tensor, change: Callable[[int, Tensor], Tensor] | None = None
    ) -> Tensor:
        saturate = self.accelerator.saturates
        return added_up(products, self._bits, self._block, saturate=saturate, change=change)


def _columns(*arrays: Numbers) -> list[Tensor]:
    """Arrays ``(faults,)`` as tensors ``(faults, 1)``."""
    return [torch.from_numpy(np.ascontiguousarray(array))[:, None] for array in arrays]


def _between(ends: tuple[Numbers, Numbers], places: Tensor) -> Tensor:
    """Which of the places lie between the ends of each fault, ``(faults, places)``."""
    first, end = _columns(*ends)
    return (places >= first) & (places < end)
