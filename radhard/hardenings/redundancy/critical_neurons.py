"""Which neurons are critical, and which of them can be computed again?"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from radhard.errors import InputError
from radhard.hardenings.bounds.pass_events import Event, calls
from radhard.hardenings.draft import Draft
from radhard.hardenings.part import Part
from radhard.stats import percent

__all__ = [
    "CriticalNeurons",
    "check_threshold",
    "critical_neurons",
    "neurons_saved",
    "record_effect",
]


@dataclass(frozen=True)
class CriticalNeurons:
    """The critical neurons of a module: elements of its output, of one sample."""

    module: str
    shape: tuple[int, ...]
    elements: tuple[int, ...]
    """Flat positions, ascending."""


def check_threshold(threshold: float, by: str) -> None:
    """Raise `InputError` unless a threshold is a share."""
    if not 0 <= threshold <= 1:
        raise InputError(
            f"{by}: threshold={threshold} is not allowed; give the neuron vulnerability factor "
            "from which on a neuron is critical, from 0 to 1"
        )


def critical_neurons(
    draft: Draft, threshold: float, why_not: Callable[[str, Sequence[Event]], str]
) -> list[CriticalNeurons]:
    """The neurons whose score is at least ``threshold``, by module; those left out are recorded.

    ``why_not`` returns the reason why the neurons of a module cannot be protected, given its name
    and what a pass calls, or an empty text.

    Raises:
        InputError: no scores of neurons, or no critical neuron that can be protected.
    """
    scores = draft.required_scores()
    if scores.level != "element":
        raise InputError(
            f"{draft.by} takes scores of neurons, and the scores by {scores.by} are of "
            f"{scores.level}s; take scores = analyses.QDeepVigor()(model, data)"
        )
    events = calls(draft)
    entered = Counter(event.path for event in events if event.what == "enter")
    modules = dict(draft.model.named_modules())
    found, left_out = [], {}
    for name, values in scores.values.items():
        elements = tuple(np.flatnonzero(values.ravel() >= threshold).tolist())
        if not elements:
            continue
        of = f"{len(elements):,} neurons"
        if name not in modules or entered[name] != 1:
            left_out[name] = f"{of}: it is not the output of a module that a pass calls once"
        elif any(isinstance(child, Part) for child in modules[name].children()):
            left_out[name] = f"{of}: another hardening protects its output"
        elif reason := why_not(name, events):
            left_out[name] = f"{of}: {reason}"
        else:
            found.append(CriticalNeurons(name, values.shape, elements))
    largest = max(float(np.nanmax(values)) for values in scores.values.values())
    sought = f"neurons with a score up to {largest:.3g}"
    names = [one.module for one in found]
    draft.cover("modules with critical neurons", names, left_out, sought=sought)
    return found


def record_effect(draft: Draft, found: Sequence[CriticalNeurons], copies: int) -> None:
    """Record how many neurons there are now, and which predictions changed without faults."""
    workload = draft.workload
    total = sum(values.size for values in draft.required_scores().values.values())
    critical = sum(len(one.elements) for one in found)
    draft.findings.append(
        f"{critical:,} of {total:,} neurons are computed {copies} times, "
        f"{total + (copies - 1) * critical:,} in all"
    )
    golden = workload.golden
    with torch.no_grad():
        outputs = torch.cat([workload.forward(inputs) for _, inputs in workload.batches()])
    if golden.ndim == 2 and golden.shape[1] > 1:
        changed = int((outputs.argmax(1) != golden.argmax(1)).sum())
        share = percent(changed / len(golden))
        draft.findings.append(
            f"without faults {changed:,} of {len(golden):,} predictions differ ({share})"
        )


def neurons_saved(neurons: int, critical: int) -> float:
    """By what share fewer neurons there are with two copies of the critical ones than with three.

    Ahmadilivani et al., AICAS 2023, print the inverse ratio minus one, 15.15 % for MLP-7.

    >>> f"{neurons_saved(2816, 503):.2%}"
    '13.16%'
    """
    return 1 - (neurons + critical) / (neurons + 2 * critical)
