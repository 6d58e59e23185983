"""How harmful is every bit flip of a residual network, and what does it cost to estimate that?"""

from radhard.engines import FirstOrder
from radhard.studies.exhausted import GroundTruthDesign, GroundTruthStudy, MarginQuestion
from radhard.studies.ground_truth import claims

__all__ = ["EXHAUSTED_RESNET20"]


EXHAUSTED_RESNET20 = GroundTruthStudy(
    name="exhausted-resnet20",
    title="Every bit flip of ResNet-20",
    source="Leveugle et al., DATE 2009; Ruospo et al., DATE 2023",
    about=(
        "Every single bit flip of the weights and biases is tried by `FirstOrder`, which executes "
        "what does not follow from gradients, and a share of what does: the tables say how much, "
        "tensor by tensor. 1,000 flips drawn at random are repeated by `Serial`. Campaigns are "
        "then simulated by looking up their trials, with seeds that follow each other. The harm "
        "of a flip is the share of the samples whose prediction changes. Published samplers: "
        "`PerTensor` (layer-wise) with the worst-case sample size, `PerBit(p='data')` "
        "(data-aware). The time of a campaign is that of `Replay`, from some of its trials. "
        "`Stated` caps assume that first-order effects tell, with a factor of safety of 4, and "
        "audit this; factors of 1 and 2 are compared with it. `FirstOrder` infers with a factor "
        "of 8, and executes what the caps claim beyond that. `Certified` caps are proven. As the "
        "proofs take long, they are those for the first images only, and no campaign has them."
    ),
    networks=("resnet20",),
    claims=claims,
    design=GroundTruthDesign(
        formats={},
        images=10,
        runs=20,
        long=5,
        analyses=0,
        engine=FirstOrder(audit=0.001),
        caps=("Stated()", "Stated(safety=2)", "Stated(safety=1)", "Certified()"),
        first={"Certified()": 3},
        timed=500,
        questions=(
            MarginQuestion(
                "every tensor to within 1 point at 99 %",
                0.01,
                0.99,
                "tensor",
                (
                    "PerTensor(margin=0.01, confidence=0.99)",
                    "PerBit(margin=0.01, confidence=0.99, p='data')",
                    "Adaptive(0.01, confidence=0.99, by='tensor')",
                    "Adaptive(0.01, confidence=0.99, by='tensor', caps=Stated())",
                ),
                quick=True,
            ),
        ),
    ),
)
