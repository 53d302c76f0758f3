"""One-thing-at-a-time mutations of a source file, as text.

A mutant is the source with one small piece replaced: a sign, an operator, a constant, an index or
slice bound, an axis, a transpose, a term of a sum. The lines keep their numbers.
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

OPERATORS: dict[type[ast.operator], str] = {
    ast.Add: "-",
    ast.Sub: "+",
    ast.Mult: "/",
    ast.Div: "*",
    ast.FloorDiv: "*",
    ast.Mod: "*",
    ast.Pow: "*",
    ast.BitAnd: "|",
    ast.BitOr: "&",
}
COMPARISONS: dict[type[ast.cmpop], tuple[str, ...]] = {
    ast.Lt: (">=", "<="),
    ast.LtE: (">", "<"),
    ast.Gt: ("<=", ">="),
    ast.GtE: ("<", ">"),
    ast.Eq: ("!=",),
    ast.NotEq: ("==",),
    ast.Is: ("is not",),
    ast.IsNot: ("is",),
    ast.In: ("not in",),
    ast.NotIn: ("in",),
}
SWAPPED = {
    "maximum": "minimum",
    "minimum": "maximum",
    "max": "min",
    "min": "max",
    "sum": "mean",
    "mean": "sum",
    "zeros": "ones",
    "zeros_like": "ones_like",
    "ones": "zeros",
    "ones_like": "zeros_like",
}
TRANSPOSING = ("swapaxes", "transpose")


@dataclass(frozen=True)
class Mutant:
    """`old` -> `new` at a line of a file; `text` is the whole mutated source."""

    file: str
    line: int
    code: str  # the line, as it stands
    old: str
    new: str
    text: str

    @property
    def label(self) -> str:
        """old -> new, shortened to one line."""
        return f"{' '.join(self.old.split())} -> {' '.join(self.new.split())}"


def mutants(file: str, source: str, lines: set[int]) -> Iterator[Mutant]:
    """Every mutant of the statements that touch `lines`, without repetition."""
    text = source.encode()  # ast counts columns in bytes
    starts = [0]
    for row in text.splitlines(keepends=True):
        starts.append(starts[-1] + len(row))
    seen = set()
    for statement, nodes in statements(ast.parse(source)):
        last = max((n.end_lineno or n.lineno for n in nodes if hasattr(n, "lineno")), default=0)
        if not lines & set(range(statement.lineno, max(last, statement.lineno) + 1)):
            continue
        for node in [statement, *nodes]:
            for part, new in replacements(node, source):
                a = starts[part.lineno - 1] + part.col_offset
                b = starts[part.end_lineno - 1] + part.end_col_offset
                changed = text[:a] + new.encode() + text[b:]
                if (a, b, new) in seen or not compiles(changed):
                    continue
                seen.add((a, b, new))
                code = source.splitlines()[part.lineno - 1].split("  #")[0].strip()
                yield Mutant(file, part.lineno, code, text[a:b].decode(), new, changed.decode())


def statements(module: ast.Module) -> Iterator[tuple[ast.stmt, list[Any]]]:
    """Each statement inside a function with the expressions that are its own.

    Messages of errors, assertions and annotations are left out, and so are nested statements.
    """
    functions = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    for function in ast.walk(module):
        if not isinstance(function, ast.FunctionDef):
            continue
        for statement in ast.walk(function):
            if not isinstance(statement, ast.stmt) or isinstance(
                statement, (*functions, ast.Raise, ast.Assert)
            ):
                continue
            if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
                continue  # a docstring
            yield statement, list(own_nodes(statement))


def own_nodes(node: ast.AST) -> Iterator[Any]:
    """The expressions below a node, without nested statements, annotations and f-strings."""
    for name, value in ast.iter_fields(node):
        if name in ("annotation", "returns", "type_comment"):
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.stmt | ast.JoinedStr) or not isinstance(child, ast.AST):
                continue
            yield child
            if not is_rest(child):
                yield from own_nodes(child)


def is_rest(node: ast.AST) -> bool:
    """Whether a node is -1; NumPy takes -2 for "the rest" too, so in reshape it is no mutant."""
    return isinstance(node, ast.UnaryOp) and ast.unparse(node) == "-1"


def replacements(node: ast.AST, source: str) -> Iterator[tuple[Any, str]]:
    """(the piece, what stands there instead)."""

    def text(n: ast.AST) -> str:
        return ast.get_source_segment(source, n) or ""

    match node:
        case ast.BinOp(left, op, right):
            a, b = f"({text(left)})", f"({text(right)})"
            if isinstance(op, ast.MatMult):
                yield node, f"({b} @ {a})"
            elif type(op) in OPERATORS:
                yield node, f"({a} {OPERATORS[type(op)]} {b})"
            if isinstance(op, ast.Add | ast.Sub | ast.Mult | ast.Div):
                yield node, a
            if isinstance(op, ast.Add | ast.Mult):
                yield node, b
            if isinstance(op, ast.Sub):
                yield node, f"(-{b})"
        case ast.UnaryOp(ast.USub() | ast.Not() | ast.Invert(), operand):
            yield node, f"({text(operand)})"
        case ast.keyword("axis", ast.UnaryOp() as value) if is_rest(value):
            yield value, "-2"
        case ast.Compare(left, [op], [right]):
            for other in COMPARISONS[type(op)]:
                yield node, f"({text(left)} {other} {text(right)})"
        case ast.BoolOp(op, values):
            other = " or " if isinstance(op, ast.And) else " and "
            yield node, f"({other.join(f'({text(v)})' for v in values)})"
        case ast.Constant(value) if isinstance(value, bool):
            yield node, str(not value)
        case ast.Constant(value) if isinstance(value, int):
            yield node, str(value + 1)
        case ast.Constant(value) if isinstance(value, float):
            yield node, repr(2 * value or 1.0)
        case ast.Slice(lower, upper, step):
            yield from slices(node, lower, upper, step, text)
        case ast.Subscript(_, ast.Name() as index):
            yield index, f"{text(index)} - 1"
        case ast.Attribute(value, "T"):
            yield node, f"({text(value)})"
        case ast.Call(ast.Attribute(value, name)) if name in TRANSPOSING:
            yield node, f"({text(value)})"
        case ast.Attribute(value, name) if name in SWAPPED:
            yield node, f"{text(value)}.{SWAPPED[name]}"
        case ast.Call(ast.Name("reversed"), [argument]):
            yield node, text(argument)
        case ast.Call(ast.Name("range"), [*_, stop]) as call:
            yield stop, f"({text(stop)}) - 1"
            if len(call.args) == 1:
                yield stop, f"1, {text(stop)}"
        case ast.Tuple(elts) if len(elts) > 1 and all(isinstance(e, ast.Constant) for e in elts):
            yield node, f"({', '.join(text(e) for e in elts[:-1])},)"  # axes
        case ast.IfExp(test) | ast.If(test) | ast.While(test):
            yield test, f"not ({text(test)})"
        case ast.AugAssign(target, op, value):
            a, b = text(target), text(value)
            if type(op) in OPERATORS:
                yield node, f"{a} {OPERATORS[type(op)]}= {b}"
            yield node, f"{a} = {b}"
            yield node, "pass"


def slices(node: ast.Slice, lower: Any, upper: Any, step: Any, text: Any) -> Iterator[Any]:
    """Each bound moved by one inwards, and the step dropped."""
    a, b, c = (text(part) if part is not None else "" for part in (lower, upper, step))
    tail = f":{c}" if c else ""
    if c.startswith("-"):
        yield node, f"{a}:{b}"
        return
    yield node, f"({a or 0}) + 1:{b}{tail}"
    yield node, f"{a}:({b}) - 1{tail}" if b else f"{a}:-1{tail}"
    if c:
        yield node, f"{a}:{b}"


def compiles(text: bytes) -> bool:
    """Whether a mutated source is still Python."""
    try:
        compile(text, "mutant", "exec")
    except SyntaxError:
        return False
    return True
