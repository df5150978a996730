"""Rule files as the engine runs them: alternatives taken apart, lists written out, schema premises solved.

A CONSTRUCT says what follows. A SELECT is a rule whose consequence is *false*: each row is an inconsistency. A UNION
that is the whole of a rule is read as one rule for each branch. `#+ every: ?member` says that the patterns with that
variable hold for each member of the list, and `#+ chain: ?from ?to` that they lead from one to the next; the
variables that only those patterns have are each member's own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache

from pyoxigraph import BlankNode, Literal, NamedNode, Quad, Store, Variable
from pyoxigraph import Triple as Statement

from sopkg.catalog import QueryFile
from sopkg.errors import InternalFault
from sopkg.negation import RDF_TYPE
from sopkg.nodeshape import RDF
from sopkg.schema import OWL, can_match, is_schema, solve, split
from sopkg.substitution import substitute
from sopkg.syntax import Construct, Exists, Filter, Group, Part, Term, Triple, Union, group_variables
from sopkg.trees import read_file_query

SAME = NamedNode(f"{OWL}sameAs")
FIRST, REST, NIL = (NamedNode(f"{RDF}{name}") for name in ("first", "rest", "nil"))
# A rule that is read by who asks, and stored by nobody: everything is the same as itself.
ANSWERED = "answered"
# A rule that says of every class, property or number what is true of all of them, or that has to look at all data.
ON_REQUEST = "on-request"
# A predicate, and the class where it is rdf:type; None stands for any.
Reach = tuple[NamedNode | None, NamedNode | None]


@dataclass(frozen=True)
class Rule:
    """A rule file, or one alternative of it; without a template its consequence is false."""

    name: str
    template: tuple[Triple, ...]
    where: Group
    every: Variable | None = None
    chain: tuple[Variable, ...] = ()

    @property
    def premises(self) -> list[Triple]:
        """The patterns that all hold where the rule applies."""
        return [part for part in self.where.parts if isinstance(part, Triple)]

    @property
    def list_pattern(self) -> Triple:
        """The pattern that reaches each member of the list."""
        found = (each for each in self.premises if each.object == self.every and not _is_step(each.predicate))
        pattern = next(found, None)
        if pattern is None:
            raise InternalFault(f"{self.name}: no pattern `?list rdf:rest*/rdf:first {self.every}`")
        return pattern

    @property
    def about_schema(self) -> bool:
        """Whether only axioms can match it: then it is run over these, as it stands."""
        return bool(self.template) and bool(self.premises) and all(is_schema(each) for each in self.premises)


@dataclass(frozen=True)
class Instance:
    """A rule with its schema premises solved."""

    rule: str
    template: tuple[Triple, ...]
    where: Group
    #: The axioms that were filled in, for who wants to know; they make no difference.
    axioms: tuple[Triple, ...] = field(default=(), compare=False)

    @cached_property
    def reads(self) -> set[Reach]:
        """What its premises match."""
        return {reach(triple) for triple in patterns(self.where)}

    @cached_property
    def writes(self) -> set[Reach]:
        """What its head makes."""
        return {reach(triple) for triple in self.template}

    @cached_property
    def classes(self) -> set[NamedNode]:
        """The classes that it asks for the members of."""
        return {of_class for _, of_class in self.reads if of_class is not None}

    @cached_property
    def plain(self) -> bool:
        """Whether it is patterns and simple conditions only, so that it may run over what is new alone."""
        return all(_is_plain(part) for part in self.where.parts)

    @property
    def query(self) -> Construct:
        """The instance as a query."""
        return Construct(self.template, self.where)


def read_rules(files: Iterable[QueryFile], answered: bool = False) -> tuple[Rule, ...]:
    """The rules of the files: those whose triples are stored, or those that are only answered."""
    asked = (each for each in files if (ANSWERED in tags(each)) == answered)
    return _read(tuple((each.name, each.text, *_marks(each)) for each in asked))


def tags(file: QueryFile) -> set[str]:
    """The words behind `#+ tags:`."""
    return {tag for line in file.headers.get("tags", ()) for tag in line.split()}


def _marks(file: QueryFile) -> tuple[str, str]:
    return " ".join(file.headers.get("every", ())), " ".join(file.headers.get("chain", ()))


@lru_cache(maxsize=16)
def _read(files: tuple[tuple[str, str, str, str], ...]) -> tuple[Rule, ...]:
    return tuple(rule for name, text, every, chain in files for rule in _alternatives(name, text, every, chain))


def _alternatives(name: str, text: str, every: str, chain: str) -> Iterator[Rule]:
    query = read_file_query(text)
    parts = query.where.parts
    branches = parts[0].branches if len(parts) == 1 and isinstance(parts[0], Union) else (query.where,)
    template = query.template if isinstance(query, Construct) else ()
    marked = Variable(every.lstrip("?")) if every else None
    steps = tuple(Variable(word.lstrip("?")) for word in chain.split())
    for branch in branches:
        yield Rule(name, template, branch, marked, steps)


def instances(rule: Rule, schema: Store, blanks: bool = False) -> list[Instance]:
    """The rule once for each solution of its schema premises in a store of axioms.

    Those about blank nodes are left out, since no query can hold one, unless they are asked for.
    """
    if rule.about_schema:
        return [Instance(rule.name, rule.template, rule.where)]
    where = rule.where
    if rule.every is not None:
        where = Group(tuple(part for part in where.parts if part != rule.list_pattern))
    premises, rest = split(where)
    if not can_match(schema, premises):
        return []
    rows = solve(premises, schema) if premises.parts else [{}]
    axioms = tuple(part for part in premises.parts if isinstance(part, Triple))
    made = []
    for row in rows:
        filled = substitute(replace(rule, where=rest), row)
        known = substitute(axioms, row)
        if rule.every is None:
            made.append(Instance(rule.name, filled.template, filled.where, known))
        elif members := list_members(schema, row[_variable(rule.list_pattern.subject)]):
            cells = list_cells(schema, row[_variable(rule.list_pattern.subject)])
            made.append(replace(unrolled(filled, members), axioms=(*known, *cells)))
    return [each for each in made if _is_valid(each, blanks)]


def _variable(term: Term) -> Variable:
    assert isinstance(term, Variable)
    return term


def unrolled(rule: Rule, members: list[NamedNode | Literal]) -> Instance:
    """The rule with the patterns of its list written out, once for each member."""
    assert rule.every is not None
    mine = [part for part in rule.where.parts if rule.every in group_variables(Group((part,)))]
    others = [part for part in rule.where.parts if part not in mine]
    shared = group_variables(Group((*others, *rule.template)))
    own = group_variables(Group(tuple(mine))) - shared - {rule.every} - set(rule.chain)
    written: list[Part] = []
    for number, member in enumerate(members):
        names: dict[Variable, Term] = {each: Variable(f"{each.value}_{number}") for each in own}
        names |= {each: _link(rule.chain[0], number + place) for place, each in enumerate(rule.chain)}
        written += substitute(tuple(mine), {**names, rule.every: member})
    ends = {each: _link(rule.chain[0], place * len(members)) for place, each in enumerate(rule.chain)}
    return Instance(rule.name, substitute(rule.template, ends), Group((*written, *others)))


def _link(variable: Variable, number: int) -> Variable:
    return Variable(f"{variable.value}_{number}")


def list_members(store: Store, node: object) -> list[NamedNode | Literal]:
    """The members of an RDF list; none where it is empty, forks, runs in a circle or does not end."""
    members: list[NamedNode | Literal] = []
    seen = set[object]()
    while node != NIL:
        first, rest = (_only(store, node, predicate) for predicate in (FIRST, REST))
        if node in seen or first is None or rest is None:
            return []
        seen.add(node)
        members.append(first)
        node = rest
    return members


def _only(store: Store, node: object, predicate: NamedNode) -> NamedNode | Literal | None:
    """The one value of a property; of several names of it the first."""
    found = sorted(objects(store, node, predicate), key=str)
    if not found or any(Quad(found[0], SAME, other) not in store for other in found[1:]):  # type: ignore[arg-type]
        return None
    return found[0]


def list_cells(store: Store, node: object) -> tuple[Triple, ...]:
    """The triples that make an RDF list, which must be one."""
    cells: list[Triple] = []
    while node != NIL:
        first, rest = (_only(store, node, predicate) for predicate in (FIRST, REST))
        cells += [Triple(node, FIRST, first), Triple(node, REST, rest)]  # type: ignore[arg-type]
        node = rest
    return tuple(cells)


def objects(store: Store, subject: object, predicate: NamedNode) -> list[NamedNode | Literal]:
    """The values of a property in a store."""
    if isinstance(subject, Literal):
        return []
    return [quad.object for quad in store.quads_for_pattern(subject, predicate, None, None)]  # type: ignore[arg-type, misc]


def malformed_lists(schema: Store, rules: Iterable[Rule]) -> list[NamedNode]:
    """The lists that rules over all members of a list can't use, since they fork, run in a circle or do not end."""
    owners = [each.predicate for rule in rules if rule.every for each in _owners(rule)]
    found = [axioms(schema, [(predicate, None)]) for predicate in owners if isinstance(predicate, NamedNode)]
    lists = {each.object for triples in found for each in triples if isinstance(each.object, NamedNode)}
    return sorted((each for each in lists if each != NIL and not list_members(schema, each)), key=str)


