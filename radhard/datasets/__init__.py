"""On which data can a campaign run?"""

from radhard.datasets.cifar import cifar10, cifar100
from radhard.datasets.cohort import cohort
from radhard.datasets.data import Batch, Data
from radhard.datasets.digits import digits
from radhard.datasets.from_folder import FromFolder
from radhard.datasets.imdb import imdb
from radhard.datasets.load_data import listed, load, training
from radhard.datasets.mimic3 import mimic3
from radhard.datasets.mnist import mnist
from radhard.datasets.movie_reviews import movie_reviews
from radhard.datasets.photo_patches import photo_patches
from radhard.datasets.vowels import vowels
from radhard.datasets.watch import watch

__all__ = [
    "Batch",
    "Data",
    "FromFolder",
    "cifar10",
    "cifar100",
    "cohort",
    "digits",
    "imdb",
    "listed",
    "load",
    "mimic3",
    "mnist",
    "movie_reviews",
    "photo_patches",
    "training",
    "vowels",
    "watch",
]
