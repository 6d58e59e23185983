"""How were the LSTM classifier's weights made?  Run: python scripts/train_lstm_classifier.py"""

from training import noisy, train

from radhard.datasets import vowels
from radhard.models import lstm_classifier

if __name__ == "__main__":
    train(
        lstm_classifier(pretrained=False),
        "lstm_classifier",
        vowels(split="train"),
        vowels(split="test"),
        augmented=noisy,
        seed=1,
        epochs=60,
        weight_decay=0.01,
    )
