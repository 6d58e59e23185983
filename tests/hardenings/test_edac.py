"""Are errors detected and corrected case by case as published?"""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from radhard.analyses import MaxValue
from radhard.campaign import run
from radhard.datasets import Data
from radhard.errors import InputError
from radhard.faults import BitFlip
from radhard.formats import Float32
from radhard.hardenings import ChannelDuplication, Triplication
from radhard.hardenings.redundancy.copies import Copies, described
from radhard.hardenings.redundancy.edac import Edac, corrected
from radhard.hardenings.redundancy.voter import voted
from radhard.injection import inject
from radhard.metrics import Critical
from radhard.samplers import Exhaustive
from radhard.space import FaultSpace
from radhard.targets import Activations, Buffers, Weights
from radhard.workload import Workload

pytestmark = pytest.mark.filterwarnings("ignore:.*too few samples")

values = st.one_of(
    st.floats(-10, 10, width=32), st.sampled_from([math.nan, math.inf, -math.inf, 0.0, -3.0, 5.0])
)


def by_hand(a: float, b: float, low: float, high: float, magnitude: bool) -> float:
    inside = [low <= x <= high for x in (a, b)]
    if all(inside):
        return min(a, b, key=abs) if magnitude else min(a, b)
    return a if inside[0] else b if inside[1] else 0.0


@given(values, values, st.booleans())
def test_every_case_is_what_the_table_says(a, b, magnitude):
    low, high = torch.tensor(-3.0), torch.tensor(5.0)
    compare = "magnitude" if magnitude else "signed"
    found = corrected(torch.tensor([a]), torch.tensor([b]), low, high, compare)
    expected = by_hand(a, b, -3.0, 5.0, magnitude)
    assert abs(found.item()) == abs(expected) if magnitude else found.item() == expected


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        (1.0, 2.0, 1.0),  # A
        (-9.0, 2.0, 2.0),  # B
        (2.0, 9.0, 2.0),  # C
        (9.0, -9.0, 0.0),  # D
        (math.nan, 4.0, 4.0),
        (4.0, math.inf, 4.0),
        (math.nan, -math.inf, 0.0),
    ],
)
def test_cases_by_name(a, b, expected):
    limits = torch.tensor(-3.0), torch.tensor(5.0)
    assert corrected(torch.tensor(a), torch.tensor(b), *limits).item() == expected


@pytest.mark.parametrize(
    ("a", "b", "expected"), [(1.0, 2.0, 1.0), (math.nan, 2.0, 2.0), (math.inf, math.nan, 0.0)]
)
def test_without_intervals_only_what_is_not_finite_is_out(a, b, expected):
    assert corrected(torch.tensor(a), torch.tensor(b), None, None).item() == expected


@given(values, values, values)
def test_the_majority_wins_and_a_three_way_tie_goes_to_the_least(a, b, c):
    found = voted(*(torch.tensor([x]) for x in (a, b, c))).item()
    if any(a == other for other in (b, c)):  # "in" would take one NaN for equal to itself
        assert found == a
    elif b == c:
        assert found == b
    else:
        finite = [x for x in (a, b, c) if math.isfinite(x)]
        assert found == (min(finite) if finite else 0.0)


