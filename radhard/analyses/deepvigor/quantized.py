"""How vulnerable is each neuron of a network with integer activations?"""

from collections.abc import Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from torch import Tensor

from radhard.analyses.base import Analysis, AnalysisResult
from radhard.analyses.deepvigor.probes import Probes
from radhard.analyses.deepvigor.upward_flips import bit_at, bit_reaching, first_harmful, upward
from radhard.errors import InputError
from radhard.formats import Fixed, Format, Int
from radhard.formats.plain.twos_complement import from_words, to_words
from radhard.quantization import quantized
from radhard.rounding import format_of
from radhard.scores import Scores
from radhard.spec import component
from radhard.targets import Activations, Site
from radhard.workload import Workload

__all__ = ["QDeepVigor", "nvf_table"]

THRESHOLDS = (0.0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5)

_PAIRS = 2**17
"""Neurons times samples that are evaluated together."""

Shares = npt.NDArray[np.float64]


@component
class QDeepVigor(Analysis):
    """Neuron vulnerability factors of int8 or int16 networks (Ahmadilivani et al., AICAS 2023).

    By neuron of every convolution and linear layer, the share of its bits, over all samples, whose
    flip changes the prediction. This takes a few passes for each neuron and sample instead of one
    for each bit, as a larger deviation is assumed to be no less harmful than a smaller one of the
    same sign.

    The model should come from `radhard.quantization.quantized`. For any other, a copy with words of
    ``bits`` bits, calibrated on the data, is analyzed instead.

    Args:
        pattern: globs of module names, as of `radhard.targets.Activations`: the modules whose
            outputs are the neurons. ``QDeepVigor("relu*", None)`` selects those after the
            activation function, as stored by hardware that fuses both.
        layers: globs of layer classes; None for all.
        bits: bits per word; None: those of the model, or 8.
        mode: ``"exact"`` tries the deviations that flips of the actual word cause. ``"paper"``
            searches the smallest of all harmful deviations, with results clamped to the range of
            the word, and regards each bit as set or clear with equal probability, in closed form.

    Cost: A few passes of the part behind each neuron, for each sample.
    """

    pattern: str = "*"
    layers: str | None = "Conv1d|Conv2d|Conv3d|Linear"
    bits: int | None = None
    mode: Literal["exact", "paper"] = "exact"

    def check(self) -> None:
        if self.bits is not None and not 2 <= self.bits <= 24:
            raise InputError(f"{self!r}: bits must be from 2 to 24, including the sign bit")

    def find(self, workload: Workload) -> AnalysisResult:
        quantized_workload = self._of_words(workload)
        quantized_workload.check_classifier(repr(self))
        target = Activations(self.pattern, layers=self.layers)
        names = [site.name for site in target.sites(quantized_workload)]
        probes = Probes(quantized_workload, names)
        values: dict[str, Shares] = {}
        profiles: dict[str, list[float]] = {}
        for number, site in enumerate(probes.sites.values()):
            workload.bar.step(number, len(probes.sites))
            layer = _Layer(probes, site, self._format(quantized_workload, site))
            neurons, bits = layer.exact() if self.mode == "exact" else layer.closed_form()
            values[site.name] = neurons.reshape(site.shape)
            profiles[site.name] = bits.tolist()
        if quantized_workload is not workload:
            workload.samples += quantized_workload.samples
        facts, chosen = {"bits": profiles}, self.pattern != "*"
        return AnalysisResult("element", values, "share", facts=facts, chosen=chosen)

    def _of_words(self, workload: Workload) -> Workload:
        """The workload if its model rounds activations, else one with a copy that does."""
        if any(format_of(workload.model, name) for name, _ in workload.model.named_modules()):
            return workload
        model = quantized(
            workload.model,
            workload.data,
            Int(8 if self.bits is None else self.bits),
            call=workload.steady,
            batch=workload.batch,
        )
        quantized_workload = workload.with_model(model)
        quantized_workload.samples += len(quantized_workload.data)  # the pass that calibrated it
        return quantized_workload

    def _format(self, workload: Workload, site: Site) -> Format:
        path = tuple(site.name.partition(":")[2].split(".")) if ":" in site.name else ()
        format = format_of(workload.model, site.layer, path)
        wanted = "any" if self.bits is None else f"{self.bits}"
        if not isinstance(format, Int | Fixed) or self.bits not in (None, format.bits):
            raise InputError(
                f"{self!r} analyzes integers of {wanted} bits, but {site.name!r} outputs "
                f"{format!r}; make the model with quantized(model, data, Int(8)), or leave the "
                "module out of the pattern"
            )
        if format.code != "twos_complement":
            raise InputError(
                f"{self!r} looks at words in two's complement, and {site.name!r} outputs "
                f"{format!r}; analyze the model of quantized(model, data, Int({format.bits})), or "
                "use DeepVigor for words of any format"
            )
        return format


