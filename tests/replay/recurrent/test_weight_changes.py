"""Are states after a huge change those of the model, wherever rounding does not decide?"""

import pytest
import torch
from torch import nn

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
