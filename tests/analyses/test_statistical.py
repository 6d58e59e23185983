"""Does the forest learn from what was measured, and is it judged by what it did not see?"""

from typing import Any

import numpy as np
import pytest
import scipy.stats
import torch
from sklearn.ensemble import RandomForestRegressor
from sklearn.metrics import r2_score
from sklearn.model_selection import KFold
from torch import Tensor, nn

from radhard.analyses import Statistical
from radhard.analyses.statistical.features import NAMES, features
from radhard.campaign import run
from radhard.datasets import Data
from radhard.engines import Replay, Serial
from radhard.errors import InputError
from radhard.faults import BitFlip
from radhard.formats import Fixed, Float32, stored_as
from radhard.metrics import Outcome
from radhard.samplers import Exhaustive, Words
from radhard.scores import Scores
from radhard.space import FaultSpace
from radhard.targets import Weights
from radhard.workload import Workload
from tests.small import data, network


class Small(nn.Module):
    """A shared layer behind a convolution."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.twice = nn.Conv2d(1, 3, 3, padding=1), nn.Linear(9, 9)
        self.norm, self.head = nn.BatchNorm2d(3), nn.Linear(27, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.relu(self.norm(self.conv(x))).flatten(2)
        x = torch.relu(self.twice(torch.relu(self.twice(x))))
        out: Tensor = self.head(x.flatten(1))
        return out


def small() -> tuple[nn.Module, Data]:
    torch.manual_seed(0)
    return Small().eval(), Data(torch.randn(12, 1, 3, 3))


def of(analysis: Statistical, model: nn.Module, samples: Data, seed: int = 0) -> Scores:
    return analysis(model, samples, seed=seed, progress=False)


def test_features_are_magnitude_gradient_uses_and_position() -> None:
    model, samples = small()
    with torch.no_grad():
        logits = model(samples.inputs)
    workload = Workload(model, samples, batch=5)
    sites = FaultSpace.of(model, Weights("*"), BitFlip(), Float32()).sites
    found = dict(
        zip([s.name for s in sites], features(workload, sites, logits.argmax(1)), strict=True)
    )
    loss = nn.functional.cross_entropy(model(samples.inputs), logits.argmax(1))
    named = dict(model.named_parameters())
    slopes = torch.autograd.grad(loss, [named[name] for name in found])
    # A 3x3 map has 9 positions; the shared layer sees 3 rows, twice.
    uses = {"conv.weight": 9, "twice.weight": 6, "norm.weight": 9, "head.weight": 1}
    for at, ((name, columns), slope) in enumerate(zip(found.items(), slopes, strict=True)):
        expected = [named[name].detach().abs(), slope.abs(), uses[name], at]
        for column, value in zip(columns.T, expected, strict=True):
            np.testing.assert_allclose(
                column, np.broadcast_to(np.ravel(value), column.shape), rtol=1e-4, atol=1e-8
            )


def test_measured_held_out_and_predicted_values_are_those_of_scikit_learn() -> None:
    model, samples = small()
    exponent = BitFlip(field="exponent")  # the eight bits that do most
    space = FaultSpace.of(model, Weights("*"), exponent, Float32())
    scores = of(Statistical(8 * 25, trees=10, leaf=3, fault=exponent), model, samples, seed=3)

    results = run(
        model, samples, space, Words(25), seed=3, engine=Serial(), metrics=[Outcome()],
        progress=False,
    )  # fmt: skip
    words = Words(25).draw(space, 3).at(np.arange(0, 25 * 8, 8)) // 8
    means = results.to_frame().groupby(["tensor", "index"])["Outcome().critical"].mean()
    faults = [space[word * 8] for word in words.tolist()]
    measured = np.array([means[f.tensor, space.coordinates(f)[0]] for f in faults])
    workload = Workload(model, samples, batch=12)
    known = np.concatenate(features(workload, space.sites, workload.predictions))
    forest_seed, fold_seed = np.random.default_rng((3, 1)).integers(2**31, size=2).tolist()
    held_out = np.zeros(25)
    for train, test in KFold(5, shuffle=True, random_state=fold_seed).split(words):
        forest = RandomForestRegressor(10, min_samples_leaf=3, random_state=forest_seed)
        forest.fit(known[words[train]], measured[train])
        held_out[test] = forest.predict(known[words[test]])
    facts = scores.facts["held out"]
    assert facts["r2"]["value"] == pytest.approx(r2_score(measured, held_out))
    rank = scipy.stats.spearmanr(measured, held_out).statistic
    assert facts["rank"]["value"] == pytest.approx(rank)
    for share in facts.values():
        assert share["low"] < share["value"] < share["high"]
    forest = RandomForestRegressor(10, min_samples_leaf=3, random_state=forest_seed).fit(
        known[words], measured
    )
    found = np.concatenate([scores[site.name].ravel() for site in space.sites])
    np.testing.assert_allclose(found, forest.predict(known))
    assert scores.facts["parameters tried"] == 25
    assert scores.facts["injections"] == 25 * 8
    assert list(scores.facts["importance"]) == list(NAMES)


def test_it_tells_vulnerable_weights_that_it_did_not_see() -> None:
    # Of narrow words every bit matters, so that the vulnerability of a weight is no matter of luck.
    torch.manual_seed(1)
    model = nn.Sequential(nn.Linear(12, 24), nn.ReLU(), nn.Linear(24, 4))
    with torch.no_grad():
        model[0].weight[::2] *= 0.1
        model[2].weight[:, ::2] *= 0.1
    model = stored_as(model, Fixed(2, 5))
    samples = Data(torch.randn(40, 12))
    scores = of(Statistical(8 * 120, trees=30, format="Fixed(2, 5)"), model, samples)
    held_out = scores.facts["held out"]
    assert held_out["rank"]["low"] > 0.3
    assert held_out["r2"]["low"] > 0
    space = FaultSpace.of(model, Weights("*"), BitFlip(), Fixed(2, 5))
    seen = Words(120).draw(space, 0).at(np.arange(0, 120 * 8, 8)) // 8
    whole = run(model, samples, space, Exhaustive(), engine=Replay(), progress=False)
    truth = whole.values("critical").reshape(-1, 8).mean(axis=1)
    unseen = np.setdiff1d(np.arange(len(truth)), seen)
    found = np.concatenate([scores[site.name].ravel() for site in space.sites])
    rank = scipy.stats.spearmanr(found[unseen], truth[unseen]).statistic
    assert held_out["rank"]["low"] - 0.1 < rank < held_out["rank"]["high"] + 0.1
    assert scores.agreement(whole).error == pytest.approx(np.abs(found - truth).mean())


@pytest.mark.parametrize(
    ("analysis", "message"),
    [
        (Statistical(600), "at least 20 parameters"),
        (Statistical(fault="BitFlip(bits=(0,))"), "equally vulnerable"),
    ],
)
def test_what_gives_nothing_to_learn_from_is_refused(analysis: Statistical, message: str) -> None:
    with pytest.raises(InputError, match=message):
        of(analysis, network(), data())


@pytest.mark.parametrize(
    "bad", [{"injections": 0}, {"trees": 0}, {"leaf": 0}, {"format": "Float33"}]
)
def test_arguments_that_make_no_sense_are_refused(bad: dict[str, Any]) -> None:
    with pytest.raises(InputError):
        Statistical(**bad)


def test_a_model_without_any_finite_gradient_is_refused_in_one_line() -> None:
    class Root(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc = nn.Linear(3, 20)
            nn.init.zeros_(self.fc.weight)
            nn.init.zeros_(self.fc.bias)

        def forward(self, x: Tensor) -> Tensor:
            return torch.sqrt(self.fc(x)) + torch.linspace(0, 0.9, 20)

    with pytest.raises(InputError, match="finite gradient") as raised:
        of(Statistical(32 * 20), Root(), Data(torch.ones(4, 3)))
    assert "\n" not in str(raised.value)
