"""Is a quantised model one whose weights and activations are words, and else the same?"""

import copy

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from radhard.datasets import Data
from radhard.engines import Replay, Serial
from radhard.engines.replay import ReplaySession
from radhard.errors import InputError
from radhard.faults import BitFlip
from radhard.formats import BFloat16, Fixed, Float32, Format, Int, is_stored_as
from radhard.injection import inject
from radhard.manifest import fingerprint
from radhard.quantization import format_of, quantized
from radhard.samplers import Uniform
from radhard.space import FaultSpace
from radhard.targets import Activations, Biases, Buffers, Weights
from tests.engines.campaigns import campaign_of
from tests.engines.test_replay import check_equal, figures
from tests.zoo import NETWORKS, Network, named


def small() -> nn.Sequential:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        return nn.Sequential(nn.Linear(4, 5), nn.ReLU(), nn.Linear(5, 3)).eval()


def samples(n: int = 6) -> Tensor:
    return torch.randn(n, 4, generator=torch.Generator().manual_seed(4))


def handed_on(model: nn.Module, inputs: Tensor) -> dict[str, Tensor]:
    """The output of every module without parts."""
    seen: dict[str, Tensor] = {}
    handles = [
        module.register_forward_hook(lambda m, a, out, name=name: seen.update({name: out.clone()}))
        for name, module in model.named_modules()
        if not list(module.children())
    ]
    with torch.no_grad():
        model(inputs)
    for handle in handles:
        handle.remove()
    return seen


@pytest.mark.parametrize("network", NETWORKS, ids=repr)
def test_any_model_becomes_one_of_words_and_is_not_touched_itself(network: Network):
    model, inputs = network.build(), network.inputs()
    before, flags = fingerprint(model), [m.training for m in model.modules()]
    made = quantized(model, Data(inputs), Int(8), call=network.call)
    assert fingerprint(model) == before
    assert [m.training for m in model.modules()] == flags == [m.training for m in made.modules()]
    assert not any(m._forward_hooks for m in model.modules())
    assert [n for n, _ in made.named_parameters()] == [n for n, _ in model.named_parameters()]
    added = set(made.state_dict()) - set(model.state_dict())
    assert added
    assert all(name.rpartition(".")[2] == "activation_scale" for name in added)
    data = Data(inputs)
    targets = [Weights("*"), Activations("*")]
    space = FaultSpace.of(made.eval(), targets, BitFlip(), Int(8), data=data, call=network.call)
    assert {site.role for site in space.sites} == {"weight", "activation"}
    for name, weight in made.named_parameters():
        if "bias" in name:
            assert torch.equal(weight, dict(model.named_parameters())[name])
        else:
            assert is_stored_as(weight, Int(8))


@pytest.mark.parametrize("format", [Int(8), Int(4), Int(16), Fixed(3, 4), BFloat16()], ids=repr)
def test_every_activation_is_a_word(format: Format):
    model = quantized(small(), samples(), format)
    for name, value in handed_on(model, samples(40) * 3).items():
        held = format_of(model, name)
        assert held == format
        assert torch.equal(held.decode(held.encode(value)).float(), value)


def test_the_largest_magnitude_on_the_data_becomes_the_largest_word():
    model, inputs = small(), samples()
    made = quantized(model, inputs, Int(8))
    weights = copy.deepcopy(model)
    weights.load_state_dict(
        {k: v for k, v in made.state_dict().items() if not k.endswith("activation_scale")}
    )
    for name, value in handed_on(weights, inputs).items():
        scale = made.get_submodule(name).activation_scale
        assert scale.item() == pytest.approx(value.abs().max().item() / 127, rel=1e-6)
        assert scale.dtype == torch.float32
    codes = format_of(made, "1").encode(handed_on(made, inputs)["1"])
    assert (codes.min(), codes.max()) == (0, 127)  # no zero point: ReLU uses half of the words


def test_batches_and_samples_do_not_matter_to_the_scales():
    one, other = (quantized(small(), samples(), Int(8), batch=b) for b in (1, 100))
    for name, value in one.state_dict().items():
        torch.testing.assert_close(value, other.state_dict()[name])


@pytest.mark.parametrize("format", [Int(3), Fixed(1, 1)], ids=repr)
def test_a_faulty_word_is_the_stored_code_with_its_bit_flipped(format: Format):
    model, inputs = quantized(small(), samples(), format), samples()
    space = FaultSpace.of(model, Activations("*"), BitFlip(), format, data=inputs)
    golden = handed_on(model, inputs)
    assert len(space) == 6 * (5 + 5 + 3) * 3
    for number in range(len(space)):
        fault = space[number]
        held = format_of(model, fault.tensor)
        where, sample = space.coordinates(fault)
        expected = held.encode(golden[fault.tensor])
        expected[(sample, *where)] ^= 1 << fault.variant
        with inject(model, space, number):
            found = handed_on(model, inputs)[fault.tensor]
        assert torch.equal(found, held.decode(expected).float())


def test_copies_and_checkpoints_round_alike():
    made, inputs = quantized(small(), samples(), Int(8)), samples(20)
    twin, other = copy.deepcopy(made), quantized(small(), 5 * samples(), Int(8))
    assert torch.equal(twin(inputs), made(inputs))
    with torch.no_grad():
        twin.get_submodule("2").activation_scale.mul_(4)
    assert not torch.equal(twin(inputs), made(inputs))
    assert not torch.equal(other(inputs), made(inputs))
    other.load_state_dict(made.state_dict())
    assert torch.equal(other(inputs), made(inputs))


def test_an_exported_program_rounds_alike():
    made, inputs = quantized(small(), samples(), Int(8)), samples()
    program = torch.export.export(made, (inputs,))
    assert torch.equal(program.module()(inputs), made(inputs))


