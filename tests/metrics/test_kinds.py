"""Are outputs that may be no scores of classes judged only as somebody says they are?"""

import copy

import pytest
import torch
from torch import Tensor, nn

from radhard.campaign import run
from radhard.errors import InputError
from radhard.faults import BitFlip
from radhard.formats import Float32
from radhard.metrics import (
    Accuracy,
    Auroc,
    ConfidenceShift,
    Detected,
    Distance,
    Mismatch,
    Outcome,
    Panel,
    Sdc,
)
from radhard.samplers import Uniform
from radhard.space import FaultSpace
from radhard.targets import Weights

INPUTS = torch.randn(20, 6, generator=torch.Generator().manual_seed(5))


def one_output() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Linear(16, 1)).eval()


def campaign(model: nn.Module, **more):
    space = FaultSpace.of(model, Weights("*"), BitFlip(bits=(28, 29, 30)), Float32())
    return run(model, INPUTS, space, Uniform(60), progress=False, **more)


def by_hand(model: nn.Module, harmed) -> list[float]:
    """The share of samples that ``harmed`` finds in each trial of `campaign`."""
    space = FaultSpace.of(model, Weights("*"), BitFlip(bits=(28, 29, 30)), Float32())
    found = []
    with torch.no_grad():
        golden = model(INPUTS)
        for trial in Uniform(60).draw(space, 0):
            fault, twin = space[int(trial[0])], copy.deepcopy(model)
            word = twin.get_parameter(fault.tensor).data.view(-1).view(torch.int32)
            word[fault.word] ^= 1 << (28, 29, 30)[fault.variant]
            found.append(harmed(twin(INPUTS), golden).double().mean().item())
    return found


@pytest.mark.parametrize("shape", [(), (1,)], ids=repr)
def test_one_output_a_sample_is_judged_as_it_is_said_to_be(shape):
    def call(model: nn.Module, batch: Tensor) -> Tensor:
        return model(batch).reshape(-1, *shape)

    model = one_output()
    with pytest.raises(InputError, match=r"Mismatch\(0.1\).*outputs='logits'"):
        campaign(model, call=call)
    as_logits = campaign(model, call=call, metrics=[Outcome(outputs="logits")])
    expected = by_hand(model, lambda f, g: ((f > 0) != (g > 0)).flatten() & ~f.isnan().flatten())
    assert as_logits.values("critical").tolist() == expected
    assert max(expected) > 0


def test_one_probability_a_sample_has_its_threshold_at_one_half():
    model = nn.Sequential(*one_output(), nn.Sigmoid()).eval()
    found = campaign(model, metrics=[Sdc(outputs="probabilities")])
    expected = by_hand(model, lambda f, g: ((f > 0.5) != (g > 0.5)) & ~f.isnan())
    assert found.values().tolist() == expected
    assert max(expected) > 0


def test_a_regression_is_judged_by_how_far_it_moves():
    model = one_output()
    with torch.no_grad():
        model[2].bias += 60
    found = campaign(model, metrics=[Mismatch(0.1)])
    expected = by_hand(model, lambda f, g: ~((f - g).abs() <= 0.1 * g.abs()))
    assert found.values().tolist() == expected
    assert max(expected) > 0
    assert campaign(model, metrics=[Distance()]).complete


@pytest.mark.parametrize("dtype", [torch.int64, torch.float32, torch.float64, torch.bool])
@pytest.mark.parametrize("metric", [Outcome(), Sdc(), ConfidenceShift(0.1)], ids=repr)
def test_whole_numbers_are_no_scores_unless_somebody_says_so(dtype, metric):
    def call(model: nn.Module, batch: Tensor) -> Tensor:
        scores = model(batch)
        return torch.cat((scores, -scores), 1).mul(3).round().to(dtype)

    model = one_output()
    with pytest.raises(InputError, match=r"integers .*Mismatch\(\).*outputs='logits'"):
        campaign(model, call=call, metrics=[metric])
    assert campaign(model, call=call, metrics=[Mismatch()]).complete
    assert campaign(model, call=call, metrics=[Outcome(outputs="logits")]).complete


def test_probabilities_of_several_classes_are_not_squashed_again():
    golden = torch.tensor([[0.7, 0.2, 0.1]])
    faulty = torch.tensor([[[0.6, 0.3, 0.1]]])
    shifted = [ConfidenceShift(0.13, outputs="probabilities")]
    assert Panel(shifted, golden).score(faulty).tolist() == [[1.0]]  # 0.6 / 0.7 = 1 - 0.143
    assert Panel([ConfidenceShift(0.13)], golden).score(faulty).tolist() == [[0.0]]


def test_auroc_ranks_by_the_probabilities_themselves():
    golden = torch.tensor([[0.5, 0.3, 0.2], [0.4, 0.4, 0.2], [0.1, 0.5, 0.4], [0.2, 0.2, 0.6]])
    labels = torch.tensor([0, 1, 1, 2])
    found = Panel([Auroc(outputs="probabilities")], golden, labels).score(golden[None])
    # Class 0: 3 of 3 pairs; class 1: 4 of 4; class 2: 3 of 3.
    assert found[0, 0] == 1.0


def test_metrics_of_one_campaign_agree_on_what_the_outputs_are():
    golden = torch.rand(4, 3)
    with pytest.raises(InputError, match="interpret the same outputs differently"):
        Panel([Outcome(outputs="probabilities"), Sdc()], golden)
    with pytest.raises(InputError, match="leave out outputs"):
        Panel([Distance(outputs="logits")], golden)
    with pytest.raises(InputError, match="logits"):
        Detected("energy", 0.5, outputs="probabilities")


@pytest.mark.parametrize(
    "labels",
    [
        torch.arange(20) + 5,
        torch.rand(20),
        torch.randint(0, 2, (20, 4)),
        torch.rand(20, 4),
        -torch.ones(20, dtype=torch.int64),
    ],
    ids=["out of range", "numbers", "several a sample", "soft", "negative"],
)
def test_labels_that_do_not_suit_leave_the_outcome_alone_with_a_note(labels):
    torch.manual_seed(0)
    model = nn.Linear(6, 4).eval()
    space = FaultSpace.of(model, Weights("*"), BitFlip(bits=30), Float32())
    found = run(model, (INPUTS, labels), space, Uniform(10), progress=False)
    assert found.manifest["metrics"] == [repr(Outcome())]
    assert any("cannot be computed with these labels" in note for note in found.manifest["notes"])
    with pytest.raises(InputError, match="label"):
        run(model, (INPUTS, labels), space, Uniform(10), metrics=[Accuracy()], progress=False)


def test_samples_of_one_answer_are_noted():
    torch.manual_seed(0)
    model = nn.Linear(6, 4).eval()
    with torch.no_grad():
        model.bias[2] += 100
    space = FaultSpace.of(model, Weights("*"), BitFlip(bits=30), Float32())
    notes = run(model, INPUTS, space, Uniform(10), progress=False).manifest["notes"]
    assert any("one fault-free prediction, class 2" in note for note in notes)
