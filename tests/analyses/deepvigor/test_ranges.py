"""Do ranges say of a deviation what their limits say, and survive in a file?"""

import dataclasses
import json
import math
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from radhard.analyses import DeepVigor, Ranges, Vulnerability
from radhard.analyses.deepvigor.class_ranges import merged
from radhard.analyses.deepvigor.thresholds import Thresholds
from radhard.errors import InputError
from radhard.vulnerability_ranges import Limits
from tests.analyses.deepvigor.hand import data, of_three_neurons

SAFE, SEMI, VULNERABLE = Vulnerability


def ranges(tolerance: float = 1e-5) -> Ranges:
    return DeepVigor(tolerance=tolerance).ranges(of_three_neurons(), data())


def table(*rows: list[float]) -> np.ndarray:
    return np.array(rows, dtype=np.float64)


def hand_made() -> Ranges:
    limits = Limits(
        (2, 2),
        np.array([0, 3], dtype=np.int64),
        safe_down=table([1.0, math.nan], [math.inf, math.nan]),
        unsafe_down=table([2.0, math.nan], [math.inf, math.nan]),
        safe_up=table([3.0, math.nan], [4.0, math.nan]),
        unsafe_up=table([5.0, math.nan], [math.inf, math.nan]),
    )
    return Ranges("Mine()", "Float32()", {"fc": limits}, 7, {"fc": 1.5}, "x")


@pytest.mark.parametrize(
    ("deviation", "verdict"),
    [
        (0.0, SAFE),
        (3.0, SAFE),
        (3.01, SEMI),
        (4.99, SEMI),
        (5.0, VULNERABLE),
        (math.inf, VULNERABLE),
        (-1.0, SAFE),
        (-1.01, SEMI),
        (-2.0, VULNERABLE),
        (-math.inf, VULNERABLE),
        (math.nan, VULNERABLE),
    ],
)
def test_verdicts_change_at_the_limits(deviation: float, verdict: Vulnerability) -> None:
    assert hand_made().classify("fc", 0, deviation, 0) == verdict


@pytest.mark.parametrize(
    ("deviation", "verdict"),
    [(4.0, SAFE), (1e38, SEMI), (math.inf, SEMI), (-1e38, SAFE), (-math.inf, SAFE)],
)
def test_only_a_range_without_end_says_that_infinity_is_harmless(
    deviation: float, verdict: Vulnerability
) -> None:
    assert hand_made().classify("fc", 3, deviation, 0) == verdict


def test_what_nothing_is_known_of_is_semi_vulnerable() -> None:
    own = hand_made()
    assert own.classify("fc", [1, 2], 0.5, 0).tolist() == [SEMI, SEMI]  # not analysed
    assert own.classify("fc", [0, 3], 0.5, 1).tolist() == [SEMI, SEMI]  # no such input


def test_arguments_are_broadcast_and_may_be_tensors() -> None:
    own = hand_made()
    found = own.classify("fc", torch.tensor([[0], [3]]), torch.tensor([3.5, 4.0]), 0)
    assert found.tolist() == [[SEMI, SEMI], [SAFE, SAFE]]
    assert own.classify("fc", 0, [], 0).tolist() == []


def test_without_golden_class_all_classes_must_agree() -> None:
    own = ranges()
    deviations = np.linspace(-4, 4, 200)
    for neuron in range(3):
        both = [own.classify("0", neuron, deviations, golden) for golden in (0, 1)]
        any_ = own.classify("0", neuron, deviations)
        np.testing.assert_array_equal(any_ == SAFE, (both[0] == SAFE) & (both[1] == SAFE))
        wanted = (both[0] == VULNERABLE) & (both[1] == VULNERABLE)
        np.testing.assert_array_equal(any_ == VULNERABLE, wanted)


def test_ranges_of_three_neurons_are_those_of_a_pencil() -> None:
    frame = ranges().to_frame("0").set_index(["neuron", "golden"])
    never = math.inf
    wanted = {
        (0, 0): [-never, -never, never, never],
        (0, 1): [-never, -never, 2.5, 2.5],
        (1, 0): [-never, -never, 1.75, 3.25],
        (1, 1): [-0.75, -0.75, never, never],
        (2, 0): [-never, -1.5, never, never],  # one of the two inputs never changes
        (2, 1): [-never, -never, 1.5, 1.5],
    }
    for key, limits in wanted.items():
        # Where it gets through but changes nothing, the largest number is what was tried.
        found = frame.loc[key].to_numpy()
        found = np.where(np.abs(found) > 3e38, np.sign(found) * never, found)
        np.testing.assert_allclose(found, limits, atol=2e-5)


