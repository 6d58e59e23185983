"""Does every metric keep the promises of its family?"""

import numpy as np
import pytest
import torch
from torch import Tensor

from radhard import metrics
from radhard.errors import InputError
from radhard.metrics import METRICS as FAMILY
from radhard.metrics import EachStep, Metric, Panel, SampleHarm
from radhard.metrics.base import SampleMetric

from .metric_examples import EXAMPLES

SAMPLES, CLASSES, TRIALS = 12, 4, 9
every = pytest.mark.parametrize("metric", EXAMPLES, ids=repr)


def outputs() -> tuple[Tensor, Tensor, Tensor]:
    """Golden outputs, those of trials from unharmed to badly harmed, and labels."""
    generator = torch.Generator().manual_seed(7)
    golden = torch.randn(SAMPLES, CLASSES, generator=generator)
    scale = torch.logspace(-2, 1, TRIALS)[:, None, None]
    faulty = golden + scale * torch.randn(TRIALS, SAMPLES, CLASSES, generator=generator)
    faulty[0] = golden
    faulty[4, :3] = golden[:3]
    faulty[5, 2, 1] = torch.inf
    faulty[6, 3, 0] = -torch.inf
    labels = torch.arange(SAMPLES) % CLASSES
    return golden, faulty, labels


def test_every_metric_of_the_family_has_an_example() -> None:
    assert {name for name, _ in FAMILY.listed()} == {type(metric).__name__ for metric in EXAMPLES}


def test_every_name_in_all_exists() -> None:
    assert sorted(set(metrics.__all__)) == sorted(metrics.__all__)
    for name in metrics.__all__:
        assert getattr(metrics, name).__doc__


@every
def test_repr_is_the_spec(metric: Metric) -> None:
    assert FAMILY.parse(repr(metric)) == metric


@every
def test_columns_are_names_and_each_has_a_range(metric: Metric) -> None:
    golden, _, labels = outputs()
    ranges = Panel([metric], golden, labels).ranges
    names = [column.name for column in metric.figures]
    assert len(set(names)) == len(names) == len(ranges) > 0
    assert all(name.isidentifier() for name in names)
    assert all(low < high for low, high in ranges)


@every
def test_figures_lie_in_their_ranges(metric: Metric) -> None:
    golden, faulty, labels = outputs()
    panel = Panel([metric], golden, labels)
    figures = panel.score(faulty)
    assert figures.shape == (TRIALS, len(metric.figures))
    assert figures.dtype == np.float64
    for column, (low, high) in zip(figures.T, panel.ranges, strict=True):
        assert ((column >= low) & (column <= high)).all()


@every
def test_golden_outputs_are_unharmed(metric: Metric) -> None:
    golden, _, labels = outputs()
    figures = Panel([metric], golden, labels).score(golden[None])[0]
    for name, figure in zip(_names(metric), figures, strict=True):
        if name in ("masked", "quiet"):
            assert figure == 1
        elif name not in ("accuracy", "f1", "auroc"):
            assert figure == 0, name


@every
def test_a_trial_scores_the_same_alone_and_in_any_chunk(metric: Metric) -> None:
    golden, faulty, labels = outputs()
    panel = Panel([metric], golden, labels)
    together = panel.score(faulty)
    alone = np.concatenate([panel.score(faulty[i : i + 1]) for i in range(TRIALS)])
    backwards = panel.score(faulty.flip(0))[::-1]
    assert np.array_equal(together, alone)
    assert np.array_equal(together, backwards)
    assert panel.score(faulty[:0]).shape == (0, len(metric.figures))


@every
def test_the_order_of_the_samples_does_not_matter(metric: Metric) -> None:
    golden, faulty, labels = outputs()
    order = torch.randperm(SAMPLES, generator=torch.Generator().manual_seed(1))
    of_samples = isinstance(metric, SampleHarm)
    metric = SampleHarm(SAMPLES) if of_samples else metric
    there = Panel([metric], golden, labels).score(faulty)
    back = Panel([metric], golden[order], labels[order]).score(faulty[:, order])
    # Figures of single samples have the order of these.
    there = there[:, order.numpy()] if of_samples else there
    np.testing.assert_allclose(there, back, rtol=1e-12)


@every
def test_outputs_and_labels_are_left_as_they_were(metric: Metric) -> None:
    given = outputs()
    kept = [tensor.clone() for tensor in given]
    golden, faulty, labels = given
    Panel([metric], golden, labels).score(faulty)
    assert all(torch.equal(a, b) for a, b in zip(given, kept, strict=True))


@every
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_outputs_may_have_any_floating_type(metric: Metric, dtype: torch.dtype) -> None:
    golden, faulty, labels = outputs()
    golden, faulty = golden.to(torch.bfloat16).to(dtype), faulty.to(torch.bfloat16).to(dtype)
    narrow = Panel([metric], golden, labels).score(faulty)
    wide = Panel([metric], golden.double(), labels).score(faulty.double())
    np.testing.assert_array_equal(narrow, wide)


