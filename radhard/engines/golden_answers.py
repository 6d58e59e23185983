"""Which class does the fault-free model predict for each sample by itself?"""

from dataclasses import replace

import torch
from torch import Tensor

from radhard.datasets.batch import mapped
from radhard.metrics.logits import Kind
from radhard.metrics.outputs import Golden
from radhard.workload import Workload

__all__ = ["golden_answers"]

_CLOSE = 1024
"""Number of rounding errors within which the order of two classes may depend on the batch size."""

_TRIED = 8
"""Number of samples whose outputs in a batch are compared with those of the sample alone."""


def golden_answers(workload: Workload, together: int, *, kind: Kind = "logits") -> Tensor:
    """Outputs for all samples with the prediction of each sample alone, ``(samples, ...)``.

    For metrics that depend on predictions only: samples are passed in batches of ``together``, and
    alone only if their two best classes are too close. If the outputs of the first samples differ
    by more than the last digits between a batch and the sample alone, all samples are passed alone.

    Args:
        workload: passes single samples, each from the same state of the model.
        together: number of samples in a batch.
        kind: what the outputs represent.

    Raises:
        InputError: as `Workload.golden`.
    """
    outputs = replace(workload, batch=together).golden
    golden = Golden(outputs, kind=kind)
    if golden.classes is None:
        return workload.golden
    # Of a single column the difference is 0, so that all samples are passed alone.
    best = golden.logits.double().topk(min(2, golden.logits.shape[1]), dim=1).values
    size = golden.logits.double().abs().amax(dim=1)
    rounding = _CLOSE * torch.finfo(golden.outputs.dtype).eps
    close = (best[:, 0] - best[:, -1]) <= size * rounding
    # A difference of the samples themselves, as of a normalisation over the batch, shows in the
    # first ones; rounding alone cannot exceed the tolerance.
    close[:_TRIED] = True
    rows = close.nonzero().squeeze(1).tolist()
    alone = []
    with torch.no_grad():
        try:
            for n in rows:
                batch = mapped(workload.data.rows(slice(n, n + 1)), torch.clone)
                alone.append(workload.faultless(workload.model, batch))
                workload.state.restore()
        finally:
            workload.state.restore()
    found = torch.cat(alone).to(outputs)
    if not torch.allclose(found, outputs[rows], rtol=rounding, atol=rounding * float(size.max())):
        return workload.golden
    outputs[rows] = found
    return outputs
