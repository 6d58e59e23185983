"""Is a reader told before the first trial what makes the results of a campaign doubtful?"""

import warnings

import pytest
import torch
from torch import nn

from radhard.campaign import run
from radhard.campaign_notes import near_chance
from radhard.cli import main
from radhard.errors import RadhardWarning
from radhard.metrics import Accuracy, Outcome
from radhard.metrics.outputs import Golden
from radhard.report.document import document


def golden(right: int, of: int, classes: int) -> Golden:
    """Outputs of which so many are right."""
    labels = torch.arange(of) % classes
    predicted = torch.where(torch.arange(of) < right, labels, (labels + 1) % classes)
    return Golden(nn.functional.one_hot(predicted, classes).float(), labels)


@pytest.mark.parametrize(
    ("right", "of", "classes", "doubted"),
    [
        (10, 100, 10, True),
        (16, 100, 10, True),  # as often as one of a hundred networks that guess
        (30, 100, 10, False),
        (94, 100, 10, False),
        (1, 8, 10, False),  # too few samples to tell
        (2, 20, 10, True),
        (50, 100, 2, True),
        (80, 100, 2, False),
        (0, 100, 10, True),
    ],
)
def test_an_accuracy_near_chance_is_doubted(right, of, classes, doubted):
    assert bool(near_chance([Outcome(), Accuracy()], golden(right, of, classes))) == doubted
    assert not near_chance([Outcome()], golden(right, of, classes))


def guessing():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = nn.Sequential(nn.Flatten(), nn.Linear(4, 10)).eval()
        return model, (torch.randn(60, 4), torch.randint(10, (60,)))


def test_python_the_results_and_the_page_warn_of_it():
    model, data = guessing()
    with pytest.warns(RadhardWarning, match="above chance") as caught:
        results = run(model, data, None, "Uniform(3)", progress=False, audit=0)
    assert caught[0].filename == __file__
    assert any(note.kind == "near chance" for note in results.notes)
    assert "above chance" in document(results).warnings[0]


def test_a_trained_network_is_not_doubted():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        run("lenet5", "mnist(n=30)", None, "Uniform(3)", progress=False, audit=0)


def test_the_screen_says_it_once_in_a_line(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "net.py").write_text(
        "import torch\nfrom torch import nn\n"
        "def build():\n    torch.manual_seed(0)\n    return nn.Linear(4, 10)\n"
        "def test_set():\n    torch.manual_seed(1)\n"
        "    return torch.randn(60, 4), torch.randint(10, (60,))\n"
    )
    command = ["run", "net.py:build", "--data", "net.py:test_set", "--margin", "20%"]
    assert main(command) == 0
    lines = [line for line in capsys.readouterr().err.splitlines() if "above chance" in line]
    assert len(lines) == 1
