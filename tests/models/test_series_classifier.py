"""Do the classifiers of time series compute what an LSTM and a GRU are?"""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from radhard.errors import InputError
from radhard.models import gru_classifier, lstm_classifier

sizes = st.integers(1, 5)
either = pytest.mark.parametrize(
    ("name", "classifier"), [("lstm", lstm_classifier), ("gru", gru_classifier)]
)


@given(sizes, sizes, sizes, sizes, st.integers(0, 2**32 - 1))
def test_logits_of_the_lstm_are_those_of_the_equations(inputs, hidden, classes, steps, seed):
    model = lstm_classifier(inputs=inputs, hidden=hidden, classes=classes, pretrained=False)
    model.double()
    chance = torch.Generator().manual_seed(seed)
    x = torch.randn(3, steps, inputs, dtype=torch.double, generator=chance)
    lstm = model.lstm
    h = c = torch.zeros(3, hidden, dtype=torch.double)
    for step in range(steps):
        gates = x[:, step] @ lstm.weight_ih_l0.T + h @ lstm.weight_hh_l0.T
        gates = gates + lstm.bias_ih_l0 + lstm.bias_hh_l0
        write, keep, new, show = gates.chunk(4, dim=1)
        c = keep.sigmoid() * c + write.sigmoid() * new.tanh()
        h = show.sigmoid() * c.tanh()
    torch.testing.assert_close(model(x), h @ model.fc.weight.T + model.fc.bias)


@given(sizes, sizes, sizes, sizes, st.integers(0, 2**32 - 1))
def test_logits_of_the_gru_are_those_of_the_equations(inputs, hidden, classes, steps, seed):
    model = gru_classifier(inputs=inputs, hidden=hidden, classes=classes, pretrained=False)
    model.double()
    chance = torch.Generator().manual_seed(seed)
    x = torch.randn(3, steps, inputs, dtype=torch.double, generator=chance)
    gru = model.gru
    h = torch.zeros(3, hidden, dtype=torch.double)
    for step in range(steps):
        of_input = x[:, step] @ gru.weight_ih_l0.T + gru.bias_ih_l0
        of_state = h @ gru.weight_hh_l0.T + gru.bias_hh_l0
        (reset, keep, new), (reset_h, keep_h, new_h) = of_input.chunk(3, 1), of_state.chunk(3, 1)
        z = (keep + keep_h).sigmoid()
        h = (1 - z) * (new + (reset + reset_h).sigmoid() * new_h).tanh() + z * h
    torch.testing.assert_close(model(x), h @ model.fc.weight.T + model.fc.bias)


@either
def test_parts_have_names_and_the_last_step_is_one_of_them(name, classifier):
    model = classifier()
    assert [part for part, _ in model.named_children()] == [name, "last", "fc"]
    assert model(torch.zeros(2, 29, 12)).shape == (2, 9)


# While it exports a recurrent layer, torch warns of its own list of weights.
@pytest.mark.filterwarnings("ignore:The tensor attribute")
@either
def test_torch_export_gives_the_same_answers(name, classifier):
    model = classifier()
    inputs = torch.rand(2, 29, 12, generator=torch.Generator().manual_seed(1))
    program = torch.export.export(model, (inputs,))
    with torch.no_grad():
        torch.testing.assert_close(program.module()(inputs), model(inputs))


@either
def test_another_shape_has_random_weights_the_same_each_time(name, classifier):
    one, other = (classifier(inputs=6, classes=7).state_dict() for _ in range(2))
    assert all(torch.equal(one[key], other[key]) for key in one)


@either
@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"hidden": 0}, "hidden=0"),
        ({"inputs": "12"}, "inputs='12'"),
        ({"classes": True}, "classes=True"),
        ({"hidden": 8, "pretrained": True}, "default shape only"),
    ],
)
def test_a_classifier_that_cannot_be_is_refused(name, classifier, options, said):
    with pytest.raises(InputError, match=said):
        classifier(**options)
