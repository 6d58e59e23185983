"""Do exported programs come in whole, and hostile ones not at all?"""

import io
import json
import os
import pickle
import zipfile
from pathlib import Path

import pytest
import torch
from torch import nn

from radhard import models
from radhard.errors import InputError

# While it exports an LSTM, torch warns of its own list of weights.
exporting = pytest.mark.filterwarnings("ignore:The tensor attribute")


class Everything(nn.Module):
    """Dropout, recurrence, a buffer, a constant, a section without gradients, several outputs."""

    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(3, 4, batch_first=True)
        self.norm = nn.LayerNorm(4)
        self.drop = nn.Dropout(0.5)
        self.register_buffer("scale", torch.full((4,), 2.0))
        self.offset = torch.tensor([1.0, 2.0])

    def forward(self, x):
        with torch.no_grad():
            y = x * 2 + self.offset[0]
        out, _ = self.lstm(y)
        out = self.drop(self.norm(out))
        return {"last": out[:, -1] * self.scale, "all": (out, x.reshape(x.shape[0] // 2, -1))}


def exported(path: Path, model: nn.Module, *inputs: torch.Tensor) -> Path:
    dynamic = tuple({0: torch.export.Dim.DYNAMIC} for _ in inputs)
    program = torch.export.export(model, inputs, dynamic_shapes=dynamic)
    torch.export.save(program, path)
    return path


@pytest.fixture(scope="module")
def plain(tmp_path_factory) -> Path:
    model = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2)).eval()
    return exported(tmp_path_factory.mktemp("pt2") / "plain.pt2", model, torch.rand(4, 3))


@exporting
def test_an_exported_model_computes_what_the_model_did(tmp_path):
    model, inputs = Everything().eval(), torch.rand(6, 5, 3)
    loaded = models.load(str(exported(tmp_path / "m.pt2", model, torch.rand(4, 5, 3))))
    one, other = model(inputs), loaded(inputs)
    assert torch.equal(one["last"], other["last"])
    assert torch.equal(one["all"][0], other["all"][0])
    assert torch.equal(one["all"][1], other["all"][1])
    assert not any(part.training for part in loaded.modules())
    wanted = dict(model.named_parameters())
    assert {n for n, _ in loaded.named_parameters()} == wanted.keys()
    assert all(torch.equal(p, wanted[n]) for n, p in loaded.named_parameters())


class Halves(nn.Module):
    def forward(self, x):
        return x.reshape(x.shape[0] // 2, -1)


def test_conditions_on_the_inputs_are_kept(tmp_path):
    loaded = models.load(str(exported(tmp_path / "m.pt2", Halves(), torch.rand(4, 3))))
    assert loaded(torch.rand(8, 3)).shape == (4, 6)
    with pytest.raises(AssertionError, match="Guard failed"):
        loaded(torch.rand(5, 3))


def test_an_exported_model_takes_weights(plain, tmp_path):
    weights = {k: v + 1 for k, v in models.load(str(plain)).state_dict().items()}
    torch.save(weights, tmp_path / "w.pt")
    loaded = models.load(str(plain), weights=tmp_path / "w.pt").state_dict()
    assert all(torch.equal(loaded[key], weights[key]) for key in weights)


def test_a_model_exported_in_training_mode_is_refused(tmp_path):
    model = nn.Sequential(nn.Linear(3, 3), nn.Dropout(0.5)).train()
    with pytest.raises(InputError, match=r"training mode.*model\.eval"):
        models.load(str(exported(tmp_path / "m.pt2", model, torch.rand(4, 3))))


def altered(source: Path, target: Path, changes: dict, **options) -> Path:
    """The archive with records replaced: by bytes, or by a function of their JSON."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w", **options) as new:
        root = old.namelist()[0].split("/")[0]
        for name in old.namelist():
            content, change = old.read(name), changes.get(name.partition("/")[2])
            if callable(change):
                content = json.dumps(change(json.loads(content))).encode()
            new.writestr(name, content if change is None or callable(change) else change)
        known = {name.partition("/")[2] for name in old.namelist()}
        for name in changes.keys() - known:
            new.writestr(f"{root}/{name}", changes[name])
    return target


class Bomb:
    def __init__(self, marker):
        self.marker = marker

    def __reduce__(self):
        return os.mkdir, (str(self.marker),)


def bomb(marker: Path) -> bytes:
    buffer = io.BytesIO()
    torch.save({"weight": Bomb(marker)}, buffer)
    return buffer.getvalue()


def opened_by_torch(path: Path) -> None:
    """What somebody does who trusts the file; it may fail, after the harm is done."""
    try:
        torch.export.load(path).module()(torch.rand(4, 3))
    except Exception as error:
        print(error)


WEIGHTS = "data/weights/model_weights_config.json"
CONSTANTS = "data/constants/model_constants_config.json"
OBJECT = {"is_param": False, "use_pickle": True, "tensor_meta": None}


def pickled_weight(config):
    config["config"]["0.weight"] |= {"use_pickle": True, "path_name": "weight_9"}
    return config


def pickled_constant(kind):
    return lambda config: {"config": {"c": {"path_name": f"{kind}_0", **OBJECT}}}


def in_program(find, put):
    """Replace every value under the key ``find``."""

    def change(node):
        if isinstance(node, dict):
            return {k: put if k == find and v is not None else change(v) for k, v in node.items()}
        return [change(item) for item in node] if isinstance(node, list) else node

    return change


def first_target(text):
    def change(program):
        program["graph_module"]["graph"]["nodes"][0]["target"] = text
        return program

    return change


def attacks(marker: Path) -> dict[str, tuple[dict, bool]]:
    """Archives that run code in one way each; whether torch itself is seen to fall for it here."""
    code = f"__import__('os').mkdir({str(marker)!r})"
    spec = json.dumps(
        [
            1,
            {
                "type": "builtins.dict",
                "context": json.dumps([{"__enum__": True, "fqn": "a:B"}]),
                "children_spec": [],
            },
        ]
    )
    program = "models/model.json"
    return {
        "weight": ({WEIGHTS: pickled_weight, "data/weights/weight_9": bomb(marker)}, True),
        "tensor": (
            {CONSTANTS: pickled_constant("tensor"), "data/constants/tensor_0": bomb(marker)},
            True,
        ),
        "opaque": (
            {
                CONSTANTS: pickled_constant("opaque_obj"),
                "data/constants/opaque_obj_0": pickle.dumps(Bomb(marker)),
            },
            True,
        ),
        "script": (
            {CONSTANTS: pickled_constant("custom_obj"), "data/constants/custom_obj_0": b"x"},
            False,
        ),
        "examples": ({"data/sample_inputs/model.pt": bomb(marker)}, True),
        "legacy": ({"data/weights/model.pt": bomb(marker)}, True),
        "expression": ({program: in_program("expr_str", code)}, True),
        "condition": ({program: in_program("guards_code", [f"{code} is None"])}, True),
        "operator": ({program: first_target("torch.os.system")}, False),
        "loader": ({program: first_target("torch.ops.load_library")}, False),
        "file": ({program: first_target("torch.ops.aten.from_file.default")}, False),
        "attribute": ({program: first_target("torch.ops.aten.__class__.__init__")}, False),
        "structure": ({program: in_program("in_spec", spec)}, False),
        "name": ({program: in_program("name", "x = 1; import os")}, False),
        "keyword": ({program: in_program("name", "lambda")}, False),
        "dunder": ({program: in_program("parameter_name", "a.__class__.b")}, False),
        "object": ({program: in_program("custom_obj_values", {"a": {}})}, False),
        "machine code": ({"data/aotinductor/model/wrapper.so": b"\x7fELF"}, False),
    }


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("attack", attacks(Path("marker")))
def test_a_hostile_archive_runs_nothing(plain, tmp_path, attack):
    marker = tmp_path / "marker"
    changes, works_on_torch = attacks(marker)[attack]
    path = altered(plain, tmp_path / "hostile.pt2", changes)
    with pytest.raises(InputError, match=r"was not loaded because it contains .*could run code"):
        models.load(str(path))
    assert not marker.exists()
    if works_on_torch:
        opened_by_torch(path)
        assert marker.exists(), "the attack is none, so that the test shows nothing"


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "examples",
    [((3,), {"x') or exec('1": 1}), (("'; exec('1')",), {}), ((torch.Size([1]), 1 + 2j), {})],
)
def test_example_inputs_that_are_not_plain_are_refused(plain, tmp_path, examples):
    buffer = io.BytesIO()
    torch.save(examples, buffer)
    changes = {"data/sample_inputs/model.pt": buffer.getvalue()}
    path = altered(plain, tmp_path / "hostile.pt2", changes)
    with pytest.raises(InputError, match=r"was not loaded because it contains"):
        models.load(str(path))


def huge(config):
    config["config"]["0.weight"]["tensor_meta"]["sizes"] = [{"as_int": 2**40}]
    return config


@pytest.mark.parametrize(
    ("changes", "options"),
    [
        ({}, {"compression": zipfile.ZIP_DEFLATED}),
        ({"archive_format": b"zip"}, {}),
        ({"models/model.json": b"{"}, {}),
        ({"models/model.json": b"[" * 100_000}, {}),
        ({"models/model.json": b"{}"}, {}),
        ({WEIGHTS: b"[]"}, {}),
        ({WEIGHTS: b'{"config": {"a": 3}}'}, {}),
        ({WEIGHTS: huge}, {}),
        ({WEIGHTS: huge, "data/weights/weight_0": b""}, {}),
        ({"data/weights/weight_0": b"123"}, {}),
    ],
)
def test_a_broken_archive_is_refused_in_one_line(plain, tmp_path, changes, options):
    path = altered(plain, tmp_path / "broken.pt2", changes, **options)
    with pytest.raises(InputError, match=r"broken\.pt2") as raised:
        models.load(str(path))
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("content", [b"", b"text", b"PK\x03\x04" + b"\0" * 40])
def test_another_file_is_refused(tmp_path, content):
    path = tmp_path / "m.pt2"
    path.write_bytes(content)
    with pytest.raises(InputError, match="is not an archive"):
        models.load(str(path))


def test_the_layout_of_older_versions_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "m.pt2", "w") as archive:
        archive.writestr("version", "8.0")
        archive.writestr("serialized_state_dict.pt", bomb(tmp_path / "marker"))
    with pytest.raises(InputError, match=r"before 2\.8.*export the model again"):
        models.load(str(tmp_path / "m.pt2"))
    assert not (tmp_path / "marker").exists()
