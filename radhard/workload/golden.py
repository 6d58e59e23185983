"""What are the outputs of the fault-free model?"""

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from radhard.datasets.batch import mapped
from radhard.datasets.data import Data
from radhard.errors import InputError
from radhard.forward import Forward
from radhard.state import State, Steady
from radhard.tree import leaves

__all__ = ["golden_outputs", "repeated_batches"]

_REPEATED = 16
"""Number of passes that are repeated where each begins from the same state."""


def repeated_batches(data: Data, call: Forward, batch: int) -> list[slice]:
    """The samples of each batch that `golden_outputs` passes a second time.

    All, as each may depend on those before it; some, spread evenly, if ``call`` is `Steady`.
    """
    batches = [rows for rows, _ in data.batches(batch)]
    if not isinstance(call, Steady) or len(batches) <= _REPEATED:
        return batches
    return [batches[at * (len(batches) - 1) // (_REPEATED - 1)] for at in range(_REPEATED)]


def golden_outputs(
    model: nn.Module, data: Data, call: Forward, batch: int, *, deterministic: bool = True
) -> Tensor:
    """The outputs for all samples, ``(samples, ...)``; repeated to check reproducibility.

    `repeated_batches` are passed twice. Both times the model starts from its current state, which
    is restored at the end, and the state that a batch leaves is used by the next one, unless
    ``call`` is `Steady`.

    Raises:
        InputError: an output is NaN, the batch axis is lost, the model writes into its inputs, or
            two passes differ (unless ``deterministic`` is False).
    """
    state = State(model)
    try:
        first = _outputs(model, data, call, [rows for rows, _ in data.batches(batch)])
        state.restore(gradients=True)
        again = repeated_batches(data, call, batch)
        second = _outputs(model, data, call, again)
    finally:
        state.restore(gradients=True)
    if first.isnan().any():
        bad = (
            int(first.flatten(1).isnan().any(1).sum())
            if first.ndim > 1
            else int(first.isnan().sum())
        )
        raise InputError(
            f"the fault-free outputs contain NaN for {bad} of {len(data)} samples, so that faults "
            "there cannot be judged; check the model and the data"
        )
    once = torch.cat([first[rows] for rows in again])
    if deterministic and not torch.equal(once, second):
        largest = float((once.double() - second.double()).abs().max())
        raise InputError(
            f"two fault-free passes differ by up to {largest:.3g}: the forward pass is not "
            "deterministic, or keeps state outside the model's modules, so a fault cannot be told "
            "from chance; make it so, or say that you accept it (deterministic=False; "
            "--allow-nondeterministic on the command line)"
        )
    return first


def _outputs(model: nn.Module, data: Data, call: Forward, batches: Iterable[slice]) -> Tensor:
    parts = []
    with torch.no_grad():
        for rows in batches:
            inputs = data.rows(rows)
            # A copy, so that a model that writes into its inputs does not change the user's data.
            given = mapped(inputs, torch.clone)
            outputs = call(model, given)
            if not all(map(_same, leaves(given), leaves(inputs))):
                raise InputError(
                    "the forward pass writes into its inputs, so that no two passes see the same; "
                    "give it a copy: call=lambda model, batch: model(batch.clone())"
                )
            samples = rows.stop - rows.start
            if not isinstance(outputs, Tensor) or outputs.ndim == 0 or len(outputs) != samples:
                shape = tuple(outputs.shape) if isinstance(outputs, Tensor) else type(outputs)
                raise InputError(
                    f"the model gave {shape} for {samples} samples; its outputs must have the "
                    "samples on the first axis"
                )
            parts.append(outputs.detach().clone())
    return torch.cat(parts)


def _same(one: tuple[object, Tensor], other: tuple[object, Tensor]) -> bool:
    a, b = one[1], other[1]
    return bool(((a == b) | ((a != a) & (b != b))).all())
