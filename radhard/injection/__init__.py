"""How are faults injected into a model and removed again?"""

from radhard.injection.inject import Injection, inject, injecting, numbered, overwrite
from radhard.injection.strikes import Strikes

__all__ = ["Injection", "Strikes", "inject", "injecting", "numbered", "overwrite"]
