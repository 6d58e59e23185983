"""Is named what a pattern means but no fault can be injected into?"""

import warnings

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import weight_norm

from radhard.campaign import run
from radhard.errors import InputError, RadhardWarning
from radhard.faults import BitFlip
from radhard.formats import Float32, Int
from radhard.manifest import fingerprint
from radhard.models import load
from radhard.quantization import quantized
from radhard.results import Results
from radhard.samplers import Uniform
from radhard.space import FaultSpace
from radhard.targets import Activations, Biases, Buffers, Target, Weights

INPUTS = torch.randn(10, 6, generator=torch.Generator().manual_seed(2))


class Head(nn.Module):
    """A linear layer, and behind it a parameter of an unusual kind."""

    def __init__(self, held: Tensor) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.a, self.held = nn.Linear(6, 8), nn.Parameter(held, requires_grad=False)

    def forward(self, x: Tensor) -> Tensor:
        hidden = torch.relu(self.a(x))
        if self.held.is_complex():
            return (hidden.to(self.held.dtype) @ self.held.T).abs()
        if self.held.layout != torch.strided:
            return (self.held @ hidden.T).T
        return hidden @ (self.held.float() * 0.01).T


def dense() -> Tensor:
    return torch.randn(3, 8, generator=torch.Generator().manual_seed(1))


KINDS = {
    "complex64": lambda: dense().to(torch.complex64),
    "int8": lambda: (dense() * 40).to(torch.int8),
    "bool": lambda: dense() > 0,
    "sparse_csr": lambda: dense().to_sparse_csr(),
    "sparse_coo": lambda: dense().to_sparse(),
}


@pytest.mark.filterwarnings("ignore:Sparse .* tensor support")
@pytest.mark.parametrize("kind", KINDS)
def test_parameters_of_other_kinds_are_named_wherever_one_looks(kind, tmp_path):
    model = Head(KINDS[kind]()).eval()
    with pytest.warns(RadhardWarning, match=rf"held \({kind}\)"):
        space = FaultSpace.of(model, Weights("*"), BitFlip(), Float32())
    assert [site.name for site in space.sites] == ["a.weight"]
    assert space.left_out == {"held": kind}
    assert "held" in repr(space)
    results = run(model, INPUTS, space, Uniform(20), store=tmp_path / "a.db")
    again = Results.open(tmp_path / "a.db")
    for found in (results, again):
        assert any(f"held ({kind})" in note for note in found.manifest["notes"])
        assert found.space.left_out == space.left_out


def test_only_what_the_pattern_means_is_left_out():
    model = Head(KINDS["int8"]()).eval()
    assert not FaultSpace.of(model, Weights("a"), BitFlip(), Float32()).left_out
    with pytest.raises(InputError, match=r"held \(int8\)"):
        FaultSpace.of(model, Weights("held"), BitFlip(), Float32())


def test_a_word_with_several_names_is_counted_once():
    model = nn.Sequential(nn.Linear(6, 8), nn.Linear(8, 6), nn.Linear(6, 8))
    model[1].weight = nn.Parameter(model[0].weight.t())
    model[2].weight = model[0].weight
    with pytest.warns(RadhardWarning, match=r"1\.weight \(a view of words of 0\.weight\)"):
        space = FaultSpace.of(model, Weights("*"), BitFlip(), Float32())
    assert len(space) == 6 * 8 * 32
    assert space.sites[0].aliases == ("2.weight",)
    # Selected by itself, a view is like any other tensor.
    assert len(FaultSpace.of(model, Weights("1"), BitFlip(), Float32())) == 6 * 8 * 32


def test_parts_of_one_buffer_are_tensors_of_their_own():
    flat, model = torch.randn(4, 20), nn.ParameterDict()
    for at, part in enumerate((flat[:2, :10], flat[2:, ::2], flat[2:, 1::2])):
        model[f"part{at}"] = nn.Parameter(part)
    space = FaultSpace.of(model, Weights("*"), BitFlip(), Float32())
    assert len(space) == 3 * 20 * 32


@pytest.mark.parametrize("name", ["gru_classifier", "lenet5", "resnet20", "lstm_classifier", "mlp"])
def test_models_that_come_along_leave_nothing_out(name):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for target in (Weights("*"), Biases("*"), *([Buffers("*")] if name == "resnet20" else [])):
            assert not FaultSpace.of(load(name), target, BitFlip(), Float32()).left_out


