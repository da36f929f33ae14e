"""Cuts compiled once into a stack program and evaluated on whole columns.

`Formula` is an expression with a value per row, `Selection` one that is true or false. Both are read by
`toymc.analysis.parser` (own grammar, no `eval`), turned into postfix instructions, and run with one numpy operation per
instruction, so that the cost per row does not depend on how the cut was written.
"""

import difflib
import operator
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from toymc.analysis.parser import FUNCTIONS, Apply, Chain, CutError, Name, Node, Number, parse
from toymc.errors import InputError

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]
Columns = Mapping[str, npt.NDArray[Any]]
"""A table: named columns of the same length."""

_RELATIONS: Mapping[str, Callable[[Any, Any], Any]] = {
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge, "==": operator.eq, "!=": operator.ne,
}  # fmt: skip


def _truth(value: Any) -> Any:
    """What counts as true: anything but zero (NaN is true, in C++ and Python alike)."""
    return np.not_equal(value, 0.0)


def _if_nan(value: Any, replacement: Any) -> Any:
    return np.where(np.isnan(value), replacement, value)


_OPERATORS: Mapping[str, Callable[..., Any]] = {
    "+": np.add, "-": np.subtract, "*": np.multiply, "/": np.divide, "^": np.power, "neg": np.negative,
    "and": lambda a, b: np.logical_and(_truth(a), _truth(b)), "or": lambda a, b: np.logical_or(_truth(a), _truth(b)),
    "not": lambda a: np.logical_not(_truth(a)), "passesCut": _truth,
    "abs": np.abs, "min": np.fmin, "max": np.fmax, "sin": np.sin, "cos": np.cos, "tan": np.tan,
    "asin": np.arcsin, "acos": np.arccos, "atan": np.arctan, "exp": np.exp, "log": np.log, "log10": np.log10,
    "isNAN": np.isnan, "ifNANgiveX": _if_nan, "modulo": np.fmod,
}  # fmt: skip


@dataclass(frozen=True)
class _Instruction:
    code: str  # number, column, apply, chain
    value: float = 0.0
    name: str = ""
    relations: tuple[str, ...] = ()
    n_operands: int = 0


def _instruction(node: Node) -> _Instruction:
    if isinstance(node, Number):
        return _Instruction("number", value=node.value)
    if isinstance(node, Name):
        return _Instruction("column", name=node.name)
    if isinstance(node, Chain):
        return _Instruction("chain", relations=node.relations, n_operands=len(node.operands))
    return _Instruction("apply", name=node.operator, n_operands=len(node.operands))


def _compile(root: Node) -> tuple[tuple[_Instruction, ...], dict[str, int]]:
    """Postfix program of a tree, and its columns with where each stands in the text (no recursion: trees are deep)."""
    program: list[_Instruction] = []
    places: dict[str, int] = {}
    waiting: list[tuple[Node, bool]] = [(root, False)]
    while waiting:
        node, operands_done = waiting.pop()
        if isinstance(node, Apply | Chain) and not operands_done:
            waiting.append((node, True))
            waiting.extend((operand, False) for operand in reversed(node.operands))
            continue
        if isinstance(node, Name):
            places.setdefault(node.name, node.position)
        program.append(_instruction(node))
    return tuple(program), places


def _suggestion(name: str, known: Collection[str]) -> str:
    lower = {candidate.lower(): candidate for candidate in sorted(known)}
    close = difflib.get_close_matches(name.lower(), lower, n=3, cutoff=0.6)
    if close:
        return "did you mean " + " or ".join(f"'{lower[match]}'" for match in close) + "?"
    return f"there are {len(lower)} variables: {', '.join(sorted(known)[:12])}{', ...' if len(lower) > 12 else ''}"


