"""Puts terms in place of variables, anywhere in a syntax tree."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any, TypeVar

from pyoxigraph import Variable

from sopkg.syntax import Select, Term, Triple

Node = TypeVar("Node")


def substitute(node: Node, terms: Mapping[Variable, Term]) -> Node:
    """The tree with the terms in place of their variables; a sub-SELECT is a scope of its own and stays as it is."""
    filled: Node = _fill(node, terms)
    return filled


def _fill(node: Any, terms: Mapping[Variable, Term]) -> Any:
    if isinstance(node, Variable):
        return terms.get(node, node)
    if isinstance(node, Triple):  # a path holds no variables: a row's patterns are filled in at once
        places = (node.subject, node.predicate, node.object)
        filled: Any = (terms.get(place, place) if isinstance(place, Variable) else place for place in places)
        return Triple(*filled)
    if isinstance(node, tuple):
        return tuple(_fill(each, terms) for each in node)
    if isinstance(node, Select):
        return node
    if is_dataclass(node) and not isinstance(node, type):
        return replace(node, **{each.name: _fill(getattr(node, each.name), terms) for each in fields(node)})
    return node
