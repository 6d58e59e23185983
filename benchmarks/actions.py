"""What is timed in two revisions?

Everything here, and in the modules of benchmarks that it imports, runs against both. It therefore
uses nothing of radhard but names that users have too.
"""

import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import radhard as rh
from benchmarks.default_rows import DEFAULT
from benchmarks.engine import call
from benchmarks.error_rate_rows import ERROR_RATES
from benchmarks.row import Row, Work
from benchmarks.rows import EXHAUSTIVE, ROWS, WORKERS, lenet5, resnet20
from benchmarks.vgg11 import trained_vgg11
from radhard import analyses, datasets, faults, formats, hardenings, targets

__all__ = ["ACTIONS", "Action", "Timed"]

_LONG = ("default-resnet20-long", "default-error-rate")

Timed = Callable[[], object]
"""Returns results or scores, whose values are compared, or anything else."""


@dataclass(frozen=True)
class Action:
    """Something a user does, made ready outside the clock."""

    name: str
    words: str
    ready: Callable[[bool], Timed]
    """Given whether it should be quick."""
    full_only: bool = False


def _campaigns() -> Iterator[Action]:
    """The rows of the table of engines, each a whole call of ``radhard.run``."""

    def whole(row: Row) -> Callable[[bool], Timed]:
        options = {"workers": 2} if row is WORKERS else {}

        def ready(quick: bool) -> Timed:
            work, trials = row.make(quick), row.size(quick).trials
            return lambda: call(row, work, trials, **options).results

        return ready

    for row in (*ROWS, *ERROR_RATES, WORKERS, EXHAUSTIVE, *DEFAULT):
        words = "ResNet-20, one weight bit, 2 workers" if row is WORKERS else row.words
        # The quick sizes of the default are no smaller: most of its time is not that of trials.
        yield Action(row.name, f"{words}: {row.engine}", whole(row), row.name in _LONG)


def _set_ups() -> Iterator[Action]:
    """Campaigns of two trials (two words for ``Bracket``): nearly all of it is set-up."""
    engines = {
        "serial": "Serial()",
        "replay": "Replay()",
        "folded": "Folded()",
        "bracket": "Bracket()",
        "first-order": "FirstOrder()",
    }
    networks = {"lenet5": ("LeNet-5", lenet5), "resnet20": ("ResNet-20", resnet20)}

    def campaign(network: str, engine: str, target: targets.Target) -> Callable[[bool], Timed]:
        def ready(_: bool) -> Timed:
            work = Work.of(*networks[network][1](), target)
            sampler = "Words(2)" if engine == "Bracket()" else "Uniform(2)"
            return lambda: rh.run(
                work.model,
                work.data,
                work.space,
                sampler,
                metrics="Critical()",
                engine=engine,
                seed=1,
                progress=False,
                audit=0,
            )

        return ready

    for network, name, target in (
        *(("lenet5", name, "Weights") for name in engines),
        ("lenet5", "replay", "Activations"),
        ("resnet20", "replay", "Weights"),
        ("resnet20", "first-order", "Weights"),
    ):
        engine = engines[name]
        what = {"Weights": targets.Weights("*"), "Activations": targets.Activations("*")}[target]
        yield Action(
            f"set-up-{network}-{name}" + ("-activations" if target == "Activations" else ""),
            f"{networks[network][0]}, 2 trials, {target.lower()}: {engine}",
            campaign(network, engine, what),
        )


def _spaces() -> Iterator[Action]:
    def space(target: targets.Target) -> Callable[[bool], Timed]:
        def ready(_: bool) -> Timed:
            model, data = resnet20()
            flip, words = faults.BitFlip(), formats.Float32()
            return lambda: rh.FaultSpace.of(model.eval(), target, flip, words, data=data)

        return ready

    yield Action("space-weights", "ResNet-20, space of weights", space(targets.Weights("*")))
    yield Action(
        "space-activations", "ResNet-20, space of activations", space(targets.Activations("*"))
    )


def _analyses() -> Iterator[Action]:
    def scores(analysis: Callable[[], Any], samples: int) -> Callable[[bool], Timed]:
        def ready(_: bool) -> Timed:
            model, data = rh.models.load("lenet5"), datasets.load("mnist", n=samples)
            return lambda: analysis()(model, data, seed=0, progress=False)

        return ready

    def vgg11(_: bool) -> Timed:
        model, data = trained_vgg11(), datasets.photo_patches(split="test", n=100)
        return lambda: analyses.DeepVigorPlus(channels=0.1)(model, data, seed=0, progress=False)

    yield Action(
        "analysis-gain", "LeNet-5: VulnerabilityGain", scores(analyses.VulnerabilityGain, 100)
    )
    yield Action(
        "analysis-deepvigor",
        "LeNet-5, 2 neurons a layer, 10 samples: DeepVigor",
        scores(lambda: analyses.DeepVigor(neurons=2), 10),
    )
    yield Action(
        "analysis-deepvigor-plus",
        "LeNet-5, a fifth of the channels, 10 samples: DeepVigorPlus",
        scores(lambda: analyses.DeepVigorPlus(channels=0.2), 10),
    )
    yield Action(
        "vgg11-deepvigor-plus",
        "VGG-11, a tenth of the channels, 100 samples: DeepVigorPlus",
        vgg11,
        full_only=True,
    )


def _hardenings() -> Iterator[Action]:
    def hardened(hardening: Callable[[], Any]) -> Callable[[bool], Timed]:
        def ready(_: bool) -> Timed:
            model, data = lenet5()
            scores = analyses.MaxValue()(model, data, progress=False)
            return lambda: hardening()(model, data, scores, progress=False)

        return ready

    yield Action("hardening-ranger", "LeNet-5: Ranger", hardened(hardenings.Ranger))
    yield Action(
        "hardening-duplication",
        "LeNet-5: ChannelDuplication",
        hardened(hardenings.ChannelDuplication),
    )


def _starts() -> Iterator[Action]:
    def command(*arguments: str) -> Callable[[bool], Timed]:
        def timed() -> None:
            subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL)

        return lambda _: timed

    yield Action("start-import", "import radhard", command("-c", "import radhard"))
    yield Action("start-help", "radhard --help", command("-m", "radhard", "--help"))


ACTIONS = {
    action.name: action
    for made in (_campaigns, _set_ups, _spaces, _analyses, _hardenings, _starts)
    for action in made()
}
"""By name, in the order of the table."""
