"""Does data keep what it was given, and refuse what is none?"""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.utils.data import DataLoader, Dataset, IterableDataset, TensorDataset

from radhard.datasets import Data
from radhard.errors import InputError


def containers(n: int) -> st.SearchStrategy:
    """Nested batches of ``n`` samples."""
    dtypes = st.sampled_from([torch.float32, torch.bfloat16, torch.int64, torch.bool])
    tensors = st.builds(
        lambda width, dtype: torch.arange(n * width).reshape(n, width).to(dtype),
        st.integers(1, 3),
        dtypes,
    )
    return st.recursive(
        tensors,
        lambda inner: (
            st.lists(inner, min_size=1, max_size=3)
            | st.lists(inner, min_size=1, max_size=3).map(tuple)
            | st.dictionaries(st.sampled_from("abc"), inner, min_size=1)
        ),
        max_leaves=5,
    )


batches = st.integers(1, 7).flatmap(lambda n: st.tuples(st.just(n), containers(n)))


def same(one: object, other: object) -> bool:
    if isinstance(one, torch.Tensor):
        return isinstance(other, torch.Tensor) and torch.equal(one, other)
    if type(one) is not type(other) or len(one) != len(other):
        return False
    if isinstance(one, dict):
        return list(one) == list(other) and all(same(one[k], other[k]) for k in one)
    return all(map(same, one, other))


@given(batches, st.integers(1, 8))
def test_batches_are_all_rows_in_order_in_the_same_containers(batch, size):
    n, inputs = batch
    data = Data(inputs)
    positions = []
    for rows, part in data.batches(size):
        assert same(part, data.rows(torch.arange(n)[rows]))
        positions += range(n)[rows]
    assert len(data) == n
    assert positions == list(range(n))
    assert same(data.rows(slice(0, n)), inputs)


@given(batches)
def test_fingerprint_sees_every_value_and_the_containers(batch):
    n, inputs = batch
    data = Data(inputs, torch.arange(n))
    assert data.fingerprint() == Data(inputs, torch.arange(n), name="other").fingerprint()
    assert data.fingerprint() != Data(inputs).fingerprint()
    assert data.fingerprint() != Data(inputs, torch.arange(n) + 1).fingerprint()
    assert data.fingerprint() != Data((inputs,), torch.arange(n)).fingerprint()
    assert data.fingerprint() != Data({"x": inputs}, torch.arange(n)).fingerprint()
    assert Data([inputs]).fingerprint() != Data((inputs,)).fingerprint()


def test_fingerprint_tells_types_shapes_and_signs_of_zero_apart():
    zeros = torch.zeros(4, 2)
    variants = [
        zeros,
        zeros.half(),
        zeros.reshape(4, 2, 1),
        zeros.int(),
        -zeros,
        zeros.T.reshape(2, 4),
    ]
    assert len({Data(x).fingerprint() for x in variants}) == len(variants)
    assert Data(zeros.T.contiguous().T).fingerprint() == Data(zeros).fingerprint()


def test_first_takes_inputs_and_labels():
    data = Data({"x": torch.arange(5)}, torch.arange(5) * 2, name="five").first(3)
    assert data.inputs["x"].tolist() == [0, 1, 2]
    assert data.labels.tolist() == [0, 2, 4]
    assert data.name == "five"
    assert data.to("cpu").fingerprint() == data.fingerprint()


@pytest.mark.parametrize("n", [0, -1, 6])
def test_first_of_more_than_there_are_is_refused(n):
    with pytest.raises(InputError, match=rf"n={n} .* 1 to 5"):
        Data(torch.zeros(5)).first(n)


@pytest.mark.parametrize(
    ("inputs", "labels", "said"),
    [
        (torch.zeros(0, 3), None, "no samples"),
        (torch.zeros(3), torch.zeros(4), "4 labels for 3 samples"),
        (torch.zeros(3), torch.tensor(1), "labels for 3 samples"),
        (torch.zeros(3), [1, 2, 3], "labels are list"),
        ({"a": torch.zeros(3), "b": [torch.zeros(2)]}, None, r"inputs\['b'\]\[0\] has 2 samples"),
        (torch.tensor(1.0), None, "no sample axis"),
        ({}, None, "no tensor"),
        ((torch.zeros(2), "text"), None, r"inputs\[1\] is str"),
    ],
)
def test_data_that_cannot_be_is_refused(inputs, labels, said):
    with pytest.raises(InputError, match=said):
        Data(inputs, labels)


def test_batches_of_nothing_are_refused():
    with pytest.raises(InputError, match="at least 1"):
        list(Data(torch.zeros(2)).batches(0))


