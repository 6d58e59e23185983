"""Do the commands that are advised run as they are printed, and are missing answers asked for?"""

import json
import shlex
import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest

from radhard.campaign import run
from radhard.cli import main
from radhard.cli.advice_question import GOALS, MEMORIES, AdviceQuestion, Goal, Memory
from radhard.cli.advised_commands import advised_commands
from radhard.comparison import compare
from radhard.errors import InputError
from radhard.faults import BitFlip, Burst
from radhard.formats import FORMATS, stored_as
from radhard.hardenings import HARDENINGS
from radhard.samplers import PerTensor
from radhard.space import FaultSpace
from radhard.targets import Weights
from tests.conformance.hardening_subject import network, samples

QUICK = [
    ("dram", "Float32()", "rate"),
    ("sram", "Int(8)", "harden"),
    ("dram-ecc", "BFloat16()", "limit"),
    ("sram", "Float32()", "fit"),
    ("low-voltage", "Float32()", "paper"),
    ("buffers", "Int(8)", "rate"),
]
"""Every branch of the advice but for those that the thorough test repeats with other words."""

EVERYTHING = [
    (memory, word, goal)
    for memory in MEMORIES
    for word in ("BFloat16()", "Int(8)")
    for goal in GOALS
]
SMALL = {"samples": 8, "margin": 0.25, "max_rate": 0.6, "max_fit": 2.0, "fit_per_bit": 1e-4}
TRAIN = "mnist(split='train', n=60)"


def question(memory: str, word: str, goal: str, **more: object) -> AdviceQuestion:
    asked = {"model": "mlp", "data": "mnist", "train": TRAIN, **SMALL, **more}
    return AdviceQuestion(memory=memory, format=word, goal=goal, **asked)


def carry_out(asked: AdviceQuestion, capsys: pytest.CaptureFixture[str], *more: str) -> list[str]:
    """Execute the commands, with further options where times would be measured; the verbs."""
    verbs = []
    for step in advised_commands(asked):
        assert step.why.endswith((".", "?")), step
        if not step.command.startswith("radhard "):
            subprocess.run(["bash", "-c", step.command], check=True)
            continue
        words = shlex.split(step.command)[1:]
        code = main([*words, *(more if words[0] in ("harden", "verify") else ())])
        # Of few trials a limit may be missed; nothing else may go wrong.
        assert code in ((0, 1) if "--max-rate" in words else (0,)), (
            step.command,
            capsys.readouterr().err,
        )
        verbs.append(words[0])
    return verbs


def test_scores_are_compared_with_campaigns_of_single_faults_only():
    for memory in set(MEMORIES) - {"registers"}:
        steps = advised_commands(question(memory, "Int(8)", "harden"))
        compared = [step.command for step in steps if "--against" in step.command]
        assert not compared or memory != "low-voltage", compared


