"""Is a model resilient enough, as an assertion for tests?"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from torch import nn

from radhard.arguments import named_options
from radhard.campaign import run
from radhard.forward import Forward, plain
from radhard.metrics import Metric
from radhard.narrowing import narrowing
from radhard.results import Results
from radhard.samplers import Sampler
from radhard.space import Fault, FaultSpace
from radhard.stats import LimitCheck

__all__ = ["assert_resilient"]


@named_options()
def assert_resilient(
    model: nn.Module | str,
    data: Any,
    space: FaultSpace | None = None,
    sampler: Sampler | str | Sequence[int | Fault] = "PerTensor(n=400)",
    *,
    max_rate: float | str,
    name: str | None = None,
    metrics: Metric | str | Sequence[Metric | str] | None = None,
    seed: int = 0,
    store: str | Path | None = None,
    call: Forward = plain,
    batch: int = 100,
    workers: int = 1,
    record: Callable[[str, object], object] | None = None,
) -> Results:
    """Run a campaign, and assert that the upper 95 % limit of a rate is at most ``max_rate``.

    The arguments are those of `radhard.run`, with its defaults: one flipped bit in a weight in
    ``Float32``. The campaign depends on the seed only, so that a test passes or fails always. With
    ``store``, a run file, a test is repeated in no time as long as model and data are the same.

    Args:
        max_rate: a share, such as 0.01 or "1%"; at several error rates, it holds for each.
        name: the figure, by default critical silent data corruption.
        record: is called with the name and the estimate of each rate, before it is judged.

    Returns:
        The results, for further assertions.

    Raises:
        AssertionError: the limit is missed. The message says by which rate, and whether more trials
            might show that it is kept.
        InputError: the input cannot be used.
    """
    __tracebackhide__ = True
    results = run(
        model,
        data,
        space,
        sampler,
        metrics=metrics,
        seed=seed,
        store=store,
        call=call,
        batch=batch,
        workers=workers,
        progress=False,
    )
    checks = results.checks(max_rate, name)
    if record is not None:
        for check in checks:
            record(check.name, str(check.estimate))
    missed = [check for check in checks if not check.passed]
    if missed:
        raise AssertionError("\n".join(_explained(check, results, name) for check in missed))
    return results


def _explained(check: LimitCheck, results: Results, name: str | None) -> str:
    """A missed limit, and whether the trials suffice to say that the rate is above it."""
    text = f"{check} ({check.estimate.trials:,} trials)"
    if check.estimate.low > check.limit:
        return text
    if check.estimate.value > check.limit:
        return f"{text}, and the lower limit is not: these trials do not tell whether the rate is"
    advice = None if results.by_rate else narrowing(results, name)
    more = "more trials" if advice is None else f"more trials (interval: {advice})"
    return f"{text}; the rate itself is below the limit, and {more} may show that it is kept"
