"""Is the model behind a wrapper found, and is what cannot be used refused by name?"""

import pytest
import torch
from torch import Tensor, nn

from radhard.campaign import run
from radhard.errors import InputError
from radhard.faults import BitFlip
from radhard.formats import BFloat16, Float32, stored_as
from radhard.hardenings import Ranger, parts
from radhard.injection import inject
from radhard.module import compiled_parts, copied_module, eager, module_of, usable_module
from radhard.samplers import Uniform
from radhard.space import Fault, FaultSpace
from radhard.targets import Activations, Weights

INPUTS = torch.randn(400, 8, generator=torch.Generator().manual_seed(3))


def network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 4)).eval()


def compiled(model: nn.Module) -> nn.Module:
    return torch.compile(model, backend="eager")  # type: ignore[return-value]


def with_compiled_part() -> nn.Module:
    first, *others = network()
    return nn.Sequential(compiled(nn.Sequential(first, others[0])), others[1]).eval()


def space_of(model: nn.Module, target: Activations | Weights) -> FaultSpace:
    return FaultSpace.of(model, target, BitFlip(bits=30), Float32(), data=INPUTS)


def test_wrappers_are_taken_off_in_any_order():
    net = network()
    assert module_of(net) is net
    assert module_of(compiled(net)) is net
    assert module_of(nn.DataParallel(net)) is net
    assert module_of(compiled(nn.DataParallel(net))) is net


@pytest.mark.parametrize("target", [Weights("*"), Activations("*")], ids=repr)
def test_a_wrapped_model_has_the_verdicts_of_the_plain_one(target):
    plain = run(network(), INPUTS, space_of(network(), target), Uniform(40), progress=False)
    for wrapped in (compiled(network()), nn.DataParallel(network())):
        space = space_of(wrapped, target)
        assert [site.name for site in space.sites] == [site.name for site in plain.space.sites]
        found = run(wrapped, INPUTS, space, Uniform(40), progress=False)
        assert (found.values("critical") == plain.values("critical")).all()
        assert found.manifest["model fingerprint"] == plain.manifest["model fingerprint"]


def compile_in_place(model: nn.Module) -> nn.Module:
    model.compile(backend="eager")
    return model


@pytest.mark.parametrize("way", [compiled, compile_in_place])
def test_a_fault_reaches_a_model_that_was_compiled_and_called_before(way):
    net = network()
    model = way(net)
    with torch.no_grad():
        model(INPUTS)
        hidden = net[:2](INPUTS).clone()
        hidden[0].view(torch.int32)[3] ^= 1 << 30
        expected = net[2](hidden)
        for given in (net, model):
            with inject(given, space_of(given, Activations("1")), Fault("1", 3, 0)) as injection:
                assert torch.equal(model(INPUTS), expected)
            assert injection.reached
        assert torch.equal(model(INPUTS), net[2](net[:2](INPUTS)))


def test_faults_reach_compiled_parts_of_a_model():
    model = with_compiled_part()
    space = space_of(model, Activations("*"))
    results = run(model, INPUTS, space, Uniform(40), progress=False)
    reference = run(network(), INPUTS, space_of(network(), Activations("*")), Uniform(40))
    assert (results.values("critical") == reference.values("critical")).all()


def test_hardening_finds_every_layer_of_a_compiled_model():
    assert len(list(parts(Ranger()(compiled(network()), INPUTS)))) == 1


def test_hardening_refuses_a_model_with_compiled_parts():
    model = with_compiled_part()
    assert compiled_parts(model) == ["0"]
    with pytest.raises(InputError, match=r"Ranger\(\).* 0 is compiled"):
        Ranger()(model, INPUTS)


def test_hooks_are_called_only_while_compiled_code_is_not_used():
    net = network()
    model = compiled(net)
    seen: list[Tensor] = []
    model(INPUTS)
    net[1].register_forward_hook(lambda *given: seen.append(given[2]))
    with eager(), eager():
        model(INPUTS)
    assert len(seen) == 1


def lazy() -> nn.Module:
    return nn.Sequential(nn.LazyLinear(3))


def on_meta() -> nn.Module:
    return nn.Linear(2, 2, device="meta")


@pytest.mark.filterwarnings("ignore:.*torch.jit")
def scripted_inside() -> nn.Module:
    return nn.Sequential(torch.jit.script(nn.Sequential(nn.Linear(2, 2), nn.ReLU())), nn.ReLU())


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore:Lazy modules")
@pytest.mark.parametrize(
    ("make", "word"),
    [
        (lambda: "lenet5", "radhard.models.load"),
        (lambda: network().state_dict(), "load_state_dict"),
        (lambda: nn.ReLU, r"ReLU\(\)"),
        (lambda: None, "NoneType"),
        (lambda: torch.export.export(network(), (INPUTS,)), r"model.module\(\)"),
        (lazy, "one batch"),
        (on_meta, "meta device"),
        (lambda: torch.jit.trace(network(), INPUTS), "TorchScript"),
        (lambda: torch.jit.freeze(torch.jit.script(network())), "TorchScript"),
        (scripted_inside, "'0' is TorchScript"),
    ],
)
def test_what_cannot_be_used_is_refused_in_one_line(make, word):
    with pytest.raises(InputError, match=word) as told:
        usable_module(make())
    assert "\n" not in str(told.value)


class Mirrored(nn.Module):
    """Two layers whose weights are the same words, the one transposed; and a slice as a buffer."""

    def __init__(self) -> None:
        super().__init__()
        self.down, self.up = nn.Linear(6, 4), nn.Linear(4, 6)
        self.up.weight = nn.Parameter(self.down.weight.detach().T)
        self.register_buffer("row", self.down.weight.detach()[1])
        self.parts = [self.down.weight.detach()[:2]]

    def forward(self, x: Tensor) -> Tensor:
        return self.up(torch.relu(self.down(x))) + self.row.sum()


@pytest.mark.filterwarnings("ignore:.*too few samples")
@pytest.mark.parametrize(
    "copied",
    [
        copied_module,
        lambda model: stored_as(model, BFloat16()),
        lambda model: Ranger()(model, torch.rand(8, 6)),
    ],
)
def test_views_of_the_same_words_remain_so_in_a_copy(copied):
    model = Mirrored()
    twin = copied(model)
    memory = {tensor.data_ptr() for tensor in model.state_dict().values()}
    assert memory.isdisjoint(tensor.data_ptr() for tensor in twin.state_dict().values())
    with torch.no_grad():
        twin.down.weight[1, 2] = 7.0
    assert twin.up.weight[2, 1] == twin.row[2] == twin.parts[0][1, 2] == 7.0
    assert isinstance(twin.up.weight, nn.Parameter)
    assert model.down.weight[1, 2] == model.up.weight[2, 1] == model.parts[0][1, 2] != 7.0
