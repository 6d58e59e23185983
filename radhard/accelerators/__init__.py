"""Which sums of a layer does a register of an accelerator hold, and when?"""

from radhard.accelerators.base import ACCELERATORS, Accelerator, Register
from radhard.accelerators.integer_layer import IntegerLayer, grid_of, integer_layer
from radhard.accelerators.layer_product import LayerProduct, product_of
from radhard.accelerators.matrix_product import MatrixProduct
from radhard.accelerators.register_contents import RegisterContents
from radhard.accelerators.register_use import PermanentUse, RegisterUse
from radhard.accelerators.residency import STRUCTURES, Residency, Structure, residencies
from radhard.accelerators.systolic import Systolic

__all__ = [
    "ACCELERATORS",
    "STRUCTURES",
    "Accelerator",
    "IntegerLayer",
    "LayerProduct",
    "MatrixProduct",
    "PermanentUse",
    "Register",
    "RegisterContents",
    "RegisterUse",
    "Residency",
    "Structure",
    "Systolic",
    "grid_of",
    "integer_layer",
    "product_of",
    "residencies",
]
