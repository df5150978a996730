"""A page from its template: in the reader's language, with addresses that keep the language which was asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlencode

from flask import Response, g, render_template, request, url_for

from sopkg import __version__
from sopkg.asked import LANGUAGE
from sopkg.languages import Language, Said, chosen_language, languages
from sopkg.results import HTML
from sopkg.weight import WORKS


def language() -> Language:
    """That of the reader: by the parameter `lang`, else by Accept-Language."""
    held: Language | None = g.get("language")
    if held is None:
        held = g.language = chosen_language(request.args.get(LANGUAGE), request.headers.get("Accept-Language", ""))
    return held


def page(template: str, **given: object) -> str:
    """A page for people."""
    mine = language()
    return render_template(
        template,
        **mine.speech(),
        address=address,
        local=local,
        switch=_switch(mine),
        program=__version__,
        **given,
    )


def html(body: str) -> Response:
    """A page as it leaves: it differs with the format and the language that are asked for."""
    response = Response(body, content_type=HTML.header)
    response.headers["Content-Language"] = language().code
    response.headers["Vary"] = "Accept, Accept-Language"
    return response


def address(endpoint: str, **values: Any) -> str:
    """The address of an endpoint's page, in the language that was asked for by name."""
    return url_for(endpoint, **{**values, **_asked_language()})


def local(path: str) -> str:
    """An address of this server that begins with /, with what a proxy puts in front, as a page."""
    asked = _asked_language()
    return request.script_root + path + (f"{'&' if '?' in path else '?'}{urlencode(asked)}" if asked else "")


def changed(**given: str | None) -> str:
    """This page's address with other parameters; None takes one away."""
    kept = {name: value for name, value in {**request.args.to_dict(), **given}.items() if value}
    return f"{request.script_root}{request.path}" + (f"?{urlencode(kept)}" if kept else "")


def together(calls: Mapping[str, Callable[[], Any]]) -> dict[str, Any]:
    """What each call gives, asked at the same time: each waits for a worker of its own."""
    with ThreadPoolExecutor(max_workers=len(calls)) as threads:
        futures = {name: threads.submit(call) for name, call in calls.items()}
        return {name: future.result() for name, future in futures.items()}


def focus_text(finding: Mapping[str, Any]) -> str:
    """What a finding is about: the ontology's terms in the reader's language, the city's things by their own names."""
    parts = finding["about"].split(" · ")
    if len(parts) != len(finding["focus"]):
        return str(finding["about"])
    named = (language().label(iri, part) for iri, part in zip(finding["focus"], parts, strict=True))
    return " · ".join(each.text for each in named)


def kind_text(finding: Mapping[str, Any]) -> str:
    """What the kind of a finding is called."""
    return language().label(finding["kind"], finding["kindLabel"]).text


def weight_text(weight: Mapping[str, Sequence[Mapping[str, Any]]]) -> str:
    """What a finding touches, in words: works, and of how many of them each sum is known."""
    mine = language()
    works = [mine.counted("weight.works", each["value"]) for each in weight[WORKS]]
    sums = [each for name, values in weight.items() if name != WORKS for each in values]
    known = [
        mine.counted("weight.sum", each[WORKS], value=mine.number(each["value"]), unit=mine.unit(each["unit"]))
        for each in sums
    ]
    return mine.message("weight.beside").join([*works, *known]) or mine.message("weight.none")


def sentence(said: Said | None, otherwise: str) -> Said:
    """What the ontology says, or the English that an answer has."""
    return said or Said(otherwise, "en")


def _asked_language() -> dict[str, str]:
    return {LANGUAGE: language().code} if LANGUAGE in request.args else {}


def _switch(mine: Language) -> list[tuple[str, str, str]]:
    """The same page in the other languages: code, name, address."""
    others = [each for each in languages().values() if each.code != mine.code]
    return [(each.code, each.message("language.name"), changed(lang=each.code)) for each in others]
