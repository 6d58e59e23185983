"""How large do the values of a channel get?"""

import numpy as np
import torch

from radhard.analyses.base import Analysis, Found
from radhard.analyses.subject import Subject
from radhard.spec import component

__all__ = ["MaxValue"]


@component
class MaxValue(Analysis):
    """Largest value of every channel's activations (Mahmoud et al., HarDNN, 2020).

    Fast and coarse: one forward pass, and no regard to what lies behind the channel. By channel of
    every convolution and linear layer, mean over the samples of each one's largest magnitude.
    """

    def find(self, subject: Subject) -> Found:
        sums = {layer: np.zeros(len(layer.weight)) for layer in subject.layers}
        with torch.no_grad(), subject.captured(subject.layers) as seen:
            for _, inputs in subject.batches():
                subject.forward(inputs)
                for layer, calls in seen.items():
                    if calls:
                        each = torch.stack([layer.by_channel(out).abs().amax(2) for out in calls])
                        sums[layer] += each.amax(0).sum(0).double().cpu().numpy()
        n = len(subject.data)
        return Found("channel", {layer.name: total / n for layer, total in sums.items()})
