"""Would the nearest tests notice a wrong operator or a wrong constant?"""

import argparse
import ast
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

EXAMPLES = """\
examples:
  make mutants ARGS="radhard/stats/means.py"              three mutants of a module
  make mutants ARGS="--number 10 radhard/stats"           ten of every module of a folder
  make mutants ARGS="--seed 1 radhard/replay/rules/shape_rules.py"    another three
  make mutants ARGS="--list --number 1000 radhard/faults" what can be planted; runs nothing

A module of 10 s of tests takes half a minute for three mutants; all modules take hours.
A survivor is a test that is missing, or a change that changes nothing: judge each."""

MODULES = (
    "radhard/stats",
    "radhard/comparison",
    "radhard/run_means.py",
    "radhard/groups",
    "radhard/samplers",
    "radhard/caps",
    "radhard/engines/bracket/lines.py",
    "radhard/engines/correction.py",
    "radhard/engines/audit_draw.py",
    "radhard/engines/replay",
    "radhard/replay",
    "radhard/analyses/deepvigor/plus",
    "radhard/faults",
    "radhard/formats",
    "radhard/injection/tensor_injection.py",
    "radhard/reliability.py",
)
"""Those that make numbers."""

NEAREST: dict[str, tuple[str, ...]] = {
    "radhard/stats/compatible.py": ("tests/stats/test_means.py",),
    "radhard/stats/continuity.py": ("tests/stats/test_limits.py", "tests/stats/test_means.py"),
    "radhard/comparison/pair_difference.py": (
        "tests/comparison/test_reduction.py",
        "tests/comparison/test_paired.py",
        "tests/engines/test_measured_share.py",
    ),
    "radhard/comparison/accumulation.py": ("tests/samplers/test_cumulative.py",),
    "radhard/caps": ("tests/caps/test_stated.py", "tests/caps/test_certified.py"),
    "radhard/samplers/stage_draw.py": ("tests/samplers/test_capped_stages.py",),
    "radhard/samplers/staged_trials.py": ("tests/test_stages.py",),
    "radhard/samplers/staged_sampler.py": ("tests/test_stages.py",),
    "radhard/samplers/fault_census.py": ("tests/samplers/test_partition.py",),
    "radhard/samplers/fault_classes.py": ("tests/samplers/test_partition.py",),
    "radhard/samplers/score_classes.py": ("tests/samplers/test_guided.py",),
    "radhard/samplers": ("tests/samplers/test_strata.py", "tests/conformance/test_samplers.py"),
    "radhard/run_means.py": ("tests/test_results.py", "tests/test_post_strata.py"),
    "radhard/groups": ("tests/test_groups.py", "tests/test_post_strata.py"),
    "radhard/group_labels.py": ("tests/test_groups.py",),
    "radhard/verification": ("tests/verification/test_verification.py",),
    "radhard/engines/bracket/verdict_audit.py": ("tests/engines/test_hybrid.py",),
    "radhard/engines/bracket": ("tests/engines/test_bracket.py",),
    "radhard/engines/audit_draw.py": ("tests/engines/test_correction.py",),
    "radhard/engines/first_order": ("tests/engines/test_first_order.py",),
    "radhard/engines/folded": ("tests/engines/test_error_rates.py",),
    "radhard/engines/hybrid": ("tests/engines/test_hybrid.py",),
    "radhard/engines/replay": ("tests/engines/test_replay.py",),
    "radhard/replay": ("tests/replay/test_replayer.py",),
    "radhard/replay/recurrent": ("tests/engines/test_recurrent.py",),
    "radhard/analyses/deepvigor/plus": ("tests/analyses/deepvigor/plus/test_deep_vigor_plus.py",),
    "radhard/faults": ("tests/conformance/test_faults.py",),
    "radhard/formats/protected": ("tests/formats/protected/test_single_errors.py",),
    "radhard/formats": ("tests/conformance/test_formats.py",),
    "radhard/injection": ("tests/test_injection.py",),
}
"""Tests of a file or folder, beside its doctests and the test file at the same place in tests/."""

