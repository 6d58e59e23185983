"""Are the failures in time of an accelerator those that are computed by hand?"""

import numpy as np
import pytest
import torch

from radhard.accelerators import Systolic
from radhard.campaign import run
from radhard.engines import Replay
from radhard.errors import InputError
from radhard.faults import BitFlip
from radhard.formats import Int
from radhard.samplers import PerTensor
from radhard.space import FaultSpace
from radhard.structures import accelerator_fit
from radhard.targets import Activations, Registers, Weights
from tests.accelerators.arrays import network

MODEL, INPUTS = network()
ARRAY = Systolic(2, 3, word=Int(4), accumulator=Int(12))
STILL = Systolic(2, 3, "weight_stationary", Int(4), Int(12))


def campaign(target, formats, n=60):
    space = FaultSpace.of(MODEL, target, BitFlip(), formats, data=INPUTS)
    return run(MODEL, INPUTS, space, PerTensor(n), engine=Replay(), progress=False, audit=0)


@pytest.fixture(scope="module")
def weights():
    return campaign(Weights("*"), Int(4))


@pytest.fixture(scope="module")
def registers():
    return {array: campaign(Registers(array), array.formats) for array in (ARRAY, STILL)}


def test_a_buffer_counts_each_layer_for_the_time_its_words_are_live(weights):
    found = accelerator_fit(
        MODEL, INPUTS, ARRAY, {"weight buffer": weights}, fit_per_bit={"weight buffer": 0.5}
    )
    buffer = found["weight buffer"]
    # conv: 4 positions, depth 8, 3 channels, in 2 tiles of 8 + 3 + 2 cycles. Its weight [k, c]
    # enters for the last time k + c cycles after the second tile begins.
    conv = sum(13 + k + c + 1 for k in range(8) for c in range(3))
    # fc: 1 position, depth 12, 4 channels in tiles of 3: 2 tiles of 12 + 3 + 2 cycles.
    fc = sum(17 * (n // 3) + k + n % 3 + 1 for k in range(12) for n in range(4))
    assert (conv, fc) == (444, 552)
    # The buffer holds the 48 weights of fc, for 26 + 34 cycles.
    assert buffer.bits == 4 * 48
    assert buffer.residency == pytest.approx((444 + 552) / (48 * 60))
    rates = weights.rate(by="layer")
    avf = (444 * rates["conv"].value + 552 * rates["fc"].value) / (48 * 60)
    assert rates["conv"].value != rates["fc"].value
    assert buffer.by_layer
    assert buffer.avf.value == pytest.approx(avf)
    assert buffer.fit.value == pytest.approx(0.5 * 192 * avf)
    # Independent layers: distances to the limits add in quadrature.
    below = np.hypot(*(n * (rates[of].value - rates[of].low) for of, n in FC_AND_CONV))
    assert buffer.avf.low == pytest.approx(avf - below / (48 * 60))
    assert set(found.left_out) == {f"{r} registers" for r in ARRAY.registers} | {"input buffer"}


FC_AND_CONV = (("conv", 444), ("fc", 552))


def test_registers_count_with_the_rate_of_all_cycles_and_everything_adds_up(weights, registers):
    inputs = campaign(Activations("relu"), Int(4))
    campaigns = {"weight buffer": weights, "input buffer": inputs, "registers": registers[ARRAY]}
    found = accelerator_fit(MODEL, INPUTS, ARRAY, campaigns, fit_per_bit=1e-3)
    rates = registers[ARRAY].rate(by="register")
    for register, bits in (("input", 24), ("weight", 24), ("sum", 72), ("output", 72)):
        own = found[f"{register} registers"]
        assert own.bits == bits
        assert own.avf == rates[register]
        assert own.fit.value == pytest.approx(1e-3 * bits * rates[register].value)
    buffer = found["input buffer"]
    # Whose layers are not those of the campaign.
    assert not buffer.by_layer
    assert buffer.avf.value == pytest.approx(buffer.residency * inputs.rate().value)
    assert found.total.value == pytest.approx(sum(one.fit.value for one in found.values()))
    assert found.left_out == {}
    assert "total" in repr(found)
    frame = found.to_frame()
    assert frame["avf low"].tolist() == [one.avf.low for one in found.values()]
    assert frame["avf high"].tolist() == [one.avf.high for one in found.values()]
    assert len(frame) == 6


def test_inputs_do_not_count_with_the_rate_of_the_values_that_a_layer_computes():
    outputs = campaign(Activations("conv|fc"), Int(4))
    rates = outputs.rate(by="layer")
    assert rates["conv"].value != rates["fc"].value
    found = accelerator_fit(MODEL, INPUTS, ARRAY, {"input buffer": outputs}, fit_per_bit=1.0)
    buffer = found["input buffer"]
    assert not buffer.by_layer
    assert buffer.avf.value == pytest.approx(buffer.residency * outputs.rate().value)


def test_accumulators_count_for_the_time_in_which_they_hold_sums(registers):
    found = accelerator_fit(MODEL, INPUTS, STILL, {"registers": registers[STILL]}, fit_per_bit=1e-3)
    own = found["accumulators"]
    # conv: 4 x 3 sums, 4 tiles of depth 2, each 2 + 4 + 3 cycles; fc: 1 x 4 sums, 6 tiles of depth
    # and 2 of channels, each 2 + 1 + 3 cycles.
    live = 12 * 3 * 9 + 4 * 5 * 2 * 6
    assert own.bits == 12 * 12
    assert own.residency == pytest.approx(live / (12 * (4 * 9 + 12 * 6)))
    sums = found["sum registers"]
    assert own.avf.value == pytest.approx(sums.avf.value / sums.residency * own.residency)


def test_what_does_not_fit_is_refused_in_one_line(weights, registers):
    def refuse(match, campaigns, array=ARRAY, raw=1e-3, model=MODEL):
        with pytest.raises(InputError, match=match) as error:
            accelerator_fit(model, INPUTS, array, campaigns, fit_per_bit=raw)
        assert "\n" not in str(error.value)

    refuse("did you mean weight buffer", {"weights buffer": weights})
    refuse("no campaign", {})
    refuse("the array is", {"registers": registers[ARRAY]}, STILL)
    refuse("has faults in Weights", {"registers": weights})
    refuse("has faults in Weights.*Activations or Inputs", {"input buffer": weights})
    values = campaign(Activations("relu"), Int(4), n=4)
    refuse("has faults in Activations.*take faults in Weights", {"weight buffer": values})
    refuse("no raw rate of 'weight buffer'", {"weight buffer": weights}, raw={"registers": 1.0})
    for raw in ("x", None, {"weight buffer": "x"}, -1.0):
        refuse("fit_per_bit=.*finite number", {"weight buffer": weights}, raw=raw)
    part = campaign(Registers(ARRAY, "fc"), ARRAY.formats, n=4)
    refuse("the array computes conv, fc", {"registers": part})
    plain = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(18, 2))
    refuse("computes no layer", {"weight buffer": weights}, model=plain)
