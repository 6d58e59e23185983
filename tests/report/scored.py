"""Which scores does a page have to cope with? Made by hand, without a forward pass."""

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from radhard import report
from radhard.results import Results
from radhard.scores import Level, Scores, Unit

from .made import OUTCOME, made

NAMES = {"model": "lenet5", "data": "mnist", "samples": 100, "seed": 0, "format": "Float32()"}
SHAPES: dict[Level, tuple[int, ...]] = {
    "tensor": (), "channel": (4,), "element": (4, 4), "bit": (32,)
}  # fmt: skip


def scores(
    level: Level = "channel",
    unit: Unit = "share",
    *,
    layers: int = 2,
    limits: bool = False,
    by: str = "Made()",
    rename: str | None = None,
    change: Callable[[np.ndarray], np.ndarray] = lambda value: value,
    **more: Any,
) -> Scores:
    """Random scores of the weights of the network of the runs of `made`."""
    chance = np.random.default_rng(7)
    scale = 0.2 if unit == "share" else 30.0
    names = [f"{layer}.weight" for layer in range(layers)]
    if rename is not None:
        names[0] = rename
    values = {n: change(scale * chance.random(SHAPES[level]) ** 3) for n in names}
    low = {n: np.maximum(v - 0.02, 0) for n, v in values.items()} if limits else None
    high = {n: v + 0.03 for n, v in values.items()} if limits else None
    kept: dict[str, Any] = {
        "cost": {"seconds": 3.21, "samples": 4800.0},
        "names": NAMES,
        "model": "ab" * 32,
        **more,
    }
    return Scores(by, level, values, unit, low=low, high=high, **kept)


def some_unknown(value: np.ndarray) -> np.ndarray:
    """The first of the parts was not looked at."""
    value = value.copy()
    value.ravel()[:1] = np.nan
    return value


@dataclass(frozen=True)
class Case:
    """Analyses, and the campaign they are compared with."""

    analyses: Sequence[Scores]
    against: Results | None = None


def campaign() -> Results:
    """Sixty flips in each of two tensors."""
    return made(columns=OUTCOME)


CASES: dict[str, Callable[[], Case]] = {
    "relative channels": lambda: Case([scores(unit="relative")]),
    "shares with limits": lambda: Case([scores(limits=True)], campaign()),
    "tensors": lambda: Case([scores("tensor", layers=5)], campaign()),
    "elements": lambda: Case([scores("element", limits=True)], campaign()),
    "bits": lambda: Case([scores("bit")], campaign()),
    "relative bits": lambda: Case([scores("bit", "relative", layers=1)]),
    "sixty layers": lambda: Case([scores(layers=60)]),
    "nothing vulnerable": lambda: Case([scores(change=np.zeros_like)], campaign()),
    "some unknown": lambda: Case([scores(change=some_unknown)], campaign()),
    "one part": lambda: Case([scores(layers=1, change=lambda value: value[:1])]),
    "facts": lambda: Case(
        [
            scores(
                facts={
                    "bits": {"0.weight": np.linspace(0, 0.3, 32).tolist()},
                    "mvf": {"total": {"value": 0.0123, "low": 0.01, "high": 0.02}, "by": 0.01},
                    "forwards": 1_234,
                    "long": list(range(1000)),
                    "complete": True,
                }
            )
        ]
    ),
    "several": lambda: Case(
        [
            scores(limits=True),
            scores("tensor", "relative", by="Coarse(k=2)"),
            scores("element", "relative", by="Fine()", change=lambda value: value[::-1]),
        ],
        campaign(),
    ),
    "several without a campaign": lambda: Case([scores(), scores("bit", by="Other()")]),
    "from Python": lambda: Case([scores(names={}, cost={}, model="")]),
}
"""Every kind of scores that reads differently."""


@functools.cache
def rendered(case: str) -> tuple[Case, str, str]:
    """A case, its page and its twin, made once for all tests."""
    found = CASES[case]()
    given = {"against": found.against, "store": "runs/base.db"}
    page = report.scores_html(found.analyses, **given)  # type: ignore[arg-type]
    twin = report.scores_markdown(found.analyses, **given)  # type: ignore[arg-type]
    return found, page, twin
