"""Do injections nest, refuse what is no fault, and end well whatever is raised inside?"""

import numpy as np
import pytest
import torch

from radhard.errors import InputError, RadhardWarning
from radhard.faults import BitFlip
from radhard.formats import Float32
from radhard.injection import inject, injecting
from radhard.space import Fault, FaultSpace
from radhard.targets import Activations
from tests.test_injection import Holder, bits_of, noise, space_of
from tests.traces import traces
from tests.zoo import named


def test_nested_injections_add_up_also_in_one_word():
    model = Holder(noise((4,), torch.float32))
    space, before = space_of(model), traces(model)
    words = [bits_of(model.weight)]
    for flip in (Fault("weight", 1, 3), Fault("weight", 1, 31), Fault("weight", 1, 3)):
        words.append(words[-1].copy())
        words[-1][flip.word] ^= np.uint32(1 << flip.variant)
    with inject(model, space, 32 + 3):
        assert (bits_of(model.weight) == words[1]).all()
        with inject(model, space, 32 + 31):
            assert (bits_of(model.weight) == words[2]).all()
            with inject(model, space, 32 + 3):
                assert (bits_of(model.weight) == words[3]).all()
            assert (bits_of(model.weight) == words[2]).all()
        assert (bits_of(model.weight) == words[1]).all()
    assert traces(model) == before


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit, GeneratorExit])
def test_whatever_is_raised_inside_passes_through_and_leaves_nothing(error):
    model, inputs = named("residual").build(), named("residual").inputs()
    space = FaultSpace.of(model, Activations("*"), BitFlip(), Float32(), data=inputs)
    stored, before = space_of(model), traces(model)

    def fail() -> None:
        with inject(model, space, [0, 5000]), inject(model, stored, range(99)):
            assert traces(model) != before
            raise error

    with pytest.raises(error):
        fail()
    assert traces(model) == before


def test_a_fault_that_cannot_be_placed_leaves_nothing_of_those_before_it():
    model = named("residual").build()
    space, before = space_of(model), traces(model)
    del model.fc
    rest = traces(model)
    with (
        pytest.raises(InputError, match=r"no tensor 'fc\.weight'"),
        inject(model, space, [0, -1 + len(space)]),
    ):
        pass
    assert traces(model) == rest
    assert rest != before


@pytest.mark.parametrize(
    ("faults", "message"),
    [
        (-1, "fault numbers are 0 to 127"),
        ([0, 128], "fault numbers are 0 to 127"),
        (np.array([128]), "fault numbers are 0 to 127"),
        (Fault("bias", 0, 0), "is not in the space"),
        (Fault("weight", 4, 0), "is not in the space"),
        (1.5, "whole"),
        ([0, 0.5], "whole"),
        (np.array([0.0]), "whole"),
    ],
    ids=repr,
)
def test_what_is_no_fault_of_the_space_is_refused(faults, message):
    model = Holder(torch.zeros(4))
    space = space_of(model)
    with pytest.raises(InputError, match=message), inject(model, space, faults):
        pass


@pytest.mark.parametrize("number", [40, np.int64(40), np.int32(40), Fault("weight", 1, 8)])
def test_one_fault_is_given_as_its_number_or_as_itself(number):
    model = Holder(torch.zeros(4))
    with inject(model, space_of(model), number):
        assert bits_of(model.weight).tolist() == [0, 256, 0, 0]


@pytest.mark.parametrize("other", [torch.zeros(5), torch.zeros(2, 2), torch.zeros(4).half()])
def test_a_model_with_another_tensor_is_refused(other):
    space = space_of(Holder(torch.zeros(4)))
    model = Holder(other)
    before = traces(model)
    with pytest.raises(InputError, match=r"in this model, float32 \(4,\) in the fault space"):
        inject(model, space, 0).__enter__()
    assert traces(model) == before


def test_an_injection_that_ends_before_a_later_one_leaves_no_fault_behind():
    model = Holder(noise((4,), torch.float32))
    space, before = space_of(model), traces(model)
    earlier, later = inject(model, space, 32 + 30), inject(model, space, 32 + 31)
    earlier.__enter__()
    later.__enter__()
    with pytest.warns(RadhardWarning, match="reverse order"):
        earlier.__exit__(None, None, None)
    assert traces(model) == before
    later.__exit__(None, None, None)
    assert traces(model) == before
    assert not injecting()


def test_injections_into_different_models_end_in_any_order():
    models = [Holder(noise((4,), torch.float32)) for _ in range(2)]
    space, before = space_of(models[0]), [traces(model) for model in models]
    earlier, later = (inject(model, space, 32 + 30) for model in models)
    with earlier:
        later.__enter__()
        faulty = traces(models[1])
    assert [traces(model) for model in models] == [before[0], faulty]
    assert injecting()
    later.__exit__(None, None, None)
    assert [traces(model) for model in models] == before
    assert not injecting()
