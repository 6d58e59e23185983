"""How were the weights of ResNet-20 made?  Run: python scripts/train_resnet20.py"""

from training import mirrored, train

from radhard.datasets import photo_patches
from radhard.models import resnet20

if __name__ == "__main__":
    train(
        resnet20(pretrained=False),
        "resnet20",
        photo_patches(split="train"),
        photo_patches(split="test"),
        augmented=mirrored,
        seed=1,
        epochs=12,
        weight_decay=0.05,
    )
