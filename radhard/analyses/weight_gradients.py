"""How steeply does the loss rise with each weight?"""

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor

from radhard.analyses.logit_gradients import demand_gradients, of_cross_entropy
from radhard.analyses.subject import Subject
from radhard.targets import Site

__all__ = ["weight_gradients"]


def weight_gradients(
    subject: Subject,
    sites: Sequence[Site],
    classes: Tensor,
    *,
    average: Literal["magnitude", "gradient"] = "gradient",
) -> dict[str, Tensor]:
    """Gradients of every sample's cross-entropy with its class, by site, as float64.

    The mean over the samples of their magnitudes, a backward pass for each, or the magnitude of the
    mean gradient. Weights that the logits do not depend on have 0; all of a tensor have NaN where
    a gradient is not finite, which ``subject.left`` notes.

    Raises:
        InputError: the model cannot be differentiated.
    """
    named = dict(subject.model.named_parameters(remove_duplicate=False))
    # Tied weights are mostly one parameter, but may be several in the same memory.
    aliases = [{id(named[n]): named[n] for n in (s.name, *s.aliases)} for s in sites]
    wanted = [parameter for tied in aliases for parameter in tied.values()]
    totals = [torch.zeros_like(named[site.name], dtype=torch.float64) for site in sites]
    pulls = of_cross_entropy(classes)
    with subject.gradients():
        for parameter in wanted:
            parameter.requires_grad_()
        for rows, inputs in subject.data.batches(1 if average == "magnitude" else subject.batch):
            logits = subject.forward(inputs)
            demand_gradients(logits)
            (direction,) = pulls.of(logits.detach(), rows)
            found = iter(torch.autograd.grad(logits, wanted, direction, materialize_grads=True))
            for total, tied in zip(totals, aliases, strict=True):
                each = torch.stack([next(found).double() for _ in tied]).sum(0)
                total += each if average == "gradient" else each.abs()
            subject.step(rows.stop, len(subject.data))
    for site, total in zip(sites, totals, strict=True):
        if not total.isfinite().all():
            subject.left[site.layer] = f"the gradient of {site.name} is not finite"
            total.fill_(torch.nan)
    n = len(subject.data)
    return {site.name: total.abs() / n for site, total in zip(sites, totals, strict=True)}
