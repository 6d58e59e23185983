"""Does every option that a message advises exist on the verbs that may print it?"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

import radhard
from radhard.analyses import MaxValue
from radhard.campaign import run
from radhard.cli import radhard as group
from radhard.errors import InputError
from radhard.faults import BitFlip
from radhard.formats import Float32
from radhard.hardenings import Ranger
from radhard.metrics import Outcome
from radhard.samplers import Uniform
from radhard.space import FaultSpace
from radhard.targets import Weights
from radhard.verification import verify
from tests.syntax import syntax_nodes

PACKAGE = Path(radhard.__file__).parent
MODEL_VERBS = ("run", "analyze", "harden", "verify")
"""Whoever looks at a model may meet a message of any room, but for these."""

OPTION = re.compile(r"(?:radhard (\w+)[^;,()]*)?(?<![\w-])(--[a-z][a-z-]+)")
"""An option, with the verb where the message names one."""

VERBS = {
    "analyses": ("analyze", "harden"),
    "hardenings": ("harden",),
    "verification": ("verify",),
    "studies": ("study",),
    "executors": ("run",),
    "campaign_execution.py": ("run",),
    "results.py": ("run",),
    "report": ("report", "run", "analyze"),
    "run_action.py": ("run",),
    "margin_options.py": ("run",),
    "junit.py": ("run", "verify"),
    "advice_question.py": ("advise",),
    "advised_commands.py": ("advise",),
    "advise_action.py": ("advise",),
    "campaign_file.py": ("run",),
    "output_files.py": ("harden",),
    "hardened_folder.py": ("run", "analyze", "harden"),
    "plan_action.py": ("plan",),
    "fit_action.py": ("fit",),
    "analyze_action.py": ("analyze",),
    "harden_action.py": ("harden",),
    "verify_action.py": ("verify",),
    "report_action.py": ("report",),
    "study_action.py": ("study",),
}


def messages(path: Path) -> Iterator[str]:
    """The text of every `InputError` that a file raises, with gaps where values stand."""
    for node in syntax_nodes(path):
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("Error"):
            parts = [n.value for n in ast.walk(node) if isinstance(n, ast.Constant)]
            yield "".join(part for part in parts if isinstance(part, str))


def options(verb: str) -> set[str]:
    return {o for p in group.commands[verb].params for o in p.opts} | {"--help"}


def advised() -> list[tuple[str, str, str]]:
    """File, verb, and an option that a message of this file advises there."""
    found = set()
    for path in sorted(PACKAGE.rglob("*.py")):
        place = path.relative_to(PACKAGE)
        verbs = VERBS.get(place.name, VERBS.get(place.parts[0], MODEL_VERBS))
        for text in messages(path):
            text = re.sub(r"\bpip [^;]*", "", text)  # of which the options are not ours
            for option in re.finditer(
                r"(?:radhard (\w+)[^;,()]*)?(?<![\w-])(--[a-z][a-z-]+)", text
            ):
                for verb in (option[1],) if option[1] in group.commands else verbs:
                    found.add((str(place), verb, option[2]))
    return sorted(found)


def test_every_option_that_a_message_advises_exists():
    found = advised()
    assert [each for each in found if each[2] not in options(each[1])] == []
    assert {"--allow-nondeterministic", "--call", "--trust"} <= {option for _, _, option in found}


class Drops(nn.Module):
    """Dropout that was left on."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.a, self.r, self.b = nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.b(self.r(self.a(nn.functional.dropout(x, 0.2))))


@pytest.mark.filterwarnings("ignore:Ranger.. was profiled on too few samples")
def test_passes_that_differ_are_accepted_by_every_verb_that_says_how():
    model, inputs = Drops().eval(), torch.randn(300, 6)
    space = FaultSpace.of(model, Weights("*"), BitFlip(), Float32())
    before = run(model, inputs, space, Uniform(5), deterministic=False, metrics=[Outcome()])
    with pytest.raises(InputError, match="deterministic=False"):
        run(model, inputs, space, Uniform(5))
    for verb in (MaxValue(), Ranger()):
        with pytest.raises(InputError, match="deterministic=False"):
            verb(model, inputs)
        assert verb(model, inputs, deterministic=False)
    assert verify(before, model, inputs, timed=False)
    with pytest.raises(InputError, match="deterministic=False"):
        verify(before, model, inputs, timed=False, deterministic=True)
