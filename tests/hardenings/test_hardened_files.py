"""Is a saved model the very same, and is a file that lies told?"""

import errno
import hashlib
import json
import pickle
import re
import struct

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import nn

from radhard.analyses import MaxValue
from radhard.errors import InputError, RadhardWarning
from radhard.hardenings import ChannelDuplication, Ranger, load, save
from radhard.hardenings import hardened_files as saved
from radhard.hardenings.hardened_files import base_of, is_hardened
from radhard.manifest import fingerprint
from tests.conformance.hardening_subject import network, samples

pytestmark = pytest.mark.filterwarnings("ignore:.*too few samples")


@pytest.fixture
def folder(tmp_path):
    """A hardened model with bounds and copies, saved."""
    model, data = network(), samples()
    once = ChannelDuplication(share=0.5)(model, data, MaxValue()(model, data))
    save(Ranger()(once, data), tmp_path / "hard", base="own.py:network")
    return tmp_path / "hard"


def changed(folder, change):
    """The recipe, with something else in it."""
    path = folder / "recipe.json"
    recipe = json.loads(path.read_text())
    change(recipe)
    path.write_text(json.dumps(recipe))
    if "checksum" in recipe:
        sealed(folder)


def sealed(folder):
    """Checksums that fit what is in the folder now, so that what is behind them is looked at."""
    path = folder / "recipe.json"
    recipe = json.loads(path.read_text())
    recipe.pop("checksum")
    for name in recipe["checksums"]:
        recipe["checksums"][name] = hashlib.sha256((folder / name).read_bytes()).hexdigest()
    own = hashlib.sha256(json.dumps(recipe, sort_keys=True).encode()).hexdigest()
    path.write_text(json.dumps({**recipe, "checksum": own}))


def part(recipe, kind):
    return next(found for found in recipe["parts"] if found["kind"] == kind)


def refused(folder, said):
    with pytest.raises(InputError, match=said):
        load(folder, model=network())


def test_several_hardenings_come_back_to_the_last_bit(folder):
    assert is_hardened(folder)
    assert base_of(folder) == "own.py:network"
    one, two = (load(folder, model=network()) for _ in range(2))
    assert fingerprint(one) == fingerprint(two)
    with torch.no_grad():
        assert torch.equal(one(samples().inputs), two(samples().inputs))
    assert not one.training


def test_what_lies_there_is_whole_until_the_new_one_is(folder, monkeypatch):
    before = {file.name: file.read_bytes() for file in folder.iterdir()}

    def full(tensors, path):
        path.write_bytes(b"half of it")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(saved, "save_file", full)
    with pytest.raises(InputError, match="cannot be written: No space left"):
        save(network(), folder, base="own.py:network")
    assert {file.name: file.read_bytes() for file in folder.iterdir()} == before


@pytest.mark.parametrize("name", ["model.safetensors", "recipe.json"])
@pytest.mark.parametrize("where", [0.05, 0.3, 0.5, 0.7, 0.95])
def test_one_flipped_bit_is_noticed_and_the_file_is_named(folder, name, where):
    content = bytearray((folder / name).read_bytes())
    at = int(where * len(content))
    while name == "recipe.json" and content[at : at + 1].isspace():
        at += 1  # between words it changes nothing that is read
    content[at] ^= 1
    (folder / name).write_bytes(content)
    with pytest.raises(InputError, match=re.escape(name)) as raised:
        load(folder, model=network())
    assert len(str(raised.value).splitlines()) == 1


def test_a_folder_without_checksums_opens_with_a_warning(folder):
    whole = load(folder, model=network())
    recipe = json.loads((folder / "recipe.json").read_text())
    recipe = {key: recipe[key] for key in ("base", "parts", "facts", "records")}
    (folder / "recipe.json").write_text(
        json.dumps({**recipe, "format": "radhard hardened model 1"})
    )
    with pytest.warns(RadhardWarning, match="cannot be noticed"):
        again = load(folder, model=network())
    assert fingerprint(again) == fingerprint(whole)


