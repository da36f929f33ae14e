"""Cut strings against Python's own evaluation of the same expression, and every way to get them wrong."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from toymc.analysis import ALIASES, VARIABLES, CutError, Formula, Selection
from toymc.errors import InputError
from toymc.streams import stream

TABLE = {name: stream(1, name, "test", 0).uniform(-2.0, 2.0, 64) for name in ("thrust", "p", "M", "theta")}
TABLE["n"] = stream(1, "n", "test", 0).integers(0, 4, 64).astype(np.float64)

NUMBERS = st.sampled_from(["0", "1", "2", "0.5", ".25", "1.5e0", "3E-1", "2."])
NAMES = st.sampled_from(list(TABLE))


def grow_arithmetic(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        st.builds("{} {} {}".format, inner, st.sampled_from("+-*"), inner),
        st.builds("({})".format, inner),
        st.builds("[{}]".format, inner),
        st.builds("-{}".format, inner),
        st.builds("abs({})".format, inner),
        st.builds("({})**2".format, inner),
        st.builds("-{}^2".format, NAMES),
        st.builds("min({}, {})".format, inner, inner),
    )


ARITHMETIC = st.recursive(st.one_of(NUMBERS, NAMES), grow_arithmetic, max_leaves=8)
RELATION = st.sampled_from(["<", "<=", ">", ">=", "==", "!="])


def grow_logic(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        st.builds("{} and {}".format, inner, inner),
        st.builds("{} or {}".format, inner, inner),
        st.builds("not {}".format, inner),
        st.builds("[{}]".format, inner),
        st.builds("({})".format, inner),
    )


CUT = st.recursive(
    st.one_of(
        st.builds("{} {} {}".format, ARITHMETIC, RELATION, ARITHMETIC),
        st.builds("{} {} {} {} {}".format, ARITHMETIC, RELATION, ARITHMETIC, RELATION, ARITHMETIC),
    ),
    grow_logic,
    max_leaves=6,
)


def python_value(text: str, row: int) -> float | bool:
    """Python's evaluation of the same text, row by row (brackets group, ^ is a power)."""
    source = text.replace("[", "(").replace("]", ")").replace("^", "**")
    names = {name: float(column[row]) for name, column in TABLE.items()}
    return eval(source, {"__builtins__": {}, "abs": abs, "min": min}, names)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(CUT)
def test_cuts_agree_with_python(text):
    assert Selection(text).mask(TABLE).tolist() == [bool(python_value(text, row)) for row in range(64)]


@settings(max_examples=200, deadline=None, derandomize=True)
@given(ARITHMETIC)
def test_formulas_agree_with_python(text):
    expected = [float(python_value(text, row)) for row in range(64)]
    np.testing.assert_allclose(Formula(text).evaluate(TABLE), expected, rtol=1e-13, atol=0.0)


@settings(max_examples=500, deadline=None, derandomize=True)
@given(st.text(alphabet="ab10.<>=!()[],+-*/^ andornt&|'\"\n\té", max_size=25))
def test_any_text_is_read_or_refused_in_one_line(text):
    try:
        Formula(text)
    except CutError as error:
        assert 1 <= error.position <= max(len(text), 1)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("-2^2", -4.0), ("2^3^2", 512.0), ("2^-1", 0.5), ("7 - 4 - 2", 1.0), ("8 / 4 / 2", 1.0), ("1 + 2 * 3", 7.0),
        ("formula([1 + 3]^0.5)", 2.0), ("max(1, min(5, 3))", 3.0), ("modulo(7, 4)", 3.0), ("(1 < 2) + (3 > 2)", 2.0),
        ("-(1 < 2)", -1.0), ("log10(100)", 2.0), ("isNAN(nan)", 1.0), ("ifNANgiveX(nan, 4)", 4.0), ("True", 1.0),
        ("passesCut(2 > 1) * 5", 5.0), ("infinity > 1e300", 1.0), ("3 > 2 > 1", 1.0), ("3 > 2 == 2", 1.0),
        ("not 1 == 2", 1.0), ("1 or 0 and 0", 1.0), ("cos(0) + sin(0) + tan(0) + exp(0)", 2.0),
        ("acos(1) + asin(0)", 0.0), ("atan(1) * 4", math.pi), ("log(exp(2))", 2.0), ("+ + 3", 3.0), ("1 - -1", 2.0),
    ],
)  # fmt: skip
def test_values_in_closed_form(text, expected):
    assert Formula(text).evaluate({"x": np.zeros(1)})[0] == pytest.approx(expected, rel=1e-15)


def test_the_published_cut():
    cut = Selection("0.9 < thrust < 0.99 and 1.2 < tag3hEnergyCMS < 5.3", known=VARIABLES)
    assert cut.variables == ("thrust", "tag3hEnergyCMS")
    table = {"thrust": np.array([0.95, 0.995, 0.95, np.nan]), "tag3hEnergyCMS": np.array([3.0, 3.0, 5.5, 3.0])}
    assert cut.mask(table).tolist() == [True, False, False, False]


