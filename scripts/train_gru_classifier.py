"""How were the GRU classifier's weights made?  Run: python scripts/train_gru_classifier.py"""

from training import noisy, train

from radhard.datasets import vowels
from radhard.models import gru_classifier

if __name__ == "__main__":
    train(
        gru_classifier(pretrained=False),
        "gru_classifier",
        vowels(split="train"),
        vowels(split="test"),
        augmented=noisy,
        seed=1,
        epochs=60,
        weight_decay=0.01,
    )
