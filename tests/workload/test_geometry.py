"""Are samples told apart only where they can be?"""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from radhard.datasets import Data
from radhard.errors import InputError
from radhard.faults import BitFlip
from radhard.formats import Float32
from radhard.forward import Forward, plain
from radhard.injection import inject
from radhard.space import Fault, FaultSpace
from radhard.targets import Activations, Inputs, Target
from radhard.workload import Workload

SEQUENCE = torch.randn(3, 4, 2, generator=torch.Generator().manual_seed(1))


class Does(nn.Module):
    """A module of one function."""

    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        return self.function(x)


def chain(*functions: Callable[[Tensor], Tensor]) -> nn.Module:
    return nn.Sequential(*map(Does, functions))


def of(model: nn.Module, x: Tensor = SEQUENCE, call: Forward = plain) -> Workload:
    return Workload(model, Data(x), call)


def side_by_side(x: Tensor) -> Tensor:
    return x.flatten(0, 1) * 2


def taking_turns(x: Tensor) -> Tensor:
    return x.transpose(0, 1).flatten(0, 1) * 2


def test_rows_of_a_sample_that_lie_side_by_side_belong_to_it():
    model = chain(side_by_side, lambda x: x.reshape(-1, 4, 2))
    space = FaultSpace.of(model, Activations("0"), BitFlip(), Float32(), data=(SEQUENCE, None))
    (site,) = space.sites
    assert (site.shape, site.samples, site.axis) == ((4, 2), 3, 0)
    golden = model(SEQUENCE)
    with inject(model, space, Fault("0", 2 * 8 + 1 * 2 + 1, 31)):
        faulty = model(SEQUENCE)
    assert (faulty != golden).nonzero().tolist() == [[2, 1, 1]]


def test_samples_that_take_turns_are_refused_and_only_where_they_are_asked_for():
    model = chain(taking_turns, lambda x: x.reshape(4, -1, 2).transpose(0, 1) + 1)
    with pytest.raises(InputError, match=r"'0': samples take turns on axis 0 .* leave it out"):
        Activations("*").sites(of(model))
    assert [site.name for site in Activations("1").sites(of(model))] == ["1"]


def test_a_packed_sequence_is_refused():
    class Packing(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.rnn = nn.GRU(2, 2, batch_first=True)

        def forward(self, x: Tensor) -> Tensor:
            lengths = torch.full((len(x),), 4)
            packed = nn.utils.rnn.pack_padded_sequence(x, lengths, batch_first=True)
            return self.rnn(packed)[1][0]

    with pytest.raises(InputError, match=r"'rnn:0\.0': samples take turns"):
        Activations("rnn").sites(of(Packing()))
    (site,) = Activations("rnn:1").sites(of(Packing()))
    assert (site.shape, site.axis) == ((1, 2), 1)


@pytest.mark.parametrize(
    "function",
    [
        lambda x: x.new_zeros(len(x) + 1) + x.sum(),
        lambda x: x.flatten(1) @ x.flatten(1).t(),
    ],
)
def test_a_value_without_an_axis_of_samples_is_refused_by_name(function):
    model = chain(lambda x: x * 2, function)
    with pytest.raises(InputError, match=r"'1': no axis of its shape .* counts the samples"):
        Activations("*").sites(of(model))


def test_a_value_that_all_samples_share_is_faulty_for_all():
    class Shared(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.scale = Does(lambda x: x.new_ones(2) * 3)

        def forward(self, x: Tensor) -> Tensor:
            return x * self.scale(x)

    model = Shared()
    space = FaultSpace.of(
        model, Activations("scale"), BitFlip(31), Float32(), data=(SEQUENCE, None)
    )
    assert (space.sites[0].samples, space.sites[0].axis, len(space)) == (None, None, 2)
    with inject(model, space, 1):
        assert torch.equal(model(SEQUENCE), SEQUENCE * torch.tensor([3.0, -3.0]))


def test_a_way_that_depends_on_the_sample_is_refused():
    class Branching(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.one, self.other = nn.ReLU(), nn.Tanh()

        def forward(self, x: Tensor) -> Tensor:
            return self.one(x) if x[-1, 0, 0] > 0 else self.other(x)

    x = torch.tensor([1.0, -1.0])[:, None, None].expand(2, 4, 2)
    with pytest.raises(InputError, match="always takes the same way"):
        Activations("*").sites(of(Branching(), x))


@pytest.mark.parametrize("target", [Activations("*"), Inputs("*")], ids=repr)
def test_flowing_values_need_data(target: Target):
    with pytest.raises(InputError, match=r"give the data \(data=\.\.\.\)"):
        target.sites(Workload(nn.Linear(2, 2)))


def test_whole_numbers_are_no_place_for_faults():
    model = chain(lambda x: x.argmax(-1))
    with pytest.raises(InputError, match="no floating-point activation"):
        Activations("*").sites(of(model))


def test_a_forward_pass_in_inference_mode_is_looked_at_too():
    def call(model: nn.Module, x: Tensor) -> Tensor:
        with torch.inference_mode():
            return model(x)

    model = nn.Sequential(nn.Linear(2, 2), nn.Flatten(), nn.Linear(8, 2))
    names = [site.name for site in Activations("*").sites(of(model, call=call))]
    assert names == ["0", "2"]


def test_one_sample_alone_is_enough():
    (site,) = Activations("0").sites(of(chain(taking_turns), SEQUENCE[:1]))
    assert (site.shape, site.samples) == ((4, 2), 1)
