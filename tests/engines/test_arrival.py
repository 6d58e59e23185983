"""Does every fault arrive, and is one that does not named?"""

import copy

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations, parametrize

from radhard.campaign import run
from radhard.engines import Replay, Serial
from radhard.errors import InputError
from radhard.faults import BitFlip
from radhard.formats import Float32
from radhard.injection import inject
from radhard.notes import Note
from radhard.samplers import Exhaustive
from radhard.space import Fault, FaultSpace
from radhard.targets import Activations, Weights


def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 3)).eval(), torch.randn(8, 6)


def half(model, inputs):
    """A pass in bfloat16, with casts of its own."""
    with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16):
        return model(inputs).float()


def shares(model, inputs, space):
    """The critical share of every fault in a bit, from a fresh copy each."""
    golden, found = half(model, inputs).argmax(1), []
    for number in range(len(space)):
        twin, fault = copy.deepcopy(model), space[number]
        twin.get_parameter(fault.tensor).data.view(-1).view(torch.int32)[fault.word] ^= 1 << 30
        out = half(twin, inputs)
        found.append(float(((out.argmax(1) != golden) & ~out.isnan().any(1)).double().mean()))
    return found


@pytest.mark.parametrize("engine", [Serial(), Replay()])
def test_casts_of_an_open_autocast_hide_nothing(engine):
    model, inputs = network()
    space = FaultSpace.of(model, Weights("*"), BitFlip(bits=30), Float32())
    expected = shares(model, inputs, space)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        with torch.no_grad():
            model(inputs)  # from here on there are casts
        results = run(
            model, inputs, space, Exhaustive(), call=lambda m, x: m(x).float(), engine=engine,
            audit=0, progress=False,
        )  # fmt: skip
        assert torch.is_autocast_cache_enabled()
    order = results.to_frame()["fault"].tolist()
    assert results.values("critical").tolist() == pytest.approx([expected[n] for n in order])
    assert max(expected) > 0


def test_no_cast_with_a_fault_in_it_is_kept():
    model, inputs = network()
    space = FaultSpace.of(model, Weights("*"), BitFlip(bits=30), Float32())
    with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16):
        golden = model(inputs)
        with inject(model, space, Fault("2.weight", 3, 0)):
            assert not torch.equal(model(inputs), golden)
        assert torch.equal(model(inputs), golden)


def test_cached_parametrisations_hide_nothing():
    torch.manual_seed(0)
    model = nn.Sequential(parametrizations.weight_norm(nn.Linear(4, 3))).eval()
    inputs = torch.randn(5, 4)
    space = FaultSpace.of(model, Weights("*original1"), BitFlip(bits=30), Float32())
    with torch.no_grad(), parametrize.cached():
        golden = model(inputs)
        with inject(model, space, 0):
            assert not torch.equal(model(inputs), golden)
        assert torch.equal(model(inputs), golden)


class Copied(nn.Module):
    """Computes from a copy of its weight that it makes in its first pass."""

    def __init__(self):
        super().__init__()
        self.a, self.copy = nn.Linear(4, 3), None

    def forward(self, x):
        if self.copy is None:
            self.copy = self.a.weight.detach().half().float()
        return x @ self.copy.T + self.a.bias


def test_copy_that_was_made_before_is_refused_by_name():
    model, inputs = Copied().eval(), torch.randn(5, 4)
    space = FaultSpace.of(model, Weights("*"), BitFlip(bits=30), Float32())
    # Made in every pass anew where the model comes without one, so that faults arrive.
    results = run(model, inputs, space, Exhaustive(), progress=False)
    assert results.values("masked").mean() < 0.5
    assert model.copy is None
    with torch.no_grad():
        model(inputs)
    with pytest.raises(InputError, match=r"'a\.weight'.*'copy'"):
        run(model, inputs, space, Exhaustive(), progress=False)


class Unused(nn.Module):
    """Has a layer that it never calls."""

    def __init__(self):
        super().__init__()
        self.a, self.spare = nn.Linear(4, 3), nn.Linear(4, 3)

    def forward(self, x):
        return self.a(x)


def test_weights_that_are_not_read_are_named():
    model, inputs = Unused().eval(), torch.randn(5, 4)
    space = FaultSpace.of(model, Weights("*"), BitFlip(bits=30), Float32())
    results = run(model, inputs, space, Exhaustive(), progress=False)
    assert Note("unread", {"tensors": ["spare.weight"], "of": 2}) in results.notes
    alone = FaultSpace.of(model, Weights("spare"), BitFlip(bits=30), Float32())
    with pytest.raises(InputError, match=r"spare\.weight"):
        run(model, inputs, alone, Exhaustive(), progress=False)


def test_activation_that_is_never_computed_is_an_error():
    class Sometimes(Unused):
        def forward(self, x):
            return self.a(x) + (self.spare(x) if self.on else 0)

    model, inputs = Sometimes().eval(), torch.randn(5, 4)
    model.on = True
    space = FaultSpace.of(model, Activations("spare"), BitFlip(), Float32(), data=inputs)
    model.on = False
    with pytest.raises(InputError, match="spare"), inject(model, space, 0), torch.no_grad():
        model(inputs)


def test_fused_layers_compute_what_is_faulty_inside_of_them():
    torch.manual_seed(0)
    layer = nn.TransformerEncoderLayer(6, 2, 8, batch_first=True).eval()
    inputs = torch.randn(3, 5, 6)
    space = FaultSpace.of(
        layer, Activations("linear1"), BitFlip(bits=30), Float32(), data=inputs,
        call=lambda m, x: m(x).flatten(1),
    )  # fmt: skip
    with torch.no_grad():
        golden = layer(inputs)
        with inject(layer, space, 0):
            assert not torch.equal(layer(inputs)[0], golden[0])
    assert torch.backends.mha.get_fastpath_enabled()


def test_a_trained_faulty_word_is_a_warning_and_the_others_keep_their_step():
    torch.manual_seed(0)
    model, inputs = nn.Linear(4, 3), torch.randn(5, 4)
    space = FaultSpace.of(model, Weights("*"), BitFlip(bits=20), Float32())
    before = model.weight.detach().clone()
    with pytest.warns(match="'weight'"), inject(model, space, 2):  # noqa: PT031
        model(inputs).square().mean().backward()
        torch.optim.SGD(model.parameters(), 0.1).step()
    moved = (model.weight.detach() - before).flatten()
    assert moved[2] == 0
    assert bool((moved[[n for n in range(12) if n != 2]] != 0).all())
