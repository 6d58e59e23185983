"""Are the most vulnerable words protected, and only these?"""

import numpy as np
import pytest
import torch
from torch import nn

from radhard.analyses import MaxValue
from radhard.campaign import run
from radhard.cost import cost
from radhard.errors import InputError
from radhard.faults import BitFlip
from radhard.formats import CheckWord, Fixed, Float32, Hamming, InPlaceHamming, SecDed, stored_as
from radhard.hardenings import SelectiveEcc, load, parts, records, save
from radhard.hardenings.part import Part
from radhard.injection import inject
from radhard.manifest import fingerprint
from radhard.samplers import ErrorRate, Uniform
from radhard.scores import Scores
from radhard.space import FaultSpace
from radhard.targets import Buffers, Weights
from tests.conformance.hardening_subject import network, samples

SIGNATURE = SecDed(CheckWord(8), block=8)


def element_scores(model: nn.Module) -> Scores:
    """The magnitude of every weight."""
    values = {
        name: tensor.detach().abs().double().numpy()
        for name, tensor in model.named_parameters()
        if "weight" in name
    }
    return Scores("Magnitude()", "element", values, model=fingerprint(model))


def part_of(hard: nn.Module) -> Part:
    return next(part for _, part in parts(hard))


@pytest.mark.parametrize("model_format", [Float32(), Fixed(3, 8)], ids=repr)
@pytest.mark.parametrize("signature", [None, SIGNATURE], ids=repr)
def test_flips_of_protected_words_are_corrected_and_those_of_others_stay(
    model_format, signature
) -> None:
    model, data = stored_as(network(), model_format), samples(4)
    hardening = SelectiveEcc(Hamming(model_format), 0.2, "fc*.weight", signature)
    hard = hardening(model, data, element_scores(model))
    magnitude = torch.cat([model.fc1.weight.flatten(), model.fc2.weight.flatten()]).abs()
    count = round(0.2 * len(magnitude))
    expected = torch.zeros(len(magnitude), dtype=torch.bool)
    expected[torch.argsort(-magnitude, stable=True)[:count]] = True
    assert part_of(hard).check.words.shape == (count,)
    space = FaultSpace.of(model, Weights("fc*.weight"), BitFlip(bits=(3,)), model_format)
    assert len(space) == len(magnitude)
    for number in range(0, len(space), 7):
        with inject(hard, space, number), torch.no_grad():
            hard(data.inputs)
            now = torch.cat([hard.fc1.weight.flatten(), hard.fc2.weight.flatten()]).abs()
            assert bool((now == magnitude).all()) == bool(expected[number]), number


def test_stored_bits_are_the_signature_and_the_check_bits_of_protected_words() -> None:
    model, data = network(), samples(4)
    plain = cost(model, data).bits
    hard = SelectiveEcc(SecDed(Float32()), 0.1, "fc*.weight")(model, data, element_scores(model))
    # 864 and 36 words: 108 and 5 bytes of signature.
    assert cost(hard, data).bits == plain + 8 * (108 + 5) + 7 * 90
    hard = SelectiveEcc(SecDed(Float32()), 0.1, "fc*.weight", SIGNATURE)(
        model, data, element_scores(model)
    )
    assert cost(hard, data).bits == plain + 8 * (108 + 5) + 7 * 90 + 8 * 15
    lines = "; ".join(records(hard)[0].lines())
    assert "fc1.weight" not in lines
    assert "810 of 900 have lower scores" in lines


def test_a_wrong_signature_is_detected_and_its_tensor_left_alone() -> None:
    model, data = network(), samples(4)
    hard = SelectiveEcc(SecDed(Float32()), 0.3, "fc*.weight")(model, data, element_scores(model))
    with torch.no_grad():
        golden = hard(data.inputs)
        space = FaultSpace.of(hard, Buffers("*.signature"), BitFlip(), CheckWord(8))
        before = fingerprint(hard)
        for number in range(0, len(space), 9):
            with inject(hard, space, number):
                assert torch.equal(hard(data.inputs), golden)
                assert part_of(hard).detected == 1
        assert fingerprint(hard) == before
        # Words of the other tensor are corrected nevertheless.
        largest = int(model.fc2.weight.abs().argmax())
        flips = FaultSpace.of(model, Weights("fc2.weight"), BitFlip(), Float32())
        with inject(hard, space, 0), inject(hard, flips, 32 * largest + 30):
            hard(data.inputs)
            assert torch.equal(hard.fc2.weight, model.fc2.weight)


def test_a_protected_signature_is_corrected() -> None:
    model, data = network(), samples(4)
    hardening = SelectiveEcc(SecDed(Float32()), 0.3, "fc*.weight", SIGNATURE)
    hard = hardening(model, data, element_scores(model))
    part = part_of(hard)
    signature, check = part.signature.words.clone(), part.signature_check.words.clone()
    target = Buffers("*.signature|*.signature_check")
    space = FaultSpace.of(hard, target, BitFlip(), CheckWord(8))
    for number in range(0, len(space), 7):
        with inject(hard, space, number), torch.no_grad():
            hard(data.inputs)
            assert (part.corrected, part.detected) == (1, 0)
            assert torch.equal(part.signature.words, signature)
            assert torch.equal(part.signature_check.words, check)


