"""Are states after a huge change those of the model, wherever rounding does not decide?"""

import pytest
import torch
from torch import nn

from radhard.replay.recurrent.recurrent_cell import RecurrentCell
from radhard.replay.recurrent.trajectory import golden_trajectory
from radhard.replay.recurrent.weight_changes import WeightChanges, faulty_states

SAMPLES, STEPS, UNITS = 40, 6, 4
LAYERS = {"lstm": nn.LSTM, "gru": nn.GRU}


def steep_layer(kind, seed):
    """A layer and inputs so large that states cancel, in two units whose gates are wide open."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        layer = LAYERS[kind](3, UNITS, batch_first=True).requires_grad_(False)
        inputs = 30 * torch.randn(SAMPLES, STEPS, 3)
    layer.bias_ih_l0[:2] = 30
    return layer, inputs


@pytest.mark.parametrize(("kind", "seed"), [("lstm", 0), ("lstm", 25), ("gru", 25)])
def test_states_after_a_huge_change_are_the_models_unless_they_are_left_to_it(kind, seed):
    layer, inputs = steep_layer(kind, seed)
    weights = [parameter.detach() for parameter in layer.parameters()]
    recurrent = weights[1]
    places = [(row, unit) for row in range(len(recurrent)) for unit in range(UNITS)]
    with torch.inference_mode():
        path = golden_trajectory(kind, inputs, *weights, False)
        changes = WeightChanges(
            path,
            1,
            torch.tensor([path.cell.column(1, row) for row, _ in places]),
            torch.tensor([unit for _, unit in places]),
            torch.full((len(places),), 1e37),
        )
        owner = torch.arange(len(places)).repeat_interleave(SAMPLES)
        samples = torch.arange(SAMPLES).repeat(len(places))
        found = faulty_states(changes, owner, samples, path.outputs(last=False), last=False)
        expected = []
        for place in places:
            kept = recurrent[place].clone()
            recurrent[place] += 1e37
            expected.append(layer(inputs)[0])
            recurrent[place] = kept
    differ = (found.values - torch.cat(expected)).abs().amax(dim=(1, 2)) > 0.02
    assert not (differ & ~found.rounded).any()
    assert 0 < found.rounded.sum() < len(owner) / 5


@pytest.mark.parametrize("kind", ["lstm", "gru"])
def test_no_state_is_rounded_by_more_than_its_bound(kind):
    cell, chance = RecurrentCell(kind, UNITS), torch.Generator().manual_seed(0)
    rows, eps = 200, torch.finfo(torch.float32).eps
    state, memory = torch.zeros(2, rows, UNITS)
    exact, remembered = torch.zeros(2, rows, UNITS, dtype=torch.float64)
    kept, shown = torch.zeros(rows * UNITS), 0.0
    for _ in range(12):
        sums = 20 * torch.randn(rows, 4 * UNITS, generator=chance)
        # Nothing is forgotten in half of the rows, so that all rounding adds up.
        keep = 1 if kind == "lstm" else 2
        sums[: rows // 2, keep * UNITS : (keep + 1) * UNITS] = 100
        gates, before = sums.clone(), memory.clone()
        cell.advance(gates, state, memory)
        cell.advance(sums.double(), exact, remembered)
        own = gates.view(rows, 4, UNITS).unbind(1)
        error = cell.rounding([gate.flatten() for gate in own], before.flatten(), kept)
        kept = error.kept
        # The last rounding of a state is relative to it.
        allowed = error.state.view_as(state) + eps * state.abs()
        assert ((state - exact).abs() <= allowed).all()
        if kind == "lstm":
            assert ((memory - remembered).abs() <= kept.view_as(memory)).all()
        shown = max(shown, float(((state - exact).abs() / allowed).max()))
    # A bound that were large in any case would mean that too many rows are executed.
    assert shown > 0.05


def test_states_of_rows_are_the_same_alone_and_among_rows_that_begin_alike():
    layer, inputs = steep_layer("lstm", 3)
    with torch.inference_mode():
        weights = [parameter.detach().double() for parameter in layer.parameters()]
        # Samples in nested groups that begin alike, in no order, some of them alike to the end.
        inputs = (inputs / 30).double()
        for step in range(STEPS):
            alike = torch.arange(SAMPLES) % (2 * step + 1)
            inputs[:, step] = inputs[alike, step]
        path = golden_trajectory("lstm", inputs, *weights, False)
        assert not path.apart
        golden = path.outputs(last=False)
        columns, sources = torch.arange(5), torch.arange(5) % UNITS
        changes = WeightChanges(path, 1, columns, sources, torch.full((5,), 2.0).double())
        owner = torch.arange(5).repeat_interleave(SAMPLES)
        samples = torch.arange(SAMPLES).repeat(5)
        some = torch.rand(len(owner), generator=torch.Generator().manual_seed(0)) < 0.4
        owner, samples = owner[some], samples[some]
        together = faulty_states(changes, owner, samples, golden, last=False).values
        for row in range(len(owner)):
            alone = faulty_states(
                changes.of(owner[row : row + 1]),
                torch.zeros(1, dtype=torch.int64),
                samples[row : row + 1],
                golden,
                last=False,
            )
            torch.testing.assert_close(together[row : row + 1], alone.values)


@pytest.mark.parametrize("kind", ["lstm", "gru"])
@pytest.mark.parametrize("side", [0, 1, None])
def test_rows_are_golden_to_the_last_bit_until_their_change_shows(kind, side):
    layer, inputs = steep_layer(kind, 0)
    with torch.inference_mode():
        weights = [parameter.detach() for parameter in layer.parameters()]
        # Some samples begin alike, so that they share their first steps.
        inputs[1::2, :3] = inputs[::2, :3]
        path = golden_trajectory(kind, inputs, *weights, False)
        golden, rows = path.outputs(last=False), torch.arange(3 * UNITS)
        columns = torch.tensor([path.cell.column(side or 0, row) for row in rows.tolist()])
        by = torch.logspace(-12, 0, len(rows)).float()
        sources = None if side is None else rows % 3
        changes = WeightChanges(path, side or 0, columns, sources, by)
        owner, samples = rows.repeat_interleave(SAMPLES), torch.arange(SAMPLES).repeat(len(rows))
        firsts = changes.first_steps(owner, samples)
        found = faulty_states(changes, owner, samples, golden, last=False).values
    before = torch.arange(STEPS) < firsts[:, None]
    assert torch.equal(found[before], golden[samples][before])
    assert len(firsts.unique()) > 3
    # Whatever is added is there: it shows where it is large.
    large = (firsts < STEPS) & (by[owner] > 0.1)
    differ = (found != golden[samples]).flatten(1).any(dim=1)
    assert differ[large].float().mean() > 0.5
