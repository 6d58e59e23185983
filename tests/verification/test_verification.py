"""Are the very same faults tried on the hardened model, and all that it stores counted?"""

import numpy as np
import pytest
import torch
from torch import nn

from radhard.campaign import run
from radhard.comparison import compare
from radhard.cost import cost
from radhard.datasets import Data
from radhard.errors import InputError
from radhard.faults import BitFlip
from radhard.formats import Fixed, Float32, Hamming, stored_as
from radhard.hardenings import ChannelDuplication, Ecc, Ranger, parts, save
from radhard.manifest import fingerprint
from radhard.results import Results
from radhard.samplers import ErrorRate, Exhaustive, PerTensor, Uniform
from radhard.space import FaultSpace
from radhard.targets import Activations, Weights
from radhard.verification import added_tensors, hardening_in, stored_space, verify
from tests.small import data as small_data
from tests.small import network

pytestmark = pytest.mark.filterwarnings("ignore:.*too few samples")

HIGH = BitFlip(bits=30)
"""The flip that makes weights enormous, against which a bound helps."""


@pytest.fixture(scope="module")
def data() -> Data:
    return small_data(samples=12)


@pytest.fixture(scope="module")
def hard(data):
    return Ranger()(network(), data)


def campaign(model, data, sampler, *, target=None, fault=HIGH, format=None, store=None):
    target, format = target or Weights("*"), format or Float32()
    space = FaultSpace.of(model, target, fault, format, data=data)
    return run(model, data, space, sampler, seed=5, store=store, progress=False, audit=0)


def quick(before, model, data, **options):
    options = {"timed": False, "progress": False, "audit": 0, **options}
    return verify(before, model, data, **options)


def test_same_faults_are_tried_and_compared_in_pairs(data, hard):
    before = campaign(network(), data, Exhaustive())
    found = quick(before, hard, data)
    assert found.comparison.paired
    assert np.array_equal(found.before.numbers, found.after.numbers)
    (row,) = found.comparison.rows
    direct = campaign(hard, data, Exhaustive(), target=Weights("0.weight|2.weight"))
    assert row.after.value == direct.rate().value
    assert row.lower > 0
    assert row.after.value < row.before.value


def test_what_was_added_is_faulty_in_a_campaign_of_its_own(data, hard):
    found = quick(campaign(network(), data, Uniform(10)), hard, data)
    n = len(added_tensors(hard))
    assert set(added_tensors(hard)) == set(hard.state_dict()) - set(network().state_dict())
    assert {site.name for site in found.own.space.sites} == set(added_tensors(hard))
    # A few numbers, one bit of each: all are tried.
    assert isinstance(found.own.sampler, Exhaustive)
    before, after = found.upsets()
    assert after.faults == before.faults + n
    many = quick(campaign(network(), data, Uniform(10), fault=BitFlip()), hard, data, added=9)
    assert (len(many.own), len(many.own.space)) == (9, 32 * n)


def test_added_faults_are_left_out_only_if_asked(data, hard):
    before = campaign(network(), data, Uniform(10))
    assert quick(before, hard, data, added=0).own is None


def test_copies_are_faulty_too(data):
    hard = ChannelDuplication(share=1.0)(network(), data, scores(data))
    names = added_tensors(hard)
    space = stored_space(hard, names, FaultSpace.of(network(), Weights("*"), HIGH, Float32()))
    numbers = sum(
        t.numel()
        for _, part in parts(hard)
        for t in (*part.parameters(), *part.buffers())
        if t.is_floating_point()
    )
    assert int(space.words.sum()) == numbers > 26


def scores(data):
    from radhard.analyses import MaxValue

    return MaxValue()(network(), data)


def test_loss_counts_from_the_unprotected_model_without_faults(data, hard):
    before = campaign(network(), data, Exhaustive())
    found = quick(before, hard, data)
    with torch.no_grad():
        free = (network()(data.inputs).argmax(1) == data.labels).double().mean().item()
    by_hand = free - found.after.values("Accuracy().accuracy").mean()
    (lost,) = found.loss().values()
    assert lost.value == pytest.approx(by_hand)
    assert lost.low == lost.high == pytest.approx(by_hand)


def test_limits_are_held_by_the_upper_end_of_the_interval(data, hard):
    found = quick(campaign(network(), data, Uniform(12)), hard, data)
    rate, lost = found.after.rate(), found.loss()[""]
    assert rate.high > rate.value
    kept = found.checks(max_rate=rate.high, max_drop=lost.high)
    assert [check.passed for check in kept] == [True, True]
    (missed,) = found.checks(max_rate=(rate.value + rate.high) / 2)
    assert not missed.passed
    assert (missed.figure, missed.estimate) == ("critical SDC rate", rate)
    (missed,) = found.checks(max_drop=(lost.value + lost.high) / 2)
    assert not missed.passed
    assert missed.estimate == lost
    assert found.checks() == []


def test_drop_without_labels_is_refused_not_passed(data, hard):
    bare = Data(data.inputs)
    found = quick(campaign(network(), bare, Uniform(5)), hard, bare)
    assert found.loss() is None
    with pytest.raises(InputError, match="data with labels"):
        found.checks(max_drop=0.5)


def test_other_data_are_refused(data, hard):
    before = campaign(network(), data, Uniform(5))
    with pytest.raises(InputError, match="is not the data of the campaign"):
        quick(before, hard, data.first(6))


