"""How is a network pruned by every ranking at every ratio, and evaluated?"""

from collections.abc import Iterator
from itertools import chain

import numpy as np
from numpy.typing import NDArray
from torch import nn

from radhard.cost import cost
from radhard.hardenings import UnhardenedError, VulnerabilityPruning
from radhard.scores import Scores
from radhard.studies.correct_answers import correct_answers
from radhard.studies.networks import Network
from radhard.studies.pruning.pruning_design import PruningDesign, Ranking
from radhard.studies.pruning.pruning_findings import Cut, Pair, Place, PruningFindings, pair_of
from radhard.studies.study import Plan

__all__ = ["measure_cuts"]

_BATCH = 100
_PLACES: tuple[Place, ...] = ("convolutions", "linear layers", "both")


def measure_cuts(design: PruningDesign, network: Network, plan: Plan) -> PruningFindings:
    """Every cut of a design on one network, without and with fine-tuning; the network stays whole.

    Raises:
        InputError: the network cannot be pruned.
    """
    before = cost(network.model, network.test)
    places = _places(design, network, before.parameters)
    cuts = chain.from_iterable(
        _by(design, network, ranking, places, plan)
        for ranking in design.rankings
        if ranking.brief or not network.brief
    )
    right = correct_answers(network.model, network.test)
    half = _half(len(right), plan.seed)
    return PruningFindings(network.name, right, before, places, design.ratios, tuple(cuts), half)


def _half(images: int, seed: int) -> NDArray[np.bool_]:
    """Half the images, by chance: the order of a test set may follow its classes."""
    half = np.zeros(images, dtype=bool)
    half[np.random.default_rng((seed, images)).permutation(images)[: images // 2]] = True
    return half


def _places(design: PruningDesign, network: Network, all_parameters: int) -> tuple[Place, ...]:
    """Kinds of layers from which something can be taken; both only where there is some of each."""
    places = []
    for place in _PLACES[:2]:
        conv, linear = pair_of(place, max(design.ratios))
        hardening = VulnerabilityPruning(conv=conv, linear=linear, by="l1")
        try:
            made = hardening(network.model, network.train.first(1), progress=False)
        except UnhardenedError:
            continue
        if cost(made, network.test).parameters < all_parameters:
            places.append(place)
    return _PLACES if len(places) == 2 else tuple(places)


def _by(
    design: PruningDesign,
    network: Network,
    ranking: Ranking,
    places: tuple[Place, ...],
    plan: Plan,
) -> Iterator[Cut]:
    pairs = [pair_of(place, ratio) for place in places for ratio in design.ratios]
    if len(places) == len(_PLACES) and ranking.by != "random":
        pairs += [pair for pair in design.more if pair not in pairs]
    for draw in range(ranking.draws):
        plan.report(
            f"{network.name}: {ranking.name}" + (f" {draw + 1}" if ranking.draws > 1 else "")
        )
        scores = _scores(design, network, ranking, draw, plan)
        for pair in pairs:
            bare, tuned = (_made(design, network, scores, pair, how, plan) for how in (False, True))
            size = cost(bare, network.test)  # fine-tuning changes no shape
            for made in (bare, tuned):
                right = correct_answers(made, network.test)
                yield Cut(ranking.name, pair, made is tuned, draw, right, size)


def _made(
    design: PruningDesign,
    network: Network,
    scores: Scores | None,
    pair: Pair,
    tuned: bool,
    plan: Plan,
) -> nn.Module:
    tuning = design.tuning
    hardening = VulnerabilityPruning(
        conv=pair[0],
        linear=pair[1],
        by="l1" if scores is None else "scores",
        finetune=tuning.epochs if tuned else 0,
        rate=tuning.rate,
    )
    # What is cut does not depend on the data, so that one image does.
    images = min(tuning.images, len(network.train)) if tuned else 1
    try:
        return hardening(
            network.model,
            network.train.first(images),
            scores,
            batch=tuning.batch,
            seed=plan.seed,
            progress=False,
        )
    except UnhardenedError:
        return network.model  # the ratio of the channels is less than one


def _scores(
    design: PruningDesign, network: Network, ranking: Ranking, draw: int, plan: Plan
) -> Scores | None:
    """What ranks the channels; None where their weights alone do."""
    if ranking.by == "l1":
        return None
    if ranking.by == "random":
        rng = np.random.default_rng((plan.seed, draw))
        values = {
            name: rng.random(len(parameter))
            for name, parameter in network.model.named_parameters()
            if parameter.ndim > 1
        }
        return Scores(f"chance, draw {draw}", "channel", values)
    data = network.train.first(min(design.scored, len(network.train)))
    return ranking.by(network.model, data, batch=_BATCH, seed=plan.seed)
