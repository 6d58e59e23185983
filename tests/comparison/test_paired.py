"""Is a difference between two runs the difference of the same faults, and said to be so?"""

import math
import re
import warnings

import numpy as np
import pytest
import torch
from scipy.stats import binomtest
from torch import nn

from radhard.caps import Certified
from radhard.comparison import compare
from radhard.engines import Bracket, Replay
from radhard.errors import InputError, RadhardWarning
from radhard.faults import BitFlip, StuckAt
from radhard.formats import BFloat16, Fixed, Float32
from radhard.metrics import Critical
from radhard.samplers import Adaptive, ErrorRate, Exhaustive, PerTensor, Uniform
from radhard.space import FaultSpace
from radhard.targets import Site, Weights
from tests.small import campaign, network, prepared, space

BEFORE = np.array([1.0, 0.5, 0.0, 0.0, 0.5, 0.5, 0.0, 0.0])
AFTER = np.array([0.5, 0.5, 0.25, 0.0, 0.0, 0.0, 0.0, 0.0])


def runs(sampler, **changed):
    before = prepared(space(), sampler, lambda faults: BEFORE[faults])
    after = prepared(space(), sampler, lambda faults: AFTER[faults], **changed)
    return before, after


def test_exhausted_runs_differ_by_what_one_counts_by_hand():
    comparison = compare(*runs(Exhaustive()))
    assert comparison.paired
    (row,) = comparison.rows
    assert (row.before.value, row.after.value) == (2.5 / 8, 1.25 / 8)
    assert row.difference.low == row.difference.value == row.difference.high == -1.25 / 8
    assert (row.lower, row.equal, row.higher) == (3, 4, 1)
    assert row.p_value == 0  # nothing is left to chance


def test_a_rate_that_falls_where_most_pairs_rise_is_explained():
    before = np.array([0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0])
    after = np.array([0.25, 0.25, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0])
    old, new = (
        prepared(space(), Exhaustive(), lambda faults, of=rates: of[faults])
        for rates in (before, after)
    )
    (row,) = compare(old, new).rows
    assert (row.lower, row.higher) == (1, 2)
    assert row.difference.value < 0
    assert "falls although more pairs are higher" in row.against_pairs
    assert row.against_pairs in repr(compare(old, new))
    (back,) = compare(new, old).rows
    assert "rises although more pairs are lower" in back.against_pairs
    (usual,) = compare(*runs(Exhaustive())).rows
    assert not usual.against_pairs


def test_groups_are_compared_each_by_itself():
    comparison = compare(*runs(Exhaustive()), by="tensor")
    a, b = comparison.rows
    assert (a.group, b.group) == ("a.weight", "b.weight")
    assert a.difference.value == pytest.approx(-0.25 / 3)
    assert b.difference.value == pytest.approx(-1.0 / 5)
    assert (a.lower, a.equal, a.higher) == (1, 1, 1)
    assert (b.lower, b.equal, b.higher) == (2, 3, 0)


def test_strata_weigh_by_their_faults():
    comparison = compare(*runs(PerTensor(3)))
    tried = PerTensor(3).draw(space(), 0).at(np.arange(6))
    change = AFTER[tried] - BEFORE[tried]
    by_hand = (3 * change[:3].mean() + 5 * change[3:].mean()) / 8
    (row,) = comparison.rows
    assert row.difference.value == pytest.approx(by_hand)
    assert row.difference.value == pytest.approx(row.after.value - row.before.value)


def test_a_run_is_no_different_from_itself():
    results = campaign(sampler=PerTensor(20))
    for by in (None, "tensor", "field"):
        for row in compare(results, results, by=by).rows:
            assert row.difference.value == 0
            assert row.p_value == 1
            assert row.lower == row.higher == 0


def test_two_runs_of_a_command_are_no_different():
    comparison = compare(campaign(), campaign())
    assert comparison.paired
    assert comparison.rows[0].difference.value == 0


def test_pairs_are_sharper_than_two_means():
    large = space((2000, 2000))
    chance = np.random.default_rng(0).random(4000)
    before = prepared(large, Uniform(300), lambda f: chance[f])
    after = prepared(large, Uniform(300), lambda f: 0.9 * chance[f])
    other = prepared(large, Uniform(300), lambda f: 0.9 * chance[f], seed=1)
    (paired,), (apart,) = compare(before, after).rows, compare(before, other).rows
    assert paired.difference.high < 0
    assert paired.p_value < 0.001
    widths = [e.high - e.low for e in (paired.difference, apart.difference)]
    assert widths[0] < widths[1] / 2


