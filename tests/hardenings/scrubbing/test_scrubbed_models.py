"""Is a model that puts its weights right before a pass told apart from one that does not?"""

import itertools

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from radhard.campaign import run
from radhard.datasets import Data
from radhard.engines import Bracket, FirstOrder, Folded, Replay, Serial
from radhard.engines.base import UnsuitableError
from radhard.errors import InputError
from radhard.faults import BitFlip
from radhard.formats import Float32
from radhard.forward import plain
from radhard.hardenings import ActivationClip, Hardening, Ranger, WeightBitClip, WeightRangeCheck
from radhard.hardenings.part import parts
from radhard.injection import inject
from radhard.manifest import fingerprint
from radhard.metrics import Critical
from radhard.replay.graph.fx_graph import fx_graph
from radhard.samplers import ErrorRate, Exhaustive, Uniform
from radhard.space import FaultSpace
from radhard.targets import Buffers, Weights
from tests.conformance.hardening_subject import network, samples

pytestmark = pytest.mark.filterwarnings("ignore:.*too few samples")


class Recurrent(nn.Module):
    """An LSTM and a linear layer."""

    def __init__(self) -> None:
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            self.lstm = nn.LSTM(3, 5, batch_first=True)
            self.out = nn.Linear(5, 2)

    def forward(self, inputs: Tensor) -> Tensor:
        return self.out(self.lstm(inputs)[0][:, -1])


def steps() -> Data:
    inputs = torch.randn(8, 4, 3, generator=torch.Generator().manual_seed(1))
    return Data(inputs, Recurrent()(inputs).argmax(1).detach())


def test_a_fault_says_what_the_model_with_the_corrected_weight_says() -> None:
    model, data = network(), samples(6)
    hard = WeightRangeCheck()(model, data)
    low, high = (float(getattr(next(parts(hard))[1], name)) for name in ("low", "high"))
    space = FaultSpace.of(model, Weights("fc2*"), BitFlip(), Float32())
    weights = model.fc2.weight.data.view(-1)
    golden = weights.clone()
    out_of_range = 0
    for word, bit in itertools.product(range(0, 36, 7), (3, 22, 24, 30, 31)):
        fault = 32 * word + bit
        with torch.no_grad(), inject(hard, space, fault):
            said = hard(data.inputs)
        faulty = (golden[word].view(torch.int32) ^ int(np.int32(np.uint32(1 << bit)))).view(
            torch.float32
        )
        inside = low <= float(faulty) <= high
        out_of_range += not inside
        weights[word] = faulty if inside else 0.0
        with torch.no_grad():
            assert torch.equal(said, model(data.inputs))
        weights[word] = golden[word]
    assert out_of_range >= 6
    assert fingerprint(hard) == fingerprint(WeightRangeCheck()(network(), data))


def test_a_held_bit_is_never_a_fault() -> None:
    data = samples(6)
    hard = WeightBitClip()(network(), data)
    space = FaultSpace.of(hard, Weights("fc2*"), BitFlip(bits=(30,)), Float32())
    assert run(hard, data, space, Exhaustive(), engine=Serial(), audit=0).rate().value == 0
    bare = run(network(), data, space, Exhaustive(), engine=Serial(), audit=0)
    assert bare.rate().value > 0.2


@pytest.mark.parametrize("hardening", [WeightRangeCheck(), WeightBitClip(per="tensor")], ids=repr)
@pytest.mark.parametrize("engine", [Replay(), Folded(), Bracket(), FirstOrder()], ids=repr)
@pytest.mark.parametrize("make", [network, Recurrent], ids=["network", "recurrent"])
def test_no_engine_passes_a_scrub_by(hardening: Hardening, engine, make) -> None:
    data = samples(6) if make is network else steps()
    hard = hardening(make(), data)
    space = FaultSpace.of(hard, Weights("*"), BitFlip(bits=(30,)), Float32())
    sampler = ErrorRate(0.002, trials=12) if isinstance(engine, Folded) else Uniform(40)
    asked = {"metrics": [Critical()], "audit": 0, "seed": 3}
    try:
        found = run(hard, data, space, sampler, engine=engine, **asked)
    except UnsuitableError as error:
        assert "Serial()" in str(error) or "Replay()" in str(error)  # noqa: PT017
        return
    expected = run(hard, data, space, sampler, engine=Serial(), **asked)
    mine, theirs = (r.to_frame()["Critical().critical"].to_numpy() for r in (found, expected))
    np.testing.assert_array_equal(mine, theirs)


@pytest.mark.parametrize("hardening", [Ranger(), ActivationClip(), WeightRangeCheck()], ids=repr)
def test_a_graph_from_torch_fx_holds_the_guards_or_is_none(hardening: Hardening) -> None:
    data = samples(6)
    hard = hardening(network(), data)
    far = data.inputs * 1000
    try:
        graph = fx_graph(hard, plain, far[:3])
    except Exception as error:
        assert isinstance(hardening, WeightRangeCheck), error  # noqa: PT017
        return
    with torch.no_grad():
        torch.testing.assert_close(graph.values([far])[graph.output], hard(far))
        assert not torch.allclose(hard(far), network()(far))


