"""How are a model's stored weights found and corrected, in place?"""

from collections.abc import Collection, Sequence

import torch
from torch import Tensor, nn

from radhard.errors import InputError
from radhard.forward import plain
from radhard.hardenings.draft import Draft
from radhard.hardenings.part import Part
from radhard.injection import injecting, overwrite
from radhard.internals import is_exporting_to_onnx, is_recording
from radhard.targets import Biases, Weights

__all__ = ["Turn", "begin", "check_period", "cover", "named", "put_right", "tracing", "weights"]


def cover(draft: Draft, covered: Collection[str]) -> None:
    """Record which weights are checked, and which are not because of their dtype or layout."""
    biases = {name for name, _ in Biases("*").candidates(draft.model)}
    tensors = dict(draft.model.named_parameters())
    left_out = {
        name: f"{str(tensor.layout if tensor.is_sparse else tensor.dtype).removeprefix('torch.')}"
        for name, tensor in tensors.items()
        if name not in covered and name not in biases and tensor.numel()
    }
    draft.cover("weight tensors", covered, left_out)


def weights(model: nn.Module) -> dict[str, Tensor]:
    """All stored weights by their first name: the sites of ``Weights("*")``, without biases.

    Raises:
        InputError: there are none, or one contains NaN or infinite values.
    """
    tensors = named(model, [site.name for site in Weights("*").sites(model, None, plain)])
    for name, tensor in tensors.items():
        if not bool(tensor.isfinite().all()):
            raise InputError(f"{name!r} holds NaN or infinite values; no fault can be told by that")
    return tensors


def named(model: nn.Module, names: Sequence[str]) -> dict[str, Tensor]:
    """The parameters with these names."""
    tensors: dict[str, Tensor] = {}
    for name in names:
        path, _, leaf = name.rpartition(".")
        parameter = model.get_submodule(path)._parameters.get(leaf)
        if parameter is None:
            raise InputError(f"{type(model).__name__} has no weight {name!r} to put right")
        tensors[name] = parameter
    return tensors


def put_right(stored: Tensor, wrong: Tensor, right: Tensor) -> None:
    """Write the values ``right`` where the mask ``wrong`` is True.

    In an exported program every word is written, since it cannot branch on values.

    Raises:
        InputError: the model is being exported to ONNX.
    """
    if tracing():
        if is_exporting_to_onnx():
            raise InputError(
                "ONNX computes once what depends on weights only, so that weights would be put "
                "right when they are loaded and never again; export the model as it was, and "
                "check the weights of the runtime from outside"
            )
        with torch.no_grad():
            stored.copy_(torch.where(wrong, right, stored))
    elif bool(wrong.any()):
        overwrite(stored, wrong, right[wrong])


def tracing() -> bool:
    """Whether operations are being traced rather than executed on values."""
    return torch.compiler.is_exporting() or is_recording()


def check_period(name: str, every: int) -> None:
    """Verify a period.

    Raises:
        InputError: it is below 1.
    """
    if every < 1:
        raise InputError(f"{name}: every={every} is not allowed; every n-th inference, n from 1")


class Turn:
    """Counts passes; every n-th pass is due, starting with the first."""

    def __init__(self, every: int) -> None:
        self.every, self.passes = every, 0

    def due(self) -> bool:
        """Whether the pass that begins now is due.

        Raises:
            InputError: passes cannot be counted, as in a campaign or an exported program.
        """
        if self.every > 1:
            self._check_countable()
        self.passes += 1
        return (self.passes - 1) % self.every == 0

    def _check_countable(self) -> None:
        if injecting():
            raise InputError(
                f"a scrub before every {self.every}th inference: how often a fault meets it hangs "
                "on when it strikes. Harden with every=1 and take that rate for 1 of "
                f"{self.every} inferences, that of the unprotected model for the others"
            )
        if tracing():
            raise InputError(
                "an exported program counts no inferences; harden with every=1, or scrub(model) "
                "from outside"
            )


def begin(draft: Draft, name: str, part: Part, turn: Turn) -> None:
    """Put a part into the model that scrubs its weights before forward passes.

    Raises:
        InputError: the part is not called when the model is called in the given way.
    """
    draft.attach_to_model(name, part)
    _, batch = next(draft.workload.data.batches(1))
    with torch.no_grad():
        draft.workload.call(draft.model, batch)  # changes the count of passes
    if not turn.passes:
        raise InputError(
            f"{draft.by} steps in when the model is called, and call= only calls parts of it; "
            "have it say model(batch), or scrub(model) from outside"
        )
    turn.passes = 0
