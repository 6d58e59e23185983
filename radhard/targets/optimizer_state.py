"""Faults in what an optimizer keeps between updates."""

from typing import Literal

from radhard.errors import InputError
from radhard.spec import component
from radhard.targets.training_target import TrainingTarget

__all__ = ["OptimizerState"]


@component
class OptimizerState(TrainingTarget):
    """State of the optimizer, in training only: ``OptimizerState("*", entry="exp_avg")``.

    ``pattern``: globs of names of parameters or of their layers, joined by ``|``; ``layers``: globs
    of layer classes. ``entry``: the tensor that the optimizer keeps of each parameter, with the
    parameter's shape and dtype: ``"exp_avg"`` and ``"exp_avg_sq"`` of Adam, ``"momentum_buffer"``
    of SGD with momentum. The state of ``fc.weight`` is named ``fc.weight.exp_avg``. A fault falls
    before the update that reads it; before the first update there is no state.
    """

    pattern: str
    layers: str | None = None
    entry: str = "exp_avg"

    def check(self) -> None:
        if not self.entry or "." in self.entry:
            raise InputError(
                f"OptimizerState: entry={self.entry!r} is not allowed; give a key of "
                "optimizer.state[parameter], such as 'exp_avg'"
            )

    @property
    def role(self) -> Literal["optimizer state"]:
        return "optimizer state"
