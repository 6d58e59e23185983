"""How is a network trained to have its weights in a narrow format?"""

import copy
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional

from radhard.datasets import Data
from radhard.errors import InputError
from radhard.formats import Format
from radhard.models.load_weights import load_weights
from radhard.studies.encodings import stored_weights
from radhard.studies.pruning import Tuning
from radhard.targets import Weights

__all__ = ["straight_through", "trained_in_format"]


def trained_in_format(
    model: nn.Module, format: Format, train: Data, tuning: Tuning, *, seed: int, cache: Path | None
) -> nn.Module:
    """A copy of the model with its weights in a format, fine-tuned with rounded weights.

    Every step computes with the rounded weights and changes those behind them, which have all their
    digits (the straight-through estimator: Bengio et al., 2013). Norms update their statistics;
    activations are not rounded. ``cache``: the file of the weights, read if it is there.

    Raises:
        InputError: the file contains another network, or data without labels.
    """
    tuned = copy.deepcopy(model)
    if cache is not None and cache.is_file():
        load_weights(tuned, cache)
        return stored_weights(tuned, format)
    _train(tuned, format, train, tuning, seed)
    if cache is not None:
        cache.parent.mkdir(parents=True, exist_ok=True)
        written = cache.with_suffix(".part")
        save_file({name: x.contiguous() for name, x in tuned.state_dict().items()}, written)
        # Under another name first: a process that is killed leaves no half of a file behind.
        written.replace(cache)
    return stored_weights(tuned, format)


def straight_through(x: Tensor, format: Format) -> Tensor:
    """The values rounded to a format, with the gradient of the values themselves.

    >>> from radhard.formats import Fixed
    >>> x = torch.tensor([0.3, 5.0], requires_grad=True)
    >>> rounded = straight_through(x, Fixed(1, 2))
    >>> rounded.sum().backward()
    >>> rounded.tolist(), x.grad.tolist()
    ([0.25, 1.75], [1.0, 1.0])
    """
    fitted = format.fit(x.detach())
    rounded = fitted.decode(fitted.encode(x)).to(x.dtype)
    # The difference is exactly 0, so that the values are those of the format.
    return rounded + (x - x.detach())


def _train(model: nn.Module, format: Format, data: Data, tuning: Tuning, seed: int) -> None:
    if not isinstance(data.labels, Tensor) or not isinstance(data.inputs, Tensor):
        raise InputError(f"{data.name}: training requires inputs in one tensor, and labels")
    names = [name for name, _ in Weights("*").candidates(model)]
    rng = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.SGD(model.parameters(), tuning.rate)
    model.train()
    threads = torch.get_num_threads()
    # With one thread, sums have one order, and the weights do not depend on the machine's cores.
    torch.set_num_threads(1)
    try:
        for _ in range(tuning.epochs):
            # Drawn anew in every epoch: the first images may be of a few classes only.
            drawn = torch.randperm(len(data), generator=rng)[: tuning.images]
            for rows in torch.split(drawn, tuning.batch):
                if len(rows) < 2:
                    continue  # a batch norm cannot be trained with one sample
                parameters = dict(model.named_parameters())
                rounded = {name: straight_through(parameters[name], format) for name in names}
                logits = functional_call(model, rounded, (data.inputs[rows],))
                optimizer.zero_grad()
                torch.autograd.backward(functional.cross_entropy(logits, data.labels[rows]))
                optimizer.step()
    finally:
        torch.set_num_threads(threads)
    model.eval().zero_grad()
    assert not model.training
