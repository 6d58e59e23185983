"""Do bounds keep activations where they belong, and cost nothing else?"""

import math
import warnings

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from radhard import datasets, models
from radhard.datasets import Data
from radhard.errors import InputError
from radhard.faults import BitFlip
from radhard.formats import Float32
from radhard.hardenings import ActivationClip, BoundedReLU, Hardening, Ranger, bound_overhead
from radhard.hardenings.bounds.bound import Bound, kept
from radhard.hardenings.bounds.fast_check import within
from radhard.hardenings.bounds.functions import FUNCTIONS
from radhard.hardenings.bounds.roundoff import widened
from radhard.injection import inject
from radhard.space import FaultSpace
from radhard.targets import Activations, Buffers

pytestmark = pytest.mark.filterwarnings("ignore:.*too few samples")

values = st.one_of(
    st.floats(-10, 10, width=32), st.sampled_from([math.nan, math.inf, -math.inf, 0.0, -3.0, 5.0])
)
limits = st.sampled_from([-3.0, 0.0, 2.5, 5.0, math.nan, math.inf])


def tiny() -> tuple[nn.Sequential, Data]:
    torch.manual_seed(2)
    model = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 2))
    data = Data(torch.randn(12, 3))
    return model.eval(), data


@given(values, st.booleans())
def test_a_value_is_kept_zeroed_or_clamped_as_by_hand(value, clamps):
    found = kept(torch.tensor([value]), -3.0, torch.tensor(5.0), "clamp" if clamps else "zero")
    if -3 <= value <= 5:
        expected = value
    elif clamps:
        expected = 5.0 if value > 5 else -3.0
    else:
        expected = 0.0
    assert found.item() == torch.tensor(expected).item()


@given(st.lists(values, min_size=1, max_size=6), limits, limits, st.booleans())
def test_where_looking_finds_nothing_writing_changes_nothing(given_, low, high, clamps):
    tensor, top = torch.tensor(given_).reshape(-1, 1), torch.tensor(high)
    for bottom in (low, torch.tensor(low), torch.tensor([low])):
        for most in (top, top.reshape(1)):
            if within(tensor, bottom, most):
                mode = "clamp" if clamps else "zero"
                assert torch.equal(kept(tensor, bottom, most, mode), tensor)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf, 7.0, -1.0])
@pytest.mark.parametrize("shape", [(), (3,)])
@pytest.mark.parametrize("mode", ["zero", "clamp"])
@pytest.mark.parametrize("floor", [None, 0.0])
def test_a_bad_value_anywhere_is_seen_and_the_others_stay(bad, shape, mode, floor):
    bound = Bound("test", shape=shape, mode=mode, floor=floor)
    bound.high.fill_(5.0)
    for row in range(4):
        for column in range(3):
            output = torch.ones(4, 3)
            output[row, column] = bad
            found = bound.after((), output)
            expected = torch.ones(4, 3)
            expected[row, column] = 5.0 if mode == "clamp" and bad > 5 else 0.0
            assert torch.equal(found, expected)
            assert bound.before((output, "more"))[1] == "more"


def test_nothing_is_looked_up_where_it_could_not_be_answered():
    bound = Bound("test", shape=(), mode="zero", floor=0.0)
    bound.high.fill_(2.0)
    one_by_one = torch.vmap(lambda x: bound.after((), x))(torch.tensor([[1.0, 3.0], [2.0, -1.0]]))
    assert torch.equal(one_by_one, torch.tensor([[1.0, 0.0], [2.0, 0.0]]))
    assert bound.after((), torch.ones(0, 3)).shape == (0, 3)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        traced = torch.jit.trace(nn.Sequential(nn.Identity(), _After(bound)), torch.ones(2))
    assert torch.equal(traced(torch.tensor([1.0, 9.0])), torch.tensor([1.0, 0.0]))


class _After(nn.Module):
    def __init__(self, bound: Bound) -> None:
        super().__init__()
        self.bound = bound

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return self.bound.after((), inputs)


@pytest.mark.parametrize(
    "hardening", [Ranger(), Ranger(granularity="neuron"), BoundedReLU()], ids=repr
)
def test_a_fault_in_an_activation_arrives_before_its_bound(hardening: Hardening):
    model, data = tiny()
    hard = hardening(model, data)
    outside = 0
    for layer in ("0", "1"):
        space = FaultSpace.of(
            hard, Activations(layer), BitFlip(bits=(30, 31)), Float32(), data=data
        )
        with torch.no_grad():
            seen: list[torch.Tensor] = []
            hard[2].register_forward_pre_hook(lambda _, args, seen=seen: seen.append(args[0]))
            bound = next(iter(hard[1].children()))
            for fault in range(0, len(space), 3):
                with inject(hard, space, fault) as open_:
                    hard(data.inputs)
                    assert open_.reached
                    inner = model[1](model[0](data.inputs))
                    assert ((seen[-1] >= 0) & (seen[-1] <= bound.high)).all()
                    outside += not torch.equal(seen[-1], inner)
    assert outside > 20


