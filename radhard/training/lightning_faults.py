"""How are faults injected into a training that the trainer of Lightning runs?"""

from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from functools import partial

import torch
from torch import nn

from radhard.errors import InputError
from radhard.space import FaultSpace
from radhard.training.schedule import Schedule
from radhard.training.training_injection import TrainingInjection, inject
from radhard.training.training_run import TrialFaults

try:
    from lightning.pytorch import Callback, LightningModule, Trainer
except ImportError:
    raise InputError(
        "FaultCallback needs the package lightning: pip install 'radhard[lightning]'"
    ) from None

__all__ = ["FaultCallback"]

Faults = Callable[[nn.Module, torch.optim.Optimizer], AbstractContextManager[TrainingInjection]]


class FaultCallback(Callback):  # type: ignore[misc]
    """Injects faults into a training by Lightning, as `radhard.training.inject` into any loop.

    A step is an update by the optimizer. Validation has no faults of its own. One optimizer, in one
    process. When the training ends, also by an exception, all hooks are removed.

    Args:
        space: the possible faults, made from ``module``; or, inside ``train(seed, faults)`` of
            `radhard.training.run`, the ``faults``, which have a schedule.
        schedule: the steps in which faults occur.
        module: the part of the module that its ``training_step`` calls, such as ``"net"``; by
            default the module itself, which it has to call as ``self(x)``.
        seed: the seed of the draws.
        trial: a number that, with the seed, determines the faults.
    """

    def __init__(
        self,
        space: FaultSpace | TrialFaults,
        schedule: Schedule | None = None,
        *,
        module: str = "",
        seed: int = 0,
        trial: int = 0,
    ) -> None:
        super().__init__()
        if isinstance(space, TrialFaults) == (schedule is not None):
            raise InputError(
                "FaultCallback takes a fault space and a schedule, or the faults that "
                "radhard.training.run gives to a training, which have a schedule"
            )
        self._faults: Faults
        if isinstance(space, TrialFaults):
            self._faults = space
        else:
            assert schedule is not None
            self._faults = partial(inject, space=space, schedule=schedule, seed=seed, trial=trial)
        self._module = module
        self._open = ExitStack()
        self.injection: TrainingInjection | None = None
        """The steps so far, and the faults that occurred; None before the training."""

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Begin to inject.

        Raises:
            InputError: there are several optimizers or processes, the training is continued from a
                checkpoint, the module has no such part, or see `radhard.training.inject`.
        """
        if len(trainer.optimizers) != 1 or trainer.world_size > 1:
            raise InputError(
                f"FaultCallback is given {len(trainer.optimizers)} optimizers and "
                f"{trainer.world_size} processes; train with one optimizer in one process"
            )
        if trainer.global_step:
            raise InputError(
                f"the training continues at step {trainer.global_step:,}, and the steps of faults "
                "are counted from its beginning; train from the beginning"
            )
        try:
            model = pl_module.get_submodule(self._module)
        except AttributeError:
            parts = ", ".join(name for name, _ in pl_module.named_children()) or "none"
            raise InputError(
                f"module={self._module!r} is no part of {type(pl_module).__name__}; it has {parts}"
            ) from None
        self.injection = self._open.enter_context(self._faults(model, trainer.optimizers[0]))

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:  # noqa: ARG002
        """Remove all hooks, and warn of faults that did not occur."""
        self._open.close()

    def on_exception(
        self,
        trainer: Trainer,  # noqa: ARG002
        pl_module: LightningModule,  # noqa: ARG002
        exception: BaseException,
    ) -> None:
        """Remove all hooks."""
        self._open.__exit__(type(exception), exception, exception.__traceback__)
