"""Does the house still stand as docs/architecture.md says?"""

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pytest

from tests.syntax import syntax, syntax_nodes

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "radhard"
FAMILIES = ("formats", "faults", "targets", "samplers", "metrics", "engines")
LADDER = re.findall(
    r"^\| *\d+ *\| *`(\w+)` *\|", (ROOT / "docs" / "architecture.md").read_text(), re.MULTILINE
)
LONGEST = 500

# A second paragraph may say what holds for all that a file offers.
MORE_THAN_ONE_LINE = {"radhard", "radhard.reliability", "radhard.replay"}

# Loads only archives that it has put together itself from what is known to be harmless.
LOADS_EXPORTED_PROGRAMS = {"radhard.models.exported_program"}

# Reads pickles of arrays with functions of its own in the place of all that they name.
READS_PICKLES = {"radhard.datasets.pickled"}


@dataclass(frozen=True)
class Module:
    """One file of the package."""

    name: str
    path: Path

    @property
    def tree(self) -> ast.Module:
        return syntax(self.path)

    @property
    def nodes(self) -> tuple[ast.AST, ...]:
        return syntax_nodes(self.path)

    @property
    def room(self) -> str:
        """The row of the ladder that it stands in; empty for the table of contents."""
        return self.name.partition(".")[2].partition(".")[0]

    @cached_property
    def offered(self) -> list[str]:
        """Its ``__all__``, a plain list of names; nothing where the file is a docstring only."""
        if len(self.tree.body) == 1:
            return []
        for node in self.tree.body:
            if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
                names = ast.literal_eval(node.value)
                assert isinstance(names, list)
                return names
        raise AssertionError(f"{self.name} has no __all__")

    def imports(self) -> Iterator[tuple[str, str | None]]:
        """Every import of the package, wherever it stands: module, and name taken from it."""
        for node in self.nodes:
            if isinstance(node, ast.Import):
                yield from ((alias.name, None) for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{self.name}: say which module, not how many dots"
                yield from ((node.module or "", alias.name) for alias in node.names)

    @cached_property
    def calls(self) -> list[tuple[str, ast.Call]]:
        """Every call, with the text of what is called."""
        return [(ast.unparse(node.func), node) for node in self.nodes if isinstance(node, ast.Call)]


def _name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {m.name: m for m in (Module(_name(p), p) for p in sorted(PACKAGE.rglob("*.py")))}


def complaints(check: Callable[[Module], Iterable[str]]) -> dict[str, list[str]]:
    """What a check has to say of each module; modules that are in order are left out."""
    said = {module.name: list(check(module)) for module in MODULES.values()}
    return {name: found for name, found in said.items() if found}


def test_ladder_names_every_room_once_and_nothing_else():
    rooms = {module.room for module in MODULES.values()} - {""}
    assert len(LADDER) == len(set(LADDER))
    assert set(LADDER) == rooms


def test_imports_come_only_from_rooms_above():
    def check(module: Module) -> Iterator[str]:
        if module.name == "radhard":
            return  # the table of contents lists all rooms
        above = LADDER[: LADDER.index(module.room) + 1]
        for source, name in module.imports():
            package, room, *_ = f"{source}.{name}".split(".")
            if package == "radhard" and room not in above:
                yield f"{source}.{name}"

    assert complaints(check) == {}


def test_nothing_imports_a_name_from_the_table_of_contents():
    def check(module: Module) -> Iterator[str]:
        for source, name in module.imports():
            if source == "radhard" and f"radhard.{name}" not in MODULES:
                yield str(name)

    assert complaints(check) == {}


def test_other_rooms_take_only_what_is_offered_and_nobody_takes_what_is_private():
    def check(module: Module) -> Iterator[str]:
        for source, name in module.imports():
            known = MODULES.get(source)
            if known is None or name is None or f"{source}.{name}" in MODULES:
                continue
            abroad = known.room != module.room
            if name.startswith("_") or (abroad and name not in known.offered):
                yield f"{source}.{name}"

    assert complaints(check) == {}


def test_what_is_offered_is_there():
    def check(module: Module) -> Iterable[str]:
        bound = set()
        for node in module.nodes:
            if isinstance(node, ast.FunctionDef | ast.ClassDef):
                bound.add(node.name)
            elif isinstance(node, ast.Import | ast.ImportFrom):
                bound.update(alias.asname or alias.name for alias in node.names)
            elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                bound.add(node.id)
        return (n for n in module.offered if n not in bound or module.offered.count(n) > 1)

    assert complaints(check) == {}


@pytest.mark.parametrize("family", FAMILIES)
def test_family_lists_its_base_and_all_its_components(family):
    offered = MODULES[f"radhard.{family}"].offered
    members = {
        node.name
        for module in MODULES.values()
        if module.room == family
        for node in module.tree.body
        if isinstance(node, ast.ClassDef)
        and "component" in [ast.unparse(decorator) for decorator in node.decorator_list]
    }
    bases = {
        node.name
        for node in MODULES[f"radhard.{family}.base"].tree.body
        if isinstance(node, ast.ClassDef) and "Component" in [ast.unparse(b) for b in node.bases]
    }
    assert members
    assert bases
    assert members | bases <= set(offered)


def test_docstring_is_one_line_that_says_what_the_file_answers():
    def check(module: Module) -> Iterator[str]:
        first, _, rest = (ast.get_docstring(module.tree) or "").partition("\n")
        if not first.endswith(("?", ".")) or (rest and module.name not in MORE_THAN_ONE_LINE):
            yield first

    assert complaints(check) == {}


def test_name_says_a_subject():
    empty = {"utils", "util", "helpers", "helper", "common", "misc", "core"}
    assert complaints(lambda module: empty & set(module.name.split("."))) == {}


def test_files_are_small():
    def check(module: Module) -> Iterator[str]:
        lines = len(module.path.read_text(encoding="utf-8").splitlines())
        if lines > LONGEST:
            yield f"{lines} lines"

    assert complaints(check) == {}


def test_nothing_is_unpickled_or_evaluated():
    unpicklers = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"}
    evaluators = {"eval", "exec", "compile", "__import__", "builtins.eval", "builtins.exec"}
    loaders = {"torch.export.load", "torch.jit.load", "torch.hub.load", "torch.package"}

    def check(module: Module) -> Iterator[str]:
        if module.name not in READS_PICKLES:
            yield from unpicklers & {source.partition(".")[0] for source, _ in module.imports()}
        for called, call in module.calls:
            said = {k.arg: ast.unparse(k.value) for k in call.keywords}
            allowed = called == "torch.export.load" and module.name in LOADS_EXPORTED_PROGRAMS
            if (
                called in evaluators
                or called
                in ("pickle.load", "pickle.loads", "pickle.Unpickler", "super().find_class")
                or (called in loaders and not allowed)
                or called.endswith("read_pickle")
                or said.get("allow_pickle", "False") != "False"
                or (called == "torch.load" and said.get("weights_only") != "True")
            ):
                yield f"line {call.lineno}: {ast.unparse(call)}"

    assert complaints(check) == {}


def test_nothing_is_probed_and_no_error_passes_silently():
    broad = {"Exception", "BaseException"}

    def check(module: Module) -> Iterator[str]:
        for called, call in module.calls:
            everything = broad & {ast.unparse(argument) for argument in call.args}
            if called == "hasattr" or (called.endswith("suppress") and everything):
                yield f"line {call.lineno}: {ast.unparse(call)}"
        for node in module.nodes:
            if isinstance(node, ast.ExceptHandler):
                silent = all(isinstance(line, ast.Pass | ast.Continue) for line in node.body)
                if node.type is None or (silent and ast.unparse(node.type) in broad):
                    yield f"line {node.lineno}: say which error is expected, and what follows"

    assert complaints(check) == {}


def test_no_file_knows_the_machine_it_was_written_on():
    home = re.compile(r"(?<![\w.])/(root|home|work|Users)/\w|[A-Z]:\\Users", re.ASCII)
    folders = ["radhard", "tests", "docs", "scripts", "examples", "benchmarks", ".ci"]
    kinds = {".py", ".md", ".toml", ".html", ".svg", ".css", ".json", ".txt", ".sh", ""}
    # In a linked worktree .git is a file that names a folder.
    files = [p for p in ROOT.iterdir() if p.is_file() and p.name != ".git"]
    files += [p for folder in folders for p in (ROOT / folder).rglob("*") if p.is_file()]
    found = []
    for path in files:
        if path.suffix in kinds and not any(
            part.endswith("_cache") or part == "__pycache__" for part in path.parts
        ):
            text = path.read_text(encoding="utf-8", errors="replace")
            found += [f"{path.relative_to(ROOT)}: {m[0]}" for m in home.finditer(text)]
    assert found == []


HEAVY = ["torch", "numpy", "scipy", "pandas", "sklearn", "matplotlib", "safetensors"]


def loaded_by(code: str, packages: Sequence[str] = HEAVY) -> list[str]:
    """The packages among these that a fresh interpreter has loaded after running this."""
    code += f"\nimport sys; print('loaded:', *[m for m in {packages} if m in sys.modules])"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return run.stdout.splitlines()[-1].split()[1:]


def test_the_check_of_what_is_loaded_sees_numpy():
    assert loaded_by("import numpy") == ["numpy"]


def test_importing_the_package_is_light():
    assert loaded_by("import radhard; dir(radhard)") == []


@pytest.mark.parametrize(
    "arguments", [[], *([verb] for verb in ["run", "analyze", "report", "compare", "list", "demo"])]
)
def test_help_is_instant(arguments):
    script = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]["radhard"]
    # What the script calls ends the process.
    module = script.partition(":")[0]
    code = f"from {module} import main\nassert not main({[*arguments, '--help']})"
    assert loaded_by(code) == []


def test_the_page_of_a_run_imports_neither_hardenings_nor_analyses():
    beside = [
        "scipy.stats",
        "scipy.optimize",
        "sklearn",
        "radhard.analyses",
        "radhard.hardenings",
        "radhard.scores",
    ]
    assert loaded_by("import radhard.cli.actions.report_action", beside) == []


def test_an_included_network_is_loaded_without_the_compiler_of_torch():
    compiler = ["torch._dynamo", "sympy"]
    assert loaded_by("import radhard; radhard.models.load('resnet20')", compiler) == []


def test_no_module_hides_a_name_that_the_package_offers() -> None:
    import radhard

    # Importing a submodule sets it on the package, in the place of a function of its name.
    modules = {path.stem for path in Path(radhard.__file__).parent.glob("*.py")}
    assert not modules & set(radhard._PLACES)
