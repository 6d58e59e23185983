"""Do vulnerability value ranges agree with injected faults?"""

import math
from dataclasses import dataclass
from typing import Any, final

import pandas as pd
import torch
from torch import Tensor, nn

from radhard.analyses.classifier_workload import classifier_workload
from radhard.analyses.deepvigor import thresholds
from radhard.analyses.deepvigor.flips import deviations, held_in
from radhard.analyses.deepvigor.probes import Probes
from radhard.errors import InputError
from radhard.formats import Format
from radhard.forward import Forward, plain
from radhard.stats import Estimate, clopper_pearson, sample_size
from radhard.vulnerability_ranges import Ranges, Vulnerability, golden_margin

__all__ = ["OfFaults", "Validation", "validate"]


@final
@dataclass(frozen=True)
class OfFaults:
    """The effects of the faults in one layer, by the prediction of its ranges.

    The range of a fault is that of its deviation for the golden class of its input. A change of
    class, or NaN among the logits, is critical.
    """

    layer: str
    faults: int
    noncritical: int
    """Faults predicted to be non-critical: their deviation is in the non-vulnerable range."""
    noncritical_kept: int
    """Those of them that kept the class."""
    critical: int
    """Faults predicted to be critical: their deviation is in the vulnerable range."""
    critical_changed: int
    """Those of them that changed the class."""
    changed: int
    """All faults that changed the class."""

    @property
    def semi(self) -> float:
        """Share of the faults for which the ranges make no prediction."""
        return 1 - (self.noncritical + self.critical) / self.faults

    def true_noncritical(self, confidence: float = 0.95) -> Estimate | None:
        """Share of the faults predicted to be non-critical that are; None if there were none."""
        return _share(self.noncritical_kept, self.noncritical, confidence)

    def true_critical(self, confidence: float = 0.95) -> Estimate | None:
        """Share of the faults predicted to be critical that are; None if there were none."""
        return _share(self.critical_changed, self.critical, confidence)


@final
@dataclass(frozen=True)
class Validation:
    """How well ranges of `DeepVigor` predict injected faults, layer by layer (see `validate`).

    ``print(validation)`` shows, for each layer, the share of faults without a prediction and the
    shares of right ones with their intervals; ``validation["conv1"]`` has the counts of a layer.
    """

    by: str
    """The analysis that computed the ranges, as text."""
    data: str
    """The data on which the faults were tried."""
    layers: tuple[OfFaults, ...]
    confidence: float = 0.95

    def __getitem__(self, layer: str) -> OfFaults:
        """The faults in one layer.

        Raises:
            InputError: there were none.
        """
        for row in self.layers:
            if row.layer == layer:
                return row
        names = ", ".join(row.layer for row in self.layers)
        raise InputError(f"no faults were tried in {layer!r}; they were tried in {names}")

    def to_frame(self) -> pd.DataFrame:
        """One row per layer: counts, shares and interval limits; NaN if there were no faults."""
        rows = []
        for of in self.layers:
            row: dict[str, Any] = {"layer": of.layer, "faults": of.faults}
            row |= {"noncritical": of.noncritical, "critical": of.critical, "semi": of.semi}
            row["changed"] = of.changed / of.faults
            for name, share in (
                ("true_noncritical", of.true_noncritical(self.confidence)),
                ("true_critical", of.true_critical(self.confidence)),
            ):
                row[name] = math.nan if share is None else share.value
                row[f"{name}_low"] = math.nan if share is None else share.low
                row[f"{name}_high"] = math.nan if share is None else share.high
            rows.append(row)
        return pd.DataFrame(rows)

    def __str__(self) -> str:
        width = max(len("layer"), *(len(of.layer) for of in self.layers))
        lines = [
            f"{self.by} on {self.data}, intervals {100 * self.confidence:g} %",
            f"{'layer':{width}}  faults   semi   true non-critical            true critical",
        ]
        for of in self.layers:
            shares = (of.true_noncritical(self.confidence), of.true_critical(self.confidence))
            kept, changed_ = map(_short, shares)
            lines.append(
                f"{of.layer:{width}} {of.faults:7,} {100 * of.semi:5.2f} %   {kept:28} {changed_}"
            )
        return "\n".join(lines)