def layer_and_data(layer: nn.Module, *shape: int) -> tuple[nn.Module, Data]:
    """A layer between others, such that it does not give the logits."""
    torch.manual_seed(1)
    for parameter in layer.parameters():
        nn.init.normal_(parameter)
    width = layer(torch.zeros(1, *shape)).numel()
    model = nn.Sequential(layer, nn.ReLU(), nn.Flatten(), nn.Linear(width, 3)).eval()
    return model, Data(torch.randn(8, *shape))


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (nn.Conv1d(4, 6, 3, padding=1), (4, 9)),
        (nn.Conv2d(4, 6, 3, stride=2, padding="valid"), (4, 7, 7)),
        (nn.Conv2d(4, 8, 3, groups=2, dilation=2), (4, 7, 7)),
        (nn.Conv2d(4, 4, 3, padding=1, groups=4, bias=False), (4, 5, 5)),
        (nn.Conv2d(4, 12, 3, padding=1, groups=4, padding_mode="reflect"), (4, 5, 5)),
        (nn.Conv3d(2, 4, 2), (2, 3, 3, 3)),
        (nn.Linear(4, 6), (4,)),
        (nn.Linear(4, 6), (5, 4)),
    ],
    ids=repr,
)
def test_copies_compute_what_their_originals_do(layer, shape):
    model, data = layer_and_data(layer, *shape)
    hard = ChannelDuplication(share=0.5)(model, data, MaxValue()(model, data))
    edac = hard[0].edac
    with torch.no_grad():
        whole, copies = model[0](data.inputs), edac.copies(data.inputs)
    axis = -1 if isinstance(layer, nn.Linear) else 1
    torch.testing.assert_close(copies, whole.index_select(axis, edac.rows))
    with torch.no_grad():
        torch.testing.assert_close(hard(data.inputs), model(data.inputs), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("layer", [nn.Conv2d(2, 4, 3), nn.Linear(3, 4)], ids=repr)
def test_looking_first_gives_what_writing_always_does(layer):
    shape = (2, 5, 5) if isinstance(layer, nn.Conv2d) else (3,)
    model, data = layer_and_data(layer, *shape)
    edac = ChannelDuplication(share=0.5)(model, data, MaxValue()(model, data))[0].edac
    with torch.no_grad():
        output = model[0](data.inputs)
        for spoil in (None, math.nan, math.inf, 1e9):
            spoiled = output.clone()
            if spoil is not None:
                spoiled.view(-1)[::7] = spoil
            quick = edac.after((data.inputs,), spoiled.clone())
            slow = edac._corrected(spoiled, edac.copies(data.inputs))
            torch.testing.assert_close(quick, slow)
            assert quick.isfinite().all()


@pytest.mark.filterwarnings("ignore:`torch.jit.trace:DeprecationWarning")
@pytest.mark.parametrize("hardening", [ChannelDuplication(share=1.0), Triplication()], ids=repr)
def test_a_program_recorded_without_faults_contains_the_correction(hardening):
    model, data = layer_and_data(nn.Linear(3, 4), 3)
    hard = hardening(model, data)
    program = torch.jit.trace(hard, data.inputs)
    for faulty in (hard, program):
        dict(faulty.named_parameters())["0.weight"].data[1, 2] = 1e9
    with torch.no_grad():
        torch.testing.assert_close(program(data.inputs), hard(data.inputs))
        torch.testing.assert_close(program(data.inputs), model(data.inputs), rtol=0.1, atol=10)


@pytest.mark.parametrize(
    "layer", [nn.Linear(4, 6), nn.Conv2d(4, 8, 3, groups=2), nn.Conv1d(4, 8, 3)], ids=repr
)
def test_copies_take_no_memory_on_the_meta_device(layer):
    channels = (1, 5)
    with torch.device("meta"):
        part = Edac(
            "", layer=described(layer), channels=channels, mode="interval", compare="signed"
        )
    assert part.copies is not None
    tensors = [*part.state_dict().values(), part.rows, part.copies.picked]
    assert all(tensor.is_meta for tensor in tensors if tensor is not None)
    copies = Copies(described(layer), channels)
    assert not any(tensor.is_meta for tensor in copies.state_dict().values())
    if copies.picked is not None:
        assert copies.picked.tolist() == [0, 1, 2, 3]


def test_a_kernel_without_elements_is_refused():
    layer = {**described(nn.Conv1d(4, 8, 3, groups=2)), "kernel": (0,)}
    with pytest.raises(InputError, match="kernel"):
        Copies(layer, (0,))


def tiny() -> tuple[nn.Module, Data, nn.Module]:
    torch.manual_seed(2)
    model = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2)).eval()
    data = Data(torch.randn(12, 3))
    return model, data, ChannelDuplication(share=1.0)(model, data)


def test_a_weight_fault_that_leaves_the_interval_is_always_corrected():
    model, data, hard = tiny()
    space = FaultSpace.of(model, Weights("0.weight"), BitFlip(), Float32())
    edac = hard[0].edac
    tried = 0
    with torch.no_grad():
        golden = hard(data.inputs)
        for fault in range(len(space)):
            with inject(hard, space, fault):
                raw = nn.functional.linear(data.inputs, hard[0].weight, hard[0].bias)
                inside = (raw >= edac.low) & (raw <= edac.high)
                healthy = (raw == model[0](data.inputs)).all(1) | ~inside.all(1)
                if not bool((~inside).any()):
                    continue
                tried += 1
                torch.testing.assert_close(hard(data.inputs)[healthy], golden[healthy])
    assert tried > 20


def test_duplication_takes_nearly_all_harm_from_faults_that_leave_the_interval():
    model, data, hard = tiny()
    space = FaultSpace.of(model, Weights("*"), BitFlip(bits=(30,)), Float32())
    rates = [
        run(m, data, space, Exhaustive(), metrics=[Critical()], audit=0).rate().value
        for m in (model, hard)
    ]
    assert rates[0] > 0.01
    assert rates[1] < 0.1 * rates[0]


# The vote is of values; one bit of every kind stands for those beside it.
@pytest.mark.parametrize(
    "bits", [(0, 22, 23, 29, 30, 31), pytest.param(None, marks=pytest.mark.slow)]
)
def test_triplication_outvotes_every_single_fault_of_a_copy(bits):
    model, data, _ = tiny()
    hard = Triplication()(model, data)
    names = [s.name for s in Weights("*").sites(Workload(hard))]
    assert any("second" in name for name in names)
    space = FaultSpace.of(hard, Weights("*"), BitFlip(bits=bits), Float32())
    results = run(hard, data, space, Exhaustive(), metrics=[Critical()], audit=0)
    assert results.rate().value == 0