def test_faults_that_flow_arrive_before_the_guard(data, hard):
    before = campaign(network(), data, Uniform(40), target=Activations("1"))
    found = quick(before, hard, data)
    assert found.comparison.paired
    assert found.own is None
    assert any("activations" in note for note in found.notes)
    assert found.comparison.rows[0].lower > 0


def test_error_rates_are_compared_rate_by_rate_and_own_space_is_faulty(data, hard):
    before = campaign(network(), data, ErrorRate((1e-3, 0.05), trials=12), fault=BitFlip())
    found = quick(before, hard, data)
    assert [row.group for row in found.comparison.rows] == ["0.001", "0.05"]
    assert found.upsets() is None
    assert len(found.loss()) == 2
    assert len(found.own.space) == len(before.space) + len(added_tensors(hard)) * 32
    one, two = found.tolerable()
    assert one.limit == two.limit
    assert "highest tolerable" in repr(found)


def test_bounds_that_the_format_has_no_word_for_are_faulty_as_they_are_held(data):
    model = stored_as(network(), Fixed(1, 6))
    hard = Ranger()(model, data)
    before = campaign(model, data, Uniform(10), fault=BitFlip(), format=Fixed(1, 6))
    found = quick(before, hard, data, base=model)
    assert found.after.space.formats == (Fixed(1, 6),)
    assert found.own.space.formats == (Float32(),)
    assert "What was added is stored as Float32()." in found.notes
    # And counted so: every added bit is one fault.
    assert found.cost.after.bits - found.cost.before.bits == len(found.own.space)


def test_model_of_another_shape_is_compared_without_pairs(data):
    other = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2)).eval()
    found = quick(campaign(network(), data, Uniform(20)), other, data)
    assert not found.comparison.paired
    assert "0.weight is missing or has another shape" in found.notes[0]
    assert found.loss() is None


def test_cost_is_that_of_both_models_and_lies_in_the_run_file(data, hard, tmp_path):
    before = campaign(network(), data, Uniform(10), store=tmp_path / "base.db")
    found = quick(before, hard, data, base=network(), store=tmp_path / "hard.db")
    assert found.cost.before == cost(network(), data)
    assert found.cost.after == cost(hard, data)
    again = Results.open(tmp_path / "hard.db")
    assert hardening_in(again.manifest) == (("Ranger()",), found.cost)
    assert Results.open(tmp_path / "hard-added.db").rate().value == found.own.rate().value
    assert compare(before, again).paired


def test_manifest_that_was_tampered_with_is_refused():
    for said in (3, {"by": 1}, {"by": [], "cost": {"before": 1}}):
        with pytest.raises(InputError):
            hardening_in({"hardening": said})
    assert hardening_in({}) == ((), None)


def test_model_comes_back_bit_for_bit(data, hard):
    before = fingerprint(hard)
    quick(campaign(network(), data, PerTensor(5)), hard, data, base=network())
    assert fingerprint(hard) == before


def test_a_model_verified_against_itself_is_no_different(data):
    before = campaign(network(), data, PerTensor(10))
    found = quick(before, network(), data)
    assert found.comparison.rows[0].difference.value == 0
    assert found.own is None
    assert "nothing was hardened" in repr(found)


@pytest.mark.parametrize("limit", [float("nan"), float("inf"), -2.0, 1.5])
def test_a_limit_that_is_no_share_is_refused(data, hard, limit):
    found = quick(campaign(network(), data, PerTensor(5)), hard, data, added=0)
    with pytest.raises(InputError, match="max_rate"):
        found.checks(max_rate=limit)
    with pytest.raises(InputError, match="max_drop"):
        found.checks(max_drop=limit)


def test_faults_that_check_bits_cannot_have_are_left_out_and_said(data):
    hard = Ecc(Hamming(Float32()))(network(), data, progress=False)
    before = campaign(network(), data, Uniform(20))  # flips of bit 30
    found = quick(before, hard, data)
    assert found.own is None
    assert any("CheckWord(6)" in note for note in found.notes)
    assert found.after.rate().value == 0


def test_run_file_and_folder_are_named_by_their_paths(data, hard, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    before = campaign(network(), data, Uniform(20), store="base.db")
    save(hard, "hard", base="lenet5")
    monkeypatch.setattr("radhard.hardenings.hardened_files.load_model", lambda text: network())
    found = quick("base.db", tmp_path / "hard", data)
    assert found.comparison == quick(before, hard, data).comparison
    assert found.after.manifest["model"] == str(tmp_path / "hard")
    (tmp_path / "own.py").write_text(
        "from tests.small import data\n\ndef test_set():\n    return data(samples=12)\n"
    )
    by_name = quick("base.db", "hard", "own.py:test_set")
    assert by_name.comparison == found.comparison
    assert by_name.after.manifest["data"] == "own.py:test_set"
    with pytest.raises(InputError, match="no run file"):
        quick("nowhere.db", hard, data)


def test_a_campaign_on_a_hardened_model_as_the_unprotected_one_is_noted(data, hard):
    first = quick(campaign(network(), data, Uniform(20)), hard, data)
    assert not any("hardened already" in note for note in first.notes)
    again = quick(first.after, network(), data)
    assert any("hardened already, by Ranger()" in note for note in again.notes)
