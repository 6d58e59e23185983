"""How were StageNet's weights made?  Run: python scripts/train_stagenet.py"""

from training import train, unchanged

from radhard.datasets import cohort
from radhard.models import stagenet

if __name__ == "__main__":
    for convolution in (True, False):
        train(
            stagenet(convolution=convolution, pretrained=False),
            "stagenet_conv_72" if convolution else "stagenet_72",
            cohort(split="train"),
            cohort(split="test"),
            augmented=unchanged,
            seed=1,
            epochs=3,
            weight_decay=0.05,
        )
