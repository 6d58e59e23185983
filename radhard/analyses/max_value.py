"""How large do the values of a channel get?"""

from radhard.analyses.base import Analysis, Found
from radhard.analyses.by_channel import of_activations
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
        return of_activations(subject, lambda values: values.abs().amax(2))
