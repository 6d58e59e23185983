"""What does the eye see at once?"""

from radhard.report.figures.bars import bars
from radhard.report.figures.bits import Bit, bits
from radhard.report.figures.curves import Curve, curves
from radhard.report.figures.forest import forest
from radhard.report.figures.grid import Grid, grid
from radhard.report.figures.svg import svg

__all__ = ["Bit", "Curve", "Grid", "bars", "bits", "curves", "forest", "grid", "svg"]
