"""Which weights of an LSTM network do bit flips harm, and does a Hamming code in place help?"""

from collections.abc import Iterator, Sequence

from radhard.stats import Estimate
from radhard.studies.claim import Claim, exactly
from radhard.studies.weight_groups import (
    OURS,
    WeightGroupDesign,
    WeightGroupFindings,
    WeightGroupStudy,
    code_claims,
    more_lost,
)

__all__ = ["LSTM_HAMMING"]

MANTISSA = 0.6
"""Points that 20 mantissa flips cost at most in any set of the paper's table 2."""


def claims(findings: WeightGroupFindings) -> list[Claim]:
    """What the paper says about faults in LSTM networks, statement by statement."""
    return [*_sets(findings), *_fields(findings), *code_claims(findings)]


def _sets(findings: WeightGroupFindings) -> Iterator[Claim]:
    """Which sets are resilient, and which are not."""
    tolerated, field = findings.design.tolerated, findings.design.exposed
    embedding = findings.names(lambda group: group.role == "embedding")
    others = findings.names(lambda group: group.role != "embedding")
    biases = findings.names(lambda group: group.role == "bias")
    matrices = findings.names(lambda group: group.role in ("input", "recurrent"))
    dense = findings.names(lambda group: group.role == "dense")
    first = findings.names(lambda group: group.layer == 1)
    second = findings.names(lambda group: group.layer == 2)
    yield Claim(
        f"{findings.most} {field} flips in the embedding cost less than {tolerated:g} points",
        findings.drop(embedding, field, findings.most),
        "at most",
        tolerated,
    )
    comparisons = [
        ("the embedding loses less than the other sets on average", others, embedding),
        ("biases of LSTM layers lose more than their matrices on average", biases, matrices),
    ]
    if second:
        text = "the layer after the embedding loses more than the next one, sets on average"
        comparisons.append((text, first, second))
    for text, more, less in comparisons:
        for figure, how in _both_ways(findings, more, less):
            yield Claim(text, figure, "at least", 0.0, how)
    yield Claim(
        f"{findings.most} {field} flips in the dense weights cost more than {tolerated:g} points",
        findings.drop(dense, field, findings.most),
        "at least",
        tolerated,
    )


def _both_ways(
    findings: WeightGroupFindings, more: tuple[str, ...], less: tuple[str, ...]
) -> Iterator[tuple[Estimate | None, str]]:
    """Points that some sets lose more than others, at equal numbers of flips and at equal rates."""
    field, rate = findings.design.exposed, findings.design.rates[-1]
    # The same sets in both ways, so that these differ by nothing else.
    kept = [findings.large_enough(sets, field) for sets in (more, less)]
    out = _left_out(findings, (*more, *less), field)
    in_number = (findings.drop(sets, field, findings.most) for sets in kept)
    at_rate = (findings.drop_at_rate(sets, rate) for sets in kept)
    yield more_lost(*in_number), f"points more; equal numbers, {findings.most} {field} flips{out}"
    yield more_lost(*at_rate), f"points more; equal rates, {rate:g} per {field} bit; {OURS}{out}"


def _left_out(findings: WeightGroupFindings, sets: Sequence[str], *fields: str) -> str:
    """Which of the sets are not compared, and why, to follow a note."""
    kept = findings.large_enough(sets, *fields)
    out = ", ".join(name for name in sets if name not in kept)
    bits = " or ".join(fields)
    return f"; without {out}: fewer than {findings.most} {bits} bits" if out else ""


def _fields(findings: WeightGroupFindings) -> Iterator[Claim]:
    """Which fields of the words are critical."""
    every, most = findings.names(lambda _: True), findings.most
    lstm = findings.names(lambda group: group.is_recurrent)
    # A set with fewer bits of a field than flips would have to take some of them twice.
    kept, out = findings.large_enough(every, "mantissa"), _left_out(findings, every, "mantissa")
    largest = findings.largest_drop(kept, "mantissa", most)
    of = "" if largest is None else f", {largest[0]}; 95 % for all {len(kept)} sets together"
    yield Claim(
        f"{most} mantissa flips are harmless in every set",
        None if largest is None else largest[1],
        "at most",
        MANTISSA,
        f"points that the most sensitive set loses{of}{out}",
    )
    fields = ("exponent", "sign")
    kept = findings.large_enough(lstm, *fields)
    yield Claim(
        "exponent flips harm more than sign flips",
        more_lost(*(findings.drop(kept, field, most) for field in fields)),
        "at least",
        0.0,
        f"points more at {most} flips, mean of the sets of LSTM layers"
        + _left_out(findings, lstm, *fields),
    )
    wrong = 100 * float((findings.right_inverted == findings.right).mean())
    yield Claim(
        "flipping all signs of the dense layer inverts the classifier",
        exactly(wrong, "% not inverted", len(findings.right)),
        "at most",
        0.0,
        "all test samples, weights and bias",
    )


LSTM_HAMMING = WeightGroupStudy(
    name="lstm-hamming",
    title="Bit flips in the weights of LSTM networks, and a Hamming code in place",
    source="Vasquez et al., Soft Error Resilience Analysis of LSTM Networks, GLSVLSI 2024",
    about=(
        "1, 10 or 20 bits are flipped at the same time in one set of weights (float32), drawn from "
        "all bits or from one field, and the mean accuracy over the trials is compared; a NaN "
        "counts as a wrong prediction. torch's two biases are stored as their sum. In the paper, "
        "sets whose accuracy falls below 80 % under 20 exponent flips are protected, where the "
        "accuracy without faults is 86.5 %; here, where it is lower, sets that lose more than the "
        "same 6.5 points (if a set has fewer than 20 exponent bits, 20 flips in all its bits "
        "count). Hamming codes (7,4) of both halves of the exponent are in the lowest six bits of "
        "the mantissa (`InPlaceHamming`). Embeddings are left without it unless they are "
        "selected; all other sets have it, so that it is also judged on sets that are not "
        "selected. What the code gains in selected sets is measured under other faults than those "
        "that selected them. The paper's networks were trained on IMDB reviews, and their sizes "
        "are not stated; ours are smaller in data and accuracy, so that figures cannot be compared "
        "one by one."
    ),
    networks=(
        "sentiment-lstm",
        "sentiment-stacked-lstm",
        "sentiment-bilstm",
        "sentiment-stacked-bilstm",
    ),
    claims=claims,
    design=WeightGroupDesign(
        fields={
            "all bits": None,
            "exponent": "exponent",
            "mantissa": "mantissa",
            "sign": "sign",
        },
        exposed="exponent",
        whole="all bits",
    ),
)
