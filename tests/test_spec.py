"""Is the repr the spec, and does bad text end in one clear line?"""

import dataclasses
import sys
import types
from collections.abc import Mapping
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from radhard.analyses import ANALYSES, Analysis, WeightSensitivity
from radhard.engines import Engine
from radhard.errors import InputError
from radhard.faults import FAULTS, BitFlip, Burst, FaultModel, StuckAt
from radhard.formats import FORMATS, Fixed, Float32, Format, Int
from radhard.hardenings import HARDENINGS, FTClipAct, Hardening, SentinelNN
from radhard.metrics import METRICS, Metric
from radhard.samplers import Sampler
from radhard.spec import (
    MAX_DEPTH,
    MAX_LENGTH,
    Component,
    Family,
    FrozenDict,
    component,
    near,
    parse_call,
)
from radhard.targets import Target

# A lone surrogate cannot be encoded, which is the terminal's problem before it is ours.
text = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)
bits = st.none() | st.integers(0, 70) | st.lists(st.integers(0, 70), min_size=1, unique=True)
fields = st.none() | text | st.lists(text, min_size=1, unique=True)
formats = st.one_of(
    st.builds(Float32),
    st.builds(Int, st.integers(2, 32), per=st.sampled_from(["tensor", "channel"])),
    st.builds(Fixed, st.integers(1, 15), st.integers(0, 16)),
)
faults = st.one_of(
    st.builds(BitFlip, bits=bits, field=fields, count=st.integers(1, 64)),
    st.builds(StuckAt, st.sampled_from([0, 1]), bits=bits, field=fields),
    st.builds(Burst, st.integers(1, 64)),
)
components = formats | faults


class Recipe(Component):
    """A family of one, for the tests."""


@component
class Roast(Recipe):
    """Something warm."""

    heat: float
    name: str = 'it\'s "warm"'
    crisp: bool = False
    steps: tuple[float, ...] = ()
    timer: int = dataclasses.field(default=0, init=False)


@pytest.fixture
def foreign(monkeypatch):
    """A module of somebody else's, importable as ``kitchen.stove``."""
    package, module = types.ModuleType("kitchen"), types.ModuleType("kitchen.stove")

    class Wok(FaultModel):
        """Theirs."""

        n: int = 2
        mode: Literal["low", "high"] = "low"

        def variants(self, format):
            return 1

        def fault_bits(self, variant, format):
            return (0,)

        def corrupt(self, codes, variants, format):
            return codes

    class Half(FaultModel):
        """Lacks what a fault model must have."""

    class Plain(Wok):
        """Somebody forgot the decorator."""

    Wok.__module__ = "kitchen.stove"
    Half.__module__ = "kitchen.stove"
    module.Half, module.Plain, module.pot = component(Half), Plain, len
    module.Wok = component(Wok)
    monkeypatch.setitem(sys.modules, "kitchen", package)
    monkeypatch.setitem(sys.modules, "kitchen.stove", module)
    return module


@given(part=components)
def test_every_repr_parses_back_to_the_same_component(part):
    family = FORMATS if isinstance(part, Format) else FAULTS
    again = family.parse(repr(part))
    assert again == part
    assert repr(again) == repr(part)
    assert hash(again) == hash(part)


@given(
    heat=st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**100), 2**100),
    name=text,
    crisp=st.booleans(),
    steps=st.lists(st.floats(allow_nan=False, allow_infinity=False)),
)
def test_any_number_text_or_tuple_survives_in_a_repr(heat, name, crisp, steps):
    part = Roast(heat, name=name, crisp=crisp, steps=steps)
    _, called, args, kwargs = parse_call(repr(part))
    assert called == "Roast"
    assert Roast(*args, **kwargs) == part


def test_a_repr_is_as_short_as_it_can_be():
    assert repr(BitFlip()) == "BitFlip()"
    assert repr(BitFlip(count=2, bits=[3, 4])) == "BitFlip(bits=(3, 4), count=2)"
    assert repr(StuckAt(value=1, field="sign")) == "StuckAt(1, field='sign')"


