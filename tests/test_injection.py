"""Do exactly the faulty words change, and is everything put back whatever happens?"""

import dataclasses
import math
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from radhard.errors import RadhardWarning
from radhard.faults import BitFlip, FaultModel, StuckAt
from radhard.formats import BFloat16, Float16, Float32, Float64, Format, Int, stored_as
from radhard.injection import inject
from radhard.space import Fault, FaultSpace
from radhard.spec import component
from radhard.targets import Activations, Weights
from tests.traces import raw, traces
from tests.zoo import named

DEVICES = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]
FORMATS: dict[torch.dtype, Format] = {
    torch.float32: Float32(),
    torch.float16: Float16(),
    torch.bfloat16: BFloat16(),
    torch.float64: Float64(),
}


class Holder(nn.Module):
    """Holds one tensor."""

    def __init__(self, weight: Tensor, *, frozen: bool = False) -> None:
        super().__init__()
        self.weight = nn.Parameter(weight, requires_grad=not frozen)


@component
class Shift(FaultModel):
    """Shifts a word left and lets a bit in: which of two comes first matters."""

    def variants(self, format: Format) -> int:
        return 2

    def fault_bits(self, variant: int, format: Format) -> tuple[int, ...]:
        return tuple(range(format.bits))

    def corrupt(self, codes: Tensor, variants: Tensor, format: Format) -> Tensor:
        return (codes * 2 + variants) % 2**format.bits


def bits_of(tensor: Tensor) -> np.ndarray:
    """The words of a tensor in row-major order, as unsigned integers, copied."""
    size = tensor.element_size()
    return np.frombuffer(raw(tensor), dtype=f"u{size}").copy()


def noise(shape: tuple[int, ...], dtype: torch.dtype, device: str = "cpu") -> Tensor:
    """Any bits at all: infinities, subnormals and NaN with payloads among them."""
    size = dtype.itemsize
    words = np.random.default_rng(3).integers(0, 256, (*shape, size), dtype=np.uint8)
    return torch.from_numpy(words).view(dtype).squeeze(-1).to(device)


def space_of(model: nn.Module, fault: FaultModel | None = None) -> FaultSpace:
    dtype = next(model.parameters()).dtype
    return FaultSpace.of(model, Weights("*"), fault or BitFlip(), FORMATS[dtype])


LAYOUTS: dict[str, Callable[[Tensor], Tensor]] = {
    "contiguous": lambda x: x.clone(),
    "transposed": lambda x: x.t(),
    "every_second": lambda x: x[:, ::2],
    "one_axis": lambda x: x[0],
    "no_axis": lambda x: x[1, 2],
    "offset": lambda x: x[2:],
    "channels_last": lambda x: x.reshape(1, 2, 2, 6).contiguous(memory_format=torch.channels_last),
}


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("frozen", [False, True])
@pytest.mark.parametrize("dtype", FORMATS, ids=str)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_words_change_as_numpy_says_and_come_back(layout, dtype, frozen, device):
    model = Holder(LAYOUTS[layout](noise((4, 6), dtype, device)), frozen=frozen)
    space, before, chance = space_of(model), traces(model), np.random.default_rng(5)
    bits = 8 * dtype.itemsize
    for faults in (np.arange(3), chance.integers(len(space), size=20), np.arange(len(space))):
        expected = bits_of(model.weight)
        for number in faults.tolist():
            word, bit = divmod(number, bits)
            expected[word] ^= expected.dtype.type(1 << bit)
        with inject(model, space, faults):
            assert (bits_of(model.weight) == expected).all()
            assert model.weight.requires_grad is not frozen
        assert traces(model) == before


@given(data=st.data())
def test_any_faults_in_any_order_and_number_are_those_of_numpy(data):
    model = Holder(noise((3, 4), torch.float32))
    space, before = space_of(model), traces(model)
    pairs = data.draw(st.lists(st.tuples(st.integers(0, 11), st.integers(0, 31)), max_size=12))
    expected = bits_of(model.weight)
    for word, bit in pairs:
        expected[word] ^= np.uint32(1 << bit)
    with inject(model, space, [Fault("weight", *pair) for pair in pairs]) as injection:
        assert (bits_of(model.weight) == expected).all()
        assert injection.reached
    assert traces(model) == before


@given(pairs=st.lists(st.tuples(st.integers(0, 2), st.integers(0, 1)), max_size=10))
def test_faults_in_one_word_follow_one_another_in_the_order_given(pairs):
    model = Holder(torch.tensor([1.0, -0.0, 3.5]))
    space = space_of(model, Shift())
    expected = bits_of(model.weight).tolist()
    for word, low in pairs:
        expected[word] = (expected[word] * 2 + low) % 2**32
    with inject(model, space, [Fault("weight", *pair) for pair in pairs]):
        assert bits_of(model.weight).tolist() == expected


def test_the_same_flip_twice_is_none_and_two_flips_are_both():
    model = Holder(torch.tensor([1.0]))
    with inject(model, space_of(model), [31, 31]):
        assert model.weight.item() == 1.0
    with inject(model, space_of(model), [31, 23]):
        assert model.weight.item() == -0.5
    assert model.weight.item() == 1.0


def test_words_of_an_expanded_tensor_share_their_memory():
    model = Holder(noise((3, 1), torch.float32).expand(3, 4), frozen=True)
    space, column = space_of(model), bits_of(model.weight[:, 0])
    before = traces(model)
    flips = [Fault("weight", 0, 5), Fault("weight", 3, 7), Fault("weight", 8, 0)]
    column ^= np.array([1 << 5 | 1 << 7, 0, 1], np.uint32)
    with inject(model, space, flips):
        assert (bits_of(model.weight).reshape(3, 4) == column[:, None]).all()
    assert traces(model) == before


