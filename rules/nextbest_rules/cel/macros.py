"""Macros of CEL, recognised in the loops that the parser expands them to.

CEL has no other loops: a loop that is none of these belongs to an extension, which is refused.
"""

from dataclasses import dataclass

from nextbest_rules.cel.nodes import Macro
from nextbest_rules.cel.wire import Expr, is_call, kind_of


@dataclass(frozen=True, slots=True)
class Expansion:
    """What a macro was given, as in `Loop`."""

    macro: Macro
    asked: Expr
    chosen: Expr | None = None


def recognise(loop: Expr) -> Expansion | None:
    """Return the macro behind a comprehension, or None."""
    if loop.iter_var2:
        return None
    step = loop.loop_step
    match kind_of(loop.accu_init), _constant(loop.accu_init):
        case "const_expr", True if is_call(step, "_&&_"):
            return Expansion(Macro.ALL, step.call_expr.args[1])
        case "const_expr", False if is_call(step, "_||_"):
            return Expansion(Macro.EXISTS, step.call_expr.args[1])
        case "const_expr", 0 if is_call(step, "_?_:_"):
            return Expansion(Macro.EXISTS_ONE, step.call_expr.args[0])
        case "list_expr", _:
            return _mapping(step)
    return None


def _constant(node: Expr) -> object:
    kind = node.const_expr.WhichOneof("kind")
    return getattr(node.const_expr, kind) if kind else None


def _mapping(step: Expr) -> Expansion | None:
    """Recognise map() and filter(), whose steps are `result + [element]`, under a condition or not."""
    if is_call(step, "_?_:_"):
        condition, then, _ = step.call_expr.args
        return Expansion(Macro.MAP, _appended(then), condition)
    return Expansion(Macro.MAP, _appended(step)) if is_call(step, "_+_") else None


def _appended(step: Expr) -> Expr:
    return step.call_expr.args[1].list_expr.elements[0]
