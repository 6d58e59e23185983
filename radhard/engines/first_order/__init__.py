"""The engine that settles faults whose first-order effect is too small to change an answer."""

from radhard.engines.first_order.first_order import FirstOrder

__all__ = ["FirstOrder"]
