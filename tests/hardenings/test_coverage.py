"""Does a hardened model say what it protects, what not, and on which data it was profiled?"""

import copy
import json

import pytest
import torch
from torch import Tensor, nn

from radhard.analyses import MaxValue
from radhard.datasets import Data
from radhard.errors import InputError, RadhardWarning
from radhard.hardenings import (
    ChannelDuplication,
    Coverage,
    Hardening,
    Ranger,
    Record,
    Triplication,
    WeightRangeCheck,
    load,
    overlap_note,
    records,
    save,
)
from radhard.hardenings.draft import Draft
from radhard.hardenings.record import HeldOut, digests, overlap
from radhard.spec import component
from tests.conformance.hardening_subject import network, samples

few = pytest.mark.filterwarnings("ignore:.*too few samples")


class Conv1D(nn.Module):
    """A linear layer as transformers has it, with weights ``(inputs, outputs)``."""

    def __init__(self, outputs: int, inputs: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(inputs, outputs))
        self.bias = nn.Parameter(torch.randn(outputs))

    def forward(self, values: Tensor) -> Tensor:
        shape = (*values.shape[:-1], len(self.bias))
        return torch.addmm(self.bias, values.view(-1, values.shape[-1]), self.weight).view(shape)


class Scaled(nn.Linear):
    """Computes something else than its weights say."""

    def forward(self, values: Tensor) -> Tensor:
        return 2 * super().forward(values)


@few
@pytest.mark.parametrize("hardening", [ChannelDuplication(share=1.0), Triplication()], ids=repr)
def test_layers_with_weights_the_other_way_round_are_copied(hardening):
    torch.manual_seed(0)
    model = nn.Sequential(Conv1D(8, 6), nn.ReLU(), Conv1D(3, 8)).eval()
    inputs = torch.randn(80, 6)
    hard = hardening(model, inputs)
    assert records(hard)[0].coverage[0].covered == ("0", "2")
    with torch.no_grad():
        torch.testing.assert_close(hard(inputs), model(inputs))
        hard[0].weight[2, 5] = 1e30
        torch.testing.assert_close(hard(inputs), model(inputs), rtol=1e-3, atol=1e-3)


@few
@pytest.mark.parametrize("hardening", [ChannelDuplication(share=1.0), Triplication()], ids=repr)
def test_layers_that_cannot_be_copied_are_named(hardening):
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Linear(6, 8), nn.ReLU(), Scaled(8, 8), nn.Bilinear(1, 1, 1), nn.Linear(8, 3)
    )
    model[3].forward = lambda values: values  # type: ignore[method-assign]
    with pytest.warns(RadhardWarning, match="2 of 4 layers, not: 2 .*something else.*3 .*Bilinear"):
        hardening(model.eval(), torch.randn(80, 6))


def test_weights_of_other_kinds_are_named():
    model = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 2))
    model.register_parameter("phase", nn.Parameter(torch.ones(3, dtype=torch.complex64)))
    with pytest.warns(RadhardWarning, match=r"2 of 3 weight tensors, not: phase \(complex64\)"):
        WeightRangeCheck()(model.eval(), torch.randn(80, 4))


@component
class Nothing(Hardening):
    """Does nothing, and says nothing."""

    def harden(self, work: Draft) -> None:
        pass


def test_a_hardening_of_ones_own_that_changes_nothing_is_an_error():
    with pytest.raises(InputError, match="nothing"):
        Nothing()(network(), samples())


@few
def test_what_was_recorded_comes_back_from_a_copy_and_a_file(tmp_path):
    hard = ChannelDuplication(share=0.5)(network(), samples(), MaxValue()(network(), samples()))
    both = Ranger()(hard, samples())
    assert [record.by for record in records(both)] == ["ChannelDuplication(share=0.5)", "Ranger()"]
    assert len(records(hard)) == 1
    save(both, tmp_path / "hard", base="none")
    assert records(load(tmp_path / "hard", model=network())) == records(both)
    assert records(copy.deepcopy(both)) == records(both)
    assert records(network()) == ()