def test_ranges_of_the_logits_are_in_closed_form_without_a_pass() -> None:
    own = ranges(tolerance=0.05)
    assert own.forwards["2"] == 0
    frame = own.to_frame("2").set_index(["neuron", "golden"])
    # Leads of class 0: 3 - 1.5 and 4 - 1.5; of class 1: 3.5 - 2.
    np.testing.assert_allclose(frame.loc[(0, 0)], [-2.5, -1.5, math.inf, math.inf], atol=1e-5)
    np.testing.assert_allclose(frame.loc[(1, 0)], [-math.inf, -math.inf, 1.5, 2.5], atol=1e-5)
    np.testing.assert_allclose(frame.loc[(1, 1)], [-1.5, -1.5, math.inf, math.inf], atol=1e-5)


@given(st.integers(0, 2**16), st.integers(1, 6), st.integers(1, 12))
def test_merged_limits_are_the_least_safe_and_the_largest_unsafe_of_each_class(
    seed: int, neurons: int, samples: int
) -> None:
    rng = torch.Generator().manual_seed(seed)
    safe = torch.rand(neurons, samples, generator=rng)
    unsafe = safe + torch.rand(neurons, samples, generator=rng)
    unsafe[torch.rand(neurons, samples, generator=rng) < 0.2] = math.inf
    golden = torch.randint(3, (samples,), generator=rng)
    least, most = merged(Thresholds(safe, unsafe), golden, 4, 0.0)
    for answer in range(4):
        own = golden == answer
        if not own.any():
            assert least[:, answer].isnan().all()
            assert most[:, answer].isnan().all()
            continue
        assert (safe[:, own] >= least[:, answer, None]).all()
        assert (safe[:, own] == least[:, answer, None]).any(1).all()
        assert (unsafe[:, own] <= most[:, answer, None]).all()
        assert (unsafe[:, own] == most[:, answer, None]).any(1).all()


def test_few_inputs_that_nothing_moves_may_be_left_out_of_the_vulnerable_range() -> None:
    unsafe = torch.arange(1.0, 101.0)[None].clone()
    unsafe[0, 7] = math.inf
    found, golden = Thresholds(unsafe / 2, unsafe), torch.zeros(100, dtype=torch.int64)
    assert merged(found, golden, 1, 0.0)[1].item() == math.inf
    assert merged(found, golden, 1, 0.01)[1].item() == math.inf
    assert merged(found, golden, 1, 0.02)[1].item() == 100


def test_saved_ranges_come_back_and_are_no_pickle(tmp_path: Path) -> None:
    own, path = ranges(), tmp_path / "ranges.npz"
    own.save(path)
    back = Ranges.load(path)
    assert (back.by, back.format, back.samples, back.forwards, back.model) == (
        own.by,
        own.format,
        own.samples,
        own.forwards,
        own.model,
    )
    for name, limits in own.layers.items():
        assert back[name].shape == limits.shape
        for key, array in limits.arrays().items():
            np.testing.assert_array_equal(back[name].arrays()[key], array)
    with np.load(path, allow_pickle=False) as file:
        said = json.loads(str(file["said"]))
        assert (said["by"], said["format"]) == (own.by, "Float32()")


def test_a_file_of_ranges_imports_no_format_unless_it_is_trusted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "their_formats.py").write_text(
        "from radhard.formats.plain.ieee import Float32\n"
        "from radhard.spec import component\n"
        "@component\n"
        "class Mine(Float32):\n"
        "    'Theirs.'\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    path = tmp_path / "ranges.npz"
    own = hand_made()
    Ranges(own.by, "their_formats:Mine()", own.layers, own.samples).save(path)  # type: ignore[arg-type]
    monkeypatch.delitem(sys.modules, "their_formats")
    with pytest.raises(InputError, match="outside radhard"):
        Ranges.load(path)
    assert "their_formats" not in sys.modules
    assert repr(Ranges.load(path, foreign=True).format) == "their_formats:Mine()"
    monkeypatch.delitem(sys.modules, "their_formats")


@pytest.mark.parametrize(
    "spoil",
    [
        lambda path: path.write_bytes(b"no archive"),
        lambda path: path.write_bytes(path.read_bytes()[:200]),
        lambda path: path.write_bytes(b""),
        lambda path: np.savez(path.open("wb"), said=np.array("[]")),
        lambda path: np.savez(path.open("wb"), said=np.array('{"format of file": "x"}')),
        lambda path: np.savez(path.open("wb"), other=np.zeros(2)),
        lambda path: np.savez(path.open("wb"), said=np.array([None], dtype=object)),
        lambda path: np.save(path.open("wb"), np.zeros(2)),
    ],
)
@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_a_file_that_holds_something_else_is_refused_in_one_line(tmp_path: Path, spoil) -> None:
    path = tmp_path / "ranges.npz"
    ranges().save(path)
    spoil(path)
    with pytest.raises(InputError, match="contains no value ranges") as said:
        Ranges.load(path)
    assert "\n" not in str(said.value)


def test_a_file_whose_arrays_do_not_go_together_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "ranges.npz"
    ranges().save(path)
    with np.load(path) as file:
        held = {name: file[name] for name in file.files}
    for name, array in (
        ("0.safe_up", np.zeros((1, 2))),
        ("0.neurons", np.array([2, 1, 0])),
        ("0.neurons", np.array([0.5, 1.0, 2.0])),
        ("0.neurons", np.array([0, 1, 99])),
    ):
        np.savez(path, **{**held, name: array})
        with pytest.raises(InputError, match="contains no value ranges"):
            Ranges.load(path)


def test_a_file_that_is_not_there_or_cannot_be_written_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        Ranges.load(tmp_path / "none.npz")
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="cannot be"):
        ranges().save(tmp_path / "file" / "folder.npz")


