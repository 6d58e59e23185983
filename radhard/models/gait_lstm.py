"""What is the LSTM network of the study of human gait?"""

from collections import OrderedDict
from functools import partial

from torch import nn

from radhard.errors import InputError
from radhard.models.series_classifier import LastStep
from radhard.models.shipped import seeded, trained

__all__ = ["gait_lstm"]

SHIPPED = (20, 30, 40)
"""The numbers of cells with trained weights."""


def gait_lstm(*, cells: int = 20, inputs: int = 4, pretrained: bool | None = None) -> nn.Sequential:
    """LSTM of the gait study (Ahmadilivani et al., DFT 2023); as it stands, 2,542 parameters.

    The networks ANN-20, ANN-30 and ANN-40 of the study are ``cells=20``, 30 and 40: an LSTM, then a
    linear layer of as many neurons with ReLU, then two logits. Takes ``(samples, steps, inputs)``,
    gives logits ``(samples, 2)``. Its modules are ``lstm``, ``last``, ``fc1``, ``relu`` and
    ``fc2``. The clinical recordings of the study are not public; the trained weights recognize one
    exercise in the recordings of a smart watch,
    ``radhard.datasets.watch(window=64, channels=4, positive=6)``: with 20, 30 and 40 cells, 96.1 %,
    97.4 % and 96.7 % of the 2,494 test samples, and F1 scores of 87 %, 91 % and 89 %.

    Args:
        cells: units of the LSTM, and neurons of the first linear layer.
        inputs: channels of the series.
        pretrained: None takes trained weights where there are any; False takes random ones, the
            same each time.

    Raises:
        InputError: an argument that is not allowed, or trained weights asked for another shape.

    >>> model = gait_lstm(cells=30)
    >>> [model.lstm.weight_ih_l0.numel(), model.lstm.weight_hh_l0.numel()]
    [480, 3600]
    """
    for name, size in (("cells", cells), ("inputs", inputs)):
        if isinstance(size, bool) or not isinstance(size, int) or size < 1:
            raise InputError(f"{name}={size!r} is not allowed; give a whole number from 1")
    build = partial(_build, cells, inputs)
    shipped = inputs == 4 and cells in SHIPPED
    if pretrained and not shipped:
        raise InputError(
            "trained weights come with 4 inputs and 20, 30 or 40 cells; leave pretrained out"
        )
    if shipped and pretrained is not False:
        return trained(build, f"gait_lstm_{cells}")
    return seeded(build)


def _build(cells: int, inputs: int) -> nn.Sequential:
    return nn.Sequential(
        OrderedDict(
            lstm=nn.LSTM(inputs, cells, batch_first=True),
            last=LastStep(),
            fc1=nn.Linear(cells, cells),
            relu=nn.ReLU(),
            fc2=nn.Linear(cells, 2),
        )
    )
