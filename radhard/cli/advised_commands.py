"""Which commands answer a question, in which order, and why?"""

from dataclasses import dataclass
from math import ceil

from radhard.cli.advice_question import MEMORIES, AdviceQuestion
from radhard.cli.shell_line import shell_line
from radhard.factory import named
from radhard.stats import floor_size, percent, sample_size

__all__ = ["Advice", "advised_commands"]

_CODE_BITS = 64
"""Data bits of a code word in memories with ECC, which has eight check bits."""

_EXPECTED = 0.01
"""Rate of critical faults for which campaigns of protections are sized."""

_LEAST = 0.001
"""Rate of critical faults from which on campaigns tell whether a protection removes them."""

_HARMFUL = 12
"""Harm of so many faults is enough to tell that it is gone: six pairs that all fell suffice."""

_MANY = 10**12
"""Faults of a space, of which there are far more than trials."""

_ANALYSIS = "VulnerabilityGain()"

_BOUNDS = "Bounds on activations need hardly any memory, and stop very large values from spreading."
_COPIES = (
    "The most vulnerable channels are duplicated: this costs time and memory, and works against "
    "errors of any size."
)
_CHECK_BITS = (
    "An error-correcting code in software: corrects every single flip in 64 bits, at the cost of 8 "
    "check bits."
)
_IN_PLACE = (
    "An error-correcting code in the lowest bits of the mantissa: needs no memory, and corrects "
    "flips in the exponent."
)
_NEIGHBOURS = (
    "One more check bit detects two neighbouring flips in an exponent, which the shorter code "
    "would miscorrect, and sets the weight to 0."
)
_RANGES = (
    "All weights are read before each inference, and those outside their range are set to 0, "
    "whether one of their bits flipped or two."
)
_VOTES = (
    "Every word is stored three times, and each bit is decided by majority: this also corrects "
    "neighbouring flips, in three times the memory. A code with 8 check bits for 64 would correct "
    "single flips only."
)


@dataclass(frozen=True)
class Advice:
    """A command, and why it comes here."""

    why: str
    command: str
    """As it is typed in a shell."""


def advised_commands(question: AdviceQuestion) -> list[Advice]:
    """The commands that answer a question, in order."""
    of_goal = {"rate": _rate, "limit": _limit, "fit": _fit, "harden": _harden, "paper": _paper}
    steps = of_goal[question.goal](question)
    return steps if question.quantized_file is None else [_quantization(question), *steps]


def _rate(question: AdviceQuestion) -> list[Advice]:
    why = (
        f"How many trials does a margin of ±{percent(question.margin)} take, and how long? A pilot "
        "estimates both."
    )
    plan = _plan(question, why, "--margin", f"{question.margin:g}")
    return [*plan, _campaign(question), _look_closer(question)]


def _limit(question: AdviceQuestion) -> list[Advice]:
    why = f"How many trials does it take to show a rate below {percent(question.max_rate)}?"
    limit = ("--max-rate", f"{question.max_rate:g}")
    checked = _campaign(question, *limit, "--junit", f"{question.folder}/limit.xml")
    return [*_plan(question, why, *limit), checked, _repetition(question)]


def _fit(question: AdviceQuestion) -> list[Advice]:
    per_bit = ("--fit-per-bit", f"{question.fit_per_bit:g}")
    why = (
        "How many trials does it take to show that the weights stay within "
        f"{question.max_fit:g} FIT?"
    )
    page = shell_line(
        "radhard", "report", _store(question), *per_bit, "-o", f"{question.folder}/fit.html"
    )
    return [
        *_plan(question, why, "--max-fit", f"{question.max_fit:g}", *per_bit),
        _campaign(question),
        Advice(
            "The page gives the rate in failures per 10^9 hours (FIT).",
            page + _page_trust(question),
        ),
    ]


def _harden(question: AdviceQuestion) -> list[Advice]:
    steps, files = [_campaign(question)], [_store(question)]
    # A protection may help under one fault model and harm under another.
    several = _faults(question).count("--fault") > 1
    each = ", with a verdict for every fault model" if several else ""
    for number, (why, hardening, *scores) in enumerate(_protections(question), 1):
        folder = f"{question.folder}/hard{number}"
        words = ["radhard", "harden", _model(question), "--data", question.train or question.data]
        words += [*_loading(question), *_formats(question), "--with", hardening, *scores]
        if question.train is None and named(question.data)[0] is not None:
            why += (
                " No --train was given, so ranges are profiled on the test data, which makes the "
                "protection look better than it is."
            )
        verification = shell_line(
            *("radhard", "verify", files[0], "--model", folder, "--store", f"{folder}.db"),
            *("--report", f"{folder}.html"),
            *(("--by", "fault") if several else ()),
        )
        if scores:
            steps.append(_scores_checked(question))
        steps += [
            Advice(why, shell_line(*words, "-o", folder)),
            Advice(
                f"Repeats the same faults on the hardened model{each}, and adds faults in its new "
                "parts.",
                verification + _trust(question),
            ),
        ]
        files.append(f"{folder}.db")
    if question.memory == "low-voltage":
        # Pages of several hardenings show one fault per trial.
        compared = shell_line("radhard", "compare", *files[1:])
        return [
            *steps,
            Advice(
                "Compares the two protections at every error rate.",
                compared + _page_trust(question),
            ),
        ]
    page = shell_line("radhard", "report", *files, "-o", f"{question.folder}/protections.html")
    return [
        *steps,
        Advice(
            "All protections on one page: cost against resilience.", page + _page_trust(question)
        ),
    ]


