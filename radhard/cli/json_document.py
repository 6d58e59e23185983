"""How is the JSON object of a command written?"""

import math
from collections.abc import Mapping
from typing import Any

import click

__all__ = ["SCHEMA", "json_document"]

SCHEMA = 1
"""The version of docs/json.md that objects follow; a later one has other names or units."""


def json_document(facts: Mapping[str, Any]) -> str:
    """The facts of the present command as JSON, with the schema and the verb in front.

    Numbers that JSON lacks, NaN and infinity, become null.
    """
    import json  # only where it is used, as all commands are imported for any of them

    context = click.get_current_context(silent=True)
    head = {
        "schema": SCHEMA,
        "verb": "" if context is None else str(context.info_name).rpartition(" ")[2],
    }
    return json.dumps(_finite({**head, **facts}), indent=2, ensure_ascii=True, allow_nan=False)


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): _finite(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(part) for part in value]
    return value
