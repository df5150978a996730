"""The guard: what it refuses, what it lets through, and that what it lets through ends no process."""

import csv
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sopkg import errors
from sopkg.guard import Inspection, inspect

CASES = Path(__file__).parent / "guard"
CAP, SIZE = 200, 1 << 20
# Shapes that recurse in the engine: what a caller can write n deep or n long.
SHAPES: dict[str, Callable[[int], str]] = {
    "groups": lambda n: "SELECT * {" + "{" * n + "?s ?p ?o" + "}" * n + "}",
    "parentheses": lambda n: "ASK { FILTER" + "(" * n + "1" + ")" * n + "}",
    "or": lambda n: "ASK { ?s ?p ?o FILTER(" + "||".join(["?o = 1"] * n) + ") }",
    "sums": lambda n: "ASK { ?s ?p ?o FILTER(" + " + ".join(["?o"] * n) + ") }",
    "not": lambda n: "ASK { ?s ?p ?o FILTER(" + "!" * n + "?o) }",
    "path": lambda n: "ASK { ?s " + "/".join(["<a:p>"] * n) + " ?o }",
    "path of names with dots": lambda n: "PREFIX a: <a:> ASK { ?s " + "/".join(["a:b.c"] * n) + " ?o }",
    "alternatives": lambda n: "ASK { ?s " + "|".join(["<a:p>"] * n) + " ?o }",
    "path in parentheses": lambda n: "ASK { ?s " + "(" * n + "<a:p>" + ")*" * n + " ?o }",
    "union": lambda n: "ASK {" + " UNION ".join(["{ ?s ?p ?o }"] * n) + "}",
    "optional": lambda n: "ASK { ?s ?p ?o " + "OPTIONAL { ?s <a:p> ?o } . " * n + "}",
    "minus": lambda n: "ASK { ?s ?p ?o " + "MINUS { ?s <a:p> ?o } " * n + "}",
    "exists": lambda n: "ASK { ?s ?p ?o " + "FILTER EXISTS { ?s ?p ?o " * n + "}" * n + "}",
    "property lists": lambda n: "ASK { ?s ?p " + "[ <a:p> " * n + "1" + "]" * n + "}",
    "collections": lambda n: "ASK { ?s ?p " + "(" * n + "1" + ")" * n + "}",
    "functions": lambda n: "ASK { ?s ?p ?o FILTER(" + "STR(" * n + "?o" + ")" * n + ") }",
    "queries": lambda n: "SELECT * {" + "{ SELECT * {" * n + "?s ?p ?o" + "} }" * n + "}",
    "graphs": lambda n: "ASK {" + "GRAPH ?g {" * n + "?s ?p ?o" + "}" * n + "}",
    "lateral": lambda n: "ASK { ?s ?p ?o " + "LATERAL { ?s ?p ?o } " * n + "}",
}
PARSE = """
import sys, threading, pyoxigraph
from sopkg.worker import STACK_BYTES
def parse():
    try:
        pyoxigraph.Store().query(sys.stdin.read())
    except SyntaxError as error:
        print("syntax", error)
threading.stack_size(STACK_BYTES)
thread = threading.Thread(target=parse)
thread.start()
thread.join()
"""


def table(name: str) -> list[dict[str, str]]:
    """A table of cases; ⏎ stands for a line's end."""
    with open(CASES / name, encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    found = [{key: value.replace("⏎", "\n") for key, value in row.items()} for row in rows]
    assert found
    return found


@pytest.mark.parametrize("case", table("refused.csv"), ids=lambda case: case["query"][:40])
def test_refused(case: dict[str, str]) -> None:
    with pytest.raises(getattr(errors, case["why"])):
        inspect(case["query"], CAP, 200)


@pytest.mark.parametrize("case", table("accepted.csv"), ids=lambda case: case["query"][:40])
def test_accepted(case: dict[str, str]) -> None:
    assert inspect(case["query"], 20, SIZE) == Inspection(case["form"], case["dataset"] == "yes")


@pytest.mark.parametrize("shape", SHAPES)
def test_nesting_past_the_cap_is_refused(shape: str) -> None:
    with pytest.raises(errors.TooNested):
        inspect(SHAPES[shape](CAP + 2), CAP, SIZE)
    with pytest.raises(errors.TooNested):
        inspect(SHAPES[shape](5000), CAP, SIZE)


@pytest.mark.parametrize("shape", SHAPES)
def test_the_engine_survives_what_is_just_below_the_cap(shape: str) -> None:
    deepest = next(n for n in range(CAP, 0, -1) if _passes(SHAPES[shape](n)))
    assert deepest >= CAP // 3
    try:
        done = subprocess.run(
            [sys.executable, "-c", PARSE],
            input=SHAPES[shape](deepest),
            text=True,
            timeout=1.5,
            capture_output=True,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return  # slow to plan: the time limit's to end
    assert (done.returncode, done.stdout) == (0, "")


def _passes(query: str) -> bool:
    try:
        inspect(query, CAP, SIZE)
    except errors.TooNested:
        return False
    return True


@pytest.mark.parametrize(
    "text", ["(", "{a", "<", "<a", '"', '"""a', "'''", "?", ":a", "a.", "^", "|a", "- ", "#", "\\u0041"]
)
def test_time_grows_with_the_text_and_no_faster(text: str) -> None:
    def seconds(times: int) -> float:
        start = time.process_time()
        with suppress(errors.TooNested):
            inspect("SELECT " + text * times, CAP, 10 * SIZE)
        return time.process_time() - start

    small = min(seconds(10_000) for _ in range(3))
    assert min(seconds(100_000) for _ in range(3)) < 40 * small + 0.1


@settings(max_examples=150, deadline=None)
@given(st.text(alphabet="{}()[]<>\"'\\#.,;|/^!&?:-+aSELECTERVICE \n", max_size=300))
def test_any_text_is_read_to_its_end(text: str) -> None:
    with suppress(errors.SopkgError):
        inspect(text, CAP, SIZE)