@pytest.mark.parametrize(
    ("deviation", "margin", "step", "least", "verdict"),
    [
        # Limits are 3 and 5 upwards, and analyzed margins from 1 to 2.
        (1.0, 1.5, 0.0, 0.0, SAFE),
        (1.01, 1.5, 0.0, 0.0, SEMI),
        (14.9, 1.5, 0.0, 0.0, SEMI),
        (15.0, 1.5, 0.0, 0.0, VULNERABLE),
        (0.5, 1.5, 0.5, 0.0, SAFE),
        (0.51, 1.5, 0.5, 0.0, SEMI),
        (15.4, 1.5, 0.5, 0.0, SEMI),
        (15.5, 1.5, 0.5, 0.0, VULNERABLE),
        (1.0, 0.99, 0.0, 0.0, SEMI),
        (15.0, 0.99, 0.0, 0.0, VULNERABLE),
        (1.0, 2.01, 0.0, 0.0, SAFE),
        (15.0, 2.01, 0.0, 0.0, SEMI),
        (1.0, 1.5, 0.0, 1.5, SEMI),
        (1.0, 1.51, 0.0, 1.5, SAFE),
        (math.nan, 1.5, 0.0, 0.0, VULNERABLE),
        (math.inf, 1.5, 0.5, 0.0, VULNERABLE),
    ],
)
def test_guarded_verdicts_keep_clear_of_limits_and_of_other_margins(
    deviation: float, margin: float, step: float, least: float, verdict: Vulnerability
) -> None:
    own = dataclasses.replace(hand_made(), margins={0: (1.0, 2.0)})
    deviations, margins = np.array([deviation]), np.array([margin])
    zero = np.zeros(1, dtype=np.int64)
    found = own.guarded("fc", zero, deviations, zero, margins, guard=3.0, step=step, least=least)
    assert found.tolist() == [verdict]


def test_margins_are_those_of_the_analyzed_inputs_and_survive_in_a_file(tmp_path: Path) -> None:
    own = ranges()
    with torch.no_grad():
        best = of_three_neurons()(data().inputs).double().topk(2, 1)
    leads, golden = best.values[:, 0] - best.values[:, 1], best.indices[:, 0]
    for answer in golden.unique().tolist():
        of_class = leads[golden == answer]
        low_and_high = (of_class.min().item(), of_class.max().item())
        assert own.margins[answer] == pytest.approx(low_and_high)
    own.save(tmp_path / "ranges.npz")
    assert Ranges.load(tmp_path / "ranges.npz").margins == own.margins


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("fcc", 0, 1.0, 0), r"did you mean fc\?"),
        (("fc", 4, 1.0, 0), "4 neurons"),
        (("fc", -1, 1.0, 0), "no -1"),
        (("fc", 0, 1.0, 2), "2 classes"),
        (("fc", 0.5, 1.0, 0), "integers"),
    ],
)
def test_a_wrong_question_is_answered_with_what_is_allowed(arguments, said: str) -> None:
    with pytest.raises(InputError, match=said):
        hand_made().classify(*arguments)


def test_ranges_of_another_model_are_refused() -> None:
    own, other = ranges(), of_three_neurons()
    own.check_model(of_three_neurons())
    with torch.no_grad():
        other[0].bias.add_(1)
    with pytest.raises(InputError, match="another model"):
        own.check_model(other)
