"""REDCap's data dictionary (CSV, as it is downloaded or as its API gives it) → what it says of an export.

Columns and field types are those of REDCap's own help page on the data dictionary. An export writes dates as
YYYY-MM-DD whatever the field shows, and a checkbox as a column for each choice, ``field___code``. Of a
required field a value is expected in every row, though REDCap lets people leave one empty, and a row of a
repeating instrument or of an event has no value in the fields of others. The columns of a checkbox say 0 where
nothing was answered, and are empty in such rows alone.

Privacy claim: none; a data dictionary holds no row.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from privacy.dictionaries.answers import CHECKED, TRUE_FALSE, YES_NO, Row, box, choices, coded
from privacy.dictionaries.branching.fields import branched
from privacy.dictionaries.field import (
    FREE_TEXT,
    Document,
    Field,
    identifier,
    left_out,
    listed,
    unlisted,
)
from privacy.errors import InputError
from privacy.reading.guesses.names import identifies, natural

COLUMNS = {
    "name": ("variable / field name", "field_name"),
    "form": ("form name", "form_name"),
    "type": ("field type", "field_type"),
    "label": ("field label", "field_label"),
    "choices": ("choices, calculations, or slider labels", "choices or calculations",
                "select_choices_or_calculations"),
    "validation": ("text validation type or show slider number",
                   "text_validation_type_or_show_slider_number"),
    "min": ("text validation min", "text_validation_min"),
    "max": ("text validation max", "text_validation_max"),
    "identifier": ("identifier?", "identifier"),
    "required": ("required field?", "required_field"),
    "branching": ("branching logic (show field only if...)", "branching logic", "branching_logic"),
}  # fmt: skip
"""What the columns of a dictionary are called, in the file to download and in the API's."""
NEEDED = ("name", "form", "type")

DATES = {"date": "%Y-%m-%d", "datetime": "%Y-%m-%d %H:%M", "datetime_seconds": "%Y-%m-%d %H:%M:%S"}
CLOCKS = {"time": "%H:%M", "time_hh_mm_ss": "%H:%M:%S", "time_mm_ss": "%M:%S"}
NAMING = {
    "email": "an e-mail address",
    "phone": "a telephone number",
    "ssn": "a social security number",
    "mrn": "a medical record number",
    "vmrn": "a medical record number",
}
YES = ("y", "yes", "1")
NEVER_EMPTY = (
    "never empty in an export; where rows of repeating instruments or events lack it, missing: keep"
)
MARKED = "the dictionary marks it as an identifier, so it is not modelled"


def is_redcap(header: Sequence[str]) -> bool:
    """Whether a first line is that of a data dictionary."""
    found = _columns(header)
    return all(name in found for name in NEEDED)


def redcap(header: Sequence[str], rows: Sequence[Sequence[str]], labels: bool = False) -> Document:
    """What the dictionary says of an export of codes, or of ``labels``.

    Raises InputError where it names no field.
    """
    at = _columns(header)
    said = [{n: _clean(row[i]) if i < len(row) else "" for n, i in at.items()} for row in rows]
    said = [{**dict.fromkeys(COLUMNS, ""), **row} for row in said if row["name"]]
    if not said:
        raise InputError("the data dictionary names no field")
    first = said[0]["name"]
    unit = identifier(first, "names the record", _label(said[0]), required=True)
    commas = _commas(said)
    fields, of = [unit], {first: said[0]}
    for row in said[1:]:
        always = row["required"].lower() in YES and not row["branching"]
        found = [replace(f, required=f.required or always) for f in _fields(row, labels)]
        fields += found
        of |= {f.name: row for f in found}
    told = [
        "repeating instruments and events are not in a dictionary: if the export has redcap_repeat_instance or "
        "redcap_event_name, set max_rows_per_unit, and `missing: keep` for fields of some rows (docs/visits.md)"
    ]
    if commas == "some":
        told += [
            "some numbers have decimal commas and others points: export with one sign for all (REDCap's export "
            "dialogue: decimal character)"
        ]
    return Document(
        "REDCap data dictionary",
        "",
        branched(fields, of, labels),
        unit=first,
        several="A repeating instrument or event gives it several; each counts towards the noise",
        csv=_form(said, commas),
        told=tuple(told),
    )


def _form(said: Sequence[Row], commas: str) -> dict[str, object]:
    """How an export is written; notes run over several lines."""
    decimal = {"decimal": ","} if commas == "all" else {}
    return {**decimal, **({"newlines": True} if any(r["type"] == "notes" for r in said) else {})}


def _columns(header: Sequence[str]) -> dict[str, int]:
    called = [" ".join(text.split()).lower() for text in header]
    found = {
        n: next((called.index(c) for c in names if c in called), -1) for n, names in COLUMNS.items()
    }
    return {n: i for n, i in found.items() if i >= 0}


