"""Are scores at each time step judged as those of samples of their own?"""

import pytest
import torch
from sklearn.metrics import f1_score, roc_auc_score
from torch import nn

import radhard as rh
from radhard.engines import Serial
from radhard.errors import InputError
from radhard.metrics import F1, METRICS, Accuracy, Auroc, EachStep, Outcome, Panel

torch.manual_seed(0)
GOLDEN, FAULTY = torch.randn(6, 5), torch.randn(3, 6, 5)
LABELS = torch.randint(2, (6, 5))


def test_areas_and_f1_are_those_of_scikit_learn_over_steps_and_samples():
    metrics = [EachStep(Auroc(outputs="logits")), EachStep(F1(outputs="logits"))]
    areas, f1 = Panel(metrics, GOLDEN, LABELS).score(FAULTY)[:, [0, 2]].T
    truth = LABELS.flatten()
    for trial, scores in enumerate(FAULTY.flatten(1)):
        assert areas[trial] == pytest.approx(roc_auc_score(truth, scores))
        assert f1[trial] == pytest.approx(f1_score(truth, scores > 0, average="macro"))


def test_a_step_with_one_score_of_three_axes_or_two_classes_is_the_same():
    flat = Panel([EachStep(Auroc(outputs="logits"))], GOLDEN, LABELS).score(FAULTY)
    single = Panel([EachStep(Auroc(outputs="logits"))], GOLDEN[..., None], LABELS)
    assert (single.score(FAULTY[..., None]) == flat).all()
    pairs = [torch.stack([torch.zeros_like(x), x], dim=-1) for x in (GOLDEN, FAULTY)]
    both = Panel([EachStep(Auroc(outputs="logits"))], pairs[0], LABELS)
    assert (both.score(pairs[1]) == flat).all()


def test_a_network_with_a_score_at_each_step_is_run_as_any_other():
    class Risk(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            torch.manual_seed(1)
            self.lstm, self.fc = nn.LSTM(2, 4, batch_first=True), nn.Linear(4, 1)

        def forward(self, visits):
            return self.fc(self.lstm(visits)[0])

    inputs = torch.randn(8, 5, 2)
    data = rh.datasets.Data(inputs, torch.randint(2, (8, 5)))
    metrics = ["EachStep(Auroc(outputs='logits'))", EachStep(Outcome(outputs="logits"))]
    found = [
        rh.run(Risk(), data, sampler="Uniform(30)", metrics=metrics, engine=engine, progress=False)
        for engine in ("auto", Serial())
    ]
    tables = [results.to_frame().filter(like="EachStep").to_numpy() for results in found]
    assert tables[0].shape[1] > 2
    assert (abs(tables[0] - tables[1]) < 1e-6).all()


def test_what_has_no_steps_is_said_in_one_line():
    with pytest.raises(InputError, match="each of 6 x 5 steps"):
        Panel([EachStep(Accuracy(outputs="logits"))], GOLDEN, LABELS[:, 0])
    with pytest.raises(InputError, match="samples, steps"):
        Panel([EachStep(Accuracy(outputs="logits"))], GOLDEN[:, 0], LABELS[:, 0])
    with pytest.raises(InputError, match="labels"):
        Panel([EachStep(Accuracy(outputs="logits"))], GOLDEN)
    with pytest.raises(InputError, match="one sample"):
        Panel([EachStep(Outcome(outputs="logits"))], GOLDEN, alone=True)
    with pytest.raises(InputError, match="EachStep"):
        METRICS.parse("EachStep(Corrections())")
