"""How vulnerable are the weights of a channel?"""

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from radhard.analyses.deepvigor.plus.asking import Asked, Case
from radhard.analyses.deepvigor.plus.counting import Shares, joined, settled_shares, shares
from radhard.analyses.deepvigor.plus.displacements import Displacements
from radhard.analyses.deepvigor.plus.drawing import Chance, Numbers, one_an_image, some
from radhard.analyses.deepvigor.plus.ladder import Grid, ladder, sure
from radhard.analyses.deepvigor.plus.products import Products
from radhard.analyses.deepvigor.plus.search import Settled
from radhard.analyses.deepvigor.plus.strata import Strata, strata_of
from radhard.analyses.deepvigor.plus.verdicts import Verdicts
from radhard.analyses.subject import Layer

__all__ = ["Filters"]

_PRODUCTS = 32
"""Products of a sum whose errors stand for all, in an image."""
_WORDS = 2**17
"""Words that are flipped at a time."""
_ERRORS = 2**22
"""Errors that are counted at a time."""
_POOLED = 2**14
"""Products whose errors stand for those of all positions and images together, about."""


@dataclass(frozen=True)
class Filters:
    """Faults in the weights of channels: a bit flip of one is an error all over the channel."""

    asked: Asked
    displacements: Displacements
    grid: Grid
    strict: bool
    own: bool
    """Errors as each image sees them and where it sees them; else all alike, and everywhere."""
    draws: int

    def verdicts(
        self, layer: Layer, products: Products, channels: Numbers, chance: Chance
    ) -> tuple[Verdicts, Strata | None]:
        """Of some channels, and what each row stands for, where they are not all alike."""
        strata = None
        if self.own and not products.scalar:
            case, rows, strata = self._patterns(layer, products, channels, chance)
        else:
            errors = self._errors(layer, products, channels, chance)
            rows = products.samples
            if self.own:
                steps = ladder(errors, self.grid, strict=self.strict)
            else:  # one distribution for all images
                steps = ladder(errors.reshape(len(channels), -1), self.grid, strict=self.strict)
                steps = steps.of(torch.arange(len(channels)).repeat_interleave(rows))
            samples = torch.arange(rows).repeat(len(channels))
            places = torch.from_numpy(channels).repeat_interleave(rows)
            case = Case(samples, places, steps)
        sure, positive, negative = self.asked.factors(layer.name, case)
        if self.own and products.scalar:
            found = self._every(layer, products, channels, positive, negative)
        else:
            found = settled_shares(sure, positive, negative)
        return Verdicts.of(positive, negative, found, rows), strata

    def _every(
        self,
        layer: Layer,
        products: Products,
        channels: Numbers,
        positive: Settled,
        negative: Settled,
    ) -> Shares:
        """From the errors of all products: where a row turns critical does not depend on them."""
        count, n = products.count, products.samples
        which = torch.arange(count)[None]
        step = max(1, _ERRORS // (count * self.displacements.variants))
        found = []
        for number, channel in enumerate(channels.tolist()):
            moved = self.displacements.of_weights(layer, channel * count + which)
            for samples in torch.split(torch.arange(n), step):
                at = samples[:, None]
                met = products.met(at, torch.tensor(channel), which, torch.zeros_like(which))
                rows = number * n + samples
                errors = times(moved, met)
                found.append(shares(errors, positive, negative, rows, strict=self.strict).mean())
        return joined(found)

    def _patterns(
        self, layer: Layer, products: Products, channels: Numbers, chance: Chance
    ) -> tuple[Case, int, Strata | None]:
        """One weight an image and draw, with the map that its error has there."""
        n, count = products.samples, products.count
        draws = min(self.draws, count)
        at = torch.from_numpy(channels)
        weights = products.weight[at].double().cpu().numpy()
        answers = np.tile(self.asked.probes.subject.answers.cpu().numpy(), draws)
        if draws == count:
            chosen = [np.repeat(np.arange(count), n) for _ in channels]
        else:
            chosen = [
                one_an_image(own, answers, chance.of(channel))
                for own, channel in zip(weights, channels.tolist(), strict=True)
            ]
        drawn = torch.from_numpy(np.concatenate(chosen))
        rows = n * draws
        places = torch.from_numpy(channels).repeat_interleave(rows)
        samples = torch.arange(n).repeat(draws * len(channels))
        errors = self.displacements.of_weights(layer, places * products.count + drawn)
        steps = ladder(errors, self.grid, strict=self.strict)
        case = Case(samples, places, steps, products.maps(samples, places, drawn))
        if draws == count:
            return case, rows, None
        assert case.maps is not None
        live = (case.maps != 0).flatten(1).any(1).cpu().numpy().reshape(-1, rows)
        pairs = [own * n + samples[:rows].numpy() for own in chosen]
        rising = np.take_along_axis(weights > 0, np.stack(chosen), axis=1)
        of = [strata_of(*each) for each in zip(pairs, live, rising, strict=True)]
        return case, rows, self._strata(layer, products, at, np.stack(of))

    def _strata(self, layer: Layer, products: Products, at: Tensor, of: Numbers) -> Strata:
        alive, weights = products.alive(at), products.weight[at]
        dead = (products.samples - alive).double()
        known = []
        words = at[:, None] * products.count + torch.arange(products.count)
        for some_words in torch.split(words, max(1, _WORDS // products.count)):
            moved = self.displacements.of_weights(layer, some_words)
            # What is infinite makes no number of a zero.
            lost = sure(moved, strict=self.strict) | moved.isinf()
            known.append(lost.double().mean(2))
        certain = (torch.cat(known) * dead).sum(1) / dead.sum(1).clamp(min=1)
        live = [(alive * (weights <= 0)).sum(1), (alive * (weights > 0)).sum(1)]
        sizes = torch.stack([dead.sum(1).long(), *live], dim=1)
        return Strata(of, sizes.cpu().numpy(), certain.cpu().numpy())

    def _errors(
        self, layer: Layer, products: Products, channels: Numbers, chance: Chance
    ) -> Tensor:
        """Errors of a channel's sums, ``(channels * samples, errors)`` for scalars, else pooled."""
        count, n = products.count, products.samples
        places = math.prod(products.positions)
        if products.scalar:
            drawn = [some(count, _PRODUCTS, n, chance.of(channel)) for channel in channels.tolist()]
            which = torch.from_numpy(np.concatenate(drawn))
            samples = torch.arange(n).repeat(len(channels))[:, None]
            at = torch.from_numpy(channels).repeat_interleave(n)[:, None]
            moved = self.displacements.of_weights(layer, at * count + which)
            met = products.met(samples, at, which, torch.zeros_like(which))
            return times(moved, met).flatten(1)
        each = max(1, min(places * n, _POOLED // count))
        seen = [some(places * n, each, count, chance.of(channel)) for channel in channels.tolist()]
        at = torch.from_numpy(channels)[:, None]
        which = torch.arange(count)[None]
        moved = self.displacements.of_weights(layer, at * count + which)
        spots = torch.from_numpy(np.stack(seen))
        met = products.met(spots // places, at[..., None], which[..., None], spots % places)
        return times(moved[:, :, None], met).reshape(len(channels), -1)


def times(moved: Tensor, met: Tensor) -> Tensor:
    """Errors of products ``(..., flips)``; what was no number stays none, whatever it meets."""
    return moved * met.double()[..., None]
