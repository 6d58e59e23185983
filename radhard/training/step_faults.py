"""How do the faults of one step of a training reach their tensors?"""

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from radhard.errors import InputError
from radhard.injection import Hits, TensorInjection, write_faults
from radhard.space import FaultSpace, Numbers
from radhard.state import State
from radhard.targets import FLOWING, Site
from radhard.targets.stored import stored_tensor
from radhard.training.check_targets import check_same, parameter_of

__all__ = ["StepFaults"]


@dataclass
class _Rows:
    """The attributes of an injection that `TensorInjection` uses: rows of a batch in order."""

    rows: Sequence[int] | None = None
    state: State | None = None
    undo: list[Callable[[], None]] = field(default_factory=list)


@dataclass
class _TensorFaults:
    """The faults of one step in one tensor; a `TensorFaults` for tensors that flow."""

    hits: Hits
    where: Numbers
    """Their positions among the faults of the step."""
    arrived: np.ndarray
    """Of all faults of the step."""
    done: bool = False

    @property
    def site(self) -> Site:
        site: Site = self.hits.regions[self.hits.places[0]].site
        return site

    def held(self, stored: Tensor) -> AbstractContextManager[None]:
        raise AssertionError(f"a stored tensor of shape {tuple(stored.shape)} does not flow")

    def apply_to(self, flowing: Tensor) -> None:
        """Inject the faults into a flowing tensor, if the pass is one of training."""
        if self.done or not torch.is_grad_enabled():
            return
        self._injection().apply_to(flowing)
        # The last batch of an epoch may have fewer rows than the one from which the space was made.
        self.arrived[self.where[self._samples() < len(flowing)]] = True

    @property
    def faulty_rows(self) -> list[int]:
        """The indices of the first axis at which there are faults, ascending."""
        return self._injection().faulty_rows

    def apply_to_row(self, flowing: Tensor, row: int) -> None:
        """Inject the faults of one index of the first axis, if the pass is one of training."""
        if self.done or not torch.is_grad_enabled():
            return
        self._injection().apply_to_row(flowing, row)
        shape = self.site.shape
        here = self.hits.words % math.prod(shape) // math.prod(shape[1:]) == row
        self.arrived[self.where[here & (self._samples() < len(flowing))]] = True

    @property
    def faulty_words(self) -> list[int]:
        raise AssertionError(f"{self.site.name!r} is a register, of no training")

    def corrupted_word(self, values: Tensor, word: int) -> Tensor:
        raise AssertionError(f"word {word} of {len(values)} samples is in a register")

    def write(self, tensor: Tensor) -> None:
        """Write the faults into a tensor, where they stay."""
        check_same(self.site, tensor)
        write_faults(tensor, self.hits)
        self.arrived[self.where] = True
        self.done = True

    def _injection(self) -> TensorInjection:
        hits = self.hits
        return TensorInjection(hits.regions, hits.places, hits.words, hits.variants, _Rows())

    def _samples(self) -> Numbers:
        """The sample of the batch of each fault; 0 for a fault in all samples."""
        samples: Numbers = self.hits.words // math.prod(self.site.shape)
        return samples


class StepFaults:
    """The faults of the current step, which hooks of the model and the optimizer inject."""

    def __init__(
        self, model: nn.Module, optimizer: torch.optim.Optimizer, space: FaultSpace
    ) -> None:
        self._model, self._optimizer, self._space = model, optimizer, space
        self._tensors: list[_TensorFaults] = []
        self._flowing = ExitStack()

    def open(self, numbers: Numbers) -> np.ndarray:
        """Prepare the faults with these numbers; whether each arrives, which is set later."""
        space = self._space
        places, words, variants, owners = space.affected(numbers)
        arrived = np.zeros(len(numbers), dtype=bool)
        tensors = space.tensors[places]
        for tensor in dict.fromkeys(tensors.tolist()):
            where = np.flatnonzero(tensors == tensor)
            hits = Hits(space.regions, places[where], words[where], variants[where])
            faults = _TensorFaults(hits, owners[where], arrived)
            self._tensors.append(faults)
            if faults.site.flows and not faults.site.in_training:
                # Stored tensors, gradients and states need no hook of their own here: they are
                # written when the pass, the backward pass or the update comes.
                self._flowing.enter_context(space.reach(self._model, tensor, faults))
        return arrived

    def close(self) -> None:
        """Forget the faults; those that have not arrived do not."""
        self._tensors = []
        self._flowing.close()

    def before_pass(self, *_: Any) -> None:
        """Write into stored tensors: a hook before a pass of the model."""
        if self._tensors and torch.is_grad_enabled():
            for faults in self._due("weight", "bias", "buffer"):
                faults.write(stored_tensor(self._model, faults.site.name))

    def after_pass(self, *_: Any) -> None:
        """Later passes of the step have no faults: a hook after a pass of the model."""
        if self._tensors and torch.is_grad_enabled():
            for faults in self._due(*FLOWING):
                faults.done = True
            self._flowing.close()

    def gradient_hooks(self) -> Iterator[tuple[Callable[..., Any], Callable[..., None]]]:
        """For each gradient of the space, how a hook is registered, and the hook."""
        for site in dict.fromkeys(self._space.sites):
            if site.role == "gradient":
                parameter = parameter_of(self._model, site)
                yield parameter.register_post_accumulate_grad_hook, self._after_backward(site.name)

    def before_update(self, *_: Any) -> None:
        """Write into the state of the optimizer: a hook before its update."""
        for faults in self._due("optimizer state"):
            state = self._state(faults.site)
            if state is not None:
                faults.write(state)

    def _due(self, *roles: str) -> list[_TensorFaults]:
        return [f for f in self._tensors if f.site.role in roles and not f.done]

    def _after_backward(self, name: str) -> Callable[[Tensor], None]:
        def hook(parameter: Tensor) -> None:
            for faults in self._due("gradient"):
                if faults.site.name == name and parameter.grad is not None:
                    faults.write(parameter.grad)

        return hook

    def _state(self, site: Site) -> Tensor | None:
        """The state of a parameter; None if the optimizer has none yet.

        Raises:
            InputError: the optimizer keeps no such tensor of any parameter.
        """
        states, entry = self._optimizer.state, site.name.rpartition(".")[2]
        value = states.get(parameter_of(self._model, site), {}).get(entry)
        if isinstance(value, Tensor):
            return value
        kept = dict.fromkeys(
            key for state in states.values() for key, held in state.items() if held is not None
        )
        # Before its first update an optimizer keeps nothing, which is no mistake.
        if states and entry not in kept:
            raise InputError(
                f"{type(self._optimizer).__name__} keeps no state {entry!r}; it keeps "
                f"{', '.join(map(str, kept)) or 'none'}: OptimizerState(..., entry=...)"
            )
        return None
