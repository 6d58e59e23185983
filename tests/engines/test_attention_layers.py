"""Are faults in and around layers of attention those of the reference?"""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from radhard.engines import Replay
from radhard.faults import BitFlip
from radhard.forward import Forward, plain
from radhard.samplers import Uniform
from radhard.targets import Activations, Attention, Biases, KeyValueCache, Weights
from tests.engines.campaigns import campaign_of
from tests.engines.test_recurrent import check_same_harm
from tests.targets.attention_networks import Decoder, generated, prompts

TOKENS, SIZE, SAMPLES = 4, 8, 5


class Encoder(nn.Module):
    """Two layers of attention on embedded sequences."""

    def __init__(self, *, samples_first: bool = False) -> None:
        super().__init__()
        torch.manual_seed(3)
        self.samples_first = samples_first
        self.enter, self.fc = nn.Linear(3, SIZE), nn.Linear(SIZE, 3)
        self.learned = nn.Parameter(torch.randn(TOKENS, 1, SIZE))
        layer = nn.TransformerEncoderLayer(SIZE, 2, 12, batch_first=samples_first)
        self.layers = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.eval()

    def forward(self, x: Tensor) -> Tensor:
        y = self.enter(x)
        if self.samples_first:
            return self.fc(self.layers(y + self.learned.transpose(0, 1)).mean(1))
        return self.fc(self.layers(y.transpose(0, 1) + self.learned).mean(0))


def inputs() -> Tensor:
    return torch.randn(SAMPLES, TOKENS, 3, generator=torch.Generator().manual_seed(4))


def check_replayed(
    model: nn.Module, x: Any, target: Any, *, trials: int = 80, call: Forward = plain
) -> None:
    """Every fault is followed, and does what it does in complete passes."""
    one = campaign_of(model, x, target, Uniform(trials), fault=BitFlip(), call=call)
    session = Replay().open(one)
    assert not [note for note in session.notes if note.kind in ("serial", "no graph")]
    check_same_harm(one)


TARGETS = {
    "values of attention": Attention("*"),
    "activations": Activations("*"),
    "stored": [Weights("*"), Biases("*")],
}


@pytest.mark.parametrize("samples_first", [False, True], ids=["positions first", "samples first"])
@pytest.mark.parametrize("target", TARGETS)
def test_faults_in_encoders_are_those_of_the_reference(target, samples_first):
    check_replayed(Encoder(samples_first=samples_first), inputs(), TARGETS[target])


@pytest.mark.parametrize("samples_first", [False, True], ids=["positions first", "samples first"])
@pytest.mark.parametrize(
    "target", [Attention("*", sample="every"), Activations("*", sample="every")]
)
def test_faults_in_every_sample_are_those_of_the_reference(target, samples_first):
    check_replayed(Encoder(samples_first=samples_first), inputs(), target)


class MoreKeys(nn.Module):
    """Attention to learned keys and values, and to zeros, beside those of the sequence."""

    def __init__(self, *, samples_first: bool = True) -> None:
        super().__init__()
        torch.manual_seed(5)
        options = {"add_bias_kv": True, "add_zero_attn": True, "batch_first": samples_first}
        self.enter, self.fc = nn.Linear(3, SIZE), nn.Linear(SIZE, 3)
        self.attention = nn.MultiheadAttention(SIZE, 2, **options)
        self.samples_first = samples_first
        self.eval()

    def forward(self, x: Tensor) -> Tensor:
        y = self.enter(x) if self.samples_first else self.enter(x).transpose(0, 1)
        y, _ = self.attention(y, y, y, need_weights=False)
        return self.fc(y.mean(1 if self.samples_first else 0))


@pytest.mark.parametrize("samples_first", [False, True], ids=["positions first", "samples first"])
@pytest.mark.parametrize("target", TARGETS)
def test_faults_beside_learned_keys_are_those_of_the_reference(target, samples_first):
    check_replayed(MoreKeys(samples_first=samples_first), inputs(), TARGETS[target])


def chosen(model: nn.Module, tokens: Tensor) -> Tensor:
    """The last logits of a decoder that goes on with the most probable token, three times."""
    logits, cache = model(tokens)
    for _ in range(3):
        logits, cache = model(logits[:, -1:].argmax(-1), cache)
    return logits[:, -1]


@pytest.mark.parametrize("target", [KeyValueCache("*"), Attention("*"), Weights("*")])
def test_faults_may_change_the_tokens_that_follow(target):
    check_replayed(Decoder(), prompts(), target, call=chosen)


@pytest.mark.parametrize("sample", ["one", "every"])
@pytest.mark.parametrize("step", [0, 2])
def test_faults_in_key_value_caches_are_those_of_the_reference(step, sample):
    model, target = Decoder(), KeyValueCache("layers.*", step=step, sample=sample)

    def last(model: nn.Module, tokens: Tensor) -> Tensor:
        return generated(model, tokens)[:, -1]

    check_replayed(model, prompts(), target, call=last)