@pytest.mark.filterwarnings("ignore:Sparse .* tensor support")
def test_the_fingerprint_of_a_model_sees_values_of_every_kind():
    for kind, make in KINDS.items():
        one, same, other = Head(make()), Head(make()), Head(make())
        values = other.held.data
        if values.layout == torch.strided:
            values[0, 0] = 1 - values[0, 0].to(torch.uint8) if kind == "bool" else values[0, 0] + 1
        else:
            other.held = nn.Parameter((dense() * 2).to_sparse(layout=values.layout), False)
        assert fingerprint(one) == fingerprint(same)
        assert fingerprint(one) != fingerprint(other), kind


@pytest.mark.filterwarnings(
    "ignore::DeprecationWarning", "ignore:.*quantized tensor creation:UserWarning"
)
def test_packed_words_of_quantised_layers_are_named():
    model = nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.LayerNorm(8)).eval()
    packed = torch.ao.quantization.quantize_dynamic(model, {nn.Linear}, dtype=torch.qint8)
    with pytest.warns(RadhardWarning, match=r"0\..*\(packed"):
        space = FaultSpace.of(packed, Weights("*"), BitFlip(), Float32())
    assert [site.name for site in space.sites] == ["2.weight"]


class Wrapped(Tensor):
    """A tensor subclass that keeps its values in another tensor."""

    inner: Tensor

    @staticmethod
    def __new__(cls, inner: Tensor) -> "Wrapped":
        found: Wrapped = Tensor._make_wrapper_subclass(cls, inner.shape, dtype=inner.dtype)
        found.inner = inner
        return found

    def __tensor_flatten__(self):
        return ["inner"], None

    @classmethod
    def __tensor_unflatten__(cls, inner, *_):
        return cls(inner["inner"])

    @classmethod
    def __torch_dispatch__(cls, function, types, args=(), kwargs=None):
        def bare(x):
            return x.inner if isinstance(x, Wrapped) else x

        found = function(*map(bare, args), **(kwargs or {}))
        return cls(found) if function is torch.ops.aten.detach.default else found


def test_tensor_subclasses_that_hold_their_words_elsewhere_are_named():
    model = nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 3)).eval()
    model[0].weight = nn.Parameter(Wrapped(model[0].weight.detach()), requires_grad=False)
    with pytest.warns(RadhardWarning, match=r"0\.weight \(Wrapped"):
        space = FaultSpace.of(model, Weights("*"), BitFlip(), Float32())
    assert [site.name for site in space.sites] == ["2.weight"]
    assert run(model, INPUTS, space, Uniform(10)).complete


def test_formats_that_do_not_fit_a_narrow_float_are_refused():
    model = nn.Sequential(nn.Linear(2, 2, bias=False))
    model[0].weight = nn.Parameter(model[0].weight.detach().to(torch.float8_e4m3fn), False)
    with pytest.raises(InputError, match="float8_e4m3fn"):
        FaultSpace.of(model, Weights("*"), BitFlip(), Int(8))


def names(model: nn.Module, target: Target) -> list[str]:
    space = FaultSpace.of(model, target, BitFlip(), Float32(), data=INPUTS)
    return [site.name for site in space.sites]


class Doubled(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return 2 * x


def test_a_parametrised_layer_has_its_own_output_and_roles():
    layer = weight_norm(nn.Linear(6, 8))
    nn.utils.parametrize.register_parametrization(layer, "bias", Doubled())
    model = nn.Sequential(layer, nn.ReLU(), nn.Linear(8, 3)).eval()
    assert names(model, Activations("*")) == ["0", "1", "2"]
    assert names(model, Activations("0")) == ["0"]
    assert names(model, Biases("*")) == ["0.parametrizations.bias.original", "2.bias"]
    assert names(model, Weights("*"))[-1] == "2.weight"
    assert not any("bias" in name for name in names(model, Weights("*")))
    with torch.no_grad():
        fine = run(
            model,
            INPUTS,
            FaultSpace.of(model, Activations("0"), BitFlip(bits=30), Float32(), data=INPUTS),
            Uniform(20),
            engine="Serial()",
        )
    assert fine.values("critical").any()


def test_quantising_a_parametrised_layer_rounds_its_output_and_not_its_weight():
    model = nn.Sequential(weight_norm(nn.Linear(6, 8)), nn.ReLU()).eval()
    scales = [n for n in quantized(model, INPUTS, Int(8)).state_dict() if n.endswith("scale")]
    assert scales == ["0.activation_scale", "1.activation_scale"]