class Formula:
    """An expression in basf2 syntax with one number per row.

    Parameters
    ----------
    text : str
        E.g. ``"abs(deltaE)"`` or ``"formula([M*M + 2*p]^0.5)"``. ``==`` compares exactly.
    known : collection of str, optional
        Names that may occur; others are refused at once. Without it names are checked against the table at evaluation.
    aliases : mapping of str to str, optional
        Names that stand for expressions (basf2's ``addAlias``).

    Raises
    ------
    CutError
        If the text cannot be read or names an unknown variable.

    Examples
    --------
    >>> Formula("x^2 + 1").evaluate({"x": np.array([1.0, 2.0])})
    array([2., 5.])
    """

    def __init__(
        self, text: str, known: Collection[str] | None = None, aliases: Mapping[str, str] | None = None
    ) -> None:
        self.text = text
        self._program, self._places = _compile(parse(text, aliases))
        if known is not None:
            self._check_names(known)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.text!r})"

    @property
    def variables(self) -> tuple[str, ...]:
        """Columns that the expression reads, in order of appearance, aliases resolved."""
        return tuple(self._places)

    def _check_names(self, known: Collection[str]) -> None:
        for name, position in self._places.items():
            if name not in known:
                kind = "function" if name.split("(")[0] in FUNCTIONS else "variable"
                # a name out of an alias is not in the text: point at its beginning
                place = position if self.text[position - 1 :].startswith(name.split("(")[0]) else 1
                raise CutError(self.text, place, f"unknown {kind} '{name}': {_suggestion(name, known)}")

    def _inputs(self, columns: Columns) -> tuple[dict[str, FloatArray], int]:
        self._check_names(columns)
        lengths = {name: len(np.atleast_1d(columns[name])) for name in (self.variables or tuple(columns)[:1])}
        if not lengths:
            raise InputError(f'cut "{self.text}": the table has no columns, so it has no length')
        if len(set(lengths.values())) > 1:
            raise InputError(f'cut "{self.text}": columns differ in length: {lengths}')
        values: dict[str, FloatArray] = {}
        for name in self.variables:
            column = np.atleast_1d(np.asarray(columns[name]))
            if column.ndim != 1 or column.dtype.kind not in "fiub":
                raise InputError(
                    f"column '{name}' has shape {column.shape} and type {column.dtype}: give one number per row"
                )
            values[name] = column.astype(np.float64, copy=False)
        return values, next(iter(lengths.values()))

    def _run(self, columns: Columns) -> tuple[Any, int]:
        values, length = self._inputs(columns)
        stack: list[Any] = []
        with np.errstate(all="ignore"):  # 1/0 is inf and log(-1) is nan, as in basf2
            for step in self._program:
                if step.code == "number":
                    stack.append(np.float64(step.value))
                elif step.code == "column":
                    stack.append(values[step.name])
                else:
                    operands = stack[-step.n_operands :]
                    del stack[-step.n_operands :]
                    stack.append(_chain(step.relations, operands) if step.code == "chain" else _apply(step, operands))
        return stack[0], length

    def evaluate(self, columns: Columns) -> FloatArray:
        """Value of every row, shape (n_rows,); relations count as 0 or 1.

        Raises
        ------
        CutError
            If the table lacks a variable of the expression.
        InputError
            If the columns differ in length or do not hold numbers.
        """
        value, length = self._run(columns)
        result: FloatArray = np.array(np.broadcast_to(np.asarray(value, dtype=np.float64), (length,)))
        return result


def _chain(relations: tuple[str, ...], operands: list[Any]) -> Any:
    result = _RELATIONS[relations[0]](operands[0], operands[1])
    for relation, left, right in zip(relations[1:], operands[1:], operands[2:], strict=False):
        result = np.logical_and(result, _RELATIONS[relation](left, right))
    return result


def _apply(step: _Instruction, operands: list[Any]) -> Any:
    # relations and logic give booleans, which numpy would add as "or": arithmetic sees them as 0 and 1
    if any(operand.dtype == np.bool_ for operand in operands) and step.name not in ("and", "or", "not"):
        operands = [np.asarray(operand, dtype=np.float64) for operand in operands]
    return _OPERATORS[step.name](*operands)


class Selection(Formula):
    """A cut in basf2 syntax, parsed once; blank text selects everything.

    Parameters
    ----------
    text, known, aliases
        As for `Formula`.

    Examples
    --------
    >>> cut = Selection("0.9 < thrust < 0.99 and 1.2 < tag3hEnergyCMS < 5.3")
    >>> cut.variables
    ('thrust', 'tag3hEnergyCMS')
    >>> cut.mask({"thrust": np.array([0.95, 0.8]), "tag3hEnergyCMS": np.array([2.0, 2.0])})
    array([ True, False])
    """

    def mask(self, columns: Columns) -> BoolArray:
        """Which rows pass, bool (n_rows,).

        Raises
        ------
        CutError
            If the table lacks a variable of the cut (with the nearest names that it has).
        InputError
            If the columns differ in length or do not hold numbers.
        """
        value, length = self._run(columns)
        passed = value if value.dtype == np.bool_ else _truth(value)
        result: BoolArray = np.array(np.broadcast_to(np.asarray(passed, dtype=np.bool_), (length,)))
        return result
