"""One real campaign for all tests of the report."""

from pathlib import Path

import pytest

from radhard.campaign import run
from radhard.datasets import load as load_data
from radhard.faults import BitFlip
from radhard.formats import Float32
from radhard.models import load as load_model
from radhard.report import write
from radhard.results import Results
from radhard.samplers import PerTensor
from radhard.space import FaultSpace
from radhard.targets import Weights


@pytest.fixture(scope="session")
def campaign(tmp_path_factory: pytest.TempPathFactory) -> tuple[Results, Path]:
    """Sixty bit flips in every weight tensor of a trained network, and the run file."""
    model, data = load_model("lenet5"), load_data("mnist").first(20)
    space = FaultSpace.of(model, Weights("*"), BitFlip(), Float32())
    file = tmp_path_factory.mktemp("run") / "base.db"
    names = {"model": "lenet5", "data": "mnist"}
    results = run(model, data, space, PerTensor(60), seed=1, store=file, names=names)
    return results, file


@pytest.fixture(scope="session")
def page(campaign: tuple[Results, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of that campaign."""
    results, file = campaign
    written, _ = write(results, tmp_path_factory.mktemp("page") / "base.html", store=file)
    return written
