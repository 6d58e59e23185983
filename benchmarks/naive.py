"""How fast is a naive loop over faults?"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from benchmarks.clock import Clock, Span

__all__ = ["Done", "Flip", "SampleFlip", "flowing", "stored", "words"]

Words = npt.NDArray[np.int32]
Forward = Callable[[nn.Module, Tensor], Tensor]


@dataclass(frozen=True)
class Flip:
    """Bits to flip in the words of one parameter: ``words[at] ^= mask``."""

    words: Words
    at: Any
    mask: Any


@dataclass(frozen=True)
class SampleFlip:
    """A bit to flip in a module's output for one sample."""

    module: nn.Module
    sample: int
    at: int
    mask: np.int32


@dataclass(frozen=True)
class Done:
    """The time of a loop, and the outputs of the faulty model in every trial."""

    span: Span
    outputs: list[Tensor]
    changed: list[int]
    """Samples with another top class, NaN or not, in every trial."""


def words(tensor: Tensor) -> Words:
    """The float32 words of a tensor as integers, in place: writing to them writes to it."""
    found: Words = tensor.detach().numpy().reshape(-1).view(np.int32)
    assert np.shares_memory(found, tensor.detach().numpy())
    return found


def stored(model: nn.Module, inputs: Tensor, trials: Sequence[Sequence[Flip]]) -> Done:
    """Flip in place, whole forward pass, compare the top class with the golden one, restore."""
    outputs, changed = [], []
    with torch.inference_mode():
        golden = model(inputs).argmax(1)
        clock = Clock()
        for flips in trials:
            for flip in flips:
                flip.words[flip.at] ^= flip.mask
            found = model(inputs)
            changed.append(int((found.argmax(1) != golden).sum()))
            for flip in flips:
                flip.words[flip.at] ^= flip.mask
            outputs.append(found)
        return Done(clock.read(), outputs, changed)


def flowing(model: nn.Module, inputs: Tensor, trials: Sequence[SampleFlip]) -> Done:
    """A hook that flips one bit, the forward pass of the one sample, compare, remove the hook."""
    outputs, changed = [], []
    with torch.inference_mode():
        golden = [int(model(one.unsqueeze(0)).argmax(1)) for one in inputs]
        clock = Clock()
        for trial in trials:

            def flip(_: nn.Module, __: Any, output: Tensor, trial: SampleFlip = trial) -> None:
                output.numpy().reshape(-1).view(np.int32)[trial.at] ^= trial.mask

            handle = trial.module.register_forward_hook(flip)
            found = model(inputs[trial.sample : trial.sample + 1])
            changed.append(int(int(found.argmax(1)) != golden[trial.sample]))
            handle.remove()
            outputs.append(found)
        return Done(clock.read(), outputs, changed)
