"""Does exported attention give what torch's own gives, with a row for each sample?"""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from radhard.datasets import Data
from radhard.evaluation import evaluating
from radhard.forward import plain
from radhard.replay.graph import graph_of
from radhard.replay.propagation import rows_are_independent
from radhard.tree import tree_leaves

TOKENS, SIZE, HEADS = 5, 8, 2


class Called(nn.Module):
    """Multi-head attention of a sequence to itself, or to a second one, called with options."""

    def __init__(self, *, other: bool = False, **options: Any) -> None:
        super().__init__()
        torch.manual_seed(0)
        sizes = {"kdim": 6, "vdim": 6} if options.pop("sizes", False) else {}
        self.options = {
            name: options.pop(name)
            for name in ("need_weights", "average_attn_weights", "attn_mask", "is_causal")
            if name in options
        }
        self.padded, self.other = options.pop("padded", False), other
        self.attention = nn.MultiheadAttention(SIZE, HEADS, batch_first=True, **sizes, **options)
        self.narrow = nn.Linear(SIZE, 6) if sizes else nn.Identity()
        self.eval()

    def forward(self, x: Tensor) -> Tensor:
        padding = x[..., 0] > 1 if self.padded else None
        y = self.narrow(x[:, 1:].tanh()) if self.other else x
        padding = padding[:, 1:] if self.padded and self.other else padding
        output, weights = self.attention(x, y, y, key_padding_mask=padding, **self.options)
        found = output.flatten(1)
        return found if weights is None else torch.cat([found, weights.flatten(1)], 1)


UPPER = torch.ones(TOKENS, TOKENS, dtype=torch.bool).triu(1)

CASES: dict[str, dict[str, Any]] = {
    "with weights": {},
    "without weights": {"need_weights": False},
    "weights of each head": {"average_attn_weights": False},
    "a mask of truth values": {"attn_mask": UPPER, "need_weights": False},
    "a mask of numbers": {"attn_mask": UPPER * -2.0},
    "a causal mask": {"attn_mask": UPPER, "is_causal": True, "need_weights": False},
    "a causal mask with weights": {"attn_mask": UPPER, "is_causal": True},
    "padding": {"padded": True, "need_weights": False},
    "padding and a mask": {"padded": True, "attn_mask": UPPER.T, "is_causal": False},
    "another sequence": {"other": True, "need_weights": False},
    "another sequence of another size": {"other": True, "sizes": True, "padded": True},
    "no bias": {"bias": False},
    "a learned key": {"add_bias_kv": True},
    "a key of zeros": {"add_zero_attn": True, "need_weights": False},
    "both, and a mask": {"add_bias_kv": True, "add_zero_attn": True, "attn_mask": UPPER},
    "both, and padding": {"add_bias_kv": True, "add_zero_attn": True, "padded": True},
    "a learned key and a causal mask": {
        "add_bias_kv": True,
        "attn_mask": UPPER,
        "is_causal": True,
        "need_weights": False,
    },
}


def inputs() -> Tensor:
    x = torch.randn(6, TOKENS, SIZE, generator=torch.Generator().manual_seed(1))
    x[:, :, 0] = x[:, :, 0].clamp(max=3)
    x[:, 1, 0] = 0.5  # a key that is no padding, in each sample
    return x


@pytest.mark.parametrize("case", CASES)
def test_outputs_are_those_of_the_model_and_rows_are_independent(case):
    model, x = Called(**CASES[case]), inputs()
    with evaluating(model), torch.no_grad():
        graph = graph_of(model, plain, Data(x))
        golden = model(x)
        found = graph.values(tree_leaves(x))[graph.output]
    # NaN where a query sees no key.
    assert torch.allclose(found, golden, rtol=1e-5, atol=1e-6, equal_nan=True)
    assert graph.source == "a recorded pass"
    layers = [node.slot for node in graph.nodes if node.op is torch.ops.aten.linear.default]
    behind = graph.downstream(layers)
    assert len(behind) > 8
    assert rows_are_independent(graph, behind)


def test_an_exchange_of_axes_that_is_not_undone_stays():
    class Exchanged(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc = nn.Linear(TOKENS, 3)

        def forward(self, x: Tensor) -> Tensor:
            y = x.transpose(1, 2)
            return (
                self.fc(y).sum(1) + y.transpose(2, 1).sum((1, 2))[:, None] + y.mean((1, 2))[:, None]
            )

    model, x = Exchanged().eval(), inputs()
    with torch.no_grad():
        graph = graph_of(model, plain, Data(x))
        found = graph.values(tree_leaves(x))[graph.output]
        assert torch.allclose(found, model(x), rtol=1e-5, atol=1e-6)
    exchanges = [node for node in graph.nodes if node.op is torch.ops.aten.transpose.int]
    assert len(exchanges) == 1
