"""Does the quickstart notebook run, cell by cell, as in Jupyter?"""

import ast
import json
from pathlib import Path

import matplotlib as mpl

from tests.snippets import smaller

NOTEBOOK = Path(__file__).parents[1] / "docs" / "quickstart.ipynb"


def cells(kind: str) -> list[dict]:
    return [c for c in json.loads(NOTEBOOK.read_text("utf-8"))["cells"] if c["cell_type"] == kind]


def shown(code: str, names: dict[str, object]) -> object:
    """Execute a cell; the value of its last expression, which Jupyter displays."""
    tree = ast.parse(code)
    last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, "cell", "exec"), names)
    return None if last is None else eval(ast.unparse(last), names)


def test_every_cell_runs_and_what_it_ends_with_is_displayed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    tables = 0
    with mpl.rc_context({"backend": "agg"}):
        for cell in cells("code"):
            value = shown(smaller("".join(cell["source"])), names)
            if hasattr(value, "_repr_html_"):
                assert "<table" in value._repr_html_()
                tables += 1
    assert tables >= 5
    assert (tmp_path / "runs" / "quickstart.html").is_file()


def test_the_notebook_is_kept_without_outputs_and_in_the_format_of_jupyter():
    whole = json.loads(NOTEBOOK.read_text("utf-8"))
    assert (whole["nbformat"], whole["nbformat_minor"]) == (4, 5)
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in cells("code"))
    assert len({cell["id"] for cell in whole["cells"]}) == len(whole["cells"])
