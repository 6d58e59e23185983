"""How does a model behave whose weights and activations are words of a narrow format?"""

from radhard.quantization.calibration import quantized
from radhard.quantization.fidelity import Fidelity, fidelity
from radhard.rounding import format_of

__all__ = ["Fidelity", "fidelity", "format_of", "quantized"]
