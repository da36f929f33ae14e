"""Eight particles at a time: vectors of numbers that kernels calculate with as with one number.

The event loop of a fast simulation waits: a division takes as long as a dozen multiplications, and the next step needs
its result. Eight particles side by side take as long as one. Whether a compiler finds that by itself changes with every
line; here it is said. `Lanes` is LLVM's vector of eight doubles, `Places` of eight integers, `Mask` what comparing
gives; they exist inside kernels alone. A function written with operators, `chosen`, and the functions below and of
`toymc.lane_math` takes plain numbers too: the tests run it both ways.

Whoever branches does so for all eight (`some`, `every`); what differs from lane to lane is `chosen(mask, a, b)`, for
which both values are worked out: a division by zero in a lane that is not chosen does no harm. Products and sums may be
contracted to one operation (LLVM's `contract`), which moves the last digit.

Processors with shorter vectors do the same in two or four steps.
"""

import math
import operator
from collections.abc import Callable
from typing import Any

from llvmlite import ir  # type: ignore[import-untyped]
from numba import types
from numba.core import cgutils
from numba.core.typing.templates import AbstractTemplate, infer_global, signature
from numba.extending import intrinsic, lower_builtin, lower_cast, models, overload, register_model

from toymc.kernels import stamp_with_file

WIDTH = 8
"""Lanes of a vector: one register of the widest kind."""

_instruction: Callable[[Callable[..., Any]], Any] = intrinsic
"""numba's decorator: inside kernels its functions are called without the typing context that they are written with."""
_DOUBLE, _LONG, _BIT = ir.DoubleType(), ir.IntType(64), ir.IntType(1)
_FAST = ("contract",)


class LanesType(types.Type):
    """Eight doubles."""


class PlacesType(types.Type):
    """Eight integers of 64 bits."""


class MaskType(types.Type):
    """Eight truth values."""


LANES, PLACES, MASK = LanesType("Lanes"), PlacesType("Places"), MaskType("Mask")


def _model(element: ir.Type) -> type:
    class VectorModel(models.PrimitiveModel):
        """One register."""

        def __init__(self, manager: Any, fe_type: types.Type) -> None:
            super().__init__(manager, fe_type, ir.VectorType(element, WIDTH))

    return VectorModel


for _type, _element in ((LanesType, _DOUBLE), (PlacesType, _LONG), (MaskType, _BIT)):
    register_model(_type)(_model(_element))


def _vector(element: ir.Type) -> ir.VectorType:
    return ir.VectorType(element, WIDTH)


def _splat(builder: Any, value: Any) -> Any:
    """All lanes alike."""
    none = ir.Constant(_vector(value.type), ir.Undefined)
    single = builder.insert_element(none, value, ir.Constant(ir.IntType(32), 0))
    return builder.shuffle_vector(single, none, ir.Constant(_vector(ir.IntType(32)), None))


@lower_cast(types.Float, LanesType)  # type: ignore[untyped-decorator]
@lower_cast(types.Integer, LanesType)  # type: ignore[untyped-decorator]
@lower_cast(types.Boolean, LanesType)  # type: ignore[untyped-decorator]
def _to_lanes(context: Any, builder: Any, given: Any, wanted: Any, value: Any) -> Any:
    """A number in every lane."""
    return _splat(builder, context.cast(builder, value, given, types.float64))


@lower_cast(types.Integer, PlacesType)  # type: ignore[untyped-decorator]
def _to_places(context: Any, builder: Any, given: Any, wanted: Any, value: Any) -> Any:
    """An integer in every lane."""
    return _splat(builder, context.cast(builder, value, given, types.int64))


@lower_cast(types.Boolean, MaskType)  # type: ignore[untyped-decorator]
def _to_mask(context: Any, builder: Any, given: Any, wanted: Any, value: Any) -> Any:
    """A truth value in every lane."""
    return _splat(builder, context.cast(builder, value, given, types.boolean))


def _is_plain(kind: types.Type) -> bool:
    return isinstance(kind, types.Float | types.Integer | types.Boolean)


def _common(args: tuple[types.Type, ...]) -> types.Type | None:
    """The vector type to which all arguments are brought, None if there is no vector or they do not fit."""
    for vector in (LANES, PLACES, MASK):
        if vector in args:
            return vector if all(a is vector or a == vector or _is_plain(a) for a in args) else None
    return None


