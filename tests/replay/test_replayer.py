"""Are the outputs of a replayer those of a model whose values really differ?"""

import ast
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import radhard.replay
from radhard.datasets import Data
from radhard.replay import Deviation, Replayer, WordChange
from radhard.targets import Activations, Biases, Site, Weights
from radhard.workload import Workload
from tests.zoo import NETWORKS, SAMPLES, Network, named

FOLLOWED = ("residual", "convolutions", "lstm", "gru", "concatenation", "twice", "flat", "double")
"""Networks of which the graph shows what is behind a module."""


def workload_of(network: Network, batch: int = 2) -> Workload:
    return Workload(network.build().eval(), Data(network.inputs()), network.call, batch)


def activations(workload: Workload) -> list[Site]:
    return Activations("*").sites(workload)


def probes(site: Site, number: int, seed: int) -> tuple[Tensor, tuple[Tensor, ...], Tensor]:
    """Samples, coordinates and values by which single elements deviate."""
    rng = np.random.default_rng(seed)
    samples = torch.from_numpy(rng.integers(SAMPLES, size=number))
    at = tuple(torch.from_numpy(rng.integers(size, size=number)) for size in site.shape)
    by = torch.from_numpy(rng.normal(size=number) * 3).to(getattr(torch, site.dtype))
    return samples, at, by


def hooked(workload: Workload, site: Site, sample: int, change: Tensor) -> Tensor:
    """The outputs of one sample while a difference is added to one call of a module, by a hook."""
    calls = 0

    def hook(module: nn.Module, arguments: object, output: Tensor) -> Tensor:
        nonlocal calls
        calls += 1
        return output + change if calls - 1 == site.call else output

    handle = workload.model.get_submodule(site.layer).register_forward_hook(hook)
    try:
        with torch.no_grad():
            rows = workload.data.rows(slice(sample, sample + 1))
            return workload.call(workload.model, rows)[0]
    finally:
        handle.remove()


def close(one: Tensor, other: Tensor) -> None:
    share = 200 * torch.finfo(other.dtype).eps
    torch.testing.assert_close(one, other, rtol=share, atol=share * (float(other.abs().max()) + 1))


@pytest.mark.parametrize("name", FOLLOWED)
def test_a_deviation_gives_the_outputs_of_a_hooked_model(name: str) -> None:
    workload = workload_of(named(name))
    sites = activations(workload)
    replayer = Replayer.of(workload, sites)
    places = [place for place in range(len(sites)) if replayer.flows(place)]
    assert places
    for place in places:
        site = sites[place]
        samples, at, by = probes(site, 6, place)
        deviation = Deviation(samples, at, by.reshape(-1, *[1] * len(at)))
        outputs = replayer.outputs(place, deviation, rows=4)
        for probe, sample in enumerate(samples.tolist()):
            change = torch.zeros(site.shape, dtype=by.dtype)
            change[tuple(int(axis[probe]) for axis in at)] = by[probe]
            close(outputs[probe], hooked(workload, site, sample, change))


def test_a_channel_deviates_as_a_whole_and_a_value_can_be_replaced() -> None:
    workload = workload_of(named("convolutions"))
    sites = activations(workload)
    replayer = Replayer.of(workload, sites)
    site = sites[0]
    golden = replayer.golden_at(0)
    by = torch.full((2, 1, *site.shape[1:]), 0.5)
    deviation = Deviation(torch.tensor([0, 2]), (torch.tensor([1, 0]), None, None), by)
    outputs = replayer.outputs(0, deviation)
    for probe, (sample, channel) in enumerate([(0, 1), (2, 0)]):
        change = torch.zeros(site.shape)
        change[channel] = 0.5
        close(outputs[probe], hooked(workload, site, sample, change))
    replaced = Deviation(
        torch.tensor([1]),
        (torch.tensor([0]), *[torch.tensor([2])] * 2),
        by[:1, :, :1, :1] * 9,
        True,
    )
    change = torch.zeros(site.shape)
    change[0, 2, 2] = 4.5 - golden[1, 0, 2, 2]
    close(replayer.outputs(0, replaced)[0], hooked(workload, site, 1, change))


@pytest.mark.parametrize("folded", [False, True])
@pytest.mark.parametrize("name", [*FOLLOWED, "attention", "layer_norm", "embedding", "tied"])
def test_changed_words_give_the_outputs_of_a_model_with_other_parameters(
    name: str, folded: bool
) -> None:
    workload = workload_of(named(name))
    sites = [site for target in (Weights("*"), Biases("*")) for site in _sites(target, workload)]
    replayer = Replayer.of(workload, sites, unfolded=() if folded else None)
    assert bool(replayer.factors) == (folded and name == "residual")
    places = [place for place in range(len(sites)) if replayer.takes(place)]
    assert places
    parameters = dict(workload.model.named_parameters(remove_duplicate=False))
    for place in places:
        tensor, rng = parameters[sites[place].name], np.random.default_rng(place)
        changes = []
        for size in (0.5, -2.0):
            at = tuple(int(rng.integers(n)) for n in tensor.shape)
            changes.append(WordChange(at, size, float(tensor.detach()[at]) + size))
        outputs = replayer.parameter_outputs(place, changes)
        for number, change in enumerate(changes):
            kept = tensor[change.at].clone()
            with torch.no_grad():
                tensor[change.at] += change.difference
                expected = workload.call(workload.model, workload.data.inputs)
                tensor[change.at] = kept
            close(outputs[number], expected)


