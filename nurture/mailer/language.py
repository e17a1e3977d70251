"""What an email's template may say, and which merge fields it needs."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from jinja2 import nodes

from nurture.mailer.dialect import LOOP_CALLS, TESTS
from nurture.mailer.filters import FILTERS

_ALLOWED: Final = (
    nodes.Template,
    nodes.Scope, nodes.Output, nodes.TemplateData, nodes.For, nodes.If, nodes.With,
    nodes.Assign, nodes.Name, nodes.Const, nodes.List, nodes.Tuple, nodes.Dict, nodes.Pair,
    nodes.Keyword, nodes.CondExpr, nodes.Filter, nodes.Test, nodes.Getattr, nodes.Getitem,
    nodes.Slice, nodes.Call, nodes.Compare, nodes.Operand, nodes.Concat, nodes.And, nodes.Or,
    nodes.Not, nodes.Neg, nodes.Pos, nodes.Add, nodes.Sub, nodes.Mul, nodes.Div, nodes.FloorDiv,
    nodes.Mod,
)  # fmt: skip
_REMEDIES: Final[dict[type[nodes.Node], tuple[str, str]]] = {
    nodes.Macro: ("macros are not allowed", "Put the shared piece into a file and mj-include it."),
    nodes.Include: ("include is not allowed", "Use <mj-include path=…/> in the MJML body."),
    nodes.Import: ("import is not allowed", "Use <mj-include path=…/> in the MJML body."),
    nodes.FromImport: ("import is not allowed", "Use <mj-include path=…/> in the MJML body."),
    nodes.Extends: ("extends is not allowed", "Use <mj-include path=…/> in the MJML body."),
    nodes.ScopedEvalContextModifier: (
        "escaping cannot be switched off",
        "Merge fields come from strangers; write the markup in the template itself.",
    ),
    nodes.Pow: ("** is not allowed", "Write the number out."),
}
_UNSAFE: Final = frozenset({"safe", "forceescape", "urlize", "xmlattr", "tojson"})


@dataclass(frozen=True, slots=True)
class Fault:
    """Something a template may not say; `line` counts from 1 in the template it was parsed from."""

    line: int
    message: str
    remedy: str


def faults(tree: nodes.Template) -> Iterator[Fault]:
    """Everything in the tree that the language of emails does not have, in order of lines."""
    line = 1
    for node in _walk(tree):
        # Jinja leaves the line out on some nodes; they stand where the node before them does.
        line = node.lineno or line
        found = _fault(node)
        if found is not None:
            yield Fault(line, *found)


def _walk(node: nodes.Node) -> Iterator[nodes.Node]:
    yield node
    for child in node.iter_child_nodes():
        yield from _walk(child)


def _fault(node: nodes.Node) -> tuple[str, str] | None:
    if not isinstance(node, _ALLOWED):
        word = type(node).__name__.lower()
        return _REMEDIES.get(type(node)) or (
            f"{word} is not part of the language of emails",
            "See docs/emails.md for what is.",
        )
    match node:
        case nodes.Filter():
            return _filter_fault(node)
        case nodes.Test() if node.name not in TESTS:
            return f"there is no test {node.name!r}", "See docs/emails.md for the list."
        case nodes.Call() if not _callable(node):
            return "only range() and loop.cycle() can be called", "Use a filter instead."
        case nodes.For() if node.recursive:
            return "recursive loops are not allowed", "Write the levels out."
        case nodes.List() | nodes.Tuple() if not _constant(node):
            return "a list may hold constants only", "Loop over a field of the event instead."
        case nodes.Dict() | nodes.Pair():
            return "a template cannot make a dictionary", "Use a field of the contact instead."
        case nodes.Name(name="self"):
            return "self is not a merge field", "See docs/emails.md for the merge fields."
        case _:
            pass
    return None


def _filter_fault(node: nodes.Filter) -> tuple[str, str] | None:
    if node.name in _UNSAFE:
        return (
            f"the filter {node.name!r} switches escaping off",
            "Merge fields come from strangers; write the markup in the template itself.",
        )
    if node.name not in FILTERS:
        return f"there is no filter {node.name!r}", "See docs/emails.md for the list."
    if node.dyn_args is not None or node.dyn_kwargs is not None or node.node is None:
        return "this form of filter is not allowed", "Write value | filter(argument)."
    return None


def _callable(node: nodes.Call) -> bool:
    if node.dyn_args is not None or node.dyn_kwargs is not None or node.kwargs:
        return False
    called = node.node
    if isinstance(called, nodes.Getattr):
        inner = called.node
        return isinstance(inner, nodes.Name) and inner.name == "loop" and called.attr in LOOP_CALLS
    return isinstance(called, nodes.Name) and called.name == "range"


def _constant(node: nodes.List | nodes.Tuple) -> bool:
    # Names are fine as the target of a loop or an assignment; nesting lists of fields is what
    # could grow without bound.
    storing = isinstance(node, nodes.Tuple) and node.ctx == "store"
    return storing or all(isinstance(item, nodes.Const) for item in node.items)