class Squares(Dataset):
    def __len__(self):
        return 5

    def __getitem__(self, index):
        return {"x": torch.full((2,), float(index)), "y": np.float32(index)}, index * index


class Stream(IterableDataset):
    def __iter__(self):
        return iter(torch.arange(4.0))


def test_every_source_gives_the_same_samples():
    inputs, labels = torch.arange(10.0).reshape(5, 2), torch.arange(5)
    dataset = TensorDataset(inputs, labels)
    expected = Data(inputs, labels).fingerprint()
    for source in (
        Data(inputs, labels),
        (inputs, labels),
        (inputs.numpy(), labels.tolist()),
        dataset,
        DataLoader(dataset, batch_size=2),
    ):
        assert Data.of(source).fingerprint() == expected


def test_inputs_alone_have_no_labels():
    inputs = torch.arange(10.0).reshape(5, 2)
    for source in (
        inputs,
        (inputs, None),
        TensorDataset(inputs),
        DataLoader(TensorDataset(inputs)),
    ):
        data = Data.of(source, name="mine")
        assert data.labels is None
        assert data.name == "mine"
        assert torch.equal(data.inputs, inputs)


def test_items_of_a_dataset_keep_their_containers():
    with pytest.raises(InputError, match=r"inputs\['y'\] is float32"):
        Data.of(Squares())
    data = Data.of(Stream())
    assert data.inputs.tolist() == [0, 1, 2, 3]
    data = Data.of([torch.zeros(3), {"a": np.zeros(3)}])
    assert type(data.inputs) is list
    assert data.inputs[1]["a"].dtype == torch.float64


def test_an_array_that_changes_later_does_not_change_the_data():
    array = np.zeros(3, dtype=np.float32)
    data = Data.of((array, [0, 1, 2]))
    array[0] = 1
    assert data.inputs.tolist() == [0, 0, 0]


class Endless(Dataset):
    def __getitem__(self, index):
        return torch.zeros(1)


@pytest.mark.parametrize(
    ("source", "said"),
    [
        (42, "int is not data.*DataLoader"),
        ("mnist", "str is not data"),
        (Endless(), "no length"),
        (TensorDataset(torch.zeros(0, 2)), "no samples"),
        ((torch.zeros(2), ["a", "b"]), "labels are list"),
        ((torch.zeros(2), [1, [2, 3]]), "labels are list"),
        (np.array(["a"]), "holds no numbers"),
    ],
)
def test_what_is_not_data_is_refused(source, said):
    with pytest.raises(InputError, match=said):
        Data.of(source)


def test_samples_of_different_shapes_make_no_data():
    class Ragged(IterableDataset):
        def __iter__(self):
            return iter([torch.zeros(2), torch.zeros(3)])

    with pytest.raises(InputError, match=r"different shapes.*\(2,\) and \(3,\)"):
        Data.of(Ragged())


def test_samples_of_different_structure_or_half_labelled_make_no_data():
    class Mixed(IterableDataset):
        def __init__(self, *items):
            self.items = items

        def __iter__(self):
            return iter(self.items)

    with pytest.raises(InputError, match="same structure"):
        Data.of(Mixed({"a": torch.zeros(1)}, {"b": torch.zeros(1)}))
    with pytest.raises(InputError, match="1 of 2 items have a label"):
        Data.of(Mixed((torch.zeros(1), 1), torch.zeros(1)))


class Failing(Dataset):
    def __len__(self) -> int:
        return 6

    def __getitem__(self, index):
        if index == 4:
            raise OSError("disk gone\nand more")
        return torch.zeros(3), 0


@pytest.mark.parametrize(
    ("source", "where"),
    [(Failing(), "sample 4"), (DataLoader(Failing(), 2), "batch 2")],
)
def test_a_dataset_that_fails_is_named_with_the_place(source, where):
    with pytest.raises(InputError, match=f"{where}.*OSError: disk gone") as caught:
        Data.of(source)
    assert isinstance(caught.value.__cause__, OSError)
    assert "\n" not in str(caught.value)


def test_a_list_of_samples_with_labels_is_a_dataset():
    x, y = torch.arange(6.0).reshape(3, 2), [1, 0, 1]
    for labels in (y, torch.tensor(y), np.array(y)):
        found = Data.of(list(zip(x, labels, strict=True)))
        assert torch.equal(found.inputs, x)
        assert found.labels.tolist() == y
    # A list of tensors is what a model takes as several arguments.
    assert len(Data.of([x, x]).inputs) == 2


def test_what_can_be_read_only_once_is_refused_with_a_way_out():
    with pytest.raises(InputError, match="batch_size=None"):
        Data.of((torch.ones(2, 3), torch.ones(2)) for _ in range(3))
