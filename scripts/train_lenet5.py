"""How were the weights of LeNet-5 made?  Run: python scripts/train_lenet5.py"""

from training import distorted, train

from radhard.datasets import mnist
from radhard.models import lenet5

if __name__ == "__main__":
    train(
        lenet5(pretrained=False),
        "lenet5",
        mnist(split="train"),
        mnist(split="test"),
        augmented=distorted,
        seed=1,
        epochs=30,
        weight_decay=0.01,
    )