_COMPARISONS: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
}
_ARITHMETIC: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
}
_PAIRS = (
    ("min", "max"),
    ("minimum", "maximum"),
    ("amin", "amax"),
    ("fmin", "fmax"),
    ("any", "all"),
)
_NAMES = {a: b for pair in _PAIRS for a, b in (pair, pair[::-1])}
_ATTRIBUTES = {**_NAMES, "low": "high", "high": "low"}


NO_TESTS = 5
"""The exit code of pytest if it found no test to run."""


@dataclass(frozen=True)
class Mutant:
    """One expression of a file, ``source[start:end]`` in bytes, and what takes its place."""

    line: int
    start: int
    end: int
    old: str
    new: str

    def planted(self, source: bytes) -> bytes:
        """The file with the mutation in it."""
        return source[: self.start] + self.new.encode() + source[self.end :]


def mutants(source: bytes) -> list[Mutant]:
    """Every single mutation of a file that this script knows."""
    lines = [0]
    for line in source.splitlines(keepends=True):
        lines.append(lines[-1] + len(line))
    found = []
    for node in _expressions(ast.parse(source)):
        old = ast.unparse(node)
        bare = isinstance(node, ast.stmt | ast.Constant | ast.Attribute | ast.Name)
        for new in _changes(node):
            # Operators bind as they did, however many lines the expression takes.
            new = new if bare else f"({new})"
            start = lines[node.lineno - 1] + node.col_offset
            end = lines[node.end_lineno - 1] + node.end_col_offset
            found.append(Mutant(node.lineno, start, end, old, new))
    return found


def _expressions(node: ast.AST) -> Iterator[ast.expr | ast.AugAssign]:
    """Nodes with a place of their own in the text; none of types or decorators."""
    for name, value in ast.iter_fields(node):
        if name in ("annotation", "returns", "decorator_list"):
            continue
        for child in value if isinstance(value, list) else [value]:
            # The places of what stands in an f-string are not to be relied on before Python 3.12.
            if isinstance(child, ast.JoinedStr) or not isinstance(child, ast.AST):
                continue
            if isinstance(child, ast.expr | ast.AugAssign):
                yield child
            yield from _expressions(child)


def _changes(node: ast.expr | ast.AugAssign) -> Iterator[str]:
    """The texts of a node with one thing changed in it, and in nothing below it."""
    match node:
        case ast.Compare():
            for at, op in enumerate(node.ops):
                for other in _COMPARISONS.get(type(op), ()):
                    ops = [*node.ops[:at], other(), *node.ops[at + 1 :]]
                    yield ast.unparse(ast.Compare(node.left, ops, node.comparators))
        case ast.BinOp() if type(node.op) in _ARITHMETIC:
            yield ast.unparse(ast.BinOp(node.left, _ARITHMETIC[type(node.op)](), node.right))
        case ast.AugAssign() if type(node.op) in _ARITHMETIC:
            yield ast.unparse(ast.AugAssign(node.target, _ARITHMETIC[type(node.op)](), node.value))
        case ast.BoolOp():
            other_way = ast.Or() if isinstance(node.op, ast.And) else ast.And()
            yield ast.unparse(ast.BoolOp(other_way, node.values))
        case ast.Name() if node.id in _NAMES:
            yield _NAMES[node.id]
        case ast.Attribute() if node.attr in _ATTRIBUTES and isinstance(node.ctx, ast.Load):
            yield ast.unparse(ast.Attribute(node.value, _ATTRIBUTES[node.attr], node.ctx))
        case ast.Constant(value=bool()):
            yield repr(not node.value)
        case ast.Constant(value=int() | float()):
            yield repr(2 * node.value if node.value else 1)


def nearest(root: Path, module: str) -> list[str]:
    """The test files nearest to a module, the nearest first, and its doctests."""
    inner = Path(module).relative_to("radhard")
    mirrored = Path("tests") / inner.parent / f"test_{inner.name}"
    above = [module, *(str(folder) for folder in Path(module).parents)]
    others = next((NEAREST[name] for name in above if name in NEAREST), ())
    # Doctests come last: they show less than tests, and the first failure ends a run.
    return [
        *(str(test) for test in (mirrored, *map(Path, others)) if (root / test).exists()),
        module,
    ]


