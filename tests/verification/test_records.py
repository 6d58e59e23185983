"""Does a verification say what a hardening protects, and on which data it was profiled?"""

import pytest
import torch
from torch import Tensor, nn

from radhard.campaign import run
from radhard.datasets import Data
from radhard.faults import BitFlip
from radhard.formats import Float32
from radhard.hardenings import Ranger, WeightRangeCheck
from radhard.report import verification_markdown
from radhard.results import Results
from radhard.samplers import Uniform
from radhard.space import FaultSpace
from radhard.targets import Weights
from radhard.verification import covers_in, verify


class Partly(nn.Module):
    """One of its two activation functions cannot be bounded."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.relu, self.two = nn.Linear(3, 6), nn.ReLU(), nn.Linear(6, 6)

    def forward(self, inputs: Tensor) -> Tensor:
        values = self.two(self.relu(self.one(inputs)))
        return nn.functional.gelu(values) + values


def model() -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        return Partly().eval()


def data(first: int, n: int) -> Data:
    inputs = torch.randn(200, 3, generator=torch.Generator().manual_seed(7))
    return Data(inputs[first : first + n], name="noise")


def verified(hardening, profiled: Data, store=None):
    test = data(0, 20)
    space = FaultSpace.of(model(), Weights("*"), BitFlip(bits=30), Float32())
    before = run(model(), test, space, Uniform(12), seed=1, progress=False, audit=0)
    hard = hardening(model(), profiled)
    return verify(
        before, hard, test, base=model(), timed=False, progress=False, audit=0, store=store
    )


@pytest.mark.filterwarnings("ignore:.*not. gelu")
def test_what_is_left_out_is_in_the_result_on_the_page_and_in_the_run_file(tmp_path):
    found = verified(Ranger(), data(50, 120), tmp_path / "hard.db")
    (line,) = [line for line in found.covers if "activation functions" in line]
    assert "1 of 2" in line
    assert "gelu() in 'Partly'" in line
    assert line in repr(found)
    page = verification_markdown(found).replace("\\", "")
    assert "1 of 2 activation functions" in page
    assert "Protected layers" in page
    assert covers_in(Results.open(tmp_path / "hard.db").manifest) == found.covers
    assert not [note for note in found.notes if "profiled" in note]


@pytest.mark.filterwarnings("ignore:.*not. gelu", "ignore:.*too few samples")
@pytest.mark.parametrize(("first", "share"), [(0, "100 %"), (5, "75 %")])
def test_a_profile_that_shares_samples_with_the_test_is_noted(first, share):
    found = verified(Ranger(), data(first, 60))
    (note,) = [note for note in found.notes if "profiled" in note]
    assert share in note
    assert note in repr(found)


def test_a_hardening_that_looks_at_no_data_is_judged_on_any():
    found = verified(WeightRangeCheck(), data(0, 20))
    assert not [note for note in found.notes if "profiled" in note]
    assert covers_in({"hardening": 3}) == covers_in({}) == ()
