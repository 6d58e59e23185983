"""Which features of every parameter are known without injecting faults?"""

from collections.abc import Sequence
from functools import reduce
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from radhard.analyses.logit_gradients import check_gradients, of_cross_entropy
from radhard.targets import Site
from radhard.targets.stored import stored_tensor
from radhard.tree import leaves
from radhard.workload import Workload
from radhard.workload.hooks import module_hooks

__all__ = ["NAMES", "Features", "features"]

NAMES = ("magnitude", "gradient", "uses", "position")

Features = list[npt.NDArray[np.float64]]
"""For every site ``(words, 4)``, in the order of `NAMES`."""


def features(workload: Workload, sites: Sequence[Site], classes: Tensor) -> Features:
    """Magnitude, gradient, uses and position of every word of some stored tensors.

    The gradient is the magnitude of the gradient of the mean cross-entropy with ``classes``; uses
    are the number of times a parameter enters a sum for one sample; the position is that of the
    tensor in the model.
    """
    gradients = _gradients(workload, sites, classes)
    uses = _uses(workload, sites)
    tables = []
    for position, (site, gradient) in enumerate(zip(sites, gradients, strict=True)):
        magnitude = stored_tensor(workload.model, site.name).abs().double().cpu().numpy().ravel()
        constant = np.ones_like(magnitude)
        tables.append(
            np.stack(
                [magnitude, gradient.ravel(), uses[position] * constant, position * constant],
                axis=1,
            )
        )
    return tables


def _gradients(
    workload: Workload, sites: Sequence[Site], classes: Tensor
) -> list[npt.NDArray[np.float64]]:
    named = dict(workload.model.named_parameters(remove_duplicate=False))
    # Tied weights are usually one parameter, but may be several that share memory.
    aliases = [{id(named[n]): named[n] for n in (s.name, *s.aliases)} for s in sites]
    wanted = [parameter for tied in aliases for parameter in tied.values()]
    for parameter in wanted:
        parameter.requires_grad_()
    pulls = of_cross_entropy(classes)
    totals = [torch.zeros_like(p, dtype=torch.float64) for p in wanted]
    with workload.gradients():
        for rows, inputs in workload.batches():
            logits = workload.forward(inputs)
            check_gradients(logits)
            # One backward pass a batch: the sum over its samples is wanted anyway, since the
            # feature is the magnitude of the mean gradient.
            (direction,) = pulls.of(logits.detach(), rows)
            parts = torch.autograd.grad(logits, wanted, direction, materialize_grads=True)
            for total, part in zip(totals, parts, strict=True):
                total += part
    each = iter(totals)
    n = len(workload.data)
    sums = (reduce(torch.add, (next(each) for _ in tied)) for tied in aliases)
    return [(total / n).abs().cpu().numpy() for total in sums]


def _uses(workload: Workload, sites: Sequence[Site]) -> list[float]:
    """Outputs of the tensor's modules for one sample, divided by the rows of the tensor."""
    outputs: dict[str, int] = {}
    inputs = workload.data.rows(slice(0, workload.batch))
    rows = min(workload.batch, len(workload.data))
    owners = {name.rpartition(".")[0] for site in sites for name in (site.name, *site.aliases)}

    def count(owner: str, args: Any, kwargs: Any, output: Any) -> None:  # noqa: ARG001
        handed_on = leaves(output)
        if handed_on:
            # Of a module with several outputs, such as an LSTM, the first.
            outputs[owner] = outputs.get(owner, 0) + handed_on[0][1].numel()

    modules = {owner: workload.model.get_submodule(owner) for owner in owners}
    with torch.no_grad(), module_hooks(modules, after=count):
        workload.forward(inputs)
    uses = []
    for site in sites:
        layers_of = {name.rpartition(".")[0] for name in (site.name, *site.aliases)}
        total = sum(outputs.get(owner, 0) for owner in layers_of)
        # Each row of the tensor computes one channel, and enters a sum once for every output of it.
        uses.append(total / rows / (site.shape[0] if site.shape else 1))
    return uses