def test_parentheses_and_blanks_do_not_matter():
    for written in ("Fixed(1, 15)", " Fixed( 1,15 ) ", "Fixed(fraction=15, integer=1)"):
        assert FORMATS.parse(written) == Fixed(1, 15)
    assert FAULTS.parse("BitFlip") == BitFlip()


def test_an_unknown_name_lists_the_near_ones_and_says_where_all_are():
    with pytest.raises(InputError, match=r"unknown format 'Flaot32'.*did you mean Float32") as e:
        FORMATS.parse("Flaot32")
    assert f"the {len(FORMATS.names)} that radhard list formats shows" in str(e.value)
    assert "E8M0" not in str(e.value)
    with pytest.raises(InputError, match="did you mean BFloat16"):
        FORMATS.parse("bf16")
    with pytest.raises(InputError, match="did you mean BitFlip"):
        FAULTS.parse("bitflip(count=2)")


@pytest.mark.parametrize(
    "name", ["Format", "stored_as", "__all__", "__name__", "FaultModel", "torch"]
)
def test_what_is_no_component_of_the_family_is_unknown(name):
    with pytest.raises(InputError, match="unknown format"):
        FORMATS.parse(name)


def test_a_component_of_another_family_is_unknown_in_this_one():
    with pytest.raises(InputError, match="unknown fault model 'Float32'"):
        FAULTS.parse("Float32")


@pytest.mark.parametrize(
    ("written", "says"),
    [
        ("Fixed", r"missing a required argument.*Fixed\(integer: int, fraction: int"),
        ("Fixed(1, 2, 'sign_magnitude', 4)", r"too many positional.*Fixed\(integer"),
        ("Fixed(1, fractoin=2)", r"Fixed\(integer: int, fraction: int"),
        ("Fixed(1, fraction='2')", "fraction='2' is not allowed; fraction is a whole number"),
        ("Int(8, per='row')", "per='row' is not allowed; per is 'tensor' or 'channel'"),
        ("Int(8, scale=1.0)", r"'scale'.*it is Int\("),
        ("Int(True)", "bits=True is not allowed; bits is a whole number"),
        ("Int(8.0)", "bits is a whole number"),
        ("Int(10)(2)", "cannot be read"),
        ("Int(bits=8, bits=9)", "cannot be read"),
        ("Int(**{'bits': 8})", "cannot be read"),
        ("Int(*(8,))", "arguments must be literals"),
        ("Int(4 + 4)", "arguments must be literals"),
        ("Int(len('12345678'))", r"bits=len\('12345678'\) is not allowed; bits is a whole number"),
        ("Int(__import__('os').getpid())", "arguments must be literals"),
        ("Int(x := 8)", "arguments must be literals"),
        ("Int([i for i in (8,)])", "arguments must be literals"),
        ("Int(f'{8}')", "arguments must be literals"),
        ("Int(8) or 1", "cannot be read"),
        ("Int(8), 9", "cannot be read"),
        ("Int(8", "cannot be read"),
        ("Int 8", "cannot be read"),
        ("", "cannot be read"),
        ("()", "cannot be read"),
        ("Int(...)", "bits is a whole number"),
        ("Int(b'8')", "bits is a whole number"),
        ("Int(8j)", "bits is a whole number"),
        ("Int({8: {9}})", "bits is a whole number"),
    ],
)
def test_wrong_arguments_say_what_is_allowed(written, says):
    with pytest.raises(InputError, match=f"(?s){says}"):
        FORMATS.parse(written)


