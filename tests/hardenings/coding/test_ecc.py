"""Are stored tensors corrected by their code, and only by it?"""

import copy
import warnings

import numpy as np
import pytest
import torch
from torch import nn

from radhard import models
from radhard.analyses import MaxValue
from radhard.campaign import run
from radhard.cost import cost
from radhard.errors import InputError, RadhardWarning
from radhard.faults import BitFlip
from radhard.formats import (
    BFloat16,
    CheckWord,
    Fixed,
    Float16,
    Float32,
    Float64,
    Hamming,
    InPlaceHamming,
    Int,
    Oracle,
    Parity,
    ProtectedFormat,
    Replicated,
    SecDed,
    ZeroSpace,
    stored_as,
)
from radhard.hardenings import (
    ActivationClip,
    Ecc,
    EccScrubber,
    HammingInPlace,
    SelectiveEcc,
    WeightBitClip,
    WeightRangeCheck,
    load,
    parts,
    records,
    save,
)
from radhard.injection import inject
from radhard.manifest import fingerprint
from radhard.samplers import ErrorRate, Uniform
from radhard.space import FaultSpace
from radhard.targets import Buffers, Weights
from radhard.verification import verify
from tests.conformance.hardening_subject import network, samples


def scrubber_of(hard: nn.Module) -> EccScrubber:
    return next(part for _, part in parts(hard) if isinstance(part, EccScrubber))


def words(tensor: torch.Tensor) -> torch.Tensor:
    """The words of a tensor, which share its memory."""
    return tensor.detach().view(torch.int32 if tensor.element_size() == 4 else torch.int16)


@pytest.mark.parametrize("tensor", ["conv1.weight", "conv2.weight", "fc1.weight", "fc3.weight"])
@pytest.mark.parametrize("extended", [False, True])
def test_every_flip_of_an_exponent_or_its_check_bits_in_lenet5_is_corrected(
    tensor, extended
) -> None:
    model = models.load("lenet5")
    scrubber = HammingInPlace(extended=extended).ecc(model).scrubber(model)
    stored = words(model.get_parameter(tensor))
    before = stored.clone()
    bits = (*range(8 if extended else 6), *range(23, 31))
    for number, bit in enumerate(bits, 1):
        # A code word is within a word, so that flips in different words do not meet.
        stored ^= 1 << bit
        scrubber.scrub(model)
        assert torch.equal(stored, before), bit
        assert scrubber.corrected == number * stored.numel()
    assert scrubber.detected == 0


@pytest.mark.parametrize(
    "format",
    [Hamming(Float32()), SecDed(Float32()), SecDed(Float32(), block=3), Replicated(Float32())],
    ids=repr,
)
def test_every_single_flip_of_data_and_check_bits_is_corrected(format) -> None:
    data = samples(4)
    hard = Ecc(format, "fc2*")(network(), data)
    with torch.no_grad():
        expected = hard(data.inputs)
    check = dict(parts(hard))["conv1.ecc"].check
    before, golden = fingerprint(hard), check.words.clone()
    formats = {"*.check": check.format, "*": Float32()}
    space = FaultSpace.of(hard, [Weights("fc2"), Buffers("*.check")], BitFlip(), formats)
    assert len(space) == 36 * 32 + len(check.words) * check.bits
    for number in range(0, len(space), 23):
        with inject(hard, space, number), torch.no_grad():
            assert torch.equal(hard(data.inputs), expected)
            # Corrected in memory: the next fault meets a word without errors.
            assert torch.equal(hard.fc2.weight, network().fc2.weight)
            assert torch.equal(check.words, golden)
    assert fingerprint(hard) == before


