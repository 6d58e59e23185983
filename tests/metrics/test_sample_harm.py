"""Is a changed prediction counted for its sample?"""

import numpy as np
import pytest
import torch
from torch import nn

from radhard import FaultSpace, report, run
from radhard.engines import FirstOrder, Replay, Serial, UnsuitableError
from radhard.errors import InputError
from radhard.faults import BitFlip
from radhard.formats import Float32
from radhard.metrics import Critical, Panel, SampleHarm
from radhard.notes import Note
from radhard.report.estimate_cells import read_rows
from radhard.samplers import ErrorRate, Exhaustive, Uniform
from radhard.targets import Activations, Weights

GOLDEN = torch.tensor([[9.0, 0, 0], [9, 0, 0], [0, 9, 0], [9, 0, 0]])


def linear() -> tuple[nn.Module, torch.Tensor]:
    generator = torch.Generator().manual_seed(3)
    model = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 3))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator))
    return model, torch.randn(6, 3, generator=generator)


def test_changes_count_for_their_samples_and_sum_to_the_critical_rate():
    faulty = GOLDEN + 9 * torch.randn(20, 4, 3, generator=torch.Generator().manual_seed(0))
    faulty[0, 1, 2] = torch.nan
    scores = Panel([SampleHarm(4), Critical()], GOLDEN, None).score(faulty)
    changed = (faulty.argmax(2) != GOLDEN.argmax(1)) & ~faulty.isnan().any(2)
    assert scores[:, :4] == pytest.approx(changed.double().numpy() / 4)
    assert scores[:, :4].sum(1) == pytest.approx(scores[:, 4])
    first = Panel([SampleHarm(2)], GOLDEN, None).score(faulty)
    assert np.array_equal(first, scores[:, :2])


def test_a_trial_of_one_sample_counts_for_that_sample():
    panel = Panel([SampleHarm(4)], GOLDEN, None, alone=True)
    outputs = torch.tensor([[0.0, 1, 0], [9, 0, 0], [9, 0, 0]])
    found = panel.score_samples(outputs, torch.tensor([3, 0, 2]))
    assert found.tolist() == [[0, 0, 0, 1], [0, 0, 0, 0], [0, 0, 1, 0]]


def test_the_fast_judge_equals_the_means_of_the_verdicts():
    faulty = GOLDEN + 9 * torch.randn(20, 4, 3, generator=torch.Generator().manual_seed(1))
    metric = SampleHarm(3)
    panel = Panel([metric], GOLDEN, None)
    slow = super(SampleHarm, metric).against(panel.golden)
    fast = metric.against(panel.golden)
    from radhard.metrics.outputs import Faulty

    assert torch.equal(fast(Faulty(faulty, panel.golden)), slow(Faulty(faulty, panel.golden)))


@pytest.mark.parametrize("target", [Weights("*"), Activations("0")])
def test_rates_of_an_exhausted_space_are_the_shares_of_faults_that_change_the_sample(target):
    model, data = linear()
    space = FaultSpace.of(model, target, BitFlip(), Float32(), data=data)
    results = run(
        model, data, space, Exhaustive(), metrics=["SampleHarm(6)", "Critical()"],
        engine=Serial(), progress=False, audit=0,
    )  # fmt: skip
    text = " ".join(report.markdown(results).replace("|", " ").replace("\\", "").split())
    rates = {at: results.rate(f"sample_{at}").map(lambda x: 6 * x, "share") for at in range(6)}
    for at, reading in read_rows(rates).items():
        share = 6 * results.values(f"sample_{at}").mean()
        assert rates[at].value == pytest.approx(share)
        assert f" {at} {' '.join(reading)}" in text
    total = sum(results.rate(f"sample_{at}").value for at in range(6))
    assert total == pytest.approx(results.rate("critical").value)
    assert total > 0


def test_no_engine_infers_verdicts_of_single_samples():
    model, data = linear()
    space = FaultSpace.of(model, Weights("*"), BitFlip(), Float32())
    runs = [
        run(
            model, data, space, Uniform(300), metrics=["SampleHarm(6)"], engine=engine,
            progress=False, audit=0,
        )
        for engine in (Serial(), Replay(), "auto")
    ]  # fmt: skip
    for other in runs[1:]:
        assert not other.means.infers
        assert all(np.array_equal(runs[0].values(c), other.values(c)) for c in other.columns)
    with pytest.raises(UnsuitableError):
        run(
            model, data, space, Uniform(300), metrics=["SampleHarm(6)"], engine=FirstOrder(),
            progress=False,
        )  # fmt: skip


def test_tables_of_all_figures_leave_samples_out():
    model, data = linear()
    space = FaultSpace.of(model, Weights("*"), BitFlip(), Float32())
    results = run(
        model, data, space, Uniform(40), metrics=["Critical()", "SampleHarm(6)"], progress=False
    )
    assert "sample_3" not in repr(results) + results._repr_html_() + report.markdown(results)
    assert results.tabled == ["Critical().critical", "Critical().due"]


def test_at_error_rates_a_page_says_where_the_figures_are():
    model, data = linear()
    space = FaultSpace.of(model, Weights("*"), BitFlip(), Float32())
    sampler = ErrorRate((0.001, 0.01), trials=4)
    metrics = ["Critical()", "SampleHarm(6)"]
    results = run(model, data, space, sampler, metrics=metrics, progress=False)
    text = report.markdown(results).replace("\\", "")
    assert "results.rate('sample_0', by='rate')" in text
    assert set(results.rate("sample_0", by="rate")) == {"0.001", "0.01"}


def test_many_figures_of_a_metric_are_named_together_in_notes():
    columns = {
        f"SampleHarm(9).sample_{at}": {
            "differing": int(at == 2), "at_most": 0.1, "mean_difference": 0.5
        }
        for at in range(9)
    }  # fmt: skip
    note = Note("audit", {"trials": 20, "of": 100, "columns": columns})
    assert "8 figures of SampleHarm(9)" in str(note)
    assert "SampleHarm(9).sample_2 in 1" in str(note)
    assert "sample_2 differs in 1" in note.brief([])


def test_more_samples_than_there_are_are_refused():
    with pytest.raises(InputError, match="the data have 4 samples"):
        Panel([SampleHarm(5)], GOLDEN, None)
    for samples in (0, 1001):
        with pytest.raises(InputError, match="from 1 to 1,000"):
            SampleHarm(samples)
