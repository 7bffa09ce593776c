"""One comparison of branching logic → the values of a column with which it does not hold.

A field that is empty equals no answer, so what ``= '1'`` asks for is not asked then; whether it is less or more
than a number REDCap decides by the version, so nothing is said of it. And only fields of one form are
always in one row: a row of a repeating instrument has no values of other forms, whose answers still count.

Privacy claim: none; a data dictionary holds no row.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from privacy.dictionaries.branching.logic import Comparison
from privacy.dictionaries.branching.ways import Part, Way
from privacy.dictionaries.field import Field
from privacy.dictionaries.numbers import bounds_of
from privacy.dictionaries.written import any_value

DIGITS = 6
"""Decimals of a number of which none are said."""


@dataclass(frozen=True)
class Asked:
    """A column that a comparison is about.

    ``answers``: codes → what an export writes; None where it holds numbers or dates. ``beside``: whether it
    has a value of its own in every row of the column that is asked after it.
    """

    field: Field
    answers: Mapping[str, str] | None
    beside: bool

    @property
    def may_be_empty(self) -> bool:
        """Whether an empty one tells that nothing was answered."""
        return self.beside and not self.field.required


def failing(told: Comparison, of: Asked) -> Iterator[Way | None]:
    """The ways in which one comparison does not hold."""
    if told.value == "":
        yield from _of_empty(told, of)
        return
    # Nothing and 0 may be the same
    is_zero = _number(told.value) == 0
    missing = told.sign == "=" and of.may_be_empty and not is_zero
    parts = _among_answers(told, of) if of.answers is not None else _among_numbers(told, of)
    if parts is None:
        yield None
        return
    if not parts and missing:
        parts = [Part(frozenset() if of.answers is not None else None)]
    for i, part in enumerate(parts):
        way = replace(part, missing=missing and i == 0)
        if not way.is_empty or way.missing:
            yield {of.field.name: way}


def _of_empty(told: Comparison, of: Asked) -> Iterator[Way | None]:
    """Asked where another is answered, or where it is not."""
    name, listed = of.field.name, of.field.kind in ("categorical", "ordinal")
    if told.choice is not None or told.sign not in ("=", "<>") or not of.beside:
        yield None
    elif told.sign == "<>":
        if not of.field.required:
            yield {name: Part(frozenset() if listed else None, missing=True)}
    elif listed:
        known = of.field.categories
        yield None if known is None else {name: Part(frozenset(known))}
    else:
        yield None if any_value(of.field) is None else {name: Part(None, -math.inf, math.inf)}


def _among_answers(told: Comparison, of: Asked) -> list[Part] | None:
    assert of.answers is not None
    if told.sign in ("=", "<>"):
        if told.value not in of.answers:
            return None
        holds = {code: (code == told.value) == (told.sign == "=") for code in of.answers}
    else:
        than, numbers = _number(told.value), {code: _number(code) for code in of.answers}
        if than is None or None in numbers.values():
            return None
        holds = {code: _compared(n, told.sign, than) for code, n in numbers.items()}  # type: ignore[arg-type]
    # Two codes may have one label
    kept = {of.answers[code] for code, held in holds.items() if held}
    others = frozenset(of.field.categories or ()) & set(of.answers.values()) - kept
    return None if not kept else [Part(others)]


def _compared(a: float, sign: str, b: float) -> bool:
    return {"<": a < b, "<=": a <= b, ">": a > b, ">=": a >= b}[sign]


def _among_numbers(told: Comparison, of: Asked) -> list[Part] | None:
    than = _number(told.value)
    if than is None or of.field.kind not in ("integer", "float"):
        return None
    below, above = _next(than, of.field)
    whole = of.field.kind == "integer"
    up_to, from_on = (math.floor(than), math.ceil(than)) if whole else (than, than)
    spans = {
        ">": [(-math.inf, up_to)],
        ">=": [(-math.inf, below)],
        "<": [(from_on, math.inf)],
        "<=": [(above, math.inf)],
        "=": [(-math.inf, below), (above, math.inf)],
        "<>": [(from_on, up_to)],
    }[told.sign]
    low, high, _ = bounds_of(of.field)
    # Beyond the bounds are only values that are brought to them
    met = [(a, b) for a, b in spans if a <= min(b, high) and b >= low]
    if any(a <= low and b >= high for a, b in met):
        return None
    return [Part(None, a, b) for a, b in met]


def _next(number: float, field: Field) -> tuple[float, float]:
    """The last value below a number and the first above, as the column is written."""
    if field.kind == "integer":
        return math.ceil(number) - 1, math.floor(number) + 1
    digits = DIGITS if field.decimals is None else field.decimals
    step = 10.0**-digits
    return round(number - step, DIGITS), round(number + step, DIGITS)


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None
