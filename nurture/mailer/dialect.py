"""The Jinja that emails are written in: a small allowed language whose every part has a bound.

Merge data comes from strangers and templates from colleagues, so a template gets values, never
objects: a dot reads a field, nothing else can be reached, and nothing can be called but `range`
and `loop.cycle`. What the allowed language leaves open (loops, joined texts) is metered by hooks
put into the syntax tree before it is compiled.
"""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any, Final, Never

from jinja2 import TemplateRuntimeError, nodes, pass_context
from jinja2.environment import Template
from jinja2.runtime import Context, LoopContext, StrictUndefined, Undefined
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.visitor import NodeTransformer

from nurture.mailer.budget import Limits, OverBudget, budget_of
from nurture.mailer.filters import CONCAT, EACH, FILTERS, HOOKS

TESTS: Final = frozenset(
    {"defined", "undefined", "none", "string", "number", "boolean", "true", "false", "odd", "even"}
    | {"divisibleby", "mapping", "sequence", "in", "eq", "ne", "lt", "le", "gt", "ge"}
)
LOOP_FIELDS: Final = frozenset(
    {"index", "index0", "revindex", "revindex0", "first", "last", "length", "previtem", "nextitem"}
)
LOOP_CALLS: Final = frozenset({"cycle", "changed"})

_LARGEST_NUMBER: Final = 10**18
_VALUE_LENGTH: Final = Limits().value
# Slots for links are framed by control characters; a merge field must not be able to write one.
_CONTROLS: Final = dict.fromkeys((*range(9), 11, 12, *range(14, 32), *range(127, 160)))


class MissingField(StrictUndefined):
    """A field the contact does not have: false in a condition, equal to nothing, never printed."""

    __slots__ = ()

    # Jinja declares these as never returning; answering is the point of this class.
    def __bool__(self) -> bool:  # type: ignore[override]
        return False

    def __eq__(self, other: object) -> bool:  # type: ignore[override]
        return False

    def __ne__(self, other: object) -> bool:  # type: ignore[override]
        return True

    def __hash__(self) -> int:  # type: ignore[override]
        return id(type(self))


def _missing(name: object) -> MissingField:
    return MissingField(hint=f"the field {name!r} is missing and has no default", name=str(name))


def printable(value: object) -> object:
    """What Jinja does with each value before it writes it: plain values only, without controls."""
    if isinstance(value, str):
        if len(value) > _VALUE_LENGTH:
            raise OverBudget(f"it prints a text of over {_VALUE_LENGTH} characters")
        return value if value.isprintable() else cleaned(value)
    if isinstance(value, int | float | Decimal | date | Undefined):
        return value
    if value is None:
        raise TemplateRuntimeError("a field is empty and has no default")
    raise TemplateRuntimeError(f"a {type(value).__name__} cannot be printed, only its fields can")


def cleaned(text: str) -> str:
    """`text` without control characters (line breaks and tabs stay) and without half characters."""
    return text.translate(_CONTROLS).encode("utf-16", "surrogatepass").decode("utf-16", "replace")


@pass_context
def _range(context: Context, *bounds: int) -> range:
    numbers = range(*bounds)
    budget = budget_of(context)
    # A span beyond the machine's word has no len() at all.
    budget.count(abs(numbers.stop - numbers.start) // abs(numbers.step))
    budget.spend(len(numbers))
    return numbers


class Dialect(ImmutableSandboxedEnvironment):
    """The environment of one kind of part; `autoescape` is on for HTML and off for text."""

    intercepted_binops = frozenset({"+", "-", "*", "/", "//", "%", "**"})

    def __init__(self, *, autoescape: bool) -> None:
        super().__init__(
            autoescape=autoescape,
            undefined=MissingField,
            finalize=printable,
            keep_trailing_newline=True,
            cache_size=0,
        )
        self.globals = {"range": _range}
        self.filters = {**FILTERS, **HOOKS}
        self.tests = {name: self.tests[name] for name in TESTS}

    def getattr(self, obj: Any, attribute: str) -> Any:
        """The *field* of that name: `contact.items` is a field, never the method of a dict.

        A field without a value counts as missing, so that nobody reads "Hello None".
        """
        # Nearly all are plain dicts, and asking for the abstract class takes far longer.
        if type(obj) is dict or isinstance(obj, Mapping):
            value = obj.get(attribute)
            return _missing(attribute) if value is None else value
        if isinstance(obj, LoopContext) and attribute in LOOP_FIELDS | LOOP_CALLS:
            return getattr(obj, attribute)
        if isinstance(obj, Undefined):
            self._refuse(obj)
        return _missing(attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        """`contact['field']`, and positions or slices of lists and texts."""
        if isinstance(argument, str):
            return self.getattr(obj, argument)
        if isinstance(obj, Undefined):
            self._refuse(obj)
        if isinstance(obj, str | list | tuple | range) and isinstance(argument, int | slice):
            try:
                value = obj[argument]
            except IndexError:
                value = None
            return _missing(argument) if value is None else value
        return _missing(argument)

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """Arithmetic on numbers, and `+` on two texts; sizes are checked before the work."""
        for side in (left, right):
            if isinstance(side, Undefined):
                self._refuse(side)
        if operator == "+" and isinstance(left, str) and isinstance(right, str):
            budget = budget_of(context)
            budget.room(len(left) + len(right))
            budget.spend((len(left) + len(right)) >> 4)
            return left + right
        for side in (left, right):
            if not isinstance(side, int | float | Decimal):
                raise TemplateRuntimeError(f"{operator!r} works on numbers only")
            if not -_LARGEST_NUMBER <= side <= _LARGEST_NUMBER:
                raise OverBudget("it computes with numbers beyond any email's need")
        return self.binop_table[operator](left, right)

    def prepare(self, source: str, name: str) -> Template:
        """Compile `source`, metered. Raises Jinja's errors; check `language.faults` first."""
        tree = self.parse(source, name)
        metered = _Metering().visit(tree)
        metered.set_environment(self)
        return Template.from_code(self, self.compile(metered, name), dict(self.globals))

    @staticmethod
    def _refuse(missing: Undefined) -> Never:
        str(missing)  # Raises, with the name of the missing field.
        raise TemplateRuntimeError("a field is missing and has no default")


class _Metering(NodeTransformer):
    """Puts the hooks in: every loop pays for its passes, every joined text is measured first."""

    def visit_For(self, node: nodes.For) -> nodes.For:  # noqa: N802 - Jinja names it.
        cost = 1 + sum(_size(child) for child in node.body)
        self.generic_visit(node)
        node.iter = nodes.Filter(
            node.iter, EACH, [nodes.Const(cost)], [], None, None, lineno=node.lineno
        )
        return node

    def visit_Concat(self, node: nodes.Concat) -> nodes.Filter:  # noqa: N802 - Jinja names it.
        self.generic_visit(node)
        parts = nodes.List(node.nodes, lineno=node.lineno)
        return nodes.Filter(parts, CONCAT, [], [], None, None, lineno=node.lineno)


def _size(node: nodes.Node) -> int:
    # A nested loop's body is left out: that loop pays for its own passes.
    inner = (
        [node.iter, *node.else_] if isinstance(node, nodes.For) else list(node.iter_child_nodes())
    )
    return 1 + sum(_size(child) for child in inner)