@pytest.mark.parametrize(
    ("format", "model_format"),
    [
        (SecDed(Float32()), Float32()),
        (Hamming(Float32()), Float32()),
        (Parity(Float32()), Float32()),
        (Hamming(Fixed(3, 8)), Fixed(3, 8)),
        (SecDed(Int(8)), Int(8)),
        (SecDed(Int(8, per="channel")), Int(8, per="channel")),
        (Hamming(Fixed(1, 6, code="sign_magnitude")), Fixed(1, 6, code="sign_magnitude")),
    ],
    ids=repr,
)
def test_the_model_says_what_a_campaign_on_the_format_says(
    format: ProtectedFormat, model_format
) -> None:
    """Several flips in one code word, which the campaign decodes without a scrubber."""
    model, data = stored_as(network(), model_format), samples(4)
    hard = Ecc(format)(model, data)
    part = scrubber_of(hard)
    simulated = FaultSpace.of(model, Weights("fc1"), BitFlip(), format)
    position = part.tensors.index("fc1.weight")
    start = sum(torch.Size(shape).numel() for shape in part.settings["shapes"][:position])
    width, rng = format.inner.bits, np.random.default_rng(0)
    inner = format.inner.fit(model.fc1.weight)
    with torch.no_grad():
        for _ in range(40):
            word, bits = int(rng.integers(864)), rng.choice(format.bits, 3, replace=False)[:3]
            bits = bits[: rng.integers(1, 4)]
            with inject(model, simulated, [word * format.bits + int(bit) for bit in bits]):
                expected = model(data.inputs)
            faulty = copy.deepcopy(hard)
            weight = faulty.fc1.weight.view(-1)
            code = inner.take(torch.tensor([word]), tuple(model.fc1.weight.shape))
            mask = sum(1 << int(bit) for bit in bits if bit < width)
            if mask:
                flipped = code.encode(weight[word : word + 1]) ^ mask
                weight[word] = code.decode(flipped).to(weight)[0]
            check = sum(1 << int(bit) - width for bit in bits if bit >= width)
            scrubber_of(faulty).check.words[start + word] ^= check
            outputs = faulty(data.inputs)
            torch.testing.assert_close(outputs, expected, rtol=0, atol=0, equal_nan=True)


@pytest.mark.parametrize(
    "hardening",
    [
        Ecc(SecDed(Float32(), block=2), "fc*"),
        Ecc(Parity(Float32()), "fc*"),
        HammingInPlace(extended=True, pattern="fc*"),
    ],
    ids=repr,
)
def test_an_exported_program_corrects_what_the_model_corrects(hardening, tmp_path) -> None:
    data = samples(4)
    save(hardening(network(), data), tmp_path / "hard", base="none")
    hard = load(tmp_path / "hard", model=network())
    # No pass has computed a table yet; what export computes must not be used by other models.
    program = torch.export.export(hard, (data.inputs,), strict=False).module()
    generator = torch.Generator().manual_seed(3)
    for tensor in ("fc1.weight", "fc2.bias"):
        for side in (hard, program):
            flat = words(dict([*side.named_parameters(), *side.named_buffers()])[tensor]).view(-1)
            generator.manual_seed(3)
            for _ in range(12):
                place = torch.randint(len(flat), (1,), generator=generator)
                flat[place] ^= 1 << int(torch.randint(0, 31, (1,), generator=generator))
    with torch.no_grad():
        torch.testing.assert_close(program(data.inputs), hard(data.inputs), equal_nan=True)
    for name, tensor in hard.state_dict().items():
        assert torch.equal(program.state_dict()[name], tensor), name


def test_blocks_of_integers_end_at_the_end_of_a_tensor() -> None:
    model, data = stored_as(network(), Int(8)), samples(4)
    hard = Ecc(SecDed(Int(8), block=8), "fc2.bias|conv1.weight")(model, data)
    part = scrubber_of(hard)
    # 3 biases are one block, 72 weights are nine.
    assert part.check.words.shape == (10,)
    with torch.no_grad():
        golden = hard(data.inputs)
        hard.fc2.bias[1] = -hard.fc2.bias[1]
        hard(data.inputs)
        assert part.detected + part.corrected == 1
        hard.fc2.bias.copy_(model.fc2.bias)
        hard.conv1.weight[0, 0, 0, 0] = torch.nan
        assert hard(data.inputs).isfinite().all() or part.detected
        hard.conv1.weight.copy_(model.conv1.weight)
        assert torch.equal(hard(data.inputs), golden)


def test_two_wrong_bits_are_detected_at_every_scrub_and_stay() -> None:
    model = network()
    scrubber = Ecc(SecDed(Float32())).scrubber(model)
    words(model.fc2.weight)[0, 0] ^= 0b11 << 29
    wrong = model.fc2.weight.clone()
    for times in (1, 2, 3):
        scrubber.scrub(model)
        assert (scrubber.corrected, scrubber.detected) == (0, times)
    assert torch.equal(model.fc2.weight, wrong)


@pytest.mark.parametrize(
    ("hardening", "dtype"),
    [
        (HammingInPlace(), torch.float16),
        (HammingInPlace(), torch.bfloat16),
        (Ecc(SecDed(BFloat16())), torch.bfloat16),
        (Ecc(Hamming(Float16())), torch.float16),
        (Ecc(SecDed(Float64())), torch.float64),
    ],
    ids=repr,
)
def test_other_dtypes_are_corrected_in_their_own_words(hardening, dtype) -> None:
    model = network().to(dtype)
    ecc = hardening if isinstance(hardening, Ecc) else hardening.ecc(model)
    scrubber = ecc.scrubber(model)
    before = fingerprint(model)
    integers = {2: torch.int16, 8: torch.int64}[model.fc1.weight.element_size()]
    top = 8 * model.fc1.weight.element_size() - 2
    with torch.no_grad():
        model.fc1.weight.view(integers)[:] ^= 1 << top
    assert fingerprint(model) != before
    scrubber.scrub(model)
    assert fingerprint(model) == before


