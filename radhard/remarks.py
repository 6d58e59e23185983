"""What should a reader of the results know of a campaign before its first trial?"""

from collections.abc import Sequence

from torch import Tensor

from radhard.engines import Campaign
from radhard.errors import InputError
from radhard.metrics import Accuracy, Metric, Outcome
from radhard.metrics.outputs import Golden

__all__ = ["remarks", "usual_metrics"]


def usual_metrics(golden: Tensor, labels: Tensor | None) -> tuple[list[Metric], list[str]]:
    """The metrics of a campaign for which none were named, and what is to say about them.

    `Accuracy` too where there are labels, unless these are no classes of the model.
    """
    if labels is None:
        return [Outcome()], []
    try:
        Accuracy().admit(Golden(golden, labels))
    except InputError as error:
        return [Outcome()], [
            f"The labels do not suit Accuracy() ({error}), so the top class of every sample was "
            "compared with the fault-free one only; Mismatch() and Distance() judge outputs that "
            "are no scores of classes."
        ]
    return [Outcome(), Accuracy()], []


def remarks(campaign: Campaign) -> list[str]:
    """What faults were left out, what the sampler did, and how much the data can show."""
    found = [*campaign.space.remarks(), *campaign.trials.remarks]
    if answer := _only_answer(campaign.panel.metrics, campaign.panel.golden):
        found.append(answer)
    return found


def _only_answer(metrics: Sequence[Metric], golden: Golden) -> str:
    """Whether the data show one answer only, which few faults change."""
    if golden.samples < 2 or not any(metric.needs_classes for metric in metrics):
        return ""
    if not bool((golden.top1 == golden.top1[0]).all()):
        return ""
    return (
        f"All {golden.samples:,} samples have one fault-free answer, class {int(golden.top1[0])}: "
        "a fault that makes the model give this answer always is not seen; use samples of several "
        "classes."
    )
