"""Which metrics does the conformance suite go through? At least one of every component."""

from radhard.metrics import (
    F1,
    Accuracy,
    Auroc,
    ConfidenceShift,
    Corneliou,
    Critical,
    Distance,
    Metric,
    ObservedSafe,
    Outcome,
    Sdc,
    TopK,
)

EXAMPLES: tuple[Metric, ...] = (
    Outcome(),
    Outcome(infinite="due"),
    Sdc(),
    Sdc(k=2),
    ConfidenceShift(0.1),
    ConfidenceShift(0.2),
    ObservedSafe(),
    ObservedSafe(share=0.2),
    Corneliou(),
    Critical(),
    Accuracy(),
    TopK(k=2),
    F1(),
    F1(average="weighted"),
    Auroc(),
    Auroc(average="weighted"),
    Distance(),
    Distance(norm=1),
    Distance(norm="inf"),
)
