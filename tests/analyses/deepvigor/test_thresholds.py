"""By how much must a neuron deviate until the class changes: is it what a pencil says?"""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from radhard.analyses.classifier_workload import classifier_workload
from radhard.analyses.deepvigor.last_layer import thresholds_of_logits
from radhard.analyses.deepvigor.losses import loss, saturated
from radhard.analyses.deepvigor.probes import Probes
from radhard.analyses.deepvigor.thresholds import Search, Thresholds, changed, searched
from radhard.datasets import Data
from radhard.forward import plain
from radhard.vulnerability_ranges import golden_margin
from tests.analyses.deepvigor.hand import Branching, data, of_three_neurons

FINE = Search(1e4, 5e5, 1e-5, None, 0.98, False)


def found(
    model: nn.Module, samples: Data, layer: str, neurons: int, sign: int, search: Search = FINE
) -> Thresholds:
    with classifier_workload(
        "test", model.eval(), samples, call=plain, batch=100, seed=0, progress=False
    ) as workload:
        return searched(Probes(workload), layer, torch.arange(neurons), sign, search)


UPWARDS = [
    [math.inf, math.inf, 2.5],  # h0 + 2 against 3.5, for the input of class 1
    [1.75, 3.25, math.inf],  # 2 (d - x) + 1.5 against x + 2
    [math.inf, math.inf, 1.5],  # 2 + d against 3.5
]
DOWNWARDS = [
    [math.inf, math.inf, math.inf],  # 2 is more than 1.5 whatever h0
    [math.inf, math.inf, 0.75],  # 2 (1 - d) + 1.5 against 2
    [1.5, math.inf, math.inf],  # x + 2 - d against 1.5, d no more than 2
]


@pytest.mark.parametrize("bisection", [False, True])
@pytest.mark.parametrize("way", [lambda model: model, Branching], ids=["graph", "hooks"])
@pytest.mark.parametrize(("sign", "exact"), [(1, UPWARDS), (-1, DOWNWARDS)])
def test_thresholds_of_three_neurons_are_those_of_a_pencil(
    sign: int, exact: list[list[float]], way: type[nn.Module], bisection: bool
) -> None:
    search = Search(1e4, 5e5, 1e-5, None, 0.98, bisection)
    model = way(of_three_neurons())
    layer = "inner.0" if isinstance(model, Branching) else "0"
    ends = found(model, data(), layer, 3, sign, search)
    wanted = torch.tensor(exact, dtype=torch.float64)
    assert torch.equal(ends.unsafe.isinf(), wanted.isinf())
    torch.testing.assert_close(ends.middle(), wanted, atol=1e-5, rtol=0)
    finite = wanted.isfinite()
    assert (ends.safe[finite] <= wanted[finite] + 1e-6).all()
    assert (ends.unsafe[finite] >= wanted[finite] - 1e-6).all()
    assert (ends.unsafe - ends.safe)[finite].max() <= 1e-5
    # Deaf only downwards, where the ReLU is shut: the two inputs of -x, and x for the third.
    deaf = torch.tensor([[0, 0, 1], [1, 1, 0], [0, 0, 0]]) == 1
    assert torch.equal(ends.safe.isinf(), deaf if sign < 0 else torch.zeros_like(deaf))


def test_both_ways_to_search_find_the_same_brackets_but_one_needs_fewer_passes() -> None:
    model, samples = of_three_neurons(), data()
    passes = []
    for bisection in (False, True):
        with classifier_workload(
            "test", model.eval(), samples, call=plain, batch=100, seed=0, progress=False
        ) as workload:
            probes = Probes(workload)
            before = workload.samples
            search = Search(1e4, 5e5, 0.05, None, 0.98, bisection)
            searched(probes, "0", torch.arange(3), 1, search)
            passes.append(workload.samples - before)
    assert passes[0] < 0.6 * passes[1]


class Deaf(nn.Module):
    """One neuron; class 1 answers once it exceeds class 0's lead, and what is below ``deaf``."""

    def __init__(self, lead: float, deaf: float) -> None:
        super().__init__()
        self.fc = nn.Linear(1, 1)
        self.lead, self.deaf = lead, deaf
        with torch.no_grad():
            self.fc.weight.fill_(1.0)
            self.fc.bias.fill_(0.0)

    def forward(self, x: Tensor) -> Tensor:
        heard = (self.fc(x) - self.deaf).relu()
        return torch.cat([torch.full_like(heard, self.lead), heard], dim=1)


