"""How is the protection of critical neurons of one network presented?"""

from collections.abc import Iterator
from typing import Any

from radhard.hardenings import neurons_saved
from radhard.stats import Estimate, percent
from radhard.studies.claim import estimate_facts
from radhard.studies.markdown import table
from radhard.studies.networks import Network
from radhard.studies.neuron_copies.neuron_copies_findings import Method, NeuronCopiesFindings
from radhard.studies.study import NetworkSection

__all__ = ["neuron_copies_section"]

_METHODS: tuple[Method, ...] = ("split", "triplicated")

_ALL: tuple[Method, ...] = ("unprotected", *_METHODS)


def neuron_copies_section(network: Network, findings: NeuronCopiesFindings) -> NetworkSection:
    """The section of a page on one network, with all numbers."""
    plain, words = findings.accuracy
    return NetworkSection(
        intro=f"{network.about}; {findings.neurons:,} neurons. Of {len(network.test):,} test "
        f"images {percent(plain)} are classified correctly, in integers of 8 bits "
        f"{percent(words)}. Vulnerability of neurons on {findings.analyzed:,} training images, "
        f"faults in the inference of one of {findings.images:,} test images.",
        body=[*_body(findings)],
        figures={},
        numbers={
            "images": findings.images,
            "accuracy": {"float": plain, "integers": words},
            "neurons": {str(threshold): n for threshold, n in findings.counts.items()},
            "largest NVF": findings.largest,
            "unprotected": _numbers(findings, 0.0, "unprotected"),
            "protected": [
                {"threshold": threshold, "method": method, **_numbers(findings, threshold, method)}
                for threshold in findings.thresholds
                for method in _ALL
            ],
        },
    )


def _body(findings: NeuronCopiesFindings) -> Iterator[str]:
    yield from ("### Critical neurons", "")
    yield f"The largest neuron vulnerability factor (NVF) is {percent(findings.largest)}."
    yield ""
    yield from table(
        ("NVF at least", "neurons", "share"),
        [
            (percent(threshold), f"{count:,}", percent(count / findings.neurons))
            for threshold, count in findings.counts.items()
        ],
    )
    yield from ("### Protection", "")
    yield from table(
        (
            "NVF at least",
            "neurons are",
            "neurons in all",
            "fewer than with three copies",
            "critical faults",
            "of those in these neurons",
            "accuracy lost by these",
            "predictions that differ without faults",
        ),
        [_row(findings, threshold, method) for threshold in findings.thresholds for method in _ALL],
    )
    left = {of.left_out for of in findings.after.values() if of.left_out}
    if left:
        yield "Not protected: " + "; ".join(sorted(left)) + "."
        yield ""


def _row(findings: NeuronCopiesFindings, threshold: float, method: Method) -> tuple[str, ...]:
    """What a protection of the neurons from a threshold on does."""
    of = findings.of(threshold, method)
    assert of is not None
    # Three copies are what others are compared with.
    fewer = (
        percent(neurons_saved(findings.neurons, findings.counts.get(threshold, 0)))
        if method == "split"
        else ""
    )
    return (
        percent(threshold),
        method,
        f"{of.neurons:,}",
        fewer,
        _text(findings.critical(threshold, method)),
        _text(findings.critical(threshold, method, since=threshold)),
        _text(findings.drop(threshold, method, since=threshold)),
        "" if method == "unprotected" else percent(of.changed),
    )


def _text(estimate: Estimate | None) -> str:
    if estimate is None:
        return ""
    limits = f"[{percent(estimate.low)}, {percent(estimate.high)}]"
    return f"{percent(estimate.value)} {limits}"


def _numbers(findings: NeuronCopiesFindings, threshold: float, method: Method) -> dict[str, Any]:
    of = findings.of(threshold, method)
    critical, drop = findings.critical(threshold, method), findings.drop(threshold, method)
    assert of is not None
    among = findings.critical(threshold, method, since=threshold)
    lost = findings.drop(threshold, method, since=threshold)
    assert critical is not None
    assert among is not None
    assert drop is not None
    assert lost is not None
    return {
        "neurons": of.neurons,
        "changed without faults": of.changed,
        "critical": estimate_facts(critical),
        "drop": estimate_facts(drop),
        "critical in critical neurons": estimate_facts(among),
        "drop in critical neurons": estimate_facts(lost),
    }
