"""Is a fault in a flowing value in the call, the part and the sample that it names?"""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from radhard.evaluation import evaluating
from radhard.faults import BitFlip
from radhard.formats import BFloat16, Float16, Float32, Float64, Format
from radhard.injection import inject
from radhard.space import Fault, FaultSpace
from radhard.targets import Activations, Inputs, Target
from tests.traces import hooks, traces
from tests.zoo import NETWORKS, SAMPLES, Network, named

FORMATS: dict[torch.dtype, Format] = {
    torch.float32: Float32(),
    torch.float16: Float16(),
    torch.bfloat16: BFloat16(),
    torch.float64: Float64(),
}
TOP = {Float32(): 30, Float16(): 14, BFloat16(): 14, Float64(): 62}

networks = pytest.mark.parametrize("network", NETWORKS, ids=repr)


def space_of(network: Network, sample: str = "one", bits: int | None = None) -> FaultSpace:
    model, inputs = network.build(), network.inputs()
    format = FORMATS[next(model.parameters()).dtype]
    fault = BitFlip(TOP[format] if bits is None else bits)
    found: list[Target] = [Activations("*", sample=sample)]
    if network.name not in ("embedding", "tied"):
        found.append(Inputs("*", sample=sample))
    return FaultSpace.of(model, found, fault, format, data=(inputs, None), call=network.call)


def outputs(network: Network, model: nn.Module, inputs: object | None = None) -> Tensor:
    with torch.no_grad(), evaluating(model):
        return network.call(model, network.inputs() if inputs is None else inputs)


def differing(golden: Tensor, faulty: Tensor) -> list[bool]:
    return [not torch.equal(a, b) for a, b in zip(golden, faulty, strict=True)]


@networks
def test_a_sample_that_is_faulty_all_over_changes_and_no_other_does(network):
    model, space = network.build(), space_of(network)
    golden, before = outputs(network, model), traces(model)
    for site, start, words in zip(space.sites, space.starts, space.words, strict=False):
        assert site.samples == SAMPLES
        per_sample = words // SAMPLES
        for sample in (0, 2):
            first = int(start + sample * per_sample)
            with inject(model, space, range(first, first + per_sample)) as injection:
                assert not injection.reached
                faulty = outputs(network, model)
                assert injection.reached
            changed = [row == sample for row in range(SAMPLES)]
            assert differing(golden, faulty) == changed, (site.name, sample)
    assert traces(model) == before
    assert torch.equal(outputs(network, model), golden)


@given(network=st.sampled_from(NETWORKS), data=st.data())
def test_a_fault_reaches_its_own_sample_only(network, data):
    model, space = network.build(), space_of(network)
    number = data.draw(st.integers(0, len(space) - 1))
    _, sample = space.coordinates(space[number])
    golden = outputs(network, model)
    with inject(model, space, number):
        faulty = outputs(network, model)
    changed = differing(golden, faulty)
    assert not any(changed[:sample] + changed[sample + 1 :])


@networks
def test_a_permanent_fault_is_in_every_sample_at_the_same_place(network):
    model, space = network.build(), space_of(network, "every")
    golden = outputs(network, model)
    for place, site in enumerate(space.sites):
        assert site.samples is None
        first, last = space.starts[place : place + 2].tolist()
        with inject(model, space, range(first, last)):
            assert all(differing(golden, outputs(network, model))), site.name
    assert torch.equal(outputs(network, model), golden)


def test_samples_are_found_in_whatever_batch_they_come():
    network = named("lstm_time_first")
    model, space, inputs = network.build(), space_of(network), network.inputs()
    fault = space.starts[0] + 1 * 20 + 3  # of sample 1
    alone = outputs(network, model, inputs[1:2])
    with inject(model, space, int(fault)) as injection:
        injection.rows = [1]
        assert differing(alone, outputs(network, model, inputs[1:2])) == [True]
        injection.rows = [0]
        assert differing(alone, outputs(network, model, inputs[1:2])) == [False]
        injection.rows = [2, 1]
        golden = outputs(network, network.build(), inputs[[2, 1]])
        assert differing(golden, outputs(network, model, inputs[[2, 1]])) == [False, True]


def test_one_word_of_one_part_changes_as_the_fault_says():
    network = named("lstm_time_first")
    model, space, inputs = network.build(), space_of(network, bits=31), network.inputs()
    seen: list[Tensor] = []

    def guard(
        module: nn.Module, args: object, output: tuple[Tensor, tuple[Tensor, Tensor]]
    ) -> None:
        seen.append(output[1][1].clone())

    model.rnn.register_forward_hook(guard)
    outputs(network, model, inputs)
    # The cell state is (layers, samples, hidden): sample 2, layer 1, unit 3.
    with inject(model, space, Fault("rnn:1.1", 2 * 8 + 1 * 4 + 3, 0)):
        assert (
            space.describe(Fault("rnn:1.1", 2 * 8 + 1 * 4 + 3, 0))
            == "rnn:1.1[1, 3] bit 31 (sign) of sample 2"
        )
        outputs(network, model, inputs)
    expected = seen[0].clone()
    expected[1, 2, 3] *= -1
    assert torch.equal(seen[1], expected)


