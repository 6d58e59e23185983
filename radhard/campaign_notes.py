"""What should a reader know about a campaign before its first trial?"""

from collections.abc import Sequence

from torch import Tensor

from radhard.engines import Campaign
from radhard.errors import InputError
from radhard.formats import ProtectedFormat
from radhard.metrics import Accuracy, Corrections, Metric, Outcome
from radhard.metrics.outputs import Golden
from radhard.notes import Note
from radhard.space import FaultSpace
from radhard.stats import clopper_pearson

__all__ = ["campaign_notes", "usual_metrics"]


def usual_metrics(
    golden: Tensor, labels: Tensor | None, space: FaultSpace
) -> tuple[list[Metric], list[Note]]:
    """The default metrics of a campaign, and a note about them.

    `Accuracy` is included if there are labels, unless they are not classes of the model, and
    `Corrections` if there are words of protected formats.
    """
    protected = any(isinstance(format, ProtectedFormat) for format in space.formats)
    decoders: list[Metric] = [Corrections()] if protected else []
    if labels is None:
        return [Outcome(), *decoders], []
    try:
        Accuracy().admit(Golden(golden, labels))
    except InputError as error:
        return [Outcome(), *decoders], [Note("no accuracy", {"why": str(error)})]
    return [Outcome(), Accuracy(), *decoders], []


def campaign_notes(campaign: Campaign) -> list[Note]:
    """Notes on the faults left out, on the sampler, and on the limits of the data."""
    metrics, golden = campaign.panel.metrics, campaign.panel.golden
    limits = [*near_chance(metrics, golden), *_one_prediction(metrics, golden)]
    return [*campaign.space.notes(), *campaign.trials.notes, *limits]


def near_chance(metrics: Sequence[Metric], golden: Golden) -> list[Note]:
    """A note if the accuracy without faults may be that of guessing, as without loaded weights.

    It has to be surely (at 99 % confidence) less than half-way from chance to a perfect model, so
    that few samples are not enough to doubt a model.
    """
    classes = golden.classes
    if classes is None or classes < 2 or not any(isinstance(m, Accuracy) for m in metrics):
        return []
    right, n, chance = int(golden.right.sum()), golden.samples, 1 / classes
    low, high = clopper_pearson(right, n, 0.99)
    if low > chance or high >= (1 + chance) / 2:
        return []
    return [Note("near chance", {"accuracy": right / n, "classes": classes})]


def _one_prediction(metrics: Sequence[Metric], golden: Golden) -> list[Note]:
    """A note if all samples have the same fault-free prediction, which few faults may change."""
    if golden.samples < 2 or not any(metric.needs_classes for metric in metrics):
        return []
    if not bool((golden.top1 == golden.top1[0]).all()):
        return []
    return [Note("one prediction", {"samples": golden.samples, "class": int(golden.top1[0])})]
