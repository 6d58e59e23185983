"""The engine that infers verdicts of faults with a first-order effect too small to matter."""

from radhard.engines.first_order.first_order import FirstOrder

__all__ = ["FirstOrder"]
