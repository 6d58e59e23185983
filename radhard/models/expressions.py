"""Which expressions in an exported graph are harmless?"""

import ast
import re
from typing import Any, TypeGuard

__all__ = ["DOTTED", "TEXT", "Harmful", "arithmetic", "condition", "matching"]


class Harmful(Exception):  # noqa: N818
    """What was found, in words that follow "it holds"."""


# Such text becomes attribute look-ups, Python source and sympy expressions. So it is checked by
# what is allowed: names, plain words, arithmetic; no quotes, brackets or backslashes in words.
DOTTED = re.compile(r"[\w.]*", re.ASCII)
TEXT = re.compile(r"[\w .,+\->]*", re.ASCII)

SYMBOL = re.compile(r"[suz]f?\d+|oo|int_oo|nan|true|false", re.ASCII)
FUNCTIONS = set(
    re.findall(
        r"\w+",
        "Symbol Integer Float Rational Add Mul Pow Max Min Abs Eq Ne Lt Le Gt Ge And Or Not "
        "Equality Unequality StrictLessThan LessThan StrictGreaterThan GreaterThan "
        "FloorDiv ModularIndexing Where PythonMod Mod CleanDiv CeilToInt FloorToInt CeilDiv LShift "
        "RShift PowByNatural FloatPow FloatTrueDiv IntTrueDiv IsNonOverlappingAndDenseIndicator "
        "TruncToFloat TruncToInt RoundToInt RoundDecimal ToFloat Identity",
    )
)
ARITHMETIC = (
    *(ast.Expression, ast.Constant, ast.Name, ast.Load, ast.Call, ast.keyword),
    *(ast.BinOp, ast.UnaryOp, ast.BoolOp, ast.Compare),
    *(ast.operator, ast.unaryop, ast.boolop, ast.cmpop),
)


MEASURES = ("size", "stride", "storage_offset")


def matching(pattern: re.Pattern[str], text: Any) -> str:
    """The text, if it is of a pattern that cannot be anything but a name or plain words."""
    if not isinstance(text, str) or not pattern.fullmatch(text):
        raise Harmful(f"unusual text ({text!r:.60})")
    return text


def arithmetic(text: str) -> str:
    """The expression, which sympy will evaluate, if it is arithmetic on sizes."""
    for node in ast.walk(_parsed(text)):
        if not isinstance(node, ARITHMETIC):
            raise Harmful(f"an expression that is not arithmetic ({text!r:.60})")
        # A name that is none of these would be looked up by sympy, in Python's own names as well.
        if isinstance(node, ast.Name) and not (node.id in FUNCTIONS or SYMBOL.fullmatch(node.id)):
            raise Harmful(f"an expression with {node.id!r}")
        if isinstance(node, ast.Call):
            if not isinstance(node.func, ast.Name) or node.func.id not in FUNCTIONS:
                raise Harmful(f"an expression that is not arithmetic ({text!r:.60})")
            # Other functions would evaluate text arguments.
            if any(map(_is_text, node.args)) and node.func.id not in ("Symbol", "Float"):
                raise Harmful(f"an expression with text ({text!r:.60})")
        if _is_text(node):
            matching(DOTTED, node.value)
    return text


def condition(text: str) -> str:
    """The condition on inputs, which becomes Python source, if it compares sizes."""
    allowed = (*ARITHMETIC, ast.Subscript, ast.Attribute)
    for node in ast.walk(_parsed(text)):
        if not isinstance(node, allowed):
            raise Harmful(f"a condition that is not arithmetic ({text!r:.60})")
        if isinstance(node, ast.Attribute) and node.attr not in MEASURES:
            raise Harmful(f"a condition that uses {node.attr!r}")
        if isinstance(node, ast.Name) and node.id not in FUNCTIONS | {"L"}:
            raise Harmful(f"a condition that uses {node.id!r}")
        if _is_text(node):
            matching(DOTTED, node.value)
    return text


def _is_text(node: ast.AST) -> TypeGuard[ast.Constant]:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def _parsed(text: str) -> ast.Expression:
    # Deeply nested text exhausts the parser before anything is looked at.
    if not isinstance(text, str) or not text.isascii() or len(text) > 10_000 or "\n" in text:
        raise Harmful(f"unusual text ({text!r:.60})")
    try:
        return ast.parse(text, mode="eval")
    except (SyntaxError, ValueError, MemoryError):
        raise Harmful(f"an expression that cannot be read ({text!r:.60})") from None
