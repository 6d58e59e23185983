"""Do words enter the array in the cycles in which scalesim demands them?

``scalesim_demands.json`` has what scalesim 3.0.0 computes: ``set_params`` of its classes
``systolic_compute_os``, ``_ws`` and ``_is`` with matrices whose elements are their numbers in
row-major order, then ``create_demand_matrices``. A line is a cycle, with the element that enters
each row (what moves to the right) or column (what comes from above), -1 for none.
"""

import json
from pathlib import Path

import numpy as np
import pytest

from radhard.accelerators import MatrixProduct, Systolic
from radhard.formats import Int

CASES = json.loads((Path(__file__).parent / "scalesim_demands.json").read_text("utf-8"))["cases"]


@pytest.mark.parametrize(
    "case", CASES, ids=lambda c: f"{c['dataflow']}-{c['rows']}x{c['depth']}x{c['columns']}"
)
def test_words_enter_in_the_cycles_of_scalesim(case):
    array = Systolic(*case["array"], case["dataflow"], Int(8))
    product = MatrixProduct(case["rows"], case["depth"], case["columns"])
    tiles, cycles, rows, columns = array.shape(product)
    folds = case["row_folds"] * case["column_folds"]
    assert tiles == folds
    demands = {of: np.array(case[of]).reshape(folds, -1, len(case[of][0])) for of in _EDGES}
    theirs = demands["inputs"].shape[1]
    # Finished sums leave an output-stationary array there while the last products are added; here
    # afterwards, through registers of their own, one row a cycle. Other tiles take the same time.
    drained = rows if case["dataflow"] == "output_stationary" else 0
    assert cycles == theirs + drained
    compared = 0
    for fold, of in np.ndindex(folds, 2):
        operand = ("inputs", "weights")[of]
        # There the tiles along the rows of the array come first.
        column_fold, row_fold = divmod(fold, case["row_folds"])
        tile = row_fold * case["column_folds"] + column_fold
        moves_right = operand != _FROM_ABOVE[case["dataflow"]]
        stays = case["dataflow"] == _STAYS.get(operand)
        for cycle, line in enumerate(demands[operand][fold]):
            if stays and cycle >= rows:
                # Loaded: nothing enters any more.
                assert set(line.tolist()) == {-1}
                continue
            for place, element in enumerate(line.tolist()):
                at = (tile, cycle, place, 0) if moves_right else (tile, cycle, 0, place)
                word = np.ravel_multi_index(at, (tiles, cycles, rows, columns))
                use = array.use(product, operand.removesuffix("s"), np.array([word]))
                assert use.live[0] == (element >= 0)
                if element >= 0:
                    depth = int(use.depth[0])
                    numbers = {
                        "inputs": int(use.rows[0][0]) * product.depth + depth,
                        "weights": depth * product.columns + int(use.columns[0][0]),
                    }
                    assert numbers[operand] == element
                    compared += 1
    # Each word that stays enters once, each other one for every tile along the other axis.
    assert compared == sum(int((demands[of] >= 0).sum()) for of in _EDGES)
    assert compared > 0


_EDGES = ("inputs", "weights")
_FROM_ABOVE = {
    "output_stationary": "weights",
    "weight_stationary": "weights",
    "input_stationary": "inputs",
}
"""Which operand comes from above; the other one moves to the right."""

_STAYS = {"weights": "weight_stationary", "inputs": "input_stationary"}
