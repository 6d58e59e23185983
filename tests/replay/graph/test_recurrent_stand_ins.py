"""Is a graph the same whether its recurrent layers were taken apart on the way to it or not?"""

import threading
from contextlib import nullcontext
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from radhard.forward import plain
from radhard.replay.graph import NoGraphError, exported_graph
from radhard.replay.graph import export_graph as graphs
from radhard.replay.graph.recurrent_stand_ins import STAND_INS, RecurrentStandIns

KINDS: list[Any] = [nn.LSTM, nn.GRU]


@pytest.fixture(scope="module", autouse=True)
def one_export() -> None:
    """Here every graph is made anew."""


class Series(nn.Module):
    """A recurrent layer of which all results are used, an LSTM's memory too."""

    def __init__(self, kind: Any, options: dict[str, Any]) -> None:
        super().__init__()
        self.rnn = kind(3, 4, **options)

    def forward(self, x: Tensor) -> Tensor:
        first = self.rnn.batch_first
        sequence, states = self.rnn(x if first else x.transpose(0, 1))
        ends = states if isinstance(states, tuple) else (states,)
        sequence = sequence if first else sequence.transpose(0, 1)
        parts = [sequence.mean(1), *(end.transpose(0, 1).flatten(1) for end in ends)]
        return torch.cat(parts, dim=1)


