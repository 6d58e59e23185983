"""How is the cost of a hardening shown in a terminal?"""

from radhard.cli.estimate_table import plain_table
from radhard.cli.terminal import Terminal
from radhard.cost import Overhead

__all__ = ["show_cost"]


def show_cost(cost: Overhead, terminal: Terminal) -> None:
    """Print what the model stores and computes before and after, and how the time was measured."""
    table = plain_table("")
    table.add_column("", overflow="fold")
    for head in ("before", "after", "ratio"):
        table.add_column(head, justify="right", no_wrap=True, header_style="dim")
    for name, before, after, ratio in cost.rows():
        # The range of the time has a line of its own, since it is wider than a terminal.
        table.add_row(name, before, after, ratio.partition(" (")[0])
    terminal.show(table)
    if cost.time is not None:
        time = cost.time
        terminal.say(
            f"ratio of the times: range {time.low:.3f}x to {time.high:.3f}x over {time.basis}",
            "dim",
        )
