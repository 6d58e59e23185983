"""Can some words of a tensor be stored in one format and the others in another?"""

import numpy as np
import pytest
import torch
from torch import nn

from radhard.campaign import run
from radhard.datasets import Data
from radhard.engines import Bracket, Folded, Replay, Serial
from radhard.errors import InputError
from radhard.faults import BitFlip
from radhard.formats import Float32, Hamming, Int, SecDed, stored_as
from radhard.injection import inject
from radhard.metrics import Corrections, Critical
from radhard.results import Results
from radhard.samplers import ErrorRate, PerTensor
from radhard.space import Fault, FaultSpace
from radhard.targets import Weights

CODE = Hamming(Float32())


@pytest.fixture(scope="module")
def case() -> tuple[nn.Module, Data, dict[str, torch.Tensor]]:
    torch.manual_seed(2)
    model = nn.Sequential(nn.Linear(4, 5), nn.ReLU(), nn.Linear(5, 3)).eval()
    masks = {f"{layer}.weight": model[layer].weight.abs() > 0.25 for layer in (0, 2)}
    return model, Data(torch.randn(20, 4)), masks


def selective(model: nn.Module, masks: dict[str, torch.Tensor]) -> FaultSpace:
    rest = {name: ~mask for name, mask in masks.items()}
    protected = FaultSpace.of(model, Weights("*"), BitFlip(), CODE, words=masks)
    return protected | FaultSpace.of(model, Weights("*"), BitFlip(), Float32(), words=rest)


def test_faults_of_a_subset_keep_their_positions_and_numbers(case):
    model, _, masks = case
    space = selective(model, masks)
    chosen = sum(int(mask.sum()) for mask in masks.values())
    assert len(space) == 38 * chosen + 32 * (35 - chosen)
    for number in range(0, len(space), 7):
        fault = space[number]
        assert space.index(fault) == number
        region = space.regions[int(space.locate(np.array([number]))[0][0])]
        inside = bool(masks[fault.tensor].reshape(-1)[fault.word])
        assert inside == (region.format == CODE)
    outside = int((~masks["0.weight"]).reshape(-1).nonzero()[0])
    assert Fault("0.weight", outside, 0) not in space


def test_only_the_chosen_words_are_corrected(case):
    model, _, masks = case
    space = selective(model, masks)
    before = model[0].weight.detach().clone()
    for number in range(0, len(space), 11):
        fault = space[number]
        if fault.tensor != "0.weight":
            continue
        with inject(model, space, number):
            changed = (model[0].weight != before).reshape(-1).nonzero().reshape(-1).tolist()
        inside = bool(masks[fault.tensor].reshape(-1)[fault.word])
        assert changed == ([] if inside else [fault.word])
    assert torch.equal(model[0].weight, before)


def test_engines_agree(case):
    model, data, masks = case
    space = selective(model, masks)
    found, other, expected = (
        run(
            model, data, space, PerTensor(15), engine=one, progress=False, audit=0,
            metrics=[Critical(), Corrections()],
        )
        for one in (Replay(), Bracket(audit=0), Serial())
    )  # fmt: skip
    for column in expected.columns:
        assert np.array_equal(found.values(column), expected.values(column)), column
        assert np.array_equal(other.values(column), expected.values(column)), column
    rates = expected.rate("corrected", by="format")
    assert rates[repr(CODE)].value == 1
    assert rates["Float32()"].value == 0


def test_error_rates_have_faults_in_both_kinds_of_words(case):
    model, data, masks = case
    space = selective(model, masks)
    found, expected = (
        run(model, data, space, ErrorRate(1e-2, trials=10), engine=one, progress=False, audit=0)
        for one in (Folded(), Serial())
    )
    for column in expected.columns:
        assert np.allclose(found.values(column), expected.values(column), atol=1e-12), column


def test_a_run_file_holds_the_masks(case, tmp_path):
    model, data, masks = case
    space = selective(model, masks)
    run(model, data, space, PerTensor(10), store=tmp_path / "run.db", progress=False)
    read = Results.open(tmp_path / "run.db").space
    assert [r.subset for r in read.regions] == [r.subset for r in space.regions]
    assert read[1000] == space[1000]
    again = space.again(model)
    assert len(again) == len(space)


def test_a_subset_without_words_has_no_faults(case):
    model, _, masks = case
    none = {name: torch.zeros_like(mask) for name, mask in masks.items()}
    space = selective(model, none)
    assert {region.format for region in space.regions} == {Float32()}
    assert len(space) == 35 * 32


@pytest.mark.parametrize(
    ("words", "format", "match"),
    [
        ({"0.weight": torch.ones(4, 4, dtype=torch.bool)}, Float32(), "another model"),
        ({"0.weight": torch.ones(4, 5, dtype=torch.bool)}, Float32(), r"\(4, 5\).*\(5, 4\)"),
        ({}, Float32(), "only for none"),
        ({"2.weight": torch.ones(3, 5, dtype=torch.bool)}, Float32(), "no mask for '0.weight'"),
        ({"0.weight": torch.ones(5, 4)}, Float32(), "bool"),
        (torch.ones(5, 4, dtype=torch.bool), Float32(), "mask for each tensor"),
        (
            {"0.weight": torch.ones(5, 4, dtype=torch.bool)},
            SecDed(Float32(), block=2),
            "one by one",
        ),
    ],
)  # fmt: skip
def test_masks_that_do_not_fit_are_refused(case, words, format, match):
    with pytest.raises(InputError, match=match):
        FaultSpace.of(case[0], Weights("0"), BitFlip(), format, words=words)


def test_a_flat_mask_is_in_row_major_order(case):
    model, _, masks = case
    flat = {name: mask.reshape(-1) for name, mask in masks.items()}
    assert list(selective(model, flat)) == list(selective(model, masks))


def test_one_value_has_one_format(case):
    model, _, masks = case
    with pytest.raises(InputError, match="at once"):
        FaultSpace.of(model, Weights("*"), BitFlip(), CODE, words=masks) | FaultSpace.of(
            model, Weights("*"), BitFlip(), Float32()
        )
    scaled = {name: mask for name, mask in masks.items() if name == "0.weight"}
    with pytest.raises(InputError, match="its scale"):
        FaultSpace.of(
            stored_as(model, Int(8)),
            Weights("0"),
            BitFlip(),
            Int(8),
            words=scaled,
            planes=("codes", "scale"),
        )
