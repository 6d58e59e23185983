"""Are words of sign and magnitude those of exact arithmetic?"""

import math
from fractions import Fraction

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from radhard.analyses import QDeepVigor
from radhard.datasets import Data
from radhard.errors import InputError
from radhard.faults import BitFlip
from radhard.formats import FORMATS, Fixed, Int, is_stored_as, stored_as
from radhard.injection import inject
from radhard.quantization import quantized
from radhard.space import Fault, FaultSpace
from radhard.targets import Activations

fixed = st.tuples(st.integers(0, 31), st.integers(0, 31)).filter(lambda w: 1 <= sum(w) <= 31)


def word(steps: int, bits: int, *, negative: bool) -> int:
    """The word by its definition, with saturation at both ends."""
    return min(abs(steps), 2 ** (bits - 1) - 1) + (2 ** (bits - 1) if negative else 0)


@given(widths=fixed, x=st.floats(allow_nan=False))
def test_fixed_point_words_are_sign_and_magnitude(widths, x):
    format = Fixed(*widths, code="sign_magnitude")
    most = 2 ** (format.bits - 1) - 1
    steps = most if math.isinf(x) else round(abs(Fraction(x)) * 2 ** widths[1])
    codes = format.encode(torch.tensor([x], dtype=torch.float64))
    assert codes.tolist() == [word(steps, format.bits, negative=math.copysign(1, x) < 0)]
    value = Fraction(format.decode(codes).item())
    assert abs(value) == Fraction(min(steps, most), 2 ** widths[1])
    assert value == 0 or (value < 0) == (x < 0)


@pytest.mark.parametrize("format", [Fixed(2, 3, code="sign_magnitude"), Fixed(0, 15)], ids=repr)
def test_both_codes_agree_on_values_that_both_have(format):
    other = Fixed(
        format.integer,
        format.fraction,
        code="twos_complement" if format.code == "sign_magnitude" else "sign_magnitude",
    )
    x = format.decode(torch.arange(2**format.bits))
    inside = x.abs() < 2.0**format.integer
    assert torch.equal(other.decode(other.encode(x))[inside], x[inside])


@pytest.mark.parametrize("bits", range(2, 17))
def test_every_word_of_an_integer_is_read_back(bits):
    format = Int(bits, code="sign_magnitude").fit(torch.tensor([3.7]))
    codes = torch.arange(2**bits)
    values = format.decode(codes)
    half = 2 ** (bits - 1)
    assert torch.equal(values[half:], -values[:half])
    assert torch.equal(values[half:].signbit(), torch.ones(half, dtype=torch.bool))
    assert torch.equal(format.encode(values), codes)
    # The value of a positive word is that of two's complement.
    assert torch.equal(values[:half], Int(bits).fit(torch.tensor([3.7])).decode(codes[:half]))


def test_a_small_negative_number_becomes_negative_zero():
    x = torch.tensor([127.0, -0.25, 0.25, 0.0])
    format = Int(8, code="sign_magnitude").fit(x)
    assert format.encode(x).tolist() == [127, 128, 0, 0]
    assert math.copysign(1, format.decode(torch.tensor([128])).item()) == -1


def test_range_is_symmetric():
    ends = Fixed(1, 15, code="sign_magnitude")
    assert ends.decode(ends.encode(torch.tensor([-9.0, 9.0]))).tolist() == [
        -2 + 2.0**-15,
        2 - 2.0**-15,
    ]


def test_code_is_named_only_where_it_is_not_twos_complement():
    assert repr(Int(8, code="twos_complement")) == "Int(8)"
    assert repr(Fixed(15, 16)) == "Fixed(15, 16)"
    assert repr(Int(8, code="sign_magnitude")) == "Int(8, code='sign_magnitude')"
    assert FORMATS.parse("Fixed(1, 7, 'sign_magnitude')").code == "sign_magnitude"
    with pytest.raises(InputError, match="sign_magnitude"):
        FORMATS.parse("Int(8, code='ones_complement')")


@pytest.mark.parametrize(
    "format", [Int(8, code="sign_magnitude"), Fixed(1, 6, code="sign_magnitude")], ids=repr
)
def test_a_rounded_activation_is_faulty_in_its_own_word(format):
    torch.manual_seed(0)
    inputs = torch.randn(6, 3)
    model = quantized(nn.Sequential(nn.Linear(3, 4)), inputs, format).eval()
    with torch.no_grad():
        golden = model(inputs)
    # The range is that of the code: what lies beyond it is rounded to its symmetric ends.
    space = FaultSpace.of(model, Activations("0"), BitFlip(), format, data=inputs)
    fault = Fault("0", 5, format.bits - 1)
    with inject(model, space, fault), torch.no_grad():
        faulty = model(inputs)
    assert space.regions[0].site.shape == (4,)
    expected = golden.clone()
    expected.view(-1)[5] *= -1
    assert torch.equal(faulty, expected)


def test_activations_beyond_the_range_become_its_symmetric_ends():
    layer = nn.Linear(1, 1, bias=False)
    layer.weight.data.fill_(1.0)
    model = quantized(nn.Sequential(layer), torch.ones(1, 1), Fixed(0, 3, code="sign_magnitude"))
    with torch.no_grad():
        assert model(torch.tensor([[-5.0], [5.0]])).flatten().tolist() == [-0.875, 0.875]


def test_stored_as_is_idempotent_and_keeps_negative_zero():
    model = nn.Linear(3, 2)
    model.weight.data = torch.tensor([[1.0, -1e-9, -0.5], [0.0, 0.25, -0.0]])
    for format in (Int(8, code="sign_magnitude"), Fixed(1, 6, code="sign_magnitude")):
        stored = stored_as(model, format)
        assert is_stored_as(stored.weight, format)
        assert stored.weight[0, 1].signbit()
        assert torch.equal(stored_as(stored, format).weight, stored.weight)


def test_analysis_of_twos_complement_words_refuses_others():
    torch.manual_seed(0)
    inputs = torch.randn(6, 3)
    model = quantized(nn.Sequential(nn.Linear(3, 4)), inputs, Int(8, code="sign_magnitude"))
    with pytest.raises(InputError, match="two's complement"):
        QDeepVigor()(model, Data(inputs))