@pytest.mark.parametrize(("memory", "word", "goal"), QUICK)
@pytest.mark.filterwarnings("ignore::radhard.errors.RadhardWarning")
def test_every_advised_command_runs_as_it_is(memory, word, goal, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    verbs = carry_out(question(memory, word, goal), capsys, "--no-time")
    assert verbs.count("run") >= 1
    assert ("verify" in verbs) == (goal == "harden")


@pytest.mark.slow
@pytest.mark.parametrize(("memory", "word", "goal"), EVERYTHING)
@pytest.mark.filterwarnings("ignore::radhard.errors.RadhardWarning")
def test_commands_for_every_memory_format_and_goal_run(
    memory, word, goal, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    try:
        asked = question(memory, word, goal)
    except InputError:
        return  # the test of what is refused
    carry_out(asked, capsys)


def test_every_memory_and_goal_is_explained():
    assert tuple(MEMORIES) == get_args(Memory)
    assert tuple(GOALS) == get_args(Goal)
    assert {memory for memory, _, _ in QUICK} >= set(MEMORIES) - {"sram-ecc", "registers"}


@pytest.mark.parametrize(
    ("memory", "word", "goal", "said"),
    [
        ("registers", "Float32()", "rate", "Int(8)"),
        ("registers", "Int(8)", "harden", "--memory buffers"),
        ("dram-ecc", "Float32()", "fit", "--goal rate"),
        ("tape", "Float32()", "rate", "one of dram"),
        ("dram", "Float32()", "fun", "one of rate"),
    ],
)
def test_what_does_not_go_together_is_refused(memory, word, goal, said):
    with pytest.raises(InputError) as refused:
        question(memory, word, goal)
    assert said in str(refused.value)


def test_commands_on_a_network_of_ones_own_name_it_and_trust_where_it_is_built_again():
    own = {"model": "net.py:build", "data": "net.py:test_set", "weights": "a b.pt", "train": None}
    steps = advised_commands(question("dram", "Float32()", "harden", **own))
    commands = [shlex.split(step.command) for step in steps]
    # A page reads the run file only, which builds no model.
    expected = {"verify": True, "report": False}
    assert all(("--trust" in w) == expected[w[1]] for w in commands if w[1] in expected)
    assert all("a b.pt" in words for words in commands if words[1] in ("run", "harden"))
    assert "--train" in next(step.why for step in steps if " harden " in step.command)


@pytest.mark.parametrize("word", ["Float32()", "BFloat16()", "Int(8)"])
@pytest.mark.filterwarnings("ignore::radhard.errors.RadhardWarning")
def test_codes_advised_where_neighbours_flip_survive_both_fault_models(word):
    steps = advised_commands(question("sram", word, "harden"))
    hardened = [shlex.split(step.command) for step in steps if " harden " in step.command]
    texts = [words[words.index("--with") + 1] for words in hardened]
    assert "HammingInPlace()" not in texts
    model, data = network(), samples(8)
    format = FORMATS.parse(word)
    stored, top = stored_as(model, format), format.bits - 1
    bits = range(top - 8, top) if word != "Int(8)" else range(8)
    several = [BitFlip(bits=tuple(bits)), Burst(2)]
    space = FaultSpace.of(stored, Weights("*"), several, format)
    before = run(stored, data, space, PerTensor(150), seed=1, progress=False)
    hardenings = [HARDENINGS.parse(text) for text in texts if "Channel" not in text]
    hard = hardenings[-1](stored, data)
    after = run(hard, data, space, PerTensor(150), seed=1, progress=False)
    for row in compare(before, after, by="fault").rows:
        assert row.before.value > 0, row
        assert row.after.value <= row.before.value / 5, row
    assert all("--by fault" in step.command for step in steps if " verify " in step.command)


def test_what_is_not_given_is_asked_for_on_a_terminal_only(monkeypatch, capsys):
    command = ["advise", "mlp", "--data", "mnist", "--goal", "rate"]
    monkeypatch.setattr(sys.stdin, "isatty", lambda: False, raising=False)
    assert main(command) == 2
    assert "give --memory: one of dram" in capsys.readouterr().err
    answers = iter(["sram", "Imt(4)", "Int(4)"])
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    monkeypatch.setattr("click.termui.visible_prompt_func", lambda _: next(answers))
    assert main(command) == 0
    told = capsys.readouterr()
    assert "did you mean Int" in told.err
    assert "--format 'Int(4)' --fault 'BitFlip()' --fault 'Burst(2)'" in told.out
    # What is not a terminal gets a script, which ends at the first command that fails.
    first, *lines = filter(None, told.out.splitlines())
    assert first == "set -e"
    assert all(line.startswith(("#", "radhard ")) for line in lines)


def test_json_has_every_step(capsys):
    options = ["--memory", "dram", "--goal", "fit", "--json"]
    assert main(["advise", "mlp", "--data", "mnist", *options]) == 0
    told = json.loads(capsys.readouterr().out)
    steps = told["steps"]
    assert all(told["folder"] in step["command"] for step in steps if "run" in step["command"])
    assert [step["command"].split()[1] for step in steps] == ["plan", "run", "report"]


def test_weights_and_training_data_of_ones_own_are_asked_for(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("net.py").write_text("def build(): ...\n\n\ntest_set = train_set = build\n")
    answers, asked = iter(["a.pt", "net.py:train_set"]), []

    def answer(text: str) -> str:
        asked.append(text)
        return next(answers)

    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    monkeypatch.setattr("click.termui.visible_prompt_func", answer)
    of_goal = ["--memory", "dram", "--format", "Float32()", "--goal", "harden"]
    assert main(["advise", "net.py:build", "--data", "net.py:test_set", *of_goal]) == 0
    told = capsys.readouterr()
    assert len(asked) == 2
    assert "--weights a.pt" in told.out
    assert "--data net.py:train_set" in told.out


def test_scores_that_choose_channels_are_checked_against_the_campaign_first():
    steps = [
        shlex.split(s.command)[1:]
        for s in advised_commands(question("dram-ecc", "Int(8)", "harden"))
    ]
    by_scores = next(n for n, words in enumerate(steps) if "--scores" in words)
    checked = steps[by_scores - 1]
    assert checked[0] == "analyze"
    assert "--against" in checked
    assert checked[-1] == steps[by_scores][steps[by_scores].index("--scores") + 1]
    assert all("--report" in words for words in steps if words[0] == "verify")


def test_commands_write_where_nothing_is_yet(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    command = ["advise", "mlp", "--data", "mnist", "--memory", "dram", "--goal", "harden"]
    folders = []
    for _ in range(3):
        assert main([*command, "--json"]) == 0
        told = capsys.readouterr()
        folders.append(json.loads(told.out)["folder"])
        Path(folders[-1]).mkdir(parents=True)
        Path(folders[-1], "base.db").touch()
    assert len(set(folders)) == 3
    assert folders[0] in told.err  # where the first commands wrote
    # A folder that was asked for is used, with a word on what is there.
    assert main([*command, "--folder", folders[0]]) == 0
    told = capsys.readouterr()
    assert f"{folders[0]}/base.db exists" in told.err
    assert f"--store {folders[0]}/base.db" in told.out