def _operator(symbols: tuple[Any, ...], kinds: tuple[types.Type, ...], result: Any, make: Callable[..., Any]) -> None:
    """Teach numba an operator on vectors: `result` is the type it gives (None: as its arguments)."""

    def generic(self: Any, args: Any, keywords: Any) -> Any:
        common = _common(args)
        if common is None or common not in kinds:
            return None
        return signature(common if result is None else result, *[common] * len(args))

    def lower(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return make(builder, sig.args[0], *args)

    for symbol in symbols:
        infer_global(symbol)(type(f"Vector_{symbol.__name__}", (AbstractTemplate,), {"generic": generic}))
        for kind in kinds:
            count = 1 if symbol in (operator.neg, operator.invert, abs) else 2
            lower_builtin(symbol, *[type(kind)] * count)(lower)


def _arithmetic(real: str, whole: str) -> Callable[..., Any]:
    def make(builder: Any, kind: types.Type, a: Any, b: Any) -> Any:
        if kind == LANES:
            return getattr(builder, real)(a, b, flags=_FAST)
        return getattr(builder, whole)(a, b)

    return make


def _comparison(sign: str) -> Callable[..., Any]:
    def make(builder: Any, kind: types.Type, a: Any, b: Any) -> Any:
        if kind == LANES:
            return (builder.fcmp_unordered if sign == "!=" else builder.fcmp_ordered)(sign, a, b)
        return builder.icmp_signed(sign, a, b)

    return make


def _of_llvm(builder: Any, name: str, x: Any) -> Any:
    """One of LLVM's functions of a vector of doubles."""
    kind = ir.FunctionType(x.type, [x.type])
    return builder.call(cgutils.get_or_insert_function(builder.module, kind, f"llvm.{name}.v{WIDTH}f64"), [x])


def _absolute(builder: Any, kind: types.Type, a: Any) -> Any:
    return _of_llvm(builder, "fabs", a)


def _negative(builder: Any, kind: types.Type, a: Any) -> Any:
    return builder.fneg(a) if kind == LANES else builder.neg(a)


_NUMBERS, _BITS = (LANES, PLACES), (PLACES, MASK)
_operator((operator.add, operator.iadd), _NUMBERS, None, _arithmetic("fadd", "add"))
_operator((operator.sub, operator.isub), _NUMBERS, None, _arithmetic("fsub", "sub"))
_operator((operator.mul, operator.imul), _NUMBERS, None, _arithmetic("fmul", "mul"))
_operator((operator.truediv, operator.itruediv), (LANES,), None, _arithmetic("fdiv", "sdiv"))
for _symbol, _sign in (
    (operator.lt, "<"), (operator.le, "<="), (operator.gt, ">"), (operator.ge, ">="),
    (operator.eq, "=="), (operator.ne, "!="),
):  # fmt: skip
    _operator((_symbol,), _NUMBERS, MASK, _comparison(_sign))
_operator((operator.and_, operator.iand), _BITS, None, lambda builder, kind, a, b: builder.and_(a, b))
_operator((operator.or_, operator.ior), _BITS, None, lambda builder, kind, a, b: builder.or_(a, b))
_operator((operator.xor,), _BITS, None, lambda builder, kind, a, b: builder.xor(a, b))
_operator((operator.lshift,), (PLACES,), None, lambda builder, kind, a, b: builder.shl(a, b))
_operator((operator.rshift,), (PLACES,), None, lambda builder, kind, a, b: builder.ashr(a, b))
_operator((operator.invert,), _BITS, None, lambda builder, kind, a: builder.not_(a))
_operator((operator.neg,), _NUMBERS, None, _negative)
_operator((abs,), (LANES,), None, _absolute)


@_instruction
def _select(context: Any, mask: Any, a: Any, b: Any) -> Any:
    common = _common((a, b))
    if common is None and _is_plain(a) and _is_plain(b):
        kinds = {types.Boolean: MASK, types.Integer: PLACES}
        common = next((v for k, v in kinds.items() if isinstance(a, k) and isinstance(b, k)), LANES)
    if not (mask == MASK or isinstance(mask, types.Boolean)) or common is None:
        return None

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return builder.select(*args)

    return signature(common, MASK, common, common), generate


@_instruction
def _square_root(context: Any, x: Any) -> Any:
    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return _of_llvm(builder, "sqrt", args[0])

    return signature(LANES, LANES), generate


@_instruction
def _rounded(context: Any, x: Any) -> Any:
    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return _of_llvm(builder, "rint", args[0])

    return signature(LANES, LANES), generate


@_instruction
def _truncated(context: Any, x: Any) -> Any:
    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return builder.fptosi(args[0], _vector(_LONG))

    return signature(PLACES, LANES), generate


@_instruction
def _floating(context: Any, x: Any) -> Any:
    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return builder.sitofp(args[0], _vector(_DOUBLE))

    return signature(LANES, PLACES), generate


@_instruction
def bits_of(context: Any, x: Any) -> Any:
    """The 64 bits of every double as an integer."""
    if x not in (LANES, types.float64):
        return None
    lanes = x == LANES

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return builder.bitcast(args[0], _vector(_LONG) if lanes else _LONG)

    return signature(PLACES if lanes else types.int64, x), generate


@_instruction
def of_bits(context: Any, x: Any) -> Any:
    """The double that has these 64 bits."""
    if not (x == PLACES or isinstance(x, types.Integer)):
        return None
    lanes = x == PLACES

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return builder.bitcast(args[0], _vector(_DOUBLE) if lanes else _DOUBLE)

    return (signature(LANES, PLACES) if lanes else signature(types.float64, types.int64)), generate


@_instruction
def _bit_field(context: Any, mask: Any) -> Any:
    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return builder.zext(builder.bitcast(args[0], ir.IntType(WIDTH)), _LONG)

    return signature(types.int64, MASK), generate


@_instruction
def filled(context: Any, value: Any) -> Any:
    """A number in every lane."""
    if not isinstance(value, types.Float | types.Integer):
        return None

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return _splat(builder, args[0])

    return signature(LANES, types.float64), generate


@_instruction
def filled_places(context: Any, value: Any) -> Any:
    """An integer in every lane."""
    if not isinstance(value, types.Integer):
        return None

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return _splat(builder, args[0])

    return signature(PLACES, types.int64), generate


@_instruction
def lane(context: Any, vector: Any, k: Any) -> Any:
    """What lane k holds."""
    if vector not in (LANES, PLACES, MASK):
        return None
    single = {LANES: types.float64, PLACES: types.int64, MASK: types.boolean}[vector]

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        value = builder.extract_element(args[0], args[1])
        return context.cast(builder, value, types.boolean, types.boolean) if single == types.boolean else value

    return signature(single, vector, types.int64), generate


def chosen(mask: Any, a: Any, b: Any) -> Any:
    """`a` where the mask is true, else `b`; of two plain numbers `Lanes`, of two integers `Places`."""
    return a if mask else b


@overload(chosen, strict=False)
def _chosen(mask: Any, a: Any, b: Any) -> Any:
    if mask == MASK or _common((a, b)) is not None:
        return lambda mask, a, b: _select(mask, a, b)
    return lambda mask, a, b: a if mask else b


def root(x: Any) -> Any:
    """Square root."""
    return math.sqrt(x)


@overload(root, strict=False)
def _root(x: Any) -> Any:
    return (lambda x: _square_root(x)) if x == LANES else (lambda x: math.sqrt(x))


def nearest(x: Any) -> Any:
    """Nearest whole number, as a real number."""
    return float(round(x))


@overload(nearest, strict=False)
def _nearest(x: Any) -> Any:
    return (lambda x: _rounded(x)) if x == LANES else (lambda x: float(round(x)))


def whole(x: Any) -> Any:
    """Integer part, towards zero; of what fits into an integer."""
    return int(x)


@overload(whole, strict=False)
def _whole(x: Any) -> Any:
    return (lambda x: _truncated(x)) if x == LANES else (lambda x: int(x))


def real(x: Any) -> Any:
    """An integer as a real number."""
    return float(x)


@overload(real, strict=False)
def _real(x: Any) -> Any:
    return (lambda x: _floating(x)) if x == PLACES else (lambda x: float(x))


def lower_of(a: Any, b: Any) -> Any:
    """The smaller of two; b if a is no number."""
    return a if a < b else b


@overload(lower_of, strict=False)
def _lower_of(a: Any, b: Any) -> Any:
    if _common((a, b)) is not None:
        return lambda a, b: _select(a < b, a, b)
    return lambda a, b: a if a < b else b


def higher_of(a: Any, b: Any) -> Any:
    """The larger of two; b if a is no number."""
    return a if a > b else b


@overload(higher_of, strict=False)
def _higher_of(a: Any, b: Any) -> Any:
    if _common((a, b)) is not None:
        return lambda a, b: _select(a > b, a, b)
    return lambda a, b: a if a > b else b


def some(mask: Any) -> Any:
    """Whether the mask is true in any lane."""
    return bool(mask)


@overload(some, strict=False)
def _some(mask: Any) -> Any:
    return (lambda mask: _bit_field(mask) != 0) if mask == MASK else (lambda mask: bool(mask))


def every(mask: Any) -> Any:
    """Whether the mask is true in all lanes."""
    return bool(mask)


@overload(every, strict=False)
def _every(mask: Any) -> Any:
    full = (1 << WIDTH) - 1
    return (lambda mask: _bit_field(mask) == full) if mask == MASK else (lambda mask: bool(mask))


stamp_with_file(
    __file__, chosen, root, nearest, whole, real, lower_of, higher_of, some, every, filled, filled_places, lane,
    bits_of, of_bits,
)  # fmt: skip
