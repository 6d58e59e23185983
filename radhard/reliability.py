"""What does a rate mean in FIT, cross-section, R(t), MTTF or MWTF?

The measured argument of a function may be an `Estimate`; the result is then an `Estimate` with the
interval propagated. Arguments given as numbers are assumed to be exact.
"""

import math
from collections.abc import Callable, Sequence
from typing import Literal, TypeVar

from radhard.errors import InputError
from radhard.stats import Estimate

__all__ = [
    "HOURS_PER_FIT",
    "ISO_26262_FIT_LIMIT",
    "configuration_cross_section",
    "cross_section",
    "failure_rate",
    "fit",
    "layer_risk",
    "mttf",
    "mwtf",
    "rate_per_hour",
    "reliability",
    "soft_error_rate",
    "total_fit",
    "upsets_per_hour",
]

HOURS_PER_FIT = 1e9
"""Device hours in the definition of FIT: 1 FIT is one failure in 1e9 device hours."""

ISO_26262_FIT_LIMIT = 10.0
"""Upper limit of random hardware failures in FIT at the highest level of ISO 26262 (ASIL D)."""

Figure = TypeVar("Figure", float, Estimate)


def upsets_per_hour(fit_per_bit: float, size_bits: float) -> float:
    """Upsets per hour in a memory of ``size_bits``, from the raw rate of a bit in FIT.

    >>> round(upsets_per_hour(1e-4, 32_000_000), 9)
    3.2e-06
    """
    _not_negative("fit_per_bit", fit_per_bit)
    _not_negative("size_bits", size_bits)
    return fit_per_bit * size_bits / HOURS_PER_FIT


def fit(fit_per_bit: float, size_bits: float, sdc_rate: Figure) -> Figure:
    """Failures in 1e9 hours of one component (Li et al., SC 2017).

    The raw rate per bit in FIT (a property of the technology, from its manufacturer or a beam
    test), times the number of bits, times the share of upsets that cause a failure (a property of
    the model, from a campaign).

    >>> round(fit(1e-4, 32_000_000, 0.0025), 6)
    8.0
    >>> print(fit(1e-4, 32_000_000, Estimate(0.0025, 0.002, 0.003, confidence=0.95, trials=9604)))
    8.0 [6.4, 9.6] FIT (95 %, 9,604 trials)
    """
    _not_negative("fit_per_bit", fit_per_bit)
    _not_negative("size_bits", size_bits)
    _share("sdc_rate", sdc_rate)
    return _propagate(sdc_rate, lambda share: fit_per_bit * size_bits * share, "FIT")


def total_fit(parts: Sequence[Estimate]) -> Estimate:
    """FIT of a device from its independently measured components.

    Failure rates in series add. The distances from the value to the limits add in quadrature,
    separately for each side (Zou & Donner, Statistics in Medicine 2008).

    >>> weights = Estimate(8.0, 6.0, 11.0, confidence=0.95, trials=900, unit="FIT")
    >>> buffers = Estimate(2.0, 0.5, 6.0, confidence=0.95, trials=100, unit="FIT")
    >>> print(total_fit([weights, buffers]))
    10.0 [7.5, 15.0] FIT (95 %, 1,000 trials)
    """
    if not parts:
        raise InputError("there are no components to add; give at least one")
    if {(p.unit, p.confidence) for p in parts} != {("FIT", parts[0].confidence)}:
        raise InputError("only estimates in FIT with the same confidence can be added")
    # fsum, whose result does not depend on the order of the components.
    value = math.fsum(p.value for p in parts)
    # Not the sum of the limits, which would all have to be reached at once.
    below = math.hypot(*(p.value - p.low for p in parts))
    above = math.hypot(*(p.high - p.value for p in parts))
    trials = sum(p.trials for p in parts)
    return Estimate(value, value - below, value + above, parts[0].confidence, trials, "FIT")


def rate_per_hour(failures_fit: Figure) -> Figure:
    """Failures per hour from a figure in FIT.

    >>> rate_per_hour(10.0)
    1e-08
    """
    _not_negative("failures_fit", failures_fit)
    return _propagate(failures_fit, lambda fits: fits / HOURS_PER_FIT, "failures per hour")


def failure_rate(failures: Figure, devices: float, time_hours: float) -> Figure:
    """Failures per device and hour, from a life test of ``devices`` over ``time_hours``.

    Two failures of 50 devices in 1,000 hours:

    >>> failure_rate(2.0, devices=50, time_hours=1000)
    4e-05
    """
    _not_negative("failures", failures)
    _positive("devices", devices)
    _positive("time_hours", time_hours)
    return _propagate(failures, lambda n: n / (devices * time_hours), "failures per hour")


def cross_section(errors: Figure, fluence_per_cm2: float) -> Figure:
    """The sensitive area in cm^2: errors per particle and cm^2.

    ``fluence_per_cm2`` is the number of particles per cm^2 during the exposure, flux times time.

    >>> cross_section(50.0, fluence_per_cm2=1e11)
    5e-10
    """
    _not_negative("errors", errors)
    _positive("fluence_per_cm2", fluence_per_cm2)
    return _propagate(errors, lambda n: n / fluence_per_cm2, "cm^2")