@pytest.mark.parametrize(
    "written",
    [
        "Int(" * 500 + ")" * 500,
        "Int(" + "[" * 150 + "]" * 150 + ")",
        "Int(" + "-" * 5000 + "1)",
        "Int(" + "+".join(["1"] * 4000) + ")",
        "Int(" + "not " * 2000 + "1)",
        "Int" + "()" * 3000,
        "Int(" + "a." * 4000 + "b)",
        "Int(" + "9" * 4000 + ")",
        "Int(" + "9" * 6000 + ")",
        "Int(0x" + "f" * 9000 + ")",
        "Int(-0x" + "f" * 9000 + ")",
        "BitFlip(bits=(0x" + "f" * 9000 + ",))",
        "Int(" + "1," * MAX_LENGTH + ")",
        "Int(1e999)",
        "Int('\0')",
        "Int\0",
        "Int('\\d', '\\N{none}')",
        "Int(1if 1else 2)",
        "Int(0777)",
        "Int('\ud800')",
        "__class__",
        "__init__.__globals__",
        ":Int(8)",
        "::Int(8)",
        ".:Int(8)",
        "..formats:Int(8)",
        "radhard.:Int(8)",
        "a b:Int(8)",
        "a\0b:Int(8)",
        "no_such_package.x:Int(8)",
        "os:system('true')",
        "builtins:eval('1')",
        "sys:modules",
        "radhard.formats.plain.dtype_float:DtypeFloat()",
        "radhard.formats.base:Format",
    ],
    ids=lambda written: ascii(written[:30]),
)
def test_hostile_text_ends_in_one_clear_error(written):
    with pytest.raises(InputError):
        FORMATS.parse(written)


def test_text_longer_than_any_spec_is_not_read():
    with pytest.raises(InputError, match=f"at most {MAX_LENGTH} characters; 'Int"):
        FORMATS.parse("Int(8" + " " * MAX_LENGTH + ")")


def test_an_escape_that_python_would_warn_of_is_read_as_python_reads_it():
    assert FAULTS.parse(r"BitFlip(field='\d')") == BitFlip(field=r"\d")


@given(written=text | st.text("Int(8,)'[]{}-+*:.=\\\"f\n#lambda ", max_size=40))
def test_any_text_is_a_component_or_an_input_error(written):
    try:
        part = FORMATS.parse(written, foreign=False)
    except InputError:
        return
    assert FORMATS.parse(repr(part)) == part


@given(inside=text)
def test_any_argument_text_is_a_component_or_an_input_error(inside):
    try:
        part = FAULTS.parse(f"BitFlip({inside})", foreign=False)
    except InputError:
        return
    assert FAULTS.parse(repr(part)) == part


def test_other_peoples_components_are_named_by_their_module(foreign):
    part = FAULTS.parse("kitchen.stove:Wok(n=3, mode='high')")
    assert part == foreign.Wok(n=3, mode="high")
    assert repr(part) == "kitchen.stove:Wok(n=3, mode='high')"
    assert FAULTS.parse(repr(part)) == part


def test_other_peoples_components_are_refused_on_the_word_of_a_file(foreign):
    with pytest.raises(InputError, match="--trust"):
        FAULTS.parse("kitchen.stove:Wok()", foreign=False)


def test_a_file_does_not_even_get_a_module_imported(tmp_path, monkeypatch):
    (tmp_path / "sprung_trap.py").write_text("raise SystemExit('imported')\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(InputError, match="outside radhard"):
        FAULTS.parse("sprung_trap:Wok()", foreign=False)
    assert "sprung_trap" not in sys.modules


def test_a_module_that_cannot_be_loaded_is_an_input_error_with_the_reason(tmp_path, monkeypatch):
    (tmp_path / "broken_kitchen.py").write_text("1 / 0\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(InputError, match=r"'broken_kitchen' \(ZeroDivisionError"):
        FAULTS.parse("broken_kitchen:Wok()")


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("Plain", "decorate the class with @radhard.spec.component"),
        ("Half", "unknown fault model"),
        ("pot", "unknown fault model"),
        ("Missing", "unknown fault model"),
    ],
)
def test_what_is_no_finished_component_of_theirs_is_refused(foreign, name, says):
    with pytest.raises(InputError, match=says):
        FAULTS.parse(f"kitchen.stove:{name}()")


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), 10**400, "1", None, True])
def test_a_number_without_a_literal_is_refused(bad):
    with pytest.raises(InputError, match="heat is a finite number"):
        Roast(bad)