def test_torch_fx_is_refused_also_where_the_inputs_have_names() -> None:
    class Named(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = WeightRangeCheck()(network(), samples(6))

        def forward(self, x: Tensor) -> Tensor:
            return self.inner(input=x)

    with pytest.raises(InputError, match=r"torch\.fx"):
        torch.fx.symbolic_trace(Named())


@pytest.mark.parametrize("per", ["model", "tensor"])
def test_a_faulty_limit_spoils_weights_only_while_the_fault_is_there(per) -> None:
    data = samples(6)
    hard = WeightRangeCheck(per=per)(network(), data)
    before = fingerprint(hard)
    space = FaultSpace.of(hard, Buffers("*.high"), BitFlip(bits=(31,)), Float32())
    with torch.no_grad(), inject(hard, space, range(len(space))):
        hard(data.inputs)
        zeros = sum(int((p == 0).sum()) for p in hard.parameters())
        hard(data.inputs)  # undone in the right order too if it wrote more than once
    assert zeros > 100
    assert fingerprint(hard) == before
    run(hard, data, space, Exhaustive(), audit=0)
    assert fingerprint(hard) == before


def test_weights_are_put_right_in_memory_before_every_pass() -> None:
    data = samples(6)
    hard = WeightRangeCheck()(network(), data)
    with torch.no_grad():
        expected = hard(data.inputs)
        hard.fc2.weight[0, 0] = torch.nan
        hard(data.inputs)
    assert hard.fc2.weight[0, 0] == 0
    with torch.no_grad():
        hard.fc2.weight.copy_(network().fc2.weight)
        assert torch.equal(hard(data.inputs), expected)


@pytest.mark.parametrize("kind", [WeightRangeCheck, WeightBitClip])
def test_every_third_inference_is_the_first_and_the_fourth(kind) -> None:
    data = samples(6)
    hard = kind(every=3)(network(), data)
    scrubbed = []
    for _ in range(7):
        with torch.no_grad():
            hard.fc2.weight[0, 0] = 3e38
            hard(data.inputs)
        scrubbed.append(bool(hard.fc2.weight[0, 0].abs() < 2))
    assert scrubbed == [True, False, False, True, False, False, True]


def test_what_counts_inferences_is_neither_campaigned_nor_exported() -> None:
    data = samples(6)
    hard = WeightRangeCheck(every=2)(network(), data)
    space = FaultSpace.of(hard, Weights("*"), BitFlip(), Float32())
    with pytest.raises(InputError, match="every=1"):
        run(hard, data, space, Uniform(5))
    with pytest.raises(InputError, match="cannot count inferences"):
        torch.export.export(hard, (data.inputs,), strict=False)


def test_a_call_that_passes_the_scrub_by_is_refused() -> None:
    with pytest.raises(InputError, match="calls only parts of it"):
        WeightRangeCheck()(network(), samples(6), call=lambda model, batch: model.forward(batch))


@pytest.mark.parametrize("make", [network, Recurrent], ids=["network", "recurrent"])
@pytest.mark.filterwarnings("ignore:The tensor attributes")  # which torch says of every LSTM
def test_an_exported_program_scrubs_its_own_weights(make) -> None:
    data = samples(6) if make is network else steps()
    hard = WeightRangeCheck()(make(), data)
    program = torch.export.export(hard, (data.inputs,), strict=False).module()
    name = "fc1.weight" if make is network else "lstm.weight_hh_l0"
    with torch.no_grad():
        for one in (program, hard):
            one.get_parameter(name)[0, 0] = 1e30
        said, expected = program(data.inputs), hard(data.inputs)
    torch.testing.assert_close(said, expected)
    assert said.abs().max() < 1e3


def test_a_compiled_model_scrubs() -> None:
    data = samples(6)
    hard = WeightBitClip()(network(), data)
    compiled = torch.compile(hard, backend="eager")
    with torch.no_grad():
        expected = compiled(data.inputs)
        hard.fc2.weight.view(torch.int32).bitwise_xor_(1 << 30)
        assert torch.equal(compiled(data.inputs), expected)


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
@pytest.mark.parametrize("hardening", [WeightRangeCheck(), WeightBitClip()], ids=repr)
def test_onnx_which_would_scrub_only_once_is_refused(hardening: Hardening, tmp_path) -> None:
    data = samples(6)
    hard = hardening(network(), data)
    with pytest.raises(torch.onnx.OnnxExporterError, match="ONNX runtimes compute"):
        torch.onnx.export(hard, (data.inputs,), tmp_path / "hard.onnx", dynamo=True, verbose=False)
