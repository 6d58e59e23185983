"""How much memory do bounds take?"""

__all__ = ["bound_overhead"]


def bound_overhead(parameters: int, *, layers: int = 0, neurons: int = 0) -> float:
    """Bounds as a share of a model's parameters: one each for ``layers`` and for ``neurons``.

    (#layers + #neurons of the last activation) / #parameters (Mousavi et al., ProAct, 2024).
    The paper counts the last layer among the layers too; `ProAct` stores one bound less.

    >>> f"{bound_overhead(14_710_000, layers=13, neurons=2048):.4%}"
    '0.0140%'
    """
    return (layers + neurons) / parameters
