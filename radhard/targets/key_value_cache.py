"""Faults in the keys and values that attention keeps from one call to the next."""

import dataclasses
from contextlib import AbstractContextManager
from itertools import pairwise
from typing import Literal

import torch
from torch import Tensor, nn

from radhard.errors import InputError
from radhard.module import module_at
from radhard.spec import component
from radhard.targets.attention_injection import in_cache
from radhard.targets.attention_mode import Part
from radhard.targets.attention_selection import check_part, select_values
from radhard.targets.attention_values import ModuleAttention, attention_of
from radhard.targets.base import Site, Target, TensorFaults
from radhard.targets.row_ranges import check_range, range_text, selected_rows
from radhard.workload import Workload
from radhard.workload.calls import check_geometry

__all__ = ["KeyValueCache"]

_CACHED: tuple[Part, ...] = ("key", "value")


@component
class KeyValueCache(Target):
    """Cached keys and values of attention, ``KeyValueCache("layers.*", step=4)``.

    For decoders that are called once for each token, in a loop within the pass (``call=...``), and
    keep the keys and values of earlier tokens. ``pattern`` and the modules that are reached are
    those of `Attention`, except those that compute attention with a softmax; ``part``: globs of
    ``key`` and ``value``, joined by ``|``. ``attn:key_cache`` of a sample is ``(positions, heads,
    channels)``, with the positions that there are in the last call.

    ``step``: the number of the call (from 0) from which on a fault is in the cache; a position that
    is written later has its fault once it is written. The fault is in every later reading of its
    position, also by the query of the same position, whose key and value are written before they
    are read. Of a model that is called once with all tokens, every query sees it.

    The fault is injected into what attention reads, at the position, in every call. So nothing of
    the model is overwritten, and any kind of cache will do. It is that of a memory cell if the
    cache holds the values that attention is given; not if several query heads share a cached head
    that the model repeats before (``enable_gqa`` repeats it afterwards), or if the cache is in
    another format or without the rotation by the position. A window, which drops the earliest
    tokens, has no positions that stay.

    ``positions``: ``"*"``, a number (from 0; from the end if negative), or a range as
    ``range(2, 5)`` or ``"2:5"``. ``sample``: as for `Activations`.
    """

    pattern: str
    part: str = "*"
    positions: int | str = "*"
    step: int = 0
    sample: Literal["one", "every"] = "one"

    def __post_init__(self) -> None:
        given = range_text(self.positions, "KeyValueCache: positions")
        object.__setattr__(self, "positions", given)
        super().__post_init__()

    def check(self) -> None:
        check_part(self.part, _CACHED, "KeyValueCache")
        check_range(self.positions, "KeyValueCache: positions")
        if self.step < 0:
            raise InputError(f"KeyValueCache: step={self.step} is not allowed; a number from 0")

    @property
    def role(self) -> Literal["key-value cache"]:
        return "key-value cache"

    def sites(self, workload: Workload) -> list[Site]:
        found, _ = self.select(workload)
        return found

    def select(self, workload: Workload) -> tuple[list[Site], dict[str, str]]:
        count = len(workload.data) if self.sample == "one" else None
        each: dict[tuple[str, int], list[ModuleAttention]] = {}
        for one in attention_of(workload):
            # A module with two attentions in a call, as of a decoder, has two caches.
            each.setdefault((one.call.module, one.order), []).append(one)

        def site_of(first: ModuleAttention, part: Part) -> Site:
            site = self._site(each[first.call.module, first.order], part, count)
            return dataclasses.replace(
                site, rows=selected_rows(self, self.positions, site, "positions")
            )

        return select_values(
            self,
            [
                (calls[0], part, calls[0].name_of(f"{part}_cache"))
                for calls in each.values()
                for part in _CACHED
            ],
            site_of,
            pattern=self.pattern,
            part=self.part,
            what="cached key or value",
            advice="let it call scaled_dot_product_attention",
        )

    def reach(
        self, model: nn.Module, site: Site, faults: TensorFaults
    ) -> AbstractContextManager[None]:
        return in_cache(module_at(model, site.layer), site, faults)

    def _site(self, calls: list[ModuleAttention], part: Part, count: int | None) -> Site:
        """The cache of a module, as it is in the last of its calls."""
        if self.step >= len(calls):
            raise InputError(
                f"{self!r}: {calls[0].call.module!r} is called {len(calls)} times in a pass; "
                f"choose step from 0 to {len(calls) - 1}"
            )
        flows = [one.flows[part] for one in calls]
        start, last = calls[self.step], flows[-1]
        name = start.name_of(f"{part}_cache")
        check_geometry((one.name_of(part), flow) for one, flow in zip(calls, flows, strict=True))
        lengths = [flow.shape[-2] for flow in flows]
        alike = {(*flow.shape[:-2], flow.shape[-1], flow.axis, flow.dtype) for flow in flows}
        # Only a cache that grows, or stays, has positions that mean the same in every call.
        trouble = ""
        if len(alike) > 1 or lengths != sorted(lengths):
            trouble = "which do not grow like a cache"
        elif not all(_keeps(a.values[part], b.values[part]) for a, b in pairwise(calls)):
            trouble = "which replace one another at a position, unlike those of a cache"
        if trouble:
            shapes = ", ".join(map(str, dict.fromkeys(flow.shape for flow in flows)))
            raise InputError(
                f"{self!r}: the calls of {start.call.module!r} read {part}s of {shapes}, {trouble}"
                "; choose Attention to inject into those of a single call"
            )
        return Site(
            name=name,
            # Positions first, as a fault is in one of them; attention has the heads in front.
            shape=(last.shape[-2], *last.shape[:-2], last.shape[-1]),
            role="key-value cache",
            layer=start.call.module,
            kind=start.call.kind,
            dtype=last.dtype,
            samples=count if last.axis is not None else None,
            axis=last.axis,
            call=start.call.number,
            calls=start.calls,
        )


def _keeps(before: Tensor, after: Tensor) -> bool:
    """Whether the positions of a call hold the same in the next one, as those of a window do not.

    Positions of zeros are not written yet, as in a cache with the final length from the beginning.
    """
    there = after.narrow(-2, 0, before.shape[-2])
    # Half the digits, since a cache may hold something from which keys are computed in each call.
    finite = before[before.isfinite()].abs()
    digits = torch.finfo(before.dtype).eps ** 0.5 * (float(finite.amax()) if len(finite) else 0.0)
    same = torch.isclose(there, before, rtol=0, atol=digits, equal_nan=True).all(dim=-1)
    return bool((same | (before == 0).all(dim=-1)).all())