def test_only_trials_that_both_have_are_paired():
    before = prepared(space(), Exhaustive(), lambda f: BEFORE[f], executed=np.arange(5))
    after = prepared(space(), Exhaustive(), lambda f: AFTER[f], executed=np.arange(2, 8))
    (row,) = compare(before, after).rows
    assert row.lower + row.equal + row.higher == 3
    assert row.before.trials == row.after.trials == 3


def test_runs_without_a_trial_in_common_are_refused():
    before = prepared(space(), Exhaustive(), lambda f: BEFORE[f], executed=np.arange(2))
    after = prepared(space(), Exhaustive(), lambda f: AFTER[f], executed=np.arange(2, 8))
    with pytest.raises(InputError, match="no trial"):
        compare(before, after)


@pytest.mark.parametrize(
    ("other", "reason"),
    [
        ({"seed": 1}, r"other trials \(sampler or seed\)"),
        ({"sampler": Uniform(5)}, r"other trials \(sampler or seed\)"),
        ({"space": space((8,))}, "other tensors"),
        (
            {"space": space(fault=StuckAt(1, bits=31))},
            r"BitFlip.* in the first run, StuckAt.* in the second",
        ),
        (
            {"space": space(fault=BitFlip(field="sign"), format=BFloat16())},
            r"stored as Float32\(\) in the first run, BFloat16\(\) in the second",
        ),
        ({"data fingerprint": "another"}, "other data"),
    ],
    ids=lambda value: "" if isinstance(value, str) else next(iter(value)),
)
def test_other_faults_are_not_paired_and_the_reason_is_said(other, reason):
    asked = {"space": space(), "sampler": Uniform(6), **other}
    before = prepared(space(), Uniform(6), lambda faults: BEFORE[faults])
    after = prepared(
        asked.pop("space"), asked.pop("sampler"), lambda faults: AFTER[faults], **asked
    )
    comparison = compare(before, after)
    assert not comparison.paired
    assert comparison.why_unpaired in repr(comparison)
    assert re.fullmatch(reason, comparison.why_unpaired)
    (row,) = comparison.rows
    assert (row.p_value < 0.05) == (row.difference.low > 0 or row.difference.high < 0)
    assert row.difference.low < row.difference.value < row.difference.high
    assert row.difference.value == pytest.approx(row.after.value - row.before.value)


def limits_by_hand(hits: int, trials: int, confidence: float) -> tuple[float, float]:
    """Wilson's limits or the exact ones, whichever lie farther out."""
    found = [
        binomtest(hits, trials).proportion_ci(confidence, method) for method in ("wilson", "exact")
    ]
    return min(pair.low for pair in found), max(pair.high for pair in found)


@pytest.mark.parametrize("confidence", [0.8, 0.95])
@pytest.mark.parametrize(
    ("hits", "trials"),
    [((3, 150), (300, 400)), ((150, 3), (400, 300)), ((0, 20), (200, 500)), ((299, 20), (300, 60))],
    ids=str,
)
def test_limits_of_unpaired_runs_are_those_of_zou_and_donner_by_hand(hits, trials, confidence):
    """The lower limit of a difference rests on the lower one of what is taken off it, and so on."""
    endless = space((10**9,))
    runs = [
        prepared(endless, Uniform(n), lambda f, k=k: np.arange(len(f)) < k, seed=seed)
        for seed, (k, n) in enumerate(zip(hits, trials, strict=True))
    ]
    (row,) = compare(*runs, confidence=confidence).rows
    (old, new) = (k / n for k, n in zip(hits, trials, strict=True))
    (old_low, old_high), (new_low, new_high) = (
        limits_by_hand(k, n, confidence) for k, n in zip(hits, trials, strict=True)
    )
    assert (row.before.low, row.before.high) == pytest.approx((old_low, old_high), abs=1e-6)
    assert (row.after.low, row.after.high) == pytest.approx((new_low, new_high), abs=1e-6)
    assert row.difference.value == pytest.approx(new - old)
    assert row.difference.low == pytest.approx(
        new - old - math.sqrt((new - new_low) ** 2 + (old_high - old) ** 2), abs=1e-6
    )
    assert row.difference.high == pytest.approx(
        new - old + math.sqrt((new_high - new) ** 2 + (old - old_low) ** 2), abs=1e-6
    )
    assert row.difference.trials == min(trials)
    assert (row.lower, row.equal, row.higher) == (0, 0, 0)


