"""Which figures are drawn in reports?"""

from radhard.report.figures.bars import bars
from radhard.report.figures.bits import Bit, bits
from radhard.report.figures.curves import Curve, curves
from radhard.report.figures.dumbbells import dumbbells
from radhard.report.figures.forest_plot import forest
from radhard.report.figures.grid import Grid, grid
from radhard.report.figures.histogram import histogram
from radhard.report.figures.network import LayerBlock, network
from radhard.report.figures.pareto import ParetoPoint, pareto
from radhard.report.figures.ranked import Bar, ranked
from radhard.report.figures.sample_rates import sample_rates
from radhard.report.figures.scatter import ScoreGroup, scatter
from radhard.report.figures.shades import Shades
from radhard.report.figures.strips import strips
from radhard.report.figures.svg import svg
from radhard.report.figures.zones import Zone, zones

__all__ = [
    "Bar",
    "Bit",
    "Curve",
    "Grid",
    "LayerBlock",
    "ParetoPoint",
    "ScoreGroup",
    "Shades",
    "Zone",
    "bars",
    "bits",
    "curves",
    "dumbbells",
    "forest",
    "grid",
    "histogram",
    "network",
    "pareto",
    "ranked",
    "sample_rates",
    "scatter",
    "strips",
    "svg",
    "zones",
]
