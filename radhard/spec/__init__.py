"""How is a component written as text, and how is text parsed into a component?"""

from radhard.spec.call import MAX_DEPTH, MAX_LENGTH, Call, parse_call, read_call, short
from radhard.spec.family import Component, Family, component, misfit, named_in, near
from radhard.spec.frozen import FrozenDict

__all__ = [
    "MAX_DEPTH",
    "MAX_LENGTH",
    "Call",
    "Component",
    "Family",
    "FrozenDict",
    "component",
    "misfit",
    "named_in",
    "near",
    "parse_call",
    "read_call",
    "short",
]
