"""What does one model cost beside another, in memory, arithmetic and time?"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, final

from torch import nn

from radhard.cost.operation_count import Cost, cost
from radhard.cost.time_ratio import TimeRatio, time_ratio
from radhard.errors import InputError
from radhard.formats import Format
from radhard.forward import plain
from radhard.hints import fits
from radhard.targets import Forward

__all__ = ["Overhead", "overhead"]


@final
@dataclass(frozen=True)
class Overhead:
    """What a hardened model takes beside the unprotected one."""

    before: Cost
    after: Cost
    time: TimeRatio | None = None
    """Of a forward pass; None where it was not measured."""

    def rows(self) -> list[tuple[str, str, str, str]]:
        """What is counted, before, after, and the second as a multiple of the first.

        >>> Overhead(Cost(100, 0, 3200, 400), Cost(110, 10, 3840, 500)).rows()[2]
        ('bits stored', '3,200', '3,840', '1.200x')
        """
        names = {
            "parameters": "parameters",
            "buffers": "values in buffers",
            "bits": "bits stored",
            "macs": "multiply-accumulates a sample",
        }
        found = []
        for key, name in names.items():
            old, new = getattr(self.before, key), getattr(self.after, key)
            found.append((name, f"{old:,}", f"{new:,}", f"{new / old:.3f}x" if old else "-"))
        if self.time is not None:
            found.append(("time of a pass", "1", f"{self.time.median:.3f}", str(self.time)))
        return found

    def to_dict(self) -> dict[str, Any]:
        """Plain values, as a run file keeps them."""
        return asdict(self)

    @classmethod
    def from_dict(cls, found: Any) -> "Overhead":
        """What `to_dict` wrote.

        Raises:
            InputError: something is missing, or of another kind.
        """
        whole = dict.fromkeys(("parameters", "buffers", "bits", "macs"), int)
        before, after = (Cost(**_demand(found, key, whole)) for key in ("before", "after"))
        kinds: dict[str, Any] = {"median": float, "low": float, "high": float, "turns": int}
        timed = found.get("time")
        return cls(before, after, TimeRatio(**_demand(found, "time", kinds)) if timed else None)

    def __str__(self) -> str:
        rows = [("", "before", "after", ""), *self.rows()]
        wide = [max(len(row[at]) for row in rows) for at in range(3)]
        return "\n".join(
            f"{name:<{wide[0]}}  {old:>{wide[1]}}  {new:>{wide[2]}}  {ratio}".rstrip()
            for name, old, new, ratio in rows
        )


def overhead(
    model: nn.Module,
    base: nn.Module,
    data: Any,
    *,
    format: Format | None = None,
    call: Forward = plain,
    batch: int = 100,
    timed: bool = True,
) -> Overhead:
    """Count both models, and measure the time of one as a multiple of the other's.

    Args:
        model: the hardened one.
        base: the one it was made from.
        data: inputs; one batch is timed.
        format: how floating-point numbers are stored; by default as they are.
        call: for models that do not return one tensor.
        batch: samples a forward pass.
        timed: measure time too (some seconds).
    """
    return Overhead(
        cost(base, data, format=format, call=call),
        cost(model, data, format=format, call=call),
        time_ratio(model, base, data, call=call, batch=batch) if timed else None,
    )


def _demand(found: Any, key: str, kinds: Mapping[str, Any]) -> dict[str, Any]:
    part = found.get(key) if isinstance(found, dict) else None
    if not isinstance(part, dict) or part.keys() != kinds.keys():
        raise InputError(f"no overhead: {key!r} is missing, or is not {', '.join(kinds)}")
    for name, kind in kinds.items():
        if not fits(part[name], kind) or part[name] < 0:
            raise InputError(f"no overhead: {key} {name} is {part[name]!r}")
    return part
