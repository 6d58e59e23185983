"""Faults in the stored weights of recurrent layers."""

import dataclasses
from collections.abc import Iterator
from typing import Literal

from torch import Tensor, nn

from radhard.errors import InputError
from radhard.spec import component
from radhard.targets.base import Site
from radhard.targets.merge_biases import merged_rows, stores_one_bias
from radhard.targets.recurrent_layers import (
    Direction,
    Gate,
    RecurrentTensor,
    WeightSet,
    gates_of,
    recurrent_tensor,
    recurrent_tensors,
    rows_of,
)
from radhard.targets.stored import Stored
from radhard.workload import Workload

__all__ = ["RecurrentWeights"]


@component
class RecurrentWeights(Stored):
    """Weights of recurrent layers, by set and gate, ``RecurrentWeights("lstm", gate="f")``.

    Of ``nn.LSTM``, ``nn.GRU``, ``nn.RNN`` and their cells. ``pattern``: globs of tensor or layer
    names, joined by ``|``.

    ``weights``: ``"input"`` (``weight_ih``; elsewhere U, or the kernel), ``"recurrent"``
    (``weight_hh``; W, or the recurrent kernel), ``"projection"`` (``weight_hr``), ``"bias"``, or
    all but the biases (None). The set of biases is the sum of torch's two, as most other libraries
    store only that: a model that stores both must be converted with `merge_biases`. (`Biases`
    injects faults into the two as they are.) Gate n of a GRU has two biases that are not added.

    ``gate``: the rows of one gate, ``"i"``, ``"f"``, ``"g"`` or ``"o"`` of an LSTM, ``"r"``,
    ``"z"`` or ``"n"`` of a GRU; projections have none. ``layer``: one of several stacked layers,
    from 0. ``direction``: ``"forward"`` or ``"reverse"``.
    """

    pattern: str
    weights: WeightSet | None = None
    gate: Gate | None = None
    layer: int | None = None
    direction: Direction | None = None
    layers: str | None = dataclasses.field(default=None, init=False)

    def check(self) -> None:
        if self.weights == "projection" and self.gate is not None:
            raise InputError(f"{self!r}: a projection has no gates; leave out gate")

    @property
    def what(self) -> str:
        return f"{self.role} of a recurrent layer"

    @property
    def role(self) -> Literal["weight", "bias"]:
        return "bias" if self.weights == "bias" else "weight"

    def candidates(self, model: nn.Module) -> Iterator[tuple[str, Tensor]]:
        for one in recurrent_tensors(model):
            if (one.weights == "bias") == (self.role == "bias"):
                yield one.name, one.tensor

    def select(self, workload: Workload) -> tuple[list[Site], dict[str, str]]:
        sites, left = super().select(workload)
        chosen = [part for site in sites if (part := self._part(workload.model, site)) is not None]
        if not chosen:
            names = ", ".join(site.name for site in sites)
            raise InputError(
                f"{self!r} matches only {names}, zeros that are added to another bias; choose the "
                "other one, bias_ih"
            )
        return chosen, left

    def _wants(self, model: nn.Module, *names: str) -> bool:
        return any(
            super(RecurrentWeights, self)._wants(model, name)
            and (one := recurrent_tensor(model, name)) is not None
            and self._selects(one)
            for name in names
        )

    def _selects(self, one: RecurrentTensor) -> bool:
        return (
            self.weights in (None, one.weights)
            and self.layer in (None, one.layer)
            and self.direction in (None, one.direction)
            and (self.gate is None or one.weights != "projection")
        )

    def _part(self, model: nn.Module, site: Site) -> Site | None:
        """The site with the rows that are selected; None if these are none."""
        name = next(name for name in (site.name, *site.aliases) if self._wants(model, name))
        one = recurrent_tensor(model, name)
        assert one is not None
        start, stop, _ = self._rows(one, site).indices(site.shape[0])
        if start >= stop:
            return None
        # All rows are the whole tensor: the same site as that of `Weights`.
        whole = stop - start == site.shape[0]
        return site if whole else dataclasses.replace(site, rows=(start, stop, 1))

    def _rows(self, one: RecurrentTensor, site: Site) -> slice:
        module, gates = one.module, gates_of(one.module)
        if self.gate is not None and self.gate not in gates:
            has = f"has the gates {', '.join(gates)}" if gates else "has no gates"
            raise InputError(
                f"{self!r}: the layer of {site.name!r} is of class {type(module).__name__}, which "
                f"{has}; choose another gate, or other layers by the pattern"
            )
        if self.gate is not None and site.shape[0] != len(gates) * module.hidden_size:
            raise InputError(
                f"{self!r}: {site.name!r} has no row for each unit of a gate, as its weight is "
                "computed from it; remove the parametrization first, or leave out gate"
            )
        rows = slice(None) if self.gate is None else rows_of(module, self.gate)
        if one.kind != "bias_hh":
            return rows
        if not stores_one_bias(module, one.tensor):
            raise InputError(
                f"{self!r}: the set of biases is the sum of two, but {site.name!r} is stored "
                "apart; store the sum with model = targets.merge_biases(model), or choose Biases"
            )
        # Rows whose values were added to bias_ih are zeros here, which most libraries do not store.
        merged = merged_rows(module).stop
        return slice(0, 0) if merged is None else slice(max(rows.start or 0, merged), rows.stop)
