"""Which networks are included, and how are user models loaded?"""

from radhard.models.alexnet import alexnet
from radhard.models.gait_lstm import gait_lstm
from radhard.models.gru_classifier import gru_classifier
from radhard.models.lenet5 import lenet5
from radhard.models.load_model import listed, load
from radhard.models.load_weights import load_weights
from radhard.models.lstm_classifier import lstm_classifier
from radhard.models.mlp import mlp
from radhard.models.mobilenetv2 import mobilenetv2
from radhard.models.resnet import resnet18, resnet34
from radhard.models.resnet20 import resnet20
from radhard.models.sentiment_lstm import sentiment_lstm
from radhard.models.stagenet import stagenet
from radhard.models.vgg import vgg11, vgg16

__all__ = [
    "alexnet",
    "gait_lstm",
    "gru_classifier",
    "lenet5",
    "listed",
    "load",
    "load_weights",
    "lstm_classifier",
    "mlp",
    "mobilenetv2",
    "resnet18",
    "resnet20",
    "resnet34",
    "sentiment_lstm",
    "stagenet",
    "vgg11",
    "vgg16",
]
