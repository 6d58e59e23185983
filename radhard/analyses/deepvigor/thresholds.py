"""By how much must a neuron deviate to change the class, for each input?"""

from dataclasses import dataclass

import torch
from torch import Tensor

from radhard.analyses.deepvigor.bisection import between
from radhard.analyses.deepvigor.losses import Loss, saturated
from radhard.analyses.deepvigor.probes import Probes
from radhard.vulnerability_ranges import golden_margin

__all__ = ["Search", "Thresholds", "searched"]


@dataclass(frozen=True)
class Search:
    """How thresholds are searched for: the parameters of `DeepVigor`."""

    first: float
    bound: float
    tolerance: float
    loss: Loss | None
    zero: float
    bisection: bool


@dataclass
class Thresholds:
    """For neurons and inputs, ``(neurons, samples)``, how far they may deviate in one direction.

    Up to the magnitude ``safe`` the class is kept, from ``unsafe`` on it changes: both were tried.
    ``unsafe`` is infinite if no deviation changes the class; then ``safe`` is the largest magnitude
    that was tried, or infinite if deviations do not reach the logits.
    """

    safe: Tensor
    unsafe: Tensor
    skipped: int = 0
    """Neurons left out because the gradient vanished for nearly all inputs."""
    refuted: int = 0
    """Neurons with such a gradient, but with a change of class at the bound or beyond."""

    def middle(self) -> Tensor:
        """The estimate: halfway between the ends."""
        return torch.where(self.unsafe.isinf(), self.unsafe, (self.safe + self.unsafe) / 2)


class _Evaluator:
    """Deviations of some neurons in one direction on all inputs, flattened."""

    def __init__(self, probes: Probes, layer: str, neurons: Tensor, sign: int) -> None:
        self.probes, self.layer, self.sign = probes, layer, sign
        n, self.device = len(probes.workload.data), probes.workload.logits.device
        # Sample after sample, as their golden values are stored.
        self.samples = torch.arange(n, device=self.device).repeat_interleave(len(neurons))
        # Neurons of one sample are adjacent: row ``sample * neurons + neuron``.
        self.neurons = neurons.to(self.device).repeat(n)
        self.dtype = getattr(torch, probes.site(layer).dtype)

    def sizes(self, count: int, size: float) -> Tensor:
        """Deviations of one size."""
        return torch.full((count,), size, dtype=torch.float64, device=self.device)

    def logits(self, which: Tensor, sizes: Tensor) -> Tensor:
        deltas = (self.sign * sizes).to(self.dtype)
        return self.probes.neurons(self.layer, self.samples[which], self.neurons[which], deltas)

    def margins(self, which: Tensor, sizes: Tensor) -> Tensor:
        """The margin of the golden class; -inf if the class changed without a finite margin."""
        return golden_margin(
            self.logits(which, sizes), self.probes.workload.predictions[self.samples[which]]
        )

    def slopes(self, which: Tensor, size: float, form: Loss) -> Tensor:
        deltas = self.sizes(len(which), self.sign * size).to(self.dtype)
        samples, neurons = self.samples[which], self.neurons[which]
        return self.probes.slopes(self.layer, samples, neurons, deltas, form)


def changed(margins: Tensor) -> Tensor:
    """Whether the class changed: the sign bit is set, also for -0.0."""
    return margins.signbit()