class UntestedError(Exception):
    """No test was found where the nearest ones are."""


def run(tree: Path, tests: list[str], limit: float | None = None) -> bool:
    """Whether tests pass in a copy of the tree; if they take longer than the limit they do not.

    Raises:
        UntestedError: there are none.
    """
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-n", "0", "-p", "no:cacheprovider"]
    env = {"OMP_NUM_THREADS": "1", **os.environ, "PYTHONPATH": str(tree)}
    try:
        done = subprocess.run(
            [*command, "--hypothesis-seed=0", *dict.fromkeys(tests)],
            cwd=tree, env=env, capture_output=True, text=True, timeout=limit, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return False
    if limit is None and done.returncode == NO_TESTS:
        raise UntestedError(", ".join(tests))
    if limit is None and done.returncode:
        sys.exit(f"without a mutation already, {' '.join(tests)} fail:\n{done.stdout[-2000:]}")
    return done.returncode == 0


def survivors(tree: Path, module: str, chosen: list[Mutant]) -> list[Mutant]:
    """Those mutants of a module with which its nearest tests pass."""
    path, tests = tree / module, nearest(tree, module)
    source, stat = path.read_bytes(), path.stat()
    begin = time.monotonic()
    run(tree, tests)
    limit, found = 60 + 10 * (time.monotonic() - begin), []
    for number, mutant in enumerate(chosen, 1):
        path.write_bytes(mutant.planted(source))
        # A compiled file is known by the second in which its source was written.
        os.utime(path, (stat.st_atime, stat.st_mtime + 10 * number))
        if run(tree, tests, limit):
            found.append(mutant)
    path.write_bytes(source)
    os.utime(path, (stat.st_atime, stat.st_mtime))
    return found


def main() -> None:
    form = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser("mutants", None, __doc__, EXAMPLES, formatter_class=form)
    parser.add_argument("modules", nargs="*", default=MODULES, help="files or folders")
    parser.add_argument("--number", type=int, default=3, help="mutants of each module (3)")
    parser.add_argument("--seed", type=int, default=0, help="chooses them (0)")
    parser.add_argument("--list", action="store_true", help="list them and run nothing")
    parser.add_argument("--root", type=Path, default=Path(__file__).parents[1], help="the checkout")
    given = parser.parse_args()
    if given.number < 1:
        parser.error(f"--number {given.number} plants nothing; give 1 or more")
    root = given.root.resolve()
    modules: list[str] = []
    for name in given.modules:
        files = sorted((root / name).rglob("*.py")) if (root / name).is_dir() else [root / name]
        inside = (root / name).resolve().is_relative_to(root / "radhard")
        if not inside or not all(file.is_file() for file in files):
            parser.error(f"{name} is no file or folder of the package; give such as radhard/stats")
        modules += [str(file.relative_to(root)) for file in files]
    planted = survived = 0
    untested: list[str] = []
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder) / "tree"
        if not given.list:
            shutil.copytree(root, tree, ignore=shutil.ignore_patterns(".*", "__pycache__"))
        for module in dict.fromkeys(modules):
            every = mutants((root / module).read_bytes())
            chance = random.Random(f"{given.seed} {module}")
            chosen = chance.sample(every, min(given.number, len(every)))
            chosen.sort(key=lambda mutant: (mutant.start, mutant.new))
            if not chosen:
                continue
            try:
                found = chosen if given.list else survivors(tree, module, chosen)
            except UntestedError as error:
                untested.append(module)
                print(
                    f"{module}: no mutant planted, as there is no quick test in {error}; "
                    "name one in NEAREST of scripts/mutants.py",
                    flush=True,
                )
                continue
            planted, survived = planted + len(chosen), survived + len(found)
            if not given.list:
                print(f"{module}: {len(chosen) - len(found)} of {len(chosen)} killed", flush=True)
            for mutant in found:
                print(f"{module}:{mutant.line}  {mutant.old} -> {mutant.new}", flush=True)
    if not given.list:
        print(f"{planted} mutants planted, {planted - survived} killed, {survived} survived")
    if untested:
        print(f"{len(untested)} modules without a near test: {', '.join(untested)}")


if __name__ == "__main__":
    main()
