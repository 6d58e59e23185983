"""Do the figures of a run read as their metrics describe them?"""

import torch
from torch import Tensor

from radhard.metrics import Accuracy, Critical, Metric, Outcome, Panel, Sdc
from radhard.metrics.base import SampleMetric
from radhard.metrics.outputs import Faulty
from radhard.metrics.run_columns import RunColumns
from radhard.spec import component

GOLDEN = torch.tensor([[2.0, 1.0], [0.0, 3.0]])


@component
class Named(SampleMetric):
    """A metric of one's own whose column is a text."""

    @property
    def columns(self) -> tuple[str, ...]:
        return ("moved",)

    def per_sample(self, faulty: Faulty) -> tuple[Tensor, ...]:
        return (~faulty.identical,)


def columns_of(*metrics: Metric, foreign: bool = True) -> RunColumns:
    panel = Panel(metrics, GOLDEN, torch.tensor([0, 1]))
    return RunColumns(dict(zip(panel.columns, panel.ranges, strict=True)), foreign=foreign)


def test_figures_of_the_same_meaning_are_told_apart_by_their_metric() -> None:
    columns = columns_of(Outcome(), Critical())
    meanings = [columns.meaning(name) for name in columns]
    assert len(set(meanings)) == len(meanings)
    assert columns.meaning("Outcome().critical") == "critical SDC"
    assert "Critical()" in columns.meaning("Critical().critical")


def test_a_score_comes_with_the_drop_of_the_same_metric() -> None:
    assert columns_of(Outcome()).scores() is None
    assert columns_of(Outcome(), Accuracy()).scores() == (
        "Accuracy().accuracy",
        "Accuracy().drop",
    )


def test_headline_is_the_harm_of_the_lowest_order_wherever_it_stands() -> None:
    assert Panel([Sdc(), Outcome()], GOLDEN).main == (3, "critical")
    assert Panel([Named()], GOLDEN).main is None


def test_text_is_a_column_and_code_from_elsewhere_is_not_imported_for_its_meaning() -> None:
    (name,) = columns_of(Named())
    assert columns_of(Named())[name].meaning == "moved"
    assert columns_of(Named(), foreign=False)[name].meaning == name
