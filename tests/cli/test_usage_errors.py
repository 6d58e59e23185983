"""Does a mistake in options name what was given, what is allowed, and the help of the verb?"""

import pytest

from radhard.cli import main


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["rnu"], ["'rnu'", "did you mean run?"]),
        (["run", "--smapler", "x"], ["--smapler", "--sampler", "radhard run --help"]),
        (["run", "lenet5", "mnist"], ["'mnist'", "--data"]),
        (["run", "lenet5", "--n", "0"], ["--n 0", "from 1"]),
        (["run", "lenet5", "--seed", "-1"], ["--seed -1", "from 0"]),
        (["run", "lenet5", "--workers", "many"], ["--workers", "many", "from 1 to"]),
        (["run", "lenet5", "--margin", "-1%"], ["--margin -1%", "100%"]),
        (["run", "lenet5", "--plane", "x"], ["--plane", "codes"]),
        (["advise", "lenet5", "--memory", "drum"], ["'drum'", "did you mean dram", "sram-ecc"]),
        (["advise", "--goal", "speed"], ["'speed'", "rate, limit, fit"]),
        (["advise", "lenet5", "--weights", "none.pt"], ["none.pt"]),
        (["plan", "lenet5", "--margin", "0"], ["--margin 0", "above 0%"]),
        (["verify", __file__, "b.db", "--model", "lenet5"], ["'b.db'", "radhard compare"]),
        (["list", "a", "b"], ["'b'", "radhard list --help"]),
        (["report"], ["FILES", "radhard report --help"]),
        (["run", "lenet5", "--sampler", "Uniform(trials=3)"], ["'trials'", "Uniform(n: int)"]),
        (
            ["run", "lenet5", "--fault", "BitFlip(bit=3)"],
            ["'bit'", "did you mean bits?", "BitFlip(bits:"],
        ),
    ],
)
def test_a_mistake_is_one_line_with_what_is_allowed(words, said, capsys):
    assert main(words) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert all(part in line for part in said), line


def test_a_value_of_a_campaign_file_is_said_to_be_from_there(tmp_path, capsys):
    path = tmp_path / "campaign.toml"
    path.write_text('model = "lenet5"\ndata = "mnist"\nn = "ten"\n')
    assert main(["run", str(path)]) == 2
    assert "campaign file: --n 'ten'" in capsys.readouterr().err


def test_the_name_alone_shows_the_help(capsys):
    assert main([]) == 0
    told = capsys.readouterr()
    assert "Commands:" in told.out
    assert not told.err