def test_scales_can_be_faulty():
    made, inputs = quantized(small(), samples(), Int(8)), samples()
    space = FaultSpace.of(made, Buffers("*activation_scale"), BitFlip(), Float32())
    assert [site.name for site in space.sites] == [f"{n}.activation_scale" for n in "012"]
    golden = made(inputs)
    with inject(made, space, 30), torch.no_grad():
        assert not torch.equal(made(inputs), golden)
    assert torch.equal(made(inputs), golden)


class Adding(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Linear(4, 4)

    def forward(self, x: Tensor) -> Tensor:
        return self.inner(x) + x


def test_what_a_container_computes_itself_is_rounded_and_what_it_hands_on_is_not():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(5)
        model = nn.Sequential(nn.Sequential(Adding(), nn.Dropout()), nn.Flatten()).eval()
    made = quantized(model, samples(), Int(8))
    rounding = {name for name, _ in made.named_modules() if format_of(made, name) is not None}
    assert rounding == {"0.0", "0.0.inner"}


INTEGERS = ["residual", "lstm", "twice"]
FIXED_POINT = ["convolutions", "concatenation"]


@pytest.mark.parametrize(
    ("name", "format"),
    [*((name, Int(8)) for name in INTEGERS), *((name, Fixed(3, 4)) for name in FIXED_POINT)],
    ids=repr,
)
def test_replay_says_what_whole_passes_say(name: str, format: Format):
    network = named(name)
    data = Data(network.inputs())
    model = quantized(network.build().eval(), data, format, call=network.call)
    for target in (Activations("*"), Weights("*")):
        work = campaign_of(
            model,
            network.inputs(),
            target,
            Uniform(30),
            fault=BitFlip(),
            call=network.call,
            format=format,
        )
        trials = list(range(len(work.trials)))
        check_equal(work, figures(Replay(), work, trials), figures(Serial(), work, trials))


def test_the_graph_takes_every_activation_of_a_quantised_network():
    network = named("residual")
    model = network.build().eval()
    taken = []
    for one, format in (
        (model, Float32()),
        (quantized(model, network.inputs(), Int(8)), Int(8)),
        (quantized(model, network.inputs(), Fixed(3, 4)), Fixed(3, 4)),
        (quantized(model, network.inputs(), BFloat16()), BFloat16()),
    ):
        work = campaign_of(
            one,
            network.inputs(),
            Activations("*"),
            Uniform(1),
            fault=BitFlip(),
            call=network.call,
            format=format,
        )
        session = Replay().open(work)
        assert isinstance(session, ReplaySession)
        plans = session.plans
        taken.append(
            [site.name for p, site in enumerate(work.space.sites) if plans[p].replayer.flows(p)]
        )
        if format != Float32():
            # Golden values are the model's own, or a last bit would become a step.
            golden = work.panel.golden.outputs
            assert all(torch.equal(plan.replayer.golden_outputs, golden) for plan in plans.values())
    assert taken == [taken[0]] * 4
    assert len(taken[0]) > 3


@pytest.mark.parametrize(
    ("format", "of", "said"),
    [
        (Int(4), Activations("*"), r"rounded to Int\(8\) in every pass.*choose Int\(8\)"),
        (Float32(), Activations("*"), r"rounded to Int\(8\) in every pass"),
        (Int(8), Biases("*"), r"values that Int\(8\) cannot represent"),
    ],
)
def test_words_that_are_not_there_are_not_faulty(format, of, said):
    made = quantized(small(), samples(), Int(8))
    with pytest.raises(InputError, match=said):
        FaultSpace.of(made, of, BitFlip(), format, data=samples())


def test_activations_that_nothing_rounds_say_how_to_get_some_that_are():
    with pytest.raises(InputError, match=r"model = quantized\(model, data, Int\(8\)\)"):
        FaultSpace.of(small(), Activations("*"), BitFlip(), Int(8), data=samples())


def test_what_cannot_be_quantised_is_refused():
    once = quantized(small(), samples(), Int(8))
    with pytest.raises(InputError, match="rounds its output through Int"):
        quantized(once, samples(), Int(8))
    with pytest.raises(InputError, match="'0' outputs NaN or infinity"):
        quantized(small(), samples() * torch.inf, Int(8))
    with pytest.raises(InputError, match="holds 24 digits"):
        quantized(small(), samples(), Int(25))
    with pytest.raises(InputError, match="holds 8 digits"):
        quantized(small().bfloat16(), samples().bfloat16(), Int(9))
    with pytest.raises(InputError, match="no module of this model computes"):
        quantized(nn.Flatten(), samples(), Int(8))


def test_a_broken_pass_leaves_no_hooks_behind():
    model = small()
    with pytest.raises(RuntimeError):
        quantized(model, torch.zeros(2, 3), Int(8))
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in model.modules())
    np.testing.assert_array_equal([m.training for m in model.modules()], False)


def test_inputs_are_rounded_on_request_with_a_scale_in_a_buffer():
    model, inputs = nn.Sequential(nn.Linear(2, 2)), torch.tensor([[0.5, -2.0], [1.0, 1.0]])
    small = quantized(model, inputs, Int(3), inputs=True)
    assert float(small.input_scale) == pytest.approx(2 / 3)
    with torch.no_grad():
        # 0.4 is nearest to 2/3 of the words 0, 2/3, ...; 5 is beyond the largest one.
        rounded = torch.tensor([[2 / 3, 2.0]])
        assert torch.equal(small(torch.tensor([[0.4, 5.0]])), small(rounded))
    again = copy.deepcopy(small)
    assert torch.equal(again(inputs), small(inputs))