def configuration_cross_section(
    avf: Figure, used_bits: float, static_cross_section_cm2: float, memory_bits: float
) -> Figure:
    """The sensitive area in cm^2 of a design in the configuration memory of an FPGA.

    ``avf`` is the share of upsets in the used bits that affect the output; the static cross-section
    is that of the whole memory of ``memory_bits``.

    >>> round(configuration_cross_section(0.02, 1e6, 3e-7, 3e7) * 1e10, 6)
    2.0
    """
    _not_negative("used_bits", used_bits)
    _not_negative("static_cross_section_cm2", static_cross_section_cm2)
    _positive("memory_bits", memory_bits)
    _share("avf", avf)
    if used_bits > memory_bits:
        raise InputError(f"used_bits={used_bits:g} is more than memory_bits={memory_bits:g}")
    area = used_bits * static_cross_section_cm2 / memory_bits
    return _propagate(avf, lambda share: share * area, "cm^2")


def soft_error_rate(cross_section_cm2: Figure, flux_per_cm2_hour: float) -> Figure:
    """Soft errors in 1e9 hours (FIT) at the place of operation.

    The cross-section times the flux at that place: about 14 neutrons per cm^2 and hour at sea
    level.

    >>> round(soft_error_rate(5e-10, flux_per_cm2_hour=14.0), 6)
    7.0
    """
    _not_negative("cross_section_cm2", cross_section_cm2)
    _not_negative("flux_per_cm2_hour", flux_per_cm2_hour)
    return _propagate(cross_section_cm2, lambda a: a * flux_per_cm2_hour * HOURS_PER_FIT, "FIT")


def reliability(
    time_hours: float, rate_per_hour: Figure, *, layer_rates_per_hour: Sequence[float] = ()
) -> Figure:
    """R(t): the probability of no failure before ``time_hours``, at constant failure rates.

    Layers are in series, since a failure of any layer is a failure of the network, so their rates
    add. ``layer_rates_per_hour`` contains the rates of further layers, assumed to be exact.

    >>> round(reliability(10_000.0, 1e-5), 6)
    0.904837
    >>> round(reliability(10_000.0, 1e-5, layer_rates_per_hour=[3e-5, 6e-5]), 6)
    0.367879
    """
    _not_negative("time_hours", time_hours)
    _not_negative("rate_per_hour", rate_per_hour)
    for rate in layer_rates_per_hour:
        _not_negative("layer_rates_per_hour", rate)
    others = math.fsum(layer_rates_per_hour)
    return _propagate(rate_per_hour, lambda r: math.exp(-(r + others) * time_hours), "share")


def mttf(rate_per_hour: Figure) -> Figure:
    """Mean time to failure in hours, at a constant failure rate per hour; infinite for a rate of 0.

    >>> round(mttf(4e-5), 6)
    25000.0
    """
    _not_negative("rate_per_hour", rate_per_hour)
    return _propagate(rate_per_hour, _inverse, "hours")


def mwtf(execution_time_hours: float, critical_avf: Figure) -> Figure:
    """Mean work to failure: the work done per failure, relative to the raw fault rate.

    ``1 / (execution time * critical AVF)``: it increases if the system is faster or less
    vulnerable. It can be compared between versions of a program on the same device; divided by
    the upsets per hour it is the number of executions per failure.

    >>> mwtf(0.5, 0.01)
    200.0
    """
    _positive("execution_time_hours", execution_time_hours)
    _share("critical_avf", critical_avf)
    return _propagate(critical_avf, lambda a: _inverse(a * execution_time_hours), "per hour")


def layer_risk(accuracy_loss: float) -> Literal["low", "medium", "high"]:
    """The risk of a layer, by the accuracy lost to faults in its parameters (Khoshavi et al.).

    Below 1 percentage point low, up to 5 medium, above 5 high; ``accuracy_loss`` is a share.

    >>> layer_risk(0.009), layer_risk(0.01), layer_risk(0.05), layer_risk(0.051)
    ('low', 'medium', 'medium', 'high')
    """
    if not -1 <= accuracy_loss <= 1:
        raise InputError(
            f"accuracy_loss={accuracy_loss!r} is not a share from -1 to 1; "
            "0.05 is five percentage points"
        )
    if accuracy_loss < 0.01:
        return "low"
    return "medium" if accuracy_loss <= 0.05 else "high"


def _propagate(figure: Figure, function: Callable[[float], float], unit: str) -> Figure:
    if isinstance(figure, Estimate):
        return figure.map(function, unit)
    return function(figure)


def _inverse(x: float) -> float:
    return 1 / x if x else math.inf


def _interval(figure: float | Estimate) -> tuple[float, float]:
    return (figure.low, figure.high) if isinstance(figure, Estimate) else (figure, figure)


def _not_negative(name: str, figure: float | Estimate) -> None:
    # Written so that NaN is rejected, with which every comparison is false.
    try:
        allowed = 0 <= _interval(figure)[0] <= _interval(figure)[1] < math.inf
    except TypeError:
        allowed = False
    if not allowed:
        raise InputError(f"{name}={figure} is not allowed; it must be a finite number, 0 or above")


def _positive(name: str, figure: float) -> None:
    _not_negative(name, figure)
    if figure == 0:
        raise InputError(f"{name}={figure!r} is not allowed; it must be a finite number above 0")


def _share(name: str, figure: float | Estimate) -> None:
    _not_negative(name, figure)
    if not 0 <= _interval(figure)[0] <= _interval(figure)[1] <= 1:
        raise InputError(f"{name}={figure} is not allowed; it must be a share between 0 and 1")
