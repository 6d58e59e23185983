"""Does the campaign on a real network say what is known about it?"""

from functools import cache

import pytest

from radhard.campaign import run
from radhard.datasets import mnist
from radhard.faults import BitFlip
from radhard.formats import Fixed, Float32, Format, stored_as
from radhard.models import load
from radhard.results import Results
from radhard.samplers import PerBit
from radhard.space import FaultSpace
from radhard.targets import Weights

SAMPLES = 25


@cache
def results(format: Format, n: int) -> Results:
    """Flips of every bit position of every weight tensor of the trained LeNet-5."""
    model = stored_as(load("lenet5"), format)
    space = FaultSpace.of(model, Weights("*"), BitFlip(), format)
    return run(model, mnist(n=SAMPLES), space, PerBit(n), seed=1, progress=False)


def float32() -> Results:
    return results(Float32(), 8)


def fixed() -> Results:
    return results(Fixed(1, 15), 25)


def test_bit_30_is_the_most_harmful_of_float32():
    rates = float32().rate(by="bit")
    assert max(rates, key=lambda bit: rates[bit].value) == "30"
    others = max(rates[bit].value for bit in rates if bit != "30")
    assert rates["30"].value > 0.1
    assert rates["30"].low > others  # not by chance


def test_flips_of_the_mantissa_are_near_harmless():
    mantissa = float32().rate(by="field")["mantissa"]
    assert mantissa.value < 0.001
    assert mantissa.high < 0.02
    assert float32().rate(by="field")["exponent"].value > 10 * mantissa.value


def test_same_network_in_fixed_point_never_breaks_down():
    assert fixed().rate("due").value == 0
    assert fixed().values("masked").min() >= 0
    frame = fixed().to_frame()
    parts = [f"Outcome().{name}" for name in ("masked", "noncritical", "critical", "due")]
    assert frame[parts].sum(axis=1).tolist() == pytest.approx([1.0] * len(frame))


def test_harm_falls_from_the_high_bits_to_the_low_ones_in_fixed_point():
    rates = fixed().rate(by="bit")
    assert set(rates) == {str(bit) for bit in range(17)}

    def harm(bits):
        return sum(rates[str(bit)].value for bit in bits) / len(bits)

    assert harm([15, 16]) > 2 * harm([13, 14]) > 2 * harm([10, 11, 12]) >= 2 * harm(range(10))
    assert harm(range(10)) < 0.001


def test_sign_and_integer_bits_matter_most_in_fixed_point():
    bits = fixed().rate(by="bit")
    assert set(sorted(bits, key=lambda bit: bits[bit].value)[-2:]) == {"15", "16"}
    fields = fixed().rate(by="field")
    assert [fixed().space.formats[0].field(bit) for bit in (14, 15, 16)] == list(fields)
    assert min(fields["sign"].value, fields["integer"].value) > 10 * fields["fraction"].value