def test_error_rates_are_compared_rate_by_rate():
    sampler = ErrorRate((0.1, 0.9), 40)
    before = prepared(space(), sampler, lambda faults: len(faults) / 8)
    after = prepared(space(), sampler, lambda faults: len(faults) / 16)
    comparison = compare(before, after)
    assert comparison.by == "rate"
    assert [row.group for row in comparison.rows] == ["0.1", "0.9"]
    assert comparison.paired
    assert comparison.rows[1].difference.high < 0
    apart = compare(before, prepared(space(), sampler, lambda f: len(f) / 16, seed=1))
    assert [row.group for row in apart.rows] == ["0.1", "0.9"]


def test_figure_that_falls_below_zero_keeps_its_scale():
    def drop(values):
        return lambda faults: values[faults] - 0.5

    columns, ranges = ("Accuracy().drop",), ((-0.5, 0.5),)
    before = prepared(space(), Exhaustive(), drop(BEFORE), columns=columns, ranges=ranges)
    after = prepared(space(), Exhaustive(), drop(AFTER), columns=columns, ranges=ranges)
    (row,) = compare(before, after).rows
    assert row.difference.value == pytest.approx(-1.25 / 8)


def test_largest_change_that_can_be_is_within_bounds():
    columns, ranges = ("Accuracy().drop",), ((-0.25, 0.75),)
    low = prepared(space(), Exhaustive(), lambda f: 0 * f - 0.25, columns=columns, ranges=ranges)
    high = prepared(space(), Exhaustive(), lambda f: 0 * f + 0.75, columns=columns, ranges=ranges)
    (row,) = compare(low, high).rows
    assert row.difference.value == pytest.approx(1.0)


@pytest.mark.parametrize("sign", [1, -1])
def test_largest_change_between_other_bounds_is_within_bounds(sign):
    """The drop in accuracy reaches as far as the fault-free accuracy, which a change may change."""

    def ends(bounds, end):
        columns = ("Accuracy().drop",)
        return prepared(
            space(), Exhaustive(), lambda f: 0 * f + end, columns=columns, ranges=(bounds,)
        )

    before, after = ends((-0.25, 0.75), 0.75), ends((-0.5, 0.5), -0.5)
    (row,) = compare(*((before, after) if sign == 1 else (after, before))).rows
    assert row.difference.value == pytest.approx(-1.25 * sign)
    assert (row.lower, row.higher) == ((8, 0) if sign == 1 else (0, 8))


def test_figure_that_one_run_lacks_or_that_has_no_bounds_is_refused():
    def unbounded():
        columns, ranges = ("Distance().distance",), ((0.0, float("inf")),)
        return prepared(space(), Exhaustive(), lambda f: f, columns=columns, ranges=ranges)

    before, _ = runs(Exhaustive())
    with pytest.raises(InputError, match="not a figure of the second run; it has Distance"):
        compare(before, unbounded())
    with pytest.raises(InputError, match="has no bounds"):
        compare(unbounded(), unbounded())


def test_comparison_reads_as_text_and_as_a_table():
    comparison = compare(*runs(Exhaustive()), by="tensor")
    text = repr(comparison)
    assert text.startswith("Outcome().critical, the same faults\na.weight:\n  before ")
    assert "3 pairs: 1 lower, 1 equal, 1 higher; p = 0" in text
    frame = comparison.to_frame()
    assert frame["group"].tolist() == ["a.weight", "b.weight"]
    assert frame["difference value"].tolist() == pytest.approx([-0.25 / 3, -0.2])


def test_runs_without_a_common_group_name_the_groups_of_both():
    before = prepared(space(), Exhaustive(), lambda faults: BEFORE[faults])
    other = space(format=BFloat16())
    after = prepared(other, Exhaustive(), lambda faults: AFTER[faults])
    with pytest.raises(InputError, match=r"no format .* Float32\(\) .* BFloat16\(\)"):
        compare(before, after, by="format")


