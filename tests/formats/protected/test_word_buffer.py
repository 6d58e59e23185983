"""Are words of a few bits counted, and their bits flipped, as such?"""

import pytest
import torch
from torch import nn

from radhard.cost import cost
from radhard.errors import InputError
from radhard.faults import BitFlip
from radhard.formats import Float32
from radhard.formats.protected.check_word import CheckWord
from radhard.formats.protected.word_buffer import WordBuffer, word_buffers
from radhard.injection import inject
from radhard.manifest import fingerprint
from radhard.space import FaultSpace
from radhard.targets import Buffers
from radhard.workload import Workload


def model(bits: int = 7, count: int = 3) -> nn.Module:
    """A linear layer with words beside it, all of whose bits are 1."""
    net = nn.Linear(2, 2)
    net.register_buffer("mean", torch.zeros(2))
    net.register_buffer("index", torch.zeros(4, dtype=torch.int64))
    words = WordBuffer(count, bits)
    words.words.fill_((1 << bits) - 1 if bits < 64 else -1)
    net.add_module("check", words)
    return net.eval()


@pytest.mark.parametrize("bits", [1, 7, 8, 9, 31, 32, 54, 64])
def test_every_bit_of_every_word_is_flipped_and_restored(bits) -> None:
    net = model(bits)
    space = FaultSpace.of(net, Buffers("check*"), BitFlip(), CheckWord(bits))
    before = fingerprint(net)
    assert len(space) == 3 * bits
    for number in range(len(space)):
        with inject(net, space, number):
            word, bit = divmod(number, bits)
            expected = [(1 << bits) - 1] * 3
            expected[word] -= 1 << bit
            assert [x % 2**64 for x in net.check.words.tolist()] == expected
    assert fingerprint(net) == before


def test_bits_of_the_integers_that_hold_no_word_are_not_counted() -> None:
    net = model(7)
    values = 6 + 2
    assert cost(net, torch.zeros(1, 2)).bits == 32 * values + 64 * 4 + 7 * 3


def test_other_integers_are_left_out_and_words_are_not() -> None:
    target = Buffers("*")
    assert target.left_out(model()) == {"index": "int64"}
    names = [site.name for site in target.sites(Workload(model()))]
    assert names == ["mean", "check.words"]
    assert [name for name, _ in word_buffers(model())] == ["check.words"]


@pytest.mark.filterwarnings("ignore:.*left out")
def test_words_take_no_format_of_values() -> None:
    with pytest.raises(
        InputError, match=r"words of 7 bits.*'check': CheckWord\(7\), '\*': Float32"
    ):
        FaultSpace.of(model(), Buffers("*"), BitFlip(), Float32())
    formats = {"check": CheckWord(7), "*": Float32()}
    assert len(FaultSpace.of(model(), Buffers("*"), BitFlip(), formats)) == 7 * 3 + 32 * 2
