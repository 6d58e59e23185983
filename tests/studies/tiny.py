"""Which small network and which findings do the tests of the studies look at?"""

from collections import OrderedDict
from collections.abc import Mapping

import numpy as np
import torch
from torch import nn

from radhard.cost import Overhead
from radhard.cost.operation_count import Cost
from radhard.datasets import Data
from radhard.studies import Network
from radhard.studies.error_rates import (
    ErrorRateCampaign,
    ErrorRateFindings,
    ErrorRateStudy,
    MeasuredVariant,
)

__all__ = ["fabricated", "tiny_network"]


def tiny_network(*, brief: bool = True) -> Network:
    """A convolution, two linear layers, two classes: is the left half brighter than the right?"""
    chance = torch.Generator().manual_seed(3)
    images = torch.rand(60, 1, 4, 4, generator=chance)
    labels = (images[..., :2].sum((1, 2, 3)) > images[..., 2:].sum((1, 2, 3))).long()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(5)
        model = nn.Sequential(
            OrderedDict(
                conv=nn.Conv2d(1, 3, 3, padding=1),
                relu1=nn.ReLU(),
                flatten=nn.Flatten(),
                fc1=nn.Linear(48, 6),
                relu2=nn.ReLU(),
                fc2=nn.Linear(6, 2),
            )
        )
        optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
        for _ in range(60):
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(images), labels).backward()
            optimizer.step()
    optimizer.zero_grad()
    train = Data(images[:40], labels[:40], "halves, train")
    test = Data(images[40:], labels[40:], "halves, test")
    return Network("tiny", "a tiny network", model.eval(), train, test, 12, brief=brief)


def fabricated(
    study: ErrorRateStudy,
    lost: Mapping[str, float],
    *,
    runs: int = 400,
    added: Mapping[str, tuple[int, ...]] | None = None,
    bits: Mapping[str, int] | None = None,
) -> ErrorRateFindings:
    """Findings in which a variant loses about so many points in every trial at every rate."""
    wave = 0.5 * np.sin(np.arange(runs) * 2.399963)
    rates = study.design.rates
    measured = {}
    for variant in study.design.variants:
        accuracy = 0.9 - (lost[variant.name] + wave) / 100
        campaign = ErrorRateCampaign(
            1000, dict.fromkeys(rates, 1.0), dict.fromkeys(rates, accuracy)
        )
        after = (bits or {}).get(variant.name, 1000)
        measured[variant.name] = MeasuredVariant(
            variant.hardening,
            np.ones(100, dtype=bool),
            0.9,
            Overhead(Cost(10, 0, 1000, 10), Cost(10, 0, after, 10)),
            (added or {}).get(variant.name, ()),
            campaign,
            campaign,
        )
    return ErrorRateFindings("made up", 100, measured)
