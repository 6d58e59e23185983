"""What should a reader of the results know of a campaign before its first trial?"""

from collections.abc import Sequence

from torch import Tensor

from radhard.engines import Campaign
from radhard.errors import InputError
from radhard.metrics import Accuracy, Metric, Outcome
from radhard.metrics.outputs import Golden
from radhard.notes import Note

__all__ = ["remarks", "usual_metrics"]


def usual_metrics(golden: Tensor, labels: Tensor | None) -> tuple[list[Metric], list[Note]]:
    """The metrics of a campaign for which none were named, and a note about them.

    `Accuracy` too where there are labels, unless these are no classes of the model.
    """
    if labels is None:
        return [Outcome()], []
    try:
        Accuracy().admit(Golden(golden, labels))
    except InputError as error:
        return [Outcome()], [Note("no accuracy", {"why": str(error)})]
    return [Outcome(), Accuracy()], []


def remarks(campaign: Campaign) -> list[Note]:
    """What faults were left out, what the sampler did, and how much the data can show."""
    texts = [*campaign.space.remarks(), *campaign.trials.remarks]
    notes = [Note.text(text) for text in texts]
    return notes + _one_prediction(campaign.panel.metrics, campaign.panel.golden)


def _one_prediction(metrics: Sequence[Metric], golden: Golden) -> list[Note]:
    """Whether all samples have the same fault-free prediction, which few faults change."""
    if golden.samples < 2 or not any(metric.needs_classes for metric in metrics):
        return []
    if not bool((golden.top1 == golden.top1[0]).all()):
        return []
    return [Note("one prediction", {"samples": golden.samples, "class": int(golden.top1[0])})]
