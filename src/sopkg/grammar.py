"""What a language does with the words of a sentence: articles, denial, and how a verb meets what it is said of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from pyoxigraph import Literal, Variable

from sopkg.languages import DEFAULT, Language

_DATE = "http://www.w3.org/2001/XMLSchema#date"


class Grammar:
    """The grammar of a language that does not inflect its words: the patterns of its catalogue say all."""

    inflects = False

    def __init__(self, language: Language) -> None:
        self.language = language

    @staticmethod
    def of(language: Language) -> Grammar:
        """That of a language."""
        return (English if language.code == DEFAULT else Grammar)(language)

    def say(self, pattern: str, /, **given: object) -> str:
        """A pattern of the catalogue's section for explanations, filled in."""
        return self.language.message(f"why.{pattern}", **given)

    def own(self, pattern: str, /, **given: object) -> str:
        """A pattern that this grammar alone has."""
        return self.language.message(f"grammar.{pattern}", **given)

    def article(self, noun: str) -> str:
        """A noun of which there may be several."""
        return self.own("a", noun=noun)

    def joined(self, verb: str, noun: str) -> str:
        """A verb and what it is said of; what is true is said by the verb alone."""
        return verb if noun == "true" else self.own("joined", verb=verb, noun=noun)

    def negative(self, predicate: str) -> str:
        """A predicate's opposite."""
        return self.own("not", said=predicate)

    def definite(self, subject: str) -> bool:
        """Whether a subject is one that was told of before: what is said of it can be denied of it."""
        return subject.startswith((self.say("it"), self.say("this", noun=""), "“"))

    def literal(self, literal: Literal) -> str:
        """A literal as people read it."""
        return self.language.day(literal.value) if literal.datatype.value == _DATE else literal.value

    def words(self, variable: Variable) -> str:
        """What a variable is called, word by word as the catalogue has them."""
        known: Mapping[str, str] = self.language.messages.get("variable", {})
        return "".join(known.get(word, word) for word in words(variable).split())

    def named_by(self, noun: str, links: Mapping[str, Iterable[str]], otherwise: str) -> str:
        """A thing without a name of its own: its class, and what it is linked to by which property."""
        said = [self.joined(verb, self.say("beside").join(names)) for verb, names in links.items()]
        return self.own("named_by", noun=noun, said=self.say("list").join(said or [otherwise]))


class English(Grammar):
    """The grammar of English."""

    inflects = True

    def article(self, noun: str) -> str:
        """A noun with its indefinite article."""
        return with_article(noun)

    def joined(self, verb: str, noun: str) -> str:
        """A verb and what it is said of, a noun that both name said once."""
        return joined(verb, noun)

    def negative(self, predicate: str) -> str:
        """A predicate's opposite."""
        return negative(predicate)

    def definite(self, subject: str) -> bool:
        """All that is left when "a" has become "no"."""
        return True

    def literal(self, literal: Literal) -> str:
        """A literal as it is written."""
        return literal.value

    def words(self, variable: Variable) -> str:
        """The words of a variable's name."""
        return words(variable)

    def named_by(self, noun: str, links: Mapping[str, Iterable[str]], otherwise: str) -> str:
        """A thing without a name of its own: "engagement of A on B"."""
        said = [f"{rest} {' and '.join(names)}" for rest, names in links.items()]
        return " ".join([noun, *(said or [otherwise])])


def words(variable: Variable) -> str:
    """`?otherActor` as "other actor"."""
    return "".join(f" {sign.lower()}" if sign.isupper() else sign for sign in variable.value.replace("_", " ")).strip()


def with_article(noun: str) -> str:
    """A noun with its indefinite article."""
    return f"an {noun}" if noun[:1] in "aeiou" else f"a {noun}"


def joined(verb: str, noun: str) -> str:
    """A verb and what it is said of, a noun that both name said once.

    "plays the role" and "a leading role" give "plays a leading role". What is true is said by the verb alone.
    """
    if noun == "true":
        return verb
    *before, last = verb.split()
    if before[-1:] == ["the"] and noun.startswith(("a ", "an ", "this ")) and noun.endswith(f" {last}"):
        return " ".join([*before[:-1], noun])
    return " ".join([*before, noun]) if noun.startswith(f"{last} ") else f"{verb} {noun}"


def negative(predicate: str) -> str:
    """A predicate's opposite: "is about" gives "is not about", "plays" gives "does not play"."""
    verb, _, rest = predicate.partition(" ")
    if verb in {"is", "was"}:
        return f"{verb} not {rest}"
    ending = "es" if verb.endswith(("ches", "shes", "sses", "xes")) else "s"
    return f"does not {'have' if verb == 'has' else verb.removesuffix(ending)} {rest}"
