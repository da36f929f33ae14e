"""Eight neighbours of a column at a time, also of integers of 32 bits: for the columns of the record.

`toymc.lanes` calculates with doubles; here columns are read, written and carried from one place to another.
"""

import hashlib
from pathlib import Path
from typing import Any

from llvmlite import ir  # type: ignore[import-untyped]
from numba import types
from numba.core.typing.templates import Signature
from numba.extending import intrinsic

from toymc.lanes import LANES, PLACES, WIDTH

_LONG = ir.IntType(64)


def _vector_at(context: Any, builder: Any, kind: Any, array: Any, index: Any) -> tuple[Any, int]:
    """Pointer to eight neighbours from array[index] on, and the bytes of one of them."""
    data = context.make_array(kind)(context, builder, array).data
    element = context.get_data_type(kind.dtype)
    place = builder.bitcast(builder.gep(data, [index]), ir.VectorType(element, WIDTH).as_pointer())
    return place, context.get_abi_sizeof(element)


def _is_column(array: Any) -> bool:
    return isinstance(array, types.Array) and array.ndim == 1 and array.layout == "C"


@intrinsic
def carried(context: Any, array: Any, index: Any, out: Any, place: Any) -> tuple[Signature, Any] | None:
    """Copy the eight neighbours from array[index] on to out[place] and on; both of one type."""
    if not (_is_column(array) and _is_column(out) and array.dtype == out.dtype):
        return None

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        """One load and one store."""
        source, size = _vector_at(context, builder, signature.args[0], *arguments[:2])
        target, _ = _vector_at(context, builder, signature.args[2], *arguments[2:])
        builder.store(builder.load(source, align=size), target, align=size)
        return context.get_dummy_value()

    return types.void(array, types.int64, out, types.int64), generate


@intrinsic
def places_at(context: Any, array: Any, index: Any) -> tuple[Signature, Any] | None:
    """The eight neighbours from array[index] on, integers of 32 bits, as `Places`."""
    if not (_is_column(array) and array.dtype == types.int32):
        return None

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        """One load that widens."""
        source, size = _vector_at(context, builder, signature.args[0], *arguments)
        return builder.sext(builder.load(source, align=size), ir.VectorType(_LONG, WIDTH))

    return PLACES(array, types.int64), generate


def _shuffled(builder: Any, a: Any, b: Any, places: list[int]) -> Any:
    """Elements of two vectors, those of the second counted from WIDTH on."""
    integers = ir.VectorType(ir.IntType(32), WIDTH)
    return builder.shuffle_vector(a, b, ir.Constant(integers, places))


@intrinsic
def columns_at(context: Any, table: Any, places: Any) -> tuple[Signature, Any] | None:
    """Eight neighbours from table[place] on in every lane: as eight `Lanes`, the first of all, the second of all, ...

    Eight loads and 24 exchanges of registers, in place of 64 loads.
    """
    if not (_is_column(table) and table.dtype == types.float64 and places == PLACES):
        return None

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        """Rows that are turned into columns: blocks of one, two, four elements change places."""
        table, places = arguments
        rows = []
        for k in range(WIDTH):
            index = builder.extract_element(places, ir.Constant(ir.IntType(32), k))
            place, size = _vector_at(context, builder, signature.args[0], table, index)
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
        return context.make_tuple(builder, signature.return_type, rows)

    return types.UniTuple(LANES, WIDTH)(table, PLACES), generate


def _stamp() -> None:
    """Let cached kernels depend on this file (see `toymc.kernels`)."""
    digest = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()
    stamped: tuple[Any, ...] = (carried, places_at, columns_at)
    for function in stamped:
        function.toymc_stamp = digest


_stamp()