def test_checksums_cannot_be_left_out_of_a_folder_that_has_them(folder):
    changed(folder, lambda recipe: recipe.pop("checksum"))
    refused(folder, "damaged")


def test_a_stopped_replacement_can_be_saved_over_and_leaves_nothing(folder):
    hard = Ranger()(network(), samples())
    (folder / ".earlier").mkdir()
    for name in ("recipe.json", "model.safetensors"):
        (folder / name).rename(folder / ".earlier" / name)
    assert is_hardened(folder)
    refused(folder, "interrupted")
    save(hard, folder, base="own.py:network")
    assert fingerprint(load(folder, model=network())) == fingerprint(hard)
    assert {file.name for file in folder.iterdir()} == {"recipe.json", "model.safetensors"}


def test_model_is_built_as_the_recipe_says(folder):
    asked = []
    load(folder, build=lambda text: asked.append(text) or network())
    assert asked == ["own.py:network"]


@pytest.mark.parametrize("base", ["net.py:build", "somebody.nets:build", "net.pt2"])
def test_code_that_a_folder_names_is_not_executed_unless_it_is_trusted(tmp_path, monkeypatch, base):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "net.py").write_text("open('executed', 'w').close()")
    save(Ranger()(network(), samples()), tmp_path / "hard", base=base)
    with pytest.raises(InputError, match="foreign=True"):
        load("hard")
    assert not (tmp_path / "executed").exists()


