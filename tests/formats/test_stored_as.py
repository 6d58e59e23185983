"""Does a stored model hold values of the format, and nothing but them?"""

import copy

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from radhard.errors import InputError
from radhard.faults import BitFlip
from radhard.formats import (
    E8M0,
    BFloat16,
    CheckWord,
    Fixed,
    Float16,
    Float32,
    Float64,
    Int,
    MiniFloat,
    SecDed,
    is_stored_as,
    stored_as,
)
from radhard.formats.plain.scaled import Scaled
from radhard.space import FaultSpace
from radhard.targets import Weights
from tests.conformance.examples import FORMATS

UNSUITED = {E8M0(): "has no sign", Fixed(0, 31, code="sign_magnitude"): "wider dtype"}
"""Formats that a float32 model of signed weights cannot be stored in, and the reason."""

every_format = pytest.mark.parametrize(
    "format", [format for format in FORMATS if format not in UNSUITED], ids=repr
)


class Tied(nn.Module):
    """Every kind of tensor that a module can hold."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.norm, self.last = nn.Linear(4, 4), nn.BatchNorm1d(4), nn.Linear(4, 4)
        self.last.weight = self.first.weight
        self.norm.running_mean.uniform_(-0.7, 0.7)
        self.register_buffer("index", torch.tensor([1000]))
        self.register_buffer("twin", self.norm.running_mean)


def tensors(model: nn.Module) -> dict[str, torch.Tensor]:
    return {name: x.clone() for name, x in model.state_dict().items()}


def same(one: nn.Module, other: nn.Module) -> bool:
    a, b = one.state_dict(), other.state_dict()
    return a.keys() == b.keys() and all(
        a[k].dtype == b[k].dtype and torch.equal(a[k], b[k]) for k in a
    )


@every_format
def test_every_tensor_is_rounded_through_the_format_and_the_given_model_is_untouched(format):
    torch.manual_seed(0)
    model = Tied()
    before = copy.deepcopy(model)
    stored = stored_as(model, format)
    assert same(model, before)
    for name, x in model.state_dict().items():
        y = stored.state_dict()[name]
        assert y.dtype == x.dtype
        if x.is_floating_point():
            fitted = format.fit(x)
            assert torch.equal(y, fitted.decode(fitted.encode(x)).to(x.dtype))
            assert is_stored_as(y, format)
        else:
            assert torch.equal(x, y)


@every_format
@settings(max_examples=8)
@given(seed=st.integers(0, 2**31), dtype=st.sampled_from([torch.float64, torch.float32]))
def test_storing_a_model_twice_changes_nothing_more(format, seed, dtype):
    torch.manual_seed(seed)
    once = stored_as(nn.Sequential(nn.Linear(3, 5), nn.LayerNorm(5)).to(dtype), format)
    assert same(once, stored_as(once, format))


@pytest.mark.parametrize(("format", "reason"), UNSUITED.items(), ids=repr)
def test_a_model_with_values_that_a_format_lacks_is_refused(format, reason):
    with pytest.raises(InputError, match=reason):
        stored_as(Tied(), format)


def test_tied_tensors_stay_tied_and_frozen_ones_frozen():
    model = Tied().requires_grad_(False)
    stored = stored_as(model, BFloat16())
    assert stored.last.weight is stored.first.weight
    assert stored.twin is stored.norm.running_mean
    assert stored.first.weight is not model.first.weight
    assert not any(p.requires_grad for p in stored.parameters())
    assert all(p.requires_grad for p in stored_as(Tied(), BFloat16()).parameters())


@pytest.mark.parametrize("format", [Int(8), Fixed(2, 8), BFloat16(), Float32()], ids=repr)
def test_half_precision_models_keep_their_dtype(format):
    stored = stored_as(nn.Linear(8, 8).half(), format)
    assert stored.weight.dtype == torch.float16
    assert is_stored_as(stored.weight, format)


def test_models_made_in_inference_mode_are_stored():
    with torch.inference_mode():
        model = nn.Linear(4, 4)
    assert is_stored_as(stored_as(model, BFloat16()).weight, BFloat16())


@every_format
def test_a_tensor_with_nan_is_named_where_the_format_has_no_nan(format):
    model = Tied()
    with torch.no_grad():
        model.norm.weight[2] = torch.nan
    floats = isinstance(format, MiniFloat) and not format.ieee
    if floats or isinstance(format, Fixed | Scaled):
        with pytest.raises(InputError, match=r"'norm\.weight'.*NaN"):
            stored_as(model, format)
    else:
        assert stored_as(model, format).norm.weight.isnan().tolist() == [False, False, True, False]


def test_a_value_that_would_become_infinite_is_refused_by_name():
    model = nn.Linear(2, 2)
    nn.init.constant_(model.bias, 1e6)
    with pytest.raises(InputError, match=r"'bias'.*1e\+06 is beyond what Float16"):
        stored_as(model, Float16())


def test_a_dtype_that_cannot_hold_the_values_is_refused_by_name():
    model = nn.Linear(2, 2).half()
    nn.init.constant_(model.bias, 1.0)  # saturates at 1 - 2**-15, for which float16 is too coarse
    with pytest.raises(InputError, match=r"'bias'.*float16 cannot hold.*model\.double"):
        stored_as(model, Fixed(0, 15))


def test_tensors_that_share_memory_and_spoil_each_other_are_refused():
    model = nn.Module()
    whole = torch.tensor([100.0, 50.0, 21.0, 13.0])
    model.register_buffer("part", whole[1:])
    model.register_buffer("whole", whole)
    with pytest.raises(InputError, match="'part'"):
        stored_as(model, Int(8))


def test_complex_tensors_are_refused_by_name():
    model = nn.Linear(2, 2)
    model.register_buffer("phase", torch.ones(2, dtype=torch.complex64))
    with pytest.raises(InputError, match=r"'phase'.*complex64"):
        stored_as(model, Float32())


@given(xs=st.lists(st.floats(width=32), min_size=1))
def test_a_narrow_value_is_stored_in_every_wider_format(xs):
    x = torch.tensor(xs)
    assert is_stored_as(x, Float32())
    assert is_stored_as(x, Float64())
    assert is_stored_as(x, BFloat16()) == bool(((x.bfloat16().float() == x) | x.isnan()).all())


def test_one_value_off_by_one_last_place_is_noticed():
    x = BFloat16().decode(BFloat16().encode(torch.linspace(-3, 3, 100))).float()
    assert is_stored_as(x, BFloat16())
    x[50] = torch.nextafter(x[50], torch.tensor(9.0))
    assert not is_stored_as(x, BFloat16())


def test_a_scale_rounded_by_another_tool_still_counts_as_stored():
    scale = torch.tensor(0.0123)
    steps = torch.arange(-127, 128)
    assert is_stored_as(steps * scale, Int(8))
    assert not is_stored_as(steps * scale, Int(7))
    assert not is_stored_as(torch.randn(100, generator=torch.Generator().manual_seed(0)), Int(8))


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16])
@pytest.mark.parametrize(("places", "stored"), [(4, True), (5, False)])
def test_a_value_beside_its_step_may_be_off_by_four_last_places(dtype, places, stored):
    x = torch.tensor([127.0, 64.0, -3.0], dtype=dtype)  # steps of 1
    x[1] += places * 64 * torch.finfo(dtype).eps
    assert is_stored_as(x, Int(8)) == stored


@pytest.mark.parametrize("magnitude", [2.0**-1000, 2.0**-200, 2.0**200, 2.0**1000])
def test_last_places_of_very_large_and_small_numbers_are_their_own(magnitude):
    x = torch.tensor([127.0, 64.0, -3.0], dtype=torch.float64) * magnitude
    x[1] += 4 * 64 * torch.finfo(torch.float64).eps * magnitude
    assert is_stored_as(x, Int(8))
    x[1] += 64 * torch.finfo(torch.float64).eps * magnitude
    assert not is_stored_as(x, Int(8))
    x[1] = 64.4 * magnitude
    assert not is_stored_as(x, Int(8))


@pytest.mark.parametrize("format", [Float32(), Float16(), BFloat16()], ids=repr)
def test_a_tensor_of_the_dtype_of_a_format_is_stored_in_it(format):
    x = torch.tensor([0.1, -0.0, torch.inf, torch.nan], dtype=format.dtype)
    assert is_stored_as(x, format)
    assert torch.equal(format.decode(format.encode(x)).view(format.word), x.view(format.word))


def test_what_a_format_has_no_word_for_is_not_stored():
    assert not is_stored_as(torch.tensor([torch.nan]), Fixed(1, 15))
    assert not is_stored_as(torch.tensor([torch.inf]), Int(8))
    assert is_stored_as(torch.empty(0), Int(8))


@pytest.mark.parametrize("format", [CheckWord(8), SecDed(CheckWord(8), block=8)], ids=repr)
def test_check_bits_are_no_values_of_a_model(format):
    with pytest.raises(InputError, match=r"'weight': CheckWord\(8\) is the format of check bits"):
        stored_as(nn.Linear(2, 2), format)
    with pytest.raises(InputError, match=r"CheckWord\(8\) is the format of check bits"):
        FaultSpace.of(nn.Linear(2, 2), Weights("*"), BitFlip(), format)
