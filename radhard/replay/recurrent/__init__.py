"""How does a difference pass a recurrent layer, step by step?"""

from radhard.replay.recurrent.both_directions import reversed_steps
from radhard.replay.recurrent.recurrent_nodes import separate_recurrent_layers, state_node
from radhard.replay.recurrent.recurrent_rules import (
    RULES,
    gru,
    kept_trajectory,
    lstm,
    states_after_change,
)
from radhard.replay.recurrent.state_changes import StatePositions

__all__ = [
    "RULES",
    "StatePositions",
    "gru",
    "kept_trajectory",
    "lstm",
    "reversed_steps",
    "separate_recurrent_layers",
    "state_node",
    "states_after_change",
]