class _Layer:
    """The neurons of one layer in all samples, and the effects of their deviations."""

    def __init__(self, probes: Probes, site: Site, format: Format) -> None:
        self._probes, self._site, self._format = probes, site, format
        self._golden = probes.golden(site.name).flatten(1)
        self._answers = probes.workload.predictions

    def exact(self) -> tuple[Shares, Shares]:
        """Share of harmful flips by neuron, and by bit, over the flips of the actual words."""
        bits = self._format.bits
        samples, neurons = self._golden.shape
        harm = torch.zeros(neurons, bits, dtype=torch.int64)
        for sample, neuron in self._blocks():
            words = self._format.encode(self._golden[sample, neuron])
            # Either direction by itself: among flips of one sign, a higher bit is a larger
            # deviation, which bisection requires.
            up = upward(words, bits)
            for among, sign in ((up, 1), (~up, -1)):

                def harmful(rows: Tensor, ranks: Tensor) -> Tensor:
                    by = sign << bit_at(among[rows], ranks)  # noqa: B023
                    return self._harmful(sample[rows], neuron[rows], words[rows], by)  # noqa: B023

                first = first_harmful(harmful, among.sum(1))
                # Ranks count from 0 and ``cumsum`` from 1, so that the first harmful flip is
                # included.
                bad = among & (among.cumsum(1) > first.unsqueeze(1))
                harm.index_add_(0, neuron.cpu(), bad.to(torch.int64).cpu())
        return self._shares(harm, samples)

    def closed_form(self) -> tuple[Shares, Shares]:
        """The same from the smallest harmful deviations upwards and downwards, as published."""
        bits = self._format.bits
        samples, neurons = self._golden.shape
        harm = torch.zeros(neurons, bits, dtype=torch.int64)
        number = torch.arange(bits, device=self._golden.device)
        most = 2 ** (bits - 1)
        for sample, neuron in self._blocks():
            words = self._format.encode(self._golden[sample, neuron])
            # The largest deviations that the word may hold: two's complement has one more value
            # below 0.
            for sign, sizes in ((1, most - 1), (-1, most)):

                def harmful(rows: Tensor, ranks: Tensor) -> Tensor:
                    by = sign * (ranks + 1)  # noqa: B023
                    return self._harmful(sample[rows], neuron[rows], words[rows], by)  # noqa: B023

                first = first_harmful(harmful, torch.full_like(words, sizes))
                bad = (number >= bit_reaching(first + 1).unsqueeze(1)) & (first < sizes)[:, None]
                harm.index_add_(0, neuron.cpu(), bad.to(torch.int64).cpu())
        # A bit is set in one word and clear in another: each direction counts half.
        return self._shares(harm, 2 * samples)

    def _blocks(self) -> list[tuple[Tensor, Tensor]]:
        """Sample and neuron of every pair, in parts of neighbouring samples."""
        samples, neurons = self._golden.shape
        ends = range(0, samples * neurons, _PAIRS)
        parts = [torch.arange(a, min(a + _PAIRS, samples * neurons)) for a in ends]
        parts = [part.to(self._golden.device) for part in parts]
        return [(part // neurons, part % neurons) for part in parts]

    def _harmful(self, samples: Tensor, neurons: Tensor, words: Tensor, by: Tensor) -> Tensor:
        """Whether values that deviate by ``by`` steps, clamped, change the prediction."""
        bits = self._format.bits
        end = 2 ** (bits - 1)
        steps = (from_words(words, bits) + by).clamp(-end, end - 1)
        values = self._format.decode(to_words(steps, bits)).to(self._golden.dtype)
        logits = self._probes.replaced(self._site.name, samples, neurons, values)
        return (logits.argmax(1) != self._answers[samples]) | logits.isnan().any(1)

    def _shares(self, harm: Tensor, times: int) -> tuple[Shares, Shares]:
        neurons, bits = harm.shape
        by_neuron = harm.sum(1).numpy() / (times * bits)
        return by_neuron, harm.sum(0).numpy() / (times * neurons)


def nvf_table(scores: Scores, thresholds: Sequence[float] = THRESHOLDS) -> pd.DataFrame:
    """Number of neurons with at least each NVF: columns ``nvf``, ``neurons`` and ``share``.

    Raises:
        InputError: scores that are not by element, as those of `QDeepVigor` are.

    >>> scores = Scores("QDeepVigor()", "element", {"fc": np.array([0.0, 0.1, 0.3])}, "share")
    >>> print(nvf_table(scores, (0, 0.1, 0.2)).to_string(index=False))
     nvf  neurons    share
     0.0        3 1.000000
     0.1        2 0.666667
     0.2        1 0.333333
    """
    if scores.level != "element":
        raise InputError(
            f"the scores by {scores.by} are scores of {scores.level}s, but the table counts "
            "neurons; give scores of QDeepVigor"
        )
    factors = np.concatenate([value.ravel() for value in scores.values.values()])
    counts = [int((factors >= threshold).sum()) for threshold in thresholds]
    shares = [count / len(factors) for count in counts]
    return pd.DataFrame({"nvf": thresholds, "neurons": counts, "share": shares})