@pytest.mark.parametrize("form", ["per_class", "summed"])
@pytest.mark.parametrize(("lead", "deaf"), [(100_000.0, 0.0), (1.0, 20_000.0)])
def test_a_gradient_of_nought_that_is_no_proof_leaves_nothing_out(
    lead: float, deaf: float, form: str
) -> None:
    """Saturated by a lead of 100,000, or deaf at epsilon: the gradient is exactly 0 at 10,000."""
    model, samples = Deaf(lead, deaf), Data(torch.zeros(4, 1))
    with classifier_workload(
        "test", model, samples, call=plain, batch=4, seed=0, progress=False
    ) as workload:
        at = torch.zeros(1, dtype=torch.int64)
        slope = Probes(workload).slopes("fc", at, at, torch.tensor([1e4]), form)
        assert slope.tolist() == [0.0]
    ends = found(model, samples, "fc", 1, 1, Search(1e4, 5e5, 0.05, form, 0.98, False))
    assert (ends.skipped, ends.refuted) == (0, 1)
    assert (ends.safe <= lead + deaf).all()
    assert (ends.unsafe >= lead + deaf).all()
    assert (ends.unsafe - ends.safe).max() <= 0.05


@pytest.mark.parametrize("form", ["per_class", "summed", None])
def test_a_neuron_that_nothing_hears_is_left_out_only_where_the_gradient_says_so(
    form: str | None,
) -> None:
    model = Deaf(1.0, 0.0)
    down = found(
        model, Data(torch.zeros(4, 1)), "fc", 1, -1, Search(1e4, 5e5, 0.05, form, 0.98, False)
    )
    assert down.safe.isinf().all()
    assert down.unsafe.isinf().all()
    assert down.skipped == (form is not None)
    assert down.refuted == 0


def test_what_gets_through_at_the_bound_is_tried_at_the_largest_number_too() -> None:
    """A class that is only lost in an overflow: 1e30 * 1e38 is no number of float32."""

    class Overflowing(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc = nn.Linear(1, 1)

        def forward(self, x: Tensor) -> Tensor:
            h = self.fc(x) * 1e30
            return torch.cat([h.relu() + 1, h - h], dim=1)

    ends = found(Overflowing(), Data(torch.zeros(1, 1)), "fc", 1, 1)
    assert ends.safe.item() == 5e5
    assert ends.unsafe.item() == pytest.approx(0.99 * torch.finfo(torch.float32).max)


NUMBER = st.floats(-50, 50, width=32)


@settings(deadline=None)
@given(st.lists(NUMBER, min_size=2, max_size=5), st.sampled_from([1, -1]))
def test_logits_change_the_class_between_the_two_ends_and_nowhere_else(
    row: list[float], sign: int
) -> None:
    logits = torch.tensor([row])
    golden, neurons = logits.argmax(1), torch.arange(len(row))
    ends = thresholds_of_logits(logits, golden, neurons, sign)
    for neuron in range(len(row)):
        safe, unsafe = ends.safe[neuron, 0].item(), ends.unsafe[neuron, 0].item()
        for size, moves in ((safe, False), (unsafe, True)):
            off = logits.clone()
            off[0, neuron] += sign * (1e30 if math.isinf(size) else size)
            # At an end that is 0 there is no deviation at all.
            assert bool(off.argmax(1) != golden) == (moves and not math.isinf(size))


@given(st.lists(st.floats(-1e3, 1e3, width=32), min_size=2, max_size=6), st.data())
def test_the_sign_of_the_margin_is_whether_the_class_changed(
    row: list[float], rng: st.DataObject
) -> None:
    logits = torch.tensor([row])
    golden = torch.tensor([rng.draw(st.integers(0, len(row) - 1))])
    assert changed(golden_margin(logits, golden)).item() == bool(logits.argmax(1) != golden)


@given(st.lists(st.floats(-200, 200, width=32), min_size=2, max_size=5), st.data())
def test_a_saturated_loss_has_no_gradient(row: list[float], rng: st.DataObject) -> None:
    golden = torch.tensor([rng.draw(st.integers(0, len(row) - 1))])
    for form in ("per_class", "summed"):
        logits = torch.tensor([row], requires_grad=True)
        (slope,) = torch.autograd.grad(loss(logits, golden, form).sum(), logits)
        assert saturated(logits.detach(), golden, form).item() == (not slope.any())
