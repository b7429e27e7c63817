"""Trees as Python functions."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final, TypeAlias

from nextbest_rules.cel.code import CodeWriter
from nextbest_rules.cel.kinds import Kind
from nextbest_rules.cel.nodes import Node, mentions_of
from nextbest_rules.cel.values import Mention, members, readable

Evaluator: TypeAlias = Callable[[Sequence[object]], object]
"""Takes the slots and returns the value, or an Unevaluable."""
_FUNCTION: Final = "evaluate"


def compile_function(tree: Node, layout: Mapping[Mention, int], wants: Kind | None = Kind.BOOL) -> Evaluator:
    """Return a function of the slots: one value per mention, or UNKNOWN.

    A slot holds exactly the declared type: str, int, float (no NaN), bool, Timestamp, or a list of them. The
    function never raises for what the values are. See `CodeWriter.expression` for `wants`.

    Raises:
        KeyError: the tree reads something that the layout lacks.
    """
    read = set(mentions_of(tree))
    read |= {gate for mention in read for gate in (readable(mention), members(mention))}
    names = {mention: f"v{layout[mention]}" for mention in sorted(read) if mention in layout}
    writer = CodeWriter(names)
    expression = writer.expression(tree, wants)
    lines = [f"    {name} = slots[{layout[mention]}]" for mention, name in names.items()]
    source = "\n".join([f"def {_FUNCTION}(slots):", *lines, f"    return {expression}"])
    scope = dict(writer.constants)
    exec(source, scope)  # noqa: S102 -- code from CodeWriter, which binds users' text by name
    # Taken out of its own globals: no circle, so it goes with the catalog that it is of.
    return scope.pop(_FUNCTION)  # type: ignore[return-value]
