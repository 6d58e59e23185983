"""Are the faults of a list tried in its order, and nothing else claimed?"""

import copy
import json

import numpy as np
import pytest
import torch
from torch import nn

from radhard.campaign import run
from radhard.errors import InputError
from radhard.faults import BitFlip, StuckAt
from radhard.formats import Float32
from radhard.report import write
from radhard.results import Results
from radhard.samplers import SAMPLERS, Given
from radhard.space import Fault, FaultSpace
from radhard.spec import MAX_LENGTH
from radhard.targets import Weights

torch.manual_seed(0)
MODEL = nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 3)).eval()
INPUTS = torch.randn(6, 4)
SPACE = FaultSpace.of(MODEL, Weights("*"), BitFlip(), Float32())
WANTED = [Fault("2.weight", 7, 30), Fault("0.weight", 2, 31), Fault("0.weight", 9, 30)]


def by_hand(faults: list[Fault]) -> list[float]:
    found = []
    with torch.no_grad():
        golden = MODEL(INPUTS).argmax(1)
        for fault in faults:
            twin = copy.deepcopy(MODEL)
            bits = twin.get_parameter(fault.tensor).data.view(-1).view(torch.int32)
            bits[fault.word] ^= (1 << fault.variant) - (fault.variant == 31) * (1 << 32)
            outputs = twin(INPUTS)
            changed = (outputs.argmax(1) != golden) & ~outputs.isnan().any(1)
            found.append(changed.double().mean().item())
    return found


def test_the_listed_faults_are_tried_in_their_order(tmp_path):
    results = run(MODEL, INPUTS, SPACE, WANTED, store=tmp_path / "a.db")
    assert results.values("critical").tolist() == by_hand(WANTED)
    assert [results.space[int(results.trials[i][0])] for i in range(3)] == WANTED
    again = Results.open(tmp_path / "a.db")
    assert again.sampler == Given(WANTED) == SAMPLERS.parse(repr(Given(WANTED)))
    assert write(again, tmp_path / "a.html")


def test_rates_are_exact_for_these_faults_and_said_to_be_no_estimate():
    results = run(MODEL, INPUTS, SPACE, WANTED)
    truth = by_hand(WANTED)
    rate = results.rate()
    assert rate.value == pytest.approx(np.mean(truth))
    assert rate.low == rate.high == rate.value
    assert results.rate(by="tensor")["0.weight"].value == pytest.approx(np.mean(truth[1:]))
    assert any("do not estimate" in str(note) for note in results.notes)


def test_numbers_names_and_files_are_the_same_list(tmp_path):
    numbers = [SPACE.index(fault) for fault in WANTED]
    named = [[f.tensor, f.word, f.variant] for f in WANTED]
    (tmp_path / "named.csv").write_text(
        "tensor,word,variant\n" + "".join(f"{t},{w},{v}\n" for t, w, v in named)
    )
    (tmp_path / "numbers.csv").write_text("fault\n" + "".join(f"{n}\n" for n in numbers))
    (tmp_path / "named.json").write_text(json.dumps(named))
    for given in (
        numbers,
        np.array(numbers),
        named,
        str(tmp_path / "named.csv"),
        str(tmp_path / "numbers.csv"),
        str(tmp_path / "named.json"),
    ):
        trials = Given(given).draw(SPACE, 0)
        assert trials.at(np.arange(3)).tolist() == numbers
    # The text has the faults themselves, so that a run file needs no other file.
    assert "csv" not in repr(Given(str(tmp_path / "named.csv")))


def test_an_exported_table_of_trials_is_a_list(tmp_path):
    results = run(MODEL, INPUTS, SPACE, "Uniform(9)")
    results.export(tmp_path / "trials.csv")
    again = run(MODEL, INPUTS, SPACE, Given(str(tmp_path / "trials.csv")))
    assert (again.values("critical") == results.values("critical")).all()


def test_a_long_list_is_read_back():
    long = Given(tuple(range(5_000)))
    assert len(repr(long)) > MAX_LENGTH
    assert SAMPLERS.parse(repr(long)) == long
    named = Given([Fault("a.weight", n, 3) for n in range(2_000)])
    assert SAMPLERS.parse(repr(named)) == named
    with pytest.raises(InputError, match="characters"):
        SAMPLERS.parse("Given((" + "-" * 20_000 + "1))")


@pytest.mark.parametrize(
    ("faults", "word"),
    [
        ((), "at least one"),
        ((1.5,), "not allowed"),
        ((True, "a"), "not allowed|no fault"),
        ((True,), "not allowed|no fault"),
        (True, "not allowed|no fault"),
        ([False, 3], "not allowed|no fault"),
        ((("0.weight", 1),), "no fault"),
        ("nowhere.csv", "no file"),
    ],
)
def test_what_is_no_list_of_faults_is_refused(faults, word):
    with pytest.raises(InputError, match=word):
        Given(faults)


@pytest.mark.parametrize(
    ("faults", "word"),
    [
        ((10**6,), "fault numbers are 0 to"),
        ((-1,), "fault numbers are 0 to"),
        ((3, 4, 3), "more than once"),
        ((("0.bias", 0, 0),), "not in the space"),
    ],
)
def test_faults_that_the_space_lacks_are_refused(faults, word):
    with pytest.raises(InputError, match=word):
        run(MODEL, INPUTS, SPACE, Given(faults))


def test_a_file_of_another_kind_is_refused(tmp_path):
    path = tmp_path / "faults.csv"
    path.write_text("word\n3\n")
    with pytest.raises(InputError, match="tensor,word,variant"):
        Given(str(path))


def test_a_file_selects_the_region_of_a_tensor(tmp_path):
    both = SPACE | FaultSpace.of(MODEL, Weights("*"), StuckAt(1), Float32())
    wanted = [Fault("0.weight", 3, 5, region=1), Fault("2.weight", 7, 30), Fault("0.weight", 3, 5)]
    (tmp_path / "faults.csv").write_text(
        "tensor,word,variant,region\n0.weight,3,5,1\n2.weight,7,30,\n0.weight,3,5,0\n"
    )
    keys = [{"tensor": f.tensor, "word": f.word, "variant": f.variant} for f in wanted]
    keys[0]["region"] = 1
    (tmp_path / "faults.json").write_text(json.dumps(keys))
    for name in ("faults.csv", "faults.json"):
        trials = Given(str(tmp_path / name)).draw(both, 0)
        assert [both[n] for n in trials.at(np.arange(3)).tolist()] == wanted
    (tmp_path / "faults.csv").write_text("tensor,word,variant,region\n0.weight,3,5,2\n")
    with pytest.raises(InputError, match="not in the space"):
        Given(str(tmp_path / "faults.csv")).draw(both, 0)
    (tmp_path / "faults.csv").write_text("tensor,word,variant,region\n0.weight,3,5,scale\n")
    with pytest.raises(InputError, match="cannot be read"):
        Given(str(tmp_path / "faults.csv"))
