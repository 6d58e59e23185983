"""By how much must a logit deviate to change the class?"""

import torch
from torch import Tensor

from radhard.analyses.deepvigor.thresholds import Thresholds

__all__ = ["thresholds_of_logits"]


def thresholds_of_logits(logits: Tensor, golden: Tensor, neurons: Tensor, sign: int) -> Thresholds:
    """The thresholds of the layer that outputs the logits, in closed form, without a forward pass.

    Any other class i is predicted once its logit is raised by ``E_golden - E_i``, and the golden
    class is lost once its logit is lowered by its margin; raising the golden logit or lowering
    another changes nothing. ``safe`` and ``unsafe`` differ by a bound of the rounding error.

    >>> found = thresholds_of_logits(
    ...     torch.tensor([[5.0, 1.0, 2.0]]), torch.tensor([0]), torch.arange(3), 1
    ... )
    >>> found.middle().T
    tensor([[inf, 4., 3.]], dtype=torch.float64)
    """
    exact, rows = logits.double(), torch.arange(len(logits), device=logits.device)
    logit = exact[rows, golden]
    if sign > 0:
        needed = logit[:, None] - exact
        needed[rows, golden] = torch.inf
    else:
        needed = torch.full_like(exact, torch.inf)
        others = exact.clone()
        others[rows, golden] = -torch.inf
        needed[rows, golden] = logit - others.amax(1)
    needed = needed[:, neurons.to(logits.device)].T
    # The difference of two logits, and the sum of logit and deviation, are rounded in the type of
    # the logits. The smallest term keeps ``safe`` below ``unsafe`` if all logits are 0.
    size = exact.abs().amax(1) * 4 + 1e-30
    slack = torch.finfo(logits.dtype).eps * (size + needed)
    safe, unsafe = (needed - slack).clamp(min=0), needed + slack
    never = needed.isinf()
    # Infinity minus the infinite slack is NaN.
    return Thresholds(safe.masked_fill(never, torch.inf), unsafe.masked_fill(never, torch.inf))
