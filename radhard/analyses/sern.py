"""Which share of the operations that may be faulty has a nonzero result?"""

import numpy as np
import torch
from torch import Tensor

from radhard.analyses.base import Analysis, AnalysisResult
from radhard.analyses.layer import Layer
from radhard.analyses.layer_call import LayerCall
from radhard.analyses.layer_recorder import layer_calls
from radhard.analyses.layers import torch_layers
from radhard.analyses.receptive_field import adds_up
from radhard.errors import InputError
from radhard.spec import component
from radhard.workload import Workload

__all__ = ["Sern"]

_MOST = 2**24
"""Maximum number of values in memory in one step; 64 MiB as float32."""


@component
class Sern(Analysis):
    """Misclassification estimated from critical operations, SERN (Ping et al., GLSVLSI 2020).

    Operations are the multiplications of convolutions and linear layers, including those with
    padding; they are critical if the result is not zero. For layer i, in the order in which the
    layers are first called, ``(critical_i + all of later layers) / (all of i and later layers)``.
    A layer has a lower score the more zeros it multiplies, and the larger its share of the
    remaining operations: early layers have scores near 1 whatever their values.

    Scores are shares, by channel of the layers' outputs: the equation with the share of critical
    operations of the channel instead of the layer. The mean over the channels,
    ``scores.at("tensor")``, is the layer's SERN as published. Channels of a layer have the same
    inputs and differ only if weights are zero or groups unequal.

    One forward pass and the counting. Suitable for a first comparison of layers and for pruned
    networks; the magnitude of values is ignored.

    ``crit_in_tail``: of later layers too, count only the critical operations, as in the text of the
    paper; its equation counts all.

    Cost: 1 forward, and counting.

    Raises:
        InputError: a layer is of a subclass of these layers with its own ``forward``.
    """

    crit_in_tail: bool = False

    def find(self, workload: Workload) -> AnalysisResult:
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
        # From the last layer to the first, as each score needs the sums over all later ones; a dict
        # keeps the order of first calls.
        tail_critical, tail = 0.0, 0
        for layer in reversed(critical):
            of_layer, of = critical[layer].cpu().numpy(), total[layer]
            later = tail_critical if self.crit_in_tail else float(tail)
            # As if all channels of the layer were like this one, so that the mean over them is the
            # score of the layer.
            values[layer.output_site] = (of_layer * len(of_layer) + later) / (of + tail)
            tail_critical, tail = tail_critical + float(of_layer.sum()), tail + of
        return AnalysisResult("channel", values, "share")


def operations(passed: LayerCall) -> tuple[Tensor, int]:
    """Critical operations by channel, and the number of operations, of one call of a layer."""
    layer = passed.layer
    if not adds_up(layer.module):
        raise InputError(
            f"{layer.name!r} is a {type(layer.module).__name__} that overrides forward, so its "
            "operations are not known"
        )
    weight = layer.weight.detach()
    channels, positions = passed.by_channel(passed.outputs).shape[1:]
    _, groups, taps, _ = passed.windows(slice(0, 1)).shape
    step = max(1, _MOST // (groups * taps * positions))
    # How often the input of each tap is nonzero. Each nonzero weight of the tap has this number of
    # critical operations, so that the single products need not be formed.
    used = torch.zeros(groups, taps, dtype=torch.float64, device=weight.device)
    for start in range(0, passed.samples, step):
        used += (passed.windows(slice(start, start + step)) != 0).sum((0, 3))
    rows = (weight != 0).double().reshape(groups, channels // groups, taps)
    count = (rows @ used[:, :, None]).reshape(channels)
    return count, passed.samples * positions * channels * taps
