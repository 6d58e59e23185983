"""What is the overhead of one model over another in memory, operations and time?"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, final

from torch import nn

from radhard.cost.operation_count import Cost, cost
from radhard.cost.time_ratio import TimeRatio, time_ratio
from radhard.errors import InputError
from radhard.formats import Format
from radhard.forward import Forward, plain
from radhard.hints import fits

__all__ = ["Overhead", "overhead"]


@final
@dataclass(frozen=True, repr=False)
class Overhead:
    """The cost of a hardened model beside that of the unprotected one: memory, arithmetic, time.

    >>> print(Overhead(Cost(100, 0, 3200, 400), Cost(110, 10, 3840, 500)))
                                     before  after
    parameters                          100    110  1.100x
    values in buffers                     0     10  -
    bits stored                       3,200  3,840  1.200x
    multiply-accumulates per sample     400    500  1.250x
    """

    before: Cost
    after: Cost
    time: TimeRatio | None = None
    """The time of a forward pass; None if it was not measured."""

    def rows(self) -> list[tuple[str, str, str, str]]:
        """Name of the figure, its value before and after, and their ratio.

        >>> Overhead(Cost(100, 0, 3200, 400), Cost(110, 10, 3840, 500)).rows()[2]
        ('bits stored', '3,200', '3,840', '1.200x')
        """
        names = {
            "parameters": "parameters",
            "buffers": "values in buffers",
            "bits": "bits stored",
            "macs": "multiply-accumulates per sample",
        }
        rows = []
        for key, name in names.items():
            old, new = getattr(self.before, key), getattr(self.after, key)
            rows.append((name, f"{old:,}", f"{new:,}", f"{new / old:.3f}x" if old else "-"))
        if self.time is not None:
            rows.append(("time per pass", "1", f"{self.time.median:.3f}", str(self.time)))
        return rows

    def to_dict(self) -> dict[str, Any]:
        """Plain values, as stored in a run file."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Any) -> "Overhead":
        """The overhead from the values that `to_dict` returned.

        Raises:
            InputError: a value is missing, or of another type.
        """
        counts = dict.fromkeys(("parameters", "buffers", "bits", "macs"), int)
        before, after = (Cost(**_read(values, key, counts)) for key in ("before", "after"))
        times: dict[str, Any] = {
            "median": float,
            "low": float,
            "high": float,
            "turns": int,
            "samples": int,
        }
        timed = values.get("time")
        # Run files of before do not have the number of samples.
        if isinstance(timed, dict):
            values = {**values, "time": {"samples": 0, **timed}}
        return cls(before, after, TimeRatio(**_read(values, "time", times)) if timed else None)

    def __repr__(self) -> str:
        return str(self)

    def __str__(self) -> str:
        rows = [("", "before", "after", ""), *self.rows()]
        width = [max(len(row[column]) for row in rows) for column in range(3)]
        return "\n".join(
            f"{name:<{width[0]}}  {old:>{width[1]}}  {new:>{width[2]}}  {ratio}".rstrip()
            for name, old, new, ratio in rows
        )


def overhead(
    model: nn.Module,
    base: nn.Module,
    data: Any,
    *,
    format: Format | Mapping[str, Format] | None = None,
    call: Forward = plain,
    batch: int = 100,
    timed: bool = True,
) -> Overhead:
    """Compare the cost of two models, including the time of a forward pass.

    Args:
        model: the hardened model.
        base: the unprotected model.
        data: inputs; the time is measured for one batch.
        format: the format in which floating-point numbers are stored, or formats by pattern; by
            default their data type.
        call: for models that do not return one tensor.
        batch: samples per forward pass.
        timed: also measure the time, which takes some seconds.
    """
    return Overhead(
        cost(base, data, format=format, call=call),
        cost(model, data, format=format, call=call),
        time_ratio(model, base, data, call=call, batch=batch) if timed else None,
    )


def _read(values: Any, key: str, types: Mapping[str, Any]) -> dict[str, Any]:
    part = values.get(key) if isinstance(values, dict) else None
    if not isinstance(part, dict) or part.keys() != types.keys():
        raise InputError(
            f"not an overhead: {key!r} is missing, or its keys are not {', '.join(types)}"
        )
    for name, kind in types.items():
        # The values may come from a file of somebody else.
        if not fits(part[name], kind) or part[name] < 0:
            raise InputError(f"not an overhead: {key} {name} is {part[name]!r}")
    return part