def test_the_format_in_place_is_that_of_the_tensors_that_the_pattern_selects() -> None:
    model = network().half()
    model.block.norm.float()
    assert HammingInPlace(pattern="fc*").ecc(model).format == InPlaceHamming(Float16())
    assert HammingInPlace().ecc(model).format == InPlaceHamming(Float16())
    assert HammingInPlace(pattern="*norm*").ecc(model).format == InPlaceHamming(Float32())
    assert all(
        name.startswith("fc")
        for name in HammingInPlace(pattern="fc*").ecc(model).scrubber(model).tensors
    )


def test_check_bits_are_faulty_and_counted_when_a_model_is_verified() -> None:
    model, data = network(), samples(6)
    space = FaultSpace.of(model, Weights("*"), BitFlip(), Float32())
    before = run(model, data, space, Uniform(60), seed=2)
    hard = Ecc(Hamming(Float32()))(model, data)
    verified = verify(before, hard, data, base=model, added=50, timed=False)
    assert verified.after.rate().value == 0
    assert verified.own is not None
    assert verified.own.space.formats == (CheckWord(6),)
    assert verified.own.rate().value == 0
    assert verified.cost is not None
    stored = cost(model, data).bits
    values = sum(
        x.numel() for x in (*model.parameters(), *model.buffers()) if x.is_floating_point()
    )
    assert verified.cost.after.bits == stored + 6 * values


@pytest.mark.parametrize("bits", [8, 16])
def test_check_words_as_wide_as_several_bytes_are_faulty_too(bits: int) -> None:
    word = Int(bits)
    model, data = stored_as(network(), word), samples(6)
    space = FaultSpace.of(model, Weights("*"), BitFlip(), word)
    before = run(model, data, space, Uniform(20), seed=2)
    hard = Ecc(Replicated(word))(model, data)
    verified = verify(before, hard, data, added=20, timed=False)
    assert verified.own is not None
    assert verified.own.space.formats == (CheckWord(2 * bits),)
    assert verified.after.rate().value == verified.own.rate().value == 0


def test_at_error_rates_data_and_check_bits_are_faulty_together() -> None:
    model, data = network(), samples(6)
    space = FaultSpace.of(model, Weights("*"), BitFlip(), Float32())
    before = run(model, data, space, ErrorRate(1e-3, trials=20), seed=2)
    hard = Ecc(SecDed(Float32()))(model, data)
    verified = verify(before, hard, data, timed=False)
    assert verified.own is not None
    assert set(verified.own.space.formats) == {Float32(), CheckWord(7)}
    assert verified.after.rate().value <= before.rate().value


def test_campaigns_leave_counts_and_check_bits_as_they_were() -> None:
    model, data = network(), samples(6)
    hard = Ecc(SecDed(Float32()), "fc2")(model, data)
    before = fingerprint(hard)
    space = FaultSpace.of(hard, Buffers("*.check"), BitFlip(count=2), CheckWord(7))
    results = run(hard, data, space, Uniform(40), audit=0)
    assert results.rate().value == 0
    assert fingerprint(hard) == before
    assert scrubber_of(hard).detected == 0


def test_every_second_inference_is_scrubbed() -> None:
    data = samples(4)
    hard = Ecc(Hamming(Float32()), every=2)(network(), data)
    scrubbed = []
    for _ in range(4):
        words(hard.fc1.weight)[0, 0] ^= 1 << 30
        with torch.no_grad():
            hard(data.inputs)
        scrubbed.append(torch.equal(hard.fc1.weight, network().fc1.weight))
        hard.fc1.weight.data.copy_(network().fc1.weight)
    assert scrubbed == [True, False, True, False]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Ecc(Float32()), r"no check bits.*SecDed\(Float32\(\)\)"),
        (lambda: Ecc(Oracle(Float32())), "ideal that no memory"),
        (lambda: Ecc(ZeroSpace()), "cannot compute with the words"),
        (lambda: Ecc(Hamming(Float32()), every=0), "every=0"),
        (lambda: HammingInPlace(every=-1), "every=-1"),
        (lambda: Ecc(Hamming(Float32()), "conv9*")(network(), samples()), "matches no floating"),
        (
            lambda: Ecc(SecDed(Int(8)), "fc*")(network(), samples()),
            r"0 of 4 tensors.*stored_as\(model, Int\(8\)",
        ),
        (lambda: Ecc(SecDed(Float64()))(network(), samples()), r"float32, which is narrower"),
        (
            lambda: Ecc(InPlaceHamming(Float16()))(stored_as(network(), Float16()), samples()),
            "not those of Float16",
        ),
        (lambda: HammingInPlace().ecc(network().double()), "no tensor of torch.float32"),
    ],
)
def test_what_cannot_be_protected_is_said_in_one_line(make, message) -> None:
    with pytest.raises(InputError, match=message) as caught:
        make()
    assert "\n" not in str(caught.value)


