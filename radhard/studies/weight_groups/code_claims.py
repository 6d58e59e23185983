"""Does the code of the paper help the sets of weights, and how long does it take?"""

from collections.abc import Iterator

from radhard.studies.claim import Claim, exactly
from radhard.studies.weight_groups.weight_group_findings import WeightGroupFindings

__all__ = ["OURS", "code_claims"]

NEAR, LARGE = 1.0, 100
"""Points that are "near the maximum accuracy", and weights of a set that is large enough."""

ENCODED = 0.004
"""Points that the code costs in the paper's table 1, without faults."""

SLOWER, CHEAP = 2.37, 1.05
"""How many times as long as the original networks the paper's protected ones take, at least; and
those that are decoded once a pass, at most."""

OURS = "not a claim of the paper"
"""In the note of a claim that is judged although the paper does not make it."""


def code_claims(findings: WeightGroupFindings) -> list[Claim]:
    """What the paper says about its code, and what is expected of ours, statement by statement."""
    return [*_code(findings), *_times(findings)]


def _code(findings: WeightGroupFindings) -> Iterator[Claim]:
    """What the code costs without faults, and gains under them."""
    design, most = findings.design, findings.most
    lost = exactly(findings.lost_by_code(), "points", len(findings.right))
    note = "all test samples; every set but the embedding has the code"
    yield Claim("without faults, the code costs nothing", lost, "at most", ENCODED, note)
    for name in findings.precise:
        if findings.size(name) > LARGE:
            yield Claim(
                f"{name}: with the code, {design.judged} {design.exposed} flips cost at most "
                f"{NEAR:g} point",
                findings.drop_protected(name),
                "at most",
                NEAR,
                "selected" if name in findings.selected else f"not selected; {OURS}",
            )
    for name in findings.selected:
        for field in (design.exposed, design.whole):
            gain = findings.gain(name, field, most)
            paired = "points gained, same faults; not those that selected the set"
            note = paired if gain is not None else "fewer bits than flips"
            where = field if field == design.whole else f"the {field}"
            text = f"{name}: {most} flips in {where} cost no more with the code than without it"
            yield Claim(text, gain, "at least", 0.0, note)


def _times(findings: WeightGroupFindings) -> Iterator[Claim]:
    """How long protected networks take."""
    for each in findings.times:
        pass_ = f"a pass over {each.samples:,} samples, all sets but the embedding protected"
        yield Claim(
            f"decoding at every step takes at least {SLOWER:g} times as long",
            each.ratio("every", "plain"),
            "at least",
            SLOWER,
            f"{pass_}; of the time of the original network, as in the paper: 2.37 to 3.23 times",
        )
        yield Claim(
            f"decoding once a pass takes at most {CHEAP:g} times as long",
            each.ratio("once", "plain"),
            "at most",
            CHEAP,
            f"{pass_}; {OURS}",
        )
