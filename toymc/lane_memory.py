"""Vectors (see `toymc.lanes`) between registers and memory: neighbours, scattered numbers, rows of a table."""

from typing import Any

from llvmlite import ir  # type: ignore[import-untyped]
from numba import types
from numba.core import cgutils
from numba.core.typing.templates import signature
from numba.extending import overload

from toymc.kernels import stamp_with_file
from toymc.lanes import _DOUBLE, _LONG, LANES, PLACES, WIDTH, _instruction, _vector

_INT = ir.IntType(32)


def _is_column(array: Any) -> bool:
    return isinstance(array, types.Array) and array.ndim == 1 and array.layout == "C"


def _pointer(context: Any, builder: Any, kind: Any, array: Any, index: Any) -> Any:
    data = context.make_array(kind)(context, builder, array).data
    return builder.gep(data, [index])


def _vector_at(context: Any, builder: Any, kind: Any, array: Any, index: Any) -> tuple[Any, int]:
    """Pointer to eight neighbours from array[index] on, and the bytes of one of them."""
    element = context.get_data_type(kind.dtype)
    place = builder.bitcast(_pointer(context, builder, kind, array, index), _vector(element).as_pointer())
    return place, context.get_abi_sizeof(element)


@_instruction
def loaded(context: Any, array: Any, index: Any) -> Any:
    """The eight neighbours array[index] ... array[index + 7] of a contiguous one-dimensional array.

    Of doubles, of int32 and int64 (as `Places`), or of uint16 that are the leading halves of numbers in single
    precision (see `toymc.detector.pages`).
    """
    if not (_is_column(array) and array.dtype in (types.float64, types.int32, types.int64, types.uint16)):
        return None

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        place, size = _vector_at(context, builder, sig.args[0], *args)
        value = builder.load(place, align=size)
        if sig.args[0].dtype == types.int32:
            return builder.sext(value, _vector(_LONG))
        if sig.args[0].dtype == types.uint16:
            bits = builder.shl(builder.zext(value, _vector(_INT)), ir.Constant(_vector(_INT), [16] * WIDTH))
            return builder.fpext(builder.bitcast(bits, _vector(ir.FloatType())), _vector(_DOUBLE))
        return value

    whole = isinstance(array.dtype, types.Integer) and array.dtype != types.uint16
    return signature(PLACES if whole else LANES, array, types.int64), generate


@_instruction
def stored(context: Any, array: Any, index: Any, value: Any) -> Any:
    """Write eight neighbours from array[index] on: real numbers as doubles or without their fraction as int32, places
    as int64."""
    if not _is_column(array):
        return None
    if array.dtype not in {LANES: (types.float64, types.int32), PLACES: (types.int64,)}.get(value, ()):
        return None

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        place, size = _vector_at(context, builder, sig.args[0], *args[:2])
        vector = args[2] if sig.args[0].dtype != types.int32 else builder.fptosi(args[2], _vector(_INT))
        builder.store(vector, place, align=size)
        return context.get_dummy_value()

    return signature(types.void, array, types.int64, value), generate


@_instruction
def carried(context: Any, array: Any, index: Any, out: Any, place: Any) -> Any:
    """Copy the eight neighbours from array[index] on to out[place] and on; both of one type."""
    if not (_is_column(array) and _is_column(out) and array.dtype == out.dtype):
        return None

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        source, size = _vector_at(context, builder, sig.args[0], *args[:2])
        target, _ = _vector_at(context, builder, sig.args[2], *args[2:])
        builder.store(builder.load(source, align=size), target, align=size)
        return context.get_dummy_value()

    return signature(types.void, array, types.int64, out, types.int64), generate


@_instruction
def gathered(context: Any, array: Any, places: Any) -> Any:
    """array[place] in every lane of a one-dimensional array: doubles of real numbers, `Places` of integers."""
    if not (isinstance(array, types.Array) and array.ndim == 1 and places == PLACES):
        return None
    whole = isinstance(array.dtype, types.Integer)
    element = types.int64 if whole else types.float64

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        data = context.make_array(sig.args[0])(context, builder, args[0]).data
        result = ir.Constant(_vector(_LONG if whole else _DOUBLE), ir.Undefined)
        for k in range(WIDTH):
            at = ir.Constant(_INT, k)
            value = builder.load(builder.gep(data, [builder.extract_element(args[1], at)]))
            value = context.cast(builder, value, sig.args[0].dtype, element)
            result = builder.insert_element(result, value, at)
        return result

    return signature(PLACES if whole else LANES, array, PLACES), generate


def taken(array: Any, place: Any) -> Any:
    """array[place] of a one-dimensional array, lane by lane."""
    return array[place]


@overload(taken, strict=False)
def _taken(array: Any, place: Any) -> Any:
    if place == PLACES:
        return lambda array, place: gathered(array, place)
    return lambda array, place: array[place]


@_instruction
def copied(context: Any, array: Any, first: Any, out: Any, place: Any, count: Any) -> Any:
    """Copy `count` neighbours from array[first] on to out[place] and on: contiguous arrays of one type, apart."""
    plain = isinstance(array, types.Array) and isinstance(out, types.Array)
    if not (plain and array.ndim == out.ndim == 1 and array.dtype == out.dtype):
        return None

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        source = _pointer(context, builder, sig.args[0], *args[:2])
        target = _pointer(context, builder, sig.args[2], *args[2:4])
        size = context.get_abi_sizeof(context.get_data_type(sig.args[0].dtype))
        cgutils.raw_memcpy(builder, target, source, args[4], size, align=size)
        return context.get_dummy_value()

    return signature(types.void, array, types.int64, out, types.int64, types.int64), generate


def _shuffled(builder: Any, a: Any, b: Any, places: list[int]) -> Any:
    """Elements of two vectors, those of the second counted from WIDTH on."""
    return builder.shuffle_vector(a, b, ir.Constant(_vector(_INT), places))


@_instruction
def columns_at(context: Any, table: Any, places: Any) -> Any:
    """Eight neighbours from table[place] on in every lane: as eight `Lanes`, the first of all, the second of all, ...

    Eight loads and 24 exchanges of registers, in place of 64 loads.
    """
    if not (_is_column(table) and table.dtype == types.float64 and places == PLACES):
        return None

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        """Rows that are turned into columns: blocks of one, two, four elements change places."""
        table, places = args
        rows = []
        for k in range(WIDTH):
            index = builder.extract_element(places, ir.Constant(_INT, k))
            place, size = _vector_at(context, builder, sig.args[0], table, index)
            rows.append(builder.load(place, align=size))
        for step in (1, 2, 4):
            turned = list(rows)
            for k in range(WIDTH):
                if k & step:
                    continue
                low = [c if not c & step else c - step + WIDTH for c in range(WIDTH)]
                high = [c + step if not c & step else c + WIDTH for c in range(WIDTH)]
                turned[k] = _shuffled(builder, rows[k], rows[k + step], low)
                turned[k + step] = _shuffled(builder, rows[k], rows[k + step], high)
            rows = turned
        return context.make_tuple(builder, sig.return_type, rows)

    return signature(types.UniTuple(LANES, WIDTH), table, PLACES), generate


stamp_with_file(__file__, loaded, stored, carried, gathered, taken, copied, columns_at)