NARROW = [
    (Hamming(Int(32)), torch.float32, 24),
    (SecDed(Fixed(1, 30)), torch.float32, 24),
    (SecDed(Int(16)), torch.float16, 11),
]


@pytest.mark.parametrize(("format", "dtype", "digits"), NARROW, ids=repr)
def test_a_dtype_that_would_round_words_with_a_flip_is_refused(format, dtype, digits) -> None:
    inner = format.inner
    model = stored_as(network().to(dtype), {"fc2*": inner, "*": Float32()})
    said = rf"fc2\.weight \({str(dtype)[6:]}, .* {inner.bits} bits .*\.double\(\).* {digits} bits"
    with pytest.raises(InputError, match=said) as caught:
        Ecc(format, "fc2.weight").scrubber(model)
    assert "\n" not in str(caught.value)
    with pytest.raises(InputError, match=said):
        Ecc(format, "fc2.weight")(model, samples(4).inputs.to(dtype))


@pytest.mark.parametrize(
    ("format", "dtype"),
    [
        *((format, torch.float64) for format, _, _ in NARROW),
        (Hamming(Int(24)), torch.float32),
        (SecDed(Fixed(1, 22)), torch.float32),
        (SecDed(Fixed(1, 23, code="sign_magnitude")), torch.float32),
        (SecDed(Int(8)), torch.float16),
    ],
    ids=repr,
)
def test_a_dtype_that_holds_words_with_a_flip_has_each_corrected(format, dtype) -> None:
    model = stored_as(network().to(dtype), {"fc2*": format.inner, "*": Float32()})
    scrubber = Ecc(format, "fc2.weight").scrubber(model)
    weight = model.fc2.weight.detach()
    before, inner = weight.clone(), format.inner.fit(weight)
    for number, bit in enumerate(range(inner.bits), 1):
        weight.copy_(inner.decode(inner.encode(before) ^ (1 << bit)))
        scrubber.scrub(model)
        assert torch.equal(weight, before), bit
        assert (scrubber.corrected, scrubber.detected) == (number * weight.numel(), 0)


def test_what_does_not_fit_is_left_out_with_the_reason() -> None:
    model = network()
    model.fc2.half()
    part = Ecc(SecDed(Float32())).scrubber(model)
    assert not any(name.startswith("fc2") for name in part.tensors)
    hard = network()
    hard.block.norm.running_var.mul_(1.2345)
    stored = stored_as(network(), Fixed(1, 6))
    with torch.no_grad():
        stored.fc2.bias.fill_(0.3)
    with pytest.warns(match=r"fc2.bias \(values that Fixed\(1, 6\)"):
        protected = Ecc(Hamming(Fixed(1, 6)))(stored, samples())
    assert "fc2.bias" in dict(records(protected)[0].coverage[0].left_out)


@pytest.mark.parametrize(
    "earlier",
    [WeightRangeCheck(), WeightBitClip(), SelectiveEcc(SecDed(Float32()), share=0.3)],
    ids=repr,
)
def test_words_that_an_earlier_hardening_corrects_are_not_changed_by_a_later_one(earlier):
    model, data = network(), samples()
    scores = MaxValue()(model, data) if isinstance(earlier, SelectiveEcc) else None
    with pytest.raises(InputError, match=r"apply HammingInPlace\(\) first"):
        HammingInPlace()(earlier(model, data, scores), data)
    coded = HammingInPlace()(model, data)
    after = MaxValue()(coded, data) if isinstance(earlier, SelectiveEcc) else None
    both = earlier(coded, data, after)
    with torch.no_grad():
        assert torch.equal(both(data.inputs), coded(data.inputs))


def test_words_that_change_after_ranges_were_measured_are_warned_of():
    model, data = network(), samples()
    with pytest.warns(RadhardWarning, match="too few samples"):
        bounded = ActivationClip()(model, data)
    with pytest.warns(RadhardWarning, match=r"apply HammingInPlace\(\) first"):
        HammingInPlace()(bounded, data)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Ecc(SecDed(Float32()))(bounded, data)  # changes no word
