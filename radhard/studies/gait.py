"""Which weights of a gait network are vulnerable, and does a range check help?"""

from radhard.metrics import F1, Accuracy, Outcome
from radhard.studies.error_rates import Variant
from radhard.studies.gait_claims import (
    CHECKED,
    FC,
    LSTM,
    PLAIN,
    WHOLE,
    U,
    W,
    between_networks,
    claims,
)
from radhard.studies.outcomes import OutcomeDesign, OutcomeStudy, Scenario
from radhard.targets import RecurrentWeights, Weights

__all__ = ["GAIT"]

GAIT = OutcomeStudy(
    name="gait",
    title="Faults in the weights of gait networks: by set of weights, with and without range check",
    source="Ahmadilivani et al., DFT 2023, and the chapter of a thesis that is based on it",
    about=(
        "Bits of the weights flip; biases are not faulty. The sets of weights are those of the "
        "paper: all, the LSTM, the linear layers (FC), and of the LSTM the recurrent weights (W) "
        "and the input weights (U). W has 5 to 10 times as many weights as U, so that at an equal "
        "rate it has as many times the faults; the sets and the networks are therefore also "
        "compared at equal numbers of faulty weights. The paper gives its rates per weight, of "
        "which one bit flips; the chapter gives them per bit, which divides them by 32. The range "
        "check sets weights outside the range of the fault-free weights to zero before every "
        "inference; its two limits are not faulty. A DUE is an output with NaN. An output with "
        "NaN is a wrong prediction. A weight of magnitude 1 to 2 becomes NaN or infinite if its "
        "highest exponent bit flips. An outcome is counted for every sample of every trial. The "
        "clinical recordings of the paper are not public: the networks here recognize one of "
        "seven exercises in the recordings of a smart watch, and accuracy and F1 (of that "
        "exercise) without faults are higher than the application of the paper demands: 80 % and "
        "70 %. A recording of gait freeze that comes with aeon (Daphnet, S06R02E0) was not used, "
        "as no step of it is labelled as freezing."
    ),
    networks=("gait20", "gait30", "gait40"),
    claims=claims,
    across=between_networks,
    design=OutcomeDesign(
        scenarios=(
            Scenario(WHOLE, (Weights("*"),), "mixed", "o"),
            Scenario(LSTM, (Weights("lstm*"),), "field1", "s"),
            Scenario(FC, (Weights("fc*"),), "field2", "^"),
            Scenario(W, (RecurrentWeights("lstm*", weights="recurrent"),), "field3", "D"),
            Scenario(U, (RecurrentWeights("lstm*", weights="input"),), "field4", "v"),
        ),
        variants=(
            Variant(PLAIN, "", "mixed", "o"),
            Variant(CHECKED, "WeightRangeCheck()", "accent", "P"),
        ),
        rates={
            "word": (0.0005, 0.005, 0.05, 0.1),
            "bit": (0.005 / 32, 0.1 / 32),
            "faults": (2.0, 8.0, 32.0),
        },
        outcome=Outcome(),
        accuracy=Accuracy(),
        score=F1("binary"),
        score_name="F1",
    ),
)
