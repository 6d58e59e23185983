"""Is it said where rounding decides what is predicted, and only there?"""

import pytest
import torch
from torch import nn

from radhard.campaign import run
from radhard.datasets import Data
from radhard.engines import Replay, Serial
from radhard.metrics import Critical, Mismatch
from radhard.samplers import Uniform


class Centred(nn.Module):
    """Means of normalized values: 0 but for rounding, unless the first input adds to them."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(3)
        self.layer, self.norm = nn.Linear(6, 24), nn.LayerNorm(8)

    def forward(self, x):
        centred = self.norm(self.layer(x).reshape(-1, 3, 8)).mean(2)
        return centred + x[:, :1] * torch.arange(3.0)


def inputs(apart=0):
    x = torch.randn(20, 6, generator=torch.Generator().manual_seed(1))
    x[:, 0] = 0
    x[:apart, 0] = 1
    return x


def counted(model, x, metric="Critical()", **options):
    data = Data(x, torch.zeros(len(x), dtype=torch.long))
    options = {"engine": Serial(), "batch": 6, **options}
    results = run(model.eval(), data, None, Uniform(5), metrics=metric, progress=False, **options)
    (note,) = [note for note in results.notes if note.kind == "close outputs"] or [None]
    return note and (note.facts["samples"], note.facts["of"])


@pytest.mark.parametrize("apart", [0, 7, 20])
def test_samples_whose_outputs_are_nothing_but_rounding_are_counted(apart):
    assert counted(Centred(), inputs(apart)) == ((20 - apart, 20) if apart < 20 else None)
    assert counted(Centred(), inputs(apart), engine=Replay()) == counted(Centred(), inputs(apart))


def test_engines_indeed_disagree_about_such_samples():
    found = set()
    for size in (1, 20):
        model, x = Centred().eval(), inputs()
        with torch.no_grad():
            found.add(tuple(torch.cat([model(part) for part in x.split(size)]).argmax(1).tolist()))
            turned = model.norm(model.layer(x).reshape(-1, 3, 8)).flip(2).mean(2)
            found.add(tuple(turned.argmax(1).tolist()))
    assert len(found) > 1


def test_outputs_that_are_close_but_not_by_rounding_are_none():
    model = nn.Linear(6, 2)
    with torch.no_grad():
        model.weight.zero_()
        model.bias.copy_(torch.tensor([0.0, 1e-6]))
    assert counted(model, inputs()) is None


def test_ties_of_silent_or_coarsely_rounded_outputs_are_none():
    silent = nn.Sequential(nn.Linear(6, 3), nn.ReLU())
    nn.init.constant_(silent[0].bias, -100.0)
    silent.register_forward_hook(lambda module, args, output: output + 0.5)
    assert counted(silent, inputs()) is None
    coarse = nn.Linear(6, 3)
    coarse.register_forward_hook(lambda module, args, output: (output / 8).round() * 8 + 0.5)
    assert counted(coarse, inputs()) is None


def test_nothing_is_counted_where_predictions_do_not_matter():
    assert counted(Centred(), inputs(), [Critical(), Mismatch()]) == (20, 20)
    assert counted(Centred(), inputs(), Mismatch()) is None


def test_a_model_that_refuses_other_inputs_is_left_as_it_is():
    class Strict(Centred):
        def forward(self, x):
            if not bool((x == x.bfloat16()).all()):
                raise ValueError("inputs are no bfloat16")
            return super().forward(x)

    model = Strict()
    assert counted(model, inputs().bfloat16().float()) is None
    assert not any(module._forward_hooks for module in model.modules())
