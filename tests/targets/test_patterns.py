"""Do patterns find what they say, and say what there is when they find nothing?"""

import pytest
import torch
from torch import nn

from radhard.errors import InputError
from radhard.targets import Activations, Biases, Buffers, Inputs, Target, Weights
from radhard.workload import Workload
from tests.zoo import Network, named


def found(network: Network | str, target: Target) -> list[str]:
    network = named(network) if isinstance(network, str) else network
    return [site.name for site in target.sites(network.workload())]


@pytest.mark.parametrize(
    ("target", "names"),
    [
        (Weights("conv*"), ["conv1.weight", "conv2.weight"]),
        (Weights("conv1"), ["conv1.weight"]),
        (Weights("conv1.weight"), ["conv1.weight"]),
        (Weights("fc | bn?"), ["bn1.weight", "bn2.weight", "fc.weight"]),
        (Weights("*", layers="Linear|Conv2d"), ["conv1.weight", "conv2.weight", "fc.weight"]),
        (Weights("*", layers="Batch*"), ["bn1.weight", "bn2.weight"]),
        (Biases("*"), ["bn1.bias", "bn2.bias", "fc.bias"]),
        (Biases("*", layers="Linear"), ["fc.bias"]),
        (Buffers("bn1.*"), ["bn1.running_mean", "bn1.running_var"]),
        (Buffers("*var"), ["bn1.running_var", "bn2.running_var"]),
        (Activations("conv*"), ["conv1", "conv2"]),
        (Activations("relu"), ["relu", "relu@1"]),
        (Activations("relu@1"), ["relu@1"]),
        (Activations("*", layers="ReLU|Linear"), ["relu", "relu@1", "fc"]),
        (Activations("(model)"), ["(model)"]),
        (Inputs("*"), ["x"]),
    ],
    ids=repr,
)
def test_globs_names_and_layer_classes_find_tensors_in_the_models_order(target, names):
    assert found("residual", target) == names


@pytest.mark.parametrize(
    ("target", "message"),
    [
        (
            Weights("cnv*"),
            r"matches no floating-point weight; there is: conv1\.weight, bn1\.weight",
        ),
        (Weights("*", layers="LSTM"), "there is: conv1.weight"),
        (Biases("conv*"), r"there is: bn1\.bias, bn2\.bias, fc\.bias$"),
        (Buffers("*tracked"), r"there is: bn1\.running_mean, .*, bn2\.running_var$"),
        (Activations("nothing"), "there is: conv1, bn1, relu, conv2, bn2, relu@1, fc"),
        (Inputs("y"), "matches no floating-point input; there is: x$"),
    ],
    ids=repr,
)
def test_a_pattern_without_a_match_says_what_there_is(target, message):
    with pytest.raises(InputError, match=message):
        found("residual", target)


def test_what_a_model_lacks_altogether_is_said_so():
    with pytest.raises(InputError, match="this model has no floating-point buffer"):
        found("layer_norm", Buffers("*"))
    with pytest.raises(InputError, match="this model has no floating-point input"):
        found("embedding", Inputs("*"))


def test_a_long_list_is_cut_short_with_its_length():
    model = nn.Sequential(*(nn.Linear(1, 1) for _ in range(20)))
    with pytest.raises(InputError, match=r"11\.weight, \.\.\. \(20 in all\)$"):
        Weights("none").sites(Workload(model))


@pytest.mark.parametrize("pattern", ["embedding", "head", "embedding.weight", "head.w*", "*"])
def test_tied_weights_are_one_tensor_that_any_of_its_names_finds(pattern):
    network = named("tied")
    (site,) = Weights(pattern).sites(network.workload())
    assert (site.name, site.aliases, site.kind) == (
        "embedding.weight",
        ("head.weight",),
        "Embedding",
    )
    (site,) = Weights("*", layers="Linear").sites(network.workload())
    assert site.name == "embedding.weight"


def test_tensors_in_the_same_memory_are_tied_and_other_views_of_it_are_left_out():
    model = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2), nn.Linear(2, 2))
    model[1].weight = nn.Parameter(model[0].weight.detach())
    model[2].weight = nn.Parameter(model[0].weight.detach().t())
    sites, left_out = Weights("*").select(Workload(model))
    assert [(site.name, site.aliases) for site in sites] == [("0.weight", ("1.weight",))]
    assert list(left_out) == ["2.weight"]


def test_tensors_without_memory_or_without_words_are_told_apart_too():
    model = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    model[1].weight = nn.Parameter(torch.zeros(0, 2))
    assert [site.name for site in Weights("*").sites(Workload(model))] == ["0.weight"]
    with torch.device("meta"):
        model = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    assert len(Weights("*").sites(Workload(model))) == 2


def test_a_glob_finds_what_computes_and_a_name_what_contains_it():
    assert found("encoder", Activations("0*")) == [
        "0.self_attn:0",
        "0.norm1",
        "0.linear1",
        "0.linear2",
        "0.norm2",
    ]
    assert found("encoder", Activations("0|1")) == ["0", "1"]
    assert found("dropout", Activations("*")) == ["0", "1", "3"]
    assert found("dict_output", Activations("halves")) == ["halves:left", "halves:right"]
    assert found("dict_output", Activations("halves:right")) == ["halves:right"]


def test_arguments_have_the_names_of_the_models_forward():
    assert found("two_inputs", Inputs("*")) == ["x", "y"]
    assert found("named_inputs", Inputs("y")) == ["y"]
    assert found("attention", Inputs("x")) == ["x"]
