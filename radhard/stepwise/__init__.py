"""How does a recurrent layer compute step by step, with its gates within reach?"""

from radhard.stepwise.gate import Gate, GateFunction, Guard, RecurrentGates
from radhard.stepwise.stepwise_layers import (
    STEPWISE,
    StepwiseGRU,
    StepwiseLSTM,
    StepwiseRNN,
    check_convertible,
    direction_outputs,
    stepwise,
    to_stepwise,
)

__all__ = [
    "STEPWISE",
    "Gate",
    "GateFunction",
    "Guard",
    "RecurrentGates",
    "StepwiseGRU",
    "StepwiseLSTM",
    "StepwiseRNN",
    "check_convertible",
    "direction_outputs",
    "stepwise",
    "to_stepwise",
]
