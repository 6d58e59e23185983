"""How is the reliability of one network under upsets presented?"""

import math
from collections.abc import Iterator
from typing import Any

from radhard.stats import Estimate
from radhard.studies.claim import estimate_facts
from radhard.studies.markdown import table
from radhard.studies.networks import Network
from radhard.studies.study import NetworkSection
from radhard.studies.upsets.activation_errors import ActivationErrors
from radhard.studies.upsets.upset_figures import (
    LEAST,
    accumulation_figure,
    error_figure,
    transient_figure,
)
from radhard.studies.upsets.upset_findings import UpsetFindings

__all__ = ["upset_section"]

SHOWN = (1, 2, 3, 5, 10, 20, 30, 50, 75, 100, 150, 200)
"""Numbers of errors with a row of their own."""


def upset_section(study: str, network: Network, findings: UpsetFindings) -> NetworkSection:
    """The section of a page on one network, with its figures and all numbers."""
    free = findings.right.mean()
    return NetworkSection(
        intro=f"{network.about}; {100 * free:.4g} % of {len(findings.right):,} test images are "
        f"classified correctly without faults. Faulty weights are evaluated on the first "
        f"{findings.images:,}.",
        body=[
            *_activations(study, findings),
            *_transients(study, findings),
            *_memory(study, findings),
        ],
        figures={
            _file(study, findings, "errors"): error_figure(study, findings),
            _file(study, findings, "transients"): transient_figure(study, findings),
            _file(study, findings, "memory"): accumulation_figure(study, findings),
        },
        numbers=_numbers(findings),
    )


def _file(study: str, findings: UpsetFindings, what: str) -> str:
    return f"{study}-{findings.network}-{what}.svg"


def _activations(study: str, findings: UpsetFindings) -> Iterator[str]:
    largest = max(each.typical for each in findings.errors)
    yield from (
        "### Errors of activations",
        "",
        f"![Distribution of the errors]({_file(study, findings, 'errors')})",
        "",
        f"The largest fault-free activation is {largest:.3g}. Many are 0, in which a flip of the "
        "highest exponent bit gives 2, and one of a fraction bit a denormal number, below 1.2e-38. "
        f"In the figure, the first column contains all errors below {10 ** (LEAST + 0.5):.2g}, the "
        "last one those that are not finite; errors of 0 are in none.",
        "",
    )
    yield from table(
        (
            "flips",
            "activations",
            "no error",
            "median error",
            "90 % up to",
            "error above the largest activation",
            "above 1,000 times",
        ),
        (
            (
                _reading(each),
                f"{len(each.errors):,}",
                _short(each.unchanged()),
                f"{each.quantile(0.5).value:.3g}",
                f"{each.quantile(0.9).value:.3g}",
                _short(each.above(1.0)),
                _short(each.above(1000.0)),
            )
            for each in findings.errors
        ),
    )


def _transients(study: str, findings: UpsetFindings) -> Iterator[str]:
    yield from (
        "### Transients in activations",
        "",
        f"![Accuracy under transients]({_file(study, findings, 'transients')})",
        "",
        "Points of accuracy lost if the output of every layer has an upset with this probability:",
        "",
    )
    flips = list(findings.transients)
    yield from table(
        ("probability", *(f"{k} flip" + "s" * (k > 1) for k in flips)),
        (
            (f"{rate:g}", *(_short(findings.loss(k, rate)) for k in flips))
            for rate in findings.rates
        ),
    )
    total = sum(findings.values.values())
    yield "One flip in the output of one layer in every inference (an equal number of faults), and"
    yield "the part that the layer has in the loss if all values have the same error rate (from the"
    yield "means, without an interval):"
    yield ""
    whole = sum(findings.layer_loss(layer).value * many for layer, many in findings.values.items())
    yield from table(
        ("layer", "values", "points lost by one flip", "part of the loss at an equal rate"),
        (
            (
                layer,
                f"{many:,} ({100 * many / total:.3g} %)",
                _short(findings.layer_loss(layer)),
                f"{100 * findings.layer_loss(layer).value * many / whole:.3g} %" if whole else "",
            )
            for layer, many in findings.values.items()
        ),
    )


