"""Is the pipeline the sum of its steps?"""

import pytest
import torch

from radhard.analyses import MaxValue, VulnerabilityGain
from radhard.errors import InputError
from radhard.hardenings import (
    ChannelDuplication,
    Hardening,
    Ranger,
    SentinelNN,
    VulnerabilityPruning,
    parts,
)
from tests.conformance.hardening_subject import network, samples

pytestmark = pytest.mark.filterwarnings("ignore:.*too few samples")


def in_steps(*, prune: float, share: float, given: bool = False) -> torch.nn.Module:
    model, data = network(), samples()
    if prune:
        scores = (MaxValue() if given else VulnerabilityGain())(model, data)
        model = VulnerabilityPruning(conv=prune, linear=prune)(model, data, scores)
    if share:
        model = ChannelDuplication(share=share, edac="min")(
            model, data, VulnerabilityGain()(model, data)
        )
    return Ranger()(model, data)


def same(one: torch.nn.Module, other: torch.nn.Module) -> bool:
    mine, theirs = one.state_dict(), other.state_dict()
    return mine.keys() == theirs.keys() and all(torch.equal(mine[n], theirs[n]) for n in mine)


@pytest.mark.parametrize(("prune", "share"), [(0.25, 0.3), (0.0, 0.3), (0.25, 0.0), (0.0, 0.0)])
def test_it_is_the_sum_of_its_steps(prune: float, share: float) -> None:
    hardening = SentinelNN(prune=prune, share=share, analysis="VulnerabilityGain()")
    hard = hardening(network(), samples())
    assert same(hard, in_steps(prune=prune, share=share))
    assert {part.by for _, part in parts(hard)} == {repr(hardening)}


def test_given_scores_rank_what_is_pruned_and_the_analysis_what_is_left() -> None:
    data = samples()
    hardening: Hardening = SentinelNN(prune=0.4, share=0.3, analysis="VulnerabilityGain()")
    hard = hardening(network(), data, MaxValue()(network(), data))
    assert same(hard, in_steps(prune=0.4, share=0.3, given=True))
    assert not same(hard, in_steps(prune=0.4, share=0.3))


def test_by_default_channel_vulnerability_factors_rank() -> None:
    hard = SentinelNN(prune=0.25)(network(), samples(8))
    assert {"Pruned", "Edac", "Bound"} == {type(part).__name__ for _, part in parts(hard)}


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"prune": 1.0}, "prune=1.0"),
        ({"share": 1.5}, "share=1.5"),
        ({"finetune": -1}, "finetune=-1"),
        ({"analysis": "Oracle()"}, "unknown analysis"),
    ],
    ids=str,
)
def test_arguments_that_make_no_sense_are_refused(wrong, said) -> None:
    with pytest.raises(InputError, match=said):
        SentinelNN(**wrong)
