"""A document → a schema as YAML, with what the document leaves open asked for in comments.

Privacy claim: none needed; no row is read. What stands in for an open bound is the same for every table.
"""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Iterator

from privacy.dictionaries.field import Document, Field
from privacy.reading.guesses.lines import quoted
from privacy.reading.guesses.names import natural
from privacy.reading.guesses.roles import Role, roles

HEADER = """\
# Made from the {what} {file}. No row was read: nothing in here is copied from patients.
# Lines with a "?" ask for what the document leaves open. The schema works as it is; every answer makes the
# copies better. Check it against the rows before a release: understudy schema check THIS_FILE ROWS.csv
"""

WIDE = 1_000_000
"""A bound that stands in for one that no document says."""
DAYS = dt.datetime(1900, 1, 1), dt.datetime(2099, 12, 31)
MOST_TIED = 12
"""So many conditions are put into force; more are listed as comments, since each makes a model larger."""


def written(document: Document, file: str, digest: str) -> str:
    """The schema of a document of this name and SHA-256."""
    fields = [f for f in document.fields if f.kind != "left out"]
    dropped = [f for f in document.fields if f.kind == "left out"]
    lines = [
        HEADER.format(what=document.what, file=_line(file)),
        f"name: {name_of(document.name or file)}",
    ]
    lines += [f"description: {quoted(_line(document.description))}"] * bool(document.description)
    lines += [f"source: {quoted(f'{document.what} {file}, SHA-256 {digest}')}"]
    lines += [*_unit(document), *_dropped(dropped)]
    lines += [f"csv: {quoted(dict(document.csv))}"] * bool(document.csv)
    lines += ["columns:"]
    for field in fields:
        lines += [f"  {quoted(field.name)}:", *(f"    {line}" for line in _column(field))]
    lines += roles([_role(f) for f in fields if f.kind != "identifier"])
    return "\n".join([*lines, *_impossible(fields), *_relations(document), ""])


def name_of(text: str) -> str:
    """A name that a schema may have, from any text."""
    stem = re.sub(r"([_ -]?data[_ -]?dictionary.*)?\.(csv|json|txt|tsv)$", "", text.lower())
    stem = re.sub(r"[^a-z0-9]+", "_", stem)
    return quoted(stem.lstrip("0123456789_")[:63].rstrip("_") or "table")


def _line(text: str) -> str:
    """A text on one line, without marks of HTML."""
    plain = re.sub(r"<[^<>]{1,500}>", " ", text)
    return " ".join("".join(c if c.isprintable() else " " for c in plain).split())[:500]


def _unit(document: Document) -> Iterator[str]:
    if document.unit is None:
        yield "# unit: which column names the person? Where people have several rows and none is named, each"
        yield "#   row is protected as if it were a person"
        return
    yield f"unit: {quoted(document.unit)}"
    if document.several:
        yield f"# max_rows_per_unit: how many rows has a person at most? {document.several}"
    yield "max_rows_per_unit: 1"


def _dropped(fields: list[Field]) -> Iterator[str]:
    yield f"surplus_columns: drop{'  # these columns are left out:' if fields else ''}"
    for field in fields:
        yield f"#   {quoted(field.name)}: {_line(field.why)}"


def _column(field: Field) -> Iterator[str]:
    yield f"kind: {field.kind}"
    if text := _line(field.description):
        yield f"description: {quoted(text)}"
    if field.kind in ("categorical", "ordinal"):
        yield f"categories: {quoted(field.categories and list(field.categories))}"
        if field.other is not None:
            yield f"other: {quoted(field.other)}"
        if field.aliases:
            yield f"aliases: {quoted(dict(field.aliases))}"
    elif field.kind == "datetime":
        yield from _times(field)
    elif field.kind != "identifier":
        yield from _numbers(field)
    for remark in field.remarks:
        yield f"# {_line(remark)}"
    if not field.required:
        yield "missing: keep"
    if field.missing_values != ("",):
        yield f"missing_values: {quoted(list(field.missing_values))}"


