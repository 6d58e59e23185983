"""How are a model's stored weights found and corrected, in place?"""

from collections.abc import Collection, Mapping, Sequence

import torch
from torch import Tensor, nn

from radhard.errors import InputError
from radhard.hardenings.draft import Draft
from radhard.hardenings.part import Part
from radhard.injection import injecting, overwrite
from radhard.internals import is_exporting_to_onnx, is_recording
from radhard.targets import Biases, Weights
from radhard.workload import Workload

__all__ = ["Turn", "begin", "check_period", "cover", "named", "put_right", "tracing", "weights"]


def cover(draft: Draft, covered: Collection[str], reasons: Mapping[str, str] | None = None) -> None:
    """Record which weights are checked, and why others are not: ``reasons``, or dtype or layout."""
    biases = {name for name, _ in Biases("*").candidates(draft.model)}
    tensors = dict(draft.model.named_parameters())
    left_out = {
        name: f"{str(tensor.layout if tensor.is_sparse else tensor.dtype).removeprefix('torch.')}"
        for name, tensor in tensors.items()
        if name not in covered and name not in biases and tensor.numel()
    }
    kind = "weight and bias tensors" if biases & set(covered) else "weight tensors"
    draft.cover(kind, covered, left_out | dict(reasons or {}))


def weights(model: nn.Module, *, biases: bool = False) -> dict[str, Tensor]:
    """All stored weights by their first name: the sites of ``Weights("*")``.

    With ``biases`` also those of ``Biases("*")``, where there are any.

    Raises:
        InputError: there are none, or one contains NaN or infinite values.
    """
    sites = Weights("*").sites(Workload(model))
    if biases and any(tensor.numel() for _, tensor in Biases("*").candidates(model)):
        sites += Biases("*").sites(Workload(model))
    tensors = named(model, [site.name for site in sites])
    for name, tensor in tensors.items():
        if not bool(tensor.isfinite().all()):
            raise InputError(
                f"{name!r} contains NaN or infinite values, so faults in it cannot be recognized; "
                "correct the model"
            )
    return tensors


def named(model: nn.Module, names: Sequence[str]) -> dict[str, Tensor]:
    """The parameters with these names."""
    tensors: dict[str, Tensor] = {}
    for name in names:
        path, _, leaf = name.rpartition(".")
        # Not by getattr, which computes a parametrized weight instead of returning a stored one.
        parameter = model.get_submodule(path)._parameters.get(leaf)
        if parameter is None:
            raise InputError(
                f"{type(model).__name__} has no weight {name!r}, which the scrubber corrects"
            )
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
                "ONNX runtimes compute what depends on weights only once, so weights would be "
                "scrubbed when they are loaded and never again; export the model without this "
                "hardening, and check the weights outside the runtime"
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
        raise InputError(
            f"{name}: every={every} is not allowed; give n for every n-th inference, from 1"
        )


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
        # Counted also where every pass is due: `begin` looks whether passes arrive here at all.
        self.passes += 1
        return (self.passes - 1) % self.every == 0

    def _check_countable(self) -> None:
        if injecting():
            raise InputError(
                f"with a scrub before every {self.every}th inference, the effect of a fault "
                "depends on when it occurs; harden with every=1 and use its rate for 1 of "
                f"{self.every} inferences, and the rate of the unprotected model for the others"
            )
        if tracing():
            raise InputError(
                "an exported program cannot count inferences; harden with every=1, or call "
                "scrub(model) yourself"
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
            f"{draft.by} scrubs when the model is called, but call= calls only parts of it; make "
            "call= use model(batch), or call scrub(model) yourself"
        )
    # The first pass after the hardening is due, whatever the trial did.
    turn.passes = 0
