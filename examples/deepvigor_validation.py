"""Do DeepVigor's ranges say what faults do? On the inputs analysed, and on others.

    python examples/deepvigor_validation.py lenet5 --analysed 500 --margin 0.01 --seed 0

Every layer is analysed by itself, so that its seconds (of one processor core) can be told.
"""

import argparse
import time

import torch
from scipy.stats import spearmanr
from torch import nn

from radhard import datasets, models
from radhard.analyses import DeepVigor, validate


def main() -> None:
    """Analyse, validate, print."""
    parser = argparse.ArgumentParser(description="Full validation of DeepVigor's ranges.")
    parser.add_argument("model", nargs="?", default="mlp", help="mlp or lenet5, both on MNIST")
    parser.add_argument("--analysed", type=int, default=500, help="training digits to analyse")
    parser.add_argument(
        "--neurons", type=float, help="share of each layer's neurons; all if left out"
    )
    parser.add_argument("--margin", type=float, default=0.01, help="of the sample size of faults")
    parser.add_argument("--faults", type=int, help="flips a layer, in the place of that size")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    torch.set_num_threads(1)

    model = models.load(given.model)
    analysed = datasets.load("mnist", split="train", n=given.analysed)
    unseen = datasets.load("mnist", split="test")
    kinds = (nn.Conv2d, nn.Linear)
    layers = [name for name, module in model.named_modules() if isinstance(module, kinds)]
    print(f"{given.model}: {len(analysed)} inputs analysed, {len(unseen)} others; {given.seed=}")
    vulnerable, harmful = [], []
    for layer in layers:
        analysis = DeepVigor(layers=layer, neurons=given.neurons)
        began = time.process_time()
        scores, ranges = analysis.scores_and_ranges(model, analysed, seed=given.seed)
        seconds = time.process_time() - began
        own = scores.at("tensor")[layer].item()
        print(
            f"\n{layer}: {len(ranges[layer].neurons):,} neurons, {seconds:.1f} s, "
            f"{ranges.forwards[layer]:.1f} forward passes a neuron, LVF {100 * own:.2f} %"
        )
        for data in (analysed, unseen):
            found = validate(
                ranges, model, data, margin=given.margin, n=given.faults, seed=given.seed
            )
            print(found)
            if data is analysed:
                vulnerable.append(own)
                harmful.append(found[layer].changed / found[layer].faults)
    order = spearmanr(vulnerable, harmful).statistic
    print(f"\nrank correlation of LVF with the share of critical faults by layer: {order:.2f}")


if __name__ == "__main__":
    main()
