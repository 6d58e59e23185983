"""How were the sentiment networks' weights made?  Run: python scripts/train_sentiment_lstm.py FILE

FILE is the source archive of vaderSentiment 3.3.2 (see `radhard.datasets.movie_reviews`).
"""

import sys

from training import train, with_unknown_words

from radhard.datasets import movie_reviews
from radhard.models import sentiment_lstm

if __name__ == "__main__":
    file = sys.argv[1]
    for layers in (1, 2):
        for bidirectional in (False, True):
            name = "sentiment_bilstm" if bidirectional else "sentiment_lstm"
            train(
                sentiment_lstm(layers=layers, bidirectional=bidirectional, pretrained=False),
                f"{name}_{layers}",
                movie_reviews(file, split="train"),
                movie_reviews(file, split="test"),
                augmented=with_unknown_words,
                seed=1,
                epochs=6,
                weight_decay=0.01,
            )
