"""How are weights in several encodings evaluated under faults at bit error rates?"""

import math

import torch
from torch import nn

from radhard.errors import InputError
from radhard.faults import BitFlip
from radhard.formats import Float64, Format, ProtectedFormat, stored_as
from radhard.space import FaultSpace
from radhard.studies.correct_answers import correct_answers
from radhard.studies.encodings.encoding_design import EncodingDesign
from radhard.studies.encodings.encoding_findings import EncodingFindings, MeasuredEncoding
from radhard.studies.networks import Network
from radhard.studies.rate_course import RateCourse
from radhard.studies.study import Plan
from radhard.targets import Weights

__all__ = ["measure_encodings", "smaller_changes", "stored_weights"]

_TARGET = Weights("*")


def measure_encodings(
    study: str, design: EncodingDesign, network: Network, plan: Plan
) -> EncodingFindings:
    """The weights of one network in every encoding, each with campaigns at all rates.

    All test images are evaluated, or a subset if the network is large (``brief``) or the plan has a
    number.

    Raises:
        InputError: weights that an encoding cannot represent, a fault-free error of 0, or a store
            that contains another study.
    """
    most = len(network.test)
    # All images where a pass is cheap: a tolerable rate depends on few wrong answers.
    few = network.images if design.images is None else design.images
    images = (few if network.brief else most) if plan.images is None else plan.images
    data = network.test.first(min(images, most))
    courses = []
    for encoding in design.encodings:
        plan.report(f"{network.name}: {encoding.name}")
        model = stored_weights(network.model, encoding.format)
        if correct_answers(model, data).all():
            raise InputError(
                f"{network.name} with weights in {encoding.name} classifies all {len(data):,} "
                "images correctly, so a relative increase of its error is undefined; use more "
                "images, as --images 1000"
            )
        space = FaultSpace.of(model, _TARGET, BitFlip(), encoding.format)
        course = RateCourse(study, design, network, plan, encoding.name, model, data, space)
        course.sweep()
        courses.append(course)
    if not plan.quick:
        # Found before any refinement, so that paired encodings are refined at the same rates.
        found = [course.tolerable for course in courses]
        for at, course in enumerate(courses):
            plan.report(f"{network.name}: {course.name}, near the tolerable rate")
            if at < design.paired:
                course.refine(found[: design.paired], design.near_paired)
            else:
                course.refine([found[at]], design.near)
    first = design.encodings[0].format
    measured = {}
    for encoding, course in zip(design.encodings, courses, strict=True):
        format, (sweep, *further) = encoding.format, course.campaigns
        measured[course.name] = MeasuredEncoding(
            repr(format),
            len(course.space),
            sweep,
            smaller_changes(network.model, format, first),
            tuple(further),
        )
    return EncodingFindings(network.name, len(data), design.increase, measured)


def stored_weights(model: nn.Module, format: Format) -> nn.Module:
    """A copy of the model with its weights in a format; biases and statistics are unchanged.

    >>> from radhard.formats import Fixed
    >>> layer = stored_weights(nn.Linear(2, 2), Fixed(1, 2))
    >>> bool((layer.weight * 4 == (layer.weight * 4).round()).all())
    True
    """
    weights = {name: format for name, _ in _TARGET.candidates(model)}
    # Float64 holds the values of all floating-point tensors, so that nothing is rounded.
    return stored_as(model, {**weights, "*": Float64()})


def smaller_changes(model: nn.Module, format: Format, first: Format) -> float | None:
    """Share of the weights that a flip of the sign changes by less than a tenth as with ``first``.

    Counted over all weights, without chance. None if a format is protected, has no sign of one bit,
    or is ``first`` itself.

    >>> from radhard.formats import Int
    >>> layer = nn.Linear(4, 1)
    >>> _ = layer.weight.data.copy_(torch.tensor([127.0, 1.0, 6.0, 7.0]))
    >>> smaller_changes(layer, Int(8, code="sign_magnitude"), Int(8))
    0.5
    """
    formats = (format, first)
    if format == first or any(isinstance(each, ProtectedFormat) for each in formats):
        return None
    signs = [[b for b in range(f.bits) if f.field(b) == "sign"] for f in formats]
    if any(len(bits) != 1 for bits in signs):
        return None
    count, smaller = 0, 0
    for _, weight in _TARGET.candidates(model):
        change, by_first = (
            _sign_changes(weight, each, bit) for each, (bit,) in zip(formats, signs, strict=True)
        )
        # NaN, which a flip may cause in some formats, is not a smaller change.
        smaller += int((10 * change < by_first).sum())
        count += weight.numel()
    return smaller / count if count else math.nan


def _sign_changes(weight: torch.Tensor, format: Format, bit: int) -> torch.Tensor:
    """By how much a flip of the sign bit changes each weight."""
    # With the scale that this tensor has, of which the change of a code is a multiple.
    fitted = format.fit(weight)
    codes = fitted.encode(weight)
    # As float64, because torch does not subtract every dtype.
    return (fitted.decode(codes ^ (1 << bit)).double() - fitted.decode(codes).double()).abs()
