"""Is the additional memory that of the paper?"""

import pytest

from radhard.analyses.criticality import SelectiveMemory, hamming_bits, selective_memory
from radhard.errors import InputError
from radhard.formats import Float16, Float32, Hamming, Int

# Traiola et al. (DATE 2023), table III, in percent: width, check bits of all words, of the
# critical words, signature, gain. The columns of the second half are those of ResNet-18.
TABLE = [
    (32, 18.75, 9.926, 3.125, 30.396),
    (32, 18.75, 0.740, 3.125, 79.384),
    (16, 31.25, 0.383, 6.250, 78.773),
    (8, 50.00, 0.583, 12.500, 73.835),
    (32, 18.75, 13.488, 3.125, 11.398),
    (32, 18.75, 1.671, 3.125, 74.422),
    (16, 31.25, 2.668, 6.250, 71.462),
    (8, 50.00, 2.476, 12.500, 70.049),
]


@pytest.mark.parametrize(("bits", "whole", "critical", "signature", "gain"), TABLE)
def test_gains_of_the_paper_follow_from_its_shares(bits, whole, critical, signature, gain):
    found = selective_memory(bits, share=critical / whole)
    assert 100 * found.every_word == whole
    assert 100 * found.critical_words == pytest.approx(critical)
    assert 100 * found.signature == signature
    # The paper rounds its shares to three digits, and the gain follows from unrounded ones.
    least, most = (
        100 * SelectiveMemory(whole, critical + rounded, signature).gain
        for rounded in (0.0005, -0.0005)
    )
    assert least - 0.0005 <= gain <= most + 0.0005
    assert 100 * found.gain == pytest.approx(gain, abs=0.0035)


def test_savings_of_the_paper_are_79_percent_at_most_and_61_on_average():
    gains = [SelectiveMemory(*row[1:4]).gain for row in TABLE]
    assert 100 * max(gains) == pytest.approx(79.38, abs=0.01)
    assert 100 * sum(gains) / len(gains) == pytest.approx(61.22, abs=0.01)


@pytest.mark.parametrize("bits", range(1, 65))
def test_code_has_a_syndrome_for_every_bit_and_for_none_and_no_check_bit_too_many(bits):
    check = hamming_bits(bits)
    assert 2**check >= bits + check + 1
    assert 2 ** (check - 1) < bits + check


@pytest.mark.parametrize("format", [Int(8), Float16(), Float32()], ids=repr)
def test_check_bits_are_those_of_the_format(format):
    assert hamming_bits(format.bits) == Hamming(format).bits - format.bits


def test_protection_of_nothing_still_takes_the_signature():
    assert selective_memory(32, 0.0).gain == pytest.approx(1 - 1 / 6)
    assert selective_memory(32, 1.0).gain < 0
    with pytest.raises(InputError, match="share"):
        selective_memory(32, 1.5)
    with pytest.raises(InputError, match="at least 1"):
        hamming_bits(0)