class Packed(nn.Module):
    """Series of different lengths."""

    def __init__(self, kind: Any) -> None:
        super().__init__()
        self.rnn = kind(3, 4, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        lengths = torch.tensor([6, 4, 2])
        packed = nn.utils.rnn.pack_padded_sequence(x, lengths, batch_first=True)
        states = self.rnn(packed)[1]
        return (states[0] if isinstance(states, tuple) else states)[-1]


def series(seed: int = 0) -> Tensor:
    return torch.randn(3, 6, 3, generator=torch.Generator().manual_seed(seed))


def shapes(exported: torch.export.ExportedProgram) -> list[str]:
    values = [node.meta.get("val") for node in exported.graph.nodes]
    tensors = [value for value in values if isinstance(value, Tensor)]
    return [f"{one.dtype} {tuple(one.shape)} {one.stride()}" for one in tensors]


def both_ways(model: nn.Module, x: Tensor) -> list[tuple[Any, list[str]]]:
    """The graph and all shapes, with layers in one piece and without."""
    found = []
    converted, mode = graphs._converted, graphs.RecurrentStandIns
    for instead in (mode, nullcontext):
        with pytest.MonkeyPatch.context() as patch:
            seen: list[list[str]] = []

            def noted(exported: torch.export.ExportedProgram, seen: list[list[str]] = seen) -> Any:
                seen.append(shapes(exported))
                return converted(exported)

            patch.setattr(graphs, "RecurrentStandIns", instead)
            patch.setattr(graphs, "_converted", noted)
            with torch.no_grad():
                found.append((exported_graph(model, plain, x), seen[0]))
    return found


WAYS = (
    {"batch_first": True},
    {"num_layers": 2, "bias": False},
    {"bidirectional": True, "batch_first": True, "num_layers": 2, "dropout": 0.5},
    {"bidirectional": True},
)


@pytest.mark.filterwarnings("ignore:LSTM with projections")
@pytest.mark.parametrize(
    ("kind", "options"),
    [
        # Every kind and every way, in turn.
        *((KINDS[at % len(KINDS)], options) for at, options in enumerate(WAYS)),
        (nn.LSTM, {"proj_size": 2, "batch_first": True}),
    ],
    ids=lambda given: given.__name__ if isinstance(given, type) else "-".join(given),
)
def test_the_graph_is_what_it_would_be_with_layers_taken_apart(kind, options):
    model, x = Series(kind, options).eval(), series()
    (mine, my_shapes), (other, other_shapes) = both_ways(model, x)
    assert mine.nodes == other.nodes
    assert my_shapes == other_shapes
    assert mine.by_sample == other.by_sample
    assert (mine.inputs, mine.output, mine.tensors) == (other.inputs, other.output, other.tensors)
    assert any(node.op in STAND_INS.values() for node in mine.nodes)
    with torch.inference_mode():
        torch.testing.assert_close(mine.values([x])[mine.output], model(x))


@settings(max_examples=15, deadline=None)
@given(
    kind=st.sampled_from(KINDS),
    layers=st.integers(1, 2),
    both=st.booleans(),
    first=st.booleans(),
    bias=st.booleans(),
    seed=st.integers(0, 1000),
)
def test_a_layer_in_one_piece_gives_what_torch_gives_to_the_last_bit(
    kind, layers, both, first, bias, seed
):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        options = {"num_layers": layers, "bidirectional": both, "bias": bias}
        model, x = kind(3, 4, batch_first=first, **options).eval(), series(seed)
    with torch.no_grad():
        expected = model(x)
        with RecurrentStandIns():
            found = model(x)
    for mine, other in zip(_tensors(found), _tensors(expected), strict=True):
        assert torch.equal(mine, other)


def _tensors(value: Any) -> list[Tensor]:
    return [value] if isinstance(value, Tensor) else [t for part in value for t in _tensors(part)]


class Watched(torch.overrides.TorchFunctionMode):
    """Notes which of torch's recurrent operations are still called."""

    def __init__(self) -> None:
        super().__init__()
        self.called: list[Any] = []

    def __torch_function__(self, func, types, args=(), kwargs=None):
        if func in (torch.lstm, torch.gru):
            self.called.append(func)
        return func(*args, **(kwargs or {}))


def runs_in_bfloat16(kind) -> bool:
    """Whether torch has this layer in bfloat16 on this processor."""
    model = Series(kind, {"batch_first": True}).eval()
    try:
        with torch.autocast("cpu", torch.bfloat16), torch.no_grad():
            model(series())
    except RuntimeError:
        return False
    return True


@pytest.mark.parametrize("kind", KINDS)
def test_packed_series_training_and_autocast_stay_what_they_are(kind):
    x = series()
    cases = [
        (Packed(kind).eval(), nullcontext()),
        (Series(kind, {"batch_first": True}).train(), nullcontext()),
        (Series(kind, {"batch_first": True}).eval(), torch.autocast("cpu", torch.bfloat16)),
    ]
    # Which layers torch has in bfloat16 depends on the processor; where it has none it says so, and
    # the call was left to torch all the same.
    refused = pytest.raises(RuntimeError)
    ends = [nullcontext(), nullcontext(), nullcontext() if runs_in_bfloat16(kind) else refused]
    for (model, context), end in zip(cases, ends, strict=True):
        with Watched() as watched, RecurrentStandIns(), context, torch.no_grad(), end:
            model(x)
        assert watched.called
    with Watched() as watched, RecurrentStandIns(), torch.no_grad():
        cases[-1][0](x)
    assert not watched.called


def modes() -> int:
    """How many of the modes in question this thread is in."""
    stack = torch.overrides._get_current_function_mode_stack()
    return sum(isinstance(mode, RecurrentStandIns) for mode in stack)


def test_after_a_trace_torch_is_as_it_was_also_in_other_threads():
    model, x = Series(nn.LSTM, {"batch_first": True}).eval(), series()
    seen: list[int] = []

    class Looking(Series):
        def forward(self, given: Tensor) -> Tensor:
            seen.append(modes())
            other = threading.Thread(target=lambda: seen.append(modes()))
            other.start()
            other.join()
            return super().forward(given)

    with torch.no_grad():
        exported_graph(Looking(nn.LSTM, {"batch_first": True}).eval(), plain, x)
        assert seen[:2] == [1, 0]
        assert modes() == 0
        with Watched() as watched:
            model(x)
    assert watched.called == [torch.lstm]


def test_a_failed_trace_leaves_nothing_behind():
    class Failing(Series):
        def forward(self, x: Tensor) -> Tensor:
            super().forward(x)
            raise ValueError("no more")

    with pytest.raises(NoGraphError, match="no more"):
        exported_graph(Failing(nn.GRU, {}).eval(), plain, series())
    assert modes() == 0