def test_components_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        Int(8).bits = 9


def test_a_contract_that_is_not_fulfilled_makes_no_component():
    with pytest.raises(TypeError, match="abstract"):
        Format()


@pytest.mark.parametrize("family", [FORMATS, FAULTS, METRICS])
def test_the_list_of_a_family_has_a_meaning_for_each_and_no_contract(family):
    rows = family.listed()
    assert rows
    assert family.base.__name__ not in dict(rows)
    assert "SampleMetric" not in dict(rows)
    for name, meaning in rows:
        # Without a docstring, a dataclass describes itself by its signature.
        assert meaning
        assert not meaning.startswith(f"{name}(")


def test_near_names_are_found_whatever_their_case():
    assert near("FLOAT32", ["Float32", "Int"]) == "did you mean Float32? "
    assert near("int8", ["Float32", "Int"]) == "did you mean Int(8)? "
    assert near("zzz", ["Float32", "Int"]) == ""


BASES = [Analysis, Engine, FaultModel, Format, Hardening, Metric, Sampler, Target]
analyses = st.builds(WeightSensitivity, formats, fault=st.builds(BitFlip, field=text))
hardenings = st.builds(SentinelNN, analysis=analyses) | st.builds(FTClipAct, format=formats)
patterns = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)


@pytest.fixture(scope="module")
def pantry():
    """A component of every family that holds components, importable as ``pantry``."""
    module = types.ModuleType("pantry")
    for base in BASES:
        namespace = dict.fromkeys(base.__abstractmethods__)
        namespace["__module__"] = "pantry"
        namespace["__annotations__"] = {
            "inner": base | None,
            "formats": Mapping[str, Format | int],
            "hardenings": tuple[Hardening, ...],
        }
        namespace |= {"inner": None, "formats": FrozenDict({}), "hardenings": ()}
        made = component(type(f"Nested{base.__name__}", (base,), namespace))
        setattr(module, made.__name__, made)
    sys.modules["pantry"] = module
    yield module
    del sys.modules["pantry"]


@pytest.mark.parametrize("base", BASES, ids=lambda base: base.__name__)
@given(data=st.data())
def test_components_in_components_of_every_family_survive_in_a_repr(pantry, base, data):
    made = getattr(pantry, f"Nested{base.__name__}")
    part = None
    for _ in range(data.draw(st.integers(1, 4))):
        part = made(
            inner=part,
            formats=data.draw(st.dictionaries(patterns, formats | st.integers(0, 9), max_size=3)),
            hardenings=data.draw(st.lists(hardenings, max_size=2)),
        )
    again = Family(base).parse(repr(part))
    assert again == part
    assert repr(again) == repr(part)
    assert hash(again) == hash(part)
    # The text of the whole, and that of each part in quotes, stand for the same.
    assert made(inner=repr(part)) == made(inner=part)
    with pytest.raises(InputError, match="--trust"):
        Family(base).parse(repr(part), foreign=False)


def test_formats_by_pattern_are_kept_in_their_order_and_cannot_be_changed(pantry):
    mixed = FORMATS.parse("pantry:NestedFormat(formats={'fc*':Int(8),\"a:b\":Float32})")
    assert list(mixed.formats.items()) == [("fc*", Int(8)), ("a:b", Float32())]
    turned = FORMATS.parse("pantry:NestedFormat(formats={'a:b': Float32(), 'fc*': 'Int(8)'})")
    assert turned != mixed
    with pytest.raises(TypeError):
        mixed.formats["*"] = Int(8)


