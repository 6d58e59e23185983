"""How is a pruned network fine-tuned?"""

import torch
from torch.nn import functional

from radhard.errors import InputError
from radhard.evaluation import evaluating
from radhard.hardenings.draft import Draft
from radhard.workload import Workload

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


def accuracy(workload: Workload) -> float:
    """The share of the samples whose prediction equals the label.

    Raises:
        InputError: the data have no labels.
    """
    labels = workload.data.labels
    if labels is None:
        raise InputError(
            f"{workload.data.name} has no labels, which the accuracy requires; give data with "
            "labels"
        )
    right = 0
    with workload.open(), torch.no_grad():
        for rows, inputs in workload.batches():
            right += int((workload.forward(inputs).argmax(1) == labels[rows]).sum())
    return right / len(workload.data)