def _owners(rule: Rule) -> list[Triple]:
    return [each for each in rule.premises if each.object == rule.list_pattern.subject]


def schema_reach(rules: Iterable[Rule]) -> set[Reach]:
    """What the schema premises of rules can match: the steps of paths each by itself."""
    found = set[Reach]()
    for rule in rules:
        for pattern in rule.premises:
            if is_schema(pattern):
                steps = () if isinstance(pattern.predicate, NamedNode | Variable) else (FIRST, REST)
                found |= {(step, None) for step in steps} or {reach(pattern)}
    return found


def axioms(store: Store, reaches: Iterable[Reach]) -> Iterator[Statement]:
    """The triples of a default graph that schema premises can match."""
    for predicate, of_class in reaches:
        yield from (quad.triple for quad in store.quads_for_pattern(None, predicate, of_class, None))


def without_detours(found: list[Instance]) -> list[Instance]:
    """The instances without those that say what two others say one after the other, or that say nothing new.

    An instance of one premise and one consequence is an arrow between two patterns; what goes from A to C by a B that
    neither leads back to A nor is led to by C is left out.
    """
    distinct = list({(each.template, each.where): each for each in found}.values())
    arrows = {each: _arrow(each) for each in distinct if each.plain and each.template}
    ways: dict[Triple, set[Triple]] = {}
    for start, ends in arrows.values():
        if start is not None:
            ways.setdefault(start, set()).update(ends)
    return [each for each in distinct if each not in arrows or not _is_detour(*arrows[each], ways)]


