"""`make bench`: time and memory of each step, each gap query and the service over sizes, side by side, in one run."""

from __future__ import annotations

import argparse
import json
import math
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from sopkg.catalog import query_files
from tests.bench.generate import generate
from tests.bench.others import REASONERS
from tests.bench.service import BY_NAME, CLIENTS, LATE

SIZES = (10_000, 100_000, 1_000_000)
STEPS = ("load", "validate", "entail", "detect", "publish")
PLAIN_SECONDS = 300
SERVED = 100_000
Measured = Mapping[str, Any]


def main() -> int:
    """Measures every size in a process of its own and prints the tables; 1 if other gaps were found than planted."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench")
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES, metavar="TRIPLES")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        cities = {size: city(Path(folder), size, given.seed) for size in given.sizes}
        measured = {size: told("measure", path) for size, path in cities.items()}
        reasoned = {size: told("reasoning", path) for size, path in cities.items()}
        changed = {size: told("changes", path) for size, path in cities.items()}
        others = {name: {size: closed_by(name, path) for size, path in cities.items()} for name in REASONERS}
        plain = measure_plain(cities[given.sizes[0]])
        pages = {size: told("pages", path) for size, path in cities.items()}
        served = {size: told("service", path) for size, path in cities.items() if size >= SERVED}
    print_steps(measured)
    print_queries(measured)
    print_plain(given.sizes[0], measured[given.sizes[0]], plain)
    print_reasoning(reasoned, others)
    print_changes(changed)
    print_service(served)
    print_pages(pages)
    return print_faults(measured)


def city(folder: Path, size: int, seed: int) -> Path:
    """A generated city with what is to be found in it, written to disk."""
    path = folder / f"{size}.nt"
    generate(path, size, seed).write(path.with_suffix(".json"))
    print(f"generated {size:,} triples", file=sys.stderr)
    return path


def told(module: str, path: Path) -> Measured:
    """What a module says of one city, in a process of its own, so that its peak memory is its own."""
    print(f"{module} of {path.stem} triples", file=sys.stderr)
    done = subprocess.run([sys.executable, "-m", f"tests.bench.{module}", path], stdout=subprocess.PIPE, check=True)
    result: Measured = json.loads(done.stdout)
    return result


def measure_plain(path: Path) -> dict[str, float]:
    """The plain way on the smallest city, ended after a while; a step that was ended is missing."""
    return dict(json.loads(line) for line in within("plain", path).splitlines())


def closed_by(name: str, path: Path) -> Measured | None:
    """What another reasoner took for its closure; None where it was ended."""
    out = within("others", name, path)
    return json.loads(out) if out else None


def within(module: str, *words: str | Path) -> str:
    """What a module prints in the time that it has."""
    print(f"{module} {' '.join(map(str, words))}, at most {PLAIN_SECONDS} s", file=sys.stderr)
    command = [sys.executable, "-W", "ignore", "-m", f"tests.bench.{module}", *words]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            out, _ = process.communicate(timeout=PLAIN_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            out, _ = process.communicate()
    return out


def exponent(sizes: Iterable[int], seconds: Iterable[float]) -> float:
    """The slope of time over size on logarithmic axes: 1 is linear."""
    points = [(math.log(size), math.log(max(time, 1e-3))) for size, time in zip(sizes, seconds, strict=True)]
    mean_x, mean_y = (sum(values) / len(points) for values in zip(*points, strict=True))
    spread = sum((x - mean_x) ** 2 for x, _ in points)
    return sum((x - mean_x) * (y - mean_y) for x, y in points) / spread if spread else math.nan


def print_steps(measured: Mapping[int, Measured]) -> None:
    """Seconds and peak megabytes of each step."""
    sizes = list(measured)
    print("\nseconds (and peak MB up to the end of the step)")
    print(line("step", [f"{size:,}" for size in sizes], "exponent"))
    for step in STEPS:
        seconds = [measured[size]["steps"][step] for size in sizes]
        cells = [f"{measured[s]['steps'][step]:.2f} ({measured[s]['megabytes'][step]:.0f})" for s in sizes]
        print(line(step, cells, f"{exponent(sizes, seconds):.2f}"))
    totals = [sum(measured[size]["steps"].values()) for size in sizes]
    print(line("all", [f"{total:.2f}" for total in totals], f"{exponent(sizes, totals):.2f}"))
    print(line("inferred", [f"{measured[size]['inferred']:,}" for size in sizes], ""))
    print(line("findings", [f"{measured[size]['findings']:,}" for size in sizes], ""))


def print_queries(measured: Mapping[int, Measured]) -> None:
    """Seconds of each gap query, verdicts and findings included."""
    sizes = list(measured)
    print("\nseconds of each gap query, with its verdicts")
    print(line("query", [f"{size:,}" for size in sizes], "exponent"))
    for name in query_files("gaps"):
        seconds = [measured[size]["queries"][name] for size in sizes]
        print(line(name, [f"{each:.3f}" for each in seconds], f"{exponent(sizes, seconds):.2f}"))


def print_plain(size: int, ours: Measured, plain: Mapping[str, float]) -> None:
    """The same work done plainly, and how many times longer it takes."""
    names = ["load", "entail", *query_files("gaps")]
    print(f"\nthe plain way (rdflib, owlrl, the same query files) at {size:,} triples")
    print(line("step", ["ours", "plain"], "ratio"))
    for name in names:
        mine = ours["steps"].get(name, ours["queries"].get(name))
        theirs = plain.get(name)
        shown = "not reached" if theirs is None else f"{theirs:.2f}"
        print(line(name, [f"{mine:.3f}", shown], "" if theirs is None else f"{theirs / mine:.0f}"))
    mine = sum(ours["steps"][step] for step in ("load", "entail", "detect"))
    least = sum(plain.values()) if len(plain) == len(names) else float(PLAIN_SECONDS)
    sign = "" if len(plain) == len(names) else "more than "
    print(line("all", [f"{mine:.2f}", f"{sign}{least:.0f}"], f"{sign}{least / mine:.0f}"))


def print_reasoning(ours: Mapping[int, Measured], others: Mapping[str, Mapping[int, Measured | None]]) -> None:
    """The closure beside other reasoners of OWL 2 RL, and what one triple costs."""
    sizes = list(ours)
    print("\nseconds (and peak MB) of the closure; how many times ours, with the ontology, another one took")
    print(line("reasoner", [f"{size:,}" for size in sizes], "exponent"))
    for name, told_as in (("ours, with the ontology", "closure"), ("ours, another city", "again")):
        each = [ours[size][told_as] for size in sizes]
        cells = [f"{one['seconds']:.2f} ({one['megabytes']:.0f})" for one in each]
        print(line(name, cells, f"{exponent(sizes, [one['seconds'] for one in each]):.2f}"))
    for name, measured in others.items():
        print(line(name, [beside(measured[size], ours[size]["closure"]) for size in sizes], ""))
    print("\nmilliseconds for one triple: median, 95th percentile, largest of 200")
    for name in ("proof", "addition", "deletion"):
        told_of = [ours[size]["milliseconds"][name] for size in sizes]
        print(line(name, [f"{each['median']:.2f} {each['p95']:.1f} {each['max']:.1f}" for each in told_of], ""))
    if not all(each["same"] for each in ours.values()):
        print("after deletion and addition of the same triples, something else follows")


def print_changes(changed: Mapping[int, Measured]) -> None:
    """What one changed triple costs, by what was done and which kinds are waited for, and a question what would be."""
    sizes = list(changed)
    print("\nmilliseconds from one changed triple to the new gaps: median, 95th percentile, largest")
    print(line("change", [f"{size:,}" for size in sizes], ""))
    for name in changed[sizes[0]]["milliseconds"]:
        told_of = [changed[size]["milliseconds"][name] for size in sizes]
        print(line(name, [f"{each['median']:.0f} {each['p95']:.0f} {each['max']:.0f}" for each in told_of], ""))
    if not all(each["same"] for each in changed.values()):
        print("after some changes the findings are not those of a full audit")


def print_service(served: Mapping[int, Measured]) -> None:
    """What an answer over HTTP takes, and how many times as long another server took."""
    for size, servers in served.items():
        ours = servers.pop("ours")
        for clients in CLIENTS:
            print(f"\nmilliseconds of an answer over HTTP at {size:,} triples, {clients} clients; and others, in ratio")
            print(line("query", ["ours", *servers], ""))
            for name, times in ours.items():
                mine = times[str(clients)]
                # What we are asked by name, others are asked as a query.
                asked = name if name != BY_NAME else "report"
                ratios = [ratio(each[asked][str(clients)], mine) for each in servers.values()]
                print(line(name, [f"{mine:.1f}", *ratios], ""))


def print_pages(pages: Mapping[int, Measured]) -> None:
    """What each page takes, the first time after a start and again; a kind whose gaps a size has none of is blank."""
    sizes = list(pages)
    print("\nmilliseconds of a page after /ready: first, and again in another language")
    print(line("page", [f"{size:,}" for size in sizes], ""))
    for name in dict.fromkeys(name for size in sizes for name in pages[size]):
        told_of = [pages[size].get(name) for size in sizes]
        print(line(name, [f"{each['cold']:.0f} {each['warm']:.0f}" if each else "" for each in told_of], ""))


def ratio(other: float | None, ours: float) -> str:
    """How many times ours another took."""
    return f"> {1000 * LATE / ours:.0f}x" if other is None else f"{other / ours:.2f}x"


def beside(other: Measured | None, ours: Measured) -> str:
    """Another reasoner's seconds and megabytes, and how many times ours it took."""
    if other is None:
        return f"> {PLAIN_SECONDS} (> {PLAIN_SECONDS / ours['seconds']:.0f}x)"
    return f"{other['seconds']:.2f} ({other['megabytes']:.0f}) {other['seconds'] / ours['seconds']:.1f}x"


def print_faults(measured: Mapping[int, Measured]) -> int:
    """What differs from what was planted; the exit code."""
    faults = [f"{size:,}: {fault}" for size, each in measured.items() for fault in each["faults"]]
    print(f"\n{len(faults)} differences to what was planted" if faults else "\nevery planted gap found, and no other")
    print("\n".join(faults[:20]))
    return 1 if faults else 0


def line(name: str, cells: Iterable[str], last: str) -> str:
    """One line of a table."""
    return f"{name:<36}" + "".join(f"{cell:>22}" for cell in cells) + f"{last:>16}"


if __name__ == "__main__":
    sys.exit(main())