def searched(probes: Probes, layer: str, neurons: Tensor, sign: int, search: Search) -> Thresholds:
    """The thresholds of some neurons of a layer, for all inputs together, in one direction.

    The deviations ``first`` and ``bound`` are tried on every input; the bracket between the last
    one that keeps the class and the first one that does not is narrowed. If the class is kept at
    the bound, the largest number of the layer's type is tried too, unless the deviation does not
    reach the logits.
    """
    evaluator = _Evaluator(probes, layer, neurons, sign)
    largest = torch.finfo(evaluator.dtype).max
    # In float16 the default bound would be infinite.
    first, bound = (min(size, largest / 4) for size in (search.first, search.bound))
    everything = torch.arange(len(evaluator.samples), device=evaluator.device)
    golden = probes.workload.logits[evaluator.samples]
    answers = probes.workload.predictions[evaluator.samples]
    brackets = _Brackets(evaluator, golden_margin(golden, answers).double())

    sizes = evaluator.sizes(len(everything), first)
    logits = evaluator.logits(everything, sizes)
    flips = brackets.note(everything, sizes, golden_margin(logits, answers))
    remaining = (~flips).nonzero().squeeze(1)
    zero = _without_gradient(evaluator, remaining, logits, golden, search, first)
    # Frees a tensor of all rows and classes before the next one is computed.
    del logits

    sizes = evaluator.sizes(len(remaining), bound)
    logits = evaluator.logits(remaining, sizes)
    flips = brackets.note(remaining, sizes, golden_margin(logits, answers[remaining]))
    # A deviation that does not reach the logits at the bound is assumed never to reach them.
    through = (logits != golden[remaining]).any(1)
    brackets.safe[remaining[~flips & ~through]] = torch.inf
    far = remaining[~flips & through]
    sizes = evaluator.sizes(len(far), 0.99 * largest)
    brackets.note(far, sizes, evaluator.margins(far, sizes))

    # Views: narrowing the brackets in place narrows these.
    safe, unsafe = (one.reshape(-1, len(neurons)).T for one in (brackets.safe, brackets.unsafe))
    thresholds = Thresholds(safe, unsafe)
    if search.loss is not None:
        share = zero.reshape(-1, len(neurons)).double().mean(0)
        kept = thresholds.unsafe.isinf().all(1)
        thresholds.skipped = int((kept & (share > search.zero)).sum())
        thresholds.refuted = int((~kept & (share > search.zero)).sum())
    brackets.narrow(bound, search)
    return thresholds


class _Brackets:
    """For every neuron and input, the deviations between which the class begins to change."""

    def __init__(self, evaluator: _Evaluator, good: Tensor) -> None:
        """``good``: the margins without a deviation."""
        # Nothing deviates at 0, so that 0 is safe; nothing unsafe is known yet.
        self.safe, self.unsafe, self._bad = (
            evaluator.sizes(len(good), size) for size in (0, torch.inf, -torch.inf)
        )
        self._evaluator, self._good = evaluator, good

    def note(self, rows: Tensor, sizes: Tensor, margins: Tensor) -> Tensor:
        """Move an end of each bracket to a deviation that was tried; which changed the class."""
        # The verdict goes by the sign bit of a margin: a tie lost to a lower class counts.
        flips, margins = changed(margins), margins.double()
        self.unsafe[rows[flips]], self._bad[rows[flips]] = sizes[flips], margins[flips]
        self.safe[rows[~flips]], self._good[rows[~flips]] = sizes[~flips], margins[~flips]
        return flips

    def narrow(self, bound: float, search: Search) -> None:
        """Narrow all brackets down to the tolerance, in place."""
        # Beyond the bound only the largest number was tried, and a bracket of that width stays as
        # it is.
        wide = (self.unsafe <= bound).nonzero().squeeze(1)
        begun, step = (self.unsafe - self.safe)[wide], 0
        while True:
            open_ = (self.unsafe - self.safe)[wide] > search.tolerance
            wide, begun = wide[open_], begun[open_]
            if not len(wide):
                return
            ends, margins = (
                (low[wide], high[wide])
                for low, high in ((self.safe, self.unsafe), (self._good, self._bad))
            )
            if search.bisection:
                tried = (ends[0] + ends[1]) / 2
            else:
                tried = between(*ends, *margins, begun, step=step, width=search.tolerance)
            # Only numbers of the layer's type can be tried; if none lies in between, the bracket
            # cannot be narrowed further.
            tried = tried.to(self._evaluator.dtype).double()
            real = (tried > ends[0]) & (tried < ends[1])
            wide, begun, tried = wide[real], begun[real], tried[real]
            self.note(wide, tried, self._evaluator.margins(wide, tried))
            step += 1


def _without_gradient(
    evaluator: _Evaluator,
    remaining: Tensor,
    logits: Tensor,
    golden: Tensor,
    search: Search,
    first: float,
) -> Tensor:
    """Whether the loss has no gradient at the first deviation, for inputs that keep their class."""
    zero = torch.zeros(len(golden), dtype=torch.bool, device=golden.device)
    if search.loss is None:
        return zero
    # The gradient is zero if the deviation does not reach the logits, or if the loss is saturated;
    # only the others need a backward pass.
    through = (logits[remaining] != golden[remaining]).any(1)
    answers = evaluator.probes.workload.predictions[evaluator.samples[remaining]]
    open_ = through & ~saturated(logits[remaining], answers, search.loss)
    zero[remaining[~open_]] = True
    zero[remaining[open_]] = evaluator.slopes(remaining[open_], first, search.loss) == 0
    return zero
