"""Where are faults injected?"""

from radhard.targets.activations import Activations
from radhard.targets.array_layers import array_layers
from radhard.targets.attention import Attention
from radhard.targets.base import FLOWING, TARGETS, Role, Site, Target, TensorFaults
from radhard.targets.biases import Biases
from radhard.targets.buffers import Buffers
from radhard.targets.gradients import Gradients
from radhard.targets.hidden_states import HiddenStates
from radhard.targets.inputs import Inputs
from radhard.targets.key_value_cache import KeyValueCache
from radhard.targets.merge_biases import merge_biases
from radhard.targets.optimizer_state import OptimizerState
from radhard.targets.recurrent_weights import RecurrentWeights
from radhard.targets.registers import REGISTER_AXES, Registers, register_of
from radhard.targets.weights import Weights

__all__ = [
    "FLOWING",
    "REGISTER_AXES",
    "TARGETS",
    "Activations",
    "Attention",
    "Biases",
    "Buffers",
    "Gradients",
    "HiddenStates",
    "Inputs",
    "KeyValueCache",
    "OptimizerState",
    "RecurrentWeights",
    "Registers",
    "Role",
    "Site",
    "Target",
    "TensorFaults",
    "Weights",
    "array_layers",
    "merge_biases",
    "register_of",
]
