"""Are the faults of the campaigns those that a hand-made injection has?"""

import copy

import numpy as np
import pytest
import torch

from radhard.faults import BitFlip
from radhard.formats import Float32
from radhard.hardenings import HammingInPlace
from radhard.samplers import FaultCount
from radhard.space import FaultSpace
from radhard.studies.lstm_hamming import LSTM_HAMMING
from radhard.studies.study import Plan
from radhard.studies.weight_groups import measure_weight_groups
from radhard.targets import merge_biases
from tests.studies.test_lstm_hamming import network

TENSOR = "lstm.weight_hh_l0"


@pytest.fixture(scope="module")
def measured():
    of = network(layers=1, bidirectional=False)
    plan = Plan(quick=True, timed=False, progress=False)
    return of, measure_weight_groups("lstm-hamming", LSTM_HAMMING.design, of, plan)


def by_hand(of, findings, model, sampler, trials, *, tensor=TENSOR, seed=0):
    """Accuracies under exponent flips of the recurrent weights, written into the tensor."""
    (group,) = (g for g in findings.groups if g.tensor == tensor)
    space = FaultSpace.of(
        merge_biases(of.model), group.target, BitFlip(field="exponent"), Float32()
    )
    drawn, data = sampler.draw(space, seed), of.test.first(findings.samples)
    found = []
    for trial in trials:
        twin = copy.deepcopy(model)
        words = twin.get_parameter(tensor).detach().view(torch.int32).view(-1)
        for fault in drawn[trial].tolist():
            # Eight faults of a word, from the lowest exponent bit, bit 23.
            words[fault // 8] ^= 1 << (23 + fault % 8)
        with torch.no_grad():
            logits = twin(data.inputs)[:, 0]
        right = ((logits > 0).long() == data.labels) & ~logits.isnan()
        found.append(right.double().mean().item())
    return found


def test_accuracies_without_the_code_are_those_of_the_flipped_words(measured):
    of, findings = measured
    # The five trials of 20 flips come last.
    sampler = FaultCount((1, 10, 20), trials=5)
    found = by_hand(of, findings, merge_biases(of.model), sampler, range(10, 15))
    np.testing.assert_allclose(findings.plain["LSTM recurrent", "exponent", 20], found)
    assert min(found) < findings.golden.plain


def test_accuracies_of_protected_sets_are_those_of_a_scrubbed_memory(measured):
    of, findings = measured
    hardening = HammingInPlace(pattern="lstm.*|fc.*")
    hard = hardening(merge_biases(of.model), of.test.inputs, progress=False)
    found = by_hand(of, findings, hard, FaultCount(10, trials=5), range(5))
    np.testing.assert_allclose(findings.precise["LSTM recurrent"], found)


def test_both_sides_of_a_gain_have_faults_that_did_not_select_the_set(measured):
    of, findings = measured
    plain = merge_biases(of.model)
    hard = HammingInPlace(pattern="lstm.*|fc.*")(plain, of.test.inputs, progress=False)
    key = ("fc weights", "exponent", 20)
    assert "fc weights" in findings.selected
    for model, measurement in ((plain, findings.control), (hard, findings.protected)):
        found = by_hand(
            of,
            findings,
            model,
            FaultCount((1, 10, 20), trials=5),
            range(10, 15),
            tensor="fc.weight",
            seed=1,
        )
        np.testing.assert_allclose(measurement[key], found)
    assert not np.array_equal(findings.control[key], findings.plain[key])


def test_a_set_has_an_accuracy_for_every_number_of_flips_that_it_has_bits_for(measured):
    _, findings = measured
    bits = {"all bits": 32, "exponent": 8, "mantissa": 23, "sign": 1}
    wanted = {
        (group.name, field, count)
        for group in findings.groups
        for field in bits
        for count in (1, 10, 20)
        if count <= bits[field] * group.size
    }
    assert set(findings.plain) == wanted
    assert all(len(found) == 5 for found in findings.plain.values())
    assert len(findings.rates) == 2 * len(findings.groups)
    assert findings.accuracy("fc bias", "sign", 10) is None
    assert findings.lost_by_code() == 0.0
    assert not (findings.right_inverted == findings.right).any()
