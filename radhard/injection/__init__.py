"""How are faults injected into a model and removed again?"""

from radhard.injection.coded_blocks import OUTCOMES, CodedBlocks, decode_blocks
from radhard.injection.corruption import Hits, corrupted, in_rounds
from radhard.injection.directions import DIRECTIONS, Directions
from radhard.injection.faulty_cells import cells_of
from radhard.injection.inject import (
    Injection,
    inject,
    inject_words,
    injecting,
    numbered,
    overwrite,
)
from radhard.injection.tensor_injection import TensorInjection, write
from radhard.injection.trial_words import TrialCells, TrialWords
from radhard.injection.write_faults import write_faults

__all__ = [
    "DIRECTIONS",
    "OUTCOMES",
    "CodedBlocks",
    "Directions",
    "Hits",
    "Injection",
    "TensorInjection",
    "TrialCells",
    "TrialWords",
    "cells_of",
    "corrupted",
    "decode_blocks",
    "in_rounds",
    "inject",
    "inject_words",
    "injecting",
    "numbered",
    "overwrite",
    "write",
    "write_faults",
]