@every
def test_outputs_may_be_whole_numbers_or_carry_gradients(metric: Metric) -> None:
    golden, faulty, labels = outputs()
    golden, faulty = (golden * 10).round(), (faulty * 10).clamp(-1000, 1000).round()
    plain = Panel([metric], golden, labels).score(faulty)
    assert np.array_equal(plain, Panel([metric], golden.int(), labels).score(faulty.int()))
    golden.requires_grad_()
    assert np.array_equal(
        plain, Panel([metric], golden, labels).score(faulty.clone().requires_grad_())
    )


@pytest.mark.parametrize("metric", [m for m in EXAMPLES if m.needs_classes], ids=repr)
def test_one_logit_a_sample_is_two_classes(metric: Metric) -> None:
    golden, faulty, labels = outputs()
    golden, faulty, labels = golden[:, 0], faulty[:, :, 0], labels % 2
    faulty[8, 1] = torch.nan
    bare = Panel([metric], golden, labels).score(faulty)
    column = Panel([metric], golden[:, None], labels[:, None]).score(faulty[..., None])
    pair = Panel([metric], torch.stack((0 * golden, golden), -1), labels.double())
    assert np.array_equal(bare, column)
    zeros = torch.zeros_like(faulty)
    assert np.array_equal(bare, pair.score(torch.stack((zeros, faulty), -1)))


@every
def test_one_sample_at_a_time_averages_to_all_samples(metric: Metric) -> None:
    golden, faulty, labels = outputs()
    faulty[7, 5, 2] = torch.nan
    panel = Panel([metric], golden, labels)
    rows = torch.arange(SAMPLES).repeat(TRIALS)
    if not isinstance(metric, SampleMetric):
        with pytest.raises(InputError, match="cannot be computed from one sample"):
            panel.score_samples(faulty.flatten(0, 1), rows)
        return
    one_by_one = panel.score_samples(faulty.flatten(0, 1), rows)
    means = one_by_one.reshape(TRIALS, SAMPLES, -1).mean(axis=1)
    np.testing.assert_allclose(means, panel.score(faulty), rtol=1e-12, atol=1e-15)
    if metric.needs_classes:
        assert np.isin(one_by_one, (-1, 0, 1)).all()


@every
def test_an_output_of_nan_only_is_wrong_and_not_silent(metric: Metric) -> None:
    golden, faulty, labels = outputs()
    figures = Panel([metric], golden, labels).score(torch.full_like(faulty[:1], torch.nan))[0]
    named = dict(zip(_names(metric), figures, strict=True))
    expected = {"due": 1.0, "observed_unsafe": 1.0, "mismatch": 1.0, "distance": np.nan}
    expected["drop"] = named.get("drop")
    # Whatever is not named is 0: wrong, and no silent error.
    np.testing.assert_equal(named, {name: expected.get(name, 0.0) for name in named})


@every
def test_metrics_say_what_they_cannot_judge(metric: Metric) -> None:
    golden, _, labels = outputs()
    if metric.needs_labels:
        with pytest.raises(InputError, match="labels") as no_labels:
            Panel([metric], golden)
        assert repr(metric) in str(no_labels.value)
    maps = torch.zeros(SAMPLES, 3, 2, 2)
    if metric.needs_classes or isinstance(metric, EachStep):
        with pytest.raises(InputError, match="requires scores of classes") as no_classes:
            Panel([metric], maps, labels)
        assert repr(metric) in str(no_classes.value)
    else:
        assert not Panel([metric], maps, labels).score(maps[None]).any()


def test_metrics_judge_together_as_they_judge_alone() -> None:
    golden, faulty, labels = outputs()
    faulty[8, 5, 2] = torch.nan
    panel = Panel(EXAMPLES, golden, labels)
    alone = [Panel([metric], golden, labels) for metric in EXAMPLES]
    together = panel.score(faulty)
    assert np.array_equal(
        together, np.concatenate([one.score(faulty) for one in alone], axis=1), equal_nan=True
    )
    assert panel.columns == tuple(column for one in alone for column in one.columns)
    assert panel.ranges == tuple(bounds for one in alone for bounds in one.ranges)
    assert len(set(panel.columns)) == together.shape[1]


@every
def test_bounds_of_a_column_hold_its_range(metric: Metric) -> None:
    golden, _, labels = outputs()
    for column, (low, high) in zip(
        metric.figures, Panel([metric], golden, labels).ranges, strict=True
    ):
        assert column.bounds[0] <= low < high <= column.bounds[1]


@every
def test_columns_have_meanings_that_differ(metric: Metric) -> None:
    meanings = [column.meaning for column in metric.figures]
    assert all(meanings)
    assert len(set(meanings)) == len(meanings)


def _names(metric: Metric) -> list[str]:
    return [column.name for column in metric.figures]