@pytest.mark.parametrize("call", [0, 1])
def test_only_the_chosen_call_of_a_module_is_faulty(call):
    network = named("twice")
    model, space = network.build(), space_of(network, bits=31)
    seen: list[Tensor] = []
    model.tanh.register_forward_hook(lambda module, args, output: seen.append(output.clone()))
    outputs(network, model)
    name = "tanh@1" if call else "tanh"
    with inject(model, space, Fault(name, 4, 0)):
        for _ in range(3):
            outputs(network, model)
    golden = seen[:2]
    expected = golden[call].clone()
    expected[0, 4] *= -1
    for faulty in (seen[2:4], seen[4:6], seen[6:8]):
        assert torch.equal(faulty[call], expected)
        if call == 1:
            assert torch.equal(faulty[0], golden[0])


@pytest.mark.parametrize("early", [True, False])
def test_a_guard_on_the_same_module_sees_the_fault(early):
    network = named("layer_norm")
    model, space, seen = network.build(), space_of(network), list[Tensor]()

    def hang() -> None:
        model[0].register_forward_hook(lambda module, args, output: seen.append(output))
        model.register_forward_pre_hook(lambda module, args: seen.append(args[0]))

    if early:
        hang()
    flips = [Fault("0", 2, 0), Fault("input", 4, 0)]
    with inject(model, space, flips[0]), inject(model, space, flips[1]):
        if not early:
            hang()
        outputs(network, model)
    given, made = seen[-2:]
    inputs = network.inputs()
    assert (given != inputs).nonzero().tolist() == [[0, 4]]
    with torch.no_grad():
        plain = nn.functional.linear(given, model[0].weight, model[0].bias)
    assert (made != plain).nonzero().tolist() == [[0, 2]]
    assert hooks(model) == 2


def test_inputs_are_faulty_in_a_copy():
    network = named("named_inputs")
    model, space, inputs = network.build(), space_of(network), network.inputs()
    kept = {name: tensor.clone() for name, tensor in inputs.items()}
    golden = outputs(network, model, inputs)
    with inject(model, space, Fault("y", 6 + 5, 0)):
        faulty = outputs(network, model, inputs)
    assert differing(golden, faulty) == [False, True, False]
    assert all(torch.equal(inputs[name], kept[name]) for name in kept)
    weights = model.right.weight.detach()
    scale = torch.tensor([inputs["y"][1, 5]]).view(torch.int32) ^ 1 << 30
    flipped = inputs["y"][1].clone()
    flipped[5] = scale.view(torch.float32)
    with torch.no_grad():
        expected = model.left(inputs["x"][1]) - (weights @ flipped + model.right.bias)
    torch.testing.assert_close(faulty[1], expected)


LAYOUTS = {
    "contiguous": torch.randn(3, 4, 6),
    "time_first": torch.randn(4, 3, 6).transpose(0, 1),
    "every_second": torch.randn(3, 4, 12)[:, :, ::2],
    "reversed_axes": torch.randn(6, 4, 3).permute(2, 1, 0),
    "one_word_axis": torch.randn(3, 1, 1).transpose(0, 2).transpose(0, 2),
}


@pytest.mark.parametrize("value", LAYOUTS.values(), ids=LAYOUTS)
def test_a_faulty_value_keeps_its_layout(value):
    class Give(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return value[: len(x)].as_strided((len(x), *value.shape[1:]), value.stride())

    model, strides = nn.Sequential(Give(), nn.Identity()), list[tuple[int, ...]]()
    model[1].register_forward_hook(lambda module, args, output: strides.append(output.stride()))
    data = (torch.arange(3.0)[:, None], None)
    space = FaultSpace.of(model, Activations("0"), BitFlip(), Float32(), data=data)
    with inject(model, space, 7):
        faulty = model(data[0])
    assert strides[-1] == value.stride()
    assert int((faulty != value).sum()) == 1


def test_words_of_a_flowing_value_that_share_memory_are_faulty_one_by_one():
    class Spread(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x.exp().expand(-1, 4)

    model, x = Spread(), torch.arange(3.0)[:, None]
    space = FaultSpace.of(model, Activations("(model)"), BitFlip(), Float32(), data=(x, None))
    with inject(model, space, Fault("(model)", 6, 31)):
        assert (model(x) < 0).nonzero().tolist() == [[1, 2]]


@given(
    pairs=st.lists(st.tuples(st.integers(0, 2), st.integers(0, 31)), min_size=1, max_size=6),
    sample=st.sampled_from(["one", "every"]),
)
def test_several_faults_of_one_value_change_the_words_that_numpy_changes(pairs, sample):
    network = named("layer_norm")
    model, inputs = network.build(), network.inputs()
    space = FaultSpace.of(
        model, Activations("3", sample=sample), BitFlip(), Float32(), data=(inputs, None)
    )
    expected = outputs(network, model).numpy().view(np.uint32).copy()
    offset = 3 * 2 if sample == "one" else 0
    for word, bit in pairs:
        expected[2 if sample == "one" else slice(None), word] ^= np.uint32(1 << bit)
    with inject(model, space, [Fault("3", offset + word, bit) for word, bit in pairs]):
        faulty = outputs(network, model).numpy().view(np.uint32)
    assert (faulty == expected).all()
