"""A draft of a schema from private files, and what is to be told of how they were read.

Privacy claim: none, on purpose; see ``privacy.reading.draft``.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from privacy.dictionaries.document import document_in
from privacy.errors import InputError
from privacy.reading.draft import Draft, check_tables, draft_schema
from privacy.reading.guesses.form import form_of, form_of_all, has_mark
from privacy.reading.several.draft import draft_of_several
from privacy.reading.several.proposal import files_in
from privacy.schema.schema import Csv


def draft(
    data: Sequence[Path],
    form: Csv = Csv(),  # noqa: B008 (frozen)
    unit: str | None = None,
) -> Draft:
    """A draft for one table, or for several that belong together, or for a folder of them.

    ``unit``: the column that names whoever is protected; guessed where it is left out. Raises InputError for
    files that are not there or no tables, DataError for what is in them.
    """
    files = files_in(data)
    check_tables(files)
    for file in files:
        if document := document_in(file):
            raise InputError(f"{file}: is {document}, not rows; understudy schema from {file}")
    found = form_of(files[0], form) if len(files) == 1 else form_of_all(files, form)
    what = files[0] if len(files) == 1 else f"{len(files)} files"
    told = [
        f"{what}: read without a header, since its first line looks like one more row"
        if setting == "header"
        else f"{what}: read with {setting} {value!r}, as it seems to be written"
        for setting, value in found.model_dump(exclude_defaults=True).items()
        if value != getattr(form, setting)
    ]
    told += [
        f"{file}: begins with a byte-order mark, which is no part of the first name"
        for file in files
        if has_mark(file)
    ]
    one = len(files) == 1
    drafted = draft_schema(files[0], found, unit) if one else draft_of_several(files, found, unit)
    return Draft(drafted.text, (*told, *drafted.told))
