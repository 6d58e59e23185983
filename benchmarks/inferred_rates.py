"""Do intervals of rates with inferred verdicts contain the true rate, and how wide are they?"""

import warnings

import click
import numpy as np
import torch
from torch import nn

import radhard as rh
from benchmarks.document import put
from radhard import engines, faults, formats, metrics, samplers, targets

__all__ = ["main"]

ENGINES = (
    # Bounds that infer nearly everything, so that many verdicts are wrong.
    engines.FirstOrder(safety=1.0, reach=1e9, threshold=1.0),
    engines.Bracket(),
)
TRIALS = 400


def network(seed: int) -> tuple[nn.Module, rh.datasets.Data, rh.FaultSpace]:
    """Trained on random labels, so that its margins are small: even seeds dense, odd convolved."""
    torch.manual_seed(seed)
    dense = seed % 2 == 0
    shape = (6,) if dense else (1, 5, 5)
    layers: list[nn.Module]
    if dense:
        layers = [nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, 3)]
    else:
        layers = [nn.Conv2d(1, 3, 3), nn.ReLU(), nn.Flatten(), nn.Linear(27, 5), nn.ReLU()]
        layers.append(nn.Linear(5, 3))
    model = nn.Sequential(*layers)
    x, y = torch.randn(128, *shape), torch.randint(3, (128,))
    best = torch.optim.Adam(model.parameters(), 1e-2)
    for _ in range(40):
        best.zero_grad()
        nn.functional.cross_entropy(model(x), y).backward()
        best.step()
    model = model.half().float().eval()
    data = rh.datasets.Data(torch.randn(20, *shape))
    fault = faults.BitFlip(field=("sign", "exponent"))
    return model, data, rh.FaultSpace.of(model, targets.Weights("*"), fault, formats.Float16())


def ran(
    seed: int, engine: engines.Engine, sampler: samplers.Sampler, campaign_seed: int = 0
) -> rh.Results:
    """A campaign on that network."""
    model, data, space = network(seed)
    return rh.run(
        model,
        data,
        space,
        sampler,
        metrics=[metrics.Critical()],
        engine=engine,
        seed=campaign_seed,
        audit=0,
        progress=False,
    )


def signs(truth: dict[int, rh.Results], engine: engines.Engine) -> str:
    """On how many exhausted networks the rate is too low and too high, found and corrected."""
    counts = np.zeros((2, 2), dtype=int)
    for seed, exact in truth.items():
        found, true = ran(seed, engine, samplers.Exhaustive(), seed), exact.rate("critical").value
        for row, value in enumerate(
            (found.values("critical").mean(), found.rate("critical").value)
        ):
            counts[row] += value < true - 1e-12, value > true + 1e-12
    (low, high), (too_low, too_high) = counts.tolist()
    return f"{low} too low, {high} too high | {too_low} too low, {too_high} too high"


def held(exact: rh.Results, seed: int, engine: engines.Engine, campaigns: int) -> str:
    """How often the interval holds the true rate, and its width beside `Replay`'s."""
    true, values = exact.rate("critical").value, exact.values("critical")
    hits, widths = 0, []
    for campaign_seed in range(campaigns):
        rate = ran(seed, engine, samplers.Uniform(TRIALS), campaign_seed).rate("critical")
        hits += rate.low <= true <= rate.high
        drawn = samplers.Uniform(TRIALS).draw(exact.space, campaign_seed).at(np.arange(TRIALS))
        # What `Replay` finds of the same faults is what it found of all.
        plain = rh.stats.mean_share(values[drawn], population=len(values))
        widths.append((rate.high - rate.low, plain.high - plain.low))
    wide, narrow = np.mean(widths, axis=0).tolist()
    return (
        f"{100 * hits / campaigns:.1f} % | {100 * wide:.2f} points | {100 * narrow:.2f} points "
        f"| {wide / narrow:.2f}x"
    )


@click.command()
@click.option("--networks", default=20, help="Exhausted, to see on which side the errors are.")
@click.option("--campaigns", default=200, help="On each of two networks.")
@click.option("--document", is_flag=True, help="Put the tables into docs/statistics.md too.")
def main(networks: int, campaigns: int, document: bool) -> None:
    """Measure the rates of `Bracket` and of a rash `FirstOrder` beside what was exhausted."""
    torch.set_num_threads(1)
    warnings.simplefilter("ignore", rh.errors.RadhardWarning)
    truth = {n: ran(n, engines.Replay(), samplers.Exhaustive()) for n in range(networks)}
    lines = [
        f"| engine, {networks} networks exhausted | rate as found | corrected rate |",
        "|---|---|---|",
        *(f"| `{engine!r}` | {signs(truth, engine)} |" for engine in ENGINES),
        "",
        f"| engine, {campaigns} campaigns of {TRIALS} trials | network | interval holds | width "
        "| `Replay`'s | |",
        "|---|---|---|---|---|---|",
    ]
    for engine in ENGINES:
        for seed, kind in enumerate(("dense", "convolved")):
            row = held(truth[seed], seed, engine, campaigns)
            lines.append(f"| `{engine!r}` | {kind} | {row} |")
            click.echo(lines[-1], err=True)
    text = "\n".join(lines) + "\n"
    click.echo(text)
    if document:
        put("python -m benchmarks.inferred_rates", text, "statistics.md")


if __name__ == "__main__":
    main()
