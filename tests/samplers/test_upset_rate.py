"""Is every inference hit with the probability asked for, in every tensor, independently?"""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest, chisquare
from torch import nn

from radhard.campaign import run
from radhard.engines import Serial
from radhard.errors import InputError
from radhard.faults import BitFlip, FaultModel, StuckAt
from radhard.formats import Float32
from radhard.metrics import Critical, Distance
from radhard.samplers import UpsetRate
from radhard.space import FaultSpace
from radhard.targets import Activations, Site
from tests import small


def space(sizes: tuple[int, ...], samples: int, fault: FaultModel | None = None) -> FaultSpace:
    sites = [
        Site(f"t{n}", (size,), "activation", f"t{n}", "Linear", "float32", samples=samples)
        for n, size in enumerate(sizes)
    ]
    return FaultSpace.of_sites(sites, fault or BitFlip(), Float32(), targets=[Activations("*")])


@given(count=st.integers(1, 6), rate=st.sampled_from([0.1, 0.5, 1.0]), seed=st.integers(0, 10**6))
def test_an_upset_has_so_many_different_words_of_one_tensor_and_sample(count, rate, seed):
    one = space((6, 20), samples=9)
    trials = UpsetRate(rate, count=count, trials=3).draw(one, seed)
    for trial in range(3):
        places, words, _ = one.locate(trials[trial])
        inner = np.array([6, 20])[places]
        upsets = np.stack([places, words // inner, words % inner], axis=1)
        hit = np.unique(upsets[:, :2], axis=0)
        assert len(np.unique(upsets, axis=0)) == count * len(hit)
        if rate == 1:
            assert len(hit) == 18


def test_samples_and_tensors_are_hit_independently_with_the_rate():
    one = space((6, 20), samples=50)
    trials = UpsetRate((0.02, 0.3), trials=100).draw(one, 1)
    for stratum, rate in enumerate((0.02, 0.3)):
        hits = np.zeros((2, 50), np.int64)
        together = 0
        for trial in range(100):
            places, words, _ = one.locate(trials[100 * stratum + trial])
            samples = words // np.array([6, 20])[places]
            np.add.at(hits, (places, samples), 1)
            together += len(set(samples[places == 0]) & set(samples[places == 1]))
        for tensor in hits:
            assert binomtest(int(tensor.sum()), 5000, rate).pvalue > 1e-4
        assert binomtest(together, 5000, rate * rate).pvalue > 1e-4
        if rate == 0.3:
            assert chisquare(hits.sum(axis=0)).pvalue > 1e-4


@pytest.mark.parametrize("count", [1, 2, 5])
def test_words_and_variants_are_uniform(count):
    one = space((6,), samples=40)
    trials = UpsetRate(1.0, count=count, trials=60).draw(one, 3)
    faults = [one.locate(trials[trial]) for trial in range(60)]
    words = np.concatenate([words % 6 for _, words, _ in faults])
    bits = np.concatenate([variants for _, _, variants in faults])
    assert chisquare(np.bincount(words, minlength=6)).pvalue > 1e-4
    assert chisquare(np.bincount(bits, minlength=32)).pvalue > 1e-4


def test_a_trial_is_a_loop_that_flips_the_bits_of_the_samples_that_are_hit():
    model, data = small.network(), small.data(samples=12)
    one = FaultSpace.of(model, Activations("0"), BitFlip(), Float32(), data=data)
    sampler = UpsetRate((0.1, 0.6), count=2, trials=4)
    found = run(
        model, data, one, sampler, engine=Serial(), metrics=[Critical(), Distance()], seed=2,
        progress=False,
    )  # fmt: skip
    golden = model(data.inputs)
    for trial in range(8):
        hidden = model[0](data.inputs).detach().clone()
        for number in found.trials[trial].tolist():
            _, words, bits = one.locate(np.array([number]))
            sample, word = divmod(int(words[0]), 6)
            view = hidden.view(torch.int32)
            view[sample, word] ^= (1 << 31) - (1 << 32) if bits[0] == 31 else 1 << int(bits[0])
        with torch.no_grad():
            outputs = nn.Sequential(*model[1:])(hidden)
        critical = (outputs.argmax(1) != golden.argmax(1)) & ~outputs.isnan().any(1)
        assert found.values("critical")[trial] == critical.double().mean().item()
    assert list(found.rate("critical", by="rate")) == ["0.1", "0.6"]


def test_what_cannot_be_upset_in_an_inference_is_refused():
    with pytest.raises(InputError, match="each from 0 to 1"):
        UpsetRate(1.5)
    with pytest.raises(InputError, match="names a rate twice"):
        UpsetRate((0.1, 0.1))
    with pytest.raises(InputError, match="count=0 is not allowed"):
        UpsetRate(0.1, count=0)
    with pytest.raises(InputError, match="take a smaller count"):
        UpsetRate(0.1, count=7).draw(space((6,), samples=2), 0)
    with pytest.raises(InputError, match="take Activations"):
        UpsetRate(0.1).draw(small.space(), 0)
    two = space((6,), 2) | space((6,), 2, StuckAt(1))
    with pytest.raises(InputError, match="one fault model"):
        UpsetRate(0.1).draw(two, 0)
