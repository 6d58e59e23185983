"""Are pickles of arrays read exactly, and are all others refused without being run?"""

import contextlib
import os
import pickle
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from radhard.datasets.pickled import PickledArray, read_pickled

plain = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**31), 2**31 - 1)
    | st.floats()
    | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.tuples(inner, inner)
        | st.tuples(inner, inner, inner, inner)
        | st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=10,
)
kinds = st.sampled_from(["u1", "i2", "<i4", ">i4", "i8", "f2", "<f4", ">f8"])


def old(value) -> bytes:
    """A pickle as NumPy 1 wrote it, with the names that it used."""
    return pickle.dumps(value, protocol=2).replace(b"numpy._core", b"numpy.core")


@given(plain)
def test_plain_values_come_back_as_they_were(value):
    assert repr(read_pickled(old(value))) == repr(value)


@given(st.data())
def test_arrays_come_back_to_the_last_bit(data):
    shape = data.draw(arrays.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4))
    array = data.draw(arrays.arrays(np.dtype(data.draw(kinds)), shape))
    if data.draw(st.booleans()):
        array = np.asfortranarray(array)
    found, again = read_pickled(old([array, array]))
    assert found is again
    assert found.numbers().dtype == array.dtype
    assert found.numbers().shape == array.shape
    assert found.numbers().tobytes() == array.tobytes()


def test_arrays_of_objects_hold_what_was_in_them():
    array = np.array({"x": [np.arange(3)], "y": "name"}, dtype=object)
    found = read_pickled(old(array))
    (inside,) = found.content
    assert found.shape == ()
    assert inside["y"] == "name"
    assert inside["x"][0].numbers().tolist() == [0, 1, 2]
    with pytest.raises(ValueError, match="not of numbers"):
        found.numbers()


class Call:
    def __init__(self, function, *arguments):
        self.reduced = (function, arguments)

    def __reduce__(self):
        return self.reduced


@pytest.mark.parametrize("protocol", range(6))
def test_nothing_that_a_pickle_names_is_run(protocol, tmp_path):
    target = tmp_path / "made"
    inner = Call(eval, f"__import__('os').mkdir({str(target)!r})")
    for call in (
        Call(os.mkdir, str(target)),
        Call(os.system, f"mkdir {target}"),
        inner,
        {"a": [np.arange(2), (1, inner)]},
        Call(np.load, str(target)),
        Call(getattr, np, "load"),
        Call(pickle.loads, pickle.dumps(Call(os.mkdir, str(target)))),
    ):
        try:
            content = pickle.dumps(call, protocol=protocol)
        except TypeError:  # modules have no pickle
            continue
        with pytest.raises(ValueError, match="a pickle that names"):
            read_pickled(content)
    assert not target.exists()


def test_in_python_itself_these_pickles_do_run(tmp_path):
    """Otherwise the tests here would show nothing."""
    target = tmp_path / "made"
    pickle.loads(pickle.dumps(Call(os.system, f"mkdir {target}")))
    assert target.exists()


@pytest.mark.parametrize(
    "name",
    [
        "builtins eval",
        "os system",
        "numpy load",
        "numpy.core.multiarray scalar",
        "numpy ndarray.x",
        "__builtin__ bytes.fromhex",
        "_codecs decode",
        "copyreg _reconstructor",
        "numpy __dict__",
    ],
)
@pytest.mark.parametrize("form", ["GLOBAL", "INST", "STACK_GLOBAL"])
def test_only_what_an_array_needs_can_be_named(name, form):
    module, _, attribute = name.encode().partition(b" ")
    forms = {
        "GLOBAL": b"\x80\x02c%b\n%b\n)R." % (module, attribute),
        "INST": b"(i%b\n%b\n." % (module, attribute),
        "STACK_GLOBAL": b"\x80\x04\x8c%c%b\x8c%c%b\x93."
        % (len(module), module, len(attribute), attribute),
    }
    with pytest.raises(ValueError, match="a pickle that names"):
        read_pickled(forms[form])


@pytest.mark.parametrize("name", [b"numpy\ndtype", b"_codecs\nencode", b"numpy\nndarray"])
@pytest.mark.parametrize(
    "state", [b"N}X\x0c\x00\x00\x00__defaults__)s\x86", b"}X\x05\x00\x00\x00_makeNs", b"N"]
)
def test_what_is_named_cannot_be_written_to(name, state):
    """As attributes of a function could be, for every file that is read later."""
    with pytest.raises(ValueError, match="writes to what it names"):
        read_pickled(b"\x80\x02c%b\n%bb." % (name, state))
    array = read_pickled(old(np.arange(3)))
    assert array.numbers().tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    "content",
    [
        b"\x80\x02Nr\xff\xff\xff\xff.",  # the 2**32nd thing to be remembered
        b"Np4294967295\n.",
        b"\x80\x05\x96\xff\xff\xff\xff\xff\x00\x00\x00.",  # 2**40 bytes
        b"\x80\x04\x8e\xff\xff\xff\xff\xff\x00\x00\x00.",
        b"\x80\x02X\xff\xff\xff\x7f.",
    ],
)
def test_no_memory_is_claimed_for_what_is_not_there(content):
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match=r"pickle|expected|bytes"):
            read_pickled(content)
        assert tracemalloc.get_traced_memory()[1] < 2**20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    "content", [b"\x80\x02\x82\x01.", b"Pname\n.", b"\x80\x02K\x01Q.", b"\x80\x05\x97."]
)
def test_what_another_place_would_have_to_give_is_refused(content):
    with pytest.raises(ValueError, match="pickle"):
        read_pickled(content)


@pytest.mark.parametrize(
    "content",
    [
        b"\x80\x02c_codecs\nencode\n(c_codecs\nencode\nX\x06\x00\x00\x00latin1tR.",
        b"\x80\x02cnumpy\ndtype\n(c_codecs\nencode\ntR.",
        b"\x80\x02cnumpy\nndarray\n)R.",
        b"\x80\x02K\x01)R.",
        b"\x80\x02]}b.",
        b"\x80\x02cnumpy\nndarray\n)\x81.",
        b"(cnumpy\nndarray\no.",
        b"\x80\x02K\x01K\x02a.",
        b"\x80\x02}(K\x01u.",
        b"\x80\x02h\x05.",
        b"\x80\x02\x86.",
        b"\x80\x02t.",
        b"\x80\x02.",
        b"\x80\x02N",
        b"",
    ],
)
def test_a_pickle_that_makes_no_sense_is_refused(content):
    with pytest.raises(ValueError, match="pickle"):
        read_pickled(content)


@given(st.data())
def test_a_broken_pickle_is_refused_or_plain(data):
    content = bytearray(old({"a": [np.arange(4.0), (1, None)], "b": np.arange(6).reshape(2, 3)}))
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(ValueError):
        found = read_pickled(bytes(content))
        for value in found.values() if isinstance(found, dict) else ():
            if isinstance(value, PickledArray):
                assert value.numbers().shape == value.shape


def test_a_shape_that_promises_more_than_there_is_is_refused():
    for shape in ((5,), (2, 3), (-2, -2), (2**40, 2**40)):
        array = read_pickled(old(np.arange(4)))
        array.shape = shape
        with pytest.raises(ValueError, match="4 numbers in the shape"):
            array.numbers()