@pytest.mark.parametrize("signature", [None, SIGNATURE], ids=repr)
def test_every_flip_of_a_signature_beside_errors_in_words_has_the_effect_that_is_documented(
    signature,
) -> None:
    model, data = network(), samples(4)
    names = ("conv1.weight", "fc2.weight")
    hardening = SelectiveEcc(SecDed(Float32()), 0.3, "|".join(names), signature)
    hard = hardening(model, data, element_scores(model))
    part = part_of(hard)
    # 72 and 36 words: 9 and 5 bytes, of which the last has four bits of no word.
    space = FaultSpace.of(hard, Buffers("*.signature"), BitFlip(), CheckWord(8))
    assert len(space) == 8 * (9 + 5)
    weights = {name: model.get_parameter(name).detach() for name in names}
    errors = FaultSpace.of(model, [Weights(name) for name in names], BitFlip(), Float32())
    # An exponent bit of the largest word of each tensor, which has check bits.
    first, second = (int(x.abs().argmax()) for x in weights.values())
    pair = [32 * first + 30, 32 * (72 + second) + 30]
    for number in range(len(space)):
        with inject(hard, errors, pair), inject(hard, space, number), torch.no_grad():
            part.scrub(hard)
            read = [torch.equal(hard.get_parameter(n), weights[n]) for n in names]
            in_first = number < 8 * 9
            assert read == ([True, True] if signature else [not in_first, in_first]), number
            assert part.detected == (0 if signature else 1)


def test_a_campaign_strikes_words_check_bits_and_signature_together() -> None:
    model, data = network(), samples(6)
    hardening = SelectiveEcc(SecDed(Float32()), 0.3, "fc2.weight", SIGNATURE)
    hard = hardening(model, data, element_scores(model))
    formats = {"*.check": CheckWord(7), "*.signature*": CheckWord(8), "*": Float32()}
    added = Buffers("*.check|*.signature*")
    own = FaultSpace.of(hard, added, BitFlip(), formats)
    assert len(own) == cost(hard, data).bits - cost(model, data).bits
    space = FaultSpace.of(hard, [Weights("fc2.weight"), added], BitFlip(), formats)
    results = run(hard, data, space, ErrorRate(3e-2, trials=20), seed=1)
    struck = {int(n) for trial in range(len(results)) for n in results.trials[trial]}
    parts_hit = {space[n].tensor.split(".")[-2] for n in struck}
    assert parts_hit == {"fc2", "check", "signature", "signature_check"}
    alone = run(hard, data, own, Uniform(40), seed=1)
    # No single fault in what was added changes a word.
    assert alone.rate().value == 0
    layers = {str(label).rpartition(".")[2] for label in alone.rate(by="layer")}
    assert layers == {"check", "signature", "signature_check"}


def test_a_mask_names_the_words_and_channels_expand() -> None:
    model, data = network(), samples(4)
    mask = np.zeros((3, 12))
    mask[1, 2:5] = 1
    scores = Scores("Mask()", "element", {"fc2.weight": mask}, model=fingerprint(model))
    hard = SelectiveEcc(Hamming(Float32()), None)(model, data, scores)
    assert sum(part_of(hard).protected) == 3
    assert part_of(hard).signature.words.count_nonzero() == 2  # words 14 to 16: two bytes
    channels = SelectiveEcc(Hamming(Float32()), 0.05)(model, data, MaxValue()(model, data))
    assert sum(part_of(channels).protected) == round(
        0.05 * sum(torch.Size(shape).numel() for shape in part_of(channels).settings["shapes"])
    )


def test_it_is_saved_and_loaded(tmp_path) -> None:
    model, data = network(), samples(4)
    hard = SelectiveEcc(SecDed(Float32()), 0.3, "fc*", SIGNATURE)(
        model, data, element_scores(model)
    )
    save(hard, tmp_path / "hard", base="none")
    again = load(tmp_path / "hard", model=network())
    assert fingerprint(again) == fingerprint(hard)
    with torch.no_grad():
        again.fc2.weight.view(torch.int32)[:] ^= (again.fc2.weight.abs() > 0.2).int() << 30
        again(data.inputs)
    assert part_of(again).corrected > 0


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: SelectiveEcc(Float32()), "no check bits"),
        (lambda: SelectiveEcc(SecDed(Float32(), block=2)), "one by one"),
        (lambda: SelectiveEcc(InPlaceHamming(Float32())), "one by one"),
        (lambda: SelectiveEcc(SecDed(Float32()), 0.0), "share is a share"),
        (lambda: SelectiveEcc(SecDed(Float32()), signature=SecDed(Float32())), "words of 8 bits"),
        (lambda: SelectiveEcc(SecDed(Float32()))(network(), samples()), "requires scores"),
        (
            lambda: SelectiveEcc(SecDed(Float32()), pattern="fc*.bias")(
                network(), samples(), element_scores(network())
            ),
            "choose a pattern of tensors with scores",
        ),
        (
            lambda: SelectiveEcc(SecDed(Float32()))(
                network(),
                samples(),
                Scores("A()", "element", {"fc2.weight": np.ones((2, 2))}),
            ),
            "give scores of this model",
        ),
    ],
)
def test_what_cannot_be_selected_is_said_in_one_line(make, message) -> None:
    with pytest.raises(InputError, match=message) as caught:
        make()
    assert "\n" not in str(caught.value)


def test_a_dtype_that_would_round_words_with_a_flip_is_refused() -> None:
    model = stored_as(network(), {"fc2*": Fixed(1, 30), "*": Float32()})
    hardening = SelectiveEcc(Hamming(Fixed(1, 30)), 0.5, "fc2.weight")
    with pytest.raises(InputError, match=r"fc2\.weight \(float32, .* 32 bits .*at most 24 bits"):
        hardening(model, samples(4), element_scores(model))
