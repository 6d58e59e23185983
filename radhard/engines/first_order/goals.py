"""Up to which operation is a difference computed exactly, and does a gradient exist there?"""

import operator
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch

from radhard.engines.replay.plan import ReplayPlan
from radhard.replay import recurrent
from radhard.replay.graph import Graph, Node
from radhard.replay.propagation import rows_are_independent
from radhard.replay.rules import elementwise_rules, shape_rules

__all__ = ["Goal", "goal_of"]

aten: Any = torch.ops.aten

_FOLLOWED = {
    *elementwise_rules.RULES,
    *shape_rules.RULES,
    aten.batch_norm.default,
    aten.max_pool2d.default,
}
"""Cheap operations that do not spread a difference over more elements."""

# fmt: off
_SMOOTH = {
    "_unsafe_view", "abs", "adaptive_avg_pool1d", "adaptive_avg_pool2d", "adaptive_max_pool2d",
    "add", "addmm", "alias", "amax", "avg_pool1d", "avg_pool2d", "batch_norm", "bmm", "cat",
    "celu", "chunk", "clamp", "clone", "constant_pad_nd", "contiguous", "conv1d", "conv2d",
    "conv3d", "conv_transpose1d", "conv_transpose2d", "conv_transpose3d", "cumsum", "div",
    "dropout", "elu", "embedding", "exp", "expand", "feature_dropout", "flatten", "flip",
    "full_like", "gelu",
    "group_norm", "gru", "hardsigmoid", "hardswish", "hardtanh", "instance_norm", "layer_norm",
    "leaky_relu", "linear", "log", "log_softmax", "logsumexp", "lstm", "matmul", "max_pool1d",
    "max_pool2d", "maximum", "mean", "minimum", "mish", "mm", "movedim", "mul", "narrow", "neg",
    "ones_like", "pad", "permute", "pow", "prelu", "relu", "relu6", "repeat", "repeat_interleave",
    "reshape", "rnn_tanh", "roll", "rsqrt", "rsub", "scaled_dot_product_attention", "select",
    "selu", "sigmoid", "silu", "slice", "softmax", "softplus", "split", "sqrt", "square",
    "squeeze", "stack", "sub", "sum", "swapaxes", "sym_size", "t", "tanh", "transpose", "unbind",
    "unflatten", "unsqueeze", "view", "zeros_like",
}
# fmt: on
"""Operations of torch whose gradient describes a small change: none that round or compare."""


_PLAIN = {operator.getitem, operator.add, operator.sub, operator.mul, operator.floordiv}
"""Python operators with which graphs index results and compute sizes."""


@dataclass(frozen=True)
class Goal:
    """The value at which the differences caused by a site's faults are multiplied by gradients."""

    slot: int
    steps: tuple[int, ...]
    """Positions of the operations up to there; for a parameter, the first one uses it."""
    gates: bool
    """Whether the differences are those of the gates of a recurrent layer."""
    apart: bool
    """Whether the samples are known to be independent of each other after it."""
    uses: tuple[int, ...] = ()
    """For a parameter that several operations use, the slots of all their outputs."""

    @property
    def slots(self) -> tuple[int, ...]:
        """Where gradients are needed."""
        return self.uses or (self.slot,)


def goal_of(plan: ReplayPlan, place: int, users: Mapping[int, list[int]]) -> Goal | None:
    """Where a site's differences are evaluated: after the last operation that keeps them local.

    Thus an activation function or a pooling directly after a fault, at whose kinks a gradient would
    be wrong, is computed exactly. None if the gradient does not describe the operations that
    follow, or if the graph does not show where a fault first has an effect. ``users`` are those of
    the graph's slots.
    """
    graph, steps = plan.replayer.graph, plan.replayer.steps(place)
    followed: list[int] = []
    if uses := tuple(plan.replayer.uses(place)):
        if not all(_smooth(graph.nodes[at]) for at in steps):
            return None
        return Goal(uses[0], (), False, rows_are_independent(graph, steps), uses)
    if plan.replayer.flows(place):
        (slot,) = plan.replayer.slots[place]
    elif plan.campaign.space.sites[place].flows or not plan.replayer.direct(place):
        return None
    else:
        followed = steps[:1]
        if graph.nodes[steps[0]].op is aten.embedding.default:
            return None  # only the samples that look the word up are executed
        slot = graph.nodes[steps[0]].slot
    gates = bool(followed) and graph.nodes[followed[0]].op in recurrent.RULES
    if not gates:
        more, slot = _followed(graph, slot, users)
        followed += more
    behind = steps[len(followed) :]
    # A rounding or a comparison has no gradient, or one of zero, whatever it does to a small
    # change.
    if plan.replayer.exact or not all(_smooth(graph.nodes[at]) for at in behind):
        return None
    return Goal(slot, tuple(followed), gates, rows_are_independent(graph, behind))


def _followed(graph: Graph, slot: int, users: Mapping[int, list[int]]) -> tuple[list[int], int]:
    """The chain of operations that do not spread a difference, and its last slot."""
    found: list[int] = []
    # Only as long as one operation reads the value: with a second reader, the gradient at a later
    # value would miss that path.
    while slot != graph.output and len(users.get(slot, [])) == 1:
        (at,) = users[slot]
        node = graph.nodes[at]
        if node.op not in _FOLLOWED or node.slot not in graph.by_sample:
            break
        found.append(at)
        slot = node.slot
    return found, slot


def _smooth(node: Node) -> bool:
    """Whether the gradient of an operation describes a small change."""
    if node.op in _PLAIN:
        return True
    packet = getattr(node.op, "overloadpacket", None)
    own = node.op in recurrent.RULES or node.op is recurrent.reversed_steps
    return own or (packet is not None and packet.__name__ in _SMOOTH)
