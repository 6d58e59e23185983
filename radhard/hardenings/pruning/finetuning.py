"""How is a pruned network fine-tuned?"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from radhard.datasets import Data
from radhard.errors import InputError
from radhard.evaluation import evaluating
from radhard.forward import Forward
from radhard.hardenings.draft import Draft
from radhard.workload import device_of

__all__ = ["accuracy", "finetune"]


def finetune(draft: Draft, epochs: int, rate: float) -> None:
    """Train on the data for some epochs: stochastic gradient descent on the cross-entropy.

    Only parameters with ``requires_grad`` are trained; running statistics of batch norms are
    updated. The model is in evaluation mode afterwards, without gradients; random draws depend on
    the seed.

    Raises:
        InputError: there are no labels, or no parameters to train.
    """
    labels = draft.labels()
    learning = [p for p in draft.model.parameters() if p.requires_grad]
    if not learning:
        raise InputError(
            f"{draft.by}: no parameter has requires_grad=True, so none can be fine-tuned"
        )
    optimizer = torch.optim.SGD(learning, lr=rate)
    rng = draft.workload.random(1)
    devices = {t.device for t in learning if t.is_cuda}
    with (
        evaluating(draft.model, keep=False),
        # The random state of the caller stays as it is.
        torch.random.fork_rng(devices=list(devices)),
        torch.enable_grad(),
    ):
        torch.manual_seed(draft.workload.seed)  # for dropout
        for module in draft.model.modules():
            module.training = True
        for _ in range(epochs):
            order = torch.from_numpy(rng.permutation(len(draft.workload.data))).to(labels.device)
            for at in range(0, len(order), draft.workload.batch):
                rows = order[at : at + draft.workload.batch]
                if len(rows) == 1 and len(order) > 1:
                    continue  # a batch norm cannot be trained with one sample
                optimizer.zero_grad()
                logits = draft.workload.steady(draft.model, draft.workload.data.rows(rows))
                error = functional.cross_entropy(logits, labels[rows])
                torch.autograd.backward(error)
                optimizer.step()
    optimizer.zero_grad()


def accuracy(model: nn.Module, data: Data, call: Forward, batch: int) -> float:
    """The share of the samples whose prediction equals the label.

    Raises:
        InputError: the data have no labels.
    """
    if data.labels is None:
        raise InputError(
            f"{data.name} has no labels, which the accuracy requires; give data with labels"
        )
    device = device_of(model)
    data = data if device is None else data.to(device)
    right = 0
    with evaluating(model), torch.no_grad():
        for rows, inputs in data.batches(batch):
            answers: Tensor = call(model, inputs).argmax(1)
            assert data.labels is not None
            right += int((answers == data.labels[rows]).sum())
    return right / len(data)
