"""Which code of stored weights is worth its bits and its time?"""

from collections.abc import Callable, Iterator

import numpy as np

from radhard.formats import (
    BFloat16,
    Cep,
    Float16,
    Float32,
    Format,
    Hamming,
    InPlaceHamming,
    Int,
    Mset,
    Parity,
    Replicated,
    SecDed,
    ZeroSpace,
)
from radhard.studies.claim import Claim, exactly
from radhard.studies.codes import EQUAL, CodeDesign, CodeFindings, CodeStudy
from radhard.studies.encodings import Encoding, EncodingDesign

__all__ = ["MEMORY_CODES"]

WORDS: dict[str, Format] = {
    "float32": Float32(),
    "float16": Float16(),
    "bfloat16": BFloat16(),
    "int8": Int(8),
}
PAINTS = dict(zip(WORDS, ("field1", "field2", "field3", "field4"), strict=True))
FLOATS, WHOLE = tuple(WORDS)[:3], ("float32", "int8")

SEC_DED, MSET, CEP = "SEC-DED, 64 bits", "MSET", "CEP D3P1"

CODES: dict[str, tuple[str, tuple[str, ...], Callable[[Format], Format]]] = {
    "parity": ("s", WHOLE, Parity),
    "Hamming": ("D", WHOLE, Hamming),
    "SEC-DED": ("^", WHOLE, SecDed),
    SEC_DED: ("v", tuple(WORDS), lambda inner: SecDed(inner, block=64 // inner.bits)),
    "3 copies": ("h", WHOLE, Replicated),
    "Hamming in place": ("P", FLOATS, InPlaceHamming),
    "extended Hamming in place": ("X", FLOATS, lambda inner: InPlaceHamming(inner, extended=True)),
    MSET: ("*", FLOATS, Mset),
    CEP: ("<", FLOATS, Cep),
    "CEP D7P1": (">", FLOATS, lambda inner: Cep(inner, "D7P1")),
    "CEP D15P1": ("p", FLOATS, lambda inner: Cep(inner, "D15P1")),
    "SEC-DED in place": ("d", ("int8",), ZeroSpace),
}
"""Marker, words and format of every code; 16-bit words have those that depend on the mantissa."""

GAIN, FASTER, SMALLER = 10.0, 7.0, 3.5
"""CEP against SEC-DED in the paper: error rate, speed and area of the decoder."""

RATES = tuple(float(f"{rate:.4g}") for rate in np.geomspace(1e-9, 1e-2, 15))


def encodings() -> tuple[Encoding, ...]:
    """Every kind of words without a code, and with all its codes."""
    found = []
    for words, inner in WORDS.items():
        # The words without a code come first: what their codes are compared with.
        found.append(Encoding(words, inner, PAINTS[words], "o"))
        for code, (mark, of, make) in CODES.items():
            if words in of:
                found.append(Encoding(f"{words}, {code}", make(inner), PAINTS[words], mark))
    return tuple(found)


def claims(findings: CodeFindings) -> list[Claim]:
    """What the paper says about MSET and CEP, statement by statement."""
    every = [claim for words in ("float32", "float16") for claim in _of_words(findings, words)]
    software = findings.time_ratio(f"float32, {SEC_DED}", f"float32, {CEP}")
    circuit = "a circuit in the paper; radhard has no circuits"
    took = "" if software is None else f"; in software here, {software}"
    not_measured = (
        (f"a decoder of CEP is {FASTER:g} times as fast as one of SEC-DED", FASTER, circuit + took),
        (f"a decoder of CEP has {SMALLER:g} times less area than one of SEC-DED", SMALLER, circuit),
        (
            "in vision transformers, it is enough to protect the highest exponent bits",
            1.0,
            "no trained vision transformer is included",
        ),
    )
    return [
        *every,
        *(Claim(text, None, "at least", limit, note) for text, limit, note in not_measured),
    ]


def _of_words(findings: CodeFindings, words: str) -> Iterator[Claim]:
    """What is said of both codes, for weights in words of one format."""
    for code in (MSET, CEP):
        # Counted and not claimed: a code in place has no bits of its own, unless its words grew.
        more = findings.bits(f"{words}, {code}") - findings.bits(words)
        yield Claim(
            f"{words}: {code} needs no additional memory",
            exactly(more, "bits per weight", findings.weights),
            "at most",
            0.0,
            "stored bits, counted",
        )
        for equal, how in zip(EQUAL, ("at an equal rate per stored bit", "in number"), strict=True):
            yield Claim(
                f"{words}: {code} tolerates at least the faults that SEC-DED tolerates",
                findings.ratio(f"{words}, {code}", f"{words}, {SEC_DED}", equal=equal),
                "at least",
                1.0,
                f"ratio of tolerable faults, {how}{_rare(findings, words, code)}",
            )
    yield Claim(
        f"{words}: {CEP} tolerates up to {GAIN:g} times the error rate that SEC-DED tolerates",
        findings.ratio(f"{words}, {CEP}", f"{words}, {SEC_DED}"),
        "at most",
        GAIN,
        f"no more than that on this network; ratio of tolerable rates{_rare(findings, words, CEP)}",
    )


def _rare(findings: CodeFindings, words: str, code: str) -> str:
    """Which of a code and SEC-DED has so few harmful trials that its interval may be wrong."""
    rare = [c for c in (code, SEC_DED) if findings.rates.tolerable(f"{words}, {c}").is_rare]
    return f"; few harmful trials, so that it may be wrong: {', '.join(rare)}" if rare else ""


MEMORY_CODES = CodeStudy(
    name="memory-codes",
    title="Codes of stored weights: bits, decoding time and tolerable faults",
    source="arXiv 2605.07417, MSET and CEP; abstract and the authors' code",
    about=(
        "Every stored bit of the weights, check bits included, flips with the given probability; "
        "biases, statistics of norms and scales are not faulty. Encodings of equal width have the "
        "same faults, trial by trial. The tolerable rate is the highest one at which the mean "
        "error on the test images is at most one point above that of the float32 weights without "
        "faults: the same limit for all encodings, so that what a code costs in precision counts. "
        "Where it rests on few harmful trials, it may be too high, and its interval does not "
        "cover; the tables say so. Decoding is timed in software, on fault-free weights, as the "
        "decoder of radhard runs on a CPU, not as a circuit. The paper's abstract states neither "
        "its SEC-DED nor its criterion of a tolerable rate; here SEC-DED is a Hsiao code over 64 "
        "bits with 8 check bits. MSET and CEP in bfloat16 are an extension of radhard."
    ),
    networks=("mlp", "lenet5", "resnet20"),
    claims=claims,
    design=CodeDesign(
        EncodingDesign(encodings=encodings(), rates=RATES, runs=20, increase=0.01),
        single=500,
    ),
)
