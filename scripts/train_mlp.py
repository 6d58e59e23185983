"""How were the weights of the multilayer perceptron made?  Run: python scripts/train_mlp.py"""

from training import distorted, train

from radhard.datasets import mnist
from radhard.models import mlp

if __name__ == "__main__":
    train(
        mlp(pretrained=False),
        "mlp",
        mnist(split="train"),
        mnist(split="test"),
        augmented=distorted,
        seed=1,
        epochs=40,
        weight_decay=0.01,
    )