@pytest.mark.parametrize(
    ("format", "named"), [(Fixed(1, 1), "0, 1, 2 in"), (Fixed(1, 2), "2 and 1 more in")]
)
def test_of_many_groups_three_are_named_and_the_others_counted(format, named):
    before = prepared(
        space(fault=BitFlip(), format=format), Exhaustive(), lambda faults: faults * 0
    )
    after = prepared(space(), Exhaustive(), lambda faults: AFTER[faults])
    with pytest.raises(InputError, match=named):
        compare(before, after, by="bit")


def test_faults_of_another_exposure_are_other_faults():
    stays, passes = (exposed(exposure) for exposure in (None, "Intermittent(0.1)"))
    comparison = compare(stays, passes)
    assert re.fullmatch(
        r"Persistent\(\) in the first run, Intermittent\(0.1\) in the second",
        comparison.why_unpaired,
    )
    assert compare(passes, exposed("Intermittent(0.1)")).paired
    with pytest.raises(InputError, match=r"no exposure in common: Persistent"):
        compare(stays, passes, by="exposure")


def exposed(exposure):
    faults = FaultSpace.of(network(), Weights("*"), BitFlip(), Float32(), exposure=exposure)
    return prepared(faults, Uniform(20), lambda f: f % 2)


def of_kinds(*kinds):
    sites = [
        Site(f"{name}.weight", (size,), "weight", name, kind, "float32")
        for name, size, kind in zip("ab", (3, 5), kinds, strict=True)
    ]
    return FaultSpace.of_sites(sites, BitFlip(field="sign"), Float32(), targets=[Weights("*")])


def test_tensors_in_layers_of_another_class_are_compared_by_the_classes_in_common():
    before = prepared(of_kinds("Linear", "Linear"), Exhaustive(), lambda f: BEFORE[f])
    after = prepared(of_kinds("Linear", "Bounded"), Exhaustive(), lambda f: AFTER[f])
    assert compare(before, after).paired
    assert compare(before, after, by="tensor").paired
    comparison = compare(before, after, by="kind")
    assert comparison.why_unpaired == "other groups by kind"
    (row,) = comparison.rows
    # Not the same faults: all eight before, and the three of the first tensor after.
    assert (row.before.value, row.after.value) == (2.5 / 8, pytest.approx(1.25 / 3))
    assert row.difference.value == pytest.approx(1.25 / 3 - 2.5 / 8)
    other = prepared(of_kinds("Bounded", "Bounded"), Exhaustive(), lambda f: AFTER[f])
    with pytest.raises(InputError, match="no kind in common: Linear in the first, Bounded"):
        compare(before, other, by="kind")


def test_runs_with_caps_are_compared_by_the_estimates_that_know_the_caps():
    sampler = Adaptive(0.1, caps=Certified())
    results = campaign(sampler=sampler)
    comparison = compare(results, results)
    assert not comparison.paired
    (row,) = comparison.rows
    assert row.before == results.rate()
    assert row.difference.value == 0
    assert row.difference.high - row.difference.low <= 2 * (row.before.high - row.before.low)


def test_a_difference_is_that_of_the_figures_shown_also_if_one_run_was_inferred():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = nn.Sequential(nn.Linear(16, 16), nn.ReLU(), nn.Linear(16, 4)).eval()
        given = torch.randn(12, 16)
    settings = {"model": model, "data": given, "sampler": Uniform(2500), "metrics": [Critical()]}
    executed = campaign(engine=Replay(), audit=0, **settings)
    inferred = campaign(engine=Bracket(), audit=0, **settings)
    assert inferred.means.infers
    # The run of executed verdicts alone is post-stratified.
    assert [len(run.means.groups(None).split()[0][1]) > 1 for run in (executed, inferred)] == [1, 0]
    for runs in ((executed, inferred), (inferred, executed), (executed, executed)):
        comparison = compare(*runs)
        assert comparison.paired
        (row,) = comparison.rows
        assert row.difference.value == pytest.approx(row.after.value - row.before.value, abs=1e-12)


def test_a_hardened_run_given_first_is_noticed():
    plain, hardened = campaign(), campaign(names={"hardening": {"by": ["Ranger()"]}})
    with pytest.warns(RadhardWarning, match="exchanged"):
        compare(hardened, plain)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        compare(plain, hardened)
        compare(hardened, hardened)