def test_what_a_function_is_given_is_clamped_also_before_a_bounded_one():
    torch.manual_seed(4)
    model = nn.Sequential(nn.Linear(3, 4), nn.Sigmoid(), nn.Linear(4, 2), nn.Softmax(1)).eval()
    data = Data(torch.randn(12, 3))
    hard = ActivationClip()(model, data)
    seen = model[0](data.inputs)
    assert torch.equal(hard[1].clip.low, seen.min())
    assert torch.equal(hard[1].clip.high, seen.max())
    space = FaultSpace.of(hard, Activations("0"), BitFlip(bits=(30,)), Float32(), data=data)
    with torch.no_grad():
        for fault in range(0, len(space), 3):
            with inject(hard, space, fault):
                inner = hard[1](hard[0](data.inputs))
                assert (inner >= seen.min().sigmoid()).all()
                assert (inner <= seen.max().sigmoid()).all()
        hard[0].bias.fill_(math.nan)
        assert torch.equal(hard[1](hard[0](data.inputs)), seen.min().sigmoid().expand(12, 4))
        assert hard(data.inputs).isfinite().all()


def test_a_bound_is_faulty_where_it_is_the_target():
    model, data = tiny()
    hard = Ranger(granularity="neuron")(model, data)
    space = FaultSpace.of(hard, Buffers("1.ranger.high"), BitFlip(bits=(31,)), Float32())
    assert len(space) == 4
    with torch.no_grad():
        golden = hard(data.inputs)
        changed = []
        for fault in range(4):
            with inject(hard, space, fault):
                changed.append(not torch.equal(hard(data.inputs), golden))
        assert torch.equal(hard(data.inputs), golden)
    assert any(changed)


def test_behind_a_relu_a_bound_is_one_number_and_elsewhere_two():
    model = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 4), nn.GELU(), nn.Linear(4, 2))
    hard = Ranger()(model.eval(), torch.randn(8, 3))
    assert [name for name, _ in hard.named_buffers()] == [
        "1.ranger.high",
        "3.ranger.low",
        "3.ranger.high",
    ]
    # The dip of GELU below zero is within its range.
    assert hard[3].ranger.low < 0


@pytest.mark.parametrize("share", [0.25, 1.0])
def test_a_relu_with_a_ceiling_is_relu6_with_another_number(share):
    model, data = tiny()
    hard = BoundedReLU(share=share)(model, data)
    before = model[0](data.inputs).detach()
    expected = before.clamp(0, float(share * before.max()))
    torch.testing.assert_close(hard[1](hard[0](data.inputs)), expected)


def test_ranger_leaves_the_accuracy_of_unseen_digits_within_a_fifth_of_a_point():
    model = models.load("lenet5")
    seen = datasets.load("mnist", split="train", n=500)
    test = datasets.load("mnist", split="test", n=500)
    with torch.no_grad():
        right = [
            (m(test.inputs).argmax(1) == test.labels).double().mean()
            for m in (model, Ranger()(model, seen), Ranger(granularity="neuron")(model, seen))
        ]
    assert right[0] - right[1] <= 0.002
    assert right[0] - right[2] <= 0.002


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda function: function.__name__)
def test_every_function_known_can_be_bounded(function):
    # These would have to guess along which axis.
    axis = (1,) if function in (nn.Softmax, nn.Softmin, nn.LogSoftmax) else ()
    axis = (0.1, -1.0) if function is nn.Threshold else axis
    model = nn.Sequential(nn.Linear(4, 6), function(*axis), nn.Flatten())
    inputs = torch.randn(5, 2, 3, 4)
    hard = ActivationClip()(model.eval(), inputs)
    assert [type(child) for child in hard[1].children()] == [Bound]
    with torch.no_grad():
        assert torch.equal(hard(inputs), model(inputs))


class Shared(nn.Module):
    """One ReLU for values of two shapes."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.two, self.relu = nn.Linear(3, 5), nn.Linear(5, 2), nn.ReLU()

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return self.relu(self.two(self.relu(self.one(inputs))))


def test_a_module_that_is_called_twice_has_one_range_for_both_calls():
    torch.manual_seed(1)
    model, inputs = Shared().eval(), torch.randn(9, 3)
    hard = Ranger()(model, inputs)
    inner = model.one(inputs).relu()
    largest = torch.maximum(inner.max(), model.two(inner).relu().max())
    assert hard.relu.ranger.high == widened(largest)
    with pytest.raises(InputError, match="different shapes"):
        Ranger(granularity="neuron")(model, inputs)


class Broken(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.relu, self.fc = nn.ReLU(), nn.Linear(3, 2)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        self.relu(input=inputs / 0 * 0)
        return self.fc(self.relu(input=inputs))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: BoundedReLU(share=0.0), "share=0.0"),
        (lambda: BoundedReLU(share=2.0), "share=2.0"),
        (lambda: BoundedReLU()(nn.GELU(), torch.ones(2, 3)), "no rectifier"),
        (lambda: ActivationClip()(nn.Linear(3, 2), torch.ones(2, 3)), "Sigmoid"),
        (lambda: Ranger()(Broken(), torch.ones(2, 3)), "the value of 'relu' contains NaN"),
        (lambda: ActivationClip()(Broken(), torch.ones(2, 3)), "keyword arguments"),
    ],
)
def test_what_cannot_be_is_said(make, message):
    with pytest.raises(InputError, match=message):
        make()


@pytest.mark.parametrize(
    ("parameters", "layers", "neurons", "percent"),
    [
        (23.3e6, 7, 4096, "0.0176"),
        (14.71e6, 13, 2048, "0.0140"),
        (33.6e6, 15, 4096, "0.0122"),
        (24.5e6, 49, 32768, "0.134"),
        (14.71e6, 0, 276_480, "1.88"),
    ],
)
def test_overheads_are_those_of_the_published_table(parameters, layers, neurons, percent):
    share = 100 * bound_overhead(int(parameters), layers=layers, neurons=neurons)
    assert f"{share:.{len(percent) - 2}f}" == percent
