"""A document → a schema as YAML, with what the document leaves open asked for in comments.

Privacy claim: none needed; no row is read. What stands in for an open bound is the same for every table.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator

from privacy.dictionaries.field import Document, Field
from privacy.dictionaries.numbers import bounds_of
from privacy.reading.guesses.lines import quoted
from privacy.reading.guesses.roles import Role, roles

HEADER = """\
# Made from the {what} {file}. No row was read: nothing in here is copied from patients.
# Lines with a "?" ask for what the document leaves open. The schema works as it is; every answer makes the
# copies better. Check it against the rows before a release: understudy schema check THIS_FILE ROWS.csv
"""

DAYS = dt.datetime(1900, 1, 1), dt.datetime(2099, 12, 31)
MOST_TIED = 12
"""So many conditions are put into force; more are listed as comments, since each makes a model larger."""


UNSAID = "asked only where {}: no rule of a schema says this"


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
    if field.unsaid:
        yield f"# {UNSAID.format(' '.join(field.unsaid.split()))}"
    if not field.required:
        yield "missing: keep"
    if field.missing_values != ("",):
        yield f"missing_values: {quoted(list(field.missing_values))}"


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
    asked = [(f, value) for f in fields if (value := any_value(f)) is not None]
    # A box alone says least, and a question with many choices has many
    asked.sort(key=lambda one: one[0].unasked is not None)
    zeros = [{**way, field.name: value} for field, value in asked for way in field.unless]
    if not zeros:
        return
    some, more = zeros[:MOST_TIED], zeros[MOST_TIED:]
    yield "impossible:  # what is asked only after another answer is missing after the others"
    yield from (f"  - {quoted(zero)}" for zero in some)
    if more:
        yield f"  # {len(more)} more; each makes the model larger, so take what matters:"
        yield from (f"  # - {quoted(zero)}" for zero in more)


def any_value(field: Field) -> dict[str, object] | None:
    """Every value of a column that tells it was asked, as a condition; None where they cannot be listed."""
    if field.unasked is not None and field.categories is not None:
        return {"values": [c for c in field.categories if c != field.unasked]}
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
