"""Which networks come along, and how is anybody's own loaded?"""

from radhard.models.lenet5 import lenet5
from radhard.models.load import listed, load
from radhard.models.lstm_classifier import lstm_classifier
from radhard.models.mlp import mlp
from radhard.models.resnet18 import resnet18
from radhard.models.resnet20 import resnet20
from radhard.models.weights import load_weights

__all__ = [
    "lenet5",
    "listed",
    "load",
    "load_weights",
    "lstm_classifier",
    "mlp",
    "resnet18",
    "resnet20",
]
