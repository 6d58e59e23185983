"""Into which weights are faults injected at which rates, to count the outcomes?"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, final

from radhard.metrics import Accuracy, Metric, Outcome
from radhard.studies.error_rates import Variant
from radhard.targets import Target

__all__ = ["OutcomeDesign", "Reading", "Scenario"]

Reading = Literal["word", "bit", "faults"]
"""What a rate is: a share of the weights, each with one faulty bit; a share of all bits; or the
mean number of faulty weights, equal for sets of different size."""


@final
@dataclass(frozen=True)
class Scenario:
    """A set of weights into which faults are injected; ``paint`` and ``mark`` are its looks."""

    name: str
    targets: tuple[Target, ...]
    paint: str
    mark: str


@final
@dataclass(frozen=True)
class OutcomeDesign:
    """Sets of weights and protections, compared by the outcomes of faults at error rates.

    The first scenario covers all weights, and the first variant is the unprotected network. Faults
    are injected into the unprotected network in all scenarios, and into the protected ones in the
    first scenario only; these faults are the same as without protection, trial by trial.
    """

    scenarios: tuple[Scenario, ...]
    variants: tuple[Variant, ...]
    rates: Mapping[Reading, tuple[float, ...]]
    outcome: Outcome
    accuracy: Accuracy
    score: Metric
    """A metric with a score and its drop, such as `F1`."""
    score_name: str
    """As the page writes it."""
    chance: float | None = None
    """The score of guessing, for one by which an output with NaN is worse than a guess."""
    runs: int = 2000
    """Trials at each rate, by default."""
    further: int = 0
    """How many times as many further trials there are at the highest rate per weight."""
    bit_wise: bool = False
    """Whether each bit position is also flipped in all weights at once."""

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """All metrics of a campaign."""
        return self.outcome, self.accuracy, self.score

    @property
    def columns(self) -> Mapping[str, str]:
        """The full names of the figures in a campaign, by their short names here."""
        outcomes = ("masked", "noncritical", "critical", "due")
        score = self.score.figures[0].name
        return {
            **{name: f"{self.outcome!r}.{name}" for name in outcomes},
            "accuracy": f"{self.accuracy!r}.accuracy",
            "accuracy drop": f"{self.accuracy!r}.drop",
            "score": f"{self.score!r}.{score}",
            "score drop": f"{self.score!r}.drop",
        }

    def rates_of(self, reading: Reading, *, quick: bool) -> tuple[float, ...]:
        """The rates of a reading; a quick study has only the first and the last."""
        rates = self.rates[reading]
        return rates if not quick or len(rates) < 2 else (rates[0], rates[-1])

    @property
    def arms(self) -> tuple[tuple[Scenario, Variant, Reading], ...]:
        """The campaigns: set of weights, protection, and what a rate is."""
        whole, bare = self.scenarios[0], self.variants[0]
        found = [(where, bare, reading) for where in self.scenarios for reading in self.rates]
        # Where all networks have the same weights, an equal number of faults is an equal rate.
        found += [
            (whole, variant, reading)
            for variant in self.variants[1:]
            for reading in self.rates
            if reading != "faults"
        ]
        return tuple(found)