def _sites(target: Weights | Biases, workload: Workload) -> list[Site]:
    try:
        return target.sites(workload)
    except radhard.errors.InputError:  # a network without biases
        return []


def test_samples_that_do_not_fit_together_are_taken_in_pieces() -> None:
    workload = workload_of(named("convolutions"))
    sites = activations(workload)
    whole, parts = Replayer.of(workload, sites), Replayer.of(workload, sites, memory=1)
    assert [len(whole.pieces), len(parts.pieces)] == [1, SAMPLES]
    samples, at, by = probes(sites[1], 9, 0)
    deviation = Deviation(samples, at, by.reshape(-1, 1, 1, 1))
    close(parts.golden_at(1), whole.golden_at(1))
    close(parts.outputs(1, deviation), whole.outputs(1, deviation))


def test_a_difference_that_vanishes_leaves_the_outputs_of_the_model() -> None:
    workload = workload_of(named("inplace"))  # linear, rectifier, linear
    sites = activations(workload)
    replayer = Replayer.of(workload, sites)
    dead = (replayer.golden_at(0) < -0.2).nonzero()
    assert len(dead)
    by = torch.full((len(dead), 1), 0.1)
    outputs = replayer.outputs(0, Deviation(dead[:, 0], (dead[:, 1],), by))
    assert torch.equal(outputs, workload.golden[dead[:, 0]])


@pytest.mark.parametrize("size", [3e38, float("nan"), float("inf")])
def test_values_that_may_overflow_are_reported(size: float) -> None:
    workload = workload_of(named("convolutions"))
    sites = activations(workload)
    replayer = Replayer.of(workload, sites)
    samples, at, by = probes(sites[0], 3, 0)
    by[1] = size
    deviation = Deviation(samples, at, by.reshape(-1, 1, 1, 1), True)
    _, extremes = replayer.outputs_and_extremes(0, deviation)
    assert extremes.tolist() == [False, True, False]


def test_gradients_reach_the_deviation() -> None:
    workload = workload_of(named("double"))
    sites = activations(workload)
    replayer = Replayer.of(workload, sites)
    samples, at = torch.arange(SAMPLES), (torch.tensor([0, 1, 2]),)

    def total(by: Tensor) -> Tensor:
        return replayer.differentiable_outputs(0, Deviation(samples, at, by)).square().sum()

    by = torch.full((SAMPLES, 1), 0.7, dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(total(by), by)
    step = 1e-6
    with torch.no_grad():
        for probe in range(SAMPLES):
            ends = [
                total(by + side * step * torch.eye(SAMPLES)[:, probe : probe + 1])
                for side in (1, -1)
            ]
            assert float(slope[probe]) == pytest.approx(
                float(ends[0] - ends[1]) / 2 / step, rel=1e-4
            )


@pytest.mark.parametrize("network", NETWORKS, ids=repr)
def test_a_place_is_taken_or_there_is_a_reason(network: Network) -> None:
    workload = workload_of(network)
    sites = [*activations(workload), *_sites(Weights("*"), workload)]
    replayer = Replayer.of(workload, sites, unfolded=())
    for place in range(len(sites)):
        assert replayer.takes(place) == (replayer.why_not(place) == "")


def imports(folder: Path) -> Iterator[str]:
    for path in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom):
                yield node.module or ""


def test_the_room_knows_no_campaigns_faults_metrics_or_engines() -> None:
    rooms = {
        name.split(".")[1]
        for name in imports(Path(radhard.replay.__path__[0]))
        if name.startswith("radhard.")
    }
    assert "workload" in rooms
    assert not rooms & {"campaign", "engines", "faults", "formats", "metrics", "samplers", "space"}


def test_tensors_that_are_folded_away_are_not_taken() -> None:
    workload = workload_of(named("residual"))
    sites = [*activations(workload), *_sites(Weights("*"), workload)]
    kept = Replayer.of(workload, sites)
    folded = Replayer.of(workload, sites, unfolded=())
    lost = [p for p in range(len(sites)) if kept.takes(p) and not folded.takes(p)]
    assert {sites[place].kind for place in lost} == {"Conv2d", "BatchNorm2d"}
    assert all("folded" in folded.why_not(place) for place in lost)
