"""Does a deviation that is applied index by index equal one that is applied at once?"""

import pytest
import torch

from radhard.replay.deviation import Deviation


@pytest.mark.parametrize("replaces", [False, True])
@pytest.mark.parametrize("axes", [(True, True), (True, False), (False, True), (False, False)])
def test_rows_of_an_output_deviate_as_the_whole_does(axes, replaces):
    rng = torch.Generator().manual_seed(0)
    shape, probes = (4, 3), 5
    at = tuple(
        torch.randint(0, size, (probes,), generator=rng) if there else None
        for size, there in zip(shape, axes, strict=True)
    )
    sizes = [1 if there else size for size, there in zip(shape, axes, strict=True)]
    by = torch.randn(probes, *sizes, generator=rng)
    deviation = Deviation(torch.arange(probes), at, by, replaces)
    golden = torch.randn(probes, *shape, generator=rng)
    expected, found = golden.clone(), golden.clone()
    deviation.apply_to(expected)
    for row in deviation.faulty_rows:
        part = found[:, row].clone()
        deviation.apply_to_row(part, row)
        found[:, row] = part
    assert torch.equal(found, expected)
    untouched = [row for row in range(4) if row not in deviation.faulty_rows]
    assert torch.equal(expected[:, untouched], golden[:, untouched])
