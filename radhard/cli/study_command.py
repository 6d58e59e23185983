"""The verb ``study``: reproduce a table or figure of a paper."""

from pathlib import Path
from typing import Any

import click

from radhard.cli.import_collection import imports_uncollected
from radhard.cli.parameter_types import PROCESSES, WholeNumber

__all__ = ["study"]


@click.command(short_help="Reproduce a table or figure of a paper.")
@click.argument("name", required=False)
@click.option(
    "--network",
    "networks",
    multiple=True,
    help="A network, or your own as file.py:function; may be repeated.  [all]",
)
@click.option("--runs", type=WholeNumber(1), help="Trials at each error rate.  [200]")
@click.option("--images", type=WholeNumber(1), help="Test images per trial.")
@click.option("--seed", type=WholeNumber(0), default=0, show_default=True, help="Random seed.")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    default="docs/studies",
    show_default=True,
    help="Folder for the page, its figures and numbers.",
)
@click.option(
    "--store", type=click.Path(path_type=Path), help="Folder of run files; continued from there."
)
@click.option(
    "--cache", type=click.Path(path_type=Path), help="Folder for weights trained for studies."
)
@click.option(
    "--no-time", "timed", flag_value=False, default=True, type=bool, help="Do not measure the time."
)
@click.option("--quick", is_flag=True, help="Only a few of the error rates or flips.")
@click.option("--workers", type=PROCESSES, help="Processes.  [1]")
def study(**options: Any) -> int:
    """Reproduce the tables and figures of a paper's study, and test its claims one by one.

    The same faults are injected into each variant of a network, and also faults in everything that
    the variant stores itself, at the paper's bit error rates. A page with all figures and their
    intervals, the figures as SVG and the numbers as JSON are written to --output. With --store an
    interrupted study is continued. Without NAME the studies are listed.

    NAME is one of the listed studies, or your own: file.py:function that returns a Study.
    vulnerability-pruning injects no faults and evaluates all test images, so it takes no --runs,
    --images, --store, --no-time and --workers. data-encoding, encoding-instances and guided-ecc
    measure no time, so they take no --no-time, and neither do exhausted-resnet20, gait,
    ground-truth and stagenet; --quick is an option of data-encoding, exhausted-resnet20, gait,
    ground-truth, guided-ecc, hybrid-systolic, lstm-hamming, memory-codes, qdeepvigor-protection and
    stagenet only; --runs of guided-ecc is the number of bits that are flipped in each format, of
    lstm-hamming the trials at each number of flips, of hybrid-systolic those in each register of
    each layer, of qdeepvigor-protection those in critical neurons, and of ground-truth and
    exhausted-resnet20 the simulated campaigns of each estimator; their tables are kept in --store,
    or in the user's cache. The sentiment networks of lstm-hamming need the
    file vaderSentiment-3.3.2.tar.gz in the folder of --cache.

    \b
    Examples:
      radhard study
      radhard study activation-bounds --network lenet5 --store runs/studies
      radhard study channel-duplication --runs 500 --seed 1 -o pages/ --store runs/studies
      radhard study vulnerability-pruning --network lenet5
      radhard study data-encoding --network lenet5 --quick
      radhard study mine.py:my_study --network mine.py:my_network
    """
    with imports_uncollected():
        from radhard.cli.actions.study_action import StudyAction

    return StudyAction(**options).carry_out()
