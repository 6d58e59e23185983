"""How would one judge a single sample with a pencil?"""

import math

Row = list[float]


def ranked(row: Row) -> list[int]:
    """Classes from the highest logit to the lowest, equal ones by index."""
    return sorted(range(len(row)), key=lambda c: (-row[c], c))


def broken(row: Row) -> bool:
    return any(math.isnan(x) for x in row)


def confidence(row: Row, of: int) -> float:
    """Softmax probability of one class, infinities in the limit of ever larger logits."""
    if abs(max(row)) > 1e38:
        top = [x == max(row) for x in row]
        return top[of] / sum(top)
    return math.exp(row[of] - max(row)) / math.fsum(math.exp(x - max(row)) for x in row)
