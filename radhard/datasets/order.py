"""In which order are the samples of a DataLoader read?"""

import copy
from typing import Any

from torch.utils.data import (
    BatchSampler,
    DataLoader,
    IterableDataset,
    RandomSampler,
    SequentialSampler,
)

from radhard.errors import InputError

__all__ = ["in_order"]


def in_order(loader: DataLoader[Any]) -> DataLoader[Any]:
    """The loader itself, or one with the same samples in the order of their dataset.

    Raises:
        InputError: it draws samples with replacement, or by a sampler that gives another order
            each time.

    >>> shuffling = DataLoader([3, 1, 2], batch_size=2, shuffle=True)
    >>> [batch.tolist() for batch in in_order(shuffling)]
    [[3, 1], [2]]
    """
    if isinstance(loader.dataset, IterableDataset):
        return loader
    own: Any = loader.batch_sampler
    sampler: Any = own.sampler if type(own) is BatchSampler else own or loader.sampler
    if type(sampler) is SequentialSampler:
        return loader
    if type(sampler) is not RandomSampler:
        # A sampler of another class may be as good as any: it is asked twice.
        if _drawn(sampler) != _drawn(sampler):
            raise InputError(
                f"the DataLoader's {type(sampler).__name__} gives another order each time, so that "
                "no run could be continued or compared; give the dataset itself, or a DataLoader "
                "with shuffle=False"
            )
        return loader
    if sampler.replacement or sampler.num_samples != _length(loader):
        raise InputError(
            f"the DataLoader draws {sampler.num_samples:,} of its samples at random; give the "
            "dataset itself, or torch.utils.data.Subset(dataset, indices)"
        )
    return DataLoader(
        loader.dataset,
        # Without a batch sampler, the dataset makes its own batches.
        batch_size=None if own is None else own.batch_size,
        shuffle=False,
        num_workers=loader.num_workers,
        collate_fn=loader.collate_fn,
        drop_last=own is not None and own.drop_last,
        timeout=loader.timeout,
        worker_init_fn=loader.worker_init_fn,
        multiprocessing_context=loader.multiprocessing_context,
    )


def _drawn(sampler: Any) -> list[Any]:
    # From a copy, as a sampler that counts what it gave belongs to its owner.
    return [list(one) if isinstance(one, list) else one for one in copy.copy(sampler)]


def _length(loader: DataLoader[Any]) -> int:
    return len(loader.dataset)  # type: ignore[arg-type]