def bounds_of(field: Field) -> tuple[float, float, str]:
    """The bounds of a number, and what is to be asked of them."""
    low, high = (
        b if isinstance(b, int | float) and math.isfinite(b) else None
        for b in (field.low, field.high)
    )
    if field.kind == "integer":
        low, high = (None if b is None else r(b) for b, r in ((low, math.ceil), (high, math.floor)))
    if low is not None and high is not None and low < high:
        return low, high, ""
    both = low is not None and high is not None
    if (known := natural(field.name, field.description.split(".")[0])) and not both:
        low, high = known[0] if low is None else low, known[1] if high is None else high
        if low < high:
            return low, high, "a natural range, by the name: the document does not say. Is it so?"
    if both or low is None:
        low = min(-WIDE, -WIDE if high is None or both else high - WIDE)
    if both or high is None:
        high = max(WIDE, low + WIDE)
    return low, high, "bounds? The document does not say what is natural; wide ones cost accuracy"


def _numbers(field: Field) -> Iterator[str]:
    low, high, asked = bounds_of(field)
    whole = field.kind == "integer"
    bounds = [int(low), int(high)] if whole else [float(low), float(high)]
    yield f"bounds: {quoted(bounds)}{f'  # {asked}' if asked else ''}"
    yield "out_of_range: clamp"
    if field.decimals is not None and not whole:
        yield f"decimals: {field.decimals}"


def _times(field: Field) -> Iterator[str]:
    low, high = field.low or DAYS[0], field.high or DAYS[1]
    assert isinstance(low, dt.datetime)
    assert isinstance(high, dt.datetime)
    asked = (
        "" if field.low and field.high else "  # bounds? From when to when, where that is public"
    )
    if not low < high:
        low, high = DAYS
    if field.format is not None:
        yield f"format: {quoted(field.format)}"
    ends = [
        b.date() if field.resolution == "day" or b.time() == dt.time() else b for b in (low, high)
    ]
    yield f"bounds: {quoted(ends)}{asked}"
    yield f"resolution: {field.resolution}"
    yield "out_of_range: clamp"


def _role(field: Field) -> Role:
    number = field.kind in ("integer", "float")
    low, high, _ = bounds_of(field) if number else (0, 0, "")
    return Role(
        field.name, field.categories, (low, high) if number else None, field.kind == "integer"
    )


def _impossible(fields: list[Field]) -> Iterator[str]:
    """A column that is asked only of some has no value with the others."""
    known = {f.name: f for f in fields}
    zeros = []
    for field in fields:
        if field.shown_if is None or (value := _any_value(field)) is None:
            continue
        of = known.get(field.shown_if[0])
        if of is None or of.categories is None or of.name == field.name:
            continue
        others = [c for c in of.categories if c not in field.shown_if[1]]
        if others and len(others) < len(of.categories):
            zeros.append({of.name: {"values": others}, field.name: value})
    if not zeros:
        return
    mark = "" if len(zeros) <= MOST_TIED else "# "
    many = f"; {len(zeros)} of them make a large model, so take what matters" if mark else ""
    yield f"{mark}impossible:  # what is asked only after another answer is missing after the others{many}"
    yield from (f"{mark}  - {quoted(zero)}" for zero in zeros)


def _any_value(field: Field) -> dict[str, object] | None:
    """Every value of a column that may be missing, as a condition."""
    if field.required or field.kind == "identifier":
        return None
    if field.kind in ("categorical", "ordinal"):
        return None if field.categories is None else {"values": list(field.categories)}
    if field.kind == "datetime":
        return {"min": (field.low or DAYS[0]).date()}  # type: ignore[union-attr]
    low, _, _ = bounds_of(field)
    return {"min": int(low) if field.kind == "integer" else float(low)}


def _relations(document: Document) -> Iterator[str]:
    if document.orders:
        yield "# relations:  # by what the columns are called; take the marks away where it is so"
        yield from (f"#   - {quoted({'order': list(pair)})}" for pair in document.orders)
