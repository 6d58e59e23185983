"""Is a run told from every other, and does a manifest by anybody's hand do no harm?"""

import contextlib
import copy
import json
import sqlite3
import tempfile
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from radhard.errors import InputError
from radhard.manifest import check_manifest, difference, environment, fingerprint, run_environment
from radhard.results import Results
from radhard.store import Store
from tests.small import campaign, digest, network, without_checksums

words = st.sampled_from(
    [
        *("", "x", "Float32()", "Int(8)", "BitFlip(count=2)", "Uniform(9)", "PerBit(1)"),
        *("Weights('*')", "ErrorRate((0.1, 0.5))", "Exhaustive()", "os:system('true')"),
        *("(" * 200, "weight", "input"),
    ]
)
leaves = st.none() | st.booleans() | st.integers(-5, 5) | st.floats() | words | st.text(max_size=5)
leaves |= st.sampled_from([2**31, 2**62, 2**63, 10**40, -1, float("inf")])
values = st.recursive(
    leaves, lambda v: st.lists(v, max_size=3) | st.dictionaries(words, v, max_size=3), max_leaves=5
)


@pytest.fixture(scope="module")
def finished():
    """Manifest and trials of a finished run."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "run.db")
        campaign(path)
        with Store(path) as store:
            yield store.manifest(), store.frame()


def places(tree, path=()):
    """Every place in a nested value, as a path of keys."""
    yield path
    if isinstance(tree, dict | list):
        for key in tree if isinstance(tree, dict) else range(len(tree)):
            yield from places(tree[key], (*path, key))


def changed(tree, path, value, *, removed=False):
    """A copy that differs in one place."""
    if not path:
        return value
    tree = copy.deepcopy(tree)
    inner = tree
    for key in path[:-1]:
        inner = inner[key]
    if removed:
        del inner[path[-1]]
    else:
        inner[path[-1]] = value
    return tree


@settings(max_examples=100)
@given(draw=st.data())
def test_whatever_a_manifest_says_is_read_or_refused_as_input(finished, draw):
    manifest, frame = finished
    keys = ("space", "sampler", "seed", "metrics", "columns", "ranges", "planned", "batch")
    known = [path for path in places(manifest) if path and path[0] in keys]
    for _ in range(draw.draw(st.integers(1, 2))):
        path = draw.draw(st.sampled_from(known))
        with contextlib.suppress(KeyError, IndexError, TypeError):
            removed = draw.draw(st.booleans())
            manifest = changed(manifest, path, draw.draw(values), removed=removed)
    with contextlib.suppress(InputError):
        results = Results(manifest, frame)
        repr(results)
        results.to_frame()
        for by in ("tensor", "bit", "layer, field"):
            with contextlib.suppress(InputError):
                results.rate(by=by)


def test_the_untouched_manifest_is_read(finished):
    manifest, frame = finished
    check_manifest(manifest)
    assert Results(manifest, frame).complete


@settings(max_examples=25)
@given(draw=st.data())
def test_whatever_lies_in_the_file_is_read_or_refused_as_input(finished, draw):
    manifest, _ = finished
    key = draw.draw(st.sampled_from(sorted(manifest)))
    raw = draw.draw(st.binary(max_size=8) | st.text(max_size=8) | values.map(json.dumps))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "run.db")
        with Store(path, write=True) as store:
            store.begin(manifest, manifest["columns"])
        without_checksums(path)
        with sqlite3.connect(path) as db:
            db.execute("UPDATE manifest SET value = ? WHERE key = ?", (raw, key))
        db.close()
        with contextlib.suppress(InputError):
            Results.open(path)


@pytest.mark.parametrize(
    ("place", "value", "said"),
    [
        (("space", "terms", 0, "sites", 0, "shape"), [3, -1], "negative size"),
        (("space", "terms", 0, "sites", 0, "samples"), 0, "no samples"),
        (("space", "terms", 0, "sites", 0, "shape"), [2**40, 2**20], "more than can be"),
        (("space", "terms", 0, "sites", 0, "shape"), [1.5], "'shape' is not several"),
        (("space", "terms", 0, "sites", 0, "role"), "wait", "'role' is not 'weight'"),
        (("space", "terms", 0, "sites", 0, "name"), "2.weight", "two sites have one name"),
        (("space", "terms", 0, "scales"), [], "scales are not one a site"),
        (("columns",), ["a", "a"], "two columns have one name"),
        (("columns", 0), "fault", "two columns have one name"),
        (("ranges", 0), [1, 0], r"not one pair \(least, greatest\)"),
        (("ranges", 0), [0, float("nan")], r"not one pair \(least, greatest\)"),
        (("ranges", 0), [0], r"not one pair \(least, greatest\)"),
        (("seed",), True, "'seed' is not a whole number"),
    ],
)
def test_manifest_that_cannot_be_is_told_why(finished, place, value, said):
    with pytest.raises(InputError, match=said):
        check_manifest(changed(finished[0], place, value))


def test_difference_of_equal_runs_is_nothing_and_more_entries_do_not_count():
    asked = {"seed": 1, "space": {"terms": [{"faults": ["BitFlip()"]}]}}
    assert difference({**asked, "model": "x"}, asked) == ""
    assert difference({}, asked) == "seed is None there, 1 here"
    other = {"seed": 1, "space": {"terms": [{"faults": ["Burst(2)"]}]}}
    assert "fault model is Burst(2) there, BitFlip() here" in difference(other, asked)
    several = {"seed": 1, "space": {"terms": [{"faults": ["BitFlip()"]}] * 2}}
    assert "sum of 2 there, of 1 here" in difference(several, asked)


@pytest.mark.parametrize(
    "found",
    [
        *({}, {"terms": 1}, {"terms": [2]}, {"terms": []}, {"terms": [{}]}),
        {"terms": [{"faults": ["BitFlip()"], "more": 1}]},
        {"fault": "BitFlip()", "format": "Float32()", "sites": [2]},
    ],
)
def test_difference_inside_the_space_is_never_overlooked(found):
    asked = {"space": {"terms": [{"faults": ["BitFlip()"], "sites": [1]}]}}
    assert difference({"space": found}, asked) != ""


def earlier(space):
    """The entry of a space as it was before spaces were sums: one fault model and one format."""
    (term,) = space["terms"]
    (fault,), ((pattern, format),) = term["faults"], term["formats"]
    assert (pattern, term["planes"]) == ("*", ["codes"])
    rest = {key: term[key] for key in ("left out", "targets", "sites", "scales") if key in term}
    return {**rest, "fault": fault, "format": format}


def test_a_run_file_with_an_earlier_entry_of_its_space_is_read_and_continued(tmp_path):
    path, whole = tmp_path / "run.db", tmp_path / "whole.db"
    expected = campaign(whole)
    campaign(path)
    with Store(path) as store:
        entry = earlier(store.manifest()["space"])
    assert entry["fault"] == "BitFlip()"
    without_checksums(path)
    with sqlite3.connect(path) as db:
        db.execute("UPDATE manifest SET value = ? WHERE key = 'space'", (json.dumps(entry),))
        db.execute("DELETE FROM trials WHERE trial >= 20")
    db.close()
    before = Results.open(path)
    assert (len(before), before.space.faults) == (20, expected.space.faults)
    after = campaign(path)
    assert after.complete
    assert digest(path) == digest(whole)
    assert repr(after.space) == repr(expected.space)
    with Store(path) as store:
        assert store.manifest()["space"] == entry


def one_bit(model):
    with torch.no_grad():
        word = model[2].bias.view(torch.int32)
        word[1] ^= 1
    return model


def test_fingerprint_knows_every_bit_name_type_and_structure():
    same = fingerprint(network())
    assert same == fingerprint(network())
    assert same != fingerprint(one_bit(network()))
    assert same != fingerprint(network().double())
    assert same != fingerprint(nn.Sequential(*network(), nn.Identity()))
    assert same != fingerprint(nn.ModuleDict({"0": network()[0], "2": network()[2]}))
    counted = nn.Sequential(*network(), nn.BatchNorm1d(2))
    before = fingerprint(counted)
    counted[3].running_mean[0] = 0.5
    assert fingerprint(counted) != before


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float64, torch.float16])
def test_fingerprint_takes_tensors_of_any_type_and_layout(dtype):
    model = network().to(dtype)
    before = fingerprint(model)
    model[0].weight = nn.Parameter(model[0].weight.t().contiguous().t())
    assert fingerprint(model) == before
    assert fingerprint(nn.Identity()) != before


def test_fingerprint_takes_a_scalar_and_an_empty_tensor():
    model = nn.Module()
    model.scale = nn.Parameter(torch.tensor(2.0))
    model.none = nn.Parameter(torch.zeros(0, 3))
    assert fingerprint(model) == fingerprint(model)


def test_environment_is_plain_text():
    said = environment(None)
    assert all(isinstance(value, str) for value in said.values())
    assert said["device"] == "CPU"
    assert json.loads(json.dumps(said)) == said


def test_the_revision_is_read_without_a_lock_in_the_checkout(monkeypatch):
    commands = []

    def refused(command, **_):
        commands.append(command)
        raise OSError

    monkeypatch.setattr("radhard.manifest.run_environment.shutil.which", lambda _: "git")
    monkeypatch.setattr("radhard.manifest.run_environment.subprocess.run", refused)
    assert run_environment._revision.__wrapped__() == ""
    assert commands
    assert all("--no-optional-locks" in command for command in commands)