def test_a_folder_of_before_there_were_records_is_read_and_damage_is_not(tmp_path):
    with pytest.warns(RadhardWarning, match="too few"):
        save(Ranger()(network(), samples()), tmp_path, base="none")
    recipe = json.loads((tmp_path / "recipe.json").read_text())
    recipe = {key: recipe[key] for key in ("base", "parts", "facts")}
    recipe["format"] = "radhard hardened model 1"
    (tmp_path / "recipe.json").write_text(json.dumps(recipe))
    with pytest.warns(RadhardWarning, match="no checksums"):
        assert records(load(tmp_path, model=network())) == ()
    for damage in (3, [3], [{"by": "x"}], [{**Record("x").to_dict(), "held_out": [[1, 2, 3]]}]):
        (tmp_path / "recipe.json").write_text(json.dumps({**recipe, "records": damage}))
        with pytest.raises(InputError):
            load(tmp_path, model=network())


def test_text_counts_and_names():
    coverage = Coverage("layers", ("a", "b"), {str(n): "why" for n in range(6)}, {"z": "as meant"})
    text = str(coverage)
    assert text.startswith("2 of 8 layers")
    assert "and 2 more" in text
    assert "z (as meant)" in text
    assert Coverage.from_dict(coverage.to_dict()) == coverage


def test_samples_that_were_profiled_are_recognised():
    data = Data(torch.arange(40.0).reshape(20, 2), torch.arange(20))
    record = Record("R()", samples=digests(data.first(15)))
    assert overlap(record, data) == 15 / 20
    assert overlap(record, Data(data.inputs[15:])) == 0
    assert "75 %" in overlap_note(record, data)
    assert overlap_note(record, Data(data.inputs[15:])) == ""
    # Of a hardening that looks at no data nothing is to be said.
    assert overlap_note(Record("W()"), data) == ""


def test_digests_that_are_kept_stand_for_all(monkeypatch):
    monkeypatch.setattr("radhard.hardenings.record._KEPT", 400)
    inputs = torch.randn(4000, 3, generator=torch.Generator().manual_seed(0))
    record = Record("R()", samples=digests(Data(inputs)))
    assert len(record.samples) == 400
    test = Data(torch.cat([inputs[:500], inputs[:1500] + 1]))
    # A tenth of 2,000 samples tells the share to a standard deviation of 3 %.
    assert abs(overlap(record, test) - 0.25) < 0.12
    assert overlap(record, Data(inputs + 1)) == 0


@few
@pytest.mark.parametrize("hardening", [Ranger(granularity="neuron"), ChannelDuplication(share=0.0)])
def test_answers_changed_on_samples_held_out_foretell_those_on_unseen_data(hardening):
    generator = torch.Generator().manual_seed(4)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(6)
        model = nn.Sequential(nn.Linear(5, 40), nn.ReLU(), nn.Linear(40, 4)).eval()
    # Class after class, as data often come.
    inputs = torch.randn(150, 5, generator=generator)
    inputs = inputs[model(inputs).argmax(1).argsort()]
    hard = hardening(model, inputs)
    unseen = torch.randn(4000, 5, generator=generator)
    with torch.no_grad():
        changed = (hard(unseen).argmax(1) != model(unseen).argmax(1)).double().mean().item()
    (found,) = records(hard)[0].held_out
    assert found.samples == 150
    low, high = found.limits
    # Limits of four fifths of the samples are passed by a quarter more.
    assert low <= 1.25 * changed
    assert changed <= high


def test_few_samples_are_warned_of_and_enough_are_not():
    model, inputs = network(), torch.randn(200, 1, 6, 6, generator=torch.Generator().manual_seed(1))
    with pytest.warns(RadhardWarning, match="too few samples"):
        Ranger()(model, inputs[:30])
    assert records(Ranger()(model, inputs))[0].doubts == []
    assert HeldOut(71, 0, 0).few
    assert not HeldOut(72, 0, 5).few
