"""Which share of the operations that a fault may strike has a result to lose?"""

import numpy as np
import torch
from torch import Tensor

from radhard.analyses.base import Analysis, Found
from radhard.analyses.layer import Layer
from radhard.analyses.layer_call import Passed
from radhard.analyses.layer_recorder import layer_calls
from radhard.analyses.layers import torch_layers
from radhard.analyses.receptive_field import adds_up
from radhard.errors import InputError
from radhard.spec import component
from radhard.workload import Workload

__all__ = ["Sern"]

_MOST = 2**24
"""Numbers that a step may hold at a time; 64 MiB as float32."""


@component
class Sern(Analysis):
    """Misclassification estimated from critical operations, SERN (Ping et al., GLSVLSI 2020).

    Operations are the multiplications of convolutions and linear layers, those with padding
    included; critical are those whose result is not zero. For layer i, in the order in which the
    layers are first called, ``(critical_i + all of later layers) / (all of i and later layers)``.
    So a layer scores the lower the more zeros it multiplies, and the more its operations weigh
    among those that follow: early layers score near 1 whatever they hold.

    Scores are shares, by channel of the layers' outputs: the equation with the channel's own
    share of critical operations in the place of its layer's. The mean over the channels,
    ``scores.at("tensor")``, is the layer's SERN as published. Channels of a layer have the same
    inputs and differ only where weights are zero or groups unequal.

    One forward pass and the counting. Good for a first look at layers and for pruned networks;
    blind to how large values are.

    ``crit_in_tail``: count only the critical operations of later layers too, as the paper's text
    has it; its equation counts all.

    Raises:
        InputError: a layer computes something else than torch's convolutions and linear layers.
    """

    crit_in_tail: bool = False

    def find(self, workload: Workload) -> Found:
        critical: dict[Layer, Tensor] = {}
        total: dict[Layer, int] = {}
        with torch.no_grad(), layer_calls(workload, torch_layers(workload)) as seen:
            for rows, inputs in workload.batches():
                workload.forward(inputs)
                for passed in seen:
                    layer = passed.layer
                    count, of = operations(passed)
                    critical[layer] = critical.get(layer, torch.zeros_like(count)) + count
                    total[layer] = total.get(layer, 0) + of
                workload.bar.step(rows.stop, len(workload.data))
        values = {
            layer.output_site: np.full(len(layer.weight), np.nan)
            for layer in torch_layers(workload)
        }
        tail_critical, tail = 0.0, 0
        for layer in reversed(critical):
            own, of = critical[layer].cpu().numpy(), total[layer]
            later = tail_critical if self.crit_in_tail else float(tail)
            values[layer.output_site] = (own * len(own) + later) / (of + tail)
            tail_critical, tail = tail_critical + float(own.sum()), tail + of
        return Found("channel", values, "share")


def operations(passed: Passed) -> tuple[Tensor, int]:
    """Critical operations by channel, and how many operations there are, of a call of a layer."""
    layer = passed.layer
    if not adds_up(layer.module):
        raise InputError(
            f"{layer.name!r} is a {type(layer.module).__name__} with a forward of its own, whose "
            "operations are not known"
        )
    weight = layer.weight.detach()
    channels, positions = passed.by_channel(passed.outputs).shape[1:]
    _, groups, taps, _ = passed.windows(slice(0, 1)).shape
    step = max(1, _MOST // (groups * taps * positions))
    # How often each tap's input is not zero: that often each weight there that is not is used.
    used = torch.zeros(groups, taps, dtype=torch.float64, device=weight.device)
    for start in range(0, passed.samples, step):
        used += (passed.windows(slice(start, start + step)) != 0).sum((0, 3))
    rows = (weight != 0).double().reshape(groups, channels // groups, taps)
    count = (rows @ used[:, :, None]).reshape(channels)
    return count, passed.samples * positions * channels * taps
