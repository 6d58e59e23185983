"""How many workers can one driver keep busy?

The costs of a chunk are measured here, on one machine: executing it in a worker, and all that the
driver does for it (sending it, receiving its result, writing the run file). A simulation of the
driver's queue then shows how the time of a run shrinks with the number of workers.
"""

import heapq
import os
import pickle
import statistics
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import matplotlib.pyplot as plt
import numpy as np
import torch

from benchmarks.document import DOCUMENTS, put, table
from radhard import models
from radhard.datasets import load
from radhard.engines import ENGINES, Campaign, Engine
from radhard.engines.base import TrialResults
from radhard.faults import BitFlip
from radhard.formats import Float32
from radhard.metrics import Outcome, Panel
from radhard.samplers import PerTensor
from radhard.space import FaultSpace
from radhard.store import Store
from radhard.targets import Weights
from radhard.workload import Workload

__all__ = ["Costs", "efficiency", "main"]

CAMPAIGNS = {
    "lenet5": ("mnist", 100, "Serial()", 200),
    "lenet5 ": ("mnist", 100, "Replay()", 2000),
    "resnet20": ("photo_patches", 100, "Serial()", 20),
    "resnet20 ": ("photo_patches", 100, "Replay()", 200),
}
"""By network: data, samples, engine, trials a tensor."""

MEASURED = 12
"""Chunks whose time is measured."""

WORKERS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000]

AHEAD = 2
"""Chunks that are assigned to a worker at a time."""


@dataclass(frozen=True)
class Costs:
    """Processor seconds of one chunk, and its number of trials."""

    name: str
    trials: float
    execute: float
    """In a worker."""
    store: float
    """In the driver: rows, checksums and their share of a commit."""
    send: float
    """In the driver: a task sent, its result received and deserialized."""

    @property
    def driver(self) -> float:
        """All that the driver does for a chunk."""
        return self.store + self.send

    @property
    def most(self) -> float:
        """Workers above which the driver is the bottleneck."""
        return self.execute / self.driver


def efficiency(execute: float, driver: float, workers: int, chunks: int) -> float:
    """Speed-up of ``workers`` workers divided by their number, by simulation of the driver's queue.

    The driver handles one result at a time, in order of arrival, and sends that worker its next
    chunk; each worker has two chunks assigned, so it need not wait for the driver in between.

    >>> efficiency(1.0, 0.001, workers=1, chunks=100) > 0.99
    True
    >>> round(efficiency(1.0, 0.01, workers=1000, chunks=100_000), 2)  # at most 100 are busy
    0.1
    """
    arrivals: list[tuple[float, int]] = []
    waiting = [0] * workers  # chunks assigned to each worker beside the one that it executes
    sent, clock = 0, 0.0
    for _ in range(AHEAD):
        for worker in range(workers):
            if sent == chunks:
                break
            clock += driver / 2  # sending
            sent += 1
            if waiting[worker] == 0 and len(arrivals) < workers:
                heapq.heappush(arrivals, (clock + execute, worker))
                waiting[worker] = 1
            else:
                waiting[worker] += 1
    done = 0
    while done < chunks:
        arrived, worker = heapq.heappop(arrivals)
        waiting[worker] -= 1
        if waiting[worker]:
            heapq.heappush(arrivals, (arrived + execute, worker))
        clock = max(clock, arrived) + driver
        done += 1
        if sent < chunks:
            sent += 1
            waiting[worker] += 1
            if waiting[worker] == 1:  # it was idle
                heapq.heappush(arrivals, (clock + execute, worker))
    return chunks * execute / (clock * workers)


