"""Are states after a huge change those of the model, wherever rounding does not decide?"""

import pytest
import torch
from torch import nn

from radhard.replay.recurrent import weight_changes
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
def test_no_rounding_exceeds_its_bound(kind):
    cell, chance = RecurrentCell(kind, UNITS), torch.Generator().manual_seed(0)
    rows, steps = 200, 12
    state = memory = torch.zeros(rows, UNITS)
    kept, units = torch.zeros(rows), torch.arange(rows) % UNITS
    for step in range(1, steps + 1):
        sums = 20 * torch.randn(rows, 4 * UNITS, generator=chance)
        sums[: rows // 2, UNITS : 2 * UNITS] = 100  # nothing is forgotten, so that all adds up
        before = memory
        state, memory = cell.step(sums, state, memory)
        error = cell.rounding(sums, before, kept, units)
        kept, bound = error.kept, cell.largest_rounding(step, torch.float32)
        assert (error.state <= bound * (1 + 1e-6)).all()
    # The bound is that of states which always add up, and not many times as large.
    assert kept.max() > bound / 10


@pytest.mark.parametrize("kind", ["lstm", "gru"])
@pytest.mark.parametrize("side", [0, 1, None])
def test_rows_that_differ_are_the_same_looked_at_one_by_one_or_all_together(
    kind, side, monkeypatch
):
    layer, inputs = steep_layer(kind, 0)
    with torch.inference_mode():
        weights = [parameter.detach() for parameter in layer.parameters()]
        # Some samples begin alike, so that they share their first steps.
        inputs[1::2, :3] = inputs[::2, :3]
        path = golden_trajectory(kind, inputs, *weights, False)
        rows = torch.arange(3 * UNITS)
        columns = torch.tensor([path.cell.column(side or 0, row) for row in rows.tolist()])
        by = torch.logspace(-12, 0, len(rows)).float()
        sources = None if side is None else rows % 3
        changes = WeightChanges(path, side or 0, columns, sources, by)
        owner, samples = rows.repeat_interleave(SAMPLES), torch.arange(SAMPLES).repeat(len(rows))
        found = []
        for pairs in (0, 10**9):
            monkeypatch.setattr(weight_changes, "_SPARSE", pairs)
            found.append(changes.reached(owner, samples))
    assert torch.equal(*found)
    assert 0 < found[0].sum() < len(owner)
