"""Does a convolutional network tolerate transients in its logic, and errors in its memory?"""

from collections.abc import Iterator
from itertools import pairwise

from radhard.stats import Cell, Estimate, mean_difference
from radhard.studies.claim import Claim
from radhard.studies.upsets import ActivationErrors, UpsetDesign, UpsetFindings, UpsetStudy

__all__ = ["CNN_RELIABILITY"]

SMALL = 0.9
"""Of the errors of activations are "of small size"."""

START, VISIBLE = 1e-2, 0.1
"""The probability from which on accuracy is lost, and the points that count as a loss."""

DRAMATIC = 10.0
"""Points; a loss that "is not dramatic" is smaller."""

EARLY = 9
"""Errors "before the 10 error step"."""

RATES = (1e-4, 1e-3, 1e-2, 3e-2, 1e-1, 3e-1, 1.0)


def claims(findings: UpsetFindings) -> list[Claim]:
    """What the paper says, statement by statement."""
    return [*_activations(findings), *_transients(findings), *_memory(findings)]


def _activations(findings: UpsetFindings) -> Iterator[Claim]:
    for each in findings.errors:
        how = _how(each)
        yield Claim(
            "errors of activations are centred around zero",
            each.middle(),
            "at most",
            0.01,
            f"distance of the median error from 0; {how}",
        )
        yield Claim(
            f"{100 * SMALL:g} % of the errors of activations are small",
            each.above(1.0).map(lambda share: 1 - share, "share"),
            "at least",
            SMALL,
            f"errors up to the largest fault-free activation; {how}",
        )
    one = findings.errors[0]
    for more in findings.errors[1:]:
        yield Claim(
            f"errors do not grow out of control with {more.flips} flips",
            _excess(more, one),
            "at most",
            0.0,
            f"large errors beyond {more.flips} times those of one flip; {_how(more)}",
        )


def _excess(more: ActivationErrors, one: ActivationErrors) -> Estimate:
    """How many more errors are large than in proportion to the number of flips."""
    cells = [
        Cell((more.sizes > more.typical).astype(float), 10**12),
        Cell(-(one.sizes > one.typical).astype(float), more.flips * 10**12),
    ]
    return mean_difference(cells).map(lambda mean: 100 * (1 + more.flips) * mean, "points")


def _how(each: ActivationErrors) -> str:
    if each.flips == 1:
        return "1 flip"
    return (
        f"{each.flips} flips in a value"
        if each.reading == "value"
        else (f"1 flip in each of {each.flips} values, the largest error")
    )


def _transients(findings: UpsetFindings) -> Iterator[Claim]:
    rates, flips = findings.rates, list(findings.transients)
    most = rates[-1]
    every = "upsets in every layer"
    for k in flips:
        noun = f"{k} flip" + "s" * (k > 1)
        for rate in (r for r in rates if r == START / 10):
            text = f"below a probability of {START:g}, {noun} cost no accuracy"
            yield Claim(text, findings.loss(k, rate), "at most", VISIBLE, f"at {rate:g}, {every}")
        for rate in (r for r in rates if r == START):
            text = f"the loss by {noun} starts at a probability of {START:g}"
            yield Claim(text, findings.loss(k, rate), "at least", VISIBLE, every)
        for rate in (r for r in rates if r == most / 10):
            growth = findings.loss_difference((1.0, k, most), (-10.0, k, rate))
            text = f"the loss by {noun} accelerates with the probability"
            note = f"loss at {most:g} less 10 times that at {rate:g}; the paper: exponentially"
            yield Claim(text, growth, "at least", 0.0, note)
    for fewer, more in pairwise(flips):
        gain = findings.loss_difference((1.0, more, most), (-1.0, fewer, most))
        text = f"{more} flips cost more accuracy than {fewer}"
        yield Claim(text, gain, "at least", 0.0, f"at a probability of {most:g}")
    for k in flips:
        text = f"the loss by transients of {k} flip" + "s" * (k > 1) + " is not dramatic"
        yield Claim(text, findings.loss(k, most), "at most", DRAMATIC, f"at {most:g}, {every}")
    for layer in findings.values:
        text = f"the loss by transients in {layer} alone is not dramatic"
        note = "one flip in its output in every inference"
        yield Claim(text, findings.layer_loss(layer), "at most", DRAMATIC, note)


def _memory(findings: UpsetFindings) -> Iterator[Claim]:
    steps = findings.course().shape[1] - 1
    early = min(EARLY, steps)
    yield Claim(
        "the worst case collapses before 10 errors in memory",
        findings.below(early, 0.5),
        "at least",
        0.01,
        f"histories with less than half of the images correct after {early} errors",
    )
    for errors in sorted({early + 1, steps} - {steps + 1}):
        yield Claim(
            "the best case stays almost perfect",
            findings.intact(errors, 1.0),
            "at least",
            0.01,
            f"histories that lost at most 1 point after {errors} errors",
        )
    text = "in the end, the accuracy is that of chance (10 %)"
    end = findings.accuracy(steps)
    yield Claim(text, end, "at most", 0.15, f"mean after {steps} errors")
    flips = findings.flips_of_all
    if flips <= steps:
        yield Claim(
            "errors in memory cost more accuracy than transients in logic",
            findings.memory_costs_more(),
            "at least",
            0.0,
            f"{flips} flips anywhere in the weights, and one in each of {flips} layers' outputs in "
            "every inference",
        )
    first, *others = findings.bits
    for equal, how in (("number", "equal numbers of errors"), ("rate", "an equal rate per bit")):
        for other in others:
            yield Claim(
                f"{first}, the first layer, is more resilient than {other}",
                findings.more_accurate(first, other, "number" if equal == "number" else "rate"),
                "at least",
                0.0,
                how,
            )
        for layer in (each for each in others if each.startswith("conv")):
            for other in (each for each in others if not each.startswith("conv")):
                yield Claim(
                    f"the convolution {layer} is more resilient than the linear layer {other}",
                    findings.more_accurate(layer, other, "number" if equal == "number" else "rate"),
                    "at least",
                    0.0,
                    how,
                )


CNN_RELIABILITY = UpsetStudy(
    name="cnn-reliability",
    title="Reliability of a convolutional network: transients in logic, errors in memory",
    source="A Reliability Study on CNNs for Critical Embedded Systems",
    about=(
        "Bits of 32-bit floats are flipped. First, in single activations of a 3x3 convolution "
        "with a ReLU, random filters and images, after the ReLU; k flips are k bits of one value, "
        "or one bit in each of k values of the output, as the paper can be read both ways. Then "
        "in the outputs of all layers of a trained network: in every inference, each output has "
        "an upset with the given probability, of one bit in each of k values. Then in its stored "
        "weights, where one error after another is added and all stay. An output with NaN is a "
        "wrong prediction. The paper states no numbers for what is small, dramatic or almost "
        "perfect; the limits are ours. Layers differ in size up to 190 times: equal numbers of "
        "errors say which layer suffers more from an error, equal rates which one contributes "
        "more to failures."
    ),
    networks=("wide-lenet5",),
    claims=claims,
    design=UpsetDesign(rates=RATES),
)
