"""What if activations may not grow beyond what a fault-free network needs?"""

from radhard.hardenings.bounds.activation_clip import ActivationClip
from radhard.hardenings.bounds.bound import Bound
from radhard.hardenings.bounds.bounded_relu import BoundedReLU
from radhard.hardenings.bounds.fit_act import FitAct
from radhard.hardenings.bounds.ft_clip_act import FTClipAct
from radhard.hardenings.bounds.hyrelu import HyReLU
from radhard.hardenings.bounds.overhead import bound_overhead
from radhard.hardenings.bounds.pro_act import ProAct
from radhard.hardenings.bounds.ranger import Ranger

__all__ = [
    "ActivationClip",
    "Bound",
    "BoundedReLU",
    "FTClipAct",
    "FitAct",
    "HyReLU",
    "ProAct",
    "Ranger",
    "bound_overhead",
]
