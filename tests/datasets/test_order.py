"""Is data read in an order that the next reader finds again?"""

import pytest
import torch
from torch import Tensor
from torch.utils.data import (
    BatchSampler,
    DataLoader,
    Dataset,
    IterableDataset,
    RandomSampler,
    SequentialSampler,
    SubsetRandomSampler,
    TensorDataset,
    WeightedRandomSampler,
)

from radhard.datasets import Data
from radhard.errors import InputError

INPUTS = torch.randn(40, 3, generator=torch.Generator().manual_seed(1))
LABELS = torch.arange(40) % 3
SET = TensorDataset(INPUTS, LABELS)


@pytest.mark.parametrize(
    "loader",
    [
        DataLoader(SET, batch_size=8, shuffle=True),
        DataLoader(SET, batch_size=7, shuffle=True, generator=torch.Generator().manual_seed(1)),
        DataLoader(SET, batch_sampler=BatchSampler(RandomSampler(SET), 7, drop_last=False)),
        DataLoader(
            SET,
            batch_size=None,
            sampler=RandomSampler(SET),
            collate_fn=lambda one: (one[0][None], one[1][None]),
        ),
    ],
)
def test_a_shuffling_loader_is_read_in_the_order_of_its_dataset(loader):
    for _ in range(2):
        data = Data.of(loader)
        assert torch.equal(data.inputs, INPUTS)
        assert torch.equal(data.labels, LABELS)


def test_what_a_loader_drops_stays_dropped():
    data = Data.of(DataLoader(SET, batch_size=16, shuffle=True, drop_last=True))
    assert torch.equal(data.inputs, INPUTS[:32])


def test_a_sampler_with_an_order_of_its_own_keeps_it():
    class Backwards(SequentialSampler):
        def __iter__(self):
            return iter(range(39, -1, -1))

    data = Data.of(DataLoader(SET, batch_size=8, sampler=Backwards(SET)))
    assert torch.equal(data.inputs, INPUTS.flip(0))


class Pairs:
    """Batches of indices, two and two, in random order."""

    def __iter__(self):
        order = torch.randperm(20).tolist()
        return iter([[2 * n, 2 * n + 1] for n in order])


@pytest.mark.parametrize(
    "loader",
    [
        DataLoader(SET, batch_size=8, sampler=SubsetRandomSampler(range(30))),
        DataLoader(SET, batch_size=8, sampler=WeightedRandomSampler(torch.ones(40), 40)),
        DataLoader(SET, batch_size=8, sampler=RandomSampler(SET, replacement=True)),
        DataLoader(SET, batch_size=8, sampler=RandomSampler(SET, num_samples=10)),
        DataLoader(SET, batch_sampler=Pairs()),
    ],
    ids=["subset", "weighted", "replacement", "fewer", "batches"],
)
def test_other_random_orders_are_refused_before_anything_is_read(loader):
    with pytest.raises(InputError, match="give the dataset itself"):
        Data.of(loader)


class Augmented(Dataset):
    def __len__(self) -> int:
        return 40

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        return INPUTS[index] + torch.rand(()), LABELS[index]


class Stream(IterableDataset):
    def __init__(self, shuffled: bool) -> None:
        self.shuffled = shuffled

    def __iter__(self):
        order = torch.randperm(40) if self.shuffled else torch.arange(40)
        return ((INPUTS[n], LABELS[n]) for n in order)


@pytest.mark.parametrize(
    "source",
    [Augmented(), DataLoader(Augmented(), batch_size=4), Stream(True), DataLoader(Stream(True), 4)],
    ids=["set", "loader", "stream", "loader of a stream"],
)
def test_samples_that_are_others_the_next_time_are_refused(source):
    with pytest.raises(InputError, match="other samples when it is read again"):
        Data.of(source)


def test_a_stream_in_order_is_read_also_where_values_are_missing():
    assert torch.equal(Data.of(Stream(False)).inputs, INPUTS)
    broken = TensorDataset(torch.full((3, 2), torch.nan))
    assert Data.of(broken).inputs.isnan().all()


def test_reading_leaves_the_callers_random_state_alone():
    before = torch.random.get_rng_state()
    Data.of(DataLoader(SET, batch_size=8, shuffle=True))
    assert torch.equal(torch.random.get_rng_state(), before)