def _scores_checked(question: AdviceQuestion) -> Advice:
    """The scores by which channels are chosen, beside the campaign."""
    words = ["radhard", "analyze", _model(question), "--data", question.train or question.data]
    words += [*_loading(question), *_formats(question), "--with", _ANALYSIS]
    saved = ("-o", f"{question.folder}/scores.json")
    if question.memory == "low-voltage":
        return Advice(
            "Scores say what single faults do, so a campaign at error rates cannot confirm them: "
            "the comparison below shows whether they chose the right channels.",
            shell_line(*words, *saved) + _trust(question),
        )
    against = ("--against", _store(question), *saved)
    return Advice(
        "Predictions can be wrong: check that the whole interval of the rank correlation with the "
        "campaign is above 0. If not, choose the channels by another analysis (radhard list "
        "analyses).",
        shell_line(*words, *against) + _trust(question),
    )


def _paper(question: AdviceQuestion) -> list[Advice]:
    again = f"{question.folder}/again.db"
    other = ("--seed", "1", "--store", again)
    compared = shell_line("radhard", "compare", _store(question), again)
    return [
        Advice("Is the experiment already included?", "radhard list studies"),
        _campaign(question),
        Advice("The same campaign with another seed: how much is chance?", _run(question, *other)),
        Advice(
            "The difference between the two, with its interval.", compared + _page_trust(question)
        ),
        _repetition(question),
    ]


def _quantization(question: AdviceQuestion) -> Advice:
    """A file with a model whose activations are the integers of the device."""
    # Of included data, the training split; a factory of the user's own is taken as it is.
    split = (
        "(split='train')" if named(question.data)[0] is None and "(" not in question.data else ""
    )
    train = question.train or question.data + split
    # Arrays of integers compute with integers from the first layer on.
    inputs = ", inputs=True" if question.memory == "registers" else ""
    code = (
        "import radhard as rh\n\n\n"
        "def build():\n"
        f'    model, train = rh.models.load("{question.model}"), rh.datasets.load("{train}")\n'
        f"    return rh.quantized(model, train, rh.formats.{question.word!r}{inputs})\n"
    )
    path = question.quantized_file
    command = f"mkdir -p {question.folder} && cat > {path} <<'END'\n{code}END"
    return Advice(
        f"Computes activations as {question.format}, with scales from training data.", command
    )


def _plan(question: AdviceQuestion, why: str, *asked: str) -> list[Advice]:
    # Error rates have no margin, and registers have too many faults to count them by bit.
    if question.memory in ("low-voltage", "registers"):
        return []
    return [
        Advice(why, shell_line("radhard", "plan", *_named(question), *_faults(question), *asked))
    ]


def _campaign(question: AdviceQuestion, *options: str) -> Advice:
    where, _, what = MEMORIES[question.memory].partition(": ")
    files = ("--store", _store(question), "--report", f"{question.folder}/base.html")
    # Failures in time are those of single flips.
    what = "single bits flip" if question.goal == "fit" else what
    why = f"{where[0].upper()}{where[1:]}, as {question.format}: {what}. {_size(question)}."
    return Advice(why, _run(question, *files, *options))


def _look_closer(question: AdviceQuestion) -> Advice:
    # Analyses predict faults in weights of one format, without check bits.
    if question.memory not in ("dram", "sram"):
        return _repetition(question)
    command = shell_line("radhard", "analyze", "--with", _ANALYSIS, "--against", _store(question))
    return Advice(
        "Which channels are most vulnerable, and does the campaign confirm it?",
        command + _trust(question),
    )


def _repetition(question: AdviceQuestion) -> Advice:
    command = shell_line("radhard", "run", "--from", _store(question), "--store", _store(question))
    why = "Repeats or continues the campaign of a run file; finished trials are not executed again."
    return Advice(why, command + _trust(question))


def _size(question: AdviceQuestion) -> str:
    sampler = _sampler(question)
    if sampler.startswith("ErrorRate"):
        return "In every trial, each bit is wrong with the probability of the error rate"
    if sampler.startswith("PerTensor"):
        return "Every tensor gets the published sample size (Leveugle et al., DATE 2009)"
    if sampler.startswith("Uniform"):
        if question.margin > _EXPECTED:
            return f"A quick look: ±{percent(question.margin)} at a rate of {percent(_EXPECTED)}"
        return (
            "This number of trials shows whether a protection works if the rate is "
            f"{percent(_LEAST)} or more; if it is lower, the last page says how many trials are "
            "needed. The number is fixed, so that protections are compared fault by fault"
        )
    if question.goal == "limit":
        return "Ends when the interval is narrow enough to pass with a rate of half the limit"
    return f"Ends when the interval is ±{percent(question.margin)}"


