"""Faults in queries, keys, values, scores and probabilities of attention."""

import dataclasses
from contextlib import AbstractContextManager
from typing import Literal

from torch import nn

from radhard.errors import InputError
from radhard.module import module_at
from radhard.spec import component
from radhard.targets.attention_injection import in_attention
from radhard.targets.attention_mode import PARTS, Part
from radhard.targets.attention_selection import check_part, select_values
from radhard.targets.attention_values import ModuleAttention, attention_of
from radhard.targets.base import Site, Target, TensorFaults
from radhard.targets.row_ranges import check_range, range_text, selected_rows
from radhard.workload import Workload
from radhard.workload.calls import check_geometry

__all__ = ["Attention"]


@component
class Attention(Target):
    """Values of attention, ``Attention("layers.*", part="scores")``.

    ``part``: globs of ``query``, ``key``, ``value``, ``scores``, ``probabilities`` and ``output``,
    joined by ``|``. ``scores`` are what the softmax is given, after scale and mask;
    ``probabilities`` what it gives; ``output`` is that of the heads, before they are joined and
    projected. ``pattern``: globs of the names of the modules in whose forward attention is
    computed. ``attn:key`` of a sample is ``(heads, positions, channels)``, ``attn:scores`` is
    ``(heads, queries, keys)``. A repeated call is ``attn@1:key``; the second attention in a
    call is ``attn:key.1``.

    Reached are ``nn.MultiheadAttention``, and with it ``nn.Transformer`` and its layers (whose
    fused kernel is off while faults are injected), and every module that calls
    ``torch.nn.functional.scaled_dot_product_attention``. Of attention that a module computes with a
    softmax of torch, only scores and probabilities are reached; its query, key and value are
    outputs of modules before it (`Activations`).

    A fault in a key or value is in one call: all queries of this call see it, those of later calls
    do not (`KeyValueCache`). In kernels that never hold scores, ``scores`` and ``probabilities``
    are what attention computed step by step would hold: an output that the fault changes is
    computed step by step, and all others are those of the kernel, to the last bit. A masked
    score is ``-inf``, and most flips in it give NaN.

    ``heads``: ``"*"``, the number of a head (from 0; from the end if negative), or a range of them
    as ``range(2, 5)`` or ``"2:5"``. ``sample``: as for `Activations`.
    """

    pattern: str
    part: str = "*"
    heads: int | str = "*"
    sample: Literal["one", "every"] = "one"

    def __post_init__(self) -> None:
        # As text, so that range(2, 5) and "2:5" are the same component.
        object.__setattr__(self, "heads", range_text(self.heads, "Attention: heads"))
        super().__post_init__()

    def check(self) -> None:
        check_part(self.part, PARTS, "Attention")
        check_range(self.heads, "Attention: heads")

    @property
    def role(self) -> Literal["attention"]:
        return "attention"

    def sites(self, workload: Workload) -> list[Site]:
        found, _ = self.select(workload)
        return found

    def select(self, workload: Workload) -> tuple[list[Site], dict[str, str]]:
        count = len(workload.data) if self.sample == "one" else None

        def site_of(one: ModuleAttention, part: Part) -> Site:
            site = _site(one, part, count)
            return dataclasses.replace(site, rows=self._rows(site))

        values = [
            (one, part, one.name_of(part)) for one in attention_of(workload) for part in PARTS
        ]
        return select_values(
            self,
            values,
            site_of,
            pattern=self.pattern,
            part=self.part,
            what="value of attention",
            advice="choose Activations of the module that computes it",
        )

    def reach(
        self, model: nn.Module, site: Site, faults: TensorFaults
    ) -> AbstractContextManager[None]:
        return in_attention(module_at(model, site.layer), site, faults)

    def _rows(self, site: Site) -> tuple[int, int, int] | None:
        """The heads of a value that are selected; None if these are all."""
        if self.heads == "*":
            return None
        if len(site.shape) < 3:
            raise InputError(
                f"{self!r}: {site.name!r} is {site.shape} for each sample, without an axis of the "
                "heads; leave heads out"
            )
        return selected_rows(self, self.heads, site, "heads")


def _site(one: ModuleAttention, part: Part, count: int | None) -> Site:
    flow, name = one.flows[part], one.name_of(part)
    check_geometry([(name, flow)])
    return Site(
        name=name,
        shape=flow.shape,
        role="attention",
        layer=one.call.module,
        kind=one.call.kind,
        dtype=flow.dtype,
        samples=count if flow.axis is not None else None,
        axis=flow.axis,
        call=one.call.number,
        calls=one.calls,
    )
