"""How were the gait networks' weights made?  Run: python scripts/train_gait_lstm.py"""

from training import train, unchanged

from radhard.datasets import watch
from radhard.models import gait_lstm

if __name__ == "__main__":
    for cells in (20, 30, 40):
        train(
            gait_lstm(cells=cells, pretrained=False),
            f"gait_lstm_{cells}",
            watch(split="train", window=64, channels=4, positive=6),
            watch(split="test", window=64, channels=4, positive=6),
            augmented=unchanged,
            seed=1,
            epochs=6,
            weight_decay=0.01,
            learning_rate=1e-2,
        )