def test_faults_in_activations_arrive_before_the_correction():
    _, data, hard = tiny()
    space = FaultSpace.of(hard, Activations("0"), BitFlip(bits=(30,)), Float32(), data=data)
    with torch.no_grad():
        golden = hard(data.inputs)
        for fault in range(0, len(space), 5):
            with inject(hard, space, fault) as open_:
                found = hard(data.inputs)
                assert open_.reached
            assert found.isfinite().all()
            assert (found.argmax(1) == golden.argmax(1)).float().mean() > 0.8


def test_intervals_and_copies_are_faulty_where_they_are_the_target():
    _, data, hard = tiny()
    low = FaultSpace.of(hard, Buffers("0.edac.low"), BitFlip(bits=(30,)), Float32())
    copies = FaultSpace.of(hard, Weights("0.edac.*"), BitFlip(bits=(31,)), Float32())
    with torch.no_grad():
        golden = hard(data.inputs)
        changed = []
        for space in (low, copies):
            for fault in range(len(space)):
                with inject(hard, space, fault):
                    changed.append(not torch.equal(hard(data.inputs), golden))
    assert any(changed[: len(low)])
    assert any(changed[len(low) :])


def test_parameters_grow_by_the_share_and_the_last_layer():
    torch.manual_seed(1)
    model = nn.Sequential(nn.Linear(10, 40), nn.ReLU(), nn.Linear(40, 5)).eval()
    data = Data(torch.randn(6, 10))
    hard = ChannelDuplication(share=0.25)(model, data, MaxValue()(model, data))
    count = [sum(p.numel() for p in m.parameters()) for m in (model, hard)]
    assert count[1] - count[0] == 10 * 11 + 5 * 41
    assert len(hard[2].edac.channels) == 5


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ChannelDuplication(share=1.5), "share=1.5"),
        (lambda: ChannelDuplication(share=0.0, edac="min"), "protects nothing"),
        (lambda: ChannelDuplication(margin=-1.0), "a number from 0"),
        (lambda: Triplication(share=0.0), "above 0"),
        (
            lambda: ChannelDuplication()(
                nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 2)), torch.ones(2, 3)
            ),
            "scores",
        ),
        (lambda: ChannelDuplication(share=0.0)(nn.Softmax(1), torch.ones(2, 3)), "Conv2d"),
    ],
)
def test_what_cannot_be_is_said(make, message):
    with pytest.raises(InputError, match=message):
        make()


def test_scores_that_leave_a_layer_out_or_have_another_size_are_refused():
    model, data, _ = tiny()
    scores = MaxValue()(model, data)
    part = type(scores)("Mine()", "channel", {"2": np.ones(2)})
    with pytest.raises(InputError, match=r"no scores by .* for '0'"):
        ChannelDuplication(share=0.5)(model, data, part)
    wrong = type(scores)("Mine()", "channel", {"0": np.ones(3), "2": np.ones(2)})
    with pytest.raises(InputError, match="3 scores"):
        ChannelDuplication(share=0.5)(model, data, wrong)


@pytest.mark.parametrize(
    ("value", "believed"), [(5.0, True), (12.0, True), (-10.0, True), (14.0, False), (1e30, False)]
)
def test_two_copies_that_agree_are_believed_up_to_a_width_beyond_their_interval(value, believed):
    layer = nn.Linear(1, 2, bias=False)
    with torch.no_grad():
        layer.weight.fill_(1.0)
    part = Edac("test", layer=described(layer), channels=(0,), mode="interval", compare="signed")
    part.copies.fill(layer.weight, None, (0,))
    part.low.fill_(-3.0)
    part.high.fill_(5.0)
    with torch.no_grad():
        given = torch.tensor([[value]])
        twice, once = part.after((given,), layer(given))[0].tolist()
        # A faulty copy is not believed: there the value in the interval counts, or none.
        faulty = layer(given) + torch.tensor([[50.0, 0.0]])
        mended = part.after((given,), faulty)[0, 0].item()
    inside = -3 <= value <= 5
    assert twice == (given.item() if believed else 0.0)
    assert once == (given.item() if inside else 0.0)
    assert mended == (given.item() if inside else 0.0)


def test_a_profile_of_few_samples_does_no_harm_where_all_is_computed_twice():
    generator = torch.Generator().manual_seed(1)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(2)
        model = nn.Sequential(nn.Linear(6, 30), nn.ReLU(), nn.Linear(30, 5)).eval()
    hard = ChannelDuplication(share=1.0)(model, torch.randn(12, 6, generator=generator))
    unseen = torch.randn(1000, 6, generator=generator)
    with torch.no_grad():
        changed = (hard(unseen).argmax(1) != model(unseen).argmax(1)).double().mean()
    assert changed < 0.01
