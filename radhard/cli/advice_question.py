"""What may be asked of ``radhard advise``, and which questions have no answer?"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

from radhard.errors import InputError
from radhard.factory import named
from radhard.spec import near

if TYPE_CHECKING:
    from radhard.formats import Format

__all__ = ["GOALS", "MEMORIES", "AdviceQuestion", "Goal", "Memory", "check_choice"]

Memory = Literal["dram", "dram-ecc", "sram", "sram-ecc", "low-voltage", "buffers", "registers"]
Goal = Literal["rate", "limit", "fit", "harden", "paper"]

MEMORIES: dict[str, str] = {
    "dram": "weights in DRAM without ECC: single bits flip",
    "dram-ecc": "weights in DRAM with ECC, 8 check bits for 64: two flips in a code word remain",
    "sram": "weights in SRAM without ECC: one particle may flip two neighbouring bits",
    "sram-ecc": "weights in SRAM with ECC: two neighbouring flips in a word remain",
    "low-voltage": "weights in SRAM at low voltage: many wrong bits at once, at an error rate",
    "buffers": "activations in the buffers of an accelerator: a flip during one inference",
    "registers": "registers of a systolic array of integers: a flip in one cycle",
}
"""What is hit, and what happens there."""

GOALS: dict[str, str] = {
    "rate": "how often does a fault change a prediction, to a margin (--margin)?",
    "limit": "is that rate below a limit (--max-rate), with PASS or FAIL as evidence?",
    "fit": "are failures in time within a budget (--max-fit, --fit-per-bit)?",
    "harden": "which protection helps on this device, and what does it cost?",
    "paper": "an experiment of a paper again, with the sample sizes of the literature",
}
"""What is asked."""


def check_choice(name: str, value: str) -> None:
    """Check what is hit or what is asked; ``name``: memory or goal.

    Raises:
        InputError: there is no advice on it.
    """
    allowed = get_args({"memory": Memory, "goal": Goal}[name])
    if value not in allowed:
        raise InputError(
            f"--{name} {value!r} is not allowed: {near(value, list(allowed))}give one of "
            f"{', '.join(allowed)}"
        )


@dataclass(frozen=True, kw_only=True)
class AdviceQuestion:
    """What is asked, about which model on which hardware.

    Raises:
        InputError: memory, format and goal do not go together.
    """

    model: str
    data: str
    memory: str
    goal: str
    format: str
    train: str | None = None
    """Data on which protections are profiled; without, the training split of included data."""
    samples: int | None = None
    weights: str | None = None
    call: str | None = None
    margin: float = 0.005
    max_rate: float = 0.01
    max_fit: float = 10.0
    fit_per_bit: float = 1e-4
    folder: str = "runs"
    """Where the commands put their files."""

    def __post_init__(self) -> None:
        check_choice("memory", self.memory)
        check_choice("goal", self.goal)
        if self.memory == "registers" and not self.has_integers:
            raise InputError(
                f"--format {self.format}: systolic arrays compute with integers here; give "
                "--format 'Int(8)', or --memory buffers"
            )
        if self.goal == "fit" and self.memory not in ("dram", "sram"):
            raise InputError(
                "--goal fit counts single bit flips in stored weights; give --memory dram or sram, "
                "or --goal rate"
            )
        if self.goal == "harden" and self.memory == "registers":
            raise InputError(
                "--goal harden: protections act on weights and activations, and registers are "
                "neither; give --memory buffers, or --goal rate"
            )
        if self.quantized_file is not None and self.weights is not None:
            raise InputError(
                "--weights: the model is quantized first, in a factory; load the weights in the "
                "factory of MODEL"
            )

    @property
    def word(self) -> "Format":
        """The number format of the device."""
        # Here, so that questions are asked before torch is imported.
        from radhard.formats import FORMATS

        return FORMATS.parse(self.format)

    @property
    def has_integers(self) -> bool:
        """Whether words have no exponent, whose flips make values huge."""
        return not any(self.word.field(bit) == "exponent" for bit in range(self.word.bits))

    @property
    def quantized_file(self) -> str | None:
        """Where the factory of a quantized model is to be: others compute in Float32.

        None if faults are not injected into activations of another format.
        """
        needed = self.memory in ("buffers", "registers") and repr(self.word) != "Float32()"
        return f"{self.folder}/quantized.py" if needed else None

    @property
    def names_code(self) -> bool:
        """Whether run files will name code that is executed with ``--trust`` only."""
        named_code = [t.endswith(".pt2") or named(t)[0] for t in (self.model, self.data)]
        own = self.quantized_file is not None or self.call is not None or self.has_own_format
        return own or any(named_code)

    @property
    def has_own_format(self) -> bool:
        """Whether run files will name a format of another package, which reading them imports."""
        return ":" in self.format
