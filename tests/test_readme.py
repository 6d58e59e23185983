"""Does what the README shows happen?"""

import re
from pathlib import Path

import radhard as rh

README = Path(__file__).parents[1] / "README.md"


def test_python_in_the_readme_runs_as_it_stands(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    shown: dict[str, object] = {}
    for block in re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL):
        exec(block, shown)
    assert (tmp_path / "runs" / "base.html").is_file()
    assert (tmp_path / "runs" / "blame.html").is_file()
    assert (tmp_path / "runs" / "hard.html").is_file()
    assert (tmp_path / "runs" / "hard" / "recipe.json").is_file()
    headline, by_layer = capsys.readouterr().out.split("\n", 1)
    assert headline == str(shown["base"].rate())
    assert by_layer.startswith("Outcome().critical by layer\nconv1")
    fresh = rh.models.load("lenet5").state_dict()
    assert all(fresh[name].equal(tensor) for name, tensor in shown["model"].state_dict().items())
