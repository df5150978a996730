"""How much the steps of a query touch in data that nobody counted: by a sample of each, which takes milliseconds."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import Any

from pyoxigraph import Literal, NamedNode, QuerySolutions, Store, Variable

from sopkg.negation import RDF_TYPE, Fanout, size
from sopkg.printer import print_query
from sopkg.syntax import Aggregate, Group, Lateral, Select, Triple, path_steps, triple_variables

Count = tuple[int, int, int]
_SAMPLE, _SUBJECTS = 10_000, 100
_S, _O = Variable("s"), Variable("o")
_COUNTS = {
    "triples": Aggregate("COUNT", False, None),
    "subjects": Aggregate("COUNT", True, _S),
    "objects": Aggregate("COUNT", True, _O),
}


class Samples:
    """Samples of one snapshot, each taken once for the graphs that it is of."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._taken: dict[tuple[tuple[str, ...], Triple], Count] = {}

    def of(self, patterns: Iterable[Triple], graphs: Sequence[str] | None) -> Fanout:
        """What the steps and classes of some patterns touch in some graphs together; in all of them if None."""
        known = list(patterns)
        steps = {step for each in known for step in path_steps(each.predicate)}
        classes = {each.object for each in known if each.predicate == RDF_TYPE and isinstance(each.object, NamedNode)}
        counts = {step: self._once(Triple(_S, step, _O), graphs) for step in sorted(steps, key=str)}
        sizes = {each: self._once(Triple(_S, RDF_TYPE, each), graphs)[0] for each in sorted(classes, key=str)}
        return Fanout(counts, sizes)

    def fanout(self, graphs: Sequence[str]) -> Fanout:
        """What any step touches in some graphs together, sampled when it is asked for, with what is given of it.

        It is for few rows, for which a better order always pays.
        """

        def sample(predicate: NamedNode) -> Count:
            return self._once(Triple(_S, predicate, _O), graphs)

        def matches(pattern: Triple) -> int:
            return 0 if isinstance(pattern.subject, Literal) else self._once(pattern, graphs)[0]

        return Fanout(sample=sample, members=_SAMPLE, matches=matches, enough=100)

    def _once(self, pattern: Triple, graphs: Sequence[str] | None) -> Count:
        key = (() if graphs is None else tuple(graphs), pattern)
        if key not in self._taken:
            self._taken[key] = _sampled(self._asks(graphs), pattern)
        return self._taken[key]

    def _asks(self, graphs: Sequence[str] | None) -> Callable[[Select], Count]:
        chosen: dict[str, Any] = (
            {"use_default_graph_as_union": True}
            if graphs is None
            else {"default_graph": [NamedNode(each) for each in graphs]}
        )

        def asked(query: Select) -> Count:
            found = self._store.query(print_query(query), **chosen)
            assert isinstance(found, QuerySolutions)
            return size(next(found))

        return asked


def _sampled(ask: Callable[[Select], Count], pattern: Triple) -> Count:
    """Triples, subjects and objects of a pattern, among the first that the engine comes upon.

    These lie together by object, so that what has a subject more than once is seen in others than these: a few
    subjects are looked up.
    """
    heads = tuple((None, variable) for variable in sorted(triple_variables(pattern), key=str))
    triples, subjects, objects = ask(_counted(Group((Select(heads, Group((pattern,)), limit=_SAMPLE),))))
    if triples < _SAMPLE or _O not in triple_variables(pattern):
        return triples, subjects, objects
    some = Select(((None, _S),), Group((pattern,)), limit=_SUBJECTS)
    once = Select(((None, _S),), Group((some,)), distinct=True)
    found, among, _ = ask(_counted(Group((once, Lateral(Group((pattern,)))))))
    return triples, triples * max(among, 1) // max(found, 1), objects


def _counted(group: Group) -> Select:
    return Select(tuple((each, Variable(name)) for name, each in _COUNTS.items()), group)


@lru_cache(1)
def samples_of(store: Store) -> Samples:
    """The samples of a snapshot."""
    return Samples(store)
