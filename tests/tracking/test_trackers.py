"""Do TensorBoard and MLflow get what a campaign found?"""

import sys
from functools import partial
from pathlib import Path

import pytest

import radhard as rh
from radhard.errors import InputError
from radhard.tracking import MLflow, TensorBoard, tracked_figures
from tests.small import campaign
from tests.snippets import blocks, smaller

PAGE = Path(__file__).parents[2] / "docs" / "other-tools.md"

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")


def test_tensorboard_has_the_figures_of_every_step_and_the_way_to_them(tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    from torch.utils.tensorboard import SummaryWriter

    with SummaryWriter(str(tmp_path)) as writer:
        tracker = TensorBoard(writer)
        results = campaign(seed=0, progress=tracker)
        tracker.log(results, step=3, by="layer")
        tracker.log(results, step=4)
    events = EventAccumulator(str(tmp_path)).Reload()
    for name, value in tracked_figures(results).items():
        assert [(e.step, e.value) for e in events.Scalars(f"radhard/{name}")] == [
            (3, pytest.approx(value)),
            (4, pytest.approx(value)),
        ]
    assert events.Scalars("radhard progress/trials done")[-1].step == len(results)
    assert "radhard/campaign/text_summary" in events.Tags()["tensors"]


def test_mlflow_has_the_figures_the_settings_and_the_run_file(tmp_path, monkeypatch):
    # Nothing is sent anywhere while this is tested.
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    import mlflow

    monkeypatch.chdir(tmp_path)
    mlflow.set_tracking_uri((tmp_path / "mlruns").as_uri())
    store = tmp_path / "a.db"
    try:
        with mlflow.start_run() as run:
            tracker = MLflow()
            results = campaign(store, seed=0, progress=tracker)
            tracker.log(results, by="layer", files=(store,))
        kept = mlflow.get_run(run.info.run_id).data
    finally:
        mlflow.set_tracking_uri(None)
    for name, value in tracked_figures(results, by="layer").items():
        assert kept.metrics[f"radhard/{name}"] == pytest.approx(value)
    assert kept.metrics["radhard/progress/trials done"] == len(results)
    assert kept.tags["radhard.sampler"] == repr(results.sampler)
    assert [path.read_bytes() for path in tmp_path.rglob("artifacts/radhard/a.db")] == [
        Path(store).read_bytes()
    ]


def test_a_tracker_that_is_not_installed_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "mlflow", None)
    with pytest.raises(InputError, match=r"radhard\[mlflow\]"):
        MLflow()


@pytest.mark.filterwarnings("ignore")
def test_the_page_about_other_tools_does_what_it_shows(tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", (tmp_path / "mlruns").as_uri())
    monkeypatch.chdir(tmp_path)
    shown: dict[str, object] = {}
    for language, block in blocks(PAGE):
        assert language == "python"
        exec(smaller(block), shown)
    asserted = partial(rh.testing.assert_resilient, record=lambda *_: None)
    shown["test_a_flipped_bit_seldom_changes_an_answer"](
        lambda *a, **k: asserted(*a, **{**k, "max_rate": 1.0})
    )
    assert {"board", "tracked.db"} < {path.name for path in (tmp_path / "runs").iterdir()}
    assert list(tmp_path.rglob("runs/*.ckpt"))
