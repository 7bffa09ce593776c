"""A first schema for a table nobody has described yet, read from its private rows.

Privacy claim: none, on purpose. What a draft holds is private until a person has confirmed, value
by value, that it is public knowledge; ``load_schema`` refuses it until then.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import yaml

from privacy.errors import DataError, InputError
from privacy.reading.arrays import holds_arrays
from privacy.reading.dates import DIGITS, Dates, dates_in
from privacy.reading.numerals import commas_to_points, numbers_in
from privacy.reading.read import NULL, read_any
from privacy.reading.repeats import KEPT, Drafted, Repeats, repeats
from privacy.reading.ties import ties
from privacy.schema.columns import MAX_WHOLE
from privacy.schema.schema import DRAFT_MARK, Csv

HEADER = f"""\
# THIS DRAFT WAS READ FROM PRIVATE ROWS. DO NOT PUBLISH IT, AND DO NOT RELEASE WITH IT AS IT IS.
#
# A schema may only say what is public. A category, a bound or a missing value that is copied from
# the rows gives people away, and no noise added later takes that back. Go through the columns:
#   * Every line marked "{DRAFT_MARK[2:]}" holds such a copy. Replace it by what
#     the documentation says, or by a natural range, or make sure that it is public; then take the
#     mark away. Do the same with the names of the columns and with the kinds, which are guesses.
#   * Delete what must not be modelled (and set surplus_columns: drop).
#   * Say who is protected (unit), what is to be predicted (targets) and whom the release must
#     serve (subgroups).
# When every value is confirmed, delete the line `draft:`. Until then the schema is refused.
"""

MISSING = ("", "?", "NA", "N/A", "NaN", "nan", "NULL", "null", "None")
"""Texts that usually stand for a missing value."""

DATE = "    kind: datetime"
IDENTIFIER = ["    kind: identifier  # a guess: nearly every row has its own"]

MOST_CATEGORIES = 50
MOST_NUMBER_CATEGORIES = 10
MOST_SPECIAL = 5
MOST_DECIMALS = 6

CODES = {
    "ATC": (r"[A-Z]\d\d[A-Z]{2}\d\d", [5, 4, 3, 1]),
    "ICD-10": (r"[A-Z]\d[0-9A-Z](\.?[0-9A-Z]{1,4})?", [3, 1]),
    "ICD-9": (r"(\d{3}|V\d\d|E\d{3})(\.\d{1,2})?", [3, 1]),
    "ZIP": (r"\d{5}(-\d{4})?", [3, 1]),
}
"""Well-known codes: how they are written, and the prefixes of a hierarchy."""
MOSTLY = 0.9
"""So many of the distinct texts have to be written so."""


def draft_schema(path: Path, form: Csv = Csv(), unit: str | None = None) -> str:  # noqa: B008 (frozen)
    """A schema as YAML, with every value read from private rows marked; see ``HEADER``.

    ``unit``: the column that names whoever is protected; guessed where it is left out. Raises DataError for a
    file that cannot be read as a table, InputError for one of pictures, or without that column.
    """
    if holds_arrays(path):
        raise InputError(
            f"{path}: a schema with pictures is written by hand, as configs/schemas/mnist.yaml is; only"
            " tables are drafted"
        )
    table = read_any(path, form)
    if table.num_rows == 0:
        raise DataError(f"{path}: no rows to draft a schema from")
    if unit is not None and unit not in table.column_names:
        raise InputError(f"{path}: has no column {unit!r}; it has {', '.join(table.column_names)}")
    stem = re.sub(r"[^a-z0-9_-]+", "_", path.name.lower().split(".")[0]).lstrip("0123456789_-")
    lines = [HEADER, "draft: unconfirmed", f"name: {_yaml(stem[:63] or 'draft')}"]
    lines += ["description: ''", "source: ''  # where each value below is published"]
    columns: dict[str, list[str]] = {}
    drafted: dict[str, Drafted] = {}
    dates: dict[str, dict[str, dt.datetime]] = {}
    for name in table.column_names:
        counts = pc.value_counts(table[name])
        texts = pd.Series(counts.field("values").to_pylist(), dtype=object)
        pointed = _pointed(texts) if form.decimal == "," else texts
        columns[name] = _column(pointed, np.asarray(counts.field("counts")))
        if any(line.startswith(DATE) for line in columns[name]):
            dates[name] = _times(texts)
        scale = _scale(columns[name], pointed, dates.get(name, {}))
        drafted[name] = _drafted(columns[name], dict(zip(texts, scale, strict=True)))
    found = repeats(table, drafted, unit)
    whose = unit or (found.unit if found and found.sure else None)
    if whose is not None:
        columns[whose] = ["    kind: identifier"]
        columns |= _counting(found, drafted) if found else {}
    lines += _whose(whose, found)
    if written := form.model_dump(exclude_defaults=True):
        lines += [f"csv: {_yaml(written)}"]
    lines += ["columns:"]
    for name, column in columns.items():
        lines += [f"  {_yaml(name)}:", *column]
    lines += ["targets: []", "subgroups: []"]
    modelled = [n for n in columns if drafted[n].kind != "identifier" and n != whose]
    absent = [*MISSING, NULL]
    tied = [
        f"#  - {_yaml(one)}  {DRAFT_MARK}" for one in ties(table.select(modelled), dates, absent)
    ]
    lines += ["# relations:", *tied] if tied else []
    lines += _visits(found) if found and whose else []
    lines += [""]
    return "\n".join(lines)


def _whose(unit: str | None, found: Repeats | None) -> list[str]:
    """Who is protected, and by how many rows."""
    if unit is None:
        lines = [
            "# unit: the identifier column that names the person, where a person has several rows"
        ]
        if found is not None:
            lines += [
                f"# is it {_yaml(found.unit)}? then draft again with --unit {_yaml(found.unit)}"
            ]
        return lines
    if found is None:  # named, and nobody has two rows
        return [f"unit: {_yaml(unit)}", "max_rows_per_unit: 1"]
    lines = [
        f"unit: {_yaml(unit)}  # whoever shares a value of it is protected as one  {DRAFT_MARK}"
    ]
    if found.enough < found.most:
        lines += [
            f"# noise grows with max_rows_per_unit; {found.enough} would keep {KEPT:.0%} of the rows  "
            f"{DRAFT_MARK}"
        ]
    return [*lines, f"max_rows_per_unit: {found.most}  {DRAFT_MARK}"]


def _counting(found: Repeats, drafted: Mapping[str, Drafted]) -> dict[str, list[str]]:
    """The columns that count or order rows and have few values: they are numbers, not categories."""
    few = {}
    for name in (*found.visits.get("numbered", ()), found.visits.get("order", found.unit)):
        if drafted[name].kind == "categorical" and name != found.unit:
            texts = pd.Series(list(drafted[name].scale), dtype=object)
            few[name] = _numeric(
                texts, np.array(list(drafted[name].scale.values())), [], len(texts)
            )
    return few


def _visits(found: Repeats) -> list[str]:
    """How the rows of a unit follow one another, as far as the rows show it."""
    lines = [
        f"visits:  # rows of one {found.unit} become a history; without it they are drawn as strangers"
    ]
    if not found.visits:
        lines = [lines[0].replace("visits:", "visits: {}", 1)]
    lines += [f"  {name}: {_yaml(value)}  {DRAFT_MARK}" for name, value in found.visits.items()]
    for name, (changing, several) in found.nearly.items():
        lines += [
            f"  # constant but for {changing} of {several} units with several rows: {_yaml(name)}; if it is "
            f"listed, the first row's value counts  {DRAFT_MARK}"
        ]
    if "order" not in found.visits:
        lines += [
            "  # order: no column puts the rows of a unit in order, so they stay as they stand"
        ]
    return lines


def _drafted(lines: list[str], scale: dict[str, float]) -> Drafted:
    """What ``repeats`` has to know of a column."""
    kind = lines[0].split()[1]
    gaps = any(line.strip().startswith("missing:") for line in lines)
    return Drafted(kind, {t: x for t, x in scale.items() if np.isfinite(x)}, gaps)


def _scale(
    lines: list[str], texts: pd.Series, times: dict[str, dt.datetime]
) -> list[float] | np.ndarray:
    """What the distinct texts of a column stand for: numbers, days, places in a list; NaN for none of them."""
    if times:
        whens = pd.to_datetime(texts.map(times), errors="coerce")
        return np.asarray((whens - pd.Timestamp(0)) / pd.Timedelta(days=1), dtype=float)
    if lines[0].split()[1] in ("integer", "float"):
        return np.asarray(numbers_in(texts))
    places = {}
    if "    categories:" in lines:
        kept = texts[~texts.isin([*MISSING, NULL])]
        if np.isfinite(numbers_in(kept)).all():
            return np.asarray(numbers_in(texts))
        places = {text: float(i) for i, text in enumerate(kept.iloc[_listed(kept)])}
    return [places.get(text, np.nan) for text in texts]


def _listed(texts: pd.Series) -> np.ndarray:
    """The order in which categories are listed: numbers first, by size."""
    numbers = numbers_in(texts)
    return np.lexsort((texts, np.where(np.isfinite(numbers), numbers, np.inf)))


def _pointed(texts: pd.Series) -> pd.Series:
    """The texts of a column of numbers whose decimals follow a comma, with points; of another as they are."""
    pointed = commas_to_points(pa.chunked_array([pa.array(texts, pa.string())])).to_pandas()
    finite = np.isfinite(numbers_in(pointed[~pointed.isin([*MISSING, NULL])]))
    is_numeric = finite.sum() > MOST_NUMBER_CATEGORIES and (~finite).sum() <= MOST_SPECIAL
    return pointed.astype(object) if is_numeric else texts


def _column(texts: pd.Series, counts: np.ndarray) -> list[str]:
    """The lines of one column, from its distinct texts and their counts."""
    missing = texts.isin([*MISSING, NULL]).to_numpy()
    kind = _kind(texts[~missing], int(counts[~missing].sum()))
    if missing.any():
        found = sorted(t for t in texts[missing] if t != NULL) or [""]
        kind = [*kind, "    missing: keep", f"    missing_values: {_yaml(found)}  {DRAFT_MARK}"]
    return kind


def _kind(texts: pd.Series, rows: int) -> list[str]:
    numbers = numbers_in(texts)
    finite = np.isfinite(numbers) & (np.abs(numbers) <= MAX_WHOLE)
    padded = texts.str.fullmatch(r"-?0\d+(\.\d+)?").to_numpy(dtype=bool)
    special = texts[~finite]
    if len(texts) > 1 and (dates := dates_in(list(texts), this_year())):
        return _datetime(dates)
    if finite.sum() > MOST_NUMBER_CATEGORIES and len(special) <= MOST_SPECIAL and not padded.any():
        return _numeric(texts[finite], numbers[finite], sorted(special), rows)
    if len(texts) == 0:
        return [
            "    kind: categorical",
            "    categories: null  # no row has a value: delete the column, or say what it may hold",
            "    other: (other)",
        ]
    if len(texts) <= MOST_CATEGORIES:
        values = [f"      - {_yaml(text)}  {DRAFT_MARK}" for text in texts.iloc[_listed(texts)]]
        return ["    kind: categorical", "    categories:", *values]
    if len(texts) > rows / 2:
        return IDENTIFIER
    return [
        "    kind: categorical",
        "    categories: null  # too many to list: the frequent ones are found under a charge",
        "    other: (other)",
        *_hierarchy(texts),
    ]


def _times(texts: pd.Series) -> dict[str, dt.datetime]:
    """The local time that each text of a column of dates says."""
    there = [t for t in texts if t not in (*MISSING, NULL)]
    dates = dates_in(there, this_year())
    return {} if dates is None else dict(zip(there, dates.times, strict=True))


def _hierarchy(texts: pd.Series) -> list[str]:
    """A hierarchy to choose, as a comment, for a column of well-known codes."""
    for what, (pattern, prefixes) in CODES.items():
        if texts.str.fullmatch(pattern).mean() >= MOSTLY:
            told = f"hierarchy: {{prefixes: {prefixes}}}"
            return [
                f"    # {told}  # {what}? then a rare code falls back to its parent, not to other"
            ]
    return []


def _numeric(texts: pd.Series, numbers: np.ndarray, special: list[str], rows: int) -> list[str]:
    whole = bool((numbers == np.round(numbers)).all())
    if whole and len(texts) == rows > MOST_CATEGORIES:
        return IDENTIFIER
    low, high = numbers.min(), numbers.max()
    bounds = [int(low), int(high)] if whole else [float(low), float(high)]
    lines = [
        f"    kind: {'integer' if whole else 'float'}",
        f"    bounds: {_yaml(bounds)}  {DRAFT_MARK}",
        "    out_of_range: clamp  # bins: none given, so they are measured under a charge",
    ]
    if not whole and (decimals := _decimals(numbers)) <= MOST_DECIMALS:
        lines += [f"    decimals: {decimals}  {DRAFT_MARK}"]
    return lines + ([f"    special: {_yaml(special)}  {DRAFT_MARK}"] if special else [])


def _decimals(numbers: np.ndarray) -> int:
    """Digits after the point that all numbers keep to; more than MOST_DECIMALS where there are none."""
    digits = range(MOST_DECIMALS + 1)
    return next((d for d in digits if (np.round(numbers, d) == numbers).all()), MOST_DECIMALS + 1)


def _datetime(dates: Dates) -> list[str]:
    midnight = dt.time()
    days = all(time.time() == midnight for time in dates.times)
    first, latest = min(dates.times), max(dates.times)
    last = latest.date() + dt.timedelta(days=latest.time() != midnight or latest == first)
    kind, form = DATE, dates.formats[0] if dates.formats else ""
    if form in DIGITS.values():
        kind += "  # whole numbers that look like dates, YYYYMMDD; if they are none: kind: integer"
    lines = [kind]
    if form:
        lines.append(f"    format: {_yaml(form)}{_asked(dates.formats)}")
    if dates.pivot is not None:
        last = min(last, dt.date(dates.pivot, 12, 31))
        span = f"{dates.pivot - 99} to {dates.pivot}"
        lines.append(f"    pivot: {dates.pivot}  # two-digit years are read as {span}; is that so?")
    lines.append(f"    bounds: {_yaml([first.date(), last])}  {DRAFT_MARK}")
    if dates.offsets:
        lines.append(
            "    # zone: which? texts carry an offset; without a zone (America/Chicago) the local time is"
            " kept and the offset left out"
        )
    return [
        *lines,
        f"    resolution: {'day' if days else 'second'}",
        "    out_of_range: clamp  # bins: none given, so they are measured under a charge",
    ]


def _asked(formats: tuple[str, ...]) -> str:
    """What a person has to know or to answer about a format."""
    form, *others = formats
    if others:
        return (
            f"  # which? every text fits {' and '.join(map(_yaml, others))} as well  {DRAFT_MARK}"
        )
    if re.match("%d[/.-]%m", form):
        return "  # the day first: some texts fit no other order"
    return (
        "  # the month first: some texts fit no other order" if re.match("%m[/.-]%d", form) else ""
    )


def this_year() -> int:
    """The year that the machine's clock says; two-digit years are at first read as not after it."""
    return dt.date.today().year


def _yaml(value: Any) -> str:
    """A value on one line of YAML."""
    dumped: str = yaml.safe_dump([value], default_flow_style=True, width=10**9, allow_unicode=True)
    return dumped.strip()[1:-1]
