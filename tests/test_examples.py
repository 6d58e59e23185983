"""Do the examples run as they say?"""

from pathlib import Path

from radhard.cli import main

EXAMPLES = Path(__file__).parents[1] / "examples"


def test_network_of_ones_own_runs_from_the_command_line(tmp_path, capsys):
    own = EXAMPLES / "own_network.py"
    options = ["--call", f"{own}:logits", "--n", "10", "--sampler", "PerTensor(n=2)"]
    given = [f"{own}:build", "--data", f"{own}:test_set", "--target", "Weights('encoder*')"]
    assert main(["run", *given, *options, "--store", str(tmp_path / "own.db")]) == 0
    assert "encoder.self_attn" in capsys.readouterr().out
