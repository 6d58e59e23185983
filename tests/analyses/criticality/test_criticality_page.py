"""Does what docs/criticality.md shows happen?"""

import re
from pathlib import Path

PAGE = Path(__file__).parents[3] / "docs" / "criticality.md"

SMALLER = {
    "n=200": "n=20",
    'Weights("*")': 'Weights("fc3")',
    "Uniform(2000)": "Uniform(300)",
    "trees=20": "trees=4",
}
"""What is shown with numbers that take minutes is run with smaller ones."""


def test_python_in_the_page_runs(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    shown: dict[str, object] = {}
    for block in re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL):
        for large, small in SMALLER.items():
            assert large in block or "import numpy" in block
            block = block.replace(large, small)
        exec(block, shown)
    assert {name: mask.dtype.name for name, mask in shown["words"].items()} == {
        "fc3.weight": "bool"
    }
    share, area, quality = capsys.readouterr().out.splitlines()
    assert share.endswith("(95 %, 300 trials)")
    assert area.startswith("{'value': ")
    assert quality.startswith("PredictionQuality(area=<Estimate ")
