"""What is StageNet?"""

from functools import partial

import torch
from torch import Tensor, nn

from radhard.errors import InputError
from radhard.models.shipped import seeded, trained

__all__ = ["stagenet"]

_LEVELS, _KERNEL = {72: 2, 384: 3}, {72: 10, 384: 3}
"""By number of cells, as follows from the numbers of weights of the study."""

_SQUEEZE = 6
"""The convolution module reduces its summary to a sixth of the cells."""


def stagenet(
    *, cells: int = 72, convolution: bool = True, inputs: int = 93, pretrained: bool | None = None
) -> nn.Module:
    """StageNet, a stage-aware LSTM; 72 cells and a convolution module, 103,145 parameters.

    Predicts the risk of a patient from visits at irregular times (Gao et al., WWW 2020). The cell
    has two more gates, whose values increase or decrease over ``levels`` groups of cells and
    separate what is kept over many visits from what is not. The convolution module combines the
    last states, weighted by how much the disease stage changed between them. The four networks of
    a study of faults (Parchekani et al., DFT 2024) have 72 or 384 cells, with and without it; their
    numbers of levels, kernel sizes and layers are those that give its numbers of weights.

    Takes ``(samples, steps, inputs + 1)``, the last value the time since the last visit; gives the
    logit of the risk after the last step, ``(samples, 1)``. Trained weights come with 72 cells and
    93 inputs, for ``radhard.datasets.cohort()``: with and without the convolution module, 75.1 %
    and 76.0 % of the 599 test samples (of which 61.8 % are of class 0), and areas under the ROC
    curve of 0.79.

    Args:
        cells: units of the cell, 72 or 384.
        convolution: whether the convolution module is added.
        inputs: values of a visit.
        pretrained: None takes trained weights where there are any; False takes random ones, the
            same each time.

    Raises:
        InputError: an argument that is not allowed, or trained weights asked for another shape.

    >>> stagenet(cells=384, pretrained=False).cell.input
    Linear(in_features=94, out_features=1542, bias=True)
    """
    if cells not in _LEVELS or isinstance(cells, bool):
        raise InputError(f"cells={cells!r} is not allowed; give 72 or 384")
    if not isinstance(convolution, bool):
        raise InputError(f"convolution={convolution!r} is not allowed; give True or False")
    if isinstance(inputs, bool) or not isinstance(inputs, int) or inputs < 1:
        raise InputError(f"inputs={inputs!r} is not allowed; give a whole number from 1")
    build = partial(StageNet, inputs, cells, _LEVELS[cells], _KERNEL[cells] if convolution else 0)
    shipped = (cells, inputs) == (72, 93)
    if pretrained and not shipped:
        raise InputError("trained weights come with 72 cells and 93 inputs; leave pretrained out")
    if shipped and pretrained is not False:
        return trained(build, "stagenet_conv_72" if convolution else "stagenet_72")
    return seeded(build)


class StageCell(nn.Module):
    """One step of the stage-aware LSTM."""

    def __init__(self, inputs: int, cells: int, levels: int) -> None:
        super().__init__()
        self.cells, self.levels = cells, levels
        width = 4 * cells + 2 * levels
        self.input = nn.Linear(inputs + 1, width)
        self.recurrent = nn.Linear(cells + 1, width)
        self.master = nn.Softmax(dim=-1)
        self.gate = nn.Sigmoid()
        self.candidate = nn.Tanh()
        self.state = nn.Tanh()

    def forward(self, visit: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The hidden state, the cell state and the change of the stage, ``(samples,)``."""
        # The time since the last visit enters both sums.
        gap = visit[:, -1:]
        sums = self.input(visit) + self.recurrent(torch.cat((h, gap), dim=1))
        keep, write = sums[:, : 2 * self.levels].chunk(2, dim=1)
        forget, store, show, new = sums[:, 2 * self.levels :].chunk(4, dim=1)
        # Increasing over the levels, and decreasing: old information is kept in the higher ones.
        master_forget = self.master(keep).cumsum(dim=1)
        master_store = self.master(write).flip(1).cumsum(dim=1).flip(1)
        # The more of the levels is forgotten, the further the stage has moved.
        change = 1 - master_forget.mean(dim=1)
        forget, store, show = self.gate(forget), self.gate(store), self.gate(show)
        groups = self.cells // self.levels
        wide_forget = master_forget.repeat_interleave(groups, dim=1)
        wide_store = master_store.repeat_interleave(groups, dim=1)
        both = wide_forget * wide_store
        c = (
            both * (forget * c + store * self.candidate(new))
            + (wide_forget - both) * c
            + (wide_store - both) * self.candidate(new)
        )
        return show * self.state(c), c, change


class StageConvolution(nn.Module):
    """Combines the last states, weighted by the changes of the stage between them."""

    def __init__(self, cells: int, kernel: int) -> None:
        super().__init__()
        self.kernel = kernel
        self.weights = nn.Softmax(dim=1)
        self.conv = nn.Conv1d(cells, cells, kernel)
        self.squeeze = nn.Linear(cells, cells // _SQUEEZE)
        self.relu = nn.ReLU()
        self.expand = nn.Linear(cells // _SQUEEZE, cells)
        self.sigmoid = nn.Sigmoid()

    def forward(self, states: Tensor, changes: Tensor) -> Tensor:
        """``(samples, cells)`` of states ``(samples, kernel, cells)`` and changes."""
        weighted = states * self.weights(changes.cumsum(dim=1)).unsqueeze(2)
        summary = self.expand(self.relu(self.squeeze(weighted.mean(dim=1))))
        patterns: Tensor = self.conv(weighted.transpose(1, 2)).squeeze(2)
        combined: Tensor = patterns * self.sigmoid(summary)
        return combined


class StageNet(nn.Module):
    """The network of `stagenet`; ``kernel=0`` leaves the convolution module out."""

    def __init__(self, inputs: int, cells: int, levels: int, kernel: int) -> None:
        super().__init__()
        self.cells = cells
        self.cell = StageCell(inputs, cells, levels)
        self.convolution = StageConvolution(cells, kernel) if kernel else None
        self.fc = nn.Linear(cells, 1)

    def forward(self, visits: Tensor) -> Tensor:
        """Logits ``(samples, 1)`` of visits ``(samples, steps, inputs + 1)``."""
        h = c = visits.new_zeros(visits.shape[0], self.cells)
        states, changes = [], []
        for step in range(visits.shape[1]):
            h, c, change = self.cell(visits[:, step], h, c)
            states.append(h)
            changes.append(change)
        if self.convolution is not None:
            kernel = self.convolution.kernel
            # Before the first visit there are no states.
            missing = max(0, kernel - len(states))
            states = [torch.zeros_like(h)] * missing + states[-kernel:]
            changes = [torch.zeros_like(changes[0])] * missing + changes[-kernel:]
            h = h + self.convolution(torch.stack(states, dim=1), torch.stack(changes, dim=1))
        logits: Tensor = self.fc(h)
        return logits
