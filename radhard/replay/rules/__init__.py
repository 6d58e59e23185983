"""How does a difference pass an operation? One file for each family of operations."""

from typing import Any

import torch

from radhard.replay.recurrent import both_directions, recurrent_rules
from radhard.replay.rules import (
    convolution_rules,
    elementwise_rules,
    linear_rules,
    pooling_rules,
    shape_rules,
)

__all__ = ["CHANNELWISE", "RULES"]

aten: Any = torch.ops.aten

RULES = {
    **elementwise_rules.RULES,
    **shape_rules.RULES,
    **linear_rules.RULES,
    **convolution_rules.RULES,
    **pooling_rules.RULES,
    **recurrent_rules.RULES,
    **both_directions.RULES,
}
"""By operation: how a difference passes it; None from a rule means: not this time."""

CHANNELWISE = {
    *elementwise_rules.RULES,
    *shape_rules.RULES,
    *pooling_rules.RULES,
    aten.batch_norm.default,
}
"""Operations with a rule in which a difference stays in its channel."""