def _clean(text: str) -> str:
    """A cell; R writes NA for an empty one."""
    return "" if text.strip() == "NA" else text.strip()


def _label(row: Row) -> str:
    return row["label"]


def _fields(row: Row, labels: bool) -> Iterator[Field]:
    """The columns of an export that a field becomes."""
    name, kind, label = row["name"], row["type"].lower(), _label(row)
    if kind == "descriptive":
        return
    if kind == "checkbox":
        for code, text in choices(row["choices"]).items():
            column = f"{name}___{box(code)}"
            yield (
                identifier(column, MARKED, f"{label}: {text}")
                if _is_marked(row)
                else _box(column, labels, f"{label}: {text}")
            )
    elif _is_marked(row):
        age = "; of a date of birth the age may do in its place"
        yield identifier(name, MARKED + age * row["validation"].startswith("date"), label)
    elif kind in ("radio", "dropdown") and choices(row["choices"]):
        yield listed(name, coded(row, labels), label)
    elif kind in ("radio", "dropdown", "sql"):
        yield unlisted(name, label)
    elif kind in ("yesno", "truefalse"):
        yield listed(name, (YES_NO if kind == "yesno" else TRUE_FALSE)[labels], label)
    elif kind == "slider":
        low, high = _number(row["min"]), _number(row["max"])
        yield Field(
            name,
            "integer",
            label,
            low=0 if low is None else low,
            high=100 if high is None else high,
        )
    elif kind == "calc":
        yield Field(name, "float", label, remarks=(f"calculated: {row['choices']}",))
    elif kind == "file":
        yield left_out(name, "a file, of which an export says only whether there is one", label)
    elif kind == "notes":
        yield left_out(name, FREE_TEXT, label)
    else:
        yield _text(row)


def _box(column: str, labels: bool, description: str) -> Field:
    """A box is checked or not in every row that its form is in, also where nobody was asked."""
    known = CHECKED[labels]
    said = {"required": True, "remarks": (NEVER_EMPTY,), "unasked": next(iter(known))}
    return listed(column, known, description, **said)


def _is_marked(row: Row) -> bool:
    """Whether the dictionary calls it an identifier."""
    return row["identifier"].lower() in YES


def _text(row: Row) -> Field:
    """A text box, by its validation."""
    name, label, validation = row["name"], _label(row), row["validation"].lower()
    stem = re.sub(r"_(ymd|dmy|mdy)$", "", validation)
    if stem in DATES:
        low, high = _day(row["min"]), _day(row["max"])
        day = stem == "date"
        form = None if day else DATES[stem]
        return Field(
            name, "datetime", label, low=low, high=high, format=form,
            resolution="day" if day else "second",
        )  # fmt: skip
    if validation in CLOCKS:
        start = dt.datetime(1900, 1, 1)
        last = start + (dt.timedelta(hours=1) if stem == "time_mm_ss" else dt.timedelta(days=1))
        return Field(
            name, "datetime", label, low=start, high=last - dt.timedelta(seconds=1), format=CLOCKS[validation],
            resolution="second", remarks=("a time of day, read as one of 1 January 1900",),
        )  # fmt: skip
    if validation.startswith(("integer", "number")):
        places = re.search(r"_(\d)dp", validation)
        return Field(
            name, "integer" if validation == "integer" else "float", label, low=_number(row["min"]),
            high=_number(row["max"]), decimals=int(places[1]) if places else None,
        )  # fmt: skip
    naming = next((what for kind, what in NAMING.items() if validation.startswith(kind)), "")
    if naming or identifies(name, label):
        return identifier(name, f"is {naming}" if naming else identifies(name, label), label)
    if validation.startswith(("zip", "postal")):
        field = unlisted(name, label)
        part = "a postal code tells where people live: hierarchy: {prefixes: [3, 1]} has rare ones fall back"
        return replace(field, remarks=(*field.remarks, part))
    if not validation and natural(name, label) is not None:
        asked = "not checked when it is entered: is it always a whole number? Then kind: integer"
        return Field(name, "float", label, remarks=(asked,))
    return left_out(
        name, FREE_TEXT + "; if it holds codes: kind: categorical, with its categories", label
    )


def _commas(said: Sequence[Row]) -> str:
    """Whether all numbers with decimals have a comma, some or none."""
    numbers = [r for r in said if r["type"] == "calc" or r["validation"].startswith("number")]
    commas = [r for r in numbers if r["validation"].endswith("comma_decimal")]
    return "none" if not commas else "all" if len(commas) == len(numbers) else "some"


def _number(text: str) -> float | None:
    try:
        return float(text.replace(",", ".")) if text else None
    except ValueError:  # a date, or another field
        return None


def _day(text: str) -> dt.datetime | None:
    try:
        return dt.datetime.fromisoformat(text) if text else None
    except ValueError:  # today, or another field
        return None
