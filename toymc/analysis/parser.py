"""Reader of basf2 cut strings: text -> syntax tree, by recursive descent, with no `eval` anywhere.

Grammar, loosest binding first (the one of basf2's cut parser: brackets group, relations may be chained)::

    cut      = and ("or" and)*                      sum     = term (("+" | "-") term)*
    and      = not ("and" not)*                     term    = sign (("*" | "/") sign)*
    not      = "not" not | relation                 sign    = ("+" | "-") sign | power
    relation = sum (("<" | "<=" | ">" | ">=" | "==" | "!=") sum)*
    power    = atom (("^" | "**") sign)?            (right associative, binds tighter than a sign)
    atom     = number | name | name "(" arguments ")" | "(" cut ")" | "[" cut "]"

A relation chain means what it means in Python: ``a < b < c`` is ``a < b and b < c``.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from toymc.errors import InputError


class CutError(InputError):
    """A cut string that cannot be read or evaluated; `position` is the offending character, counted from 1."""

    def __init__(self, text: str, position: int, complaint: str) -> None:
        self.text = text
        self.position = position
        super().__init__(f'cut "{text}", character {position}: {complaint}')


@dataclass(frozen=True)
class Number:
    """A literal."""

    value: float


@dataclass(frozen=True)
class Name:
    """A column; a basf2 meta-variable keeps its arguments in the name, e.g. ``useCMSFrame(p)``."""

    name: str
    position: int


@dataclass(frozen=True)
class Apply:
    """An operator or a built-in function with its operands."""

    operator: str
    operands: tuple["Node", ...]


@dataclass(frozen=True)
class Chain:
    """A relation chain: ``operands[0] relations[0] operands[1] relations[1] ...``."""

    relations: tuple[str, ...]
    operands: tuple["Node", ...]


Node = Number | Name | Apply | Chain

FUNCTIONS: Mapping[str, int] = {
    "formula": 1, "abs": 1, "min": 2, "max": 2, "sin": 1, "cos": 1, "tan": 1, "asin": 1, "acos": 1, "atan": 1,
    "exp": 1, "log": 1, "log10": 1, "isNAN": 1, "ifNANgiveX": 2, "modulo": 2, "passesCut": 1,
}  # fmt: skip
"""Functions of the cut language and how many arguments each takes (the names are basf2's meta-variables)."""

_CONSTANTS = {"True": 1.0, "False": 0.0, "infinity": float("inf"), "nan": float("nan")}
_KEYWORDS = frozenset({"and", "or", "not"})
_RELATIONS = frozenset({"<", "<=", ">", ">=", "==", "!="})
_CLOSING = {"(": ")", "[": "]"}
_MAX_DEPTH = 100  # nesting that a person writes stays far below; the interpreter's own stack ends above

_TOKEN = re.compile(
    r"\s*(?:(?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)|(?P<name>[A-Za-z_]\w*)"
    r"|(?P<symbol><=|>=|==|!=|\*\*|[-+*/^<>()\[\],])|(?P<other>\S))"
)
_HINTS = {
    "=": "use '==' to compare",
    "&": "write 'and'",
    "|": "write 'or'",
    "!": "write 'not' or '!='",
    "{": "use '(' or '[' to group",
    "}": "use ')' or ']' to group",
}


@dataclass(frozen=True)
class _Token:
    kind: str  # number, name, symbol, other (allowed in the arguments of meta-variables only), end
    text: str
    start: int  # 0-based
    stop: int


def _tokenize(text: str) -> list[_Token]:
    tokens: list[_Token] = []
    at = 0
    while match := _TOKEN.match(text, at):
        kind = str(match.lastgroup)
        token = _Token(kind, match.group(kind), match.start(kind), match.end(kind))
        if kind == "name" and tokens and tokens[-1].kind == "number" and tokens[-1].stop == token.start:
            raise CutError(text, token.start + 1, f"'{tokens[-1].text}{token.text}' is neither a number nor a name")
        tokens.append(token)
        at = match.end()
    tokens.append(_Token("end", "", len(text), len(text)))
    return tokens


class _Parser:
    def __init__(self, text: str, aliases: Mapping[str, str], opened: tuple[str, ...] = (), depth: int = 0) -> None:
        self.text = text
        self.aliases = aliases
        self.opened = opened  # aliases being expanded, to catch one that contains itself
        self.tokens = _tokenize(text)
        self.at = 0
        self.depth = depth

    @property
    def token(self) -> _Token:
        return self.tokens[self.at]

    def fail(self, complaint: str) -> CutError:
        if self.token.kind == "other":
            hint = _HINTS.get(self.token.text, "known are names, numbers, and or not, < > == !=, + - * / ^, brackets")
            complaint = f"unexpected '{self.token.text}': {hint}"
        return CutError(self.text, min(self.token.start, max(len(self.text) - 1, 0)) + 1, complaint)

    def take(self, *texts: str) -> str | None:
        """Consume the current token if it is one of the keywords or symbols given."""
        token = self.token
        if token.kind in ("symbol", "name") and token.text in texts:
            self.at += 1
            return token.text
        return None

    def parse(self) -> Node:
        node = self.either()
        if self.token.kind != "end":
            raise self.fail(f"unexpected '{self.token.text}' after a complete expression")
        return node

    def either(self) -> Node:
        node = self.both()
        while self.take("or"):
            node = Apply("or", (node, self.both()))
        return node

    def both(self) -> Node:
        node = self.negated()
        while self.take("and"):
            node = Apply("and", (node, self.negated()))
        return node

    def negated(self) -> Node:
        self.depth += 1
        if self.depth > _MAX_DEPTH:
            raise self.fail(f"nested deeper than {_MAX_DEPTH} levels: split the cut")
        node: Node = Apply("not", (self.negated(),)) if self.take("not") else self.relation()
        self.depth -= 1
        return node

    def relation(self) -> Node:
        operands = [self.sum()]
        relations: list[str] = []
        while relation := self.take(*_RELATIONS):
            relations.append(relation)
            operands.append(self.sum())
        return Chain(tuple(relations), tuple(operands)) if relations else operands[0]

    def sum(self) -> Node:
        node = self.term()
        while operator := self.take("+", "-"):
            node = Apply(operator, (node, self.term()))
        return node

    def term(self) -> Node:
        node = self.sign()
        while operator := self.take("*", "/"):
            node = Apply(operator, (node, self.sign()))
        return node

    def sign(self) -> Node:
        self.depth += 1
        if self.depth > _MAX_DEPTH:
            raise self.fail(f"nested deeper than {_MAX_DEPTH} levels: split the cut")
        if self.take("-"):
            node: Node = Apply("neg", (self.sign(),))
        elif self.take("+"):
            node = self.sign()
        else:
            node = self.power()
        self.depth -= 1
        return node

    def power(self) -> Node:
        base = self.atom()
        return Apply("^", (base, self.sign())) if self.take("^", "**") else base

    def atom(self) -> Node:
        token = self.token
        if token.kind == "number":
            self.at += 1
            return Number(float(token.text))
        if token.kind == "name" and token.text not in _KEYWORDS:
            self.at += 1
            return self.named(token)
        opening = self.take("(", "[")
        if opening is None:
            found = "the end" if token.kind == "end" else f"'{token.text}'"
            raise self.fail(f"expected a variable, a number or a bracket, found {found}")
        node = self.either()
        self.close(token)
        return node

    def close(self, opened: _Token) -> None:
        if self.take(_CLOSING[opened.text]) is None:
            found = "the end" if self.token.kind == "end" else f"'{self.token.text}'"
            partner = f"the '{opened.text}' at character {opened.start + 1}"
            raise self.fail(f"expected '{_CLOSING[opened.text]}' for {partner}, found {found}")

    def named(self, token: _Token) -> Node:
        called = self.token.kind == "symbol" and self.token.text == "("
        if called and token.text in FUNCTIONS:
            return self.function(token)
        name = self.meta_variable(token) if called else token.text
        if name in self.aliases:
            return self.expanded(name, token)
        if name in _CONSTANTS:
            return Number(_CONSTANTS[name])
        return Name(name, token.start + 1)

    def expanded(self, name: str, token: _Token) -> Node:
        if name in self.opened:
            raise CutError(self.text, token.start + 1, f"alias '{name}' contains itself")
        return _Parser(self.aliases[name], self.aliases, (*self.opened, name), self.depth).parse()

    def function(self, token: _Token) -> Node:
        opening = self.token
        self.at += 1
        operands = [self.either()]
        while self.take(","):
            operands.append(self.either())
        self.close(opening)
        expected = FUNCTIONS[token.text]
        if len(operands) != expected:
            raise CutError(
                self.text, token.start + 1, f"{token.text}() takes {expected} argument(s), {len(operands)} given"
            )
        if token.text == "formula":
            return operands[0]
        return Apply(token.text, tuple(operands))

    def meta_variable(self, token: _Token) -> str:
        """Swallow ``name( ... )`` whole; the name of the column is that text without white space."""
        opening = self.token
        depth = 0
        while True:
            current = self.token
            if current.kind == "end":
                raise self.fail(f"expected ')' for the '(' at character {opening.start + 1}, found the end")
            self.at += 1
            depth += (current.text == "(") - (current.text == ")")
            if depth == 0:
                return re.sub(r"\s+", "", self.text[token.start : current.stop])


def parse(text: str, aliases: Mapping[str, str] | None = None) -> Node:
    """Read a cut or a formula in basf2 syntax.

    Parameters
    ----------
    text : str
        The expression. A blank text is the cut that everything passes, as in basf2.
    aliases : mapping of str to str, optional
        Names that stand for other expressions, as basf2's ``variables.addAlias``.

    Returns
    -------
    Node
        The syntax tree.

    Raises
    ------
    CutError
        If the text does not follow the grammar of this module; it names the character.

    Examples
    --------
    >>> parse("2 < nTracks")
    Chain(relations=('<',), operands=(Number(value=2.0), Name(name='nTracks', position=5)))
    """
    if not text.strip():
        return Number(1.0)
    return _Parser(text, aliases or {}).parse()
