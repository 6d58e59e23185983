"""Which outputs does hypothesis try on the metrics?"""

from typing import Any

import numpy as np
import torch
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from torch import Tensor

# Few values, so that ties, unchanged outputs and rows of one value are drawn often.
FINITE = st.sampled_from([-2.0, -1.0, -0.0, 0.0, 0.5, 1.0, 3.0, 100.0]) | st.floats(
    -50, 50, width=32
)
ANY = FINITE | st.sampled_from([float("nan"), float("inf"), -float("inf"), 3e38])


@st.composite
def trials(
    draw: Any, *, elements: Any = ANY, classes: tuple[int, int] = (2, 7), keep: bool = True
) -> tuple[Tensor, Tensor, Tensor]:
    """Golden ``(samples, classes)``, faulty ``(trials, samples, classes)``, labels ``(samples,)``.

    With ``keep``, some rows of the faulty outputs are the golden ones.
    """
    shape = (draw(st.integers(2, 8)), draw(st.integers(*classes)))
    golden = draw(hnp.arrays(np.float32, shape, elements=FINITE, fill=st.nothing()))
    many = draw(st.integers(1, 3))
    faulty = draw(hnp.arrays(np.float32, (many, *shape), elements=elements, fill=st.nothing()))
    if keep:
        kept = draw(hnp.arrays(bool, (many, shape[0])))
        faulty = np.where(kept[..., None], golden, faulty)
    labels = draw(hnp.arrays(np.int64, shape[0], elements=st.integers(0, shape[1] - 1)))
    return torch.tensor(golden), torch.tensor(faulty), torch.tensor(labels)