def _sampler(question: AdviceQuestion) -> str:
    if question.memory == "low-voltage":
        return "ErrorRate((1e-6, 1e-5, 1e-4), trials=50)"
    margin = question.max_rate / 2 if question.goal == "limit" else question.margin
    if question.goal == "harden":
        least = floor_size(1.0, margin, 0.95)
        of_margin = max(sample_size(_MANY, margin, p=_EXPECTED), least)
        # Who asks for a wide margin wants a quick look.
        telling = _HARMFUL / _LEAST if margin <= _EXPECTED else 0
        return f"Uniform({ceil(max(of_margin, telling))})"
    published = question.goal == "paper" or question.memory == "registers"
    return f"PerTensor(margin={margin:g})" if published else f"Adaptive({margin:g})"


def _faults(question: AdviceQuestion) -> list[str]:
    """The options of the fault space."""
    targets = {"buffers": "Activations('*')", "registers": "Registers(Systolic(16, 16))"}
    words = ["--target", targets[question.memory]] if question.memory in targets else []
    words += _formats(question)
    if question.memory == "sram" and question.goal != "fit":
        words += ["--fault", "BitFlip()", "--fault", "Burst(2)"]
    elif question.memory == "sram-ecc":
        words += ["--fault", "Burst(2)"]
    elif question.memory == "dram-ecc":
        words += ["--fault", "BitFlip(count=2)"]
    return words


def _formats(question: AdviceQuestion) -> list[str]:
    """The format as an option, with the code of the memory around it."""
    word = question.word
    if question.memory == "registers":
        sums = ["--format", "*:sum=Int(32)", "--format", "*:output=Int(32)"]
        return [*sums, "--format", f"*={word!r}"]
    if question.memory in ("dram-ecc", "sram-ecc"):
        return ["--format", _code(question)]
    return [] if repr(word) == "Float32()" else ["--format", repr(word)]


def _code(question: AdviceQuestion) -> str:
    return f"SecDed({question.word!r}, block={max(_CODE_BITS // question.word.bits, 1)})"


def _protections(question: AdviceQuestion) -> list[tuple[str, ...]]:
    """Why a hardening suits memory and format, its text, and options for its scores."""
    bounds = (_BOUNDS, "Ranger()")
    scores = f"{question.folder}/scores.json"
    copies = (_COPIES, "ChannelDuplication(share=0.2)", "--scores", scores)
    if question.quantized_file is not None:
        return [bounds]
    if question.memory in ("buffers", "dram-ecc", "sram-ecc"):
        return [bounds, copies]
    code = (_CHECK_BITS, f"Ecc({_code(question)})")
    if question.memory == "sram":
        # What corrects single flips does not help against two neighbouring ones, or even harms.
        if question.has_integers:
            return [(_VOTES, f"Ecc(Replicated({question.word!r}))"), copies]
        single = repr(question.word) == "Float32()"
        in_place = (f"{_IN_PLACE} {_NEIGHBOURS}", "HammingInPlace(extended=True)")
        return [bounds, in_place if single else (_RANGES, "WeightRangeCheck()")]
    if question.has_integers:
        return [code, copies]
    # Shorter words have no room for codes of all their exponent bits.
    return [bounds, (_IN_PLACE, "HammingInPlace()") if repr(question.word) == "Float32()" else code]


def _run(question: AdviceQuestion, *options: str) -> str:
    sampler = ("--sampler", _sampler(question))
    return shell_line("radhard", "run", *_named(question), *_faults(question), *sampler, *options)


def _named(question: AdviceQuestion) -> list[str]:
    """The model and its data."""
    samples = [] if question.samples is None else ["--n", str(question.samples)]
    return [_model(question), "--data", question.data, *samples, *_loading(question)]


def _model(question: AdviceQuestion) -> str:
    path = question.quantized_file
    return question.model if path is None else f"{path}:build"


def _loading(question: AdviceQuestion) -> list[str]:
    """How the model is loaded and called."""
    options = {"--weights": question.weights, "--call": question.call}
    return [word for name, text in options.items() if text is not None for word in (name, text)]


def _store(question: AdviceQuestion) -> str:
    return f"{question.folder}/base.db"


def _trust(question: AdviceQuestion) -> str:
    """For commands that build the model of a run file again."""
    return " --trust" if question.names_code else ""


def _page_trust(question: AdviceQuestion) -> str:
    """For commands that only read run files, and so build nothing but their components."""
    return " --trust" if question.has_own_format else ""
