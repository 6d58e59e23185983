"""Does a convolutional network tolerate transients in its logic, and errors in its memory?"""

from collections.abc import Iterator
from itertools import pairwise, product

import numpy as np

from radhard.studies.claim import Claim
from radhard.studies.upsets import Equal, UpsetDesign, UpsetFindings, UpsetStudy

__all__ = ["CNN_RELIABILITY"]

SMALL = 0.9
"""Of the errors of activations are "of small size"."""

START, VISIBLE = 1e-2, 0.1
"""The probability from which on accuracy is lost, and the points that count as a loss."""

DRAMATIC = 10.0
"""Points; a loss that "is not dramatic" is smaller."""

CHANCE = 0.15
"""Of 10 classes; a mean accuracy up to here is "10 %"."""

EARLY = 9
"""Errors "before the 10 error step"."""

FEW = 0.01
"""A best or worst case is one that occurs in at least so large a share of the histories."""

EQUAL: dict[Equal, str] = {"number": "equal numbers of errors", "rate": "an equal rate per bit"}

RATES = (1e-4, 1e-3, 1e-2, 3e-2, 1e-1, 3e-1, 1.0)


def claims(findings: UpsetFindings) -> list[Claim]:
    """What the paper says, statement by statement."""
    return [*_activations(findings), *_transients(findings), *_memory(findings)]


def _activations(findings: UpsetFindings) -> Iterator[Claim]:
    for each in findings.errors:
        text = "errors of activations are centred around zero"
        note, middle = f"distance of the median error from 0; {each.reading_text}", each.middle()
        # A median that is not zero and yet nothing: said, as the claim is about zero.
        if 0 < middle.value * each.typical < np.finfo(np.float32).tiny:
            note += "; a denormal number, which flips of fraction bits make of activations of 0"
        yield Claim(text, middle, "at most", 0.01, note)
        small = each.above(1.0).map(lambda share: 1 - share, "share")
        text = f"{100 * SMALL:g} % of the errors of activations are small"
        note = f"errors up to the largest fault-free activation; {each.reading_text}"
        yield Claim(text, small, "at least", SMALL, note)
    one = findings.errors[0]
    for more in findings.errors[1:]:
        text = f"errors do not grow out of control with {more.flips} flips"
        note = f"large errors beyond {more.flips} times those of one flip; {more.reading_text}"
        yield Claim(text, more.excess(one), "at most", 0.0, note)


def _transients(findings: UpsetFindings) -> Iterator[Claim]:
    rates, flips = findings.rates, list(findings.transients)
    most, every = rates[-1], "upsets in every layer"
    for k in flips:
        noun = f"{k} flip" + "s" * (k > 1)
        for rate in (r for r in rates if r == START / 10):
            text = f"below a probability of {START:g}, no accuracy is lost by {noun}"
            yield Claim(text, findings.loss(k, rate), "at most", VISIBLE, f"at {rate:g}, {every}")
        for rate in (r for r in rates if r == START):
            text = f"the loss by {noun} starts at a probability of {START:g}"
            yield Claim(text, findings.loss(k, rate), "at least", VISIBLE, every)
        for rate in (r for r in rates if r == most / 10):
            # A loss that grows in proportion to the probability gives zero; more than that is
            # acceleration.
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
    steps, flips = findings.course().shape[1] - 1, findings.flips_of_all
    early = min(EARLY, steps)
    text = "the worst case collapses before 10 errors in memory"
    note = f"histories with less than half of the images correct after {early} errors"
    yield Claim(text, findings.below(early, 0.5), "at least", FEW, note)
    for errors in sorted({min(early + 1, steps), steps}):
        note = f"histories that lost at most 1 point after {errors} errors"
        text = "the best case stays almost perfect"
        yield Claim(text, findings.intact(errors, 1.0), "at least", FEW, note)
    yield _end(findings, steps)
    if flips <= steps:
        text = "errors in memory cost more accuracy than transients in logic"
        note = f"{flips} flips anywhere in the weights, and one in each of {flips} layers' outputs"
        figure = findings.memory_costs_more()
        yield Claim(text, figure, "at least", 0.0, f"{note} in every inference")
    first, *others = findings.bits
    linear = [layer for layer in others if not layer.startswith("conv")]
    for equal, how in EQUAL.items():
        for other in others:
            text = f"{first}, the first layer, is more resilient than {other}"
            yield Claim(text, findings.more_accurate(first, other, equal), "at least", 0.0, how)
        for layer, other in product((each for each in others if each not in linear), linear):
            text = f"the convolution {layer} is more resilient than the linear layer {other}"
            yield Claim(text, findings.more_accurate(layer, other, equal), "at least", 0.0, how)


def _end(findings: UpsetFindings, steps: int) -> Claim:
    end, half = findings.accuracy(steps), steps // 2
    note = f"mean after {steps} errors; the paper does not say after how many"
    fall = findings.fall(half, steps)
    if fall.low > 0:
        note += f"; still falling, from {half} to {steps} errors by {fall}"
    # More errors may bring it down to chance, so that a higher accuracy refutes nothing.
    text, decisive = "in the end, the accuracy is that of chance (10 %)", end.low <= CHANCE
    return Claim(text, end, "at most", CHANCE, note, decisive)


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