def validate(
    ranges: Ranges,
    model: nn.Module,
    data: Any,
    *,
    margin: float = 0.01,
    confidence: float = 0.95,
    n: int | None = None,
    call: Forward = plain,
    batch: int = 100,
    seed: int = 0,
    progress: bool | None = None,
) -> Validation:
    """Compare the ranges with injected faults (Ahmadilivani et al., ETS 2023).

    In every layer, single flips of random bits of random analyzed neurons, each on one input, with
    all inputs in turn; the sample size follows Leveugle et al. (DATE 2009), so that shares are
    known within ``margin`` (in their worst case). The deviation caused by a flip is looked up in
    the ranges of its neuron for the golden class of the input, then the flip is executed. The data
    may be those that were analyzed, or others.

    Args:
        ranges: of this model.
        model: the model; it is restored bit for bit.
        data: inputs, as for `radhard.run`.
        margin: absolute; 0.01 is one percentage point.
        confidence: of the sample size, and of the intervals.
        n: flips in each layer, instead of the sample size.
        call: for models that do not return one tensor.
        batch: samples per forward pass.
        seed: of all random draws.
        progress: show a progress bar; by default on a terminal.

    Raises:
        InputError: the ranges are of another model, or the model or the data cannot be used.
    """
    if n is not None and n < 1:
        raise InputError(f"n={n!r} is not allowed; give at least 1 flip per layer")
    ranges.check_model(model)
    format = ranges.format
    rows = []
    with classifier_workload(
        f"validation of {ranges.by}",
        model,
        data,
        call=call,
        batch=batch,
        seed=seed,
        progress=progress,
    ) as workload:
        probes = Probes(workload, list(ranges.layers))
        for at, (layer, limits) in enumerate(ranges.layers.items()):
            # The population is every bit of every neuron of the layer.
            required = sample_size(format.bits * limits.size, margin, confidence)
            count = math.ceil(required) if n is None else n
            rng = workload.random(at)
            neurons = torch.from_numpy(rng.choice(limits.neurons, count))
            bits = torch.from_numpy(rng.integers(format.bits, size=count))
            # In turn and not drawn, so that every input has the same number of faults, give or take
            # one.
            samples = torch.arange(count) % len(workload.data)
            drawn = (part.to(workload.logits.device) for part in (samples, neurons, bits))
            rows.append(_tried(ranges, probes, layer, format, *drawn))
            workload.bar.step(at + 1, len(ranges.layers))
        name = workload.data.name
    return Validation(ranges.by, name, tuple(rows), confidence)


def _tried(
    ranges: Ranges,
    probes: Probes,
    layer: str,
    format: Format,
    samples: Tensor,
    neurons: Tensor,
    bits: Tensor,
) -> OfFaults:
    golden = probes.golden(layer)
    workload, site = probes.workload, probes.site(layer)
    faulty_format = held_in(format, workload.model, site, golden).take(neurons, site.shape)
    before = golden.flatten(1)[samples, neurons]
    # All flips of a value are computed, ``(bits, faults)``, and the drawn one is picked.
    off = torch.stack(list(deviations(before, faulty_format))).gather(0, bits[None])[0]
    answers = workload.predictions[samples]
    classes = ranges.classify(layer, neurons.cpu(), off.cpu(), answers.cpu())
    # For a value that the format represents exactly, the sum is exactly the flipped value.
    values = (before.double() + off).to(before.dtype)
    logits = probes.replaced(layer, samples, neurons, values)
    # By the same measure as in the search, in which NaN counts as a change.
    moved = thresholds.changed(golden_margin(logits, answers)).cpu().numpy()
    critical, noncritical = (
        classes == kind for kind in (Vulnerability.VULNERABLE, Vulnerability.NON_VULNERABLE)
    )
    return OfFaults(
        layer,
        len(classes),
        int(noncritical.sum()),
        int((noncritical & ~moved).sum()),
        int(critical.sum()),
        int((critical & moved).sum()),
        int(moved.sum()),
    )


def _share(count: int, of: int, confidence: float) -> Estimate | None:
    if of == 0:
        return None
    low, high = clopper_pearson(count, of, confidence)
    return Estimate(count / of, low, high, confidence, of)


def _short(share: Estimate | None) -> str:
    if share is None:
        return "none"
    return f"{100 * share.value:.3f} % [{100 * share.low:.3f}, {100 * share.high:.3f}]"
