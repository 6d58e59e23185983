"""Are the most vulnerable words protected, and only these?"""

import numpy as np
import pytest
import torch
from torch import nn

from radhard.analyses import MaxValue
from radhard.cost import cost
from radhard.errors import InputError
from radhard.faults import BitFlip
from radhard.formats import CheckWord, Fixed, Float32, Hamming, InPlaceHamming, SecDed, stored_as
from radhard.hardenings import SelectiveEcc, load, parts, records, save
from radhard.hardenings.part import Part
from radhard.injection import inject
from radhard.manifest import fingerprint
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
        0.05 * sum(torch.Size(shape).numel() for shape in part_of(channels).shapes)
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
