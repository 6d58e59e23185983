"""Do all engines agree with the reference on networks that a graph holds badly?"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from radhard.datasets.data import Data
from radhard.engines import (
    Bracket,
    Campaign,
    Engine,
    FirstOrder,
    Folded,
    Replay,
    Serial,
    UnsuitableError,
    chosen,
)
from radhard.errors import InputError
from radhard.faults import BitFlip
from radhard.forward import plain
from radhard.metrics import Critical
from radhard.replay.graph import NoGraphError, exported_graph, graph_of
from radhard.samplers import ErrorRate, Sampler, Uniform, Words
from radhard.targets import Activations, Biases, Target, Weights
from tests.engines import batch_sizes, oddities
from tests.engines.batch_sizes import SAMPLES
from tests.engines.campaigns import campaign_of, execute_all
from tests.zoo import Network

NETWORKS = [*batch_sizes.NETWORKS, *oddities.NETWORKS]

STORED: list[Target] = [Weights("*"), Biases("*")]
FLOWING: list[Target] = [Activations("*")]
PERMANENT: list[Target] = [Activations("*", sample="every")]

UNEQUAL = ("Unrolled", "Iterated", "Halved")
"""Networks that call their layers for single samples, so that no fault can be injected."""


def _campaign(network: Network, targets: Sequence[Target], sampler: Sampler) -> Campaign:
    # Only the answers, so that the engines that infer these take part.
    return campaign_of(
        network.build(),
        network.inputs(),
        targets,
        sampler,
        fault=BitFlip(),
        call=network.call,
        metrics=[Critical()],
        seed=3,
    )


def _verdicts(engine: Engine, campaign: Campaign) -> np.ndarray:
    return execute_all(engine, campaign).figures


def _check_equal(
    network: Network, targets: Sequence[Target], sampler: Sampler, engines: Sequence[Engine]
) -> None:
    reference = _verdicts(Serial(), _campaign(network, targets, sampler))
    by_itself = chosen(_campaign(network, targets, sampler), always=True).engine
    for engine in dict.fromkeys((*engines, by_itself)):
        try:
            found = _verdicts(engine, _campaign(network, targets, sampler))
        except UnsuitableError:
            if engine == by_itself:
                raise
            continue  # what it says is looked at below
        np.testing.assert_array_equal(found, reference, err_msg=repr(engine))


def every_second(rest: int) -> list[Any]:
    """Faults in stored words meet one half of the networks, in flowing words the other.

    Where only stored words can be faulty, they always are.
    """
    return [
        pytest.param(
            network,
            marks=() if at % 2 == rest or network.name in UNEQUAL else pytest.mark.slow,
        )
        for at, network in enumerate(NETWORKS)
        if rest == 0 or network.name not in UNEQUAL
    ]


@pytest.mark.parametrize("network", every_second(0), ids=repr)
def test_verdicts_of_faults_in_stored_words_are_the_reference_s(network: Network) -> None:
    _check_equal(network, STORED, Uniform(20), [Replay(), FirstOrder(audit=1.0)])


@pytest.mark.parametrize("network", NETWORKS[::4], ids=repr)
def test_verdicts_of_all_faults_of_a_word_are_the_reference_s(network: Network) -> None:
    # Verdicts are inferred only in words with several faults.
    _check_equal(network, STORED, Words(2), [Bracket(audit=1.0)])


@pytest.mark.parametrize("network", NETWORKS[::4], ids=repr)
def test_verdicts_of_trials_of_many_faults_are_the_reference_s(network: Network) -> None:
    _check_equal(network, STORED, ErrorRate(0.003, trials=15), [Folded()])


@pytest.mark.parametrize("network", every_second(1), ids=repr)
def test_verdicts_of_faults_in_flowing_words_are_the_reference_s(network: Network) -> None:
    _check_equal(network, FLOWING, Uniform(20), [Replay(), FirstOrder(audit=1.0)])


@pytest.mark.parametrize("network", [n for n in NETWORKS if n.name not in UNEQUAL][::4], ids=repr)
def test_verdicts_of_permanent_faults_in_flowing_words_are_the_reference_s(
    network: Network,
) -> None:
    _check_equal(network, PERMANENT, Uniform(30), [Replay()])


@pytest.mark.parametrize("name", ["LenView", "IntView", "LenZeros", "Divided", "OwnStates"])
def test_a_size_that_was_a_constant_becomes_one_that_follows_the_batch(name: str) -> None:
    network = next(network for network in NETWORKS if network.name == name)
    model, inputs = network.build(), network.inputs()
    graph = exported_graph(model, network.call, inputs[:3])
    assert graph.output in graph.by_sample
    with torch.no_grad():
        for size in (1, 2, 4, SAMPLES):
            values = graph.values([inputs[:size]])
            torch.testing.assert_close(values[graph.output], model(inputs[:size]))


@pytest.mark.parametrize(
    "name",
    ["Centred", "ShareOfBatch", "BatchNorm", "Neighbours", "BatchAttention", "Items", "Halved"],
)
def test_no_graph_is_taken_whose_samples_depend_on_each_other_or_on_their_number(name: str) -> None:
    network = next(network for network in NETWORKS if network.name == name)
    with pytest.raises(NoGraphError):
        graph_of(network.build(), network.call, Data(network.inputs()))


def test_a_branch_on_the_size_of_the_batch_leads_to_no_graph() -> None:
    class Odd(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x * (2 if x.shape[0] % 2 else -1)

    # The exporter itself accepts it, and keeps the branch that it took.
    assert exported_graph(Odd().eval(), plain, torch.randn(3, 2)).by_sample
    with pytest.raises(NoGraphError, match="other outputs than the model"):
        graph_of(Odd().eval(), plain, Data(torch.randn(4, 2)))


def test_an_exception_of_our_own_is_not_taken_for_one_of_the_graph(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken(*_: object, plain: object) -> None:
        raise ZeroDivisionError("ours")

    monkeypatch.setattr("radhard.engines.replay.replay.ReplayPlan.of", broken)
    network = next(network for network in NETWORKS if network.name == "LenView")
    with pytest.raises(ZeroDivisionError, match="ours"):
        Replay().open(_campaign(network, STORED, Uniform(5)))


def test_an_engine_that_cannot_names_one_that_can_in_one_line() -> None:
    network = next(network for network in NETWORKS if network.name == "Items")
    for engine, other in ((Bracket(), Replay()), (FirstOrder(), Replay()), (Folded(), Serial())):
        sampler = ErrorRate(0.01, trials=3) if engine == Folded() else Uniform(5)
        with pytest.raises(InputError) as error:
            engine.open(_campaign(network, STORED, sampler))
        assert str(error.value).endswith(f"use {other!r}")
        assert "\n" not in str(error.value)
