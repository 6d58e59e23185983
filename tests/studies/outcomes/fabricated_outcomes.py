"""Which findings on outcomes do the tests make up?"""

from collections.abc import Mapping

import numpy as np

from radhard.studies.outcomes import Arm, OutcomeFindings, Point

__all__ = ["fabricated_outcomes"]


def fabricated_outcomes(
    shares: Mapping[Point, Mapping[str, float | np.ndarray]],
    *,
    network: str = "made up",
    weights: Mapping[str, int] | None = None,
    changed: Mapping[str, int] | None = None,
    bits: Mapping | None = None,
    runs: int = 400,
    chance: float | None = None,
) -> OutcomeFindings:
    """Findings with about these shares of critical SDC and DUE in every trial; the rest masked.

    A sample is right, and the score is the accuracy, unless it has one of the two.
    """
    wave = 0.003 * np.sin(np.arange(runs) * 2.399963)
    arms = {}
    for point, given in shares.items():
        figures = {}
        for name in ("masked", "noncritical", "critical", "due"):
            value = given.get(name, 0.0)
            varied = isinstance(value, float) and 0 < value < 1
            figures[name] = value + wave if varied else np.zeros(runs) + value
        if "masked" not in given:
            figures["masked"] = 1 - figures["critical"] - figures["due"] - figures["noncritical"]
        harmful = figures["critical"] + figures["due"]
        figures |= {"harmful": harmful, "accuracy": 1 - harmful, "accuracy drop": harmful}
        figures |= {"score": 1 - harmful, "score drop": harmful}
        arms[point] = Arm(point.rate, figures)
    return OutcomeFindings(
        network,
        100,
        {"accuracy": 1.0, "score": 1.0},
        weights or {"all weights": 1000},
        1.0,
        changed or dict.fromkeys({point.variant for point in shares}, 0),
        arms,
        {},
        bits,
        chance=chance,
    )
