"""How a synthetic file is written: as the caller says, else by the schema's ``csv:``, else as most tools write.

A form is taken when the first line names a column of the schema under it. Which one it was, and which other
separator would do, is said; nothing else is guessed.

Privacy claim: none needed; synthetic rows are free to read.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

import pyarrow as pa
from pydantic import ValidationError

from privacy.errors import DataError, InputError, did_you_mean
from privacy.reading.folded import Unfolded, by_table, columns
from privacy.reading.read import (
    check_kind,
    first_line,
    is_typed,
    other_separator,
    read_any,
    with_points,
)
from privacy.reading.source import read_tables
from privacy.schema.mistakes.told import told
from privacy.schema.schema import Csv, Schema

STANDARD = Csv()


@dataclass(frozen=True, eq=False)
class Brought:
    """A synthetic file as texts, under the names of its own header, and the form that it was read in.

    ``unfolded``: of several tables, rows that no visit says.
    """

    path: Path
    texts: pa.Table
    form: Csv
    unfolded: tuple[Unfolded, ...] = ()

    def written(self) -> str:
        """How the file was read, in words; "" where that goes without saying."""
        if is_typed(self.path) or self.form == STANDARD:
            return ""
        said = self.form.model_dump(exclude_defaults=True)
        return "read with " + ", ".join(f"{n} {v!r}" for n, v in said.items())


def parse(said: Sequence[str]) -> Csv | None:
    """``separator=;,encoding=latin-1,decimal=,`` as a form; None where nothing is said.

    A comma parts two settings where a setting's name and = follow it. ``tab`` stands for a tab.
    """
    settings: dict[str, str] = {}
    for text in said:
        for setting in re.split(r",(?=[a-z]+=)", text):
            name, equals, value = setting.partition("=")
            if not equals or name not in Csv.model_fields:
                known = ", ".join(Csv.model_fields)
                near = did_you_mean(name, Csv.model_fields)
                raise InputError(f"--csv {text}: expected NAME=VALUE with a name of {known}{near}")
            is_tab = name == "separator" and value in ("tab", "\\t")
            settings[name] = "\t" if is_tab else value
    try:
        return Csv.model_validate(settings) if settings else None
    except ValidationError as error:
        raise InputError(f"--csv {told(error, settings, Csv)}") from None


def spelled(form: Csv) -> str:
    """The form as ``--csv`` takes it."""
    return _option(form.model_dump(exclude_defaults=True) or {"separator": form.separator})


def _option(settings: Mapping[str, Any]) -> str:
    said = {n: "tab" if v == "\t" else str(v) for n, v in settings.items()}
    return "--csv '" + ",".join(f"{n}={v}" for n, v in said.items()) + "'"


def _told(form: Csv, setting: str) -> str:
    """How a person says another setting than the form's."""
    return _option(form.model_dump(exclude_defaults=True) | {setting: "…"})


def releases(paths: Sequence[Path], schema: Schema) -> tuple[tuple[Path, ...], ...]:
    """The files of each release: one by one, but for tables that belong together, or a folder of them."""
    folders = [(p,) for p in paths if p.is_dir()]
    files = [p for p in paths if not p.is_dir()]
    together = by_table(files, schema)
    return (*folders, *([tuple(together.values())] if together else [(f,) for f in files]))


def bring_all(paths: Sequence[Path], schema: Schema, form: Csv | None) -> Brought:
    """Read one release; InputError where it has no column of the schema under any form that is allowed."""
    tables = by_table(paths, schema)
    if not tables:
        return bring(paths[0], schema, form)
    first = next(iter(tables.values()))
    taken = form or schema.csv
    if form is None and not is_typed(first):
        named = {*chain(*columns(schema, next(iter(tables))))}
        taken = schema.csv if named & {*first_line(first, schema.csv)} else STANDARD
    written = schema.model_copy(update={"csv": taken, "surplus_columns": "drop"})
    source = read_tables(tables, written)
    return Brought(paths[0], source.texts, taken, source.unfolded)


def bring(path: Path, schema: Schema, form: Csv | None) -> Brought:
    """Read one file; InputError where it has no column of the schema under any form that is allowed."""
    check_kind(path)
    if is_typed(path):
        texts = read_any(path, STANDARD)
        if not set(texts.column_names) & set(schema.modelled):
            raise InputError(f"{path}: has no column of the schema; give the right file")
        return Brought(path, texts, STANDARD)
    for allowed in (schema.csv, STANDARD) if form is None else (form,):
        taken, names = _taken(path, schema, allowed)
        if taken is not None:
            told = partial(_told, taken)
            texts = read_any(path, taken, names, told)
            known = schema.model_copy(update={"csv": taken})
            return Brought(path, with_points(path, texts, known, told), taken)
    raise InputError(_nothing(path, schema, form or schema.csv))


def _taken(path: Path, schema: Schema, form: Csv) -> tuple[Csv | None, tuple[str, ...]]:
    """The form and, of a file without a header, its names; None where the first line is not written so."""
    headed = form.model_copy(update={"header": True})
    try:
        first = first_line(path, headed)
    except (
        DataError
    ):  # a quoted header is not readable by another separator; said when no form is left
        return None, ()
    if set(first) & set(schema.modelled):
        return headed, ()
    if not form.header:
        for names in (tuple(schema.columns), schema.modelled):
            if len(first) == len(names) > 1:
                return form, names
    return None, ()


def _nothing(path: Path, schema: Schema, form: Csv) -> str:
    """Why the file could not be read, and what would help."""
    read = f"{path}: has no column of the schema, read with separator {form.separator!r}"
    if not form.header:
        return f"{read} and without a header; write one, or give a value for each column"
    if other := other_separator(path, form, schema.modelled):
        better = spelled(form.model_copy(update={"separator": other}))
        return f"{read}; with {other!r} there are some: say {better}"
    first = first_line(path, form)
    for name in schema.modelled:
        if near := alike(name, first):
            return f"{read}: it has {near!r} for {name!r}; rename its columns"
    return f"{read}: its first is {first[0][:40]!r}; give the right file, or say {_told(form, 'separator')}"


def alike(name: str, others: Sequence[str]) -> str:
    """Another name that differs by case and blanks alone; "" where there is none."""
    return next((o for o in others if o.strip().casefold() == name.strip().casefold()), "")
