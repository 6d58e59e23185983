"""What is the gradient of the loss with respect to each weight?"""

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor

from radhard.analyses.logit_gradients import check_gradients, of_cross_entropy
from radhard.targets import Site
from radhard.workload import Workload

__all__ = ["weight_gradients"]


def weight_gradients(
    workload: Workload,
    sites: Sequence[Site],
    classes: Tensor,
    *,
    average: Literal["magnitude", "gradient", "signed"] = "gradient",
) -> dict[str, Tensor]:
    """Gradients of every sample's cross-entropy with its class, by site, as float64.

    ``average``: the mean over the samples of their magnitudes, with a backward pass for each
    sample; the magnitude of the mean gradient; or the mean gradient itself (``"signed"``). Weights
    on which the logits do not depend have 0. If a gradient of a tensor is not finite, all its
    weights have NaN, and ``workload.left_out`` records it.

    Raises:
        InputError: the model cannot be differentiated.
    """
    named = dict(workload.model.named_parameters(remove_duplicate=False))
    # Tied weights are usually one parameter, but may be several that share memory.
    aliases = [{id(named[n]): named[n] for n in (s.name, *s.aliases)} for s in sites]
    wanted = [parameter for tied in aliases for parameter in tied.values()]
    # In double precision, as gradients of many samples nearly cancel.
    totals = [torch.zeros_like(named[site.name], dtype=torch.float64) for site in sites]
    pulls = of_cross_entropy(classes)
    with workload.gradients():
        for parameter in wanted:
            parameter.requires_grad_()
        # The gradient by a weight is a sum over the batch; magnitudes need one of each sample.
        for rows, inputs in workload.data.batches(1 if average == "magnitude" else workload.batch):
            logits = workload.forward(inputs)
            check_gradients(logits)
            (direction,) = pulls.of(logits.detach(), rows)
            gradients = iter(torch.autograd.grad(logits, wanted, direction, materialize_grads=True))
            for total, tied in zip(totals, aliases, strict=True):
                each = torch.stack([next(gradients).double() for _ in tied]).sum(0)
                total += each.abs() if average == "magnitude" else each
            workload.bar.step(rows.stop, len(workload.data))
    for site, total in zip(sites, totals, strict=True):
        if not total.isfinite().all():
            workload.left_out[site.layer] = f"the gradient of {site.name} is not finite"
            total.fill_(torch.nan)
    n = len(workload.data)
    # The magnitude of the sum; a sum of magnitudes stays as it is.
    if average != "signed":
        totals = [total.abs() for total in totals]
    return {site.name: total / n for site, total in zip(sites, totals, strict=True)}