def test_a_field_takes_components_of_its_family_only():
    for given_, written in ((BitFlip(), "BitFlip()"), ("BitFlip()", "'BitFlip()'")):
        with pytest.raises(InputError, match="format"):
            WeightSensitivity(format=given_)
        with pytest.raises(InputError, match=r"unknown format 'BitFlip\(\)'.*list formats"):
            ANALYSES.parse(f"WeightSensitivity(format={written})")
    with pytest.raises(InputError, match=r"BitFlip\(\).*format is a format.*Float32, Float64"):
        WeightSensitivity(format=BitFlip())
    with pytest.raises(InputError, match=r"format: unknown format.*did you mean Float32"):
        HARDENINGS.parse("FTClipAct(format=Flaot32())")
    with pytest.raises(InputError, match="analysis: WeightSensitivity: format: Int: bits=True"):
        HARDENINGS.parse("SentinelNN(analysis=WeightSensitivity(Int(True)))")


@pytest.mark.parametrize(
    "written",
    [
        "SentinelNN(analysis=" * 150 + ")" * 150,
        "SentinelNN(analysis=" * 50 + ")" * 50,
        "SentinelNN(analysis=(" + "(" * 60 + "MaxValue()," + ")" * 60 + "))",
        "SentinelNN(analysis=" + "MaxValue(" * 300 + ")" * 300 + ")",
        "SentinelNN(analysis=" + "{'a':" * 60 + "MaxValue()" + "}" * 60 + ")",
        "SentinelNN(" + "MaxValue()," * 270 + ")",
        "SentinelNN(analysis=" + "a." * 1490 + "b)",
        "SentinelNN(analysis=" + "os:" * 990 + "b)",
        "SentinelNN(analysis=" + "-" * 2900 + "MaxValue())",
        "SentinelNN(analysis=" + "''''" * 700 + "x:MaxValue())",
        "SentinelNN(analysis=MaxValue()())",
        "SentinelNN(analysis=MaxValue().find)",
        "SentinelNN(analysis=MaxValue() or Sern())",
        "SentinelNN(analysis={**MaxValue()})",
        "SentinelNN(analysis={MaxValue(): 1})",
        "SentinelNN(analysis=[MaxValue() for _ in 'a'])",
        "SentinelNN(analysis=__import__('os').abort())",
        "SentinelNN(analysis=os:abort())",
        "SentinelNN(analysis='os:abort()')",
        "SentinelNN(analysis=os.abort())",
        "SentinelNN(analysis=os.__colon__.abort())",
        "SentinelNN(analysis=MaxValue(**{}))",
        "SentinelNN(prune=MaxValue())",
        "SentinelNN(MaxValue)",
        "SentinelNN(analysis=" + "a." * 1400 + "a:MaxValue())",
        "a." * 1400 + "a:SentinelNN()",
    ],
    ids=lambda written: written[:40],
)
def test_hostile_nested_text_ends_in_one_short_line(written):
    with pytest.raises(InputError) as error:
        HARDENINGS.parse(written)
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 1000


@given(inside=st.text("SentinelNN(analysis=MaxValue(),)'[]{}\"\\#:\n ", max_size=60))
def test_any_nested_text_is_a_component_or_an_input_error(inside):
    try:
        part = HARDENINGS.parse(f"SentinelNN(analysis={inside})", foreign=False)
    except InputError:
        return
    assert HARDENINGS.parse(repr(part)) == part


def test_components_nested_too_deep_to_be_read_are_not_made(pantry):
    part = None
    for _ in range(MAX_DEPTH - 1):  # the last one holds an empty mapping
        part = pantry.NestedFormat(part)
        assert FORMATS.parse(repr(part)) == part
    with pytest.raises(InputError, match=f"{MAX_DEPTH} deep"):
        pantry.NestedFormat(part)


def test_text_as_written_by_earlier_versions_is_read():
    written = "WeightSensitivity(format='Int(8)', fault=\"BitFlip(field='sign')\")"
    part = ANALYSES.parse(written, foreign=False)
    assert part == WeightSensitivity(Int(8), BitFlip(field="sign"))
    assert repr(part) == "WeightSensitivity(format=Int(8), fault=BitFlip(field='sign'))"
