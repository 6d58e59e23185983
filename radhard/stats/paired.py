"""Could the difference between two runs of the same faults be chance?"""

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import permutation_test

from radhard.errors import InputError

__all__ = ["paired_sign_flip"]


def paired_sign_flip(
    differences: ArrayLike, weights: ArrayLike | None = None, *, seed: int = 0
) -> float:
    """Probability of a mean difference at least this far from 0, if both sides were alike.

    ``differences`` holds one value per trial (after less before, the same fault), ``weights`` what
    each trial stands for. If nothing changed, every difference could as well have had the other
    sign: all sign patterns are tried where there are few (then the result is exact), else 9,999
    random ones from ``seed``. Two-sided. Trials without a difference have no sign to flip: they are
    neutral.

    Raises:
        InputError: no differences, values that are not finite, or weights of another length or
            below 0.

    >>> paired_sign_flip([-0.2, -0.1, -0.3, -0.1, -0.2, 0.0])
    0.0625
    """
    values = np.asarray(differences, dtype=np.float64).reshape(-1)
    scale = np.ones_like(values) if weights is None else np.asarray(weights, dtype=np.float64)
    if values.size == 0:
        raise InputError("there are no differences to test; run the same faults on both sides")
    if scale.shape != values.shape:
        raise InputError(f"{scale.size} weights for {values.size} differences; one each is needed")
    if not (np.isfinite(values).all() and np.isfinite(scale).all() and (scale >= 0).all()):
        raise InputError("differences must be finite, weights finite and not below 0")
    weighted = values * scale
    moving = weighted[weighted != 0]
    if moving.size < 2:
        return 1.0  # one sign has two patterns, both as far from 0
    resamples = 9_999
    result = permutation_test(
        (moving,),
        _total,
        permutation_type="samples",
        n_resamples=resamples,
        batch=max(1, 2_000_000 // moving.size),
        vectorized=True,
        random_state=np.random.default_rng(seed),
    )
    return float(result.pvalue)


def _total(x: NDArray[np.float64], axis: int = -1) -> NDArray[np.float64]:
    total: NDArray[np.float64] = np.sum(x, axis=axis)
    return total
