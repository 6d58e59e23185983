"""What do the publications on faults in gait networks say?"""

from collections.abc import Iterator, Sequence
from itertools import pairwise

from radhard.studies.claim import Claim
from radhard.studies.outcomes import OutcomeClaims, OutcomeFindings, Point, Reading, difference

__all__ = ["CHECKED", "FC", "LSTM", "PLAIN", "WHOLE", "U", "W", "between_networks", "claims"]

WHOLE, LSTM, FC, W, U = "all weights", "LSTM", "FC", "W", "U"
PLAIN, CHECKED = "unprotected", "range check"

LOW, KNEE, TENFOLD, TWENTYFOLD = 0.0005, 0.005, 0.05, 0.1
"""Per weight: where sets hardly differ, where networks begin to fail, and multiples of that."""

BITS = 32
"""Between the rates per weight and per bit."""

DEMANDS = {"accuracy": ("accuracy", 80.0), "F1": ("score", 70.0)}
"""What the application demands of accuracy and F1, in %; a network meets both or fails."""

FEW, MANY = 8.0, 32.0
"""Faulty weights on average, where sets of different size are compared."""


def claims(findings: OutcomeFindings) -> list[Claim]:
    """What they say about one network, statement by statement."""
    about = OutcomeClaims(findings)
    return [*_whole(about), *_layers(about), *_sets(about), *_range_check(about)]


def between_networks(findings: Sequence[OutcomeFindings]) -> list[Claim]:
    """What they say about networks of different size: larger ones are less resilient."""
    return [
        difference(
            f"{how}, faults cost {larger.network} more accuracy than {smaller.network}",
            larger,
            smaller,
            "accuracy drop",
            _at(WHOLE, rate, reading),
            "at least",
        )
        for smaller, larger in pairwise(sorted(findings, key=lambda each: each.weights[WHOLE]))
        for pair in ((KNEE, FEW), (TENFOLD, MANY))
        for how, rate, reading in _ways(*pair)
    ]


def _at(scenario: str, rate: float, reading: Reading = "word", variant: str = PLAIN) -> Point:
    return Point(scenario, variant, reading, rate)


def _ways(rate: float, number: float) -> Iterator[tuple[str, float, Reading]]:
    """Both ways to compare sets of different size: larger sets have more faults at a rate."""
    yield f"at an equal rate of {rate:g} per weight", rate, "word"
    yield f"at {number:g} faulty weights on average in both", number, "faults"


def _whole(about: OutcomeClaims) -> Iterator[Claim]:
    knee, beyond = _at(WHOLE, KNEE), _at(WHOLE, TENFOLD)
    text = f"at {KNEE:g} per weight, accuracy and F1 both meet the demand"
    yield about.margin(text, DEMANDS, knee, "at least")
    text = f"at {TENFOLD:g} per weight, accuracy or F1 does not meet the demand"
    yield about.margin(text, DEMANDS, beyond, "at most")
    text = f"at {KNEE:g} per weight, less than 0.1 % of the outputs are masked"
    yield about.level(text, "masked", knee, "at most", 0.1)
    text = (
        f"critical SDC at {KNEE / BITS:g} per bit and at {KNEE:g} per weight differs by at most "
        "1 point"
    )
    per_bit = _at(WHOLE, KNEE / BITS, "bit")
    yield about.equal(text, "critical", per_bit, knee, 1.0)


def _layers(about: OutcomeClaims) -> Iterator[Claim]:
    text = (
        f"at {LOW:g} per weight, accuracy with faults in the LSTM and in FC differs by at most 0.5"
    )
    low = (_at(LSTM, LOW), _at(FC, LOW))
    yield about.equal(f"{text} points", "accuracy drop", *low, 0.5)
    for how, rate, reading in _ways(TENFOLD, MANY):
        lstm, fc = _at(LSTM, rate, reading), _at(FC, rate, reading)
        text = f"{how}, faults in the LSTM cost more accuracy than in FC"
        yield about.more(text, "accuracy drop", lstm, fc, "at least")
        text = f"{how}, faults in the LSTM cause more critical SDC than in FC"
        yield about.more(text, "critical", lstm, fc, "at least")
    # With many faults, hardly any are masked in either.
    for how, rate, reading in _ways(KNEE, FEW):
        lstm, fc = _at(LSTM, rate, reading), _at(FC, rate, reading)
        text = f"{how}, faults in FC are masked more often than in the LSTM"
        yield about.more(text, "masked", fc, lstm, "at least")
    # At equal numbers of faults, some trials would be those at a rate once more.
    inside = [
        point
        for point in about.findings.arms
        if point.scenario in (LSTM, W, U) and point.variant == PLAIN and point.reading != "faults"
    ]
    yield about.no_due("with faults in the LSTM alone, no DUE is seen", inside)
    text = f"faults in FC can cause a DUE at {TWENTYFOLD:g} per weight"
    yield about.some_due(text, _at(FC, TWENTYFOLD))


def _sets(about: OutcomeClaims) -> Iterator[Claim]:
    for pair in ((KNEE, FEW), (TENFOLD, MANY)):
        for how, rate, reading in _ways(*pair):
            text = f"{how}, faults in W cost more accuracy than in U"
            both = (_at(W, rate, reading), _at(U, rate, reading))
            yield about.more(text, "accuracy drop", *both, "at least")


def _range_check(about: OutcomeClaims) -> Iterator[Claim]:
    for rate in (TENFOLD, TWENTYFOLD):
        checked, bare = _at(WHOLE, rate, variant=CHECKED), _at(WHOLE, rate)
        text = f"with the {CHECKED}, accuracy and F1 at {rate:g} per weight both meet the demand"
        yield about.margin(text, DEMANDS, checked, "at least")
        text = f"the {CHECKED} reduces critical SDC at {rate:g} per weight to a third or less"
        yield about.fraction(text, "critical", checked, bare, 1 / 3)
        text = f"the {CHECKED} does not increase DUE at {rate:g} per weight"
        yield about.more(text, "due", checked, bare, "at most")
    yield about.no_changes(CHECKED)
