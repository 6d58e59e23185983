"""Does every hardening keep the contract?"""

import copy
import functools

import pytest
import torch

from radhard.analyses import MaxValue
from radhard.campaign import run
from radhard.datasets import Data
from radhard.errors import InputError
from radhard.faults import BitFlip
from radhard.formats import Float32
from radhard.hardenings import HARDENINGS as FAMILY
from radhard.hardenings import FaultAwareTraining, Hardening, load, parts, save
from radhard.manifest import fingerprint
from radhard.samplers import Uniform
from radhard.space import FaultSpace
from radhard.targets import Activations, Buffers, Weights
from radhard.workload import Workload
from tests.conformance.hardening_examples import EXAMPLES
from tests.conformance.hardening_subject import network, samples

pytestmark = [
    pytest.mark.parametrize("hardening", EXAMPLES, ids=repr),
    pytest.mark.filterwarnings("ignore:.*too few samples"),
]


def anew(hardening: Hardening) -> torch.nn.Module:
    model = network()
    return hardening(model, samples(), MaxValue()(model, samples()), seed=1)


first = functools.cache(anew)
"""What other calls with seed 1 are compared with, and nobody changes."""


def hardened(hardening: Hardening) -> torch.nn.Module:
    """A copy of one's own."""
    return copy.deepcopy(first(hardening))


def cuts(hardening: Hardening) -> bool:
    """Whether it takes channels away."""
    return "prun" in repr(hardening).lower() or "Sentinel" in repr(hardening)


def embeds(hardening: Hardening) -> bool:
    """Whether it writes check bits into the values."""
    return "InPlace" in repr(hardening) or "Cep" in repr(hardening)


def trains(hardening: Hardening) -> bool:
    """Whether it changes the weights."""
    return isinstance(hardening, FaultAwareTraining)


def test_the_model_given_stays_as_it_was_and_shares_nothing(hardening: Hardening) -> None:
    model = network().train()
    before = fingerprint(model)
    hard = hardening(model, samples(), MaxValue()(model, samples()), seed=1)
    assert hard is not model
    assert model.training
    assert fingerprint(model) == before
    mine = {t.data_ptr() for t in (*model.parameters(), *model.buffers())}
    assert mine.isdisjoint(t.data_ptr() for t in (*hard.parameters(), *hard.buffers()))
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in model.modules())


def test_tensors_keep_their_names_and_values(hardening: Hardening) -> None:
    if cuts(hardening) or embeds(hardening) or trains(hardening):
        return
    before, after = network().state_dict(), hardened(hardening).state_dict()
    for name, tensor in before.items():
        assert torch.equal(after[name], tensor), name


def test_it_says_the_same_as_before_on_the_data_that_it_saw(hardening: Hardening) -> None:
    if cuts(hardening) or trains(hardening):
        return
    inputs = samples().inputs
    with torch.no_grad():
        assert torch.equal(hardened(hardening)(inputs).argmax(1), network()(inputs).argmax(1))


def test_the_same_seed_gives_the_same_model(hardening: Hardening) -> None:
    state = torch.manual_seed(99).get_state()
    one = anew(hardening)
    assert torch.equal(torch.get_rng_state(), state)
    assert fingerprint(one) == fingerprint(first(hardening))


def test_a_copy_calls_its_own_parts(hardening: Hardening) -> None:
    hard, inputs = hardened(hardening), samples().inputs
    with torch.no_grad():
        expected = hard(inputs)
    twin = copy.deepcopy(hard)
    assert dict(parts(twin)).keys() == dict(parts(hard)).keys()
    for _, part in parts(hard):
        for tensor in part.buffers():
            tensor.fill_(float("nan")) if tensor.is_floating_point() else None
    with torch.no_grad():
        assert torch.equal(twin(inputs), expected)


def test_what_is_saved_comes_back_to_the_last_bit(hardening: Hardening, tmp_path) -> None:
    hard = hardened(hardening)
    save(hard, tmp_path / "hard", base="none")
    again = load(tmp_path / "hard", model=network())
    assert again.state_dict().keys() == hard.state_dict().keys()
    again.load_state_dict(hard.state_dict(), strict=True)
    again = load(tmp_path / "hard", model=network())
    # So that a run of the one is continued with the other.
    assert fingerprint(again) == fingerprint(hard)
    with torch.no_grad():
        assert torch.equal(again(samples().inputs), hard(samples().inputs))


def test_the_same_faults_can_be_tried_on_it(hardening: Hardening) -> None:
    if cuts(hardening):
        return
    data, hard = samples(8), hardened(hardening)
    space = FaultSpace.of(network(), Weights("*"), BitFlip(), Float32())
    before = fingerprint(hard)
    results = run(hard, data, space, Uniform(10), engine="auto", audit=0)
    assert len(results) == 10
    assert fingerprint(hard) == before
    flowing = FaultSpace.of(network(), Activations("*"), BitFlip(), Float32(), data=data)
    assert len(run(hard, data, flowing, Uniform(5), audit=0)) == 5


def test_what_it_adds_can_be_faulty_too(hardening: Hardening) -> None:
    hard = hardened(hardening)
    added = [
        f"{path}.{name}"
        for path, part in parts(hard)
        for name, tensor in (*part.named_parameters(), *part.named_buffers())
        if tensor.is_floating_point()
    ]
    if not added:
        return
    targets = [target for target in (Weights, Buffers) if any(_has(hard, target, n) for n in added)]
    assert targets


def _has(model: torch.nn.Module, target, name: str) -> bool:
    try:
        return bool(target(name).sites(Workload(model)))
    except InputError:
        return False


def test_hardening_twice_is_said_and_not_stacked(hardening: Hardening) -> None:
    hard = hardened(hardening)
    with pytest.raises(InputError, match="already"):
        hardening(hard, samples())


def test_data_with_nan_are_refused(hardening: Hardening) -> None:
    data = samples()
    inputs = data.inputs.clone()
    inputs[0, 0, 0, 0] = float("nan")
    with pytest.raises(InputError, match="NaN"):
        hardening(network(), Data(inputs, data.labels))


def test_scores_of_another_model_are_refused(hardening: Hardening) -> None:
    model, other = network(), network()
    with torch.no_grad():
        other[0].weight.mul_(2)
    with pytest.raises(InputError, match="another model"):
        hardening(model, samples(), MaxValue()(other, samples()))


def test_its_repr_parses_back_and_it_is_listed(hardening: Hardening) -> None:
    assert FAMILY.parse(repr(hardening)) == hardening
    assert type(hardening).__name__ in dict(FAMILY.listed())


def test_in_inference_mode_the_hardened_model_is_the_same(hardening: Hardening) -> None:
    expected, scores = first(hardening), MaxValue()(network(), samples())
    model, data = network(), samples()
    with torch.inference_mode():
        made_here = Data(data.inputs.clone(), data.labels)
        found = hardening(model, made_here, scores, seed=1)
    assert fingerprint(found) == fingerprint(expected)
    assert not any(t.is_inference() for t in (*found.parameters(), *found.buffers()))