def test_blank_selects_everything_and_constants_fill_the_table():
    assert Selection("  ").mask({"x": np.zeros(3)}).tolist() == [True] * 3
    assert Formula("2").evaluate({"x": np.zeros(3)}).tolist() == [2.0] * 3
    assert Selection("x > 0").mask({"x": np.zeros(0)}).shape == (0,)


def test_nan_and_division_by_zero_follow_ieee():
    table = {"x": np.array([np.nan, 0.0, 1.0])}
    assert Selection("x > 0").mask(table).tolist() == [False, False, True]
    assert Selection("x != x").mask(table).tolist() == [True, False, False]
    assert Selection("x").mask(table).tolist() == [True, False, True]
    assert Selection("1/x > 5").mask(table).tolist() == [False, True, False]


def test_integer_and_boolean_columns_count_as_numbers():
    table = {"n": np.array([1, 2, 3], dtype=np.int32), "ok": np.array([True, False, True])}
    assert Selection("n >= 2 and ok").mask(table).tolist() == [False, False, True]
    assert Formula("n^-1 + ok").evaluate(table).tolist() == [2.0, 0.5, 1.0 + 1.0 / 3.0]


def test_meta_variables_are_columns_and_aliases_expand():
    table = {"useCMSFrame(p)": np.array([1.0, 3.0]), "nNeutralECLClusters": np.array([0.0, 2.0])}
    assert Selection("useCMSFrame( p ) > 2").mask(table).tolist() == [False, True]
    assert Selection("nNeutralECLClusters(1) > 1", VARIABLES, ALIASES).mask(table).tolist() == [False, True]
    lists = {"nParticlesInList(pi+:tracks)": np.array([3.0, 4.0])}
    assert Selection("nParticlesInList(pi+:tracks) == 4").mask(lists).tolist() == [False, True]
    twice = Formula("2 * y", aliases={"y": "z + 1", "z": "useCMSFrame(p)"})
    assert twice.variables == ("useCMSFrame(p)",)
    assert twice.evaluate(table).tolist() == [4.0, 8.0]


@pytest.mark.parametrize(
    ("text", "position", "words"),
    [
        ("thurst < 1", 1, "did you mean 'thrust'"), ("1 < Thrust", 5, "did you mean 'thrust'"),
        ("thrust = 1", 8, "use '=='"), ("thrust > 1 && p > 2", 12, "write 'and'"), ("p || M", 3, "write 'or'"),
        ("(p < 1", 6, "expected ')'"), ("[p < 1)", 7, "expected ']'"), ("p < 1)", 6, "unexpected ')'"),
        ("p <", 3, "found the end"), ("and p", 1, "found 'and'"), ("p < < 1", 5, "found '<'"), ("p 1", 3, "unexpected"),
        ("3x < 1", 2, "neither a number nor a name"), ("abs(p, M) < 1", 1, "takes 1"), ("max(p) < 1", 1, "takes 2"),
        ("p < 1 or", 8, "found the end"), ("p # 1", 3, "unexpected '#'"), ("{p}", 1, "to group"),
        ("foo(p, bar(2)", 13, "expected ')'"), ("not", 3, "found the end"), ("()", 2, "found ')'"),
    ],
)  # fmt: skip
def test_errors_name_the_place(text, position, words):
    with pytest.raises(CutError) as caught:
        Selection(text).mask(TABLE)
    assert words in str(caught.value)
    assert caught.value.position == position
    assert "\n" not in str(caught.value)


def test_unknown_names_are_refused_at_once_when_known_names_are_given():
    with pytest.raises(CutError, match="did you mean 'missingMomentumOfEventCMS_theta'"):
        Selection("0.3 < missingMomentumOfEventCMS_Theta < 2.7", known=VARIABLES)


def test_depth_and_alias_loops_end_in_an_error():
    with pytest.raises(CutError, match="nested deeper"):
        Selection("(" * 5000 + "p" + ")" * 5000)
    with pytest.raises(CutError, match="nested deeper"):
        Selection("-" * 5000 + "p")
    with pytest.raises(CutError, match="contains itself"):
        Selection("a > 1", aliases={"a": "b", "b": "a + 1"})


def test_long_flat_cuts_are_fine():
    text = " and ".join(["p > -10"] * 5000)
    assert Selection(text).mask(TABLE).all()


def test_bad_tables():
    with pytest.raises(InputError, match="differ in length"):
        Selection("a > b").mask({"a": np.zeros(2), "b": np.zeros(3)})
    with pytest.raises(InputError, match="one number per row"):
        Selection("a > 1").mask({"a": np.zeros((2, 2))})
    with pytest.raises(InputError, match="one number per row"):
        Selection("a > 1").mask({"a": np.array(["x", "y"])})
    with pytest.raises(InputError, match="no columns"):
        Selection("1 > 0").mask({})