def _arrow(instance: Instance) -> tuple[Triple | None, tuple[Triple, ...]]:
    premises = [part for part in instance.where.parts if isinstance(part, Triple)]
    if len(premises) != 1 or len(instance.where.parts) != 1 or len(instance.template) != 1:
        return None, ()
    start, names = _canonical(premises[0])
    return start, substitute(instance.template, names)


def _canonical(pattern: Triple) -> tuple[Triple, dict[Variable, Variable]]:
    found = [t for t in (pattern.subject, pattern.predicate, pattern.object) if isinstance(t, Variable)]
    names = {each: Variable(f"v{number}") for number, each in enumerate(dict.fromkeys(found))}
    return substitute(pattern, names), names


def _onward(pattern: Triple, ways: dict[Triple, set[Triple]]) -> set[Triple]:
    """What follows from a pattern by one arrow, in its own variables."""
    start, names = _canonical(pattern)
    back = {short: long for long, short in names.items()}
    return {substitute(end, back) for end in ways.get(start, ())}


def _is_detour(start: Triple | None, ends: tuple[Triple, ...], ways: dict[Triple, set[Triple]]) -> bool:
    if start is None:
        return False
    (end,) = ends
    if end == start:
        return True
    for middle in ways[start] - {start, end}:
        onward = _onward(middle, ways)
        if end in onward and start not in onward and middle not in _onward(end, ways):
            return True
    return False


def reach(triple: Triple) -> Reach:
    """What a pattern can match."""
    predicate = triple.predicate if isinstance(triple.predicate, NamedNode) else None
    typed = predicate == RDF_TYPE and isinstance(triple.object, NamedNode)
    return predicate, triple.object if typed and isinstance(triple.object, NamedNode) else None


def reach_of(triple: Statement) -> Reach:
    """What a triple is matched by."""
    is_type = triple.predicate == RDF_TYPE and isinstance(triple.object, NamedNode)
    return triple.predicate, triple.object if is_type and isinstance(triple.object, NamedNode) else None


def meets(one: Reach, others: set[Reach]) -> bool:
    """Whether a pattern of that reach and one of the others can match the same triple."""
    if one in others or (None, None) in others:
        return True
    if one[0] is None:
        return bool(others)
    if (one[0], None) in others:
        return True
    return one[1] is None and any(one[0] == predicate for predicate, _ in others)


def patterns(group: Group) -> Iterator[Triple]:
    """Every pattern of a group, those inside its negations included."""
    for part in group.parts:
        if isinstance(part, Triple):
            yield part
        elif isinstance(part, Filter) and isinstance(part.expression, Exists):
            yield from patterns(part.expression.group)


def _is_plain(part: Part) -> bool:
    if isinstance(part, Triple):
        return isinstance(part.predicate, NamedNode | Variable)
    return isinstance(part, Filter) and not isinstance(part.expression, Exists)


def _is_step(predicate: object) -> bool:
    return isinstance(predicate, NamedNode | Variable)


def _is_valid(instance: Instance, blanks: bool) -> bool:
    """Whether its patterns are such as SPARQL has: an axiom may say anything of a literal or a node without a name."""
    return all(_may_match(each, blanks) for each in (*patterns(instance.where), *instance.template))


def _may_match(pattern: Triple, blanks: bool) -> bool:
    terms = (pattern.subject, pattern.predicate, pattern.object)
    good = not isinstance(pattern.subject, Literal) and not isinstance(pattern.predicate, Literal | BlankNode)
    return good and (blanks or not any(isinstance(term, BlankNode) for term in terms))