def test_tensors_made_for_inference_take_faults_outside_of_it():
    model = named("inference").build()
    assert model[0].weight.is_inference()
    before, words = traces(model), bits_of(model[0].weight)
    with inject(model, space_of(model), 7 * 32 + 30):
        assert bits_of(model[0].weight)[7] == words[7] ^ 1 << 30
        assert (np.delete(bits_of(model[0].weight), 7) == np.delete(words, 7)).all()
    assert traces(model) == before


def test_ten_thousand_faults_at_once_are_ten_thousand_faults_one_by_one():
    model = named("residual").build()
    space, before = space_of(model), traces(model)
    faults = np.random.default_rng(1).integers(len(space), size=10_000)
    expected = np.concatenate(
        [bits_of(dict(model.named_parameters())[s.name]) for s in space.sites]
    )
    for word, bit in zip(*np.divmod(faults, 32), strict=True):
        expected[word] ^= np.uint32(1 << bit)
    with inject(model, space, faults):
        parameters = dict(model.named_parameters())
        found = np.concatenate([bits_of(parameters[site.name]) for site in space.sites])
        assert (found == expected).all()
    assert traces(model) == before


@pytest.mark.parametrize("per", ["tensor", "channel"])
def test_integers_change_by_steps_of_their_own_scale(per):
    model = stored_as(named("convolutions").build(), Int(8, per=per))
    space = FaultSpace.of(model, Weights("4"), BitFlip(), Int(8, per=per))
    weight, before = model[4].weight, traces(model)
    flat = weight.detach().double().flatten()
    rows = flat.abs().reshape(4, -1).amax(1) if per == "channel" else flat.abs().max().expand(4)
    scale = (rows / 127).repeat_interleave(36)
    faults = np.arange(0, len(space), 5)
    expected = (flat / scale).round().to(torch.int64).numpy() & 255
    for word, bit in zip(*np.divmod(faults, 8), strict=True):
        expected[word] ^= 1 << bit
    steps = np.where(expected >= 128, expected - 256, expected)
    with inject(model, space, faults):
        torch.testing.assert_close(
            weight.detach().double().flatten(), scale * torch.from_numpy(steps)
        )
    assert traces(model) == before


@component
class Inverted(Format):
    """Float32 whose words are kept inverted at every odd position of a tensor."""

    inverted: Tensor | None = dataclasses.field(default=None, init=False, compare=False)

    @property
    def bits(self) -> int:  # type: ignore[override]
        return 32

    def field(self, bit: int) -> str:
        return Float32().field(bit)

    @property
    def fields(self) -> tuple[str, ...]:
        return Float32().fields

    def take(self, words: Tensor, shape: tuple[int, ...]) -> Format:
        assert bool((words < math.prod(shape)).all())
        taken = dataclasses.replace(self)
        object.__setattr__(taken, "inverted", words % 2 == 1)
        return taken

    def _turned(self, codes: Tensor) -> Tensor:
        return codes if self.inverted is None else codes ^ (self.inverted * 0xFFFFFFFF)

    def encode(self, x: Tensor) -> Tensor:
        return self._turned(Float32().encode(x))

    def decode(self, codes: Tensor) -> Tensor:
        return Float32().decode(self._turned(codes))


@pytest.mark.parametrize("sample", ["one", "every"])
def test_a_word_that_flows_has_its_place_within_the_sample(sample):
    """Of five words a sample, so that an odd word of the batch is an even one of every second."""
    model = nn.Sequential(nn.Linear(3, 5)).eval()
    inputs = torch.randn(4, 3)
    target = Activations("0", sample=sample)
    space = FaultSpace.of(model, target, StuckAt(1, bits=31), Inverted(), data=inputs)
    with torch.no_grad():
        golden = model(inputs)
        with inject(model, space, np.arange(len(space))):
            faulty = model(inputs)
    # The sign reads 1, which is minus, at even places, and 1 inverted, plus, at odd ones.
    signs = torch.tensor([-1.0, 1.0, -1.0, 1.0, -1.0])
    assert torch.equal(faulty, golden.abs() * signs)


class Largest(TorchDispatchMode):
    """Remembers the most elements that any operation gave in memory of its own."""

    def __init__(self, stored: Tensor) -> None:
        super().__init__()
        self.stored, self.most = stored.untyped_storage().data_ptr(), 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        if isinstance(out, Tensor) and out.untyped_storage().data_ptr() != self.stored:
            self.most = max(self.most, out.untyped_storage().nbytes() // out.element_size())
        return out


def test_nothing_but_the_faulty_words_is_copied():
    model = Holder(torch.randn(100, 1000))
    space, place = space_of(model), model.weight.data_ptr()
    with Largest(model.weight) as copies, inject(model, space, [5, 10**6, 3 * 10**6]):
        assert model.weight.data_ptr() == place
    assert 3 <= copies.most < 100


def test_a_fault_in_a_sample_of_no_batch_is_told():
    model, inputs = nn.Sequential(nn.Linear(4, 3), nn.ReLU()).eval(), torch.randn(5, 4)
    space = FaultSpace.of(model, Activations("0"), BitFlip(), Float32(), data=inputs)
    fault = Fault("0", 3 * 4 + 1, 31)
    golden = model(inputs)
    with pytest.warns(RadhardWarning, match="sample 4"), inject(model, space, fault):
        assert torch.equal(model(inputs[:2]), golden[:2])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with inject(model, space, fault) as injection:
            injection.rows = range(3, 5)
            model(inputs[3:])
        with inject(model, space, fault):
            pass  # nothing is called, and nothing expected
