"""How much would a fault in each weight change the loss?"""

import math
from typing import Literal

import torch
from torch import Tensor

from radhard.analyses.base import Analysis, AnalysisResult
from radhard.analyses.weight_gradients import weight_gradients
from radhard.errors import InputError
from radhard.faults import BitFlip, FaultModel
from radhard.formats import Float32, Format, ProtectedFormat
from radhard.formats.largest_code import largest_code
from radhard.spec import component
from radhard.targets import Weights
from radhard.workload import Workload

__all__ = ["WeightSensitivity", "expected_noise"]


@component
class WeightSensitivity(Analysis):
    """Gradient times expected noise of every weight (Choi et al., DAC 2019).

    The expected change of the cross-entropy under a fault in a weight, to first order: by element
    of every weight that `radhard.targets.Weights` selects, the magnitude of the gradient times the
    mean distance, over all variants of ``fault``, between the weight as stored in ``format`` and
    its faulty value.

    For an infinite or NaN value, the distance is the largest finite number of the format, with the
    scale of the weight; otherwise the largest weights, which overflow first, would seem the least
    sensitive. ``limit``
    is an upper limit of all distances, finite or not, for example if activations are bounded.

    One forward pass and one backward pass; with ``average="magnitude"`` one backward pass per
    sample. Suitable for single weights and for formats with bounded deviations, such as fixed
    point. In a floating-point format one exponent bit dominates all others, so that the noise is
    nearly proportional to the weight, and first order says little about such large deviations.

    ``format``, ``fault``: such as ``Int(8)`` and ``BitFlip(field='sign')``, or their text.
    ``average``: the mean over the samples of the gradients' magnitudes, or the magnitude of the
    mean gradient (``"gradient"``), in which gradients of opposite signs cancel. ``of``: the class
    of the cross-entropy, the golden prediction (``"answer"``) or the label.

    Cost: 1 forward and 1 backward, of one sample at a time.

    Raises:
        InputError: an unknown format or fault model, or a limit that is not positive and finite.
    """

    format: Format = Float32()
    fault: FaultModel = BitFlip()
    average: Literal["magnitude", "gradient"] = "magnitude"
    of: Literal["answer", "label"] = "answer"
    limit: float | None = None

    def check(self) -> None:
        if self.limit is not None and not 0 < self.limit < math.inf:
            raise InputError(f"{self!r}: limit must be a finite number above 0, or None")

    def find(self, workload: Workload) -> AnalysisResult:
        target = Weights("*")
        sites = target.sites(workload)
        for tensor, why in target.left_out(workload.model).items():
            workload.left_out[tensor.rpartition(".")[0]] = f"{tensor}: {why}"
        classes = workload.predictions if self.of == "answer" else workload.label_classes
        gradients = weight_gradients(workload, sites, classes, average=self.average)
        named = dict(workload.model.named_parameters(remove_duplicate=False))
        values = {}
        for name, gradient in gradients.items():
            try:
                noise = expected_noise(named[name], self.format, self.fault, limit=self.limit)
            except InputError as error:
                raise InputError(f"{name!r}: {error}") from None
            # The product can overflow only with the noise of float64 values.
            product = (gradient * noise).clamp(max=torch.finfo(torch.float64).max)
            values[name] = product.cpu().numpy()
        return AnalysisResult("element", values)


def expected_noise(
    weight: Tensor, format: Format, fault: FaultModel, *, limit: float | None = None
) -> Tensor:
    """Mean distance between every stored value and its faulty values, as float64.

    Raises:
        InputError: a value cannot be represented in the format.

    >>> from radhard.faults import BitFlip
    >>> from radhard.formats import Fixed
    >>> expected_noise(torch.tensor([0.0, 0.5]), Fixed(0, 2), BitFlip())  # (1/4 + 1/2 + 1) / 3
    tensor([0.5833, 0.5833], dtype=torch.float64)
    """
    weight = weight.detach()
    fitted = format.fit(weight)
    codes = fitted.encode(weight)
    stored = fitted.decode(codes)
    noise = torch.zeros_like(weight, dtype=torch.float64)
    most = _largest(fitted, codes) if limit is None else torch.full_like(noise, limit)
    ways = fault.variants(fitted)
    for way in range(ways):
        faulty = fault.corrupt(codes, torch.full_like(codes, way), fitted)
        distance = (fitted.decode(faulty).double() - stored.double()).abs()
        distance = torch.where(distance.isfinite(), distance, most)
        # Divided before summing, as the sum of several of the largest doubles is infinite.
        noise += (distance if limit is None else distance.clamp(max=limit)) / ways
    return noise


def _largest(format: Format, codes: Tensor) -> Tensor:
    """The largest finite number that each value could have, float64; with a scale, it differs."""
    # Check bits do not change what is the largest.
    plain = format.inner if isinstance(format, ProtectedFormat) else format
    return plain.decode(torch.full_like(codes, largest_code(plain))).double()
