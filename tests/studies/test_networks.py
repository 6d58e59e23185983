"""Can a study look at one's own network?"""

import dataclasses

import pytest
import torch

from radhard.cli import main
from radhard.datasets import Data, cohort
from radhard.errors import InputError
from radhard.models import stagenet
from radhard.studies import network
from radhard.studies.correct_answers import correct_answers
from tests.studies.tiny import tiny_network

OWN = """
from tests.studies.tiny import tiny_network

def tiny(images=9):
    import dataclasses
    return dataclasses.replace(tiny_network(), name="own", images=images)

def model():
    return tiny_network().model
"""


@pytest.fixture
def own(tmp_path):
    path = tmp_path / "own.py"
    path.write_text(OWN)
    return path


def test_own_network_is_what_the_function_returns(own) -> None:
    found = network(f"{own}:tiny(images=7)")
    assert (found.name, found.images) == ("own", 7)


def test_study_of_an_own_network_is_written_under_its_name(own, tmp_path) -> None:
    line = ["study", "vulnerability-pruning", "--network", f"{own}:tiny", "-o", str(tmp_path)]
    assert main(line) == 0
    assert (tmp_path / "vulnerability-pruning-own.svg").is_file()
    assert "## own" in (tmp_path / "vulnerability-pruning.md").read_text()


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("{}:model", "returned Sequential; a radhard.studies.Network is needed"),
        ("{}:nothing", "nothing"),
        ("{}", "not name a function"),
        ("resnet50", "your own as 'file.py:function'"),
    ],
)
def test_what_is_no_network_is_told(own, asked, said) -> None:
    with pytest.raises(InputError, match=said):
        network(asked.format(own))


def test_sentiment_networks_say_which_file_they_need(tmp_path) -> None:
    with pytest.raises(InputError, match=r"needs the file vaderSentiment-3\.3\.2\.tar\.gz"):
        network("sentiment-bilstm", cache=tmp_path)


@pytest.mark.parametrize(("layers", "bidirectional"), [(1, False), (2, True)])
def test_sentiment_networks_read_the_archive_in_the_cache(tmp_path, layers, bidirectional) -> None:
    rated = "".join(f"{n}\t{(-1) ** n}\t{['good', 'bad'][n % 2]} film\n" for n in range(1, 31))
    (tmp_path / "vaderSentiment-3.3.2.tar.gz").write_text(rated)
    kind = ("stacked-" if layers == 2 else "") + ("bilstm" if bidirectional else "lstm")
    found = network(f"sentiment-{kind}", cache=tmp_path)
    assert (len(found.train), len(found.test)) == (24, 6)
    assert (found.model.lstm.num_layers, found.model.lstm.bidirectional) == (layers, bidirectional)
    right = correct_answers(found.model, found.test)
    signs = found.model(found.test.inputs)[:, 0] > 0
    assert right.tolist() == (signs.long() == found.test.labels).tolist()


def test_names_that_cannot_be_those_of_files_are_refused() -> None:
    with pytest.raises(InputError, match=r"'\.\./x' is not allowed"):
        dataclasses.replace(tiny_network(), name="../x")


def test_data_without_labels_are_refused() -> None:
    tiny = tiny_network()
    with pytest.raises(InputError, match=r"test must be .* with labels"):
        dataclasses.replace(tiny, test=Data(tiny.test.inputs))


@pytest.mark.parametrize("convolution", [False, True])
def test_stagenet_of_384_cells_is_trained_once_for_its_study(
    tmp_path, monkeypatch, convolution
) -> None:
    few = {split: cohort(split=split, n=4) for split in ("train", "test")}
    monkeypatch.setattr("radhard.studies.networks.cohort", lambda split: few[split])
    name = "stagenet-conv384" if convolution else "stagenet384"
    found = network(name, cache=tmp_path)
    again = network(name, cache=tmp_path)
    assert found.name == name
    assert "384 cells" in found.about
    assert found.model.cell.cells == 384
    assert (found.model.convolution is not None) == convolution
    fresh = stagenet(cells=384, convolution=convolution, pretrained=False)
    changed = {
        key: not torch.equal(value, fresh.state_dict()[key])
        for key, value in found.model.state_dict().items()
    }
    assert all(changed.values())
    assert [path.suffix for path in tmp_path.iterdir()] == [".safetensors"]
    state = again.model.state_dict()
    assert all(torch.equal(value, state[key]) for key, value in found.model.state_dict().items())
