"""A ValidationError in one line: path of the key, what was expected with an example, what was found, the line.

Privacy claim: none; these files are public.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, get_args

from pydantic import BaseModel, NaiveDatetime, ValidationError

from privacy.errors import did_you_mean
from privacy.schema.mistakes.examples import EXAMPLES, MEANT
from privacy.schema.mistakes.place import (
    Place,
    Written,
    alternatives,
    keys,
    origin,
    place_of,
    written,
)

SHOWN = 60
"""Signs of a value that are quoted."""

SECRET = re.compile(r"passw|pwd|secret|token", re.IGNORECASE)
"""Keys of which no value is quoted: nothing here has such a key, but files elsewhere do."""

LIMITS = {
    "greater_than": ("gt", "above"),
    "greater_than_equal": ("ge", "at least"),
    "less_than": ("lt", "below"),
    "less_than_equal": ("le", "at most"),
}
LEAF = {
    int: "a whole number",
    float: "a number",
    str: "a text",
    bool: "true or false",
    NaiveDatetime: "a date",
    Path: "the path of a file",
}
READ_OTHERWISE = (bool, int, float, dt.date)
"""What YAML makes of texts that are not in quotes."""

SAYS_IT = ("value_error", "string_type", "union_tag_invalid")
"""Problems whose words may quote the value."""

COUNTS = {2: "two", 3: "three"}
NAME = "small letters, digits, _ and -, beginning with a letter"
SPELT = {
    "separator": "one sign",
    "address": "the address of a scheduler",
    "license": "a licence's short name",
    "tables": "names of letters, digits, _ and -",
}
"""What a text must look like, by its key; others are names."""


def told(error: ValidationError, data: Any, model: type[BaseModel], text: str | None = None) -> str:
    """The first mistake in words, and how many there are beside it.

    ``text``: the file's, in which values are found as they were written.
    """
    found = [(place_of(e["loc"], data, model), e) for e in error.errors(include_url=False)]
    # a misspelt key is the cause of what is then missing
    found.sort(key=lambda f: f[1]["type"] != "extra_forbidden")
    first = found[0][0].path
    # of a value that may be several things, what is wrong inside the one that it is meant to be
    place, problem = max(
        (f for f in found if f[0].path[: len(first)] == first), key=lambda f: len(f[0].path)
    )
    others = {f[0].path for f in found if not _on_one_line(f[0].path, first)}
    stands = None if text is None else written(text, place.path, place.in_name)
    words = " ".join(_words(place, problem, stands).split())
    where = f"{place}: " if place.path else ""
    shown = "" if SECRET.search(str(place.key)) else _quoted(problem, stands, words)
    aside = [f"found {shown}"] if shown else []
    aside += [f"line {stands.line}"] if stands is not None and place.path else []
    aside += [f"and {len(others)} more"] if others else []
    return f"{where}{words}" + (f" ({', '.join(aside)})" if aside else "")


def _on_one_line(path: tuple[str | int, ...], other: tuple[str | int, ...]) -> bool:
    """Whether one of two places lies in the other: a list whose only entry is wrong has none that is right."""
    shorter = min(len(path), len(other))
    return path[:shorter] == other[:shorter]


def told_value(error: ValidationError, hint: Any) -> str:
    """The first mistake in one value that was to be of a type."""
    problem = error.errors(include_url=False)[0]
    words = _words(Place((), (), tuple(alternatives(hint))), problem, None)
    return f"{words} (found {problem['input']!r})"


def truth_for_a_number(data: Any, model: type[BaseModel], text: str | None = None) -> str | None:
    """The first truth (``yes``) where a number is meant, which pydantic would take for 1; None without one."""
    for path in _truths(data):
        place = place_of(path, data, model, tagged=False)
        if bool not in place.hints and {int, float} & set(place.hints):
            stands = None if text is None else written(text, place.path)
            said, line = ("true", "") if stands is None else (stands.text, f" (line {stands.line})")
            told = f"YAML takes {said} for a truth value; expected {_expected(place)}"
            return f"{place}: {told}{_example(place)}{line}"
    return None


def _truths(data: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    if isinstance(data, bool):
        yield path
    inner = (
        data.items()
        if isinstance(data, dict)
        else enumerate(data)
        if isinstance(data, list)
        else ()
    )
    for part, value in inner:
        yield from _truths(value, (*path, part))


def _words(place: Place, problem: Mapping[str, Any], stands: Written | None) -> str:
    """What is wrong with a value, and what would be right."""
    kind, value, context = problem["type"], problem["input"], problem.get("ctx", {})
    example = _example(place)
    if kind == "value_error":
        cause = context["error"]
        return told(cause, value, BaseModel) if isinstance(cause, ValidationError) else str(cause)
    if kind == "extra_forbidden":
        known = keys(place.owners)
        return f"unknown key{did_you_mean(place.key, known) or '; known here: ' + ', '.join(known)}"
    if kind == "missing":
        return f"is missing; add it{example}"
    if kind == "union_tag_not_found":
        return _without_kind(place, context["discriminator"].strip("'"))
    if kind == "union_tag_invalid":
        tags = [t.strip("' ") for t in context["expected_tags"].split(",")]
        tag, key = str(context["tag"]), context["discriminator"].strip("'")
        near = f"; did you mean {MEANT[tag]!r}?" if tag in MEANT else did_you_mean(tag, tags)
        return f"{key} {tag!r} is none of {', '.join(tags)}{near}"
    if kind in LIMITS:
        limit, word = LIMITS[kind]
        return f"must be {word} {context[limit]:g}{example}"
    if kind == "string_too_long":
        return f"must be at most {context['max_length']} signs long, and has {len(value)}{example}"
    if kind == "finite_number":
        return f"must be a finite number{example}"
    if kind == "timezone_naive":
        return f"expected a date without an offset{example}"
    if "pattern" in kind:
        return f"expected {SPELT.get(place.key, NAME)}{example}"
    if kind in ("string_too_short", "too_short") and not value:
        return f"is empty{example}"
    if place.in_name or (kind == "string_type" and isinstance(value, READ_OTHERWISE)):
        return _as_text(value, stands)
    if kind == "literal_error" and isinstance(value, str):
        allowed = [str(a) for h in place.hints if origin(h) is Literal for a in get_args(h)]
        return f"expected {_expected(place)}{did_you_mean(value, allowed) or example}"
    return f"expected {_expected(place)}{_of_one(place, value, stands) or example}"


def _quoted(problem: Mapping[str, Any], stands: Written | None, words: str) -> str:
    """A value as it was written, without what may be a password; "" where the words say it."""
    value = problem["input"]
    is_list = isinstance(value, list | tuple)
    whole_told = problem["type"] == "value_error" and is_list
    if isinstance(value, Mapping) or problem["type"] == "missing" or whole_told:
        return ""
    if value is None and (stands is None or not stands.text):
        return "nothing"
    whole = str(value) if stands is None or stands.text is None else stands.text
    text = re.sub(r"://\S*", "://…", " ".join(whole.split()))[:SHOWN]
    said = problem["type"] in SAYS_IT and text in words
    return "" if said else text if is_list else repr(text)


def _example(place: Place) -> str:
    """ ", as `bounds: [0, 120]`", of the key where one is known."""
    said = (EXAMPLES.get(owner.__name__, {}).get(place.key) for owner in place.owners)
    example = next((e for e in said if e is not None), None)
    of_entry = bool(place.path) and isinstance(place.path[-1], int)
    if example is None or (of_entry and not example.startswith("[")):
        return ""  # of one entry no example of another form
    return f", as `{place.key}: {example}`"


def _of_one(place: Place, value: Any, stands: Written | None) -> str:
    """A list of the one value that was written, where a list of texts is wanted."""
    of_texts = any(origin(h) is tuple and str in get_args(h) for h in place.hints)
    if not of_texts or stands is None or not stands.text or isinstance(value, list):
        return ""
    return f', as `{place.key}: ["{stands.text[:SHOWN]}"]`'


def _expected(place: Place) -> str:
    kinds = [h for h in place.hints if not (h is int and float in place.hints)]
    return " or ".join(dict.fromkeys(map(_type, kinds))) or "another value"


def _type(hint: Any) -> str:
    """A type in words of YAML."""
    generic, arguments = origin(hint), get_args(hint)
    if generic is Literal:
        listed = [str(a) if str(a)[0].isalnum() else repr(a) for a in arguments]
        return " or ".join(listed) if len(listed) < 3 else f"one of {', '.join(listed)}"
    if generic is tuple:
        inner = next(alternatives(arguments[0]), str)
        many = _plural(inner)
        if origin(inner) is Literal:
            many = f"any of {', '.join(map(str, get_args(inner)))},"
        if arguments[-1] is Ellipsis:
            return f"a list of {many} in brackets"
        return f"{COUNTS.get(len(arguments), len(arguments))} {many} in brackets"
    if hint in LEAF:
        return LEAF[hint]
    return "names and values, in braces or indented below"


def _plural(hint: Any) -> str:
    return (
        f"{LEAF[hint].removeprefix('a ')}s"
        if hint in (int, float, str, NaiveDatetime)
        else "entries"
    )


def _as_text(value: Any, stands: Written | None) -> str:
    """What YAML took for something else than a text, and the quotes that keep it one."""
    taken = "a truth value" if isinstance(value, bool) else "a number"
    if isinstance(value, dt.date):
        taken = "a date"
    text = str(value) if stands is None or stands.text is None else stands.text
    return f'YAML takes {text} for {taken} where a text is expected; put it in quotes, "{text}"'


def _without_kind(place: Place, key: str) -> str:
    """Of what says no kind: which there are."""
    models = [h for h in place.hints if hasattr(h, "model_fields")]
    if key.isidentifier():
        fields = (m.model_fields[key].annotation for m in models if key in m.model_fields)
        kinds = [str(v) for f in fields for v in get_args(f)]
        return f"says no {key}; add one of {', '.join(kinds)}, as `{key}: {kinds[0]}`"
    kinds = [next(iter(m.model_fields)) for m in models]
    return f"is none of {', '.join(kinds)}; begin with one of them{_example(place)}"