def measured(name: str, send: float) -> Costs:
    """The costs of a chunk of a campaign."""
    data, samples, engine, each = CAMPAIGNS[name]
    network = name.strip()
    model = models.load(network)
    given = load(data, split="test").first(samples)
    space = FaultSpace.of(model, Weights("*"), BitFlip(), Float32())
    workload = Workload.of(model, given)
    with workload.open():
        panel = Panel([Outcome()], workload.golden, workload.data.labels)
        campaign = Campaign(workload, space, PerTensor(each).draw(space, 0), panel)
        component: Engine = ENGINES.parse(engine)
        session = component.open(campaign)
        chunks = list(session.chunks())
        picked = np.random.default_rng(0).choice(len(chunks), min(MEASURED, len(chunks)), False)
        parts: list[TrialResults] = []
        seconds = []
        for at in picked.tolist():
            began = time.process_time()
            parts += list(session.run(chunks[at]))
            seconds.append(time.process_time() - began)
        trials = statistics.mean(len(chunks[at]) for at in picked.tolist())
        store = _stored(campaign, parts) / len(picked)
    return Costs(f"{network}, {engine}", trials, statistics.mean(seconds), store, send)


def _stored(campaign: Campaign, parts: list[TrialResults]) -> float:
    """Processor seconds for writing parts to a run file."""
    with (
        tempfile.TemporaryDirectory() as folder,
        Store(Path(folder) / "run.db", write=True) as file,
    ):
        file.begin({"space": campaign.space.to_dict()}, campaign.panel.columns)
        began = time.process_time()
        for part in parts:
            file.add(campaign.rows(part.numbers, part.figures))
        file.commit()
        return time.process_time() - began


def sending(tasks: int = 300) -> float:
    """Processor seconds of the driver for sending a task and receiving its result, by Ray."""
    import ray

    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    ray.init(num_cpus=1, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    try:
        part = TrialResults(list(range(64)), np.zeros((64, 4)))

        class Echo:
            def run(self, chunk: list[int]) -> list[Any]:  # noqa: ARG002
                return [part]

        actor = ray.remote(num_cpus=1)(Echo).remote()
        ray.get(actor.run.remote([0]))
        began = time.process_time()
        results = [actor.run.remote(list(range(64))) for _ in range(tasks)]
        for result in results:
            ray.wait([result], num_returns=1)
            pickle.dumps(ray.get(result))
        return (time.process_time() - began) / tasks
    finally:
        ray.shutdown()


def figure(costs: list[Costs], path: Path) -> None:
    """The efficiency over the number of workers."""
    plt.rcParams["svg.hashsalt"] = "radhard"
    fig, axes = plt.subplots(figsize=(6.4, 3.6))
    for cost in costs:
        values = [efficiency(cost.execute, cost.driver, w, max(4 * w, 200)) for w in WORKERS]
        axes.semilogx(WORKERS, [100 * v for v in values], marker="o", ms=3, label=cost.name)
    axes.set(xlabel="workers", ylabel="efficiency (%)", ylim=(0, 105))
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8)
    fig.tight_layout()
    fig.savefig(path, metadata={"Date": None})


@click.command()
@click.option("--document", is_flag=True, help="Write table and figure into docs/clusters.md.")
def main(document: bool) -> None:
    """Measure chunks, and simulate a driver with up to 10,000 workers."""
    torch.set_num_threads(1)
    send = sending()
    costs = [measured(name, send) for name in CAMPAIGNS]
    rows = [
        [
            cost.name,
            f"{cost.trials:.0f}",
            f"{1e3 * cost.execute:.1f} ms",
            f"{1e3 * cost.store:.2f} ms",
            f"{1e3 * cost.send:.2f} ms",
            f"{cost.most:,.0f}",
            f"{efficiency(cost.execute, cost.driver, 1000, 4000):.0%}",
        ]
        for cost in costs
    ]
    heads = [
        "campaign",
        "trials a chunk",
        "executing it",
        "writing it",
        "sending and receiving it",
        "most workers",
        "efficiency of 1,000",
    ]
    text = "\n".join(table(heads, rows)) + "\n"
    click.echo(text)
    if document:
        put("cluster", text, page="clusters.md")
        figure(costs, DOCUMENTS / "clusters.svg")


if __name__ == "__main__":
    main()
