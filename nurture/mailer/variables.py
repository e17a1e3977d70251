"""Which merge fields a template reads, and whether it can do without each of them."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from jinja2 import nodes

_SAFE_COMPARISONS: Final = frozenset({"eq", "ne", "in", "notin"})
_SAFE_FILTERS: Final = frozenset({"default", "d"})

Paths = frozenset[str]


@dataclass(frozen=True, slots=True, order=True)
class Variable:
    """A merge field as a dotted path (`contact.company`).

    `guarded`: every place that reads it copes with its absence, by `| default(…)` or by standing
    in an `{% if %}` that asks for it. An unguarded field that a contact lacks fails the send.
    """

    path: str
    guarded: bool


def variables(trees: Iterable[nodes.Template]) -> tuple[Variable, ...]:
    """The fields that these templates read together, by path."""
    reader = _Reader()
    for tree in trees:
        reader.read(tree, frozenset(), frozenset())
    return tuple(sorted(Variable(path, guarded) for path, guarded in reader.found.items()))


def path_of(node: nodes.Node) -> str | None:
    """`contact.company` for that expression and for `contact['company']`; None for any other."""
    match node:
        case nodes.Name():
            return node.name
        case nodes.Getattr():
            owner = path_of(node.node)
            return None if owner is None else f"{owner}.{node.attr}"
        case nodes.Getitem(arg=nodes.Const(value=str(key))):
            owner = path_of(node.node)
            return None if owner is None else f"{owner}.{key}"
        case _:
            return None


class _Reader:
    def __init__(self) -> None:
        self.found: dict[str, bool] = {}

    def read(self, node: nodes.Node, safe: Paths, local: Paths) -> None:
        """Note every path below `node`; `safe` are known to be there, `local` are no fields."""
        path = path_of(node)
        if path is not None:
            self._note(path, guarded=path in safe, local=local)
            return
        match node:
            case nodes.If():
                self._if(node, safe, local)
            case nodes.CondExpr():
                self._test(node.test, safe, local)
                self.read(node.expr1, safe | _present(node.test), local)
                if node.expr2 is not None:
                    self.read(node.expr2, safe | _absent(node.test), local)
            case nodes.For():
                self._for(node, safe, local)
            case nodes.And() | nodes.Or() | nodes.Not() | nodes.Compare() | nodes.Test():
                self._test(node, safe, local)
            case nodes.Filter() if node.name in _SAFE_FILTERS and node.node is not None:
                self._quietly(node.node, safe, local)
                self._all(node.args, safe, local)
            case nodes.Template() | nodes.With():
                self._block(node, safe, local)
            case _:
                self._all(node.iter_child_nodes(), safe, local)

    def _all(self, children: Iterable[nodes.Node], safe: Paths, local: Paths) -> None:
        for child in children:
            # A `{% set %}` names a value for what follows it in the same block.
            if isinstance(child, nodes.Assign):
                self.read(child.node, safe, local)
                local |= _names(child.target)
            else:
                self.read(child, safe, local)

    def _block(self, node: nodes.Template | nodes.With, safe: Paths, local: Paths) -> None:
        if isinstance(node, nodes.With):
            self._all(node.values, safe, local)
            local = local.union(*(_names(target) for target in node.targets))
        self._all(node.body, safe, local)

    def _if(self, node: nodes.If, safe: Paths, local: Paths) -> None:
        self._test(node.test, safe, local)
        self._all(node.body, safe | _present(node.test), local)
        otherwise = safe | _absent(node.test)
        for branch in node.elif_:
            self._test(branch.test, otherwise, local)
            self._all(branch.body, otherwise | _present(branch.test), local)
            otherwise |= _absent(branch.test)
        self._all(node.else_, otherwise, local)

    def _for(self, node: nodes.For, safe: Paths, local: Paths) -> None:
        self.read(node.iter, safe, local)
        inner = local | _names(node.target) | {"loop"}
        if node.test is not None:
            self._test(node.test, safe, inner)
        self._all(node.body, safe, inner)
        self._all(node.else_, safe, local)

    def _test(self, node: nodes.Node, safe: Paths, local: Paths) -> None:
        match node:
            case nodes.And():
                self._test(node.left, safe, local)
                self._test(node.right, safe | _present(node.left), local)
            case nodes.Or():
                self._test(node.left, safe, local)
                self._test(node.right, safe | _absent(node.left), local)
            case nodes.Not():
                self._test(node.node, safe, local)
            case nodes.Test(name="defined" | "undefined"):
                self._quietly(node.node, safe, local)
            case nodes.Compare() if all(op.op in _SAFE_COMPARISONS for op in node.ops):
                for side in (node.expr, *(op.expr for op in node.ops)):
                    self._quietly(side, safe, local)
            case _:
                self._quietly(node, safe, local)

    def _quietly(self, node: nodes.Node, safe: Paths, local: Paths) -> None:
        # Asking whether a field is there is always allowed, so the field itself is safe here.
        path = path_of(node)
        if path is not None:
            self._note(path, guarded=True, local=local)
        elif isinstance(node, nodes.Compare):
            self._all(node.iter_child_nodes(), safe, local)
        else:
            self.read(node, safe, local)

    def _note(self, path: str, *, guarded: bool, local: Paths) -> None:
        if path.split(".", 1)[0] not in local:
            self.found[path] = self.found.get(path, True) and guarded


def _present(test: nodes.Node) -> Paths:
    """The fields that are there when `test` holds."""
    path = path_of(test)
    if path is not None:
        return frozenset({path})
    match test:
        case nodes.And():
            return _present(test.left) | _present(test.right)
        case nodes.Or():
            return _present(test.left) & _present(test.right)
        case nodes.Not():
            return _absent(test.node)
        case nodes.Test(name="defined"):
            return _present(test.node)
        case nodes.Compare() if test.ops[0].op == "eq" and isinstance(
            test.ops[0].expr, nodes.Const
        ):
            return _present(test.expr)
        case _:
            return frozenset()


def _absent(test: nodes.Node) -> Paths:
    """The fields that are there when `test` does not hold."""
    match test:
        case nodes.Not():
            return _present(test.node)
        case nodes.Or():
            return _absent(test.left) | _absent(test.right)
        case nodes.And():
            return _absent(test.left) & _absent(test.right)
        case nodes.Test(name="undefined"):
            return _present(test.node)
        case _:
            return frozenset()


def _names(target: nodes.Node) -> Paths:
    return frozenset(name.name for name in target.find_all(nodes.Name)) | (
        {target.name} if isinstance(target, nodes.Name) else frozenset()
    )
