"""How many faults in registers need not be simulated beyond the faulty layer?"""

from radhard.accelerators import Systolic
from radhard.analyses import DeepVigor
from radhard.formats import Int
from radhard.studies.claim import Claim
from radhard.studies.early_stops import (
    EarlyStopDesign,
    EarlyStopFindings,
    EarlyStopStudy,
    StoppedTrials,
)

__all__ = ["HYBRID_SYSTOLIC"]


def claims(findings: EarlyStopFindings) -> list[Claim]:
    """What the source says, and what its method assumes."""
    first = findings.groups[0].layer

    def of_paper(group: StoppedTrials) -> bool:
        kind = (group.dataflow, group.register, group.inputs)
        return group.layer == first and kind == ("output_stationary", "weight", "unseen")

    found = [
        Claim(
            "77.48 % of the faults in the weight register end at the first layer",
            findings.share(of_paper),
            "at least",
            0.7748,
            f"{first}, output stationary, unseen images; those that change no neuron count",
        )
    ]
    agreements = {
        "analyzed": findings.agreement(lambda group: group.inputs == "analyzed"),
        "unseen": findings.agreement(lambda group: group.inputs == "unseen"),
    }
    found += [
        Claim(
            f"what is settled for {inputs} inputs agrees with full simulation",
            agreement,
            "at least",
            0.999,
            "all layers, dataflows and registers",
        )
        for inputs, agreement in agreements.items()
    ]
    return found


HYBRID_SYSTOLIC = EarlyStopStudy(
    name="hybrid-systolic",
    title="Faults in registers that end at the faulty layer",
    source="Ahmadilivani, TalTech 2025, section 4.3.2",
    about=(
        "One bit of one register of a 16x16 systolic array flips in one cycle of an inference. The "
        "deviation of the layer's output is looked up in the value ranges of the neuron that "
        "deviates; if no neuron deviates, or the ranges tell the effect, the trial ends there. "
        "Where several neurons deviate, it goes on. So it does within a factor, the guard, of the "
        "end of a range, and for images whose prediction is less certain than those of the "
        "analyzed ones of its class. The guard was chosen by the "
        "agreement on other training images. Faults are drawn from all cycles, in most of "
        "which a register holds nothing that is used. Every settled trial was also executed to the "
        "end. In the source, 77.48 % of 964 faults in the weight register end at the first layer "
        "of LeNet-5, in words of 16 bits with 100 images; how often several neurons deviated, and "
        "how that was judged, is not stated."
    ),
    networks=("lenet5-1",),
    claims=claims,
    design=EarlyStopDesign(
        arrays=tuple(
            Systolic(16, 16, dataflow=dataflow)
            for dataflow in ("output_stationary", "weight_stationary", "input_stationary")
        ),
        analysis=DeepVigor(format=Int(8), epsilon=4.0, bound=64.0, tolerance=0.01),
    ),
)
