"""Are faults drawn with the shares that were measured?"""

import json
from collections import Counter

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from radhard.errors import InputError
from radhard.faults import FAULTS, BitFlip, Empirical, Line
from radhard.faults.empirical import measured_patterns
from radhard.formats import BFloat16, Float8E4M3, Float32, Float64, Hamming, Int

EVERY = torch.arange(10_000)
INCLUDED = ("sram-finfet-nominal", "sram-finfet-low-voltage", "gpu-stuck-at")


def file(tmp_path, *classes, **others):
    content = {"name": "mine", "source": "me", "unit": "stored", "classes": classes, **others}
    path = tmp_path / "mine.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    return str(path)


def bits_changed(fault, format, code):
    faulty = fault.corrupt(torch.full((10_000,), code), EVERY, format)
    return [bin((one ^ code) & (2**format.bits - 1)).count("1") for one in faulty.tolist()]


@pytest.mark.parametrize("name", INCLUDED)
def test_shares_sum_to_one_as_far_as_published(name):
    patterns, _ = measured_patterns(name)
    assert sum(one.share for one in patterns.classes) == pytest.approx(1, abs=0.016)
    assert patterns.unit in ("stored", "computed")
    assert patterns.source
    assert patterns.assumptions


def test_upsets_of_one_and_two_bits_have_their_shares():
    counts = Counter(bits_changed(Empirical("sram-finfet-low-voltage"), Float32(), 12345))
    assert counts[1] / 10_000 == pytest.approx(0.785 / 0.985, abs=1e-4)
    assert counts[2] / 10_000 == pytest.approx(0.20 / 0.985, abs=1e-4)
    assert set(counts) == {1, 2}


def test_every_position_is_equally_likely():
    fault, format = Empirical("sram-finfet-nominal"), Int(8)
    faulty = fault.corrupt(torch.zeros(10_000, dtype=torch.int64), EVERY, format)
    by_position = Counter(one for one in faulty.tolist() if bin(one).count("1") == 1)
    assert set(by_position) == {1 << bit for bit in range(8)}
    assert max(by_position.values()) - min(by_position.values()) <= 1


def test_half_of_the_faults_of_a_gpu_are_zeros_and_one_percent_is_not_finite():
    format = Float32()
    codes = format.encode(torch.full((10_000,), 0.05))
    values = format.decode(Empirical("gpu-stuck-at").corrupt(codes, EVERY, format))
    assert float((values == 0).double().mean()) == pytest.approx(0.5068, abs=2e-3)
    assert float((~values.isfinite()).double().mean()) == pytest.approx(0.0101, abs=1e-4)
    assert int(values.isnan().sum()) == pytest.approx(50, abs=1)
    # Which single flips almost never give.
    flips = format.decode(BitFlip().corrupt(codes[:32], torch.arange(32), format))
    assert bool(flips.isfinite().all())
    assert not (flips == 0).any()


def test_bits_lie_where_the_file_says(tmp_path):
    adjacent = {"share": 0.5, "effect": "flip", "bits": 3, "placement": "adjacent"}
    byte = {"share": 0.5, "effect": "flip", "bits": 2, "placement": "byte"}
    fault = Empirical(file(tmp_path, adjacent, byte))
    faulty = fault.corrupt(torch.zeros(10_000, dtype=torch.int64), EVERY, BFloat16()).tolist()
    assert set(faulty[:5000]) == {7 << at for at in range(14)}
    assert len(set(faulty[5000:])) == 2 * 28
    assert all(word < 256 or not word & 255 for word in faulty[5000:])


def test_whole_words_are_inverted_or_replaced(tmp_path):
    classes = [{"share": 0.5, "effect": "invert"}, {"share": 0.5, "effect": "random"}]
    faulty = Empirical(file(tmp_path, *classes)).corrupt(torch.full((10_000,), 5), EVERY, Int(4))
    assert set(faulty[:5000].tolist()) == {10}
    assert set(faulty[5000:].tolist()) == set(range(16))


@given(variants=st.lists(st.integers(0, 9_999), min_size=1, max_size=5))
def test_a_variant_is_the_same_fault_in_any_company(variants):
    fault, format = Empirical("gpu-stuck-at"), Float64()
    codes = torch.arange(len(variants)) - 2
    together = fault.corrupt(codes, torch.tensor(variants), format)
    alone = [
        int(fault.corrupt(codes[at : at + 1], torch.tensor([v]), format))
        for at, v in enumerate(variants)
    ]
    assert together.tolist() == alone


def test_words_of_a_line_have_different_draws():
    line = Line(Empirical("gpu-stuck-at"), 8)
    found = line.along(np.full(8, 17), np.arange(8), Float32())
    assert len(set(found.tolist())) == 8
    assert line.span == 8


def test_its_text_holds_what_was_measured_and_nothing_else_is_taken_for_it(tmp_path):
    path = file(tmp_path, {"share": 1, "effect": "zero"})
    fault = Empirical(path)
    assert FAULTS.parse(repr(fault)) == fault
    file(tmp_path, {"share": 1, "effect": "invert"})
    with pytest.raises(InputError, match="another content"):
        FAULTS.parse(repr(fault))


@pytest.mark.parametrize(
    ("classes", "says"),
    [
        ([{"share": 0.4, "effect": "zero"}], "sum to 0.4"),
        ([{"share": 1, "effect": "vanish"}], "one of flip"),
        ([{"share": -1, "effect": "zero"}], "above 0"),
        ([{"effect": "zero"}], "share"),
        ([{"share": 1, "effect": "flip", "placement": "row"}], "anywhere"),
        ([{"share": 1, "effect": "flip", "bits": 0}], "1 or more"),
        (["zero"], "cannot be read"),
    ],
)
def test_damaged_files_are_refused_in_one_line(tmp_path, classes, says):
    with pytest.raises(InputError, match=says) as error:
        Empirical(file(tmp_path, *classes))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("name", "format", "says"),
    [
        ("gpu-stuck-at", Int(8), "floating-point"),
        ("gpu-stuck-at", Float8E4M3(), "floating-point"),
        ("gpu-stuck-at", Hamming(Int(8)), "check bits"),
    ],
)
def test_formats_without_such_words_are_refused(name, format, says):
    with pytest.raises(InputError, match=says):
        Empirical(name).variants(format)


def test_a_missing_file_is_refused_with_the_names_of_those_included():
    with pytest.raises(InputError, match="gpu-stuck-at"):
        Empirical("nowhere.json")


def test_a_flip_of_more_bits_than_a_word_has_is_refused(tmp_path):
    with pytest.raises(InputError, match="wider"):
        Empirical(file(tmp_path, {"share": 1, "effect": "flip", "bits": 9})).variants(Int(8))
