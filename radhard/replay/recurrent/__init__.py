"""How does a difference pass a recurrent layer, step by step?"""

from radhard.replay.recurrent.recurrent_nodes import separate_recurrent_layers
from radhard.replay.recurrent.recurrent_rules import RULES, gru, lstm, states_after_change

__all__ = ["RULES", "gru", "lstm", "separate_recurrent_layers", "states_after_change"]