def _memory(study: str, findings: UpsetFindings) -> Iterator[str]:
    yield from (
        "### Errors that accumulate in the weights",
        "",
        f"![Accuracy over the number of errors]({_file(study, findings, 'memory')})",
        "",
    )
    course = findings.course()
    yield from table(
        ("errors", "mean accuracy", "standard deviation", "best", "worst"),
        (
            (
                str(errors),
                _short(findings.accuracy(errors)),
                f"{100 * course[:, errors].std(ddof=1):.3g} points",
                f"{100 * course[:, errors].max():.4g} %",
                f"{100 * course[:, errors].min():.4g} %",
            )
            for errors in SHOWN
            if errors < course.shape[1]
        ),
    )
    steps = min(findings.course(layer).shape[1] - 1 for layer in findings.bits)
    yield (
        f"Errors in the weights of one layer: mean accuracy over 1 to {steps} errors (an equal "
        f"number of faults), and at {findings.equal_rate:.3g} errors per bit (an equal rate):"
    )
    yield ""
    yield from table(
        ("layer", "bits", "errors at the rate", "accuracy, equal number", "accuracy, equal rate"),
        (
            (
                layer,
                f"{bits:,}",
                f"{bits * findings.equal_rate:.3g}",
                _short(findings.layer_accuracy(layer, "number")),
                _short(findings.layer_accuracy(layer, "rate")),
            )
            for layer, bits in findings.bits.items()
        ),
    )


def _numbers(findings: UpsetFindings) -> dict[str, Any]:
    manifest = findings.memory.manifest
    campaigns = [*findings.transients.values(), *findings.layer_transients.values()]
    campaigns += [findings.memory, *findings.layer_memory.values()]
    return {
        "images": len(findings.right),
        "images for memory": findings.images,
        "accuracy without faults": float(findings.right.mean()),
        "fingerprints": {key: manifest[key] for key in manifest if "fingerprint" in key},
        "campaigns": [
            {"seed": each.seed, "trials": len(each), "sampler": repr(each.sampler)}
            for each in campaigns
        ],
        "activations": [_of_errors(each) for each in findings.errors],
        "transients": [
            {"flips": k, "probability": rate, "lost": estimate_facts(findings.loss(k, rate))}
            for k in findings.transients
            for rate in findings.rates
        ],
        "transients by layer": [
            {"layer": layer, "values": many, "lost": estimate_facts(findings.layer_loss(layer))}
            for layer, many in findings.values.items()
        ],
        "memory": _of_course(findings, None),
        "memory by layer": [
            {
                "layer": layer,
                "bits": bits,
                "equal number": estimate_facts(findings.layer_accuracy(layer, "number")),
                "equal rate": estimate_facts(findings.layer_accuracy(layer, "rate")),
                "errors": _of_course(findings, layer),
            }
            for layer, bits in findings.bits.items()
        ],
        "equal rate": findings.equal_rate,
    }


def _of_errors(each: ActivationErrors) -> dict[str, Any]:
    return {
        "flips": each.flips,
        "in a": each.reading,
        "largest activation": each.typical,
        "no error": estimate_facts(each.unchanged()),
        "above the largest activation": estimate_facts(each.above(1.0)),
        "above 1,000 times": estimate_facts(each.above(1000.0)),
        "quantiles": {
            str(q): value if math.isfinite(value := each.quantile(q).value) else None
            for q in (0.1, 0.25, 0.5, 0.75, 0.9, 0.99)
        },
    }


def _of_course(findings: UpsetFindings, layer: str | None) -> list[dict[str, Any]]:
    course = findings.course(layer)
    return [
        {
            "errors": errors,
            "accuracy": estimate_facts(findings.accuracy(errors, layer)),
            "standard deviation": float(course[:, errors].std(ddof=1)),
            "best": float(course[:, errors].max()),
            "worst": float(course[:, errors].min()),
        }
        for errors in range(1, course.shape[1])
    ]


def _reading(each: ActivationErrors) -> str:
    if each.flips == 1:
        return "1"
    return f"{each.flips} " + ("in a value" if each.reading == "value" else "values of a map")


def _short(estimate: Estimate) -> str:
    """The figure and its interval, without the level and the number of trials."""
    return str(estimate).partition(" (")[0].replace(" points", "")