def test_a_trusted_folder_builds_its_model(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    hard = Ranger()(network(), samples())
    (tmp_path / "net.py").write_text("from tests.hardenings.test_hardened_files import network")
    save(hard, "hard", base="net.py:network")
    assert fingerprint(load("hard", foreign=True)) == fingerprint(hard)


def test_half_precision_comes_back_as_it_was(tmp_path):
    data = samples()
    hard = Ranger()(network().bfloat16(), (data.inputs.bfloat16(), data.labels))
    save(hard, tmp_path / "hard", base="own.py:network")
    again = load(tmp_path / "hard", model=network())
    assert fingerprint(again) == fingerprint(hard)


class Tied(nn.Module):
    """A linear layer whose weight is also that of another and has a second name in its own."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(1)
        self.first, self.relu, self.last = nn.Linear(5, 5), nn.ReLU(), nn.Linear(5, 5)
        self.last.weight = self.first.weight
        self.first.second = self.first.weight

    def forward(self, values):
        return self.last(self.relu(self.first(values)))


def test_tied_weights_of_half_precision_are_still_tied(tmp_path):
    hard = Ranger()(Tied().bfloat16().eval(), torch.randn(20, 5).bfloat16())
    save(hard, tmp_path / "hard", base="none")
    again = load(tmp_path / "hard", model=Tied())
    assert again.last.weight is again.first.weight is again.first.second
    assert again.first.weight.dtype == torch.bfloat16
    assert torch.equal(again.last.weight, hard.last.weight)


def test_values_of_another_model_do_not_show_through(folder):
    other = network()
    with torch.no_grad():
        for tensor in other.parameters():
            tensor.fill_(7)
    assert fingerprint(load(folder, model=other)) == fingerprint(load(folder, model=network()))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda r: part(r, "Bound").update(kind="Popen"), "unknown part 'Popen'"),
        (lambda r: part(r, "Bound").update(kind="__all__"), "unknown part"),
        (lambda r: part(r, "Bound").update(kind=["Bound"]), "kind="),
        (lambda r: part(r, "Bound")["settings"].update(mode="off"), "mode='off'"),
        (lambda r: part(r, "Bound")["settings"].update(shape=[2]), "but the recipe requires"),
        (lambda r: part(r, "Bound")["settings"].update(shape=[10**6] * 3), "the recipe requires"),
        (lambda r: part(r, "Bound")["settings"].update(shape=[10**12]), "not the size of a layer"),
        (lambda r: part(r, "Bound")["settings"].update(shape=[-1]), "do not match"),
        (lambda r: part(r, "Bound")["settings"].update(shape="x"), "shape='x'"),
        (lambda r: part(r, "Bound")["settings"].update(more=1), "has the settings"),
        (lambda r: part(r, "Bound").update(settings={}), "has the settings"),
        (lambda r: part(r, "Bound").update(path="nowhere.ranger"), "do not match"),
        (lambda r: part(r, "Bound").update(path="fc1.weight"), "do not match"),
        (lambda r: part(r, "Edac")["settings"].clear(), "has the settings"),
        (lambda r: r["parts"].pop(), "do not match"),
        (lambda r: r["parts"].append(r["parts"][0]), "already has a module"),
        (lambda r: r["parts"].append(3), "each part must have"),
        (lambda r: r.update(parts=3), "are not of the type"),
        (lambda r: r.update(base=None), "are not of the type"),
        (lambda r: r.update(format="radhard hardened model 99"), "not a recipe"),
    ],
)
def test_recipe_that_was_tampered_with_is_refused(folder, change, said):
    changed(folder, change)
    refused(folder, said)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "cannot be read"),
        ("[" * 100_000, "cannot be read"),
        ("[]", "not a recipe"),
        ("3", "not a recipe"),
        ("{" + " " * 2**25 + "}", "too large"),
    ],
    ids=["empty", "deep", "list", "number", "huge"],
)
def test_text_that_is_no_recipe_is_refused(folder, text, said):
    (folder / "recipe.json").write_text(text)
    refused(folder, said)


def test_tensors_that_do_not_suit_are_refused(folder):
    from safetensors.torch import load_file, save_file

    tensors = load_file(folder / "model.safetensors")
    for name, instead in (
        ("fc1.weight", None),
        ("fc1.weight", torch.zeros(500, 500)),
        ("fc1.weight", torch.zeros(3)),
        ("fc1.weight", torch.zeros(12, 72, dtype=torch.int64)),
        ("more.weight", torch.zeros(1)),
    ):
        wrong = {**tensors, name: instead}
        kept = {key: tensor for key, tensor in wrong.items() if tensor is not None}
        save_file(kept, folder / "model.safetensors")
        sealed(folder)
        refused(folder, "do not match")


class Trap:
    """Says so if it is ever unpickled."""

    def __reduce__(self):
        return (exec, ("raise SystemError('unpickled')",))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        pickle.dumps(Trap()),
        struct.pack("<Q", 2**62) + b"{}",
        struct.pack("<Q", 2) + b"{}"[:1],
        struct.pack("<Q", 60) + b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,999999]}}  ',
    ],
    ids=["empty", "pickle", "endless header", "cut", "beyond the end"],
)
def test_file_that_holds_no_tensors_is_refused(folder, content):
    (folder / "model.safetensors").write_bytes(content)
    sealed(folder)
    refused(folder, "cannot be read")


def test_weights_as_a_pickle_are_not_even_classifier_workload(folder):
    (folder / "model.safetensors").unlink()
    torch.save(network().state_dict(), folder / "model.pt")
    refused(folder, "cannot be read")


plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda some: (
        st.lists(some, max_size=3) | st.dictionaries(st.text(max_size=5), some, max_size=3)
    ),
    max_leaves=6,
)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(["path", "kind", "by", "settings", "layer"]), plain)
def test_whatever_a_recipe_says_it_ends_in_a_model_or_in_one_line(folder, key, value):
    def change(recipe):
        if key == "layer":
            one = part(recipe, "Edac")["settings"]
            name = next(name for name, said in one.items() if isinstance(said, dict))
            one[name][next(iter(one[name]))] = value
        else:
            recipe["parts"][0][key] = value

    text = (folder / "recipe.json").read_text()
    changed(folder, change)
    said = ""
    try:
        assert isinstance(load(folder, model=network()), nn.Module)
    except InputError as error:
        said = str(error)
    finally:
        (folder / "recipe.json").write_text(text)
    assert len(said.splitlines()) <= 1
